"""What pages show of an index, and what people note in it, asked through the service alone."""

from __future__ import annotations

import pytest
from standin_finder import StandinFinder, TestVideo, index_videos

from footage.core.config import load_settings
from footage.core.errors import StoreMissingError, UsageError
from footage.core.types import Run, Span
from footage.embed.text_embedder import load_embedder
from service import browse, correct, marks, saved
from service.index import check_not_writing, checked_camera_pattern
from service.search import SearchRequest, search
from service.session import Loaders, Service

CAR, DOG = "A red car drives by.", "A white dog runs."
VIDEOS = [
    TestVideo("order", 40, 25, {CAR: [(2, 6)], DOG: [(8, 12)]}),
    TestVideo("other", 200, 12, {DOG: [(1, 4)]}),
]


@pytest.fixture
def service(tmp_path) -> Service:
    store = index_videos(tmp_path, VIDEOS, load_embedder())
    settings = load_settings(db=store.path, model="demo")
    return Service(settings, loaders=Loaders(model=lambda settings: StandinFinder(VIDEOS)))


def test_a_video_is_shown_with_everything_about_it(service, tmp_path):
    assert (browse.totals(service).videos, browse.totals(service).events) == (2, 3)
    details = browse.video(service, "content-order")
    assert details.path == str(tmp_path / "order.mp4") and [file.path for file in details.files] == [
        details.path
    ]
    assert [event.text for event in details.outline.events] == [CAR, DOG]
    assert details.outline.busy == [Span(2, 6), Span(8, 12)]
    assert details.scene == "An empty room." and details.windows[0].caption.raw == "raw"
    assert browse.video(service, "none") is None
    assert browse.first_videos(service, 1) == ["content-order"]
    assert browse.event_spans(service, ["content-other"]) == {"content-other": [Span(1, 4)]}


def test_answers_come_with_their_outlines_and_files(service):
    matches = search(service, SearchRequest(query=DOG, ground=False)).matches
    outlines, files = browse.around_matches(service, matches)
    assert outlines == browse.outlines(service, {match.video.content_id for match in matches})
    assert files == {match.path: browse.file_at(service, match.path) for match in matches}


def test_what_a_run_was_asked_to_index_is_a_root(service, tmp_path):
    store = service.store()
    assert browse.indexed_roots(service) == [] and browse.asked_paths(service) == set()
    store.runs.put(Run("1", 1.0, paths=(str(tmp_path),)))
    assert browse.asked_paths(service) == {str(tmp_path)}
    assert browse.indexed_roots(service) == [str(tmp_path / "order.mp4"), str(tmp_path / "other.mp4")]


def test_without_an_index_there_is_nothing_to_browse(tmp_path):
    service = Service(load_settings(db=tmp_path / "none.lancedb"))
    assert browse.asked_paths(service) == set() and browse.indexed_roots(service) == []
    check_not_writing(service)
    with pytest.raises(StoreMissingError):
        browse.totals(service)


def test_a_second_label_of_an_answer_replaces_the_first(service):
    [match, *_] = search(service, SearchRequest(query=DOG, ground=False)).matches
    for right in (True, False):
        marks.label(service, marks.LabelRequest(match=match, span=match.span, right=right, query=DOG))
    [kept] = marks.marks(service, match.video.content_id)
    assert (kept.kind, kept.state, kept.query, kept.found_text) == ("label", "absent", DOG, match.text)


def test_a_note_leaves_the_state_of_an_item_as_it_is(service):
    found = saved.save(service, saved.SaveRequest(name="dogs", query=DOG))
    item = saved.review(service, saved.ReviewRequest(name="dogs"))[0].mark
    saved.decide(service, saved.DecideRequest(item=item.id, state="flagged", author="Ann"))
    noted = saved.decide(service, saved.DecideRequest(item=item.id, note="again", author="Ben"))
    assert (noted.state, noted.text) == ("flagged", "again")
    assert marks.last_author(service) == "Ben"
    assert saved.names(service) == [next(each.search for each in saved.searches(service))]
    assert noted.id in {each.mark.id for each in saved.items(service, found)}
    with pytest.raises(UsageError, match="unknown state"):
        saved.decide(service, saved.DecideRequest(item=item.id, state="done"))


def test_a_review_asks_the_model_as_saved_unless_it_says_otherwise(service):
    saved.save(service, saved.SaveRequest(name="dogs", query=DOG, closely=True))
    asked = service.model().asked
    saved.review(service, saved.ReviewRequest(name="dogs", closely=False))
    assert asked == []
    saved.review(service, saved.ReviewRequest(name="dogs"))
    assert asked


def test_an_event_at_hand_is_corrected_and_the_correction_taken_back(service):
    event = browse.events(service, "content-other")[0]
    request = correct.CorrectEventRequest(event=event, text="A fox runs.", span=Span(1, 3), author="Ann")
    kept = correct.correct_event(service, request)
    assert kept.searchable
    assert [each.text for each in browse.events(service, "content-other")] == ["A fox runs."]
    [version] = browse.video(service, "content-other").corrections
    correct.undo(service, version)
    assert [each.text for each in browse.events(service, "content-other")] == [DOG]


def test_a_camera_pattern_is_checked_as_typed():
    assert checked_camera_pattern("  {camera}_* ") == "{camera}_*"
    with pytest.raises(UsageError, match="camera"):
        checked_camera_pattern("gate")
