"""Gathers the evidence for a span that the model named, as measures from 0 to 1 and as sentences for people.

A model asked to find something always names a span, whether it is there or not. So the evidence is measured
in several ways: how sure the model was of its digits, whether it names the same moment in a moved window,
what the captions have there, and the shape of the span. ``search.grounding.calibration`` turns the measures
into a confidence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from footage.core.timecode import clamp, format_time, iou, overlap_seconds
from footage.core.types import Answer, Hit, Span
from footage.vlm.contract import video_span
from search.grounding.pictures import VideoPictures
from search.grounding.span_merge import NamedSpan, at_end, at_start
from search.grounding.window_queries import Reply
from search.query.lexical_match import agreed, clash, says, unsaid
from search.query.negation import affirms
from search.query.parser import Query

MODEL_MEASURES: dict[str, str] = {
    "start": "probability of the digits of the start time, by the model",
    "end": "probability of the digits of the end time, by the model",
    "shift": "mean IoU with the spans from other windows at the same place: an invented span moves with the "
    "window",
    "inside": "0 if the span reaches the edge of all its windows although the video continues, else 1",
    "share": "share of the window covered by the span: a full window is no evidence",
}
"""The measures that need the model alone."""
CAPTION_MEASURES: dict[str, str] = {
    "similarity": "cosine of the query and the caption of the event in the span",
    "said": "1 if that caption contains all content words of the query in the same order",
    "agreed": "share of the colours, directions, sides and similar details of the query that the caption "
    "contains",
    "clash": "1 if the caption contradicts the query (another colour, direction or side)",
    "elsewhere": "additional similarity of the best caption elsewhere in the video",
}
"""The measures that captions add; without a captioned event in the span, "elsewhere" alone."""

AGREEMENT_IOU = 0.3
"""Least IoU of a captioned event that lies in a span. Half, the usual threshold, is more than two observers
with an error of one second each can reach on an event of three seconds."""
SEES = 0.9
"""A window shows a span when it holds this share of it."""
UNKNOWN = 0.5
"""Value of a measure that could not be taken: no probabilities, no second window on the span."""
WHOLE_WINDOW_SHARE = 0.9
"""A span over at least this share of its window is a model's answer when it does not know."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for one span that the model named."""

    named: NamedSpan
    """The span, and the replies that named it."""
    others: tuple[Reply, ...]
    """Replies through other windows that show the span, whatever they named."""
    query: Query
    """The query."""
    inside: tuple[Hit, ...] | None
    """The captioned events in the span, with their cosine to the query; None without captions."""
    elsewhere: float = 0.0
    """Highest cosine of a captioned event that shares no time with the span."""
    pictures: VideoPictures | None = None
    """The pictures of the video; None without image vectors."""
    wrong: tuple[Hit, ...] = ()
    """Captioned events in the span that an audit found wrong: no evidence, and not in ``inside``."""

    @property
    def shown(self) -> Reply:
        """The reply to show: the one with the highest ``answer_score`` of those that named the span."""
        return max(self.named.replies, key=lambda reply: (answer_score(reply), -reply.seen.start_seconds))

    @property
    def other_replies(self) -> list[Reply]:
        """The replies through all windows on the span, without the one to show."""
        shown = self.shown
        return [reply for reply in (*self.named.replies, *self.others) if reply is not shown]

    @property
    def caption(self) -> Hit | None:
        """The captioned event in the span that matches the query best."""
        return max(
            self.inside or (),
            key=lambda hit: (not self.against(hit.text), hit.similarity, iou(hit.span, self.named.span)),
            default=None,
        )

    @property
    def excluded(self) -> bool:
        """Whether a caption in the span names what the query excludes."""
        return any(says(words, hit.text) for hit in self.inside or () for words in self.query.without)

    def against(self, text: str) -> str:
        """What contradicts the query in a caption, as in "white, not red"; empty for nothing."""
        unwanted = (" ".join(words) for words in self.query.negated if affirms(words, text))
        return next(unwanted, "") or clash(self.query.text, text)

    def measures(self) -> dict[str, float]:
        """The evidence in numbers: ``MODEL_MEASURES``, and the others as far as captions and pictures go."""
        shown, span = self.shown, self.named.span
        start, end = sureness(shown)
        others = self.other_replies
        measures = {
            "start": start,
            "end": end,
            "shift": sum(_agreement(span, reply) for reply in others) / len(others) if others else UNKNOWN,
            "inside": float(any(not at_start(reply) for reply in self.named.replies))
            * any(not at_end(reply) for reply in self.named.replies),
            "share": share(span, shown.seen),
        }
        caption = self.caption
        if caption is not None:
            measures |= {
                "similarity": caption.similarity,
                "said": float(not unsaid(self.query.words, caption.text)),
                "agreed": agreed(self.query.text, caption.text),
                "clash": float(bool(self.against(caption.text))),
                "elsewhere": self.elsewhere - max(caption.similarity, 0.0),
            }
        elif self.inside is not None:
            measures["elsewhere"] = self.elsewhere
        if self.pictures is not None:
            measures |= self.pictures.measures(span)
        return {name: round(min(max(value, 0.0), 1.0), 4) for name, value in measures.items()}

    def sentences(self) -> tuple[str, ...]:
        """The evidence in sentences, for people."""
        shown, span, caption = self.shown, self.named.span, self.caption
        lines = []
        if self.inside is not None and caption is None and not self.wrong:
            lines.append("There is no caption there.")
        if caption is not None:
            lines.append(f'The captions have "{caption.text}" at {format_span(caption.span)}.')
            if other := self.against(caption.text):
                lines.append(f"It says {other}.")
            elif missing := unsaid(self.query.words, caption.text):
                lines.append(f'It does not mention "{missing}".')
        for hit in self.wrong[:1]:
            lines += [f'The captions have "{hit.text}" at {format_span(hit.span)}.', audited_sentence(hit)]
        if self.pictures is not None and (seen := self.pictures.sentence(span)):
            lines.append(seen)
        if shown.answer is not None:
            start, end = sureness(shown)
            sure = f" (start {start:.0%}, end {end:.0%} sure)" if shown.answer.token_logprobs else ""
            lines.append(
                f"Asked about {format_span(shown.seen)}, the model returned {format_span(shown.span)}{sure}."
            )
        others = self.other_replies
        if others:
            agreeing = sum(_agreement(span, reply) >= AGREEMENT_IOU for reply in others)
            lines.append(_agreeing(agreeing, len(others)))
        if share(span, shown.seen) >= WHOLE_WINDOW_SHARE:
            lines.append("The span covers the whole window, which is weak evidence.")
        return tuple(lines)


def evidence_for(
    named: NamedSpan,
    replies: Iterable[Reply],
    query: Query,
    captions: Sequence[Hit] | None,
    *,
    rivals: Iterable[NamedSpan] = (),
    pictures: VideoPictures | None = None,
) -> Evidence:
    """Gather the evidence for a span.

    Args:
        named: The span.
        replies: All replies about its video; those through windows that show the span count.
        query: The query.
        captions: The video's captioned events with their cosine to the query; None for no captions. Those
            that an audit found wrong are no evidence, here and elsewhere in the video.
        rivals: Spans named through several windows. A window that named one of them is no evidence against
            this one where its answer has one span, even if the event happens twice.
        pictures: The video's pictures; None without image vectors.
    """
    elsewhere = {
        id(reply.question)
        for rival in rivals
        if rival is not named
        for reply in rival.replies
        if not reply.complete
    }
    own = {id(reply.question) for reply in named.replies}
    others = tuple(
        reply
        for reply in replies
        if overlap_seconds(reply.seen, named.span) >= SEES * named.span.duration_seconds
        and reply.answer is not None
        and id(reply.question) not in own
        and id(reply.question) not in elsewhere
    )
    if captions is None:
        return Evidence(named, others, query, None, pictures=pictures)
    sound = [hit for hit in captions if not hit.wrong]
    apart = (hit.similarity for hit in sound if overlap_seconds(hit.span, named.span) == 0)
    inside = tuple(hit for hit in sound if iou(hit.span, named.span) >= AGREEMENT_IOU)
    wrong = sorted(
        (hit for hit in captions if hit.wrong and iou(hit.span, named.span) >= AGREEMENT_IOU),
        key=lambda hit: -hit.similarity,
    )
    return Evidence(named, others, query, inside, max(apart, default=0.0), pictures, tuple(wrong))


def confirmed(spans: Iterable[NamedSpan]) -> list[NamedSpan]:
    """The spans that more than one window named."""
    return [named for named in spans if len(named.replies) > 1]


def sureness(reply: Reply) -> tuple[float, float]:
    """Probabilities of the start and the end that a reply names, by the model.

    Of a reply that says that the event is absent, both are what is left: 1 less the probability of the
    answer. ``UNKNOWN`` where there is no answer, or it has no such numbers.
    """
    answer = reply.answer
    if answer is None:
        return UNKNOWN, UNKNOWN
    if reply.absent:
        left = 1 - math.exp(sum(answer.token_logprobs)) if answer.token_logprobs else 0.0
        return left, left
    if not reply.complete or reply.span is None:
        return digits(answer)
    numbers = [float(number) for number in _NUMBER.findall("".join(answer.token_texts or ()))]
    named = [video_span(*pair, reply.seen) for pair in zip(numbers[::2], numbers[1::2], strict=False)]
    return digits(answer, pair=named.index(reply.span)) if reply.span in named else (UNKNOWN, UNKNOWN)


def digits(answer: Answer, *, pair: int = 0) -> tuple[float, float]:
    """Probabilities of two successive numbers of a find answer, each the product over its tokens.

    ``UNKNOWN`` where the backend gives no probabilities, or there is no such number.

    Args:
        answer: The answer.
        pair: Which span of the answer, from 0.
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
    start, end, *_ = [*found[2 * pair :], UNKNOWN, UNKNOWN]
    return start, end


def answer_score(reply: Reply) -> float:
    """Score of an answer on its own, 0 to 1: probability of its digits, half that for a whole window."""
    if reply.answer is None or reply.span is None:
        return 0.0
    start, end = sureness(reply)
    return start * end * (0.5 if share(reply.span, reply.seen) >= WHOLE_WINDOW_SHARE else 1.0)


def share(span: Span, window: Span) -> float:
    """Share of a window that a span covers, 0 to 1."""
    return overlap_seconds(span, window) / window.duration_seconds if window.duration_seconds else 0.0


def format_span(span: Span | None) -> str:
    """A span as times, such as "0:01.0-0:03.5"."""
    if span is None:
        return "no usable time"
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"


def audited_sentence(hit: Hit) -> str:
    """What an audit found wrong in a caption, in a sentence for the evidence."""
    return f"The audit found this caption wrong: {hit.wrong[:1].lower()}{hit.wrong[1:]}"


def _agreement(span: Span, reply: Reply) -> float:
    """IoU of a span and the one named through another window, the best of several, within that window."""
    seen = clamp(span, reply.seen)
    return max((iou(seen, other) for other in reply.spans), default=0.0) if seen else 0.0


def _agreeing(agreeing: int, looks: int) -> str:
    """How many further looks, through other windows, named the same time."""
    if looks == 1:
        return "A second look agreed." if agreeing else "A second look did not agree."
    return f"{agreeing} of {looks} further looks agreed."
