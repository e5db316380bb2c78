"""Joins what is seen, said and written in the answers to a plain query; asks no model.

1. A query of three words or more that is said or written word for word comes first.
2. Then what is found in the pictures, then what is found in words: each at most half of the list, as long as
   the other has something to show.
3. Then everything else by evidence, in one unit for all tracks (``search.retrieval.lines``). Words that only
   mean something similar are never found: they are "not checked", and a sentence says so.

What is seen and what is said at one moment support each other: then the evidence of each says so, and what is
found becomes surer. Without other tracks than captions nothing here changes an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.timecode import format_time, gap_seconds
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK
from footage.core.types import Match, Video
from footage.objects.paths import media_path
from search.grounding.options import GroundingOptions
from search.query.parser import Query
from search.retrieval.lines import LineHit
from search.retrieval.retriever import Retriever
from search.words.answers import SAME_MOMENT_SECONDS, WordSearch, at_moment
from search.words.lookup import WordHit
from search.words.sentences import phrase_of, sentence_hits

if TYPE_CHECKING:
    from footage.store import Store

VERY_WORDS = 3
"""Fewest words of a query that comes first where it is said word for word."""
SUPPORT = 0.5
"""Share of the doubt about what is seen that words at the same moment take away, times their confidence."""
PER_VIDEO = 3
"""Most similar lines of one video."""


class PlainQueries:
    """Answers plain queries from the words of one index."""

    def __init__(self, store: Store, words: WordSearch, retriever: Retriever) -> None:
        self._store = store
        self._words = words
        self._retriever = retriever

    def joined(
        self,
        query: Query,
        seen: Sequence[Match],
        *,
        limit: int,
        looking: GroundingOptions,
        content_ids: Collection[str] | None,
        leave_out: Sequence[WordHit] = (),
        similar: bool = True,
    ) -> list[Match]:
        """The answers of the pictures with those of the words.

        Args:
            query: What was looked for.
            seen: The answers of the pictures, best first.
            limit: Most answers.
            looking: Thresholds of the verdicts.
            content_ids: Only these videos; all when None.
            leave_out: No words at the moment of one of these.
            similar: Whether words of a similar meaning count.

        Raises:
            StoreError: the index cannot be read.
        """
        tracks = query.word_tracks & self._store.status().tracks.keys()
        if not tracks:
            return list(seen)
        # 1. What is said or written, and what is near in meaning.
        hits = sentence_hits(self._words, query, tracks=tracks, content_ids=content_ids)
        said = self._words.made(
            phrase_of(query), hits, thresholds=looking.thresholds, limit=limit, leave_out=leave_out
        )
        lines = self._retriever.lines(query, content_ids) if similar else []
        near = [(match, line.evidence) for match, line in self._similar(lines, said, leave_out)]

        # 2. What is seen and said at once.
        supported = [_supported(match, said, looking) for match in seen]
        said = [_with_pictures(match, seen, known=query.searches(CAPTION_TRACK)) for match in said]

        # 3. One list.
        first = [match for match in said if match.score == 1 and len(query.words) >= VERY_WORDS]
        pictures = [match for match in supported if match.verdict == "found"]
        others = [match for match in said if match.verdict == "found" and match not in first]
        known = [*_shared(first, pictures, limit), *others] if first else _shared(pictures, others, limit)
        rest = [match for match in said if match.verdict != "found" and match not in first]
        by_evidence = self._by_evidence(query, [match for match in supported if match not in pictures], near)
        return list(dict.fromkeys([*known, *rest, *by_evidence]))[:limit]

    def _similar(
        self, lines: Sequence[LineHit], said: Sequence[Match], leave_out: Sequence[WordHit]
    ) -> list[tuple[Match, LineHit]]:
        """The lines near the meaning of the query, those that are quoted already left out."""
        count: dict[str, int] = {}
        chosen = []
        for line in lines:
            hit = line.hit
            quoted = any(
                match.video.content_id == hit.content_id and gap_seconds(match.span, hit.span) == 0
                for match in said
            )
            if quoted or any(at_moment(words, hit.content_id, hit.span) for words in leave_out):
                continue
            count[hit.content_id] = count.get(hit.content_id, 0) + 1
            if count[hit.content_id] <= PER_VIDEO:
                chosen.append(line)
        videos = self._store.videos.known(sorted(count))
        paths = {content_id: self._store.files.path_of(content_id) for content_id in count}
        return [
            (_line_match(line, videos[line.hit.content_id], paths[line.hit.content_id]), line)
            for line in chosen
            if line.hit.content_id in videos
        ]

    def _by_evidence(
        self, query: Query, seen: Sequence[Match], near: Sequence[tuple[Match, float]]
    ) -> list[Match]:
        """What is seen in its own order, what is near among it by evidence."""
        merged: list[Match] = []
        waiting = list(near)
        for match in seen:
            evidence = self._retriever.beyond_chance(query, match.score)
            while waiting and waiting[0][1] > max(evidence, 0.0) and match.verdict != "uncertain":
                merged.append(waiting.pop(0)[0])
            merged.append(match)
        return [*merged, *(match for match, _ in waiting)]


def _shared(first: Sequence[Match], second: Sequence[Match], limit: int) -> list[Match]:
    """Two lists one after the other, each at most half of the whole where the other has enough."""
    half = max(1, limit // 2)
    kept = max(half, limit - len(second))
    return [*first[:kept], *second, *first[kept:]] if len(first) > kept else [*first, *second]


def _line_match(line: LineHit, video: Video, path: str) -> Match:
    """The match for a line of a similar meaning."""
    hit = line.hit
    kind = "written" if hit.track == SCREEN_TEXT_TRACK else "said"
    times = f"{format_time(hit.span.start_seconds)}-{format_time(hit.span.end_seconds)}"
    return Match(
        video=video,
        path=path,
        span=hit.span,
        text=hit.text,
        score=round(min(hit.similarity, 1.0), 6),
        grounded=False,
        verdict="not checked",
        evidence=(
            f'At {times} "{hit.text}" is {kind}.',
            f"That is similar in meaning; the words of the query are not {kind} there.",
        ),
        offline=not media_path(path).is_file(),
        track=hit.track,
        language=hit.language,
    )


def _supported(match: Match, said: Sequence[Match], looking: GroundingOptions) -> Match:
    """What is seen, surer where the words are said or written at that moment."""
    there = [other for other in said if _at_once(match, other) and other.verdict == "found"]
    if not there:
        return match
    best = max(there, key=lambda other: other.confidence or 0.0)
    kind = "written" if best.track == SCREEN_TEXT_TRACK else "said"
    start = format_time(best.span.start_seconds)
    evidence = (*match.evidence, f'It is {kind}, too, at {start}: "{best.text}".')
    if match.confidence is None or not match.grounded or match.verdict == "not found":
        return replace(match, evidence=evidence)
    sure = best.confidence or 0.0
    confidence = round(1 - (1 - match.confidence) * (1 - SUPPORT * sure), 4)
    return replace(
        match,
        evidence=evidence,
        confidence=confidence,
        verdict=looking.thresholds.verdict(confidence),
        measures=(*match.measures, ("spoken", round(sure, 4))),
    )


def _with_pictures(match: Match, seen: Sequence[Match], *, known: bool) -> Match:
    """What is said or written, with a sentence on what is seen at that moment."""
    kind = "written" if match.track == SCREEN_TEXT_TRACK else "said"
    there = [other for other in seen if _at_once(match, other)]
    if any(other.verdict == "found" for other in there):
        sentence = "It is seen there, too."
    elif any(other.grounded and other.verdict == "not found" for other in there):
        sentence = f"It is {kind}, and not seen: the model looked there."
    elif known:
        sentence = f"It is {kind}; whether it is seen there was not checked."
    else:
        return match
    return replace(match, evidence=(*match.evidence, sentence))


def _at_once(one: Match, other: Match) -> bool:
    same = one.video.content_id == other.video.content_id
    return same and gap_seconds(one.span, other.span) <= SAME_MOMENT_SECONDS
