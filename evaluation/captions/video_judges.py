"""Opens judges of videos, and keeps their votes, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from footage.core.atomic import whole_file
from footage.core.errors import UsageError
from footage.core.types import Video
from search.claims.judges import AskingJudge, GroundingJudge
from search.claims.records import Claim, ClaimJudge, Vote
from search.grounding.window_queries import EventFinder
from service.events import Listener, ignore
from service.session import Loaders, Service

if TYPE_CHECKING:
    from footage.core.config import Settings

FORM = 1
"""Raised when what a key is made of, or what a file holds, changes."""
_VOTES = TypeAdapter(list[Vote])


class KeepingJudge:
    """A judge of videos whose votes are kept in a folder, by video, judge and claims."""

    def __init__(self, judge: ClaimJudge, folder: Path) -> None:
        """Take a judge and a folder, which is made with the first votes, for its owner alone."""
        self._judge, self._folder = judge, folder

    @property
    def name(self) -> str:
        """That of the judge."""
        return self._judge.name

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """As ``ClaimJudge``; votes on the same claims about the same content are not asked for again.

        Votes with a problem are not kept: the next run asks again.

        Raises:
            ModelError: when the model fails as a whole.
            FootageError: when votes cannot be written.
        """
        place = self._folder / f"{self._key(video, claims)}.json"
        kept = _read(place)
        if kept is not None and len(kept) == len(claims):
            return kept
        votes = self._judge.check(video, path, claims)
        if not any(vote.problem for vote in votes):
            with whole_file(place) as partial:
                partial.write_bytes(_VOTES.dump_json(votes))
        return votes

    def _key(self, video: Video, claims: Sequence[Claim]) -> str:
        parts = [FORM, self.name, video.content_id, [asdict(claim) for claim in claims]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def open_video_judges(
    settings: Settings,
    names: Sequence[str],
    *,
    loaders: Loaders | None = None,
    on_event: Listener = ignore,
) -> list[ClaimJudge]:
    """One judge for each model; a model that finds events judges by grounding, another one by answers.

    Args:
        settings: All but the model; votes are kept in its cache folder.
        names: Models as the setting ``model`` takes them: a name, or an address with a model.
        loaders: How models are made; as the settings say when None.
        on_event: Receives that models are being loaded.

    Raises:
        UsageError: when a model can neither find events nor answer questions, or is named twice.
        FootageError: when a model cannot be loaded.
    """
    judges: list[ClaimJudge] = []
    for name in names:
        judge = KeepingJudge(_opened(settings, name, loaders, on_event), settings.cache_dir / "video-judges")
        if judge.name in [each.name for each in judges]:
            raise UsageError(f"{judge.name} would judge twice.", hint="Name each model once.")
        judges.append(judge)
    return judges


def _opened(settings: Settings, name: str, loaders: Loaders | None, on_event: Listener) -> ClaimJudge:
    """The judge of one model, in a session of its own."""
    changes: dict[str, object] = {"model": name, "find_model": "", "find_model_path": None}
    if name != settings.model:
        changes["model_path"] = None
    service = Service(settings.model_copy(update=changes), loaders=loaders)
    service.check_model(on_event=on_event)
    model, seconds = service.model(on_event), settings.decode_timeout_seconds
    skills = model.profile.skills
    if "find" in skills:
        return GroundingJudge(
            EventFinder(model, timeout_seconds=seconds),
            caption_model=model if "caption" in skills else None,
            embedder=service.embedder(on_event),
            options=service.looking(),
            timeout_seconds=seconds,
        )
    if "ask" not in skills:
        raise UsageError(
            f"{model.profile.name} cannot judge: it neither finds events nor answers questions.",
            hint="`footage models` lists what each model can do.",
        )
    return AskingJudge(model, timeout_seconds=seconds)


def _read(place: Path) -> list[Vote] | None:
    """The votes in a file; None where it is not there or cannot be read."""
    try:
        return _VOTES.validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return None
