"""Damaged files never bring the caller down: each is read, or refused with a sentence, in time and memory.

`make test` tries some dozens, `make fuzz` thousands (N=20000). What fails is named by its number, and the
same number makes the same file: FOOTAGE_FUZZ_ONLY=123.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tiny_clips import write_clip

from footage.core.errors import FootageError, VideoError
from footage.core.types import Span
from footage.media import sandbox

COUNT = int(os.environ.get("FOOTAGE_FUZZ", "80"))
ONLY = os.environ.get("FOOTAGE_FUZZ_ONLY", "")
TIMEOUT_SECONDS, LONGEST_SECONDS = 10.0, 60.0
PREVIEW_EVERY = 8
MOST_GROWTH_BYTES = 256e6
"""By how much this process may grow, however many files there are."""

FORMATS = {
    "h264.mp4": {"options": {"bf": "2"}, "audio_seconds": 2.0},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "h264.mov": {"options": {"bf": "0"}},
    "h264.mkv": {"audio_seconds": 2.0},
    "vp8.webm": {"codec": "libvpx"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "h264.ts": {"options": {"bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "fps": 25, "size": (352, 288), "count": 10},
}

log = logging.getLogger(__name__)
_spec = importlib.util.spec_from_file_location("mutations", Path(__file__).with_name("mutations.py"))
mutations = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutations)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    return {
        name: write_clip(folder / name, **({"count": 20} | options)).read_bytes()
        for name, options in FORMATS.items()
    }


def resident_bytes():
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def look(path, number):
    """Do with a file what the application does."""
    video = sandbox.probe(path, timeout_seconds=TIMEOUT_SECONDS)
    last = max(0.0, video.duration_seconds - 1)
    frames = sandbox.sample(path, Span(0, 30), video=video, timeout_seconds=TIMEOUT_SECONDS)
    assert len(frames.pixels) and frames.pixels.shape[0] == len(frames.times_seconds)
    assert sandbox.frame_at(path, last, timeout_seconds=TIMEOUT_SECONDS).size
    if number % PREVIEW_EVERY == 0:
        out = path.with_name("preview.mp4")
        sandbox.write_preview(path, Span(0, 2), out, timeout_seconds=TIMEOUT_SECONDS)
        assert out.stat().st_size


@pytest.mark.timeout(0)
def test_damaged_files_are_read_or_refused_with_a_sentence(originals, tmp_path):
    names, outcomes = sorted(originals), Counter()
    slowest, before_bytes = (0.0, 0), 0
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(originals["h264.mp4"])
    look(whole, 0)  # starting the children takes seconds
    for number in [int(ONLY)] if ONLY else range(COUNT):
        name = names[number % len(names)]
        path = tmp_path / f"{number}_{name}"
        path.write_bytes(mutations.mutated(originals[name], f"footage {number}"))
        began = time.monotonic()
        try:
            look(path, number)
        except VideoError as exc:
            assert str(exc) and "\n" not in str(exc), (number, str(exc))
            assert "Error" not in str(exc), (number, str(exc))  # a fault of ours that became a sentence
            crashed = "its decoder " in str(exc)
            outcomes["crashed" if crashed else type(exc).__name__] += 1
            if crashed or ONLY:
                log.info("%d %s %s", number, name, exc)
        except FootageError as exc:
            pytest.fail(f"{number}: {type(exc).__name__} is none about a file: {exc}")
        else:
            outcomes["read"] += 1
        seconds = time.monotonic() - began
        slowest = max(slowest, (seconds, number))
        assert seconds < LONGEST_SECONDS, number
        path.unlink()
        if number == 20:
            before_bytes = resident_bytes()
    log.info("%s; the slowest took %.1f s: %d", dict(outcomes), *slowest)
    assert ONLY or (outcomes["read"] and outcomes["DecodeError"])
    assert not before_bytes or resident_bytes() - before_bytes < MOST_GROWTH_BYTES
