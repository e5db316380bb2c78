"""From voice probabilities and words to utterances: where sound is cut, which words stay, what is a sentence.

Pure: knows neither files nor models. Times are seconds; a voice probability is of one step of
``STEP_SECONDS``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from footage.core.types import CaptionEvent, Span, SpokenWord

STEP_SAMPLES = 512
STEP_SECONDS = STEP_SAMPLES / 16_000
"""Length of sound that one voice probability is about; the voice detector's own."""
VOICE_FROM, VOICE_UNTIL = 0.5, 0.35
"""A voice begins at the first and ends below the second probability; the voice detector's own defaults."""
LEAST_VOICE_SECONDS = 0.2
"""Shorter voices are clicks and coughs."""
PAUSE_SECONDS = 0.3
"""Shorter silences lie within a sentence; sound is not cut there."""
MOST_CHUNK_SECONDS = 26.0
"""Most sound that is recognised at once: Whisper takes 30 s, and one voice may be longer by its pads."""
PAD_SECONDS = 0.3
"""Silence, or what there is, that is kept around a voice: words begin and end softly. What is left of longer
pauses is twice this: on 18 sentences by four voices of espeak-ng, 5 s apart, tiny.en has a word error rate of
0.15 this way, and 0.29 where each is recognised by itself, at half the cost."""
LONG_PAUSE_SECONDS = 1.2
"""A longer pause always ends an utterance."""
SENTENCE_PAUSE_SECONDS = 0.25
"""A pause that ends an utterance where a sentence ends, too."""
LEAST_SECONDS, MOST_SECONDS = 2.0, 12.0
"""An utterance is cut only where both parts are as long as the first; one longer than the second is."""
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…")  # noqa: RUF001 - the marks of other scripts are meant
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
"""Languages written without spaces between words."""
_LEAST_WORD_SECONDS = 0.02
"""Recognisers place words to this; none is shorter."""
_MOST_REPEATS = 3
"""As often in a row may a phrase be said; recognisers that loop repeat it more often."""
_MOST_PHRASE_WORDS = 12


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sound that is recognised at once: pieces of it, with the long silences between them left out."""

    pieces: tuple[tuple[float, float], ...]
    """Start and end of each piece in the sound at hand, in order; never empty."""

    @property
    def start_seconds(self) -> float:
        """Where it begins, in the sound at hand."""
        return self.pieces[0][0]

    @property
    def end_seconds(self) -> float:
        """Where it ends."""
        return self.pieces[-1][1]

    def cut(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """Its samples, one piece after the other."""
        return np.concatenate([samples[round(a * rate) : round(b * rate)] for a, b in self.pieces])

    def placed(self, word: SpokenWord) -> SpokenWord:
        """A word with its time in the sound at hand: in the piece that it has the most of."""
        begins = itertools.accumulate((end - start for start, end in self.pieces), initial=0.0)
        start, end = word.span.start_seconds, word.span.end_seconds
        shared = [
            (min(end, begin + last - first) - max(start, begin), begin, first, last)
            for begin, (first, last) in zip(begins, self.pieces, strict=False)
        ]
        _, begin, first, last = max(shared, key=lambda each: each[0])
        times = (min(max(first, time - begin + first), last) for time in (start, end))
        return SpokenWord(Span.clamped(*times), word.text, word.confidence)


def voices(probabilities: np.ndarray) -> list[tuple[float, float]]:
    """Where there is a voice: start and end in seconds, in order, pauses shorter than a cut needs within."""
    found: list[tuple[float, float]] = []
    start: int | None = None
    for step, probability in enumerate([*probabilities.tolist(), 0.0]):
        if start is None and probability >= VOICE_FROM:
            start = step
        elif start is not None and probability < VOICE_UNTIL:
            begin, end = start * STEP_SECONDS, step * STEP_SECONDS
            if found and begin - found[-1][1] < PAUSE_SECONDS:
                found[-1] = (found[-1][0], end)
            else:
                found.append((begin, end))
            start = None
    return [(begin, end) for begin, end in found if end - begin >= LEAST_VOICE_SECONDS]


def chunks(probabilities: np.ndarray, loud: np.ndarray, total_seconds: float) -> list[Chunk]:
    """Gather the voices of some sound into chunks, each as long as the recogniser takes, cut in pauses.

    Args:
        probabilities: Of a voice, by step.
        loud: As ``loudness`` says, by step.
        total_seconds: Length of the sound.
    """
    spoken = [part for voice in voices(probabilities) for part in _short_enough(probabilities, loud, *voice)]
    found: list[list[tuple[float, float]]] = []
    length = 0.0
    for piece in _padded(spoken, total_seconds):
        length += piece[1] - piece[0]
        if found and length <= MOST_CHUNK_SECONDS:
            found[-1].append(piece)
        else:
            found.append([piece])
            length = piece[1] - piece[0]
    return [Chunk(tuple(pieces)) for pieces in found]


def _padded(spoken: Sequence[tuple[float, float]], total_seconds: float) -> list[tuple[float, float]]:
    """Voices with the silence around them, up to half of it where the next one is near."""
    edges = [-math.inf, *itertools.chain.from_iterable(spoken), math.inf]
    padded = []
    for number, (start, end) in enumerate(spoken):
        before, after = edges[2 * number], edges[2 * number + 3]
        first = max(0.0, start - PAD_SECONDS, (before + start) / 2)
        last = min(total_seconds, end + PAD_SECONDS, (end + after) / 2)
        if last > first:
            padded.append((first, last))
    return padded


def _short_enough(
    probabilities: np.ndarray, loud: np.ndarray, start: float, end: float
) -> Iterable[tuple[float, float]]:
    while end - start > MOST_CHUNK_SECONDS:
        middle = quietest(probabilities, loud, start + MOST_CHUNK_SECONDS / 2, start + MOST_CHUNK_SECONDS)
        yield start, middle
        start = middle
    yield start, end


def loudness(samples: np.ndarray) -> np.ndarray:
    """How loud sound is in each step, float32, as the root of its mean square."""
    whole = np.pad(samples, (0, -len(samples) % STEP_SAMPLES)).reshape(-1, STEP_SAMPLES)
    found: np.ndarray = np.sqrt(np.mean(np.square(whole), axis=1))
    return found


def quietest(probabilities: np.ndarray, loud: np.ndarray, low: float, high: float) -> float:
    """The time between two others that is the best to cut at: soft, and little of a voice around it."""
    first = math.ceil(low / STEP_SECONDS)
    past = max(first + 1, int(high / STEP_SECONDS))
    around = np.convolve(probabilities, np.full(5, 0.2), "same")[first:past]
    if not len(around):
        return high
    soft = np.convolve(loud, np.full(3, 1 / 3), "same")[first:past]
    worth = around + soft / max(float(soft.max()), 1e-9)
    return float((first + len(worth) - 1 - int(np.argmin(worth[::-1]))) * STEP_SECONDS)


def straddling(
    probabilities: np.ndarray, loud: np.ndarray, at_seconds: float, *, back_seconds: float, on_seconds: float
) -> Chunk | None:
    """The stretch that goes across a time at which sound is cut; None where nobody speaks there.

    It ends on both sides in the nearest pause, or at the best place to cut. As it depends on nothing but the
    sound around that time, both neighbours find the same.

    Args:
        probabilities: Of a voice, by step.
        loud: As ``loudness`` says, by step.
        at_seconds: The time.
        back_seconds: How far back it may begin, at most half of ``MOST_CHUNK_SECONDS``.
        on_seconds: How much later it may end, likewise.
    """
    spoken = voices(probabilities)
    across = [
        (start, end) for start, end in spoken if start - PAUSE_SECONDS < at_seconds < end + PAUSE_SECONDS
    ]
    if not across:
        return None
    low = max(0.0, at_seconds - back_seconds)
    high = min(len(probabilities) * STEP_SECONDS, at_seconds + on_seconds)
    start, end = across[0][0], across[-1][1]
    edges = [edge for voice in spoken for edge in voice]
    before = max([edge for edge in edges if edge < start], default=0.0)
    after = min([edge for edge in edges if edge > end], default=math.inf)
    first = max(start - PAD_SECONDS, (before + start) / 2, 0.0)
    last = min(end + PAD_SECONDS, (end + after) / 2)
    if first < low:
        first = max(low, quietest(probabilities, loud, low, at_seconds - back_seconds / 2)) if low else 0.0
    if last > high:
        last = min(high, quietest(probabilities, loud, at_seconds + on_seconds / 2, high))
    return Chunk(((min(first, at_seconds), max(last, at_seconds)),)) if last > first else None


def tidied(words: Sequence[SpokenWord], spoken: Sequence[tuple[float, float]]) -> list[SpokenWord]:
    """Words with times that can be right: in order, none without length, none begun in the silence before it.

    Recognisers give some words no time of their own, and stretch others over the silence beside them.

    Args:
        words: As the recogniser gives them, in order.
        spoken: Where there is a voice, in the same time.
    """
    spaced: list[SpokenWord] = []
    for run in _runs_of_one_time(words):
        start, end = run[0].span.start_seconds, max(word.span.end_seconds for word in run)
        if spaced:
            start = max(start, spaced[-1].span.end_seconds)
        end = max(end, start + _LEAST_WORD_SECONDS * len(run))
        letters = [max(1, len(word.text)) for word in run]
        edges = [
            start + (end - start) * part / sum(letters) for part in itertools.accumulate(letters, initial=0)
        ]
        spaced += [
            SpokenWord(Span.clamped(first, last), word.text, word.confidence)
            for word, (first, last) in zip(run, pairwise(edges), strict=True)
        ]
    return [_in_voice(word, spoken) for word in spaced]


def _runs_of_one_time(words: Sequence[SpokenWord]) -> Iterable[list[SpokenWord]]:
    """Words that share the time of one: those without length go with the word before, else the one after."""
    run: list[SpokenWord] = []
    for word in words:
        has_length = word.span.duration_seconds > 0
        if run and has_length and any(each.span.duration_seconds > 0 for each in run):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _in_voice(word: SpokenWord, spoken: Sequence[tuple[float, float]]) -> SpokenWord:
    """A word cut to the voice that it shares the most time with; as it is where it shares none."""
    start, end = word.span.start_seconds, word.span.end_seconds
    shared = [(min(end, last) - max(start, first), first, last) for first, last in spoken]
    most, first, last = max(shared, default=(0.0, 0.0, 0.0))
    if most < _LEAST_WORD_SECONDS:
        return word
    return SpokenWord(Span.clamped(max(start, first), min(end, last)), word.text, word.confidence)


def without_loops(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """Words without the repeats of a recogniser that got caught: a phrase said over and over stays once."""
    kept = list(words)
    for length in range(1, _MOST_PHRASE_WORDS + 1):
        at = 0
        while at + length * (_MOST_REPEATS + 1) <= len(kept):
            phrase = [plain(word.text) for word in kept[at : at + length]]
            times = 1
            while [
                plain(word.text) for word in kept[at + times * length : at + (times + 1) * length]
            ] == phrase:
                times += 1
            if times > _MOST_REPEATS:
                del kept[at + length : at + times * length]
            at += 1
    return kept


def plain(word: str) -> str:
    """A word without case and punctuation, for comparison."""
    return "".join(char for char in word.casefold() if char.isalnum())


def written(words: Sequence[SpokenWord], language: str) -> str:
    """Words as a line of text."""
    return ("" if language in UNSPACED else " ").join(word.text for word in words)


def confidence_of(words: Sequence[SpokenWord]) -> float:
    """How sure a text is: the geometric mean of its words' probabilities, long words counting more."""
    weights = [max(1, len(plain(word.text))) for word in words]
    total = sum(
        weight * math.log(max(1e-6, word.confidence)) for weight, word in zip(weights, words, strict=True)
    )
    return round(math.exp(total / sum(weights)), 4)


def utterances(words: Sequence[SpokenWord], language: str) -> list[CaptionEvent]:
    """Words in order as events of ``LEAST_SECONDS`` to ``MOST_SECONDS``, cut at pauses.

    A long pause always cuts; so an utterance that stands alone may be shorter. One without any pause is cut
    between words.
    """
    runs: list[list[SpokenWord]] = []
    for word in words:
        if runs and word.span.start_seconds - runs[-1][-1].span.end_seconds <= LONG_PAUSE_SECONDS:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [event_of(part, language) for run in runs for part in _cut(run)]


def event_of(words: Sequence[SpokenWord], language: str) -> CaptionEvent:
    """Some words as one event."""
    return CaptionEvent(
        Span.clamped(words[0].span.start_seconds, max(word.span.end_seconds for word in words)),
        written(words, language),
        confidence_of(words),
        language,
        tuple(words),
    )


def _cut(run: list[SpokenWord]) -> list[list[SpokenWord]]:
    """Cut a run of words at its best pause, and both parts again, as long as it pays."""
    start, end = run[0].span.start_seconds, run[-1].span.end_seconds
    must = end - start > MOST_SECONDS
    best, at = 0.0, 0
    for number in range(1, len(run)):
        pause = max(0.0, run[number].span.start_seconds - run[number - 1].span.end_seconds)
        sides = (run[number - 1].span.end_seconds - start, end - run[number].span.start_seconds)
        if min(sides) < LEAST_SECONDS and not (must and min(sides) > 0 and len(run) < 3):
            continue
        ends_sentence = run[number - 1].text.rstrip("\"'”’)»").endswith(_SENTENCE_ENDS)  # noqa: RUF001
        if not must and not (ends_sentence and pause >= SENTENCE_PAUSE_SECONDS):
            continue
        evenness = min(sides) / max(sides)
        worth = pause + 0.5 * ends_sentence + 0.1 * evenness
        if worth > best:
            best, at = worth, number
    if not at:
        return [run]
    return [*_cut(run[:at]), *_cut(run[at:])]


def joined(before: CaptionEvent, after: CaptionEvent) -> list[CaptionEvent] | None:
    """Two utterances that a cut between windows may have separated, cut anew; None where they are two."""
    if before.language != after.language or not before.words or not after.words:
        return None
    pause = after.span.start_seconds - before.span.end_seconds
    if not -STEP_SECONDS <= pause <= LONG_PAUSE_SECONDS:
        return None
    words = [*before.words, *after.words]
    made = utterances(words, before.language)
    return None if made == [before, after] else made
