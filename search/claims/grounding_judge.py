"""A judge that grounds sentences and captions the video: for models that say when something takes place.

How it decides, for all entries of a video together:

1. It looks for each sentence as claimed. A sighting that overlaps a claimed time is the event, at that time
   or with other ends.
2. Where there is none, it looks for what could be meant: what captions have at that time, and the sentence
   as it is at other times; last the sentence with one detail replaced by its contraries, at the claimed time.
3. Each event is given to one entry: entries with fewer errors come first, then those with an event at their
   time, then surer sightings. So an entry with a wrong colour is not taken for the event in that colour which
   another entry is about.
4. A detail that the winner lacks is contradicted, the others are supported. The time is contradicted where
   each window that the model was shown gives another start or end (see ``time_tolerance``). An entry without
   a winner is contradicted as a whole, unless the model was unsure, or captions have what it does not find:
   then there is no ruling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from footage.core.errors import UsageError
from footage.core.timecode import gap_seconds, iou, overlap_seconds
from footage.core.types import CaptionEvent, Span, Video
from footage.embed.protocol import TextEmbedder
from footage.vlm.contract import INSTANT_SECONDS
from footage.vlm.protocol import VideoModel
from search.claims.extract import details
from search.claims.records import Claim, SeenVideo, Vote
from search.claims.sightings import (
    SentenceGrounder,
    SentenceSighting,
    best_at,
    is_moment,
    seen_by,
    time_tolerance,
)
from search.claims.variants import DetailChange, changes, same_event, units, variants
from search.grounding.evidence import AGREEMENT_IOU, format_span
from search.grounding.options import DEFAULT, GroundingOptions
from search.grounding.window_queries import EventFinder
from search.query.lexical_match import clash, words_of

SAME_IOU = 0.5
"""IoU from which two spans with the same details are one event; the field's usual bar for a right span."""
CLEARLY = 2.0
"""How much higher the log-odds of a sentence with another detail must be than those of the one claimed, where
the model sees both."""
NO_TEXT = "This judge reads no text."
CAPTIONED = "The captions have it, and the model does not find it."
NO_ORDER = "The model does not see both events."


_ORDER = re.compile(r",?\s+(?:and\s+)?(then|before|after)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Some claims that are judged together, and the times that they name."""

    number: int
    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to understand an entry at one of its times: an event that the model sees."""

    entry: _Entry
    slot: int
    """Which of its times; 0 for an entry without one."""
    sighting: SentenceSighting
    changed: tuple[DetailChange, ...]
    """The details that the event lacks."""
    wrong_time: bool

    @property
    def is_elsewhere(self) -> bool:
        """Whether the event lies apart from the claimed time."""
        spans = self.entry.spans[self.slot : self.slot + 1]
        return any(gap_seconds(span, self.sighting.span) > 0 for span in spans)

    @property
    def cost(self) -> int:
        """How many errors the entry has, so understood."""
        return len(self.changed) + self.wrong_time


class GroundingJudge:
    """Judges claims by grounding them, with captions as leads and as evidence."""

    def __init__(
        self,
        finder: EventFinder,
        *,
        caption_model: VideoModel | None = None,
        embedder: TextEmbedder | None = None,
        options: GroundingOptions = DEFAULT,
        tolerance_seconds: float = INSTANT_SECONDS,
        timeout_seconds: float = 120,
    ) -> None:
        """Put the parts together.

        Args:
            finder: Asks the grounding model; one with annotations remembers answers.
            caption_model: Captions videos anew where no captions are given; None to do without.
            embedder: Compares captions with claims; None to compare their words.
            options: Calibration, thresholds, lengths of windows.
            tolerance_seconds: Least error of a start or an end that counts.
            timeout_seconds: Give up on decoding after this long without progress.
        """
        self._finder, self._caption_model, self._embedder = finder, caption_model, embedder
        self._options, self._tolerance_seconds = options, tolerance_seconds
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """Model and revision; of both models where captions come from another."""
        models = [self._finder.model, *([self._caption_model] if self._caption_model else [])]
        known = [f"{each.provenance.model}@{each.provenance.revision[:12]}" for each in models]
        return " + ".join(dict.fromkeys(known))

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """As ``ClaimJudge``; the video is captioned where there is a model for that."""
        return list(self.watch(video, path, claims).votes)

    def watch(
        self, video: Video, path: str, claims: list[Claim], *, seen: Sequence[CaptionEvent] | None = None
    ) -> SeenVideo:
        """As ``WatchingJudge``."""
        # 1. See the video without the claims.
        if seen is None and self._caption_model is not None:
            seen = seen_by(self._caption_model, video, path, timeout_seconds=self._timeout_seconds)
        grounder = SentenceGrounder(
            self._finder, video, path, seen=seen or (), embedder=self._embedder, options=self._options
        )
        verdict = _VideoVerdict(grounder, seen or (), self._options, self._tolerance_seconds)
        # 2. Understand the entries.
        entries, entry_of = _entries(claims)
        verdict.read(entries)
        # 3. Vote.
        votes = [
            replace(verdict.vote(entry_of[number], claim), judge=self.name)
            for number, claim in enumerate(claims)
        ]
        return SeenVideo(tuple(votes), tuple(verdict.unnamed()))


class _VideoVerdict:
    """One video during a check."""

    def __init__(
        self,
        grounder: SentenceGrounder,
        seen: Sequence[CaptionEvent],
        options: GroundingOptions,
        tolerance_seconds: float,
    ) -> None:
        self._grounder, self._seen, self._options = grounder, seen, options
        self._tolerance_seconds = tolerance_seconds
        self._taken: dict[tuple[int, int], _Reading] = {}
        """The event of each entry and time."""
        self._problems: dict[int, str] = {}
        """Why an entry could not be checked, by its number."""

    # -- Understanding the entries ---------------------------------------------------------------------------

    def read(self, entries: Sequence[_Entry]) -> None:
        """Give each entry the event that it is about."""
        plain: dict[int, tuple[SentenceSighting, ...]] = {}
        for entry in entries:
            try:
                plain[entry.number] = self._grounder.sightings(entry.text, entry.spans)
            except UsageError as error:
                self._problems[entry.number] = str(error)
        sure = (each for some in plain.values() for each in some if self._is_found(each))
        self._tolerance_seconds = time_tolerance(sure, least_seconds=self._tolerance_seconds)
        known = [entry for entry in entries if entry.number in plain]
        # 1. By what is claimed, and what captions have.
        self._take(each for entry in known for each in self._readings(entry, plain[entry.number]))
        # 2. By contraries, of what is not explained yet.
        self._take(
            reading
            for entry in known
            for slot in range(len(entry.spans))
            if (entry.number, slot) not in self._taken
            and self._caption_of(entry.text, entry.spans[slot]) is None
            for reading in self._other_details(
                entry, slot, plain[entry.number], variants(entry.text), captioned=False
            )
        )

    def _take(self, readings: Iterable[_Reading]) -> None:
        """Give events to entries that have none yet: fewest errors first, near before far, surest first."""
        for reading in sorted(
            readings, key=lambda each: (each.cost, each.is_elsewhere, -each.sighting.confidence)
        ):
            key = reading.entry.number, reading.slot
            if key not in self._taken and (reading.cost == 0 or self._is_free(reading)):
                self._taken[key] = reading

    def _readings(self, entry: _Entry, plain: Sequence[SentenceSighting]) -> Iterator[_Reading]:
        """The ways to understand an entry, those with errors included."""
        found = [each for each in plain if self._is_found(each)]
        if not entry.spans:
            yield from (_Reading(entry, 0, each, (), wrong_time=False) for each in found)
        for slot, span in enumerate(entry.spans):
            near = best_at(found, span, least_iou=AGREEMENT_IOU)
            if near is None and self._caption_of(entry.text, span) is not None:
                continue
            contested = near is None or self._is_contradicted(entry.text, near.span)
            best: SentenceSighting | None = None
            if contested:
                there = [each.text for each in self._seen if iou(each.span, span) >= AGREEMENT_IOU]
                other = list(self._other_details(entry, slot, plain, there, captioned=True))
                yield from other
                best = max((each.sighting for each in other), key=lambda each: each.odds, default=None)
            for each in found:
                if each is near and best is not None and best.odds - each.odds > CLEARLY:
                    continue
                yield _Reading(entry, slot, each, (), wrong_time=self._is_wrong(span, each))

    def _other_details(
        self,
        entry: _Entry,
        slot: int,
        plain: Sequence[SentenceSighting],
        texts: Iterable[str],
        *,
        captioned: bool,
    ) -> Iterator[_Reading]:
        """The entry as one of some other texts at its time, where the model sees that clearly better.

        An entry of which more than half is wrong is not understood as another event: it is about none.
        """
        span = entry.spans[slot]
        there = best_at(plain, span, least_iou=AGREEMENT_IOU)
        for text in dict.fromkeys(texts):
            changed = changes(entry.text, text)
            if not changed or len(changed) > max(1, units(entry.text) // 2):
                continue
            # What captions have is looked for everywhere in any case (see ``unnamed``).
            sightings = self._grounder.sightings(text, (span,), everywhere=captioned)
            seen = best_at(filter(self._is_found, sightings), span, least_iou=AGREEMENT_IOU)
            if seen is not None and (there is None or seen.odds - there.odds > CLEARLY):
                yield _Reading(entry, slot, seen, changed, wrong_time=self._is_wrong(span, seen))

    def _is_free(self, reading: _Reading) -> bool:
        """Whether no other entry is about the event."""
        return not any(_is_one(reading.sighting, each.sighting) for each in self._taken.values())

    def _is_found(self, sighting: SentenceSighting) -> bool:
        return self._options.thresholds.verdict(sighting.confidence) == "found"

    def _caption_of(self, text: str, span: Span) -> CaptionEvent | None:
        """The caption that has what a sentence says, at its time."""
        return next(
            (each for each in self._seen if iou(each.span, span) >= SAME_IOU and same_event(each.text, text)),
            None,
        )

    def _is_contradicted(self, text: str, span: Span) -> bool:
        """Whether captions at a time contradict a sentence, and none there has it."""
        there = [each.text for each in self._seen if iou(each.span, span) >= AGREEMENT_IOU]
        return bool(there) and all(clash(text, each) for each in there)

    def _is_wrong(self, span: Span, sighting: SentenceSighting) -> bool:
        """Whether no window and no caption gives a start, or an end, near that of a span.

        A moment is wrong where it lies outside the event.
        """
        if is_moment(span):
            return gap_seconds(span, sighting.span) > self._tolerance_seconds
        own = [
            each.span
            for each in self._seen
            if iou(each.span, sighting.span) >= SAME_IOU and same_event(each.text, sighting.text)
        ]
        starts = (*sighting.starts, *(each.start_seconds for each in own), sighting.span.start_seconds)
        ends = (*sighting.ends, *(each.end_seconds for each in own), sighting.span.end_seconds)
        return self._is_far(span.start_seconds, starts) or self._is_far(span.end_seconds, ends)

    def _is_far(self, time: float, times: Iterable[float]) -> bool:
        return all(abs(time - each) > self._tolerance_seconds + 1e-6 for each in times)

    # -- Votes -----------------------------------------------------------------------------------------------

    def vote(self, entry: _Entry, claim: Claim) -> Vote:
        """The vote on one claim of an entry."""
        if entry.number in self._problems:
            return Vote("", None, problem=self._problems[entry.number])
        if claim.kind == "text":
            return Vote("", None, problem=NO_TEXT)
        if claim.kind == "order":
            return self._order(entry)
        slot = entry.spans.index(claim.span) if claim.kind == "time" and claim.span in entry.spans else None
        reading = self._reading_of(entry, slot)
        if reading is None:
            return self._absent(entry, slot)
        seen = reading.sighting
        shown = Vote(
            "", "supported", seen.confidence, span=seen.span, frames=seen.frames, evidence=seen.evidence
        )
        if claim.kind == "time":
            if not reading.wrong_time:
                return shown
            return replace(shown, ruling="contradicted", instead=format_span(seen.span))
        change = next(
            (each for each in reading.changed if (each.kind, each.part) == (claim.kind, claim.part)), None
        )
        if change is None:
            return shown
        instead = change.instead if len(reading.changed) == 1 and _verb_stays(entry.text, seen.text) else ""
        return replace(shown, ruling="contradicted", instead=instead or seen.text)

    def _order(self, entry: _Entry) -> Vote:
        """The vote on the order of two events in one sentence; no ruling where one of them is not seen."""
        parts = ordered_parts(entry.text)
        seen = []
        for part in parts:
            found = [each for each in self._grounder.sightings(part, entry.spans) if self._is_found(each)]
            near = [each for each in found if any(overlap_seconds(each.span, s) > 0 for s in entry.spans)]
            seen += (near or found)[:1]
        if len(seen) != 2:
            return Vote("", None, problem=NO_ORDER)
        first, second = seen
        vote = Vote(
            "",
            "supported",
            min(first.confidence, second.confidence),
            span=Span.clamped(
                min(first.span.start_seconds, second.span.start_seconds),
                max(first.span.end_seconds, second.span.end_seconds),
            ),
            frames=tuple(sorted((*first.frames[1:2], *second.frames[1:2]))),
            evidence=tuple(f'"{each.text}" takes place at {format_span(each.span)}.' for each in seen),
        )
        if first.span.start_seconds <= second.span.start_seconds + self._tolerance_seconds:
            return vote
        return replace(vote, ruling="contradicted", instead=f"{second.text}, then {first.text}")

    def _reading_of(self, entry: _Entry, slot: int | None) -> _Reading | None:
        """The event of an entry: at one of its times, or at the one with fewest errors."""
        if slot is not None:
            return self._taken.get((entry.number, slot))
        own = [each for (number, _), each in self._taken.items() if number == entry.number]
        return min(own, key=lambda each: (each.cost, each.slot), default=None)

    def _absent(self, entry: _Entry, slot: int | None) -> Vote:
        """The vote on a claim of an entry that is about no event that the model sees."""
        spans = entry.spans if slot is None else entry.spans[slot : slot + 1]
        plain = self._grounder.sightings(entry.text, entry.spans)
        unsure = [
            each
            for each in plain
            if self._options.thresholds.verdict(each.confidence) == "uncertain"
            and (not spans or any(gap_seconds(each.span, span) == 0 for span in spans))
        ]
        if unsure:
            at = format_span(unsure[0].span)
            return Vote("", None, problem=f"The model is not sure whether it takes place, at {at}.")
        if any(self._caption_of(entry.text, span) for span in spans):
            return Vote("", None, problem=CAPTIONED)
        if not plain and self._grounder.problem:
            return Vote("", None, problem=self._grounder.problem)
        there = [each for each in self._seen if any(iou(each.span, span) > 0 for span in spans)]
        lines = [f'The captions have "{each.text}" at {format_span(each.span)}.' for each in there]
        return Vote(
            "",
            "contradicted",
            1 - max((each.confidence for each in plain), default=0.0),
            evidence=(self._grounder.looked, *lines),
            frames=tuple(span.middle_seconds for span in spans),
        )

    # -- Events that no entry is about -----------------------------------------------------------------------

    def unnamed(self) -> Iterator[CaptionEvent]:
        """Captioned events that no entry is about, and that the model sees when it is asked for them."""
        done: list[SentenceSighting] = []
        for event in sorted(self._seen, key=lambda each: each.span):
            try:
                near = best_at(
                    self._grounder.sightings(event.text, (event.span,)), event.span, least_iou=SAME_IOU
                )
            except UsageError:
                continue  # a caption without a word that a prompt can hold names no event
            if near is None or not self._is_found(near) or any(_is_one(near, each) for each in done):
                continue
            if not any(_is_one(near, each.sighting) for each in self._taken.values()):
                done.append(near)
                yield CaptionEvent(near.span, event.text)


def _entries(claims: Sequence[Claim]) -> tuple[list[_Entry], list[_Entry]]:
    """The entries that claims make, and the entry of each claim."""
    keys = [(claim.entry, claim.text) for claim in claims]
    spans: dict[tuple[str, str], list[Span]] = {key: [] for key in keys}
    for key, claim in zip(keys, claims, strict=True):
        if claim.kind == "time" and claim.span is not None and claim.span not in spans[key]:
            spans[key].append(claim.span)
    made = {key: _Entry(n, key[1], tuple(spans[key])) for n, key in enumerate(spans)}
    return list(made.values()), [made[key] for key in keys]


def ordered_parts(text: str) -> tuple[str, ...]:
    """The two events of a sentence with "then", "before" or "after" between them, the earlier first.

    Empty for any other sentence.
    """
    found = _ORDER.split(text, maxsplit=2)
    if len(found) != 3 or not all(words_of(part) for part in found[::2]):
        return ()
    first, word, second = (part.strip(" ,.;") for part in found)
    return (second, first) if word.casefold() == "after" else (first, second)


def _is_one(one: SentenceSighting, other: SentenceSighting) -> bool:
    """Whether two sightings are of one event."""
    return iou(one.span, other.span) >= SAME_IOU and same_event(one.text, other.text)


def _verb_stays(claimed: str, seen: str) -> bool:
    """Whether the verbs of two sentences are the same, so that one word can be put for another."""
    verbs = [
        {each.of(text).casefold() for each in details(text) if each.kind == "action"}
        for text in (claimed, seen)
    ]
    return verbs[0] == verbs[1]
