"""Edit lists are right to the frame, at every rate, and say so in words that other programs read."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from fractions import Fraction
from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import opentimelineio as otio_library
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_clips import write_clip
from tiny_exports import NTSC, NTSC_DOUBLE, NTSC_FILM, clip_of, write_rated

from footage.core.errors import DecodeError, UsageError, VideoError
from footage.core.types import Span
from service.export.chapters import vtt
from service.export.cuts import by_counting, cut
from service.export.edl import edl, marker_edl
from service.export.fcpxml import fcpxml
from service.export.names import reel_names
from service.export.otio import otio
from service.export.overlaps import Marker, apart
from service.export.smpte import Counting
from service.export.tables import csv_table, jsonl

EVENT = re.compile(r"(\d{3})  (\S{1,8}) +(V|AA/V) +C +(\S{11}) (\S{11}) (\S{11}) (\S{11})")
RATES = (NTSC_FILM, Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(50), NTSC_DOUBLE, Fraction(60))


def read_cmx(text):
    """The events of a list, as the form has them: reel, channels, source in and out, record in and out."""
    events = [match.groups()[1:] for match in map(EVENT.fullmatch, text.splitlines()) if match]
    numbered = [line for line in text.splitlines() if re.match(r"\d", line)]
    assert len(events) == len(numbered)
    assert [line[:3] for line in numbered] == [f"{number:03d}" for number in range(1, len(events) + 1)]
    return events


def list_of(cuts, start="00:00:00:00", title="goals"):
    return edl(cuts, title=title, start=start, reels=reel_names([each.clip.path for each in cuts]))


def frames_in(start, end, rate):
    """The first frame at or after the start, and the first at or after the end."""
    return math.ceil(start * rate - Fraction(1, 10**6)), math.ceil(end * rate - Fraction(1, 10**6))


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rated")
    return {rate: write_rated(folder / f"at {float(rate):.2f}.mp4", rate) for rate in RATES}


SPANS = ((0.0, 1.0), (0.5, 1.25), (0.333, 0.334), (1.001, 1.9))


@pytest.mark.parametrize("rate", RATES)
def test_in_and_out_are_frames_of_the_source(rated, rate):
    for start, end in SPANS:
        made = cut(clip_of(rated[rate], start, end))
        first, past = frames_in(Fraction(str(start)), Fraction(str(end)), rate)
        expected = (first, past) if past > first else (first - 1, first)
        assert (made.counting.rate, made.in_frame, made.out_frame) == (rate, *expected)
        assert made.span.start_seconds == pytest.approx(float(expected[0] / rate), abs=1e-4)
        assert made.span.end_seconds == pytest.approx(float(expected[1] / rate), abs=1e-4)
        assert not made.warnings


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("rate", RATES)
def test_an_edl_reads_back_frame_by_frame(rated, rate, drop):
    cuts = [cut(clip_of(rated[rate], *span), drop=drop) for span in SPANS]
    counting = cuts[0].counting
    assert counting.drop == (drop and rate in (NTSC, NTSC_DOUBLE))
    text = list_of(cuts, start="01:00:00:00")
    assert text.splitlines()[:2] == ["TITLE: goals", f"FCM: {'' if counting.drop else 'NON-'}DROP FRAME"]
    record = counting.frame("01:00:00:00")
    for event, each in zip(read_cmx(text), cuts, strict=True):
        source_in, source_out, record_in, record_out = map(counting.frame, event[2:])
        assert (source_in, source_out) == (each.in_frame, each.out_frame)
        assert (record_in, record_out) == (record, record + each.frames)
        assert all((";" in label) == counting.drop for label in event[2:])
        record = record_out


@pytest.mark.parametrize("rate", [NTSC_FILM, Fraction(25), NTSC, Fraction(50), NTSC_DOUBLE])
def test_another_reader_of_cmx_3600_finds_the_same_frames(rated, rate):
    cuts = [cut(clip_of(rated[rate], *span)) for span in SPANS]
    timeline = otio_library.adapters.read_from_string(list_of(cuts), "cmx_3600", rate=float(rate))
    clips = list(timeline.find_clips())
    assert [each.name for each in clips] == [made.name for made in cuts]
    for read, made in zip(clips, cuts, strict=True):
        assert round(read.source_range.start_time.value) == made.in_frame
        assert round(read.source_range.duration.value) == made.frames


def test_drop_frame_skips_labels_over_a_minute_with_the_sources_own_timecode(tmp_path):
    path = write_rated(tmp_path / "a.mov", NTSC, timecode="00:59:58;00", count=120)
    made = cut(clip_of(path, 1.0, 3.5))
    assert made.counting == Counting(NTSC, drop=True)
    assert made.timecodes == ("00:59:59;00", "01:00:01;15")  # a tenth minute drops nothing
    later = write_rated(tmp_path / "b.mov", NTSC, timecode="00:00:58;00", count=120)
    assert cut(clip_of(later, 1.0, 3.5)).timecodes == ("00:00:59;00", "00:01:01;17")
    plain = write_rated(tmp_path / "c.mov", NTSC, timecode="00:00:58:00", count=120)
    assert cut(clip_of(plain, 1.0, 3.5)).timecodes == ("00:00:59:00", "00:01:01:15")
    [event] = read_cmx(list_of([cut(clip_of(later, 1.0, 3.5))]))
    assert event[2:4] == ("00:00:59;00", "00:01:01;17")


def test_a_camera_s_half_rate_is_counted_as_every_second_frame(tmp_path):
    path = write_rated(tmp_path / "a.mp4", Fraction(25, 2))
    made = cut(clip_of(path, 1.0, 2.0))
    assert (made.counting.name, made.in_frame, made.out_frame) == (
        "25",
        26,
        50,
    )  # 1.04 s is the first after 1 s
    assert (made.stretch.first, made.stretch.past) == (13, 25)


def test_uneven_frames_are_counted_by_the_usual_step_and_that_is_told(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.04, 0.08, 0.6, 0.64, 0.68, 1.2, 1.24], fps=25)
    made = cut(clip_of(path, 0.5, 1.0))
    assert (made.counting.name, made.in_frame, made.out_frame) == ("25", 15, 30)
    assert made.warnings == ("a.mp4 has a variable frame rate; timecodes use 25 fps",)
    odd = cut(clip_of(write_rated(tmp_path / "b.mp4", Fraction(17)), 1.0, 2.0))
    assert "b.mp4 has a non-standard frame rate" in odd.warnings[0]


def test_a_file_that_is_gone_or_another_is_told(tmp_path):
    path = write_rated(tmp_path / "a.mp4", 25)
    clip = clip_of(path, 0, 1)
    with pytest.raises(DecodeError, match=r"a\.mp4 ends at 4\.8 s; there is no video at 5\.0 s"):
        cut(clip_of(path, 5, 6))
    write_rated(path, 25, count=30)
    with pytest.raises(VideoError, match=r"a\.mp4 differs from the indexed file"):
        cut(clip)
    path.unlink()
    with pytest.raises(VideoError, match=r"a\.mp4 does not exist"):
        cut(clip)


def test_names_cannot_break_a_list(tmp_path):
    path = write_rated(tmp_path / "evil\n002  AX V C\r|M:x --> y\x1b[2J.mp4", 25)
    title = "a\n003  AX       V     C        00:00:00:00 00:00:00:01 00:00:00:00 00:00:00:01\n|C:x |D:9 <b>&"
    made = cut(clip_of(path, 0, 1, title=title))
    for text in (
        list_of([made], title=title),
        marker_edl([made], title=title, start=""),
        vtt([(made.span, title)]),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        assert len(re.findall(r"^\d{3}  ", text, re.MULTILINE)) <= 1
    assert len(read_cmx(list_of([made], title=title))) == 1
    assert "00:00:00.000 --> 00:00:01.000" in vtt([(made.span, title)])
    assert "&lt;b&gt;&amp;" in vtt([(made.span, title)]) and "-->" not in vtt([(made.span, "a --> b")])[40:]
    ET.fromstring(fcpxml([made], title=title, start="00:00:00:00"))
    assert json.loads(jsonl([made]))["title"] == title


def test_an_edl_that_cannot_be_is_refused(rated):
    made = cut(clip_of(rated[NTSC], 0, 1))
    with pytest.raises(UsageError, match="does not exist in drop-frame timecode"):
        list_of([made], start="00:01:00:00")
    with pytest.raises(UsageError, match="at most 999 events"):
        list_of([made] * 1000)


def test_clips_are_grouped_by_how_they_are_counted(rated):
    cuts = [cut(clip_of(rated[rate], 0, 1)) for rate in (Fraction(25), NTSC, Fraction(25))]
    assert {each.name: len(group) for each, group in by_counting(cuts).items()} == {"25": 2, "29.97df": 1}


def test_markers_are_read_as_resolve_has_them(rated):
    path = rated[Fraction(25)]
    cuts = [
        cut(clip_of(path, 2.0, 3.0, title="later | maybe", verdict="uncertain")),
        cut(clip_of(path, 0.4, 2.4, title="first")),
    ]
    assert marker_edl(cuts, title="at 25", start="01:00:00:00").splitlines() == [
        "TITLE: at 25",
        "FCM: NON-DROP FRAME",
        "",
        "001  001      V     C        01:00:00:10 01:00:00:11 01:00:00:10 01:00:00:11",
        " |C:ResolveColorBlue |M:first |D:40",
        "",
        "002  001      V     C        01:00:02:00 01:00:02:01 01:00:02:00 01:00:02:01",
        " |C:ResolveColorYellow |M:later / maybe |D:25",
    ]


def test_markers_count_from_the_sources_own_timecode_unless_told_otherwise(tmp_path):
    path = write_rated(tmp_path / "a.mov", 25, timecode="10:00:00:00")
    cuts = [cut(clip_of(path, 1, 2))]
    assert " 10:00:01:00 " in marker_edl(cuts, title="a", start="")
    assert " 01:00:01:00 " in marker_edl(cuts, title="a", start="01:00:00:00")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=20))
def test_moments_end_up_apart_and_begin_where_they_did(pairs):
    moments = [Marker(start, start + length, (f"{start}+{length}",)) for start, length in pairs]
    made = apart(moments)
    assert [each.start for each in made] == sorted({start for start, _ in pairs})
    assert all(each.end > each.start for each in made)
    assert all(one.end <= other.start for one, other in pairwise(made))
    assert {name for each in made for name in each.names} == {name for each in moments for name in each.names}
    ends = {each.start: each.end for each in made}
    assert all(ends[start] <= max(s + n for s, n in pairs if s == start) for start in ends)


def test_a_timeline_keeps_every_rate_and_reads_back(rated, tmp_path):
    own = write_rated(tmp_path / "own.mov", NTSC, timecode="01:00:00;00")
    cuts = [cut(clip_of(path, 0.5, 1.25)) for path in (rated[NTSC_FILM], rated[Fraction(50)], own)]
    timeline = otio_library.adapters.read_from_string(
        otio(cuts, title="goals\n", start="01:00:00:00"), "otio_json"
    )
    assert (timeline.name, timeline.global_start_time.to_timecode()) == ("goals", "01:00:00:00")
    assert len(timeline.tracks) == 1
    for read, made in zip(timeline.find_clips(), cuts, strict=True):
        assert read.source_range.start_time.value == made.source_start + made.in_frame
        assert read.source_range.duration.value == made.frames
        assert read.source_range.duration.rate == pytest.approx(float(made.counting.rate))
        assert read.media_reference.available_range.contains(read.source_range)
        assert unquote(read.media_reference.target_url) == f"file://{made.clip.path}"
        assert read.metadata["footage"]["captioned_by"]["model"] == "some-model"
    assert [each.source_start for each in cuts] == [0, 0, 107_892]


def test_a_timeline_has_the_sound_of_those_that_have_it(rated, tmp_path):
    loud = write_clip(tmp_path / "a.mp4", count=40, fps=25, audio_seconds=1.6)
    cuts = [cut(clip_of(rated[Fraction(25)], 0, 1)), cut(clip_of(loud, 0, 1))]
    timeline = otio_library.adapters.read_from_string(
        otio(cuts, title="goals", start="00:00:00:00"), "otio_json"
    )
    pictures, sound = timeline.tracks
    assert [type(each).__name__ for each in sound] == ["Gap", "Clip"]
    assert pictures.duration() == sound.duration()
    assert [event[1] for event in read_cmx(list_of(cuts))] == ["V", "AA/V"]


def seconds_of(text):
    numerator, _, denominator = text.removesuffix("s").partition("/")
    return Fraction(int(numerator), int(denominator or 1))


@pytest.mark.parametrize("rate", RATES)
def test_fcpxml_lies_on_whole_frames(rated, rate):
    cuts = [cut(clip_of(rated[rate], *span)) for span in SPANS]
    root = ET.fromstring(fcpxml(cuts, title="goals", start="01:00:00:00"))
    [form], [asset] = root.findall("resources/format"), root.findall("resources/asset")
    assert seconds_of(form.get("frameDuration")) == 1 / rate
    assert unquote(asset.find("media-rep").get("src")) == f"file://{rated[rate]}"
    assert seconds_of(asset.get("duration")) == 120 / rate
    sequence = root.find("library/event/project/sequence")
    counting = cuts[0].counting
    assert sequence.get("tcFormat") == ("DF" if counting.drop else "NDF")
    offset = counting.frame("01:00:00:00")
    assert seconds_of(sequence.get("tcStart")) == offset / rate
    for read, made in zip(sequence.findall("spine/asset-clip"), cuts, strict=True):
        assert seconds_of(read.get("offset")) * rate == offset
        assert seconds_of(read.get("start")) * rate == made.in_frame
        assert seconds_of(read.get("duration")) * rate == made.frames
        assert read.find("conform-rate") is None
        offset += made.frames


def test_fcpxml_keeps_the_speed_of_clips_of_other_rates(rated):
    cuts = [cut(clip_of(rated[rate], 0.5, 1.5)) for rate in (Fraction(25), Fraction(25), NTSC)]
    root = ET.fromstring(fcpxml(cuts, title="goals", start="00:00:00:00"))
    clips = root.findall(".//asset-clip")
    assert [each.find("conform-rate") is not None for each in clips] == [False, False, True]
    assert clips[2].find("conform-rate").attrib == {"scaleEnabled": "0", "srcFrameRate": "29.97"}
    lengths = [seconds_of(each.get("duration")) for each in clips]
    assert all((length * 25).denominator == 1 for length in lengths)
    assert lengths[2] <= cuts[2].frames / NTSC
    assert (seconds_of(clips[2].get("start")) * NTSC).denominator == 1
    assert seconds_of(root.find(".//sequence").get("duration")) == sum(lengths)


CONTROLS = "".join(
    map(chr, [*range(0x0A), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029])
)
"""Control characters and line separators, but for the line ends that a table has."""


def test_tables_tell_everything_and_nothing_that_a_spreadsheet_would_run(rated):
    made = cut(clip_of(rated[Fraction(25)], 0.5, 1.0, title='=HYPERLINK("x")', query="a, b\n"))
    [row] = csv.DictReader(io.StringIO(csv_table([made])))
    assert row["title"] == '\'=HYPERLINK("x")' and row["query"] == "a, b "
    assert not set(csv_table([cut(clip_of(rated[Fraction(25)], 0.5, 1.0, query=CONTROLS))])) & set(CONTROLS)
    for formula in ("=1+1", "\t=1+1", "\x1b=1+1", " @SUM(A1)", "\uff1d1+1", "\n-1"):
        other = cut(clip_of(rated[Fraction(25)], 0.5, 1.0, query=formula))
        [cells] = csv.DictReader(io.StringIO(csv_table([other])))
        assert cells["query"].startswith("'"), formula
    for behind in ("a car;=1+1", 'a car; "\t@SUM(A1)', "a car;;+1", "a car;\n\uff1d1+1"):
        other = cut(clip_of(rated[Fraction(25)], 0.5, 1.0, query=behind))
        for between in (",", ";"):  # as a spreadsheet splits it, by its country
            for cells in csv.reader(io.StringIO(csv_table([other])), delimiter=between):
                assert not any(cell.lstrip(' "').startswith(("=", "+", "@", "\uff1d")) for cell in cells), (
                    behind
                )
    assert (row["span.start_seconds"], row["written_span.start_seconds"]) == ("0.5", "0.52")
    assert (row["timecode_in"], row["timecode_out"], row["frame_rate"]) == (
        "00:00:00:13",
        "00:00:01:00",
        "25",
    )
    assert row["captioned_by.revision"] == "abc123" and row["grounded_by.model"] == ""
    result = json.loads(jsonl([made]))
    assert result["title"] == '=HYPERLINK("x")'
    assert (result["frame_in"], result["frame_out"]) == (13, 25)


def test_chapters_are_in_order_and_apart():
    text = vtt([(Span(3600, 3601.5), "late"), (Span(1, 5), "a"), (Span(2, 3), "b"), (Span(7, 7), "")])
    assert re.findall(r"^(\S+) --> (\S+)\n(.*)$", text, re.MULTILINE) == [
        ("00:00:01.000", "00:00:02.000", "a"),
        ("00:00:02.000", "00:00:03.000", "b"),
        ("00:00:07.000", "00:00:07.001", "Chapter 3"),
        ("01:00:00.000", "01:00:01.500", "late"),
    ]
    assert text.startswith("WEBVTT\n\n")
