"""Shows clips to judges of videos and asks them about the claims of both sides; knows no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evaluation.captions.drafts import majority
from evaluation.captions.relations import JudgedClip, JudgedItem
from footage.core.errors import VideoError
from footage.core.types import Video
from search.claims.records import Claim, ClaimJudge, ClaimKind, Vote

Probe = Callable[[Path], Video]
"""Reads what a file is (see ``footage.media.sandbox.probe``)."""


def watch_clips(
    clips: Sequence[JudgedClip],
    places: Mapping[str, Path],
    judges: Sequence[ClaimJudge],
    *,
    probe: Probe,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[JudgedClip]:
    """Let judges of videos rule on every claim of both sides.

    A file that cannot be used gives claims without a ruling, with the reason in the votes.

    Args:
        clips: Judged clips; those with a problem stay as they are.
        places: File of each clip, by the clip's id; a clip without one is left as it is.
        judges: The judges of videos.
        probe: Reads what a file is.
        on_progress: Called after each clip with ("watching", done, in all).

    Raises:
        ModelError: when a model fails as a whole.
    """
    watched = []
    for number, clip in enumerate(clips, start=1):
        path = places.get(clip.id)
        watched.append(clip if clip.problem or path is None else _watched(clip, path, judges, probe))
        if on_progress:
            on_progress("watching", number, len(clips))
    return watched


def _watched(clip: JudgedClip, path: Path, judges: Sequence[ClaimJudge], probe: Probe) -> JudgedClip:
    items = (*clip.reference, *clip.predicted)
    kind: ClaimKind = "action" if clip.aspect == "events" else "object"
    claims = [Claim(item.text, kind, item.span) for item in items]
    by_judge = [_votes(judge, path, claims, probe) for judge in judges]
    ruled = [_ruled(item, tuple(votes)) for item, *votes in zip(items, *by_judge, strict=True)]
    count = len(clip.reference)
    return replace(clip, reference=tuple(ruled[:count]), predicted=tuple(ruled[count:]))


def _votes(judge: ClaimJudge, path: Path, claims: list[Claim], probe: Probe) -> list[Vote]:
    if not claims:
        return []
    try:
        return judge.check(probe(path), str(path), claims)
    except VideoError as error:
        return [Vote(judge.name, None, problem=str(error))] * len(claims)


def _ruled(item: JudgedItem, votes: tuple[Vote, ...]) -> JudgedItem:
    return replace(item, seen=votes, ruling=majority([vote.ruling for vote in votes], "not visible"))
