"""Combines the answers to several events, "A THEN B", into answers to the query; asks no model itself.

The index is searched for each event, over more videos than a single question needs; those that answer all of
them are then searched for each again, with the model. What the answers to the parts have to do with each
other is plain arithmetic of spans.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from footage.core.timecode import gap_seconds, overlap_seconds
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK
from footage.core.types import Match, Span, Verdict
from search.grounding.options import GroundingOptions
from search.grounding.verdict import NEAR
from search.query.lexical_match import clash, unsaid
from search.query.operators import Relation
from search.query.parser import Query
from search.results import Looked, SearchResult, Timings
from search.words.answers import SAME_MOMENT_SECONDS

TOLERANCE_SECONDS = 1.0
"""How much earlier than the end of one event the next may begin: spans have errors, as those of two sightings
of one event do (``footage.core.timeline.SEAM_TOLERANCE_SECONDS``)."""
SAME_TIME_SHARE = 0.5
"""Share of the shorter of two events that happens during the other when both happen at the same time."""
NEAR_WORDS_SECONDS = 20.0
"""How far after or before words the model is to look for what follows or precedes them."""
VIDEOS = 100
"""Most videos that each part brings in; all parts are looked for in the videos of any."""
PER_VIDEO = 10
"""Most answers to one part in one video."""


class PartSearch(Protocol):
    """Searches for one event; arguments as ``search.engine.Engine.search``."""

    def __call__(
        self,
        part: Query,
        *,
        limit: int,
        per_video: int,
        ground: bool,
        looking: GroundingOptions,
        content_ids: Collection[str] | None,
    ) -> SearchResult:
        """Search; of a part about words nothing is asked of the model."""
        ...


def search_parts(
    query: Query,
    search: PartSearch,
    *,
    limit: int,
    ground: bool,
    looking: GroundingOptions,
    content_ids: Collection[str] | None = None,
    on_hits: Callable[[list[Match]], None] | None = None,
) -> SearchResult:
    """Search for the parts of a query and combine the answers; called by ``Engine.search``, the way in.

    Args:
        query: What to look for; it has parts.
        search: Searches for one of them.
        limit: Most answers.
        ground: Ask the model about the best windows; without, every verdict is "not checked".
        looking: How far to look for each part; most windows are most videos, too, and the others keep
            what the index says.
        content_ids: Search only these videos; all when None.
        on_hits: Called with what the index alone answers, before the model is asked.

    Returns:
        Answers in the order of ``combine``. An indexed text that answers two parts counts for the one it is
        nearer to, unless it says all of the other as well.

    Raises:
        FootageError: as ``search``.
    """

    def ask(part: Query, where: Collection[str] | None, most: int) -> SearchResult:
        return search(part, limit=most, per_video=PER_VIDEO, ground=False, looking=looking, content_ids=where)

    # 1. The videos that come near any part; for "without" the first, as the others are to be absent.
    leading = query.parts[:1] if query.relation == "without" else query.parts
    first = [ask(part, content_ids, VIDEOS) for part in leading]
    near = {match.video.content_id for result in first for match in result.matches}

    # 2. The index's answers to every part in these videos.
    texts = [ask(part, near, PER_VIDEO * max(1, len(near))) for part in query.parts]
    matches = _joined(query, texts)
    if on_hits:
        on_hits(matches[:limit])

    # 3. What the model says, in as many of them as it may look at windows: the best one of each,
    #    for every part.
    grounded: list[SearchResult] = []
    if ground:
        videos = _holding(query, matches, texts)[: looking.max_windows]
        grounded = _grounded(query, search, texts, videos, looking)
        unseen = [match for match in matches if match.video.content_id not in videos]
        matches = _ranked([*_joined(query, grounded), *unseen])
    timings = _sum([result.timings for result in (*first, *texts, *grounded)])
    pictures = [each for part, each in zip(query.parts, grounded, strict=False) if part.needs_pictures]
    looked = pictures[-1].looked if pictures else Looked()
    looked = replace(looked, faults=dict(ChainMap(*(dict(each.looked.faults) for each in grounded))))
    return SearchResult(
        query,
        tuple(matches[:limit]),
        first[0].coverage,
        timings,
        looked,
        _notes([*first, *texts[len(first) :]]),
    )


def _grounded(
    query: Query,
    search: PartSearch,
    texts: Sequence[SearchResult],
    videos: Sequence[str],
    looking: GroundingOptions,
) -> list[SearchResult]:
    """What the model says of every part in some videos, given the index's answers to every part."""
    at: dict[str, list[Span]] = {}
    grounded: list[SearchResult] = []
    for number, part in enumerate(query.parts):
        near_words = _moments(query, number, texts, videos, most=looking.max_windows)
        result = search(
            part,
            limit=PER_VIDEO * max(1, len(videos)),
            per_video=PER_VIDEO,
            ground=True,
            looking=replace(looking, at=_both(at, near_words)),
            content_ids=videos,
        )
        grounded.append(result)
        # What must not happen is to be looked for wherever the first part does.
        if query.relation == "without" and number == 0:
            for match in result.matches:
                if match.verdict == "found":
                    at.setdefault(match.video.content_id, []).append(match.span)
    return grounded


def _notes(results: Sequence[SearchResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for result in results for note in result.notes))


def _moments(
    query: Query, number: int, texts: Sequence[SearchResult], videos: Collection[str], *, most: int
) -> dict[str, list[Span]]:
    """When a part that is to be seen may happen, going by the words of the parts beside it; by content id."""
    if not query.parts[number].needs_pictures or query.relation == "without":
        return {}
    sides = ((-1, "after"), (1, "before")) if query.relation == "then" else ()
    beside = [(number + step, side) for step, side in sides if 0 <= number + step < len(query.parts)]
    if query.relation == "and":
        beside = [(other, "at") for other in range(len(query.parts)) if other != number]
    length = min(query.within_seconds or NEAR_WORDS_SECONDS, NEAR_WORDS_SECONDS)
    found: dict[str, list[Span]] = {}
    count = 0
    for other, side in beside:
        for match in texts[other].matches:
            if not _of_words(match) or match.video.content_id not in videos or count >= most:
                continue
            start, end = match.span.start_seconds, match.span.end_seconds
            moment = {
                "at": match.span,
                "after": Span(end, end + length),
                "before": Span(max(0.0, start - length), start),
            }[side]
            found.setdefault(match.video.content_id, []).append(moment)
            count += 1
    return found


def _both(
    one: Mapping[str, Sequence[Span]], other: Mapping[str, Sequence[Span]]
) -> dict[str, Sequence[Span]]:
    return {name: [*one.get(name, ()), *other.get(name, ())] for name in {**one, **other}}


def combine(
    relation: Relation,
    parts: Sequence[Sequence[Match]],
    *,
    within_seconds: float | None = None,
    shown: Sequence[Mapping[str, Sequence[Span]]] = (),
    words: Sequence[bool] = (),
) -> list[Match]:
    """Join the answers to the parts of a query; pure.

    ===========  =============================================================================================
    then         for each answer to the first part the nearest to the next that begins when it has ended, or
                 later (``TOLERANCE_SECONDS``), at most ``within_seconds`` later, and from which the chain can
                 be completed
    and          for each answer to the first part the one to each other that shares most time with it, where
                 every two share at least ``SAME_TIME_SHARE`` of the shorter, or are at most
                 ``SAME_MOMENT_SECONDS`` apart where one is of words
    without      each answer to the first part that shares no time with what the captions have, or the model
                 found, of the others; "found" when it is and the model, asked for each of the others in a
                 window that shows all of it, named nothing there that may be it
    ===========  =============================================================================================

    Answers whose verdict is "not found" are none.

    Args:
        relation: How the parts are related.
        parts: The answers to each part.
        within_seconds: With "then", most seconds between the end of one and the start of the next.
        shown: With "without", the windows that the model was shown for each part, by content id; of a part
            about words what was heard or read.
        words: Which parts are about words alone, with "without".

    Returns:
        Answers, best first: those found before all others, then by score, then the shorter; ties by content
        id and span.
    """
    joined: list[Match] = []
    for matches in _by_video(parts):
        seen = [[match for match in part if match.verdict != "not found"] for part in matches]
        if relation == "then":
            joined += map(_together, _chains(seen, within_seconds))
        elif relation == "and":
            joined += map(_together, filter(None, (_at_once((match,), seen[1:]) for match in seen[0])))
        else:
            others = [match for part in seen[1:] for match in part]
            windows = [each.get(seen[0][0].video.content_id, ()) for each in shown[1:]] if seen[0] else []
            joined += [
                _without(
                    match,
                    others,
                    windows if len(windows) == len(parts) - 1 else [()],
                    only_words=bool(words) and all(words[1:]),
                )
                for match in seen[0]
                if not any(_rules_out(other, match) for other in others)
            ]
    return _ranked(joined)


def _ranked(joined: Sequence[Match]) -> list[Match]:
    return sorted(
        joined,
        key=lambda match: (
            match.verdict != "found",
            -match.score,
            match.span.duration_seconds,
            match.video.content_id,
            match.span,
        ),
    )


def _joined(query: Query, results: Sequence[SearchResult]) -> list[Match]:
    return combine(
        query.relation,
        _about_their_part(query.parts, results),
        within_seconds=query.within_seconds,
        shown=[result.looked.shown for result in results],
        words=[not part.needs_pictures for part in query.parts],
    )


def _about_their_part(parts: Sequence[Query], results: Sequence[SearchResult]) -> list[list[Match]]:
    """The answers to each part that are about it, by their texts; those not found are kept as they are."""
    found = [result.matches for result in results]
    best: list[Mapping[str, float]] = [
        {match.text: match.score for match in sorted(matches, key=lambda match: match.score)}
        for matches in found
    ]

    def about(match: Match, number: int) -> bool:
        if match.verdict == "not found" or not parts[number].words or match.parts:
            return True
        if match.track == IMAGE_TRACK:
            return True  # it is listed only where it comes near
        if not unsaid(parts[number].words, match.text):
            return True
        if match.grounded and not match.text and match.score > 0:
            return True  # of a video without captions the model alone answers
        if match.verdict != "found" and clash(parts[number].text, match.text):
            return False
        others = max(scores.get(match.text, 0.0) for scores in (*best[:number], *best[number + 1 :]))
        return bool(match.score >= max(NEAR, others))

    return [[match for match in matches if about(match, number)] for number, matches in enumerate(found)]


def _holding(query: Query, joined: Sequence[Match], results: Sequence[SearchResult]) -> list[str]:
    """Content ids of the videos that hold what is asked for, those first where the relation holds."""
    needed = _about_their_part(query.parts, results)[: 1 if query.relation == "without" else None]
    if any(part.only_words for part in query.parts[: len(needed)]):  # words lead to videos without captions
        needed = [each for part, each in zip(query.parts, needed, strict=False) if part.only_words]
    scores: list[dict[str, float]] = [{} for _ in needed]
    for best, matches in zip(scores, needed, strict=True):
        for match in matches:
            content_id = match.video.content_id
            best[content_id] = max(best.get(content_id, 0.0), match.score)
    holding = set.intersection(*(set(best) for best in scores))
    ranked = sorted(holding, key=lambda content_id: (-min(best[content_id] for best in scores), content_id))
    return list(dict.fromkeys([*(match.video.content_id for match in joined), *ranked]))


def _by_video(parts: Sequence[Sequence[Match]]) -> list[list[list[Match]]]:
    """The answers to each part, one video after the other."""
    videos: dict[str, list[list[Match]]] = {}
    for number, matches in enumerate(parts):
        for match in matches:
            videos.setdefault(match.video.content_id, [[] for _ in parts])[number].append(match)
    return list(videos.values())


def _chains(parts: Sequence[Sequence[Match]], within_seconds: float | None) -> list[tuple[Match, ...]]:
    """For each answer to the first part the nearest chain of one video that it begins, from the last back."""
    chains: list[tuple[Match, ...]] = [(match,) for match in parts[-1]]
    for matches in reversed(parts[:-1]):
        tails = sorted(
            chains, key=lambda chain: (chain[0].span.start_seconds, -chain[0].score, chain[0].span)
        )
        chains = [
            (match, *tail)
            for match in matches
            if (tail := next((t for t in tails if _follows(match.span, t[0].span, within_seconds)), None))
        ]
    return chains


def _at_once(chosen: tuple[Match, ...], rest: Sequence[Sequence[Match]]) -> tuple[Match, ...]:
    """What is chosen with an answer to each further part at the same time; empty where there is none."""
    if not rest:
        return chosen
    fitting = [match for match in rest[0] if all(_same_moment(other, match) for other in chosen)]
    for match in sorted(
        fitting,
        key=lambda match: (
            -overlap_seconds(chosen[0].span, match.span),
            gap_seconds(chosen[0].span, match.span),
            -match.score,
            match.span,
        ),
    ):
        if whole := _at_once((*chosen, match), rest[1:]):
            return whole
    return ()


def _follows(first: Span, second: Span, within_seconds: float | None) -> bool:
    gap = second.start_seconds - first.end_seconds
    return (
        gap >= -TOLERANCE_SECONDS
        and second.start_seconds > first.start_seconds
        and (within_seconds is None or gap <= within_seconds)
    )


def _same_moment(one: Match, other: Match) -> bool:
    """Whether two answers are of one moment; words may be a little before or after what is seen."""
    if _of_words(one) or _of_words(other):
        return gap_seconds(one.span, other.span) <= SAME_MOMENT_SECONDS
    return _same_time(one.span, other.span)


def _of_words(match: Match) -> bool:
    return match.track not in (CAPTION_TRACK, IMAGE_TRACK)


def _same_time(one: Span, other: Span) -> bool:
    shorter = min(one.duration_seconds, other.duration_seconds)
    return _overlap(one, other) and overlap_seconds(one, other) >= SAME_TIME_SHARE * shorter


def _overlap(one: Span, other: Span) -> bool:
    """Whether two spans share an instant; an empty one is the instant it begins at."""
    return one.start_seconds == other.start_seconds or (
        one.start_seconds < other.end_seconds and other.start_seconds < one.end_seconds
    )


def _together(parts: tuple[Match, ...]) -> Match:
    # Words that are found leave the verdict to what is seen.
    verdicts = {match.verdict for match in parts if not (_of_words(match) and match.verdict == "found")}
    span = Span(
        min(match.span.start_seconds for match in parts), max(match.span.end_seconds for match in parts)
    )
    return _combined(
        parts,
        span,
        "found" if verdicts <= {"found"} else "not checked" if verdicts == {"not checked"} else "uncertain",
    )


def _combined(
    parts: tuple[Match, ...], span: Span, verdict: Verdict, evidence: tuple[str, ...] = ()
) -> Match:
    """One answer made of its parts, with the score and confidence of the weakest; None if one has none."""
    confidences = [part.confidence for part in parts]
    known = [confidence for confidence in confidences if confidence is not None]
    seen = [part for part in parts if not _of_words(part)]
    tracks = {part.track for part in parts}
    return Match(
        video=parts[0].video,
        path=parts[0].path,
        span=span,
        text=" … ".join(part.text for part in parts if part.text),
        score=min(part.score for part in parts),
        grounded=bool(seen) and all(part.grounded for part in seen),
        verdict=verdict,
        confidence=min(known) if len(known) == len(parts) else None,
        calibrated=all(part.calibrated for part in seen),
        window=parts[0].window if len(parts) == 1 else None,
        evidence=evidence,
        offline=parts[0].offline,
        parts=parts,
        track=tracks.pop() if len(tracks) == 1 else CAPTION_TRACK,
    )


def _rules_out(other: Match, match: Match) -> bool:
    """Whether what must not happen does at the time of a match: the captions say so, or it is found."""
    if _of_words(other) or _of_words(match):
        return other.verdict == "found" and _same_moment(other, match)
    # A picture that comes near is no more than a doubt.
    certain = other.verdict == "found" or not (other.grounded or other.track == IMAGE_TRACK)
    return certain and _overlap(other.span, match.span)


def _without(
    match: Match, others: Sequence[Match], windows: Sequence[Sequence[Span]], *, only_words: bool
) -> Match:
    """The answer that ``match`` is where none of the others were seen, or said."""
    looked = all(any(_shows(window, match.span) for window in each) for each in windows)
    doubt = any(_overlap(match.span, other.span) for other in others)
    if doubt:
        why = "The model found something there that may be the excluded event."
    elif looked and only_words:
        why = "What must not be said or written there was not heard or read."
    elif only_words:
        why = "Nothing is known of what is said or written there."
    elif looked:
        why = "The model searched for the excluded event there and did not find it."
    else:
        why = "No caption mentions the excluded event there; the model checked only a part."
    if only_words and looked and not doubt:
        verdict = match.verdict
    else:
        verdict = _absence_verdict(match.verdict, looked=looked, doubt=doubt)
    return _combined((match,), match.span, verdict, (why,))


def _absence_verdict(verdict: Verdict, *, looked: bool, doubt: bool) -> Verdict:
    """The sentence about an event during which others must not happen."""
    if verdict == "found":
        return "found" if looked and not doubt else "uncertain"
    return verdict if verdict == "not checked" and not looked else "uncertain"


def _shows(window: Span, span: Span) -> bool:
    """Whether a window shows all of a span."""
    return (
        window.start_seconds - TOLERANCE_SECONDS <= span.start_seconds
        and span.end_seconds <= window.end_seconds + TOLERANCE_SECONDS
    )


def _sum(timings: Sequence[Timings]) -> Timings:
    return Timings(
        retrieve_seconds=sum(timing.retrieve_seconds for timing in timings),
        load_seconds=sum(timing.load_seconds for timing in timings),
        ground_seconds=sum(timing.ground_seconds for timing in timings),
    )
