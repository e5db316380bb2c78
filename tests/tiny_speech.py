"""Writes clips in which espeak-ng says something at known times; knows nothing of the project."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

RATE = 22_050
"""Samples per second of what espeak-ng says."""
SENTENCES = (
    "The committee met again on Thursday to discuss the new bridge.",
    "Nobody had expected the costs to rise so quickly.",
    "A yellow tractor is parked behind the old barn.",
    "Please bring seven apples and a bottle of milk.",
    "The train to London leaves from platform nine.",
    "My brother plays the piano every evening.",
    "Heavy rain is expected in the northern mountains.",
    "The museum opens at ten and closes at six.",
    "She painted the kitchen door bright green.",
    "Our teacher explained how volcanoes are formed.",
)
"""Easy sentences for a small recogniser."""


def said(text, *, voice="en-gb-x-rp+m3", words_per_minute=150):
    """A text as espeak-ng says it: float32 samples at ``RATE``."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("needs espeak-ng: apt-get install espeak-ng")
    made = subprocess.run(
        [program, "-v", voice, "-s", str(words_per_minute), "--stdout", "--", text],
        capture_output=True,
        check=True,
    )
    with wave.open(io.BytesIO(made.stdout)) as file:
        assert file.getframerate() == RATE
        data = file.readframes(1 << 30)
    samples = np.frombuffer(data, np.int16).astype(np.float32) / 32768
    heard = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[heard[0] : heard[-1] + 1]  # without the silence around


def placed(pieces, seconds):
    """Samples that begin at given times in silence: ``pieces`` are pairs of seconds and samples."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    for at, piece in pieces:
        start = round(at * RATE)
        samples[start : start + len(piece)] += piece[: len(samples) - start]
    return samples


def write_talk(path, tracks, *, seconds, sound_from=0.0, pictures_from=0.0, fps=5, codec="aac", languages=()):
    """A clip of a still picture with one sound track for each of ``tracks``, samples at ``RATE``.

    Args:
        path: Where to write; the container goes by its name.
        tracks: Samples of each.
        seconds: Length of the pictures.
        sound_from: When the sound begins, on the clock of the file.
        pictures_from: When the pictures begin, on the clock of the file.
        fps: Pictures per second.
        codec: Of the sound.
        languages: Of each track, three letters.
    """
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.gop_size = fps
        video.codec_context.time_base = Fraction(1, 1000)
        sounds = []
        for number, _ in enumerate(tracks):
            stream = target.add_stream(codec, rate=RATE, layout="mono")
            if languages:
                stream.metadata["language"] = languages[number]
            sounds.append(stream)
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
        step = RATE // fps
        for index in range(round(seconds * fps)):
            picture.pts = round((pictures_from + index / fps) * 1000)
            picture.time_base = Fraction(1, 1000)
            target.mux(video.encode(picture))
            for stream, samples in zip(sounds, tracks, strict=True):
                part = samples[index * step : (index + 1) * step]
                if len(part):
                    frame = av.AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
                    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                    frame.pts = round(sound_from * RATE) + index * step
                    target.mux(stream.encode(frame))
        for stream in (video, *sounds):
            target.mux(stream.encode(None))
    return path
