"""Makes the track of what is said: where there is a voice, a recogniser's words, cut into utterances.

Knows neither the index nor how a recogniser works (``indexer.tracks.speech_model``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np

from footage.core.errors import VideoError
from footage.core.languages import language_code
from footage.core.tracks import SPEECH_TRACK
from footage.core.types import CaptionEvent, Provenance, Span, SpokenWord, Video, Window
from footage.core.windows import plan_windows
from footage.media.audio import HEARING_RATE, SoundSource
from footage.media.audio_tracks import AudioChoice, AudioTrack, choose
from footage.media.sandbox import open_sound, read_sound
from indexer.tracks.protocol import TrackReading
from indexer.tracks.speech_model import MOST_COMPRESSION, Heard, Recogniser
from indexer.tracks.utterances import (
    MOST_CHUNK_SECONDS,
    Chunk,
    chunks,
    confidence_of,
    joined,
    loudness,
    plain,
    straddling,
    tidied,
    utterances,
    voices,
    without_loops,
)

SPEECH_CONTRACT = "speech-1"
"""Version of how sound becomes events; a change makes windows differ from those that were read before."""
WINDOW_SECONDS = 300.0
"""Length of a window: a run that is ended loses some minutes of sound, and few boundaries cut a sentence."""
_AROUND_SECONDS = 15.0
"""How far on both sides of a boundary sound is looked at, to find the sentence that goes across."""
_LEAST_LOG_PROBABILITY = -1.0
"""Text with a lower mean log-probability of its tokens is guessed; Whisper's own limit."""
_MOST_NO_SPEECH = 0.6
"""From this probability on that nobody speaks, Whisper's own limit, text has to be surer to stay."""
_SURE_LOG_PROBABILITY = -0.3
_LEAST_VOICED = 0.3
"""Least part of a text's time in which there is a voice; invented text lies in silence and music."""
_LEAST_ENGLISH = 0.43
"""Least confidence of a stretch for a model that knows only English. Measured with tiny.en: single sentences
of ten other languages by espeak-ng come to 0.25 to 0.45, with "thank you for watching" and the like;
English ones by two voices to 0.48 to 0.89, and one that is misread to 0.37."""
_LEAST_LOG_ENGLISH = -0.9
"""As ``_LEAST_LOG_PROBABILITY``, for such a model: other languages but Chinese come to -0.97 and less,
English to -0.79 and more but for the one that is misread."""
_LEAST_CONFIDENCE = 0.25
"""The same for models that know the language."""
_LEAST_PART = 0.7
"""How much of that each sentence has to have."""
_SURE_LANGUAGE = 0.5
_HINTED_LANGUAGE = 0.15
"""Least probability of the language found first, and of one that the file names for the track."""
_SAME_TEXT = 0.8
"""From this likeness on, two texts at the same time on two tracks are one."""

NO_SOUND = "no sound track"
ENGLISH_ONLY = "English only model"
UNCLEAR = "a voice that is not understood"
"""What a window has in which there was a voice, and no text for some of it may be believed: another language,
singing, noise."""

log = logging.getLogger(__name__)


class SpeechMaker:
    """The maker of the track of what is said."""

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        audio: AudioChoice = "main",
        window_seconds: float = WINDOW_SECONDS,
        timeout_seconds: float = 120,
    ) -> None:
        """Load nothing yet.

        Args:
            recogniser: Of a model that ``speech_model.locate`` found.
            audio: Which sound tracks are recognised.
            window_seconds: Length of a window.
            timeout_seconds: Longest time without progress while sound is decoded.
        """
        self._recogniser, self._audio = recogniser, audio
        self._window_seconds, self._timeout_seconds = window_seconds, timeout_seconds

    @property
    def track(self) -> str:
        """The speech track."""
        return SPEECH_TRACK

    def windows(self, video: Video) -> tuple[Window, ...]:
        """Windows of ``WINDOW_SECONDS`` without overlap, none in gaps; images have none."""
        if video.is_image:
            return ()
        return plan_windows(
            video.content_id,
            video.duration_seconds,
            window_seconds=self._window_seconds,
            overlap_seconds=0.0,
            gaps=video.gaps,
        )

    def open(self, path: str, video: Video) -> SpeechReader:
        """A reader, which opens the file when it reads the first window."""
        spans = tuple(window.span for window in self.windows(video))
        return SpeechReader(
            path, spans, self._recogniser, audio=self._audio, timeout_seconds=self._timeout_seconds
        )

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """The events with those that belong together across a boundary joined, and cut anew at a pause."""
        return joined_windows(events, cuts)


def joined_windows(events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]) -> tuple[CaptionEvent, ...]:
    """As ``SpeechMaker.merge``, without a recogniser."""
    result = list(events)
    for before, after in pairwise(cuts):
        if before.end_seconds == after.start_seconds:
            _join_across(result, before.end_seconds)
    return tuple(result)


def _join_across(events: list[CaptionEvent], boundary: float) -> None:
    """Join the last event before a boundary with the first one after it, in place, where they are one."""
    past = next((n for n, each in enumerate(events) if each.span.start_seconds >= boundary), len(events))
    if not 0 < past < len(events):
        return
    last = max(range(past), key=lambda n: events[n].span.end_seconds)
    made = joined(events[last], events[past])
    if made is not None and events[last].span.end_seconds <= boundary:
        del events[past]
        events[last : last + 1] = made
        events.sort(key=lambda event: (event.span, event.text))


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What was said in a stretch."""

    words: tuple[SpokenWord, ...]
    """In video time."""
    language: str
    """Of all words."""


class SpeechReader:
    """Reads the speech of one file."""

    def __init__(
        self,
        path: str,
        spans: Sequence[Span],
        recogniser: Recogniser,
        *,
        audio: AudioChoice,
        timeout_seconds: float,
    ) -> None:
        """Open nothing yet.

        Args:
            path: The file.
            spans: All windows of the video, in order.
            recogniser: What recognises the words.
            audio: Which sound tracks.
            timeout_seconds: Longest time without progress while sound is decoded.
        """
        self._path, self._spans, self._recogniser = path, tuple(spans), recogniser
        self._audio, self._timeout_seconds = audio, timeout_seconds
        self._source: SoundSource | None = None
        self._languages: dict[int, str] = {}
        self._unclear = False
        self._across: dict[tuple[int, float], tuple[Chunk | None, tuple[_Spoken, ...]]] = {}

    @property
    def provenance(self) -> Provenance:
        """The model with its revision, and the settings that change what is recognised."""
        model = self._recogniser.model
        chosen = self._audio if isinstance(self._audio, str) else ",".join(map(str, self._audio))
        budget = f"faster-whisper, {model.compute_type}, beam 5, sound {chosen}"
        return Provenance(model.name, model.revision, SPEECH_CONTRACT, budget)

    def read(self, window: Window) -> TrackReading:
        """Recognise what is said in a window.

        Raises:
            VideoError: None of its sound tracks can be decoded there.
            ModelError: The model failed.
        """
        source = self._opened()
        tracks = choose(source.tracks, self._audio)
        if not tracks:
            return TrackReading(notes=(_missing(source.tracks, self._audio),))
        said: list[CaptionEvent] = []
        notes: list[str] = []
        self._unclear = False
        failed: list[VideoError] = []
        for track in tracks:
            try:
                events, remarks = self._track(source, track, window)
            except VideoError as exc:
                failed.append(exc)
                notes.append(f"sound track {track.number} cannot be decoded")
                log.info("%s", exc)
                continue
            said += [event for event in events if not _is_said_already(event, said)]
            notes += remarks
        if len(failed) == len(tracks):
            raise failed[0]
        if self._unclear:
            notes.append(UNCLEAR)
        if self._recogniser.model.english_only:
            notes.append(ENGLISH_ONLY)
        said.sort(key=lambda event: (event.span, event.text))
        return TrackReading(tuple(said), tuple(dict.fromkeys(notes)))

    def close(self) -> None:
        """Forget the file."""
        self._source = None
        self._across.clear()

    def _opened(self) -> SoundSource:
        if self._source is None:
            self._source = open_sound(self._path, timeout_seconds=self._timeout_seconds)
        return self._source

    def _track(
        self, source: SoundSource, track: AudioTrack, window: Window
    ) -> tuple[list[CaptionEvent], list[str]]:
        """What is said on one track in a window.

        A sentence that goes across a boundary is recognised as a whole, alike from both sides, and each word
        belongs to the window that its middle lies in: none is lost, none comes twice.
        """
        # 1. What goes across the boundaries, and what lies between.
        span, found, damaged = window.span, list[_Spoken](), 0
        start, end = span.start_seconds, span.end_seconds
        if any(other.end_seconds == span.start_seconds for other in self._spans):
            chunk, spoken = self._across_boundary(source, track, span.start_seconds)
            start, found = (chunk.end_seconds if chunk else start), [*spoken]
        after: tuple[_Spoken, ...] = ()
        if any(other.start_seconds == span.end_seconds for other in self._spans):
            chunk, after = self._across_boundary(source, track, span.end_seconds)
            end = chunk.start_seconds if chunk else end
        if end - start > _LEAST_READ_SECONDS:
            inner = Span(max(0.0, start), end)
            heard = read_sound(source, track, inner, timeout_seconds=self._timeout_seconds)
            damaged = heard.damaged_packets
            found += self._recognised(heard.samples, inner.start_seconds, track)
        found += after

        # 2. Words of this window, in order, as events.
        events: list[CaptionEvent] = []
        for language in dict.fromkeys(spoken.language for spoken in found):
            words = [
                _clamped(word, span)
                for spoken in found
                if spoken.language == language
                for word in spoken.words
                if span.start_seconds <= _middle(word) < span.end_seconds
            ]
            events += utterances(sorted(words, key=lambda word: word.span), language)
        remarks = [f"sound track {track.number} is damaged"] if damaged else []
        return events, remarks

    def _across_boundary(
        self, source: SoundSource, track: AudioTrack, boundary: float
    ) -> tuple[Chunk | None, tuple[_Spoken, ...]]:
        """The stretch across a boundary, in video time, and what is said in it; None where nobody speaks.

        It depends on nothing but the sound around the boundary, so that both windows find the same.
        """
        key = (track.number, boundary)
        if key not in self._across:
            last = max(span.end_seconds for span in self._spans)
            span = Span.clamped(boundary - _AROUND_SECONDS, min(last, boundary + _AROUND_SECONDS))
            samples = read_sound(source, track, span, timeout_seconds=self._timeout_seconds).samples
            back, on = self._reach(boundary)
            chunk = straddling(
                self._recogniser.voice(samples),
                loudness(samples),
                boundary - span.start_seconds,
                back_seconds=back,
                on_seconds=on,
            )
            spoken: tuple[_Spoken, ...] = ()
            if chunk is not None:
                start = span.start_seconds + chunk.start_seconds
                spoken = tuple(self._recognised(chunk.cut(samples, HEARING_RATE), start, track))
                chunk = Chunk(((start, span.start_seconds + chunk.end_seconds),))
            while len(self._across) >= _MOST_KEPT:
                del self._across[next(iter(self._across))]
            self._across[key] = chunk, spoken
        return self._across[key]

    def _reach(self, boundary: float) -> tuple[float, float]:
        """How far what goes across a boundary may reach back and on: two such stretches never meet."""
        number = next(n for n, span in enumerate(self._spans) if span.start_seconds == boundary)
        before, after = self._spans[number - 1], self._spans[number]
        most = MOST_CHUNK_SECONDS / 2
        begins = number < 2 or self._spans[number - 2].end_seconds != before.start_seconds
        ends = number + 1 == len(self._spans) or self._spans[number + 1].start_seconds != after.end_seconds
        return (
            min(most, before.duration_seconds / (1 if begins else 2)),
            min(most, after.duration_seconds / (1 if ends else 2)),
        )

    def _recognised(self, samples: np.ndarray, start_seconds: float, track: AudioTrack) -> list[_Spoken]:
        """What is said in some sound that begins at a video time."""
        probabilities = self._recogniser.voice(samples)
        spoken, english_only = voices(probabilities), self._recogniser.model.english_only
        found = []
        for chunk in chunks(probabilities, loudness(samples), len(samples) / HEARING_RATE):
            part = chunk.cut(samples, HEARING_RATE)
            language = self._language(part, track)
            heard = [
                replace(each, words=tuple(map(chunk.placed, each.words)))
                for each in self._recogniser.hear(part, language)
            ]
            words = believed(
                heard,
                spoken,
                least_confidence=_LEAST_ENGLISH if english_only else _LEAST_CONFIDENCE,
                least_log_probability=_LEAST_LOG_ENGLISH if english_only else _LEAST_LOG_PROBABILITY,
            )
            self._unclear |= not words
            if words:
                found.append(_Spoken(tuple(_moved(word, start_seconds) for word in words), language))
        return found

    def _language(self, samples: np.ndarray, track: AudioTrack) -> str:
        """The language of a track: found in its first speech that is sure enough, else the likeliest one."""
        if self._recogniser.model.english_only:
            return "en"
        if track.number in self._languages:
            return self._languages[track.number]
        found = self._recogniser.languages(samples)
        hint = language_code(track.language)
        best = max(found, key=lambda name: found[name])
        if found.get(hint, 0.0) >= _HINTED_LANGUAGE:
            best = hint
        if found[best] >= _SURE_LANGUAGE or best == hint:
            self._languages[track.number] = best
        return best


_MOST_KEPT = 8
"""Stretches across boundaries that are kept for the next window."""
_LEAST_READ_SECONDS = 0.1
"""Shorter rests hold no word."""


def believed(
    heard: Sequence[Heard],
    voiced: Sequence[tuple[float, float]],
    *,
    least_confidence: float,
    least_log_probability: float = _LEAST_LOG_PROBABILITY,
) -> list[SpokenWord]:
    """The words of a stretch that may be believed; none where the text is likely to be invented.

    Args:
        heard: What the recogniser gave.
        voiced: Where there is a voice, in the same time.
        least_confidence: Of all words together.
        least_log_probability: Of the tokens of each part.
    """
    words: list[SpokenWord] = []
    for part in heard:
        if part.mean_log_probability < least_log_probability or part.compression > 2 * MOST_COMPRESSION:
            continue
        if part.no_speech > _MOST_NO_SPEECH and part.mean_log_probability < _SURE_LOG_PROBABILITY:
            continue
        if not part.words or _voiced_part(part.words, voiced) < _LEAST_VOICED:
            continue
        if confidence_of(part.words) >= _LEAST_PART * least_confidence:
            words += part.words
    words = without_loops([word for word in words if plain(word.text)])
    if not words or confidence_of(words) < least_confidence:
        return []
    return tidied(words, voiced)


def _voiced_part(words: Sequence[SpokenWord], voiced: Sequence[tuple[float, float]]) -> float:
    """How much of the time of some words there is a voice, 0 to 1."""
    start, end = words[0].span.start_seconds, max(word.span.end_seconds for word in words)
    if end <= start:
        return float(any(first <= start <= last for first, last in voiced))
    return sum(max(0.0, min(end, last) - max(start, first)) for first, last in voiced) / (end - start)


def _is_said_already(event: CaptionEvent, said: Sequence[CaptionEvent]) -> bool:
    """Whether another track has the same text at the same time."""
    text = plain(event.text)
    for other in said:
        shared = min(event.span.end_seconds, other.span.end_seconds) - max(
            event.span.start_seconds, other.span.start_seconds
        )
        if shared > 0 and (text in plain(other.text) or _likeness(text, plain(other.text)) >= _SAME_TEXT):
            return True
    return False


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _missing(tracks: Sequence[AudioTrack], audio: AudioChoice) -> str:
    if not tracks or isinstance(audio, str):
        return NO_SOUND
    return f"no sound track {', '.join(map(str, audio))}"


def _middle(word: SpokenWord) -> float:
    return (word.span.start_seconds + word.span.end_seconds) / 2


def _moved(word: SpokenWord, seconds: float) -> SpokenWord:
    span = Span.clamped(word.span.start_seconds + seconds, word.span.end_seconds + seconds)
    return replace(word, span=span)


def _clamped(word: SpokenWord, within: Span) -> SpokenWord:
    return replace(word, span=Span.clamped(word.span.start_seconds, word.span.end_seconds, within=within))
