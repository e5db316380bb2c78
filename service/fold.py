"""Folds the answers of a finished search by scene; prints nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from search.results import SearchResult
    from service.session import Service

SceneGrouping = Literal["none", "scene"]
"""Every answer, or one for each scene."""
NOT_FOLDED = (
    "Answers are not grouped by scene: the index has no image vectors of this embedder. Make them with: "
    "footage index FOLDER --tracks image"
)
"""Note of a result that stays as it is."""


def folded(service: Service, result: SearchResult, group: SceneGrouping) -> SearchResult:
    """A result with one answer for each scene, or as it is; loads no model.

    Without image vectors the result stays as it is, and a note says so.

    Raises:
        StoreError: the index cannot be read.
    """
    if group == "none" or not result.matches:
        return result
    from search.scene_groups import fold_scenes

    embedder = service.searched_image_embedder()
    if embedder is None:
        return replace(result, notes=(*result.notes, NOT_FOLDED))
    return fold_scenes(result, service.store(), embedder)
