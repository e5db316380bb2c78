"""Turns candidates into matches: looks at them with a model and holds what it names against the captions.

It knows neither how the candidates were found nor how pictures are decoded. One round after the other it asks
about windows: first those that the index leads to; then, of what the model named there, a moved window on
each place, for an invented span moves along; then what lies before and after each place that is found, until
nothing new is. All occurrences come from the model: what the captions have is a lead and evidence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import TypeVar

from footage.core.errors import DecodeError, FootageError, UsageError
from footage.core.timecode import clamp, iou, overlap_seconds
from footage.core.types import Candidate, Hit, Match, Span, Video, Window
from footage.core.windows import plan_windows, run_of, runs
from footage.media import sandbox
from footage.vlm.profiles import Profile
from footage.vlm.protocol import VideoModel
from search.grounding.calibration import Calibration, load_calibration
from search.grounding.proposals import around, free_stretch, moved_window, window_on
from search.grounding.span_merge import Place, places
from search.grounding.verdict import (
    AGREEMENT_IOU,
    CAUTIOUS,
    MATCHES_PER_VIDEO,
    NEAR,
    WHOLE_WINDOW_SHARE,
    Evidence,
    Thresholds,
    clock,
    confirmed,
    evidence_for,
    rank,
    share,
)
from search.grounding.window_queries import Asker, Question, Reply, unexpected_sentence
from search.query.lexical_match import clash
from search.query.parser import Query, parse_query

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_WINDOWS = 6
"""Windows the index leads to that the model is asked about: what a person waits for."""
ASK_WITHIN = 0.15
"""A window is worth asking about when its best text scores at most this much below the best of all."""
SAME_WITHIN = 0.03
"""Texts of one video whose scores differ by no more than this answer a query alike: occurrences of one
event."""
AGREEMENT_BONUS = 0.02
"""What full agreement (IoU 1) of model and caption adds to a score when matches are ordered: enough to decide
between videos of (almost) the same words; with ``SIGHTINGS_BONUS`` still too little to lift "from right to
left" above "from left to right" (0.04 apart)."""
SIGHTINGS_BONUS = 0.01
"""What a second window that captioned the same event adds: each window is captioned without the others."""
MOST_LOOKS = 3
"""Most windows on a caption that the model does not bear out before it is left."""
MOST_ROUNDS = 12
"""Bound on the rounds of asking; each round beyond the second follows something new that was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How far a search looks with the model."""

    max_windows: int = MAX_WINDOWS
    """Most windows that the index leads to."""
    fresh: bool = False
    """Ask again what the model answered before."""
    exhaustive: bool = False
    """Look at every window of the videos searched, whatever the index says."""
    at: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    """Moments to look at in any case, in video time, by content id."""
    budget_seconds: float | None = None
    """Begin nothing new after so long; None for no bound."""
    window_seconds: float | None = None
    """Length of a window; None for the model's own."""
    overlap_seconds: float | None = None
    """What neighbouring windows share; None for the model's own, cut to half a window."""
    everything: bool = False
    """List also what is not found where captions have nothing: to fit and to measure by."""
    calibration: Calibration | None = None
    """What turns evidence into confidence; None for the one that comes with the project for the model."""
    thresholds: Thresholds = CAUTIOUS
    """What turns confidence into a verdict."""


DEFAULT = Looking()
"""What a person waits for."""


@dataclass(frozen=True, slots=True)
class Grounded:
    """What came of asking the model about some candidates."""

    matches: list[Match]
    """Best first (see ``search.grounding.verdict.rank``)."""
    replies: list[Reply]
    """All that was asked, by video."""
    faults: Mapping[str, str]
    """Videos that could not be checked because of an unexpected error: the reason, one sentence, by path."""


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One place the model named, and what speaks for it."""

    evidence: Evidence
    measures: Mapping[str, float]
    sure: float

    @property
    def place(self) -> Place:
        return self.evidence.place


@dataclass(eq=False)
class _Seen:
    """One video, and what has been seen of it so far."""

    candidate: Candidate
    path: str
    captions: Sequence[Hit] | None
    windows: tuple[Window, ...] = ()
    replies: list[Reply] = field(default_factory=list)
    weighed: list[_Weighed] | None = None  # None when a reply has come since
    fault: str = ""
    """Why the video could not be checked, one sentence: an unexpected error."""

    @property
    def video(self) -> Video:
        return self.candidate.video

    @cached_property
    def reachable(self) -> bool:
        return Path(self.path).is_file()

    def asked(self, window: Span) -> bool:
        return any(reply.seen == window for reply in self.replies)

    def question(self, window: Span) -> Question:
        index = next((planned.index for planned in self.windows if planned.span == window), -1)
        return Question(self.video, self.path, Window(self.video.content_id, index, window))


def text_matches(
    candidates: Sequence[Candidate],
    *,
    paths: Mapping[str, str],
    limit: int = 5,
    per_video: int = MATCHES_PER_VIDEO,
) -> list[Match]:
    """What the index alone answers, best first: each candidate's best text and its further occurrences.

    Every verdict is "not checked": the model did not look.
    """
    found = [
        (_from_text(candidate, hit, paths[candidate.video.content_id]), hit.score + _bonus(hit))
        for candidate in candidates
        for hit in _occurrences(candidate)
    ]
    return rank(found, limit=limit, per_video=per_video)


def ground(
    query: Query,
    candidates: Sequence[Candidate],
    *,
    paths: Mapping[str, str],
    captions: Mapping[str, Sequence[Hit]] | None,
    asker: Asker,
    looking: Looking,
    limit: int = 5,
    per_video: int = MATCHES_PER_VIDEO,
    on_progress: Callable[[int, int], None] | None = None,
    on_matches: Callable[[list[Match]], None] | None = None,
) -> Grounded:
    """Ask the model when the query takes place in the candidates.

    Candidates whose file is gone or cannot be decoded, and leads beyond what ``looking`` allows, keep what
    the index says, ungrounded and with the reason as evidence.

    Args:
        query: What to look for.
        candidates: Where to look, best first.
        paths: A file that holds each candidate, by content id; empty where there is none.
        captions: Captioned events by content id, with their cosine to the query; None to do without.
        asker: Asks the model.
        looking: How far to look.
        limit: Most matches.
        per_video: Most matches of one video beside those that are found.
        on_progress: Called with (windows done, windows in all); the second number grows with what is found.
        on_matches: Called with the matches after every round of asking.

    Returns:
        What was found; a video in which something unexpected failed is among its ``faults``.

    Raises:
        UsageError: when nothing of the query can go into a prompt.
        StoreError: when answers cannot be read from the index.
        ModelError: when the model fails.
    """
    search = _Search(query, candidates, paths, captions, asker, looking, limit=limit, per_video=per_video)
    matches, replies = search.run(on_progress, on_matches)
    return Grounded(matches, replies, {seen.path: seen.fault for seen in search.seen if seen.fault})


def find_in_file(
    path: str | PathLike[str],
    text: str,
    *,
    model: VideoModel,
    looking: Looking = DEFAULT,
    span: Span | None = None,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> Grounded:
    """Ask the model about every window of one file, without an index.

    No captions speak for or against what the model names, so that only ``looking.calibration.uncaptioned``
    counts.

    Args:
        path: The file.
        text: What to look for.
        model: Whom to ask.
        looking: Lengths of windows, calibration and thresholds; all windows are looked at.
        span: Look only here, in video time; everywhere when None.
        timeout_seconds: Give up on decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Returns:
        The matches, one for each place the model named, and the replies; never with ``faults``.

    Raises:
        UsageError: when the query is no query, or the span lies outside the video.
        VideoError: when the file cannot be read, or none of its windows can.
        ModelError: when the model fails.
    """
    query = parse_query(text, plain=True)
    video = sandbox.probe(path, timeout_seconds=timeout_seconds)
    whole = Span(0, video.duration_seconds)
    part = whole if span is None else clamp(span, whole)
    if part is None or part.duration_seconds == 0:
        raise UsageError(
            f"There is nothing at {clock(span or whole)}: {path} lasts {video.duration_seconds:.1f} s."
        )
    if not runs(part, video.gaps):
        raise UsageError(f"{path} has no frames at {clock(part)}.", hint="Look at another part of it.")
    asker = Asker(model, timeout_seconds=timeout_seconds)
    candidate = Candidate(video, (), 0.0)
    search = _Search(query, [candidate], {"": str(path)}, None, asker, looking, part=part)
    matches, replies = search.run(on_progress, None)
    if search.seen[0].fault:
        raise DecodeError(f"{path}: {search.seen[0].fault}", hint="Run it with --debug, and report it.")
    unseen = [reply for reply in replies if reply.problem]
    if len(unseen) == len(replies):
        raise DecodeError(unseen[0].problem)
    for reply in unseen:
        logger.warning("%s was not looked at: %s", clock(reply.seen), reply.problem)
    return Grounded(matches, replies, {})


class _Search:
    """One query on its way through the rounds."""

    def __init__(
        self,
        query: Query,
        candidates: Sequence[Candidate],
        paths: Mapping[str, str],
        captions: Mapping[str, Sequence[Hit]] | None,
        asker: Asker,
        looking: Looking,
        *,
        limit: int | None = None,
        per_video: int = MATCHES_PER_VIDEO,
        part: Span | None = None,
    ) -> None:
        self.per_video = per_video
        self.query, self.asker, self.looking, self.limit, self.part = query, asker, looking, limit, part
        profile = asker.model.profile
        self.length = looking.window_seconds or profile.window_seconds
        self.until = None if looking.budget_seconds is None else time.monotonic() + looking.budget_seconds
        self.seen = [
            _Seen(
                candidate,
                paths[candidate.video.content_id],
                None if captions is None else captions.get(candidate.video.content_id, ()),
            )
            for candidate in candidates
        ]
        for seen in self.seen:
            planned = self._contained(seen, partial(planned_windows, seen.video, profile, looking, part))
            seen.windows = tuple(planned)
        self.calibration = looking.calibration or load_calibration(profile.fitted_as)
        hits = [hit.score for candidate in candidates for hit in candidate.hits]
        self.floor = min(hits, default=0.0) - 2.0

    def run(
        self,
        on_progress: Callable[[int, int], None] | None,
        on_matches: Callable[[list[Match]], None] | None,
    ) -> tuple[list[Match], list[Reply]]:
        """All rounds; the result of ``ground``."""
        done = 0

        def progress(some: int, of: int) -> None:
            if on_progress:
                on_progress(done + some, done + of)

        pending = self._first()
        for _ in range(MOST_ROUNDS):
            if not pending:
                break
            # 1. Ask.
            questions = [seen.question(window) for seen, window in pending]
            replies = self.asker.ask(
                self.query.prompt,
                questions,
                fresh=self.looking.fresh,
                until=self.until,
                on_progress=progress,
            )
            done += len(questions)
            for (seen, _), reply in zip(pending, replies, strict=True):
                seen.replies.append(reply)
                seen.weighed = None
                if reply.unexpected:
                    seen.fault = reply.problem
            # 2. Tell what is known, and see what follows from it.
            if on_matches:
                on_matches(self._matches())
            if self.until is not None and time.monotonic() >= self.until:
                break
            pending = list(self._next())
        return self._matches(), [reply for seen in self.seen for reply in seen.replies]

    def _first(self) -> list[tuple[_Seen, Span]]:
        """Windows that the index leads to, the first of every candidate before the second of any; or all."""
        best = max((hit.similarity for seen in self.seen for hit in seen.candidate.hits), default=0.0)
        # A file that somebody named is tried whatever, so that it is told what is wrong with it.
        reachable = [seen for seen in self.seen if (seen.reachable or self.part) and not seen.fault]
        leads = [self._contained(seen, partial(_leads, seen, best - ASK_WITHIN)) for seen in reachable]
        columns = [[(seen, window) for window in found] for seen, found in zip(reachable, leads, strict=True)]
        led = [pair for row in zip_longest(*columns) for pair in row if pair is not None]
        led = led[: self.looking.max_windows]
        named = [(seen, window) for seen in reachable for window in self._named_windows(seen)]
        led += [pair for pair in named if pair not in led]
        if not self.looking.exhaustive and self.part is None:
            return led
        known = {(id(seen), window) for seen, window in led}
        return led + [
            (seen, window.span)
            for seen in reachable
            for window in seen.windows
            if (id(seen), window.span) not in known
        ]

    def _named_windows(self, seen: _Seen) -> list[Span]:
        """The windows that show most of each moment that is to be looked at in any case."""
        moments = self.looking.at.get(seen.video.content_id, ())
        best = (
            max(seen.windows, key=lambda window: overlap_seconds(window.span, moment)).span
            for moment in moments
            if seen.windows
        )
        return list(dict.fromkeys(best))

    def _next(self) -> Iterator[tuple[_Seen, Span]]:
        """Windows worth asking about after what was answered so far; none that was asked about before."""
        for seen in self.seen:
            if not seen.replies or seen.fault:
                continue
            windows = self._contained(seen, partial(self._worth_a_look, seen))
            for window in dict.fromkeys(windows):
                if not seen.asked(window):
                    yield seen, window

    def _contained(self, seen: _Seen, work: Callable[[], Iterable[T]]) -> list[T]:
        """The result of some work on one video; an unexpected error there is logged, and the others go on."""
        try:
            return list(work())
        except FootageError:
            raise
        except Exception as error:
            logger.exception("%s could not be searched", seen.path)
            seen.fault = unexpected_sentence(error)
            return []

    def _worth_a_look(self, seen: _Seen) -> Iterator[Span]:
        weighed = self._weighed(seen)
        named = [each.place for each in weighed]
        rivals = confirmed(named)
        found = [each.place for each in weighed if each.sure >= self.looking.thresholds.found]
        for each in weighed:
            place, evidence = each.place, each.evidence
            looks = [reply.seen for reply in (*place.replies, *evidence.others)]
            # A place that would be likely if it stayed is looked at once more through a moved window.
            if len(looks) < 2 and self._at_best(each) >= self.looking.thresholds.not_found:
                free = self._free(seen, place.span, rivals)
                moved = moved_window(place.span, looks, within=free, length_seconds=self.length)
                if moved is not None:
                    yield moved
                    continue
            # What comes before and after one that is found may be it again.
            if place in found:
                free = self._free(seen, place.span, found)
                yield from around(place.span, within=free, length_seconds=self.length)
        # A caption that says the query, and that no place met, is looked at for itself.
        for hit in _occurrences(seen.candidate):
            shown = [reply for reply in seen.replies if overlap_seconds(reply.seen, hit.span) > 0]
            plausible = hit.similarity >= NEAR and not clash(self.query.text, hit.text)
            met = any(overlap_seconds(hit.span, place.span) > 0 for place in named)
            if hit.owner_kind == "event" and plausible and not met and 0 < len(shown) <= MOST_LOOKS:
                free = self._free(seen, hit.span, named)
                window = window_on(hit.span, within=free, length_seconds=self.length)
                if window is not None:
                    yield window

    def _free(self, seen: _Seen, span: Span, others: Sequence[Place]) -> Span:
        """The stretch around a span, of what is searched, that holds none of the other places."""
        stretch = free_stretch(
            span,
            [other.span for other in others],
            duration_seconds=seen.video.duration_seconds,
        )
        stretch = run_of(span, stretch, seen.video.gaps)
        return (clamp(stretch, self.part) if self.part else None) or stretch

    def _weighed(self, seen: _Seen) -> list[_Weighed]:
        """What the model named in a video so far, each place once and weighed."""
        if seen.weighed is None:
            named = places(seen.replies)
            rivals = confirmed(named)
            seen.weighed = []
            for place in named:
                evidence = evidence_for(place, seen.replies, self.query, seen.captions, rivals=rivals)
                measures = evidence.measures()
                seen.weighed.append(_Weighed(evidence, measures, self.calibration.confidence(measures)))
        return seen.weighed

    @property
    def _calibrated(self) -> bool:
        return self.calibration.card is not None

    def _at_best(self, weighed: _Weighed) -> float:
        """How sure the evidence would make if every other window named the same moment."""
        return self.calibration.confidence({**weighed.measures, "shift": 1.0})

    def _matches(self) -> list[Match]:
        found = [pair for seen in self.seen for pair in self._known_of(seen)]
        if self.limit is None:
            return rank(found, limit=len(found), per_video=len(found))
        return rank(found, limit=self.limit, per_video=self.per_video)

    def _known_of(self, seen: _Seen) -> list[tuple[Match, float]]:
        """The matches of one video; of one that could not be checked, what its captions say."""
        if not seen.fault:
            matches = self._contained(seen, partial(self._of_video, seen))
            if not seen.fault:
                return matches
        return [
            (_from_text(seen.candidate, hit, seen.path, None, [seen.fault]), hit.score + _bonus(hit))
            for hit in _occurrences(seen.candidate)
        ]

    def _of_video(self, seen: _Seen) -> Iterator[tuple[Match, float]]:
        """All matches of one video, each with what it is ordered by."""
        # 1. What the model named. A span over the whole window says nothing where the captions do.
        scores = {hit.owner_id: hit for hit in seen.candidate.hits}
        leads = _occurrences(seen.candidate)
        met: list[Span] = []
        for each in self._weighed(seen):
            place, evidence, shown = each.place, each.evidence, each.evidence.shown
            says_nothing = share(place.span, shown.seen) >= WHOLE_WINDOW_SHARE
            if says_nothing and any(overlap_seconds(hit.span, shown.seen) > 0 for hit in leads):
                continue
            if evidence.excluded:
                continue
            match, hit = self._named(seen, each), None
            if evidence.caption is not None:
                hit = scores.get(evidence.caption.owner_id)
            if hit is not None:
                met.append(place.span)
                yield (
                    replace(match, score=hit.similarity),
                    hit.score + _bonus(hit, iou(hit.span, place.span)),
                )
            elif match.verdict != "not found" or seen.captions is None or self.looking.everything:
                yield match, self.floor + each.sure

        # 2. What only the captions have.
        for hit in leads:
            if hit.owner_kind != "event" or all(iou(hit.span, span) < AGREEMENT_IOU for span in met):
                yield self._captioned(seen, hit), hit.score + _bonus(hit)

    def _named(self, seen: _Seen, weighed: _Weighed) -> Match:
        """A match that rests on what the model named."""
        evidence, sure = weighed.evidence, weighed.sure
        shown, caption = evidence.shown, evidence.caption
        return Match(
            video=seen.video,
            path=seen.path,
            span=evidence.place.span,
            text=caption.text if caption else "",
            score=sure if seen.captions is None else caption.similarity if caption else 0.0,
            grounded=True,
            verdict=self.looking.thresholds.verdict(sure),
            confidence=sure,
            calibrated=self._calibrated,
            measures=tuple(weighed.measures.items()),
            raw=shown.answer.raw if shown.answer else "",
            window=shown.question.window,
            evidence=evidence.told(),
        )

    def _captioned(self, seen: _Seen, hit: Hit) -> Match:
        """A match that only the captions have: never found, and not found where the model saw too little."""
        reply = _reply_about(seen, hit)
        if reply is None or reply.answer is None:
            return _from_text(seen.candidate, hit, seen.path, None, [_why_not(seen, reply)])
        match = _from_text(seen.candidate, hit, seen.path, reply)
        if seen.captions is None or hit.owner_kind != "event":
            # Of a scene, which has no moment, the words must do.
            if hit.similarity >= NEAR:
                return match
            return replace(match, verdict="not found", confidence=0.0, calibrated=self._calibrated)
        # As if the model had named it: all that it named in its place speaks against it.
        cosine = next((other for other in seen.captions if other.owner_id == hit.owner_id), hit)
        evidence = evidence_for(Place(hit.span, (reply,)), seen.replies, self.query, [cosine])
        measures = evidence.measures() | {"shift": 0.0}
        sure = min(self.calibration.confidence(measures), self.looking.thresholds.found - 0.0001)
        return replace(
            match,
            verdict=self.looking.thresholds.verdict(sure),
            confidence=sure,
            calibrated=self._calibrated,
            measures=tuple(measures.items()),
        )


def planned_windows(
    video: Video, profile: Profile, looking: Looking, part: Span | None = None
) -> tuple[Window, ...]:
    """The windows a video, or a part of it, is looked at through, in order."""
    part = part or Span(0, video.duration_seconds)
    length = looking.window_seconds or profile.window_seconds
    shared = profile.overlap_seconds if looking.overlap_seconds is None else looking.overlap_seconds
    return plan_windows(
        video.content_id,
        part.end_seconds,
        start_seconds=part.start_seconds,
        gaps=video.gaps,
        window_seconds=length,
        overlap_seconds=shared if shared < length else length / 2,
    )


def _leads(seen: _Seen, floor: float) -> list[Span]:
    """The windows that hold what the index has near the query, best first.

    Of each text the one that holds most of it comes before the others.
    """
    first, others = [], []
    for hit in seen.candidate.hits:
        if hit.similarity < floor:
            continue
        holding = [window.span for window in seen.windows if overlap_seconds(window.span, hit.span) > 0]
        holding.sort(key=lambda window: (-round(overlap_seconds(window, hit.span), 3), window))
        first += holding[:1]
        others += holding[1:]
    return list(dict.fromkeys([*first, *others]))


def _occurrences(candidate: Candidate) -> list[Hit]:
    """The best hit of a candidate and those that answer as well."""
    return [
        hit
        for hit in candidate.hits
        if hit.similarity >= candidate.hits[0].similarity - SAME_WITHIN
        and hit.owner_kind == candidate.hits[0].owner_kind
    ]


def _bonus(hit: Hit, overlap: float = 0.0) -> float:
    """What the evidence beside the words adds to a score when matches are ordered."""
    agreed = AGREEMENT_BONUS * overlap if overlap >= AGREEMENT_IOU else 0.0
    return agreed + SIGHTINGS_BONUS * (len(hit.window_indexes) > 1)


def _reply_about(seen: _Seen, hit: Hit) -> Reply | None:
    """What was asked about the window that shows most of a captioned text; None where nothing was."""
    return max(
        (reply for reply in seen.replies if overlap_seconds(reply.seen, hit.span) > 0),
        key=lambda reply: (not reply.problem, overlap_seconds(reply.seen, hit.span)),
        default=None,
    )


def _why_not(seen: _Seen, reply: Reply | None) -> str:
    """Why the model did not look there."""
    if reply is not None:
        return reply.problem
    if seen.reachable:
        return "The model was not asked about this window."
    return (
        f"The file {seen.path} cannot be reached now." if seen.path else "No file holds the video any more."
    )


def _from_text(
    candidate: Candidate, hit: Hit, path: str, reply: Reply | None = None, reasons: Sequence[str] = ()
) -> Match:
    """A match that rests on the index alone; ``reply`` is what the model said about its window, if asked."""
    where = f"at {clock(hit.span)}" if hit.owner_kind == "event" else "as a scene"
    told = [f'The captions have "{hit.text}" {where}.']
    answer = reply.answer if reply else None
    if reply is not None and answer is not None:
        told.append(f"Asked about {clock(reply.seen)}, the model named {clock(reply.span)}.")
        if reply.span is not None and share(reply.span, reply.seen) >= WHOLE_WINDOW_SHARE:
            told.append("The span covers the whole window, which says little.")
        elif reply.span is not None and hit.owner_kind == "event":
            told.append(f"The two disagree: IoU {iou(reply.span, hit.span):.2f}.")
    return Match(
        video=candidate.video,
        path=path,
        span=hit.span,
        text=hit.text,
        score=hit.similarity,
        grounded=False,
        verdict="uncertain" if answer else "not checked",
        raw=answer.raw if answer else "",
        window=reply.question.window if reply else None,
        evidence=(*told, *reasons),
        offline=not Path(path).is_file(),
    )
