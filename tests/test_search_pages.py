"""Groups, pages, and more of the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_search_engine import DOG, RED_LEFT, RED_RIGHT, VIDEOS, index_videos

from footage.core.errors import UsageError
from footage.core.types import File, Span, Video
from footage.embed.text_embedder import load_embedder
from search.engine import Engine
from search.pages import LISTED, grouped, page
from search.retrieval.similar import more_like, read_moment_in_video

answers = st.lists(
    st.builds(
        lambda video, text, n: SimpleNamespace(
            video=Video(video, 1.0, 1, 1, 1.0, "h264"), text=text, number=n
        ),
        st.sampled_from("abc"),
        st.sampled_from(["x", "y", "X"]),
        st.integers(),
    ),
    max_size=30,
)


@given(answers, st.sampled_from(["video", "event", "none"]), st.integers(1, 7))
def test_pages_are_the_whole_in_order(found, by, size):
    groups = grouped(found, by)
    pages = [page(groups, number, size=size) for number in range(1, 40 // size)]
    rows = [row for rows in pages for row in rows]
    assert [rank for rank, _, _ in rows] == list(range(1, len(rows) + 1))
    assert [(answer, others) for _, answer, others in rows] == groups[: len(rows)]
    assert sum(1 + others for _, others in groups) == len(found)
    assert all(len(rows) <= size for rows in pages)


@given(answers)
def test_a_group_is_told_by_its_best(found):
    by_video = grouped(found, "video")
    assert len(by_video) == len({answer.video for answer in found})
    for answer, others in by_video:
        same = [other for other in found if other.video == answer.video]
        assert answer is same[0] and others == len(same) - 1
    assert len(grouped(found, "event")) == len({answer.text.casefold() for answer in found})
    assert [answer for answer, _ in grouped(found, "none")] == found


@pytest.mark.parametrize(("number", "size"), [(0, 5), (-1, 5), (21, 5), (2, LISTED)])
def test_a_page_that_cannot_be_is_told(number, size):
    with pytest.raises(UsageError, match=f"There is no page {number}"):
        page([], number, size=size)
    assert page([], LISTED // 5, size=5) == []


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return index_videos(tmp_path_factory.mktemp("pages"), VIDEOS, embedder)


def test_every_page_is_cut_from_the_same_list(store, embedder):
    found = Engine(store, embedder).search(DOG, limit=LISTED, ground=False).matches
    rows = [row for n in (1, 2, 3) for row in page(grouped(found, "none"), n, size=2)]
    assert [match for _, match, _ in rows] == list(found[:6])


def test_more_of_the_same_is_found_by_the_stored_vector(store):
    text, found = more_like(store, "street.mp4", 30, embedder="minilm")
    assert text == RED_RIGHT
    # The same words at another time of the same video first, then other cars.
    assert (Path(found[0].path).stem, found[0].span, found[0].score) == (
        "street",
        Span(50, 54),
        pytest.approx(1.0, abs=1e-5),
    )
    assert found[1].text == RED_LEFT
    assert all(match.verdict == "not checked" and not match.grounded for match in found)
    assert (Path(found[0].path).stem, Span(28, 33)) not in {(Path(m.path).stem, m.span) for m in found}
    assert len(more_like(store, "street.mp4", 30, embedder="minilm", limit=1)[1]) == 1
    whole = str(store.path.parent / "street.mp4")
    assert more_like(store, whole, 30, embedder="minilm") == (text, found)


def test_what_has_no_such_event_is_told(store):
    with pytest.raises(UsageError, match=r"no event at 0:25\.0 of street\.mp4") as caught:
        more_like(store, "street.mp4", 25, embedder="minilm")
    assert RED_RIGHT in caught.value.hint
    with pytest.raises(UsageError, match=r"has no video treet\.mp4"):
        more_like(store, "treet.mp4", 20, embedder="minilm")
    with pytest.raises(UsageError, match="no event at"):
        more_like(store, "street.mp4", 30, embedder="unknown")
    store.files.put([File("/elsewhere/street.mp4", "content-beach", state="indexed")])
    try:
        with pytest.raises(UsageError, match="2 indexed videos are named"):
            more_like(store, "street.mp4", 30, embedder="minilm")
    finally:
        store.files.remove(["/elsewhere/street.mp4"])


@pytest.mark.parametrize(
    ("text", "read"), [("a.mp4@1:23.5", ("a.mp4", 83.5)), ("b@home/c@d.mp4@5", ("b@home/c@d.mp4", 5))]
)
def test_a_moment_in_a_video_is_read(text, read):
    assert read_moment_in_video(text) == read


@pytest.mark.parametrize("text", ["", "a.mp4", "@5", "a.mp4@", "a.mp4@soon"])
def test_what_is_no_moment_is_told(text):
    with pytest.raises(UsageError):
        read_moment_in_video(text)
