"""Audits drawn footage with errors planted in its true entries: what is found, and what falsely."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.error_rate import JudgeAccuracy, corrected_error_rate, raw_error_rate
from evaluation.intervals import FigureInterval, share_interval
from evaluation.own_library import indexed_contents
from evaluation.suites.corrupted import PLANTED, CorruptedClip, Planted, PlantedEntry, corrupt
from evaluation.suites.drawn import drawn_index
from evaluation.suites.scoring import OnProgress, nobody, work_folder
from footage.core.timecode import iou
from footage.core.types import CaptionEvent, Span
from search.claims.check import RIGHT_IOU, check_video
from search.claims.grounding_judge import GroundingJudge
from search.claims.records import CheckedEntry, CheckedVideo, ClaimError
from search.claims.variants import same_event
from search.grounding.options import DEFAULT, GroundingOptions
from search.grounding.window_queries import EventFinder

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.vlm.protocol import VideoModel

RATE = 0.08
"""Share of the events that get an error of each kind."""
VIDEOS = 12
"""Clips of a run."""
NEAR_SECONDS = 2.0
"""A time that was moved by this or less is counted by itself, too."""


ACCURACY: dict[tuple[str, str], JudgeAccuracy] = {}
"""Counts of the audit by the models that caption and find."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The audit of one clip, beside what was planted in it."""

    clip: CorruptedClip
    checked: CheckedVideo

    def pairs(self) -> list[tuple[PlantedEntry, CheckedEntry]]:
        """Each entry with what the audit says of it."""
        return list(zip(self.clip.entries, self.checked.entries, strict=True))


def evaluate_audit(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    find_model: VideoModel | None = None,
    videos: int = VIDEOS,
    rate: float = RATE,
    accuracy: JudgeAccuracy | None = None,
    options: GroundingOptions = DEFAULT,
    anew: bool = False,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Index drawn clips, plant errors in their true entries, and audit them.

    Args:
        model: Captions the clips.
        embedder: Embeds captions and claims.
        seed: Which clips, and which errors.
        find_model: Grounds the claims; the same model when None.
        videos: How many clips.
        rate: Share of the events that get an error of each kind.
        accuracy: Of the audit on other seeds, to correct the share of entries with an error; None to leave
            that out.
        options: Calibration and thresholds.
        anew: Caption the clips anew in other windows, in place of taking the captions of the index.
        folder: Where clips, index and answers are kept; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        For each kind of planted error: how many were planted, the share found with the right kind
        (``recall``) and found at all (``noticed``), with exact intervals, and the precision of the errors
        reported as that kind. Overall: precision, the share of untouched entries with an error reported, the
        share of entries with an error as planted, raw and corrected, and the counts behind ``accuracy``.

    Raises:
        FootageError: when a clip cannot be indexed or the model fails.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    with work_folder(folder) as root:
        # 1. Draw, index, corrupt.
        clips, store = drawn_index(
            model, embedder, seed=seed, videos=videos, folder=Path(root), on_progress=report
        )
        corrupted = corrupt(clips, seed=seed, rate=rate)
        contents = indexed_contents((), store)
        known = store.videos.all()
        # 2. Audit.
        finder = EventFinder(find_model or model, annotations=store.annotations)
        judge = GroundingJudge(finder, caption_model=model, embedder=embedder, options=options)
        outcomes = []
        for number, clip in enumerate(corrupted, start=1):
            video = known[contents[clip.path]]
            events = store.events.of(video.content_id)
            seen = None if anew else [CaptionEvent(each.span, each.text) for each in events]
            entries = [each.entry for each in clip.entries]
            outcomes.append(_Outcome(clip, check_video(video, clip.path, entries, [judge], seen=seen)))
            report("auditing", number, len(corrupted))
    # 3. Score.
    return {
        **audit_figures(outcomes, accuracy),
        "videos": videos,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
    }


def audit_figures(outcomes: Sequence[_Outcome], accuracy: JudgeAccuracy | None) -> dict[str, Any]:
    """The figures of ``evaluate_audit``."""
    pairs = [pair for outcome in outcomes for pair in outcome.pairs()]
    flagged = [(planted, errors_in(checked)) for planted, checked in pairs]
    figures: dict[str, Any] = {}
    # 1. By kind of planted error.
    for kind in PLANTED:
        figures |= _missing_figures(outcomes) if kind == "missing" else _kind_figures(kind, flagged)
    near = [(p, e) for p, e in flagged if 0 < p.moved_seconds <= NEAR_SECONDS]
    figures |= _share("time_recall_near", [_is_right(p, e) for p, e in near])
    # 2. Overall.
    reported = [error.kind in planted.kinds for planted, errors in flagged for error in errors]
    reported += [_is_planted(error, outcome) for outcome in outcomes for error in outcome.checked.missing]
    figures |= _share("precision", reported)
    untouched = [bool(errors) for planted, errors in flagged if planted.planted is None]
    touched = [bool(errors) for planted, errors in flagged if planted.planted is not None]
    figures |= _share("false_alarms", untouched)
    # 3. The share of entries with an error.
    videos = [
        (sum(bool(errors_in(checked)) for _, checked in outcome.pairs()), len(outcome.clip.entries))
        for outcome in outcomes
    ]
    figures["planted_rate"] = round(len(touched) / len(flagged), 4)
    figures |= _interval("raw_rate", raw_error_rate(videos))
    if accuracy is not None:
        corrected = corrected_error_rate(videos, accuracy)
        figures |= _interval("corrected_rate", corrected)
        figures["planted_rate_inside"] = figures["planted_rate"] in corrected
    figures |= {
        "entries": len(flagged),
        "entries_unchecked": sum(not checked.is_checked for _, checked in pairs),
        "with_error": len(touched),
        "with_error_found": sum(touched),
        "without_error": len(untouched),
        "without_error_alarms": sum(untouched),
    }
    return figures


def errors_in(checked: CheckedEntry) -> list[ClaimError]:
    """The errors of an entry that most judges see."""
    return [error for error in checked.errors if error.is_consensus]


def _kind_figures(
    kind: Planted, flagged: Sequence[tuple[PlantedEntry, list[ClaimError]]]
) -> Mapping[str, Any]:
    own = [(planted, errors) for planted, errors in flagged if planted.planted == kind]
    figures = _share(f"{kind}_recall", [_is_right(*pair) for pair in own])
    return figures | {
        f"{kind}_noticed": round(sum(bool(errors) for _, errors in own) / len(own), 4) if own else None,
        f"{kind}_planted": len(own),
        **_share(
            f"{kind}_precision",
            [
                error.kind in planted.kinds
                for planted, errors in flagged
                for error in errors
                if error.kind in _REPORTED_AS[kind]
            ],
        ),
    }


def _missing_figures(outcomes: Sequence[_Outcome]) -> Mapping[str, Any]:
    found = [
        any(
            _is_about(error, Span(event.start_seconds, event.end_seconds), event.sentence)
            for error in outcome.checked.missing
        )
        for outcome in outcomes
        for event in outcome.clip.missing
    ]
    right = [_is_planted(error, outcome) for outcome in outcomes for error in outcome.checked.missing]
    return {
        **_share("missing_recall", found),
        "missing_planted": len(found),
        **_share("missing_precision", right),
    }


_REPORTED_AS: Mapping[Planted, tuple[str, ...]] = {
    "colour": ("attribute",),
    "where": ("action", "attribute"),
    "object": ("object",),
    "time": ("time",),
    "invented": ("invented",),
}
"""Kinds of error that a planted one is reported as."""


def _is_right(planted: PlantedEntry, errors: Sequence[ClaimError]) -> bool:
    return any(error.kind in planted.kinds for error in errors)


def _is_planted(error: ClaimError, outcome: _Outcome) -> bool:
    """Whether an event reported as missing was taken out."""
    return any(
        _is_about(error, Span(event.start_seconds, event.end_seconds), event.sentence)
        for event in outcome.clip.missing
    )


def _is_about(error: ClaimError, span: Span, text: str) -> bool:
    return (
        error.span is not None and iou(error.span, span) >= RIGHT_IOU and same_event(error.suggestion, text)
    )


def _share(name: str, hits: Sequence[bool]) -> dict[str, Any]:
    """A share, with its exact interval; None for none."""
    if not hits:
        return {name: None}
    return _interval(name, share_interval(sum(hits), len(hits)))


def _interval(name: str, interval: FigureInterval) -> dict[str, Any]:
    return {
        name: round(interval.value, 4),
        f"{name}_interval": [round(interval.low, 4), round(interval.high, 4)],
    }
