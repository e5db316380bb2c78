"""Sound of one track, in video time: where it begins, how it is cut, what is missing or damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_clips import write_clip
from tiny_speech import RATE, placed, write_talk

from footage.core.errors import DecodeError, VideoError
from footage.core.types import Span
from footage.media.audio import HEARING_RATE, MOST_HEARD_SECONDS, Waveform
from footage.media.audio_tracks import AudioTrack
from footage.media.sandbox import open_sound, probe, read_sound


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def read(path: Path, span: Span, number: int = 1) -> Waveform:
    source = open_sound(path)
    return read_sound(source, source.tracks[number - 1], span)


def loud(heard: Waveform) -> tuple[float, float]:
    """From when to when there is sound, in video time."""
    places = np.flatnonzero(np.abs(heard.samples) > 0.1)
    start = heard.span.start_seconds
    return start + places[0] / HEARING_RATE, start + places[-1] / HEARING_RATE


def hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * HEARING_RATE / len(samples))


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "flac"), ("a.mov", "pcm_s16le"), ("a.ts", "mp2")]
)
def test_a_sound_lies_where_it_is_heard_whatever_the_container(name: str, codec: str, tmp_path: Path) -> None:
    samples = placed([(5.0, tone(440, 2.0))], 20)
    path = write_talk(tmp_path / name, [samples], seconds=20, codec=codec)
    for span in (Span(0, 20), Span(4, 8), Span(4.5, 5.5), Span(6.0, 19)):
        heard = read(path, span)
        assert len(heard.samples) == round(span.duration_seconds * HEARING_RATE)
        assert heard.samples.dtype == np.float32 and np.abs(heard.samples).max() <= 1
        start, end = loud(heard)
        assert start == pytest.approx(max(5.0, span.start_seconds), abs=0.06), span
        assert end == pytest.approx(min(7.0, span.end_seconds), abs=0.06)
        assert hertz(heard.samples) == pytest.approx(440, abs=3)
    assert not np.abs(read(path, Span(9, 15)).samples).max() > 0.01


@pytest.mark.parametrize("lead", [2.5, -2.5])
def test_sound_that_begins_later_or_earlier_than_the_pictures(lead: float, tmp_path: Path) -> None:
    path = write_talk(
        tmp_path / "a.mkv",
        [placed([(4.0, tone(440, 1.0))], 12)],
        seconds=12,
        sound_from=max(0.0, lead),
        pictures_from=max(0.0, -lead),
    )
    assert probe(path).start_pts_seconds == pytest.approx(max(0.0, -lead), abs=0.05)
    for span in (Span(0, 10), Span(1, 8)):
        start, end = loud(read(path, span))
        assert (start, end) == (pytest.approx(4 + lead, abs=0.06), pytest.approx(5 + lead, abs=0.06))
    if lead > 0:
        assert read(path, Span(0, 2)).heard_seconds == 0


def test_reading_it_in_parts_gives_the_same_samples(tmp_path: Path) -> None:
    swell = np.linspace(0.2, 1, 30 * RATE, dtype=np.float32)
    path = write_talk(tmp_path / "a.mp4", [swell * tone(200, 30)], seconds=30)
    whole = read(path, Span(0, 30)).samples
    parts = [read(path, Span(start, start + 7.5)).samples for start in (0, 7.5, 15, 22.5)]
    joined = np.concatenate(parts)
    assert len(joined) == len(whole)
    a_sample = 2 * np.pi * 200 / HEARING_RATE * 0.5  # how far a sample differs from the next at most
    assert np.abs(joined - whole).max() < 1.5 * a_sample


def test_tracks_are_told_apart_and_a_file_without_sound_has_none(tmp_path: Path) -> None:
    path = write_talk(tmp_path / "a.mkv", [tone(440, 4), tone(880, 4)], seconds=4, languages=("eng", "deu"))
    source = open_sound(path)
    assert [(track.number, track.language) for track in source.tracks] == [(1, "eng"), (2, "deu")]
    assert hertz(read(path, Span(1, 3), 1).samples) == pytest.approx(440, abs=3)
    assert hertz(read(path, Span(1, 3), 2).samples) == pytest.approx(880, abs=3)
    silent = open_sound(write_clip(tmp_path / "b.mp4"))
    assert silent.tracks == () and silent.table is None


def test_damaged_sound_is_silence_where_some_of_it_decodes_and_an_error_where_none_does(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 40 * RATE).astype(np.float32)
    path = write_talk(tmp_path / "a.mkv", [noise], seconds=40, codec="flac")
    data = bytearray(path.read_bytes())
    third = len(data) // 4
    data[2 * third : 3 * third] = np.random.default_rng(2).bytes(third)
    path.write_bytes(data)
    source = open_sound(path)
    outcomes = []
    for start in range(0, 40, 5):
        try:
            heard = read_sound(source, source.tracks[0], Span(start, start + 5))
            outcomes.append(heard.heard_seconds)
        except VideoError as error:
            assert "a.mkv" in str(error)
            outcomes.append(-1.0)
    assert outcomes[0] == pytest.approx(5, abs=0.1)
    assert min(outcomes) < 4.0, "the damage must show"


def test_a_codec_that_is_not_known_is_one_sentence(tmp_path: Path) -> None:
    path = write_talk(tmp_path / "a.mkv", [tone(440, 2)], seconds=2)
    source = open_sound(path)
    unknown = AudioTrack(1, source.tracks[0].stream_index, "", 1)
    with pytest.raises(DecodeError, match=r"sound track 1 of a\.mkv has a codec that cannot be decoded"):
        read_sound(type(source)((unknown,), source.table), unknown, Span(0, 1))


@pytest.mark.parametrize("span", [Span(1, 1), Span(0, MOST_HEARD_SECONDS + 1)])
def test_no_span_without_a_length_and_none_that_would_fill_the_memory(span: Span, tmp_path: Path) -> None:
    path = write_talk(tmp_path / "a.mkv", [tone(440, 2)], seconds=2)
    with pytest.raises((ValueError, VideoError)):
        read(path, span)


def test_a_late_window_of_a_long_file_is_read_without_what_comes_before(tmp_path: Path) -> None:
    """An hour of sound: the memory of a fresh process stays far below that of all its samples."""
    code = f"""
import resource
from footage.media.audio import open_sound, read_sound
from footage.core.types import Span
source = open_sound({str(tmp_path / "long.mkv")!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
spans = [Span(start, start + 10) for start in (0, 1800, 3580)]
print([round(read_sound(source, source.tracks[0], span).heard_seconds) for span in spans])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    write_talk(tmp_path / "long.mkv", [np.tile(tone(440, 10), 360)], seconds=3600, fps=1, codec="pcm_s16le")
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heard, grown_kb = made.stdout.splitlines()
    assert heard == "[10, 10, 10]"
    assert int(grown_kb) < 60_000


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("videos/tc_nasa_13013.mp4", 13.013),
        ("videos_derived/car_mpeg2_offset3600.ts", 30.158),
        ("videos_edge/mpy_no_duration.webm", 4.86),
    ],
)
def test_real_clips_are_heard_from_end_to_end(name: str, seconds: float, test_data: Path) -> None:
    path = test_data / name
    heard = read(path, Span(0, probe(path).duration_seconds))
    assert heard.heard_seconds == pytest.approx(seconds, abs=0.1) and heard.damaged_packets == 0
