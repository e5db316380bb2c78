"""Keeps the votes of judges of videos, so that a stopped run continues where it was; loads no model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evaluation.kept_files import KeptFiles, key_of
from footage import __version__
from footage.core.types import Video
from search.claims.records import Claim, ClaimJudge, Vote

logger = logging.getLogger(__name__)
FORM = 2
"""Raised when the parts of a key, or the content of a file, change."""
_VOTES = TypeAdapter(list[Vote])


class KeepingJudge:
    """A judge of videos whose votes are kept in a folder, by video, judge and claims."""

    def __init__(self, judge: ClaimJudge, folder: Path, *, setup: str = "") -> None:
        """Take a judge.

        Args:
            judge: The judge.
            folder: Folder of the votes.
            setup: Everything else that the votes depend on, such as the options of the judge.
        """
        self._judge, self._kept, self._setup = judge, KeptFiles(folder), setup

    @property
    def name(self) -> str:
        """Name of the judge."""
        return self._judge.name

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """As ``ClaimJudge``; votes on the same claims about the same content are not asked for again.

        Votes with a problem are not kept: the next run asks again.

        Raises:
            ModelError: when the model fails as a whole.
            FootageError: when votes cannot be written.
        """
        key = self._key(video, claims)
        kept = self._votes(key)
        if kept is not None and len(kept) == len(claims):
            return kept
        votes = self._judge.check(video, path, claims)
        if not any(vote.problem for vote in votes):
            self._kept.put(key, _VOTES.dump_json(votes))
        return votes

    def _key(self, video: Video, claims: Sequence[Claim]) -> str:
        asked = [asdict(claim) for claim in claims]
        return key_of(FORM, __version__, self._setup, self.name, video.content_id, asked)

    def _votes(self, key: str) -> list[Vote] | None:
        """The votes under a key; None where there are none, or where they are damaged."""
        content = self._kept.get(key)
        try:
            return None if content is None else _VOTES.validate_json(content)
        except ValidationError:
            logger.warning("the kept votes %s cannot be read, and are asked for again", key)
            return None
