"""Weighs the evidence for a match: found, uncertain or not found, and which match comes first; asks nobody.

Two witnesses speak about a moment. The index says what was seen there, before anybody asked; the model, asked
for the query in a window, names a span. The second never says "not here": it names a span for anything. So it
counts only where it agrees with the first, and neither alone makes "found". The thresholds are plain first
choices, not calibrated probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from footage.timecode import format_time, iou
from footage.types import Match, Span, Verdict, Window
from footage.vlm.protocol import Answer

AGREEMENT_IOU = 0.3
"""The model's span and the indexed event's agree from this IoU on. Half, the field's usual bar, would ask for
more than two witnesses with an error of a second each can give on an event of three seconds."""
FOUND_SCORE = 0.75
"""Least score of a text that can make "found"; its words are compared besides."""
NOT_FOUND_SCORE = 0.4
"""Below this score the nearest text is about something else: queries on things that never occur in drawn
footage score 0.2 to 0.36, its paraphrases 0.5 and more."""
AGREEMENT_BONUS = 0.02
"""What full agreement (IoU 1) adds to a score when matches are ordered: enough to decide between videos of
(almost) the same words; with ``SIGHTINGS_BONUS`` still too little to lift "from right to left" above "from
left to right" (0.04 apart)."""
SIGHTINGS_BONUS = 0.01
"""What a second window that captioned the same event adds: each window is captioned without the others."""
WHOLE_WINDOW_SHARE = 0.9
"""A span over at least this share of its window tells little: it is what a model answers when it does not
know."""
UNKNOWN_CONFIDENCE = 0.5
"""Stands for the confidence of an answer whose backend tells no probabilities."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one moment."""

    score: float
    """How near the indexed text comes to the query, 0 to 1 (see ``search.retrieve``)."""
    indexed: Span | None
    """When the indexed event happens, in video time; None when the text describes a scene, not a moment."""
    answered: Span | None
    """The span the model named, in video time; None when it was not asked or not understood."""
    unsaid: str = ""
    """What the query asks for and the text does not say (see ``search.wording``); empty when it says all."""
    sightings: int = 1
    """How many windows' captions have the indexed event."""

    @property
    def agree(self) -> bool:
        """Whether index and model name the same moment."""
        return self.overlap >= AGREEMENT_IOU

    @property
    def overlap(self) -> float:
        """IoU of what index and model name; 0 where one of them names nothing."""
        if self.indexed is None or self.answered is None:
            return 0.0
        return iou(self.indexed, self.answered)

    @property
    def bonus(self) -> float:
        """What the evidence beside the words adds to the score when matches are ordered."""
        return AGREEMENT_BONUS * self.overlap * self.agree + SIGHTINGS_BONUS * (self.sightings > 1)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a moment.

    =============  ===================================================================================
    found          the text says what the query says (``FOUND_SCORE``, and no word of it ``unsaid``), and
                   index and model name the same moment
    not found      no text comes near the query (below ``NOT_FOUND_SCORE``)
    uncertain      everything else, so always where the model was not asked or not understood
    =============  ===================================================================================
    """
    if evidence.answered is None:
        return "uncertain"
    if evidence.score < NOT_FOUND_SCORE:
        return "not found"
    said = evidence.score >= FOUND_SCORE and not evidence.unsaid
    return "found" if said and evidence.agree else "uncertain"


def chosen_span(evidence: Evidence, window: Span) -> Span:
    """Which span to answer with.

    The model's, as it was asked for exactly this; where it was not asked or not understood, the indexed one
    (a scene's is its window). Also where the two disagree, with one exception: a span over the whole window
    says nothing, so the indexed event's stands.
    """
    if evidence.answered is None:
        return evidence.indexed or window
    if evidence.indexed is not None and not evidence.agree and covers(evidence.answered, window):
        return evidence.indexed
    return evidence.answered


def covers(span: Span, window: Span) -> bool:
    """Whether a span takes up (almost) the whole window."""
    return span.duration_seconds >= WHOLE_WINDOW_SHARE * window.duration_seconds


def confidence(answer: Answer) -> float | None:
    """Geometric mean of the probabilities of an answer's tokens; None where the backend does not tell."""
    if not answer.token_logprobs:
        return None
    return math.exp(sum(answer.token_logprobs) / len(answer.token_logprobs))


def answer_score(answer: Answer, span: Span, window: Span) -> float:
    """How much an answer is worth on its own, 0 to 1.

    Its confidence, halved when it covers the whole window.
    """
    sure = confidence(answer)
    return round((UNKNOWN_CONFIDENCE if sure is None else sure) * (0.5 if covers(span, window) else 1.0), 6)


def describe(evidence: Evidence, text: str, window: Window | None, answer: Answer | None) -> tuple[str, ...]:
    """The evidence in sentences, for people."""
    lines = []
    if text and evidence.indexed is not None:
        lines.append(f'The index has "{text}" at {clock(evidence.indexed)}.')
    elif text:
        lines.append(f'The index has "{text}" as a scene.')
    if text and evidence.unsaid:
        lines.append(f'It does not say "{evidence.unsaid}".')
    if window is None or answer is None:
        return tuple(lines)
    if evidence.answered is None:
        lines.append(f"Asked about {clock(window.span)}, the model named no usable time.")
        return tuple(lines)
    sure = confidence(answer)
    surely = "" if sure is None else f" (mean token probability {sure:.2f})"
    lines.append(f"Asked about {clock(window.span)}, the model named {clock(evidence.answered)}{surely}.")
    if evidence.indexed is not None:
        lines.append(f"The two {'agree' if evidence.agree else 'disagree'}: IoU {evidence.overlap:.2f}.")
    if covers(evidence.answered, window.span):
        lines.append("The span covers the whole window, which says little.")
    return tuple(lines)


def rank(matches: Iterable[tuple[Match, float]], *, limit: int, per_video: int) -> list[Match]:
    """Order matches by verdict ("found" before all others), then by what comes with each, and cut the list.

    Ties by content id, then start, then end. At most ``per_video`` of one video, so that a long video does
    not fill the list.
    """
    ordered = sorted(
        matches,
        key=lambda pair: (
            pair[0].verdict != "found",
            -round(pair[1], 6),
            pair[0].video.content_id,
            pair[0].span,
        ),
    )
    return _at_most(per_video, [match for match, _ in ordered])[:limit]


def clock(span: Span) -> str:
    """A span as clock readings."""
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"


def _at_most(per_video: int, matches: Sequence[Match]) -> list[Match]:
    kept: list[Match] = []
    for match in matches:
        if sum(other.video.content_id == match.video.content_id for other in kept) < per_video:
            kept.append(match)
    return kept
