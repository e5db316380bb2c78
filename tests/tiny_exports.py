"""Clips of tiny videos, ready to be exported; nothing is indexed for them."""

from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np
from tiny_clips import picture_of, write_clip

from footage.core.types import Provenance, Span, Video
from footage.media.frame_grid import read_grid
from footage.media.segment import stretch_in
from service.export import Clip

NTSC_FILM, NTSC, NTSC_DOUBLE = Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(60_000, 1001)
CAPTIONED = Provenance("some-model", "abc123", "test-1", "small")


def write_rated(path, rate, *, count=120, timecode="", **how):
    """A clip of an exact rate (see ``tiny_clips.write_clip``), with a start timecode if one is given."""
    rate = Fraction(rate)
    if not timecode:
        return write_clip(path, count=count, fps=rate, time_base=1 / rate, **how)
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = timecode
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture_of(index), format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def stretch_of(path, span):
    """The frames of a file that begin in a span."""
    return stretch_in(read_grid(path).table, span)


def write_click(path, seconds, at, *, rate=25):
    """A clip whose sound is silence but for a click, 1 ms long and centred."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = target.add_stream("aac", rate=48_000, layout="mono")
        for index in range(round(seconds * rate)):
            frame = av.VideoFrame.from_ndarray(picture_of(index % 144), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            target.mux(stream.encode(frame))
        samples = np.zeros((1, round(seconds * 48_000)), np.float32)
        samples[0, round(at * 48_000) - 24 : round(at * 48_000) + 24] = 0.9
        for begin in range(0, samples.shape[1], 1024):
            part = np.ascontiguousarray(samples[:, begin : begin + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
            target.mux(sound.encode(frame))
        for each in target.streams:
            target.mux(each.encode(None))
    return path


def click_in(path):
    """When the sound of a file is loudest, in seconds: the middle of what is nearly as loud."""
    with av.open(str(path)) as source:
        parts = [(frame.time, np.abs(frame.to_ndarray()).max(axis=0)) for frame in source.decode(audio=0)]
    times = np.concatenate([time + np.arange(len(loud)) / 48_000 for time, loud in parts])
    loud = np.concatenate([loud for _, loud in parts])
    return float(times[loud > loud.max() / 2].mean())


def clip_of(path, start, end, *, title="a dog runs", query="a dog", content_id="", **more):
    """A clip of a file, as a search would have made it."""
    with av.open(str(path), metadata_errors="replace") as source:
        stream = source.streams.video[0]
        seconds = float((stream.duration or 0) * stream.time_base) or (source.duration or 0) / 1e6
        video = Video(
            content_id or f"content of {os.path.basename(path)}",
            seconds,
            stream.width,
            stream.height,
            float(stream.average_rate),
            "h264",
            size_bytes=os.path.getsize(path),
        )
    result = {"text": title, "verdict": "found", "confidence": 0.9, "score": 0.8, "captioned_by": CAPTIONED}
    return Clip(str(path), video, Span(start, end), title, query, **{**result, **more})
