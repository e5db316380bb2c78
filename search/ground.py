"""Turns candidates into matches: asks the model about windows and holds its answers against the index.

It knows neither how the candidates were found nor how pictures are decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from footage import video as video_file
from footage.errors import DecodeError, UsageError
from footage.timecode import clamp, iou, overlap_seconds
from footage.types import Candidate, Hit, Match, Span, Window
from footage.vlm.protocol import Answer, VideoModel
from footage.windows import plan_windows
from search.asking import Question, Reply, ask
from search.query import parse_query
from search.seams import Place, places
from search.verdict import Evidence, answer_score, chosen_span, clock, describe, judge, rank
from search.wording import unsaid, words_of

if TYPE_CHECKING:
    from footage.store import Store

logger = logging.getLogger(__name__)

MAX_WINDOWS = 6
"""Windows the model is asked about per query: what a person waits for."""
ASK_WITHIN = 0.15
"""A window is worth asking about when its best text scores at most this much below the best of all."""
SAME_WITHIN = 0.03
"""Texts of one video whose scores differ by no more than this answer a query alike: occurrences of one
event."""
MATCHES_PER_VIDEO = 3
"""Most matches of one video, so that a long video does not fill the list."""


def text_matches(
    candidates: Sequence[Candidate], *, store: Store, limit: int = 5, per_video: int = MATCHES_PER_VIDEO
) -> list[Match]:
    """What the index alone answers, best first: each candidate's best text and its further occurrences.

    Every verdict is "uncertain": nobody was asked.
    """
    found = [
        (_from_text(candidate, hit, _path(candidate, store)), hit.score + _evidence(hit).bonus)
        for candidate in candidates
        for hit in _occurrences(candidate)
    ]
    return rank(found, limit=limit, per_video=per_video)


def ground(
    query_text: str,
    candidates: Sequence[Candidate],
    *,
    store: Store,
    model: VideoModel,
    max_windows: int = MAX_WINDOWS,
    limit: int = 5,
    per_video: int = MATCHES_PER_VIDEO,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Match]:
    """Ask the model when the query takes place in the best windows of the candidates.

    The first window of every candidate is asked before the second of any. Candidates beyond ``max_windows``,
    and those whose file is gone or cannot be decoded, keep what the index says, ungrounded and with the
    reason as evidence.

    Args:
        query_text: What to look for, as the prompt takes it.
        candidates: Where to look, best first.
        store: The index the candidates come from; says which files hold them.
        model: Whom to ask.
        max_windows: Most windows to ask about.
        limit: Most matches.
        per_video: Most matches of one video.
        timeout_seconds: Give up on a window's decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Returns:
        Matches, best first (see ``search.verdict.rank``).

    Raises:
        UsageError: when nothing of the query can go into a prompt.
        ModelError: when the model fails.
    """
    # 1. Choose the windows and ask.
    paths = {candidate.video.content_id: _path(candidate, store) for candidate in candidates}
    questions = [
        Question(candidate.video, paths[candidate.video.content_id], window)
        for candidate, window in _worth_asking(candidates)
        if Path(paths[candidate.video.content_id]).is_file()
    ][:max_windows]
    replies = ask(
        query_text, questions, model=model, timeout_seconds=timeout_seconds, on_progress=on_progress
    )

    # 2. Hold the answers of each video against what the index has there.
    found: list[tuple[Match, float]] = []
    for candidate in candidates:
        content_id = candidate.video.content_id
        heard = [reply for reply in replies if reply.question.window.content_id == content_id]
        found += _matches(query_text, candidate, paths[content_id], heard)

    # 3. Best first.
    return rank(found, limit=limit, per_video=per_video)


def find_in_file(
    path: str | PathLike[str],
    text: str,
    *,
    model: VideoModel,
    window_seconds: float | None = None,
    overlap_seconds: float | None = None,
    span: Span | None = None,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Match]:
    """Ask the model about every window of one file, without an index.

    The model names a span in every window, whether the event is there or not, and here nothing indexed speaks
    for or against it. So every match is "uncertain", and the order is that of
    ``search.verdict.answer_score``.

    Args:
        path: The file.
        text: What to look for.
        model: Whom to ask.
        window_seconds: Length of a window; the model's own when None.
        overlap_seconds: What neighbouring windows share; the model's own when None.
        span: Look only here, in video time; everywhere when None.
        timeout_seconds: Give up on decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Returns:
        Matches, best first, one for each place the model named; overlapping windows that agree give one.

    Raises:
        UsageError: when the query is no query, or the span lies outside the video.
        VideoError: when the file cannot be read, or none of its windows can.
        ModelError: when the model fails.
    """
    query = parse_query(text, plain=True)
    video = video_file.probe(path, timeout_seconds=timeout_seconds)
    whole = Span(0, video.duration_seconds)
    part = whole if span is None else clamp(span, whole)
    if part is None or part.duration_seconds == 0:
        raise UsageError(
            f"There is nothing at {clock(span or whole)}: {path} lasts {video.duration_seconds:.1f} s."
        )
    profile = model.profile
    windows = plan_windows(
        video.content_id,
        part.duration_seconds,
        window_seconds=profile.window_seconds if window_seconds is None else window_seconds,
        overlap_seconds=profile.overlap_seconds if overlap_seconds is None else overlap_seconds,
    )
    questions = [Question(video, str(path), _shifted(window, part.start_seconds)) for window in windows]
    replies = ask(
        query.prompt, questions, model=model, timeout_seconds=timeout_seconds, on_progress=on_progress
    )
    unseen = [reply for reply in replies if reply.problem]
    if len(unseen) == len(replies):
        raise DecodeError(unseen[0].problem)
    for reply in unseen:
        logger.warning("%s was not looked at: %s", clock(reply.question.window.span), reply.problem)
    matches = [_from_answer(place) for place in places(replies)]
    return rank([(match, match.score) for match in matches], limit=len(matches), per_video=len(matches))


def _worth_asking(candidates: Sequence[Candidate]) -> list[tuple[Candidate, Window]]:
    """Windows near the best score, the first of every candidate before the second of any."""
    floor = max((hit.similarity for c in candidates for hit in c.hits), default=0.0) - ASK_WITHIN
    columns = [
        [
            (candidate, window)
            for window in candidate.windows
            if any(hit.similarity >= floor for hit in _hits_in(candidate, window))
        ]
        for candidate in candidates
    ]
    return [pair for row in zip_longest(*columns) for pair in row if pair is not None]


def _hits_in(candidate: Candidate, window: Window) -> list[Hit]:
    """A candidate's hits in one of its windows, best first."""
    return [hit for hit in candidate.hits if window.index in hit.window_indexes]


def _occurrences(candidate: Candidate) -> list[Hit]:
    """The best hit of a candidate and those that answer as well."""
    best = candidate.hits[0]
    return [
        hit
        for hit in candidate.hits
        if hit.similarity >= best.similarity - SAME_WITHIN and hit.owner_kind == best.owner_kind
    ]


def _matches(
    query_text: str, candidate: Candidate, path: str, replies: Sequence[Reply]
) -> list[tuple[Match, float]]:
    """All matches of one candidate, each with what it is ordered by: retrieval's score and its evidence."""
    matches: list[tuple[Match, float]] = []
    answered: set[str] = set()

    # 1. What the model named, each with the indexed text it is held against. Of two answers about the same
    #    text the agreeing one stands, as the other window may well not show the event at all.
    for match, hit, evidence in sorted(
        (_held_against(query_text, candidate, place) for place in places(replies)),
        key=lambda found: not found[2].agree,
    ):
        if hit.owner_id not in answered or hit.owner_kind == "scene":
            answered.add(hit.owner_id)
            matches.append((match, hit.score + evidence.bonus))

    # 2. What only the index has.
    reasons = [reply.problem for reply in replies if reply.problem]
    if not Path(path).is_file():
        reasons.append(
            f"The file {path} cannot be reached now." if path else "No file holds the video any more."
        )
    silent = {reply.question.window.index: reply for reply in replies if reply.answer and reply.span is None}
    for hit in _occurrences(candidate):
        if hit.owner_id in answered or any(overlap_seconds(hit.span, match.span) > 0 for match, _ in matches):
            continue
        reply = next((silent[index] for index in hit.window_indexes if index in silent), None)
        text = _from_text(candidate, hit, path, reply=reply, reasons=reasons)
        matches.append((text, hit.score + _evidence(hit).bonus))
    return matches


def _held_against(query_text: str, candidate: Candidate, place: Place) -> tuple[Match, Hit, Evidence]:
    """The match of a place the model named, the indexed text it is held against, and the evidence.

    Of the texts of its windows that answer equally well, the one that fits the place best.
    """
    hits = {
        hit.owner_id: hit for reply in place.replies for hit in _hits_in(candidate, reply.question.window)
    }
    best = max(hit.similarity for hit in hits.values())
    hit = max(
        (hit for hit in hits.values() if hit.similarity >= best - SAME_WITHIN),
        key=lambda hit: (hit.owner_kind == "event", iou(hit.span, place.span), hit.similarity),
    )
    evidence = _evidence(hit, place.span, unsaid=unsaid(words_of(query_text), hit.text))
    shown = max(place.replies, key=lambda reply: overlap_seconds(hit.span, reply.question.window.span))
    span = chosen_span(evidence, shown.question.window.span)
    match = replace(
        _from_answer(place, shown),
        span=span,
        grounded=span == place.span,
        text=hit.text,
        score=hit.similarity,
        verdict=judge(evidence),
        evidence=(*describe(evidence, hit.text, shown.question.window, shown.answer), *_agreement(place)),
    )
    return match, hit, evidence


def _evidence(hit: Hit, answered: Span | None = None, *, unsaid: str = "") -> Evidence:
    """What is known where the index has this text."""
    indexed = hit.span if hit.owner_kind == "event" else None
    return Evidence(hit.similarity, indexed, answered, unsaid=unsaid, sightings=len(hit.window_indexes))


def _from_text(
    candidate: Candidate, hit: Hit, path: str, *, reply: Reply | None = None, reasons: Sequence[str] = ()
) -> Match:
    """A match that rests on the index alone; ``reply`` is an answer that could not be read, if any."""
    evidence = _evidence(hit)
    window = reply.question.window if reply else None
    answer = reply.answer if reply else None
    return Match(
        video=candidate.video,
        path=path,
        span=hit.span,
        text=hit.text,
        score=hit.similarity,
        grounded=False,
        verdict=judge(evidence),
        raw=answer.raw if answer else "",
        window=window,
        evidence=(*describe(evidence, hit.text, window, answer), *reasons),
        offline=not Path(path).is_file(),
    )


def _from_answer(place: Place, shown: Reply | None = None) -> Match:
    """A match that rests on the model alone; ``shown`` is the reply to show, the surest when None."""
    shown = shown or max(place.replies, key=_reply_score)
    question, answer = shown.question, _answer(shown)
    evidence = Evidence(_reply_score(shown), None, place.span)
    return Match(
        video=question.video,
        path=question.path,
        span=place.span,
        text="",
        score=evidence.score,
        grounded=True,
        verdict="uncertain",
        raw=answer.raw,
        window=question.window,
        evidence=(
            *describe(evidence, "", question.window, answer),
            *_agreement(place),
            "A model names a span for anything, and nothing indexed was there to compare it with.",
        ),
    )


def _agreement(place: Place) -> tuple[str, ...]:
    return (f"{len(place.replies)} overlapping windows agree.",) if len(place.replies) > 1 else ()


def _shifted(window: Window, seconds: float) -> Window:
    span = Span(window.span.start_seconds + seconds, window.span.end_seconds + seconds)
    return Window(window.content_id, window.index, span)


def _reply_score(reply: Reply) -> float:
    return answer_score(_answer(reply), reply.span or reply.question.window.span, reply.question.window.span)


def _answer(reply: Reply) -> Answer:
    if reply.answer is None:
        raise ValueError(f"window {reply.question.window.index} was not answered: {reply.problem}")
    return reply.answer


def _path(candidate: Candidate, store: Store) -> str:
    """A file that holds the candidate, one that is there if possible; empty when the index knows none."""
    paths = store.paths_of(candidate.video.content_id)
    return next((path for path in paths if Path(path).is_file()), paths[0] if paths else "")
