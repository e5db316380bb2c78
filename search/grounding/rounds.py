"""Asks about windows in rounds, each following what the one before found; decodes nothing and weighs nothing.

First come the windows that the index leads to; then, for each span the model named there, a moved window, as
an invented span moves along with its window; then the windows before and after each span that is found, until
nothing new is. All occurrences come from the model: captions are leads and evidence.

A model that names all spans of a window (``Capabilities.multi_span``) is asked less: no segment is shown to
it again to find further occurrences, and one moved window confirms all spans that it shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from footage.core.timecode import clamp, overlap_seconds
from footage.core.types import Candidate, Hit, Match, Span
from footage.core.windows import run_of
from footage.vlm.contract import INSTANT_SECONDS
from footage.vlm.profiles import fitted_as
from search.grounding.calibration import load_calibration
from search.grounding.evidence import confirmed
from search.grounding.matches import MatchMaker
from search.grounding.options import GroundingOptions
from search.grounding.pictures import VideoPictures
from search.grounding.proposals import (
    around,
    free_segment,
    holding_windows,
    lead_windows,
    moved_window,
    planned_windows,
    shows_anew,
    uncovered,
    window_on,
)
from search.grounding.span_merge import NamedSpan
from search.grounding.verdict import MATCHES_PER_VIDEO, NEAR, rank
from search.grounding.video_state import VideoState, Weighed, best_hits
from search.grounding.window_queries import EventFinder, Reply
from search.query.lexical_match import clash
from search.query.parser import Query

ASK_WITHIN = 0.15
"""How far below the best text of all a text may score whose window is worth asking about."""
MOST_LOOKS = 3
"""Most windows on a caption that the model does not confirm before it is left; one where answers name all
spans."""
MOST_ROUNDS = 12
"""Bound on the rounds; each one beyond the second follows something new that was found."""


class GroundingSearch:
    """One query during its rounds."""

    def __init__(
        self,
        query: Query,
        candidates: Sequence[Candidate],
        *,
        paths: Mapping[str, str],
        captions: Mapping[str, Sequence[Hit] | None] | None,
        finder: EventFinder,
        options: GroundingOptions,
        pictures: Mapping[str, VideoPictures] | None = None,
        limit: int | None = None,
        per_video: int = MATCHES_PER_VIDEO,
        segment: Span | None = None,
    ) -> None:
        """Plan the windows of every candidate.

        Args:
            query: What to look for.
            candidates: Where, best first.
            paths: A file that holds each candidate, by content id; empty where there is none.
            captions: As for ``ground``.
            finder: Asks the model.
            options: How far to go.
            pictures: As for ``ground``.
            limit: Most matches; None for all.
            per_video: Most matches of one video that are not found.
            segment: Search only here, in all of its windows; everywhere, as the index leads, when None.
        """
        self._query, self._finder, self._options = query, finder, options
        self._limit, self._per_video, self._segment = limit, per_video, segment
        profile = finder.model.profile
        self._several = finder.model.capabilities.multi_span
        self._window_seconds = options.window_seconds or profile.window_seconds
        budget = options.budget_seconds
        self._until = None if budget is None else time.monotonic() + budget
        self.states = [
            VideoState(
                candidate,
                paths[candidate.video.content_id],
                None if captions is None else captions.get(candidate.video.content_id, ()),
                (pictures or {}).get(candidate.video.content_id),
            )
            for candidate in candidates
        ]
        for state in self.states:
            planned = state.contain(partial(planned_windows, state.video, profile, options, segment))
            state.windows = tuple(planned)
        scores = [hit.score for candidate in candidates for hit in candidate.hits]
        calibration = options.calibration or load_calibration(fitted_as(profile))
        calibration = calibration.for_embedder(
            next((each.embedder for each in (pictures or {}).values()), "")
        )
        weighing = options
        if options.promised and calibration.promise is not None:
            promised = replace(options.thresholds, found=calibration.promise.found_from)
            weighing = replace(options, thresholds=promised)
        self._maker = MatchMaker(query, weighing, calibration, floor=min(scores, default=0.0) - 2.0)

    def run(
        self,
        on_progress: Callable[[int, int], None] | None,
        on_matches: Callable[[list[Match]], None] | None,
    ) -> tuple[list[Match], list[Reply]]:
        """Ask round after round; the matches and all replies, as ``ground`` returns them."""
        done = 0

        def progress(some: int, of: int) -> None:
            if on_progress:
                on_progress(done + some, done + of)

        def so_far(some: Mapping[int, Reply]) -> None:
            if on_matches and len(some) < len(pending):
                with self._with_replies([(pending[number][0], some[number]) for number in sorted(some)]):
                    on_matches(self._matches())

        pending = self._first_windows()
        for _ in range(MOST_ROUNDS):
            if not pending:
                break
            # 1. Ask.
            replies = self._finder.ask(
                self._query.prompt,
                [state.question(window) for state, window in pending],
                fresh=self._options.fresh,
                until=self._until,
                on_progress=progress,
                on_replies=so_far,
            )
            done += len(pending)
            for (state, _), reply in zip(pending, replies, strict=True):
                state.add(reply)
            # 2. Report the matches so far, and see what follows from them.
            if on_matches:
                on_matches(self._matches())
            if self._until is not None and time.monotonic() >= self._until:
                break
            pending = list(self._next_windows())
        return self._matches(), [reply for state in self.states for reply in state.replies]

    @contextmanager
    def _with_replies(self, replies: Sequence[tuple[VideoState, Reply]]) -> Iterator[None]:
        """Count some replies for a while, before all of their round are there."""
        before = [(state, len(state.replies), state.fault) for state in self.states]
        for state, reply in replies:
            state.add(reply)
        try:
            yield
        finally:
            for state, count, fault in before:
                del state.replies[count:]
                state.weighed, state.fault = None, fault

    def _matches(self) -> list[Match]:
        found = [pair for state in self.states for pair in self._maker.matches_of(state)]
        if self._limit is None or self._options.everything:
            return rank(found, limit=len(found), per_video=len(found))
        return rank(found, limit=self._limit, per_video=self._per_video)

    # -- Which windows -------------------------------------------------------------------------------------

    def _first_windows(self) -> list[tuple[VideoState, Span]]:
        """Windows that the index leads to; or all.

        The first that texts lead to of every candidate comes before the second of any. After every two of
        these comes one that pictures lead to, the most evidence first, so that neither crowds out the other.
        """
        best = max((hit.similarity for state in self.states for hit in state.candidate.hits), default=0.0)
        # A file that the user named is always tried, so that the error about it is reported.
        usable = [state for state in self.states if (state.reachable or self._segment) and not state.fault]
        leads = [
            state.contain(partial(lead_windows, state.candidate.hits, state.windows, floor=best - ASK_WITHIN))
            for state in usable
        ]
        columns = [[(state, window) for window in found] for state, found in zip(usable, leads, strict=True)]
        worded = [pair for row in zip_longest(*columns) for pair in row if pair is not None]
        pictured = self._pictured_windows(usable)
        both = [
            pair
            for row in zip_longest(worded[::2], worded[1::2], pictured)
            for pair in row
            if pair is not None
        ]
        chosen = list(dict.fromkeys(both))[: self._options.max_windows]  # a state is equal to itself alone
        required = [(state, window) for state in usable for window in self._required_windows(state)]
        chosen += [pair for pair in required if pair not in chosen]
        if not self._options.exhaustive and self._segment is None:
            return chosen
        known = {(id(state), window) for state, window in chosen}
        return chosen + [
            (state, window.span)
            for state in usable
            for window in state.windows
            if (id(state), window.span) not in known
        ]

    def _pictured_windows(self, states: Sequence[VideoState]) -> list[tuple[VideoState, Span]]:
        """The windows that hold most of each moment that pictures lead to, the most evidence first."""
        leads = [(state, lead) for state in states if state.pictures for lead in state.pictures.leads]
        leads.sort(key=lambda pair: -pair[1].evidence)  # stable: the candidates are in order
        return [
            (state, window)
            for state, lead in leads
            for window in state.contain(partial(holding_windows, lead.span, state.windows))[:1]
        ]

    def _required_windows(self, state: VideoState) -> list[Span]:
        """The windows that show most of each moment to ask about in any case."""
        moments = self._options.at.get(state.video.content_id, ())
        best = (
            max(state.windows, key=lambda window: overlap_seconds(window.span, moment)).span
            for moment in moments
            if state.windows
        )
        return list(dict.fromkeys(best))

    def _next_windows(self) -> Iterator[tuple[VideoState, Span]]:
        """Windows worth asking about after the replies so far, none twice."""
        for state in self.states:
            if not state.replies or state.fault:
                continue
            windows = state.contain(partial(self._worth_asking, state))
            for window in dict.fromkeys(windows):
                if not state.was_asked(window):
                    yield state, window

    def _worth_asking(self, state: VideoState) -> Iterator[Span]:
        weighed = self._maker.weighed(state)
        named = [each.named for each in weighed]
        rivals = confirmed(named)
        thresholds = self._options.thresholds
        found = [each.named for each in weighed if each.confidence >= thresholds.found]
        chosen: list[Span] = []
        for each in weighed:
            span, evidence = each.named.span, each.evidence
            looks = [reply.seen for reply in (*each.named.replies, *evidence.others)]
            # A span that is likely if it stays is looked at once more through a moved window.
            if len(looks) < 2 and self._confidence_if_confirmed(each) >= thresholds.not_found:
                if self._several and any(shows_anew(window, span, looks) for window in chosen):
                    continue
                free = self._free(state, span, rivals)
                moved = moved_window(span, looks, within=free, length_seconds=self._window_seconds)
                if moved is not None:
                    chosen.append(moved)
                    yield moved
                    continue
            # The event may happen again before and after a span that is found.
            if each.named in found:
                free = self._free(state, span, found)
                near = around(span, within=free, length_seconds=self._window_seconds)
                yield from self._unseen(state, near, chosen) if self._several else near
        yield from self._unmet_captions(state, named)

    def _unseen(self, state: VideoState, windows: Iterable[Span], chosen: list[Span]) -> Iterator[Span]:
        """Windows on the parts of some windows that no answer about all spans of a window covers.

        Args:
            state: The video.
            windows: The windows.
            chosen: Windows that the model will be asked about anyway; those that are found are added.
        """
        seen = [reply.seen for reply in state.replies if reply.complete]
        for window in windows:
            for part in uncovered(window, [*seen, *chosen]):
                free = self._free(state, part, ())
                on_part = window_on(part, within=free, length_seconds=self._window_seconds)
                if part.duration_seconds >= INSTANT_SECONDS and on_part is not None:
                    chosen.append(on_part)
                    yield on_part

    def _unmet_captions(self, state: VideoState, named: Sequence[NamedSpan]) -> Iterator[Span]:
        """Windows centred on captions that match the query and overlap no named span."""
        for hit in best_hits(state.candidate):
            shown = [reply for reply in state.replies if overlap_seconds(reply.seen, hit.span) > 0]
            plausible = hit.similarity >= NEAR and not clash(self._query.text, hit.text)
            met = any(overlap_seconds(hit.span, each.span) > 0 for each in named)
            most = 1 if self._several else MOST_LOOKS
            if hit.owner_kind == "event" and plausible and not met and 0 < len(shown) <= most:
                free = self._free(state, hit.span, named)
                window = window_on(hit.span, within=free, length_seconds=self._window_seconds)
                if window is not None:
                    yield window

    def _confidence_if_confirmed(self, weighed: Weighed) -> float:
        """The confidence if every other window named the same moment."""
        return self._maker.calibration.confidence({**weighed.measures, "shift": 1.0})

    def _free(self, state: VideoState, span: Span, others: Sequence[NamedSpan]) -> Span:
        """The segment around a span, of what is searched, that holds none of the other named spans.

        It may hold them where an answer names all spans.
        """
        taken = [] if self._several else [other.span for other in others]
        free = free_segment(span, taken, duration_seconds=state.video.duration_seconds)
        free = run_of(span, free, state.video.gaps)
        return (clamp(free, self._segment) if self._segment else None) or free
