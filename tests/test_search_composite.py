"""Queries over several events: the arithmetic of spans, and footage whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import StandinFinder, TestVideo, index_videos

from footage.core.errors import UsageError
from footage.core.timecode import overlap_seconds
from footage.core.types import Match, Span, Video, Window
from footage.embed.text_embedder import load_embedder
from search.composite import SAME_TIME_SHARE, TOLERANCE_SECONDS, combine
from search.engine import Engine

CAR, DOG, BALL = "A red car drives by.", "A white dog runs.", "A green ball bounces."
HAT = "A tall man wears a hat."
VIDEOS = (
    TestVideo("order", 40, 25, {CAR: [(2, 6)], DOG: [(8, 12)]}),
    TestVideo("reverse", 80, 25, {DOG: [(2, 6)], CAR: [(8, 12)]}),
    TestVideo("far", 120, 28, {CAR: [(1, 3)], DOG: [(22, 26)]}),
    TestVideo("together", 160, 25, {CAR: [(4, 12)], DOG: [(6, 11)]}),
    TestVideo("alone", 200, 25, {CAR: [(5, 10)]}),
    TestVideo("other", 240, 25, {BALL: [(5, 10)], HAT: [(12, 20)]}),
)


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return index_videos(tmp_path_factory.mktemp("joint"), VIDEOS, embedder)


@pytest.fixture
def finder():
    return StandinFinder(VIDEOS)


@pytest.fixture
def engine(store, embedder, finder):
    return Engine(store, embedder, finder)


def answers(engine, text, **options):
    return [
        (Path(match.path).stem, match.span, match.verdict) for match in engine.search(text, **options).matches
    ]


@pytest.mark.parametrize("ground", [True, False])
def test_one_after_the_other(engine, ground):
    verdict = "found" if ground else "not checked"
    found = answers(engine, "a red car drives by THEN a white dog runs", ground=ground)
    assert found == [("order", Span(2, 12), verdict), ("far", Span(1, 26), verdict)]
    found = answers(engine, "a red car drives by then a white dog runs within 10s", ground=ground)
    assert found == [("order", Span(2, 12), verdict)]
    found = answers(engine, "a white dog runs THEN a red car drives by", ground=ground)
    assert found == [("reverse", Span(2, 12), verdict)]


@pytest.mark.parametrize("ground", [True, False])
def test_at_the_same_time(engine, ground):
    [(name, span, verdict)] = answers(engine, "a red car drives by and a white dog runs", ground=ground)
    assert (name, span, verdict) == ("together", Span(4, 12), "found" if ground else "not checked")


def test_one_without_the_other(engine):
    text = "a red car drives by WITHOUT a white dog runs"
    found = answers(engine, text)
    assert {name for name, _, _ in found} == {"order", "reverse", "far", "alone"}
    assert dict((name, span) for name, span, _ in found)["alone"] == Span(5, 10)
    assert {name for name, _, _ in answers(engine, text, ground=False)} == {
        "order",
        "reverse",
        "far",
        "alone",
    }
    assert all(verdict == "not checked" for _, _, verdict in answers(engine, text, ground=False))


def test_absence_is_found_only_where_the_model_looked_in_vain(store, embedder, finder):
    [match] = Engine(store, embedder, finder).search(f"{HAT} WITHOUT a helicopter lands").matches
    assert (Path(match.path).stem, match.span, match.verdict) == ("other", Span(12, 20), "found")
    assert "did not find it" in match.evidence[0]
    assert ("other", "a helicopter lands") in {(name, event) for name, _, event in finder.asked}
    [unasked] = Engine(store, embedder).search(f"{HAT} WITHOUT a helicopter lands", ground=False).matches
    assert unasked.verdict == "not checked" and "checked only a part" in unasked.evidence[0]


def test_every_part_is_there_with_its_own_span_and_text(engine):
    match = engine.search("a red car drives by THEN a white dog runs").matches[0]
    assert [(part.text, part.span) for part in match.parts] == [(CAR, Span(2, 6)), (DOG, Span(8, 12))]
    assert match.score == min(part.score for part in match.parts)


def test_one_event_is_not_two(engine):
    # "A red car drives by." comes near a blue car as well; but then it is not both.
    assert answers(engine, "a red car drives by AND a blue car drives by", ground=False) == []


def test_filters_and_exclusions_are_those_of_the_whole(engine):
    query = "a red car drives by THEN a white dog runs path:far.mp4"
    result = engine.search(query)
    assert [Path(match.path).stem for match in result.matches] == ["far"] and result.coverage.videos == 1
    assert answers(engine, "a red car drives by THEN a white dog runs -white") == []


def test_limits_subsets_and_mistakes(engine, store, embedder):
    text = "a red car drives by THEN a white dog runs"
    assert len(answers(engine, text, limit=1)) == 1
    assert [name for name, _, _ in answers(engine, text, content_ids=["content-far"])] == ["far"]
    assert answers(engine, text, content_ids=[]) == []
    assert answers(engine, "a giraffe sleeps THEN a submarine dives") == []
    assert all(match.parts == () for match in engine.search("a dog").matches)
    with pytest.raises(UsageError, match="limit of 1 or more"):
        engine.search(text, limit=0)
    with pytest.raises(UsageError, match="needs a model"):
        Engine(store, embedder).search(text)


def test_words_alone_will_do_and_answers_are_the_same_every_time(store):
    text = "red car drives THEN white dog runs"
    first = answers(Engine(store, None), text, ground=False, arm="text")
    assert [name for name, _, _ in first] == ["order", "far"]
    assert all(answers(Engine(store, None), text, ground=False, arm="text") == first for _ in range(2))


# -- the arithmetic ------------------------------------------------------------------------------------------


def match(start, end, *, video="v", verdict="found", score=0.9, window=None):
    return Match(
        video=Video(video, 100.0, 64, 48, 25.0, "h264"),
        path=f"/{video}.mp4",
        span=Span(start, end),
        text="text",
        score=score,
        grounded=True,
        verdict=verdict,
        window=None if window is None else Window(video, 0, Span(*window)),
    )


quarters = st.integers(0, 160).map(lambda n: n / 4)
matches = st.lists(
    st.builds(
        lambda start, length, video, verdict, score: match(
            start, start + length, video=video, verdict=verdict, score=score
        ),
        quarters,
        st.integers(0, 40).map(lambda n: n / 4),
        st.sampled_from("vw"),
        st.sampled_from(["found", "uncertain", "not found"]),
        st.sampled_from([0.5, 0.8]),
    ),
    max_size=6,
)


def seen(found):
    return [match for match in found if match.verdict != "not found"]


def follows(first, second, within):
    gap = second.span.start_seconds - first.span.end_seconds
    return (
        first.video == second.video
        and gap >= -TOLERANCE_SECONDS
        and second.span.start_seconds > first.span.start_seconds
        and (within is None or gap <= within)
    )


@given(matches, matches, st.none() | st.integers(0, 20))
def test_then_takes_the_nearest_that_follows(first, second, within):
    joined = combine("then", [first, second], within_seconds=within)
    expected = {
        (one, min(other.span.start_seconds for other in after))
        for one in seen(first)
        if (after := [other for other in seen(second) if follows(one, other, within)])
    }
    assert {(joint.parts[0], joint.parts[1].span.start_seconds) for joint in joined} == expected
    for joint in joined:
        assert follows(*joint.parts, within)
        assert joint.span.start_seconds == joint.parts[0].span.start_seconds
        assert (joint.verdict == "found") == all(part.verdict == "found" for part in joint.parts)


@given(matches, matches, matches, st.none() | st.integers(0, 20))
def test_a_chain_is_completed_where_it_can_be(first, second, third, within):
    joined = combine("then", [first, second, third], within_seconds=within)
    begins = {
        one
        for one in seen(first)
        for two in seen(second)
        for three in seen(third)
        if follows(one, two, within) and follows(two, three, within)
    }
    assert {joint.parts[0] for joint in joined} == begins
    assert all(follows(a, b, within) and follows(b, c, within) for a, b, c in (j.parts for j in joined))


@given(matches, matches)
def test_and_shares_half_of_the_shorter_at_least(first, second):
    joined = combine("and", [first, second])
    for joint in joined:
        one, other = (part.span for part in joint.parts)
        assert joint.parts[0].video == joint.parts[1].video
        shorter = min(one.duration_seconds, other.duration_seconds)
        assert overlap_seconds(one, other) >= SAME_TIME_SHARE * shorter
        assert joint.span.start_seconds <= max(one.start_seconds, other.start_seconds)
    inside = {
        one
        for one in seen(first)
        for other in seen(second)
        if one.video == other.video
        and one.span.start_seconds
        <= other.span.start_seconds
        < other.span.end_seconds
        <= one.span.end_seconds
    }
    assert inside <= {joint.parts[0] for joint in joined}
    assert {joint.parts[0].span for joint in combine("and", [first, first])} == {m.span for m in seen(first)}


@given(matches, matches)
def test_without_keeps_what_shares_no_time(first, second):
    kept = {joint.parts[0]: joint for joint in combine("without", [first, second])}
    for one in seen(first):
        met = [m for m in seen(second) if one.video == m.video and overlap_seconds(one.span, m.span) > 0]
        assert not (any(other.verdict == "found" for other in met) and one in kept)
        assert not met or one not in kept or kept[one].verdict == "uncertain"
    assert {joint.parts[0] for joint in combine("without", [first, []])} == set(seen(first))
    found = [one for one in first if one.verdict == "found"]
    assert combine("without", [found, found]) == []
    response = [replace(one, grounded=False) for one in first]
    assert combine("without", [first, response]) == []  # what captions say rules out, too


@given(st.sampled_from(["then", "and", "without"]), matches, matches, st.randoms())
def test_the_order_does_not_depend_on_that_of_the_answers(relation, first, second, random):
    joined = combine(relation, [first, second])
    random.shuffle(first)
    random.shuffle(second)
    again = combine(relation, [first, second])
    key = lambda joint: (joint.verdict, joint.score, joint.video.content_id, joint.span)  # noqa: E731
    assert list(map(key, again)) == list(map(key, joined))
    assert [joint.verdict for joint in joined] == sorted(
        (joint.verdict for joint in joined), key=["found", "uncertain"].index
    )


def test_absence_needs_a_look_at_all_of_it():
    one = match(10, 20)

    def verdict(*windows, first=one, video="v"):
        shown = [{}, *({video: [Span(*window)]} if window else {} for window in windows)]
        [joint] = combine("without", [[first], *([] for _ in windows)], shown=shown)
        return joint.verdict

    assert verdict((0, 30)) == verdict((10.5, 19.5)) == "found"
    assert verdict((12, 30)) == verdict(None) == "uncertain"
    assert verdict((0, 30), first=replace(one, verdict="uncertain")) == "uncertain"
    assert verdict((0, 30), None) == "uncertain"  # nobody looked for the third
    assert verdict((0, 30), video="w") == "uncertain"
    assert combine("without", [[one], []])[0].verdict == "uncertain"


def test_each_part_is_looked_for_where_another_was(tmp_path, embedder, monkeypatch):
    monkeypatch.setattr("search.composite.VIDEOS", 1)  # each part brings in its best video only
    store = index_videos(
        tmp_path,
        [
            TestVideo("a", 60, 10, {CAR: [(1, 5)]}),
            TestVideo("b", 120, 10, {CAR: [(1, 5)], HAT: [(2, 5)]}),
            TestVideo("c", 180, 10, {BALL: [(1, 5)]}),
            TestVideo("d", 240, 10, {BALL: [(1, 5)], DOG: [(1, 6)]}),
        ],
        embedder,
    )
    engine = Engine(store, embedder)
    # The best video for a car is another than the one with the hat, and it is looked for there as well.
    found = answers(engine, f"{CAR} AND a tall man wears a hat", ground=False)
    assert [name for name, _, _ in found] == ["b"]
    # The best video for a ball is another than the one with the dog: the ball is looked for there as well.
    assert answers(engine, f"{DOG} WITHOUT a green ball bounces", ground=False) == []
