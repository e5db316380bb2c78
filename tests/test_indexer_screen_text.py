"""The screen-text track over real clips and drawn ones: what is read, from when to when, and what is not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from footage.core.errors import DecodeError
from footage.core.track_events import events_from_json, events_to_json
from footage.core.types import CaptionEvent, Span, TextBox, Video
from footage.media import sandbox
from footage.media.text_overlay import font_of
from indexer.tracks.burned_in_clock import read_clock
from indexer.tracks.burned_in_timecode import read_timecode
from indexer.tracks.picture_changes import difference
from indexer.tracks.screen_text import ScreenTextMaker
from indexer.tracks.text_recogniser import ReadLine, TextRecogniser
from indexer.tracks.text_sightings import (
    MOST_EVENTS,
    Reading,
    Sighting,
    events_of,
    join_cut,
    range_text,
    similar,
    stitched,
)
from indexer.tracks.text_watch import SETTINGS, TextWatch

RECOGNISER = TextRecogniser()
BOX = TextBox(0, 0.1, 0.1, 0.3, 0.2)


def read(path, *, maker: ScreenTextMaker | None = None) -> tuple[Video, tuple[CaptionEvent, ...]]:
    maker = maker or ScreenTextMaker(recogniser=RECOGNISER)
    video = sandbox.probe(path)
    windows = maker.windows(video)
    reader = maker.open(str(path), video)
    events = tuple(event for window in windows for event in reader.read(window).events)
    reader.close()
    assert events_from_json(events_to_json(events)) == events
    return video, maker.merge("", events, tuple(window.span for window in windows))


def texts(events) -> list[str]:
    return [event.text for event in events]


def drawn(path, seconds, paint, *, size=(640, 360), fps=10, moving=False):
    """A clip with a coarse pattern behind what ``paint(draw, t)`` draws."""
    import av

    rng = np.random.default_rng(7)
    coarse = Image.fromarray(rng.integers(60, 200, (6, 20, 3), dtype=np.uint8))
    wide = coarse.resize((2 * size[0], size[1]), Image.Resampling.BICUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(round(seconds * fps)):
            t = number / fps
            left = round(60 * t) % size[0] if moving else 0
            picture = wide.crop((left, 0, left + size[0], size[1]))
            paint(ImageDraw.Draw(picture), t)
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def write(draw, place, text, size=28):
    draw.text(place, text, font=font_of(size), fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))


def test_burned_in_timecode_and_a_title_are_read_exactly(test_data):
    video, events = read(test_data / "videos" / "mpy_example.mp4")
    assert "1024 x 768 25 fps Photo JPEG 75%" in texts(events)
    assert len(events) == 2 and all(event.span == Span(0, 16) for event in events)
    timecode = read_timecode(events, video)
    assert timecode.start == "00:00:00:00" and timecode.frames_per_second == 25
    assert read_clock(events, video) is None


def test_timecode_of_an_editors_clip_is_read_to_the_frame(test_data):
    video, events = read(test_data / "videos_edge" / "ae_example.mp4")
    timecode = read_timecode(events, video)
    assert timecode.start == "01:00:00:00" and timecode.frames_per_second == 30  # 01:00:00:29 at 0.97 s
    assert read_clock(events, video) is None and len(events) == 1


@pytest.mark.parametrize("name", ["tc_testsrc2_h265.mp4", "tc_testsrc2_vp9.webm", "tc_bt2020_10bit.mp4"])
def test_a_counter_of_passed_time_is_one_text_and_no_clock(test_data, name):
    video, events = read(test_data / "videos_edge" / name)
    counter = next(event for event in events if event.text.startswith("00:00:00.000 to "))
    assert counter.span == Span(0, video.duration_seconds)
    for box in counter.boxes:  # each reading says when it was made, to a hundredth of a second
        assert float(box.text.rpartition(":")[2]) == pytest.approx(box.at_seconds, abs=0.011)
    assert read_clock(events, video) is None


def test_the_name_on_a_van_that_drives_by_is_read(test_data):
    _, events = read(test_data / "videos" / "dvrscan_traffic_camera.mp4")
    van = next(event for event in events if "abacus" in event.text.lower())
    assert 0.5 <= van.span.start_seconds < van.span.end_seconds <= 3.5


def test_the_clock_of_a_blurred_recorder_is_read_although_its_first_seconds_are_not(test_data):
    video, events = read(test_data / "videos" / "bgs_video02.avi")
    clock = read_clock(events, video)
    # By eye: 12:04:28 at 18.0 s turns into 12:04:29 between 18.0 and 19.0 s. The date is 17/09/07.
    assert clock is not None and abs(clock.day_seconds - (12 * 3600 + 4 * 60 + 10.5)) <= 1.0
    assert clock.ambiguous and clock.recorded_at[:10] in ("2007-09-17", "2017-09-07")


@pytest.mark.parametrize(
    "name",
    [
        "intel_car-detection.mp4",
        "bgs_video.avi",
        "mpy_chaplin.mp4",
        "tc_nasa_13013.mp4",
        "pxt_bangkok_half_res.mp4",
    ],
)
def test_scenes_without_text_have_none(test_data, name):
    video, events = read(test_data / "videos" / name)
    assert texts(events) == [] and read_clock(events, video) is None


def test_a_text_is_one_event_from_first_to_last_sight(tmp_path):
    path = drawn(
        tmp_path / "a.mp4",
        9,
        lambda draw, t: (
            write(draw, (60, 80), "EXIT 12") if 2 <= t < 6.5 else None,
            write(draw, (300, 250), "Größe 42") if t >= 4 else None,
        ),
        moving=True,
    )
    _, events = read(path)
    assert texts(events) == ["EXIT 12", "Größe 42"]
    sign, size = events
    assert sign.span.start_seconds == pytest.approx(2, abs=0.25)
    assert sign.span.end_seconds == pytest.approx(6.5, abs=0.25)
    assert size.span.start_seconds == pytest.approx(4, abs=0.25) and size.span.end_seconds == 9
    box = sign.boxes[0]
    assert box.left == pytest.approx(60 / 640, abs=0.03) and box.top == pytest.approx(80 / 360, abs=0.05)
    assert len(sign.boxes) <= 6


def test_a_text_that_becomes_another_one_is_two_events(tmp_path):
    path = drawn(
        tmp_path / "a.mp4",
        8,
        lambda draw, t: write(draw, (60, 80), "Please wait" if t < 4 else "Now boarding"),
    )
    _, events = read(path)
    assert texts(events) == ["Please wait", "Now boarding"]
    assert events[0].span.end_seconds == pytest.approx(4, abs=0.25)
    assert events[1].span.start_seconds == pytest.approx(4, abs=0.25)


class ByColour(TextRecogniser):
    """Takes a blue figure for a doubtful letter, and a red board for a sign."""

    def find(self, picture, *, side_pixels):
        blue = picture[..., 2].astype(int) - picture[..., 0]
        corners = []
        for rows, columns in (np.nonzero(blue > 100), np.nonzero(blue < -100)):
            if len(rows):
                left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                corners.append(np.float32([(left, top), (right, top), (right, bottom), (left, bottom)]))
        return corners

    def read(self, picture, lines):
        tall = [line[2][1] - line[0][1] > 100 for line in lines]
        return [ReadLine("X", 0.6) if each else ReadLine("SALE 14% OFF", 0.99) for each in tall]


def test_a_figure_that_is_taken_for_a_letter_hides_no_sign_in_front_of_it():
    watch = TextWatch(ByColour(), SETTINGS, Span(0, 10))
    for number in range(40):
        picture = Image.new("RGB", (640, 360), (120, 120, 120))
        draw = ImageDraw.Draw(picture)
        for left in range(200, 440, 24):
            draw.rectangle((left, 60, left + 11, 330), fill=(20, 20, 250))
        if 12 <= number < 28:
            draw.rectangle((240, 290, 390, 312), fill=(200, 20, 20))
            for left in range(244, 388, 8):
                draw.rectangle((left, 294, left + 3, 308), fill=(255, 255, 255))
        watch.see(np.asarray(picture), number / 4)
    [sign] = [each for each in watch.sightings() if each.readings[0].text != "X"]
    assert (sign.span.start_seconds, sign.span.end_seconds) == pytest.approx((3, 7), abs=0.3)


def test_lines_that_roll_through_the_picture_are_one_event_each(tmp_path):
    names = ["Anna Becker", "Joseph Conrad", "Maria Lopez", "Peter Novak"]

    def roll(draw, t):
        for number, name in enumerate(names):
            write(draw, (200, 360 + 70 * number - 60 * t), name, 26)

    _, events = read(drawn(tmp_path / "a.mp4", 12, roll, fps=25))
    assert sorted(texts(events)) == names


def test_portrait_and_turned_text_are_read_the_right_way_up(tmp_path):
    path = drawn(tmp_path / "a.mp4", 3, lambda draw, t: write(draw, (30, 300), "PLATFORM 9"), size=(360, 640))
    assert texts(read(path)[1]) == ["PLATFORM 9"]
    turned = Image.new("RGB", (640, 360), (40, 60, 80))
    sign = Image.new("RGB", (220, 50), (40, 60, 80))
    ImageDraw.Draw(sign).text((5, 5), "BAKERY 42", font=font_of(32), fill=(255, 255, 255))
    for number, angle in enumerate((90, 270)):
        turned.paste(sign.rotate(angle, expand=True), (100 + 300 * number, 80))
    picture = np.asarray(turned)
    lines = RECOGNISER.find(picture, side_pixels=640)
    assert [line.text for line in RECOGNISER.read(picture, lines)] == ["BAKERY 42", "BAKERY 42"]


def test_windows_are_joined_and_a_clock_runs_over_their_edge(tmp_path):
    from datetime import datetime, timedelta

    start = datetime(2026, 12, 31, 23, 59, 20, 300_000)

    def paint(draw, t):
        write(draw, (8, 6), f"{start + timedelta(seconds=t):%Y-%m-%d %H:%M:%S}", 20)
        if 50 <= t < 70:
            write(draw, (300, 250), "GATE 7")

    video, events = read(drawn(tmp_path / "a.mp4", 75, paint, fps=8))
    gate = [event for event in events if event.text == "GATE 7"]
    assert len(events) == 2 and len(gate) == 1
    assert gate[0].span.start_seconds == pytest.approx(50, abs=0.25)
    assert gate[0].span.end_seconds == pytest.approx(70, abs=0.25)
    clock_event = next(event for event in events if event is not gate[0])
    assert clock_event.text == "2026-12-31 23:59:20 to 2027-01-01 00:00:35"
    clock = read_clock(events, video)
    assert abs((datetime.fromisoformat(clock.recorded_at) - start).total_seconds()) <= 0.5


def test_windows_cover_the_video_without_overlap_and_leave_gaps_out():
    maker = ScreenTextMaker(recogniser=RECOGNISER)
    video = Video("c", 200, 640, 360, 25, "h264", gaps=(Span(70, 130),))
    spans = [window.span for window in maker.windows(video)]
    assert spans == [Span(0, 60), Span(60, 70), Span(130, 190), Span(190, 200)]
    assert maker.windows(replace(video, duration_seconds=0.0, gaps=())) == ()


def test_a_reader_may_begin_with_any_window_and_says_what_it_reads_with(tmp_path):
    path = drawn(tmp_path / "a.mp4", 66, lambda draw, t: write(draw, (60, 80), "NORTH 5"), fps=4)
    maker = ScreenTextMaker(recogniser=RECOGNISER)
    video = sandbox.probe(path)
    reader = maker.open(str(path), video)
    (event,) = reader.read(maker.windows(video)[1]).events
    assert (event.text, event.span) == ("NORTH 5", Span(60, 66))
    provenance = reader.provenance
    assert "PP-OCRv6" in provenance.model and len(provenance.revision) == 16 and provenance.budget


def test_a_file_that_does_not_decode_is_an_error_of_that_file(tmp_path):
    path = drawn(tmp_path / "a.mp4", 3, lambda draw, t: write(draw, (60, 80), "NORTH 5"))
    maker = ScreenTextMaker(recogniser=RECOGNISER)
    video = sandbox.probe(path)
    reader = maker.open(str(path), video)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DecodeError):
        reader.read(maker.windows(video)[0])


def test_reading_writes_nothing_to_the_terminal(capfd):
    picture = np.asarray(Image.new("RGB", (320, 240), (9, 9, 9)))
    TextRecogniser().find(picture, side_pixels=320)
    assert capfd.readouterr() == ("", "")


def sighting(text: str, start: float, end: float, *, score=0.97, box=BOX, readings=2) -> Sighting:
    times = [start + (end - start) * n / readings for n in range(readings)]
    return Sighting(
        Span(start, end), tuple(Reading(at, at, text, score, replace(box, at_seconds=at)) for at in times)
    )


@pytest.mark.parametrize(
    ("text", "score", "kept"),
    [("1", 0.9, False), ("d", 0.65, False), ("EXIT", 0.99, True), ("面面", 0.8, False), ("BHLL", 0.8, False)],
)
def test_stray_glyphs_are_no_text(text, score, kept):
    assert bool(events_of([sighting(text, 1, 4, score=score)], within=Span(0, 60))) is kept


def test_readings_vote_and_a_break_of_a_second_does_not_divide_a_text():
    readings = [Reading(t, t, s, 0.95, BOX) for t, s in [(1, "EXIT 12"), (2, "EX1T 12"), (3, "EXIT 12")]]
    found = events_of([Sighting(Span(1, 4), tuple(readings)), sighting("EXIT 12", 5, 8)], within=Span(0, 60))
    assert [(event.text, event.span) for event in found] == [("EXIT 12", Span(1, 8))]
    assert len(events_of([sighting("EXIT 12", 1, 4), sighting("EXIT 13", 5, 8)], within=Span(0, 60))) == 2


def test_a_score_that_changes_is_an_event_each_and_a_counter_is_one():
    score = [Reading(t, t, "HOME 3:0" if t < 20 else "HOME 4:0", 0.97, BOX) for t in range(0, 40, 4)]
    found = events_of([Sighting(Span(0, 40), tuple(score))], within=Span(0, 60))
    assert texts(found) == ["HOME 3:0", "HOME 4:0"] and found[0].span.end_seconds == pytest.approx(
        18, abs=2.1
    )
    counter = [Reading(t, t, f"Frame {1000 + 25 * t}", 0.97, BOX) for t in range(20)]
    (event,) = events_of([Sighting(Span(0, 20), tuple(counter))], within=Span(0, 60))
    assert event.text == "Frame 1000 to 1475" and len(event.boxes) == 20


def test_the_number_of_events_of_a_window_is_bounded():
    many = [
        sighting(
            f"word {chr(97 + n % 26)}{chr(97 + n // 26)} here", 0, 5, box=TextBox(0, 0, n / 1000, 1, n / 1000)
        )
        for n in range(600)
    ]
    assert len(events_of(many, within=Span(0, 60))) <= MOST_EVENTS


@given(
    st.lists(
        st.tuples(
            st.floats(0, 59), st.floats(0, 59), st.text(max_size=12), st.floats(0, 1), st.floats(0, 0.5)
        ),
        max_size=12,
    )
)
def test_events_lie_inside_their_window_and_in_order(drawn_sightings):
    sightings = [
        sighting(text, min(a, b), max(a, b) + 0.5, score=score, box=TextBox(0, left, left, 1, 1))
        for a, b, text, score, left in drawn_sightings
    ]
    within = Span(0, 59.994)
    events = events_of(sightings, within=within)
    assert list(events) == sorted(events, key=lambda event: (event.span, event.text))
    for event in events:
        assert 0 <= event.span.start_seconds < event.span.end_seconds <= within.end_seconds
        assert event.text and all(0 <= box.at_seconds <= within.end_seconds for box in event.boxes)
        assert 0 <= event.confidence <= 1


@given(
    st.lists(st.floats(1, 178), min_size=2, max_size=2, unique=True), st.sampled_from([20.0, 60.0, 59.994])
)
def test_a_text_that_windows_cut_is_whole_again(ends, length):
    start, end = sorted(ends)
    edges = [0.0]
    while edges[-1] < 180:
        edges.append(edges[-1] + length)
    cuts = tuple(Span(a, b) for a, b in pairwise(edges))
    pieces = [
        CaptionEvent(
            Span(max(start, cut.start_seconds), min(end, cut.end_seconds)), "EXIT 12", 0.9, boxes=(BOX,)
        )
        for cut in cuts
        if min(end, cut.end_seconds) - max(start, cut.start_seconds) > 1e-5
    ]
    other = CaptionEvent(Span(0, 180), "another text", 0.9, boxes=(TextBox(0, 0.6, 0.6, 0.9, 0.9),))
    joined = join_cut([*pieces, other], cuts, near_seconds=0.5)
    assert other in joined
    whole = [event for event in joined if event.text == "EXIT 12"]
    if pieces and all(piece.span.duration_seconds > 1 for piece in pieces):
        assert [event.span for event in whole] == [Span(start, end)]


def test_different_texts_and_places_at_an_edge_stay_apart():
    cuts = (Span(0, 60), Span(60, 120))
    before = CaptionEvent(Span(50, 60), "EXIT 12", 0.9, boxes=(BOX,))
    after = CaptionEvent(Span(60, 70), "EXIT 13", 0.9, boxes=(BOX,))
    away = CaptionEvent(Span(60, 70), "Gate", 0.9, boxes=(TextBox(60, 0.7, 0.7, 0.9, 0.8),))
    assert join_cut((before, after, away), cuts, near_seconds=0.5) == (before, after, away)


def test_a_crawling_line_is_put_together():
    line = "markets rise after the bank cuts rates today in Frankfurt"
    parts = [line[begin : begin + 24] for begin in range(0, len(line) - 20, 7)]
    assert stitched(parts) == line
    assert stitched(["Breaking news", "something else"]) == "Breaking news" and stitched([]) == ""


def test_what_runs_is_named_by_its_ends():
    assert range_text("2026-03-01 14:03:10", "2026-03-01 14:03:58") == "2026-03-01 14:03:10 to 14:03:58"
    assert range_text("00:01", "00:09") == "00:01 to 00:09" and range_text("7", "7") == "7"


@given(st.text(max_size=40))
def test_every_text_is_like_itself(text):
    assert similar(text, text)


def test_a_text_at_the_edge_of_the_picture_is_compared_by_what_both_cuttings_have():
    patch = np.random.default_rng(1).normal(0, 50, (24, 42)).astype(np.float32)
    assert difference(patch, patch[:, :41]) == (0.0, 0.0) == difference(patch[:, :41], patch)
    whole, cell = difference(patch, -patch[:, :30])
    assert whole > 1 and cell > 1
