"""What is in a reel: each moment once, spread over videos, never too long; and why the rest is not in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import File, Span, Video
from service.export import Clip
from service.reel_draft import MOST_IN_A_ROW, ReelCandidate, draft, repeats, same_moment, same_moments

ODD = (1 / 3, 24000 / 1001, 1 / 90000, 0.1)


def candidate(
    video="a", start=0.0, end=5.0, *, verdict="found", sure=0.9, began="", source="file name", **about
):
    content = Video(video, 1000.0, 640, 360, 25.0, "h264")
    path = f"/v/{video}.mp4"
    clip = Clip(path, content, Span(start, end), f"{video} {start}", verdict=verdict, confidence=sure)
    clip = Clip(**{name: getattr(clip, name) for name in Clip.__slots__} | {"recorded_at": began})
    return ReelCandidate(clip, File(path, video, camera=video, clock_source=source), **about)


@st.composite
def candidates(draw):
    made = []
    for _ in range(draw(st.integers(0, 14))):
        start = draw(st.integers(0, 40)) + draw(st.sampled_from(ODD))
        length = draw(st.sampled_from((0.5, 2.0, 5.0, 1001 / 30, 12.0)))
        made.append(
            candidate(
                draw(st.sampled_from("abc")),
                start,
                start + length,
                verdict=draw(st.sampled_from(("found", "found", "uncertain", "not checked"))),
                sure=draw(st.sampled_from((None, 0.5, 0.9))),
                began=draw(st.sampled_from(("", "2026-03-01T12:00:00", "2026-03-01T12:00:20"))),
            )
        )
    return made


@given(
    candidates(), st.sampled_from((1.0, 7.3, 30.0, 500.0)), st.sampled_from(("time", "score")), st.booleans()
)
def test_a_draft_is_no_longer_than_wanted_and_shows_no_moment_twice(found, most, order, spread):
    made = draft(found, most, order=order, spread=spread)
    assert made.seconds <= most + 1e-6
    assert len(made.clips) + len(made.left_out) == len(found)
    assert all(each.reason.endswith(".") for each in made.left_out)
    assert all(clip.verdict == "found" for clip in made.clips)
    assert bool(made.clips) == any(each.clip.verdict == "found" for each in found)
    by_path = {each.clip.path: each.file for each in found}
    chosen = [ReelCandidate(clip, by_path[clip.path]) for clip in made.clips]
    assert same_moments(chosen) == {}
    sure = [each for each in found if each.clip.verdict == "found"]
    if spread and len({each.clip.path for each in sure}) > 1:
        paths = [clip.path for clip in made.clips]
        runs = zip(*(paths[shift:] for shift in range(MOST_IN_A_ROW + 1)), strict=False)
        assert all(len(set(run)) > 1 for run in runs)
    assert draft(found, most, order=order, spread=spread) == made


@given(candidates())
def test_removing_repeats_leaves_each_moment_once_and_none_out(found):
    gone = set(repeats(found))
    kept = [each for place, each in enumerate(found) if place not in gone]
    assert same_moments(kept) == {}
    for place in gone:
        assert any(same_moment(found[place], each) for each in kept)


@given(candidates())
def test_same_moments_agree_with_each_pair(found):
    listed = same_moments(found)
    for first in range(len(found)):
        for second in range(len(found)):
            kind = same_moment(found[first], found[second]) if first != second else None
            assert ((second, kind) in listed.get(first, [])) == (kind is not None)


def test_two_cameras_at_one_time_show_the_same_moment():
    north = candidate("north", 10, 15, began="2026-03-01T12:00:00")
    south = candidate("south", 4, 9, began="2026-03-01T12:00:07", sure=0.95)
    assert same_moment(north, south) == "camera"
    assert repeats([north, south]) == [0]  # the surer one stays
    assert same_moment(north, candidate("south", 4, 9)) is None  # its clock is unknown
    guessed = candidate("south", 4, 9, began="2026-03-01T12:00:07", source="guessed")
    assert same_moment(north, guessed) is None
    zoned = candidate("south", 4, 9, began="2026-03-01T12:00:07+00:00")
    assert same_moment(north, zoned) is None  # a clock without a zone cannot be compared with one
    assert same_moment(north, candidate("south", 8, 13, began="2026-03-01T12:00:07")) is None


def test_what_was_left_out_says_why():
    found = [
        candidate("a", 0, 5, sure=0.99, began="2026-03-01T12:00:00"),
        candidate("b", 1, 6, sure=0.9, began="2026-03-01T12:00:00"),
        candidate("c", 0, 5, sure=0.8),
        candidate("c", 20, 90, sure=0.7),
        candidate("d", 0, 5, verdict="uncertain", sure=0.5),
    ]
    made = draft(found, 20)
    assert [clip.path for clip in made.clips] == ["/v/a.mp4", "/v/c.mp4"]
    assert [(each.clip.path, each.reason) for each in made.left_out] == [
        ("/v/b.mp4", "The same moment, from another camera."),
        ("/v/c.mp4", "It is too long for what is left of the length."),
        ("/v/d.mp4", "Not sure enough."),
    ]


def test_a_third_of_one_video_in_a_row_waits_for_another_video():
    found = [candidate("a", start, start + 2, sure=0.9 - start / 1000) for start in (0, 10, 20, 30)]
    assert len(draft(found, 60).clips) == 4  # there is no other video
    both = draft([*found, candidate("b", 0, 2, sure=0.1)], 60)
    assert [clip.path[3] for clip in both.clips] == ["a", "a", "b"]
    assert len(draft([*found, candidate("b", 0, 2, sure=0.1)], 60, spread=False).clips) == 5
    by_score = draft([*found, candidate("b", 0, 2, sure=0.1)], 60, order="score")
    assert [clip.path[3] for clip in by_score.clips] == ["a", "b", "a", "a"]  # the best of each video first
    assert [each.reason for each in by_score.left_out] == ["It would be the third of one video in a row."]
