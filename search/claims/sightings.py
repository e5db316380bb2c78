"""Asks a grounding model when sentences take place in a video, for claims to be judged by; knows no claim.

The search itself, its evidence and its confidence are those of ``search.grounding``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from footage.core.timecode import gap_seconds, iou, overlap_seconds
from footage.core.timeline import merge_events
from footage.core.types import Candidate, CaptionEvent, Hit, Span, Video, Window, WindowRecord
from footage.core.windows import run_of
from footage.embed.protocol import TextEmbedder
from footage.inference.runner import WindowedRunner, WindowSource
from footage.vlm.captioning import captions
from footage.vlm.contract import INSTANT_SECONDS
from footage.vlm.protocol import VideoModel
from search.grounding.evidence import WHOLE_WINDOW_SHARE, share
from search.grounding.options import GroundingOptions
from search.grounding.proposals import planned_windows
from search.grounding.rounds import GroundingSearch
from search.grounding.span_merge import at_end, at_start
from search.grounding.verdict import NEAR
from search.grounding.video_state import Weighed
from search.grounding.window_queries import EventFinder
from search.query.lexical_match import said_share, words_of
from search.query.parser import parse_query

MOST_WINDOWS = 24
"""Most windows of a video in which a sentence is looked for everywhere; in longer videos only near its time
and where captions lead to. At 30 s a window this is 10 minutes."""
LONGEST_SENTENCE = 1_000
"""Letters of a sentence that go into a prompt."""
ERRORS_OF_SIGMA = 1.4826
"""The standard deviation of normally distributed errors, over their median absolute deviation."""
SIGMAS = 3.0
"""Standard deviations within which nearly all errors of the model lie (99.7 %, were they normal)."""


@dataclass(frozen=True, slots=True)
class SentenceSighting:
    """A span in which the model sees a sentence take place."""

    text: str
    """The sentence."""
    span: Span
    """When, in video time."""
    confidence: float
    """By the calibration of the model, 0 to 1."""
    starts: tuple[float, ...]
    """When it begins, seconds, through each window that shows what lies before it."""
    ends: tuple[float, ...]
    """When it is over, seconds, through each window that shows what lies after it."""
    evidence: tuple[str, ...] = ()
    """The evidence in sentences."""

    @property
    def odds(self) -> float:
        """Natural logarithm of the odds."""
        sure = min(max(self.confidence, 1e-6), 1 - 1e-6)
        return math.log(sure / (1 - sure))

    @property
    def frames(self) -> tuple[float, ...]:
        """Three moments in it, seconds."""
        start, length = self.span.start_seconds, self.span.duration_seconds
        return tuple(round(start + length * part, 3) for part in (0.25, 0.5, 0.75))


class SentenceGrounder:
    """Looks for sentences in one video, and remembers what it saw."""

    def __init__(
        self,
        finder: EventFinder,
        video: Video,
        path: str,
        *,
        seen: Sequence[CaptionEvent] = (),
        embedder: TextEmbedder | None = None,
        options: GroundingOptions,
    ) -> None:
        """Take the video and its captions.

        Args:
            finder: Asks the model.
            video: The video.
            path: A file that holds it.
            seen: Captioned events: leads, and evidence.
            embedder: Compares captions with sentences; None to compare their words.
            options: As for a search; which windows are asked about is decided here.
        """
        self._finder, self.video, self._path, self._options = finder, video, path, options
        self._seen, self._embedder = tuple(seen), embedder
        self._vectors = embedder.embed([each.text for each in seen]) if embedder and seen else None
        self._short = len(planned_windows(video, finder.model.profile, options)) <= MOST_WINDOWS
        self._known: dict[tuple[str, tuple[Span, ...], bool], tuple[SentenceSighting, ...]] = {}
        self.problem = ""
        """Why some windows could not be shown; empty when all could."""

    def sightings(
        self, text: str, at: Sequence[Span] = (), *, everywhere: bool = True
    ) -> tuple[SentenceSighting, ...]:
        """The spans in which the model sees a sentence, the surest first.

        Args:
            text: The sentence.
            at: Moments to look at.
            everywhere: Look in the whole video as well, and in a long one where captions lead to.

        Raises:
            UsageError: nothing of the sentence can go into a prompt.
            ModelError: the model fails.
        """
        whole = everywhere and self._short
        key = words_key(text), () if whole else tuple(at), everywhere
        if key not in self._known:
            self._known[key] = self._search(text, at, everywhere=everywhere)
        return self._known[key]

    @property
    def looked(self) -> str:
        """Where the model looked and did not see a sentence that it never saw, in a sentence."""
        if self._short:
            return "The model sees it nowhere in the video."
        return "The model sees it neither then nor where captions lead."

    def _search(self, text: str, at: Sequence[Span], *, everywhere: bool) -> tuple[SentenceSighting, ...]:
        query = parse_query(text[:LONGEST_SENTENCE], plain=True)
        content_id, hits = self.video.content_id, self._hits(query.text)
        leads = [hit for hit in hits if hit.similarity >= NEAR and everywhere]
        leads.sort(key=lambda hit: -hit.similarity)
        search = GroundingSearch(
            query,
            [Candidate(self.video, tuple(leads), leads[0].score if leads else 0.0)],
            paths={content_id: self._path},
            captions={content_id: hits} if self._seen else None,
            finder=self._finder,
            options=GroundingOptions(
                exhaustive=everywhere and self._short,
                at={content_id: at},
                budget_seconds=self._options.budget_seconds,
                fresh=self._options.fresh,
                window_seconds=self._options.window_seconds,
                overlap_seconds=self._options.overlap_seconds,
                calibration=self._options.calibration,
                thresholds=self._options.thresholds,
            ),
        )
        _, replies = search.run(None, None)
        [state] = search.states
        self.problem = state.fault or next(
            (reply.problem for reply in replies if reply.problem), self.problem
        )
        found = [self._sighting(text, each) for each in state.weighed or ()]
        return tuple(sorted(found, key=lambda each: (-each.confidence, each.span)))

    def _sighting(self, text: str, weighed: Weighed) -> SentenceSighting:
        replies = weighed.named.replies
        named = [
            reply for reply in replies if reply.span and share(reply.span, reply.seen) < WHOLE_WINDOW_SHARE
        ]
        return SentenceSighting(
            text,
            weighed.named.span,
            weighed.confidence,
            tuple(reply.span.start_seconds for reply in named if reply.span and not at_start(reply)),
            tuple(reply.span.end_seconds for reply in named if reply.span and not at_end(reply)),
            weighed.evidence.sentences(),
        )

    def _hits(self, text: str) -> list[Hit]:
        """The captioned events, with their similarity to a sentence."""
        if self._vectors is None or self._embedder is None:
            likeness = [said_share(words_of(text), each.text) for each in self._seen]
        else:
            likeness = [float(value) for value in self._vectors @ self._embedder.embed([text])[0]]
        return [
            Hit(
                "event",
                f"{self.video.content_id}/seen/{number}",
                self.video.content_id,
                (),
                event.span,
                event.text,
                like,
                max(like, 0.0),
            )
            for number, (event, like) in enumerate(zip(self._seen, likeness, strict=True))
        ]


def words_key(text: str) -> str:
    """A sentence without what no model sees: case and punctuation."""
    return " ".join(words_of(text))


def time_tolerance(sightings: Iterable[SentenceSighting], *, least_seconds: float = INSTANT_SECONDS) -> float:
    """How far two times of one boundary may lie apart by the model's own error, seconds.

    Three standard deviations, estimated as 1.4826 times the median absolute deviation (Hampel, 1974) of the
    times that several windows gave for one boundary, from their median; never less than ``least_seconds``.

    Args:
        sightings: Spans that the model saw.
        least_seconds: The grid on which the model writes times, or a tolerance of the user's.
    """
    errors = [
        abs(time - median(times))
        for each in sightings
        for times in (each.starts, each.ends)
        if len(times) > 1
        for time in times
    ]
    return max(least_seconds, SIGMAS * ERRORS_OF_SIGMA * median(errors)) if errors else least_seconds


def seen_by(
    model: VideoModel,
    video: Video,
    path: str,
    *,
    near: Sequence[Span] | None = None,
    timeout_seconds: float = 120,
) -> list[CaptionEvent]:
    """Caption a video in windows that begin half a step later than those of an index, and merge the events.

    So what it sees is another look than an index of the same model had. Windows that cannot be shown are left
    out.

    Args:
        model: Captions.
        video: The video.
        path: A file that holds it.
        near: Only windows that show something of these spans, in video time; the whole video when None.
        timeout_seconds: Give up on decoding after this long without progress.

    Raises:
        ModelError: the model fails.
    """
    profile = model.profile
    planned = planned_windows(video, profile, GroundingOptions())
    step = (profile.window_seconds - profile.overlap_seconds) / 2
    whole = Span(0, video.duration_seconds)
    spans = []
    for window in planned:
        run = run_of(window.span, whole, video.gaps)  # no window holds a gap
        start = window.span.start_seconds
        if start == run.start_seconds:
            spans.append(Span.clamped(start, start + step + profile.overlap_seconds, within=run))
        spans.append(Span.clamped(start + step, window.span.end_seconds + step, within=run))
    spans = [span for span in dict.fromkeys(spans) if span.duration_seconds >= INSTANT_SECONDS]
    if near is not None:
        spans = [span for span in spans if any(overlap_seconds(span, each) > 0 for each in near)]
    runner = WindowedRunner(model, timeout_seconds=timeout_seconds)
    windows = {n: Window(video.content_id, n, span) for n, span in enumerate(spans)}
    batches = runner.batches(
        [WindowSource(path, video, span) for span in spans],
        lambda numbers, prepared: captions(
            prepared, seeds=list(numbers), profile=profile, run=lambda requests: model.run(list(requests))
        ),
    )
    records = [
        WindowRecord(windows[result.number], result.result, model.provenance)
        for batch in batches
        for result in batch
        if result.result is not None
    ]
    return [CaptionEvent(each.span, each.text) for each in merge_events(video.content_id, records)]


def is_moment(span: Span) -> bool:
    """Whether a span is too short to have a start and an end that a model could tell apart."""
    return span.duration_seconds < INSTANT_SECONDS


def best_at(
    sightings: Iterable[SentenceSighting], span: Span, *, least_iou: float
) -> SentenceSighting | None:
    """The surest sighting whose IoU with a span is at least ``least_iou``; None without one.

    A moment is a span shorter than the grid on which models write times: it lies in a sighting, or does not.
    """
    if is_moment(span):
        near = [each for each in sightings if gap_seconds(each.span, span) == 0]
    else:
        near = [each for each in sightings if iou(each.span, span) >= least_iou]
    return max(near, key=lambda each: (each.confidence, iou(each.span, span)), default=None)
