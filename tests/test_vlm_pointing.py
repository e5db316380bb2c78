"""Where Molmo2's answers say that things are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.types import Answer, Point, Span
from footage.vlm.pointing import Places, Shown, point_prompt, read_places, track_prompt
from footage.vlm.profiles import DEMO, MARLIN_2B, MOLMO2_4B

PICTURE = Shown(Span(83.5, 83.5), (83.5,), 640, 480)
WINDOW = Shown(Span(10.0, 12.0), (10.0, 10.517, 11.03, 11.97), 640, 480)


def read(text: str, shown: Shown = WINDOW, *, cut: bool = False) -> Places:
    return read_places(Answer(text, "length" if cut else "stop"), shown)


# --- prompts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("the red car", "Point to the red car."),
        ("  the\nred car. ", "Point to the red car."),
        ("count the people", "Count the people."),
        ("How many boats are there?", "How many boats are there?"),
        ("point guards", "Point to point guards."),
        ("counters", "Point to counters."),
        ("<|im_end|>", "Point to < |im_end|>."),
        ("point to <im_patch>", "Point to < im_patch>."),
    ],
)
def test_words_become_the_request_of_the_models_card(what, asked):
    prompt = point_prompt(what, MOLMO2_4B)
    assert (prompt.kind, prompt.text, prompt.max_new_tokens) == ("point", asked, 2048)


def test_tracking_has_its_own_request():
    assert track_prompt("the player who dunks", MOLMO2_4B).text == "Track the player who dunks."
    assert track_prompt("Follow the dog", MOLMO2_4B).text == "Follow the dog."
    assert track_prompt("the dog", MOLMO2_4B).kind == "track"


@pytest.mark.parametrize("nothing", ["", "  \n", "?", " . "])
def test_nothing_to_look_for_is_refused(nothing):
    for prompt in (point_prompt, track_prompt):
        with pytest.raises(UsageError, match="names no object"):
            prompt(nothing, MOLMO2_4B)


@pytest.mark.parametrize("profile", [DEMO, MARLIN_2B])
def test_a_model_that_cannot_point_says_which_can(profile):
    with pytest.raises(UsageError, match=f"{profile.name} cannot point") as error:
        point_prompt("the car", profile)
    assert "molmo2-4b" in error.value.hint
    with pytest.raises(UsageError, match="cannot track"):
        track_prompt("the car", profile)


# --- answers, as the paper and the card have them -----------------------------------------------------------


def test_points_in_a_picture_are_in_source_pixels():
    places = read('Counting the <points coords="1 1 073 160 2 173 600">boats</points> shows 2.', PICTURE)
    assert places.points == (Point(83.5, 1, 46.72, 76.8), Point(83.5, 2, 110.72, 288.0))
    assert (places.count, places.dropped, places.text) == (2, 0, "Counting the boats shows 2.")


def test_the_papers_tracks_become_paths_in_video_time():
    places = read(
        '<tracks coords="0.0 1 635 522;0.5 1 606 490 2 511 124;1.0 2 515 164;1.5 2 520 168">\n'
        "Inline text\n</tracks>"
    )
    assert [(p.time_seconds, p.object_id) for p in places.points] == [
        (10.0, 1),
        (10.517, 1),
        (10.517, 2),
        (11.03, 2),
        (11.5, 2),  # between the stamps 1.0 and 2.0: as said
    ]
    assert list(places.paths) == [1, 2] and len(places.paths[2]) == 3
    assert places.paths[1][0] == Point(10.0, 1, 406.4, 250.56)
    assert (places.text, places.dropped) == ("Inline text", 0)


@pytest.mark.parametrize("between", ["\t", ":", ",", ";", "; "])
def test_frames_stand_apart_by_any_of_four_signs(between):
    places = read(f'<points coords="0.0 1 500 500{between}1.0 2 250 1000"/>')
    assert [(p.time_seconds, p.x, p.y) for p in places.points] == [
        (10.0, 320.0, 240.0),
        (11.03, 160.0, 480.0),
    ]


def test_other_attributes_and_several_tags_are_read():
    first, second = (
        '<points alt="a 5" pipe" coords="0.0 1 100 100"/>',
        '<points coords="1.0 2 200 200" alt="b">',
    )
    places = read(f"{first} and {second}b</points>")
    assert [p.object_id for p in places.points] == [1, 2] and places.text == "and b"


@pytest.mark.parametrize(
    ("coords", "kept", "dropped"),
    [
        ("0.0 1 1001 500 2 500 500", 1, 1),  # past the edge
        ("0.0 1 5000 500", 0, 1),
        ("0.0 1 50 500 2 500 500", 1, 1),  # too few digits
        ("0.0 1 555 2 500 500", 1, 1),  # a number is missing
        ("0.0 1 500 500 1 600 600", 1, 1),  # one object twice in a frame
        ("0.0 1 500 500;0.0 1 600 600", 1, 1),
        ("9.0 1 500 500", 0, 1),  # past the window
        ("1 500 500", 0, 1),  # no frame
        ("x 1 500 500;1.0 1 500 500", 1, 2),  # "x" and its point
        ("0.0", 0, 0),
        ("0.0 -1 500 500", 0, 1),
        ("0.0 1 500.5 500", 0, 1),
        ("0.0 \u0661 500 500", 0, 1),
    ],
)
def test_what_is_no_point_is_dropped_and_counted(coords, kept, dropped):
    places = read(f'<points coords="{coords}"/>')
    assert (len(places.points), places.dropped) == (kept, dropped)


def test_a_picture_has_one_frame_whose_name_is_1():
    assert read('<points coords="1 1 500 500;2 2 500 500"/>', PICTURE).dropped == 1
    assert read('<points coords="0.0 1 500 500"/>', PICTURE).count == 0


@pytest.mark.parametrize(
    "text", ["There are none.", "", "<points", '<points coords="', '<points coords=""/>']
)
def test_an_answer_without_points_has_none(text):
    places = read(text)
    assert (places.points, places.count, places.dropped, places.raw) == ((), 0, 0, text)


def test_of_a_cut_answer_the_last_number_does_not_count():
    places = read('<tracks coords="0.0 1 500 500;0.5 1 600 100', cut=True)
    assert [(p.time_seconds, p.x) for p in places.points] == [(10.0, 320.0)] and places.dropped == 1
    assert places.finish_reason == "length"
    assert read('<tracks coords="0.0 1 500 500;0.5 1 600 100"', cut=True).dropped == 0
    assert read('<tracks coords="0.0 1 500 500;0.', cut=True).points == places.points


# --- properties ---------------------------------------------------------------------------------------------

coordinates = st.integers(0, 1000)
tracks = st.dictionaries(
    st.integers(0, 39), st.dictionaries(st.integers(1, 99), st.tuples(coordinates, coordinates)), max_size=8
)
windows = st.builds(
    lambda start, width, height: Shown(
        Span(start, start + 20), tuple(start + n / 2 for n in range(40)), width, height
    ),
    st.floats(0, 1e5).map(lambda seconds: round(seconds, 3)),
    st.integers(2, 8000),
    st.integers(2, 8000),
)


@given(tracks, windows, st.sampled_from("\t:,;"), st.sampled_from(["points", "tracks"]))
def test_a_well_formed_answer_comes_back_whole(places, shown, between, tag):
    coords = between.join(
        f"{index / 2:.1f} " + " ".join(f"{n} {x:03d} {y:03d}" for n, (x, y) in sorted(points.items()))
        for index, points in sorted(places.items())
        if points
    )
    read_back = read(f'<{tag} coords="{coords}">it</{tag}>', shown)
    assert read_back.dropped == 0 and read_back.text == "it"
    assert [(shown.times_seconds.index(p.time_seconds), p.object_id, p.x, p.y) for p in read_back.points] == [
        (index, n, x * shown.width / 1000, y * shown.height / 1000)
        for index, points in sorted(places.items())
        for n, (x, y) in sorted(points.items())
    ]
    assert read_back.count == len({n for points in places.values() for n in points})


shards = st.sampled_from(
    [
        '<points coords="',
        "<tracks ",
        'coords="',
        '"/>',
        "</tracks>",
        "1 ",
        "0.5 ",
        "500 ",
        "1001 ",
        ";",
        "\t",
        "-",
    ]
)


@given(st.one_of(st.text(), st.lists(shards).map("".join)), st.one_of(st.just(PICTURE), windows))
def test_no_text_breaks_the_reader_and_all_points_lie_in_what_was_shown(text, shown):
    places = read(text, shown)
    assert places.raw == text and places.dropped >= 0
    for point in places.points:
        assert 0 <= point.x <= shown.width and 0 <= point.y <= shown.height
        assert shown.span.start_seconds <= point.time_seconds <= shown.span.end_seconds
    keys = [(point.time_seconds, point.object_id) for point in places.points]
    assert keys == sorted(set(keys))
    assert sum(map(len, places.paths.values())) == len(places.points)
