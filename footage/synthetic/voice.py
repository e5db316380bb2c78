"""Speaks lines with espeak-ng in a child process, with the time of every word; knows no clips.

The library is loaded with ctypes because the command does not print the times of words. It runs in a child
process, a fresh one for each call: its noise generator goes on from one line to the next, so that only a
fresh process speaks the same lines in the same way again.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footage.core.errors import DependencyError

LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.1.dylib", "libespeak-ng.dll")
"""File names of the library, by system."""
VOICES = ("en-us", "en-us+m2", "en-us+f2", "en-gb-x-rp")
"""Voices that Whisper's tiny.en hears best; figures in docs/explanation/evaluation.md."""
SPEEDS = (125, 155)
"""Slowest and fastest speech, in words a minute; people talk at 120 to 160."""
HINT = "Install it: apt-get install espeak-ng (Debian, Ubuntu), brew install espeak-ng (macOS)."

_TIMEOUT_SECONDS = 120
_SYNCHRONOUS, _UTF8, _RATE, _WORD = 2, 1, 1, 1  # of speak_lib.h: output mode, encoding, parameter, event
_AUDIBLE = 120
"""Sample values below this, of 32767, are silence."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be said, and how."""

    text: str
    """The words."""
    voice: str
    """Name of an espeak-ng voice, such as one of VOICES."""
    words_per_minute: int
    """Speed."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line as it was spoken, without silence at its ends."""

    samples: NDArray[np.int16]
    """Mono sound."""
    rate: int
    """Samples a second."""
    word_starts_seconds: tuple[float, ...]
    """When each word of the line begins, from the start of the sound; words spoken as one begin together."""

    @property
    def duration_seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate


def speak(lines: Sequence[Line]) -> list[Utterance]:
    """Speak some lines, one after the other; the same lines sound the same with the same espeak-ng.

    Raises:
        DependencyError: espeak-ng is not installed, has no such voice, or fails.
    """
    wanted = json.dumps([[line.text, line.voice, line.words_per_minute] for line in lines])
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(
        command, input=wanted.encode(), capture_output=True, timeout=_TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"]
        raise DependencyError(f"The narrator of drawn footage cannot speak: {reason[-1]}.", hint=HINT)
    header, _, sound = done.stdout.partition(b"\n")
    about = json.loads(header)
    samples = np.frombuffer(sound, np.int16)
    utterances, first = [], 0
    for line, (length, starts) in zip(lines, about["lines"], strict=True):
        utterances.append(_trimmed(samples[first : first + length], about["rate"], starts, line.text))
        first += length
    return utterances


def _trimmed(samples: NDArray[np.int16], rate: int, starts: list[float], text: str) -> Utterance:
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _AUDIBLE)
    if not loud.size:
        raise DependencyError(f"espeak-ng made no sound of {text!r}.", hint="Give it words to say.")
    first, last = int(loud[0]), int(loud[-1]) + 1
    moved = tuple(max(0.0, round(start - first / rate, 6)) for start in starts)
    return Utterance(samples[first:last], rate, moved)


# The child process


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_void_p),
    ]


def _library() -> Any:
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError("espeak-ng is not installed")


def _answer(wanted: list[tuple[str, str, int]]) -> bytes:
    """Speak lines: a JSON object with the rate, lengths and word starts, a line feed, 16-bit samples."""
    library = _library()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
    if rate <= 0:
        raise OSError("espeak-ng does not start")
    sound: list[bytes] = []
    starts: dict[int, float] = {}

    def heard(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, 2 * count))
        number = 0
        while events[number].type:
            event = events[number]
            if event.type == _WORD:
                starts.setdefault(event.text_position - 1, event.audio_position / 1000)
            number += 1
        return 0

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )
    callback = kind(heard)
    library.espeak_SetSynthCallback(callback)
    lines, spoken = [], b""
    for text, voice, speed in wanted:
        sound.clear()
        starts.clear()
        if library.espeak_SetVoiceByName(voice.encode()):
            raise OSError(f"espeak-ng has no voice {voice!r}")
        library.espeak_SetParameter(_RATE, speed, 0)
        written = text.encode()
        library.espeak_Synth(written, len(written) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        now = b"".join(sound)
        lines.append((len(now) // 2, _word_starts(text, starts)))
        spoken += now
    return json.dumps({"rate": rate, "lines": lines}).encode() + b"\n" + spoken


def _word_starts(text: str, starts: dict[int, float]) -> list[float]:
    """When each word begins; short words that espeak-ng joins ("of the") begin together."""
    places, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        places.append(at)
        at += len(word)
    known = sorted(starts.items())
    times = []
    for place in places:
        before = [time for position, time in known if position <= place]
        times.append(before[-1] if before else 0.0)
    return times


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(_answer(json.load(sys.stdin)))
    except OSError as error:
        sys.exit(str(error))
