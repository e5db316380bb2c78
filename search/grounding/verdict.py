"""Weighs the evidence for a moment: found, uncertain or not found, and which match comes first; asks nobody.

A model asked to find something always names a span, whether the thing is there or not. So what speaks for a
span is measured from several sides, each a number from 0 to 1: how sure the model was of its digits, whether
it names the same moment when the window is moved, what the captions say was there, and the shape of the span.
A logistic model makes a confidence of the numbers (see ``search.grounding.calibration``), and two thresholds
make a verdict of that.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from footage.core.timecode import clamp, format_time, iou, overlap_seconds
from footage.core.types import Answer, Hit, Match, Span, Verdict
from search.grounding.span_merge import Place, at_end, at_start
from search.grounding.window_queries import Reply
from search.query.lexical_match import agreed, clash, says, unsaid
from search.query.negation import affirms
from search.query.parser import Query

MODEL_MEASURES: dict[str, str] = {
    "start": "probability the model gave to the digits of the start",
    "end": "probability the model gave to the digits of the end",
    "shift": "mean IoU with what it named through other windows on the place: an invented span moves along",
    "inside": "1 unless the span runs to an edge of all its windows where the video goes on",
    "share": "share of its window that the span covers: over all of it says nothing",
}
"""What can be measured with the model alone."""
CAPTION_MEASURES: dict[str, str] = {
    "similarity": "cosine of the query and the caption of the event in the span",
    "said": "1 when that caption says every content word of the query in its order",
    "agreed": "share of the colours, directions, sides and the like that were asked for which it says, too",
    "clash": "1 when it says something else in place of what was asked (another colour, direction, side)",
    "elsewhere": "by how much a caption elsewhere in the video comes nearer to the query",
}
"""What the captions add; where they have nothing in the span, "elsewhere" alone."""

AGREEMENT_IOU = 0.3
"""A captioned event lies in a span from this IoU on. Half, the field's usual bar, would ask for more than two
witnesses with an error of a second each can give on an event of three seconds."""
SEES = 0.9
"""A window shows a place when it holds this share of it."""
UNKNOWN = 0.5
"""Stands for a measure that could not be taken: no probabilities, no second window on the place."""
WHOLE_WINDOW_SHARE = 0.9
"""A span over at least this share of its window is what a model answers when it does not know."""
NEAR = 0.5
"""A text whose similarity reaches this may mean what was asked; below it, it is about something else. Queries
on things that never occur in drawn footage reach 0.2 to 0.36, its paraphrases 0.5 and more."""
MATCHES_PER_VIDEO = 3
"""Most matches of one video that are not "found", so that a long video does not fill the list."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which confidence on a verdict is given."""

    found: float = 0.7
    """Least confidence of "found"."""
    not_found: float = 0.2
    """Confidence below which it is "not found"."""

    def verdict(self, confidence: float | None) -> Verdict:
        """What a confidence means; None, where the model was not asked, is always "uncertain"."""
        if confidence is None:
            return "uncertain"
        return (
            "found"
            if confidence >= self.found
            else "not found"
            if confidence < self.not_found
            else "uncertain"
        )


CAUTIOUS = Thresholds()
"""The thresholds unless a setting says otherwise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one place the model named."""

    place: Place
    """What it named, and through which windows."""
    others: tuple[Reply, ...]
    """Replies through other windows that show the place, whatever they named."""
    query: Query
    """What was asked for."""
    inside: tuple[Hit, ...] | None
    """The captioned events in the span, with their cosine to the query; None where nobody captioned it."""
    elsewhere: float = 0.0
    """Highest cosine of a captioned event that shares no time with the span."""

    @property
    def shown(self) -> Reply:
        """The reply to show: the surest of those that named the place."""
        return max(self.place.replies, key=lambda reply: (answer_score(reply), -reply.seen.start_seconds))

    @property
    def looks(self) -> list[Reply]:
        """What was said through all windows on the place but the one to show."""
        shown = self.shown
        return [reply for reply in (*self.place.replies, *self.others) if reply is not shown]

    @property
    def caption(self) -> Hit | None:
        """What the captions have in the span: of several events the one that says the query best."""
        return max(
            self.inside or (),
            key=lambda hit: (not self.against(hit.text), hit.similarity, iou(hit.span, self.place.span)),
            default=None,
        )

    @property
    def excluded(self) -> bool:
        """Whether a caption in the span says what the query excludes."""
        return any(says(words, hit.text) for hit in self.inside or () for words in self.query.without)

    def against(self, text: str) -> str:
        """What a caption says against the query, as in "white, not red"; empty for nothing."""
        unwanted = (" ".join(words) for words in self.query.negated if affirms(words, text))
        return next(unwanted, "") or clash(self.query.text, text)

    def measures(self) -> dict[str, float]:
        """The evidence in numbers: ``MODEL_MEASURES``, and ``CAPTION_MEASURES`` as far as captions go."""
        shown, span = self.shown, self.place.span
        start, end = digits(shown.answer) if shown.answer else (UNKNOWN, UNKNOWN)
        looks = self.looks
        told = {
            "start": start,
            "end": end,
            "shift": sum(_agreement(span, look) for look in looks) / len(looks) if looks else UNKNOWN,
            "inside": float(any(not at_start(reply) for reply in self.place.replies))
            * any(not at_end(reply) for reply in self.place.replies),
            "share": share(span, shown.seen),
        }
        caption = self.caption
        if caption is not None:
            told |= {
                "similarity": caption.similarity,
                "said": float(not unsaid(self.query.words, caption.text)),
                "agreed": agreed(self.query.text, caption.text),
                "clash": float(bool(self.against(caption.text))),
                "elsewhere": self.elsewhere - max(caption.similarity, 0.0),
            }
        elif self.inside is not None:
            told["elsewhere"] = self.elsewhere
        return {name: round(min(max(value, 0.0), 1.0), 4) for name, value in told.items()}

    def told(self) -> tuple[str, ...]:
        """The evidence in sentences, for people."""
        shown, place, caption = self.shown, self.place, self.caption
        lines = []
        if self.inside is not None and caption is None:
            lines.append("The captions have nothing there.")
        if caption is not None:
            lines.append(f'The captions have "{caption.text}" at {clock(caption.span)}.')
            if other := self.against(caption.text):
                lines.append(f"It says {other}.")
            elif missing := unsaid(self.query.words, caption.text):
                lines.append(f'It does not say "{missing}".')
        if shown.answer is not None:
            start, end = digits(shown.answer)
            sure = f" (start {start:.0%}, end {end:.0%} sure)" if shown.answer.token_logprobs else ""
            lines.append(f"Asked about {clock(shown.seen)}, the model named {clock(shown.span)}{sure}.")
        looks = self.looks
        if looks:
            agreed = sum(_agreement(place.span, look) >= AGREEMENT_IOU for look in looks)
            lines.append(
                f"Through {_windows(len(looks))} it named that moment {agreed} of {len(looks)} times."
            )
        if share(place.span, shown.seen) >= WHOLE_WINDOW_SHARE:
            lines.append("The span covers the whole window, which says little.")
        return tuple(lines)


def evidence_for(
    place: Place,
    replies: Iterable[Reply],
    query: Query,
    captions: Sequence[Hit] | None,
    *,
    rivals: Iterable[Place] = (),
) -> Evidence:
    """Gather what is known about a place.

    Args:
        place: The place.
        replies: All replies about its video; those that show the place count.
        query: What was asked for.
        captions: The video's captioned events with their cosine to the query; None for no captions.
        rivals: Places named through several windows: that a window named one of them, and not this one, says
            nothing, as a find answers with one span even where the same happens twice.
    """
    elsewhere = {id(reply) for rival in rivals if rival is not place for reply in rival.replies}
    named = {id(reply) for reply in place.replies}
    others = tuple(
        reply
        for reply in replies
        if overlap_seconds(reply.seen, place.span) >= SEES * place.span.duration_seconds
        and reply.answer is not None
        and id(reply) not in named
        and id(reply) not in elsewhere
    )
    if captions is None:
        return Evidence(place, others, query, None)
    apart = (hit.similarity for hit in captions if overlap_seconds(hit.span, place.span) == 0)
    inside = tuple(hit for hit in captions if iou(hit.span, place.span) >= AGREEMENT_IOU)
    return Evidence(place, others, query, inside, max(apart, default=0.0))


def confirmed(places: Iterable[Place]) -> list[Place]:
    """The places that more than one window named."""
    return [place for place in places if len(place.replies) > 1]


def digits(answer: Answer) -> tuple[float, float]:
    """Probabilities of the two numbers of a find answer, each the product over its tokens.

    ``UNKNOWN`` where the backend tells no probabilities, or there is no such number.
    """
    if answer.token_logprobs is None or answer.token_texts is None:
        return UNKNOWN, UNKNOWN
    ends, text = [], ""
    for piece in answer.token_texts:
        text += piece
        ends.append(len(text))
    found = []
    for number in _NUMBER.finditer(text):
        logprobs = (
            logprob
            for piece, end, logprob in zip(answer.token_texts, ends, answer.token_logprobs, strict=True)
            if end > number.start() and end - len(piece) < number.end()
        )
        found.append(math.exp(sum(logprobs)))
    start, end, *_ = [*found, UNKNOWN, UNKNOWN]
    return start, end


def answer_score(reply: Reply) -> float:
    """How much an answer is worth on its own, 0 to 1: how sure its digits are, less where it covers all."""
    if reply.answer is None or reply.span is None:
        return 0.0
    start, end = digits(reply.answer)
    return start * end * (0.5 if share(reply.span, reply.seen) >= WHOLE_WINDOW_SHARE else 1.0)


def share(span: Span, window: Span) -> float:
    """Share of a window that a span covers, 0 to 1."""
    return overlap_seconds(span, window) / window.duration_seconds if window.duration_seconds else 0.0


def rank(
    matches: Iterable[tuple[Match, float]], *, limit: int, per_video: int = MATCHES_PER_VIDEO
) -> list[Match]:
    """Order matches and cut the list: what is found, video by video and in time order, then all others.

    Videos, and what is not found, go by what comes with each match, best first; ties by content id, then
    start, then end. Of what is not found there are at most ``per_video`` of one video.
    """
    pairs = [(match, -round(order, 6)) for match, order in matches]
    found = [(match, order) for match, order in pairs if match.verdict == "found"]
    best: dict[str, float] = {}
    for match, order in found:
        best[match.video.content_id] = min(order, best.get(match.video.content_id, order))
    found.sort(key=lambda pair: (best[pair[0].video.content_id], pair[0].video.content_id, pair[0].span))
    kept = [match for match, _ in found]
    count: Counter[str] = Counter()
    for match, _ in sorted(pairs, key=lambda pair: (pair[1], pair[0].video.content_id, pair[0].span)):
        if match.verdict != "found" and count[match.video.content_id] < per_video:
            count[match.video.content_id] += 1
            kept.append(match)
    return kept[:limit]


def clock(span: Span | None) -> str:
    """A span as clock readings."""
    if span is None:
        return "no usable time"
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"


def _agreement(span: Span, look: Reply) -> float:
    """IoU of a place and what another window named, as far as that window sees."""
    seen = clamp(span, look.seen)
    return iou(seen, look.span) if seen and look.span else 0.0


def _windows(count: int) -> str:
    return "another window" if count == 1 else f"{count} other windows"
