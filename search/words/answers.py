"""Makes answers of what is said or written: verdict, quoted words, times; asks no model.

A match on words is found with the confidence of the words: that of the recogniser, and less for typing
errors. What is not there is "not found", as far as the tracks go (``SearchCoverage.tracks``); the nearest
lines are then "uncertain", as words may have been misheard or misread.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from footage.core.timecode import format_time, gap_seconds
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import Match, Span, Video
from footage.objects.paths import media_path
from search.grounding.verdict import MATCHES_PER_VIDEO, Thresholds, rank
from search.query.word_terms import WordTerm
from search.words.details import WordDetails, details_of
from search.words.lookup import WordHit, WordIndex, compare_for
from search.words.tokens import tokens_of

if TYPE_CHECKING:
    from footage.store import Store

WORD_MEASURES: dict[str, str] = {
    "words": "likeness of the words that were asked for and those in the text, 1 without a typing error",
    "recognised": "confidence of the recogniser in these words",
}
"""The measures of a match on words."""
LEAST_RELIABLE = 0.5
"""Reliability of words of which the recogniser gives a probability of 0. A wrong reading is rarely the very
words that somebody looks for, so that a match is surer than the probability of the words alone."""
UNKNOWN_CONFIDENCE = {SUBTITLE_TRACK: 0.96}
"""Confidence of words of which nothing says how sure they are: subtitles are mostly typed by people."""
_UNKNOWN = 0.6
NEAREST_CONFIDENCE = 0.49
"""Confidence of a line that sounds exactly like the words and has others; times its likeness. Less than
``search.results.LIKELY``: whatever is nearest is listed below "not found"."""
SAME_MOMENT_SECONDS = 5.0
"""Longest time between what is said or written and what is seen that both count as of one moment: people
talk a little before or after what they show."""
_TRACK_SENTENCES = {
    SPEECH_TRACK: 'The recognised speech has "{text}" at {span}.',
    SUBTITLE_TRACK: 'The subtitles have "{text}" at {span}.',
    SCREEN_TEXT_TRACK: 'The picture shows the text "{text}" at {span}.',
}
_NEAREST_SENTENCES = {
    SPEECH_TRACK: 'The words are not there. Closest in sound: "{text}" in the recognised speech at {span}.',
    SUBTITLE_TRACK: 'The words are not there. Closest in sound: "{text}" in the subtitles at {span}.',
    SCREEN_TEXT_TRACK: 'The words are not there. Closest in letters: the text "{text}" at {span}.',
}
_MISSING = {
    "said": (
        "No speech and no subtitles are indexed: footage index --tracks speech,subtitles.",
        "Speech or subtitles of {there} of {all} are indexed; the others were not heard.",
    ),
    "shows": (
        "No text on screen is indexed: footage index --tracks screen-text.",
        "The text on screen of {there} of {all} is indexed; the others were not read.",
    ),
}


class WordSearch:
    """Answers what is said or written from one index. Several threads may ask."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index: WordIndex | None = None
        self._lock = threading.Lock()

    def hits(
        self, term: WordTerm, *, tracks: Collection[str], content_ids: Collection[str] | None = None
    ) -> list[WordHit]:
        """Every place where words are said or written, by video and time.

        Raises:
            StoreError: the index cannot be read.
        """
        with self._lock:
            return self._lines().search(term, tracks=tracks, content_ids=content_ids)

    def hits_of_all(
        self, words: Sequence[str], *, tracks: Collection[str], content_ids: Collection[str] | None
    ) -> list[tuple[WordHit, bool]]:
        """Where all of some words are, in any order and form, and whether they are in this order there.

        Raises:
            StoreError: the index cannot be read.
        """
        with self._lock:
            return self._lines().search_all(words, tracks=tracks, content_ids=content_ids)

    def nearest(
        self, term: WordTerm, *, tracks: Collection[str], content_ids: Collection[str] | None
    ) -> list[WordHit]:
        """The lines that come nearest to words which no line has.

        Raises:
            StoreError: the index cannot be read.
        """
        with self._lock:
            return self._lines().nearest(term, tracks=tracks, content_ids=content_ids)

    def _lines(self) -> WordIndex:
        lines = self._store.texts.lines()
        if self._index is None or self._index.lines is not lines:
            self._index = WordIndex(lines)
        return self._index

    def matches(
        self,
        term: WordTerm,
        *,
        tracks: Collection[str],
        content_ids: Collection[str] | None,
        thresholds: Thresholds,
        limit: int,
        per_video: int = MATCHES_PER_VIDEO,
        leave_out: Sequence[WordHit] = (),
        nearest: bool = False,
    ) -> list[Match]:
        """The places where words are said or written: the very words first, then the surest videos.

        Args:
            term: The words.
            tracks: Where to look.
            content_ids: Only in these videos; in all when None.
            thresholds: Turn confidence into a verdict.
            limit: Most matches.
            per_video: Most matches of one video that are not found.
            leave_out: No match at the moment of one of these.
            nearest: Where no line has the words, the nearest ones instead; they are never found.

        Raises:
            StoreError: the index cannot be read.
        """
        hits = self.hits(term, tracks=tracks, content_ids=content_ids)
        if nearest and not hits:
            hits = self.nearest(term, tracks=tracks, content_ids=content_ids)
        return self.made(
            term, hits, thresholds=thresholds, limit=limit, per_video=per_video, leave_out=leave_out
        )

    def made(
        self,
        term: WordTerm,
        hits: Sequence[WordHit],
        *,
        thresholds: Thresholds,
        limit: int,
        per_video: int = MATCHES_PER_VIDEO,
        leave_out: Sequence[WordHit] = (),
    ) -> list[Match]:
        """The matches of some places where words are, as ``matches``."""
        hits = [
            hit for hit in hits if not any(at_moment(other, hit.content_id, hit.span) for other in leave_out)
        ]
        # The best by their lines; only of these the words' own times are read.
        first = sorted(
            range(len(hits)),
            key=lambda n: (hits[n].likeness < 1, -round(_confidence(hits[n], hits[n].confidence), 3), n),
        )
        chosen = [hits[n] for n in sorted(first[:limit])]
        ranked = rank(
            [(match, match.confidence or 0.0) for match in self._made(chosen, term, thresholds)],
            limit=limit,
            per_video=per_video,
        )
        return sorted(ranked, key=lambda match: match.score < 1)

    def _made(self, hits: Sequence[WordHit], term: WordTerm, thresholds: Thresholds) -> Iterable[Match]:
        contents = list(dict.fromkeys(hit.content_id for hit in hits))
        videos = self._store.videos.known(contents)
        paths = {content_id: self._store.files.path_of(content_id) for content_id in contents}
        offline = {content_id: not media_path(path).is_file() for content_id, path in paths.items()}
        for hit, details in zip(hits, self._details(hits, term), strict=True):
            if (video := videos.get(hit.content_id)) is not None:
                path = paths[hit.content_id]
                yield word_match(hit, details, video, path, thresholds, offline=offline[hit.content_id])

    def _details(self, hits: Sequence[WordHit], term: WordTerm) -> list[WordDetails]:
        """What the records say about the words of some hits."""
        wanted, compare = tokens_of(term.text, loose=term.fuzzy), compare_for(term)
        places: dict[str, set[tuple[str, int]]] = {}
        for hit in hits:
            for line in hit.lines:
                places.setdefault(hit.track, set()).update(
                    (hit.content_id, index) for index in line.window_indexes
                )
        records = {track: self._store.windows.some(some, track=track) for track, some in places.items()}
        return [
            details_of(
                hit,
                wanted,
                [
                    event
                    for index in sorted({index for line in hit.lines for index in line.window_indexes})
                    if (record := records[hit.track].get((hit.content_id, index))) is not None
                    for event in record.caption.events
                ],
                compare,
            )
            for hit in hits
        ]


def word_match(
    hit: WordHit,
    details: WordDetails,
    video: Video,
    path: str,
    thresholds: Thresholds,
    *,
    offline: bool,
) -> Match:
    """The match for a place where words are said or written."""
    confidence = _confidence(hit, details.confidence)
    span = details.span
    times = f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"
    sentences = _NEAREST_SENTENCES if hit.nearest else _TRACK_SENTENCES
    evidence = [sentences[hit.track].format(text=hit.text, span=times)]
    if hit.likeness < 1 and not hit.nearest:
        evidence.append("The words are spelled differently there.")
    measures = [("words", round(hit.likeness, 4))]
    if details.confidence is not None:
        evidence.append(f"The recogniser is {details.confidence:.0%} sure of these words.")
        measures.append(("recognised", round(details.confidence, 4)))
    return Match(
        video=video,
        path=path,
        span=span,
        text=hit.text,
        score=round(hit.likeness, 6),
        grounded=False,
        verdict="uncertain" if hit.nearest else thresholds.verdict(confidence),
        confidence=confidence,
        measures=tuple(measures),
        evidence=tuple(evidence),
        offline=offline,
        track=hit.track,
        marks=hit.marks,
        language=next((line.language for line in hit.lines if line.language), ""),
        boxes=details.boxes,
    )


def _confidence(hit: WordHit, recognised: float | None) -> float:
    """How sure it is that the words are said or written there, 0 to 1."""
    if hit.nearest:  # that a recogniser doubts what it misheard speaks for them
        return round(NEAREST_CONFIDENCE * hit.likeness, 4)
    if recognised is None:
        recognised = UNKNOWN_CONFIDENCE.get(hit.track, _UNKNOWN)
    reliable = LEAST_RELIABLE + (1 - LEAST_RELIABLE) * min(max(recognised, 0.0), 1.0)
    return round(reliable * hit.likeness, 4)


def at_moment(hit: WordHit, content_id: str, span: Span) -> bool:
    """Whether words are said or written at about the time of something in a video."""
    return hit.content_id == content_id and gap_seconds(hit.span, span) <= SAME_MOMENT_SECONDS


def missing_tracks(term: WordTerm, tracks: Collection[str], *, there: int, videos: int) -> str:
    """A sentence where a term is looked for in tracks that videos lack, some of them or all; else empty.

    Args:
        term: The words.
        tracks: The tracks that are searched.
        there: How many of the videos have any of these.
        videos: How many videos are searched.
    """
    if not tracks:
        return f"{term.typed} is looked for in {' and '.join(term.tracks)}, which the query leaves out."
    nothing, some = _MISSING[term.kind]
    if there == 0 and videos:
        return nothing
    if there < videos:
        return some.format(there=there, all=f"{videos:,} videos")
    return ""
