"""A narrator for drawn footage: seeded sentences at known times, and their sound; knows nothing of pictures.

The sentences have nothing to do with what is drawn. They come from few patterns and short lists of words, so
that every sentence has neighbours that differ from it in one word: a search that finds the right one has
heard that word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footage.synthetic.voice import SPEEDS, VOICES, Line, Utterance, speak

NUMBERS: tuple[str, ...] = (
    "two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve", "fifteen", "twenty", "thirty",
    "fifty", "sixty", "ninety",
)  # fmt: skip
"""Numbers of one word; not "thirteen" to "nineteen", which people, too, confuse with the tens."""
LISTS: dict[str, tuple[str, ...]] = {
    "number": NUMBERS,
    "city": (
        "Denver", "Boston", "Chicago", "Paris", "Berlin", "Madrid", "London", "Oxford", "Vienna", "Houston",
        "Moscow", "Sydney", "Tokyo", "Dublin",
    ),
    "person": (
        "Michael", "Sarah", "Robert", "Susan", "Thomas", "Martin", "Kevin", "Jessica", "Matthew", "Anthony",
        "Patricia", "Henry",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "place": (
        "library", "museum", "station", "hospital", "school", "market", "church", "garden", "airport",
        "theater", "harbor", "kitchen",
    ),
    "thing": ("coffee", "sugar", "paper", "chocolate", "medicine", "cheese", "honey", "flowers", "candles"),
    "side": ("left", "right"),
    "colour": ("yellow", "purple", "silver", "golden", "green", "black"),
    "bag": ("umbrella", "jacket", "camera", "bicycle", "telephone", "blanket"),
}  # fmt: skip
"""The words that fill the gaps of PATTERNS, by the name of the gap."""
PATTERNS: tuple[str, ...] = (
    "The train to {city} leaves from platform {number}.",
    "Please call {person} in room {number} before {day}.",
    "Turn {side} at the {place} and walk for {number} minutes.",
    "The {place} is closed on {day} because of repairs.",
    "The {colour} {bag} was found near the {place}.",
    "The meeting with {person} has been moved to {day}.",
    "Our flight from {city} is {number} minutes late.",
    "{person} should take the {bag} back to the {place}.",
    "You can buy {thing} at the {place} until {day}.",
    "It takes {number} minutes from the {place} to the {place}.",
    "This afternoon we will visit the {place} in {city}.",
    "{person} will meet {person} at the {place} on {day}.",
    "We have {number} visitors from {city} this week.",
    "Leave the {thing} next to the {colour} {bag}.",
)
"""The sentences; each word in braces is one of the list of that name. Left out are patterns and words that
tiny.en mishears in most voices of espeak-ng, such as "eleven" or "the forecast says"."""

PAUSE_SECONDS = (0.8, 3.5)
"""Shortest and longest silence between two sentences."""
NOISE = (0.0, 0.002, 0.006)
"""Loudness of the steady noise under the voice, as standard deviation of a full scale of 1: none, a quiet
room, a room with a fan (about 25 dB under the voice)."""
RATE = 22_050
"""Samples a second of the sound, those of espeak-ng."""

_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and which of its words came from a list."""

    words: tuple[str, ...]
    """Its words without punctuation."""
    lists: tuple[str, ...]
    """For each word the name of its list in LISTS; empty for a word of the pattern itself."""

    @property
    def text(self) -> str:
        """The sentence as it is written."""
        words = " ".join(self.words)
        return f"{words[0].upper()}{words[1:]}."


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence at its place in a clip."""

    sentence: Sentence
    """What is said."""
    start_seconds: float
    """When its sound begins, in video time."""
    end_seconds: float
    """When its sound is over."""
    word_starts_seconds: tuple[float, ...]
    """When each of its words begins, in video time; words spoken as one begin together."""


@dataclass(frozen=True, slots=True)
class Narration:
    """All that is said in a clip, and how it sounds."""

    sentences: tuple[SpokenSentence, ...]
    """The sentences by time."""
    voice: str
    """The espeak-ng voice; empty where nothing is said."""
    words_per_minute: int
    """Speed of the voice."""
    samples: NDArray[np.float32]
    """Mono sound of the whole clip, -1 to 1, at RATE."""

    def truth(self) -> list[dict[str, Any]]:
        """What is said, ready for JSON: each sentence with its span and the start of each of its words."""
        return [
            {
                "text": each.sentence.text,
                "start": round(each.start_seconds, 3),
                "end": round(each.end_seconds, 3),
                "word_starts": [round(at, 3) for at in each.word_starts_seconds],
            }
            for each in self.sentences
        ]


def random_sentence(rng: np.random.Generator, *, patterns: Sequence[str] = PATTERNS) -> Sentence:
    """Some sentence."""
    pattern = patterns[int(rng.integers(len(patterns)))]
    chosen: list[str] = []
    for gap in _GAP.findall(pattern):
        options = [word for word in LISTS[gap] if word not in chosen]
        chosen.append(options[int(rng.integers(len(options)))])
    return filled_in(pattern, *chosen)


def filled_in(pattern: str, *chosen: str) -> Sentence:
    """The sentence of a pattern with these words in its gaps, in order."""
    words, lists, left = [], [], list(chosen)
    for word in pattern.rstrip(".").split():
        gap = _GAP.fullmatch(word)
        words.append(left.pop(0) if gap else word)
        lists.append(gap[1] if gap else "")
    return Sentence(tuple(words), tuple(lists))


def narrate(
    rng: np.random.Generator,
    *,
    duration_seconds: float,
    sentences: Sequence[Sentence] | None = None,
    voice: str | None = None,
) -> Narration:
    """Say sentences with pauses between them, as many as fit into a clip.

    Args:
        rng: Where the randomness comes from.
        duration_seconds: Length of the clip, and of the sound.
        sentences: What to say; random sentences when None.
        voice: Who speaks: one of VOICES; any of them when None.

    Raises:
        DependencyError: espeak-ng is not installed, or fails.
    """
    # 1. Choose the words and the voice; people need some two seconds for a sentence at least.
    drawn = VOICES[int(rng.integers(len(VOICES)))]
    voice = voice or drawn
    speed = int(rng.integers(SPEEDS[0], SPEEDS[1] + 1))
    most = int(duration_seconds / (2 + PAUSE_SECONDS[0]))
    wanted = list(sentences) if sentences is not None else [random_sentence(rng) for _ in range(most)]
    spoken = speak([Line(each.text, voice, speed) for each in wanted])
    # 2. Put them one after the other.
    samples = _noise(rng, duration_seconds)
    placed: list[SpokenSentence] = []
    at = float(rng.uniform(0.3, PAUSE_SECONDS[1]))
    for sentence, utterance in zip(wanted, spoken, strict=True):
        first = round(at * RATE)
        start = round(first / RATE, 6)
        end = round(start + utterance.duration_seconds, 6)
        if end > duration_seconds - 0.2:
            break
        samples[first : first + len(utterance.samples)] += _level(utterance)
        starts = tuple(round(start + begin, 6) for begin in utterance.word_starts_seconds)
        placed.append(SpokenSentence(sentence, start, end, starts))
        at = end + float(rng.uniform(*PAUSE_SECONDS))
    return Narration(tuple(placed), voice, speed, np.clip(samples, -1, 1))


def silence(rng: np.random.Generator, *, duration_seconds: float) -> Narration:
    """A sound track on which nobody speaks."""
    return Narration((), "", 0, _noise(rng, duration_seconds))


def _noise(rng: np.random.Generator, duration_seconds: float) -> NDArray[np.float32]:
    loudness = NOISE[int(rng.integers(len(NOISE)))]
    count = round(duration_seconds * RATE)
    return (rng.standard_normal(count) * loudness).astype(np.float32)


def _level(utterance: Utterance) -> NDArray[np.float32]:
    """The samples at a common loudness: voices differ by 10 dB."""
    if utterance.rate != RATE:
        raise ValueError(f"espeak-ng speaks at {utterance.rate} samples a second, not at {RATE}")
    samples = utterance.samples.astype(np.float32) / 32768
    loudness = float(np.sqrt(np.mean(samples**2)))
    return (samples * np.float32(min(0.1 / loudness, 0.9 / float(np.abs(samples).max())))).astype(np.float32)
