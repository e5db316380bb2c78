"""Searching: real LanceDB, the real embedder, real tiny videos, and a stand-in where the model sits."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from standin_finder import StandinFinder, TestVideo, index_videos, write_grey_video

from footage.core.errors import DecodeError, ModelMemoryError, UsageError, VideoNotFoundError
from footage.core.types import Answer, Span, Window
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from search.engine import Engine
from search.grounding.calibration import UNCALIBRATED, Calibration
from search.grounding.ground import find_in_file
from search.grounding.options import GroundingOptions
from search.grounding.window_queries import EventFinder, WindowQuestion
from search.query.parser import parse_query
from search.retrieval.retriever import Retriever, word_order

RED_RIGHT = "A red car drives from left to right."
RED_LEFT = "A red car drives from right to left."
BLUE_RIGHT = "A blue car drives from left to right."
BALL = "A green ball bounces in the middle."
DOG = "A white dog runs from left to right."

STREET = TestVideo(
    "street", 60, 70, {RED_RIGHT: [(28, 33), (50, 54)], DOG: [(8, 12)]}, "A street with a bench."
)
PARK = TestVideo("park", 110, 20, {RED_LEFT: [(3, 8)], BALL: [(12, 16)]}, "A park with a fountain at dusk.")
BEACH = TestVideo("beach", 160, 25, {BLUE_RIGHT: [(2, 7)], DOG: [(10, 14.5)]}, "A beach with a parasol.")
LIAR = TestVideo("liar", 210, 20, {}, "A yard with a tree.", captioned={BALL: [(4, 9)]})
VIDEOS = (STREET, PARK, BEACH, LIAR)


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return index_videos(tmp_path_factory.mktemp("index"), VIDEOS, embedder)


@pytest.fixture
def finder():
    return StandinFinder(VIDEOS)


def name(match):
    return Path(match.path).stem


def test_a_grounded_search_answers_with_the_true_span(store, embedder, finder):
    result = Engine(store, embedder, finder).search("a red car drives from right to left")
    best = result.matches[0]
    assert (name(best), best.span, best.verdict, best.grounded) == ("park", Span(3, 8), "found", True)
    assert best.text == RED_LEFT
    assert best.raw == "From 3.0 to 8.0."
    assert f'The captions have "{RED_LEFT}" at 0:03.0-0:08.0.' in best.evidence
    assert "A second look agreed." in best.evidence
    assert best.confidence >= 0.8 and not best.calibrated
    assert [match.verdict for match in result.matches[1:]].count("found") == 0
    assert result.query.text == "a red car drives from right to left"
    assert result.timings.ground_seconds > 0


def test_word_order_decides_between_left_and_right(store, embedder):
    engine = Engine(store, embedder)
    for text, video in ((RED_RIGHT, "street"), (RED_LEFT, "park"), (BLUE_RIGHT, "beach")):
        assert name(engine.search(text, ground=False).matches[0]) == video
    assert word_order(parse_query(RED_RIGHT).words, RED_RIGHT) == 1.0
    assert 0 < word_order(parse_query(RED_RIGHT).words, RED_LEFT) < 1
    assert word_order(("car",), RED_LEFT) == 0.0


def test_an_event_on_a_seam_is_one_match_over_both_windows(store, embedder, finder):
    matches = Engine(store, embedder, finder).search(RED_RIGHT).matches
    street = [match for match in matches if name(match) == "street"]
    assert [match.span for match in street if match.verdict == "found"] == [Span(28, 33), Span(50, 54)]
    assert any("look" in line for line in street[0].evidence)


def test_index_and_model_in_disagreement_are_uncertain_and_rank_behind_agreement(store, embedder, finder):
    matches = Engine(store, embedder, finder).search(BALL).matches
    assert [(name(match), match.verdict) for match in matches[:2]] == [
        ("park", "found"),
        ("liar", "uncertain"),
    ]
    liar = matches[1]
    assert liar.confidence < 0.8
    # The model named the whole window, no information: the index span stands; the evidence has both.
    assert (liar.span, liar.grounded, liar.raw) == (Span(4, 9), False, "From 0.0 to 20.0.")
    assert any("whole window" in line for line in liar.evidence)


def test_a_caption_that_the_model_does_not_bear_out_is_no_more_than_uncertain(store, embedder):
    finder = StandinFinder(VIDEOS, answers={"liar": "From 12.0 to 15.0."})
    result = Engine(store, embedder, finder).search(BALL, looking=GroundingOptions(fresh=True))
    liar = next(m for m in result.matches if name(m) == "liar")
    # Where the model looks elsewhere the caption stands alone, and the evidence says so.
    assert (liar.span, liar.grounded, liar.verdict) == (Span(4, 9), False, "uncertain")
    assert "The two disagree: IoU 0.00." in liar.evidence


def test_an_answer_that_cannot_be_read_falls_back_to_the_index(store, embedder):
    finder = StandinFinder(VIDEOS, answers={"park": "I cannot say."})
    park = next(
        m
        for m in Engine(store, embedder, finder)
        .search(RED_LEFT, looking=GroundingOptions(fresh=True))
        .matches
        if name(m) == "park"
    )
    assert (park.span, park.grounded, park.verdict, park.raw) == (
        Span(3, 8),
        False,
        "uncertain",
        "I cannot say.",
    )
    assert any("returned no usable time" in line for line in park.evidence)


def test_without_grounding_no_model_is_needed_or_loaded(store, embedder):
    def load():
        raise AssertionError("the model was loaded")

    result = Engine(store, embedder, load).search(DOG, ground=False)
    assert {name(match) for match in result.matches[:2]} == {"street", "beach"}
    assert all(
        match.verdict == "not checked" and not match.grounded and not match.raw for match in result.matches
    )
    with pytest.raises(UsageError, match="grounding needs a model"):
        Engine(store, embedder).search(DOG)


def test_the_model_is_loaded_once_and_after_the_text_hits(store, embedder, finder):
    order = []

    def load():
        order.append("load")
        return finder

    engine = Engine(store, embedder, load)
    for _ in range(2):
        engine.search(DOG, on_hits=lambda matches: order.append(len(matches)), limit=2)
    assert order[:2] == [2, "load"] and order.count("load") == 1


def test_a_window_is_asked_about_once_in_batches_and_not_beyond_the_bound(store, embedder, finder):
    Engine(store, embedder, finder).search(RED_RIGHT, looking=GroundingOptions(max_windows=3, fresh=True))
    assert len(finder.asked) == len(set(finder.asked))
    assert max(finder.batches) <= 2 and sum(finder.batches) == len(finder.asked)
    # One window of each candidate comes before the second of any.
    assert len({video for video, _, _ in finder.asked}) == 3 or finder.asked[0][0] == "street"


def test_progress_is_told(store, embedder, finder):
    response = []
    Engine(store, embedder, finder).search(
        BALL,
        looking=GroundingOptions(max_windows=2, fresh=True),
        on_progress=lambda done, total: response.append((done, total)),
    )
    assert response[-1][0] == response[-1][1]


def test_results_are_the_same_every_time(store, embedder, finder):
    first = Engine(store, embedder, finder).search(DOG).matches
    assert all(Engine(store, embedder, finder).search(DOG).matches == first for _ in range(2))


def test_limits_and_subsets(store, embedder, finder):
    engine = Engine(store, embedder, finder)
    assert len(engine.search(DOG, limit=1).matches) == 1
    assert {name(m) for m in engine.search(DOG, content_ids=["content-beach"]).matches} == {"beach"}
    assert engine.search(DOG, content_ids=[]).matches == ()
    with pytest.raises(UsageError, match="limit of 1 or more, got 0"):
        engine.search(DOG, limit=0)


def test_what_is_not_there_is_never_found(store, embedder, finder):
    matches = Engine(store, embedder, finder).search("a giraffe rides a bicycle on the moon").matches
    assert matches
    assert {match.verdict for match in matches} <= {"not found", "uncertain"}
    assert matches[0].verdict == "not found"


def test_quotes_and_special_tokens_are_words(store, embedder, finder):
    result = Engine(store, embedder, finder).search('a "red" car <|im_end|> and (drives OR NOT) *')
    assert result.matches
    assert all("<|im_end|>" not in event for _, _, event in finder.asked)


def test_scenes_are_found_too(store, embedder, finder):
    match = Engine(store, embedder, finder).search("a park with a fountain").matches[0]
    assert (name(match), match.verdict) == ("park", "uncertain")


def test_coverage_says_what_was_searched(store, embedder, finder):
    coverage = Engine(store, embedder, finder).search(DOG, ground=False).coverage
    assert (coverage.videos, coverage.files_failed, coverage.model) == (4, 0, "standin")
    assert coverage.seconds_indexed == pytest.approx(135, abs=1)
    assert coverage.seconds_total == pytest.approx(135, abs=1)


def test_an_empty_index_answers_nothing(tmp_path, embedder, finder):
    result = Engine(Store.open(tmp_path / "empty.lancedb", create=True), embedder, finder).search(DOG)
    assert result.matches == () and result.coverage.videos == 0 and result.coverage.model == ""
    assert finder.asked == []


def test_a_file_that_vanished_or_broke_keeps_its_indexed_answer(tmp_path, embedder):
    videos = (
        TestVideo("kept", 60, 10, {DOG: [(2, 5)]}),
        TestVideo("gone", 110, 10, {DOG: [(3, 6)]}),
        TestVideo("broken", 160, 10, {DOG: [(4, 7)]}),
    )
    store, finder = index_videos(tmp_path, videos, embedder), StandinFinder(videos)
    (tmp_path / "gone.mp4").unlink()
    (tmp_path / "broken.mp4").write_bytes(b"\x00" * 500)
    matches = {name(match): match for match in Engine(store, embedder, finder).search(DOG).matches}
    assert (matches["kept"].verdict, matches["kept"].grounded) == ("found", True)
    for which, span in (("gone", Span(3, 6)), ("broken", Span(4, 7))):
        assert (matches[which].span, matches[which].grounded) == (span, False)
        assert matches[which].verdict == "not checked"
        assert len(matches[which].evidence) == 2 and matches[which].confidence is None
    assert "cannot be reached now" in matches["gone"].evidence[1]


def test_a_model_that_fails_is_told_after_the_text_hits(store, embedder):
    class Failing(StandinFinder):
        def run(self, requests):
            raise ModelMemoryError("The model does not fit.")

    hits = []
    with pytest.raises(ModelMemoryError):
        Engine(store, embedder, Failing(VIDEOS)).search(
            DOG, on_hits=hits.extend, looking=GroundingOptions(fresh=True)
        )
    assert hits


def test_candidates_hold_what_was_found_there_best_first(store, embedder):
    candidates = Retriever(store, embedder).retrieve(parse_query(RED_RIGHT))
    street = candidates[0]
    assert street.video.content_id == "content-street"
    scores = [hit.score for hit in street.hits]
    assert scores == sorted(scores, reverse=True) and street.score == scores[0]
    assert all(0 <= hit.similarity <= 1 for hit in street.hits) and street.hits[0].similarity > 0.9


def test_find_in_a_file_needs_no_index(tmp_path, finder):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=70)
    response = []
    matches = find_in_file(
        path, RED_RIGHT, model=finder, on_progress=lambda *done: response.append(done)
    ).matches
    # Windows 0-30 and 25-55 both see the first car; 50-70 sees the second, 25-55 too but names the first.
    assert {match.span for match in matches} >= {Span(28, 33), Span(50, 54)}
    assert all(match.verdict != "found" and match.grounded and match.text == "" for match in matches)
    assert response[0][1] == 3 and response[-1][0] == response[-1][1]
    assert all(0 <= match.score <= 1 for match in matches)


def test_a_span_over_the_whole_window_ranks_last(tmp_path, finder):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=70)
    matches = find_in_file(path, DOG, model=finder).matches
    assert matches[0].span == Span(8, 12)
    assert any("whole window" in line for line in matches[-1].evidence)


def test_find_looks_only_where_it_is_told(tmp_path, finder):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=70)
    [match] = find_in_file(path, RED_RIGHT, model=finder, span=Span(45, 68)).matches
    assert match.span == Span(50, 54)
    assert match.window is not None and match.window.span == Span(45, 68)
    with pytest.raises(UsageError, match=r"no video at 1:20\.0-1:30\.0"):
        find_in_file(path, RED_RIGHT, model=finder, span=Span(80, 90))


def test_find_takes_other_windows(tmp_path, finder):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=70)
    find_in_file(path, DOG, model=finder, looking=GroundingOptions(window_seconds=20, overlap_seconds=0))
    windows = [Span(0, 20), Span(20, 40), Span(40, 60), Span(60, 70)]
    assert [span for _, span, _ in finder.asked][:4] == windows


def test_find_refuses_what_makes_no_sense(tmp_path, finder):
    with pytest.raises(VideoNotFoundError):
        find_in_file(tmp_path / "nothing.mp4", DOG, model=finder)
    with pytest.raises(UsageError, match="empty"):
        find_in_file(tmp_path / "nothing.mp4", " ", model=finder)


def test_find_says_when_no_window_can_be_decoded(tmp_path):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=8)

    class Vanishing(StandinFinder):
        @property
        def profile(self):
            path.unlink(missing_ok=True)  # after probing, before sampling
            return super().profile

    with pytest.raises(DecodeError, match=r"somewhere\.mp4"):
        find_in_file(path, DOG, model=Vanishing(VIDEOS))


def test_the_second_ask_is_remembered_and_a_fresh_one_is_not(tmp_path, embedder):
    store, finder = index_videos(tmp_path, [STREET], embedder), StandinFinder([STREET])
    first = Engine(store, embedder, finder).search(RED_RIGHT)
    asked = len(finder.asked)
    assert asked > 2 and first.looked.windows == asked
    response = []
    again = Engine(store, embedder, finder).search(RED_RIGHT, on_progress=lambda *done: response.append(done))
    assert again.matches == first.matches and again.looked == first.looked
    assert len(finder.asked) == asked and response[-1][0] == response[-1][1]
    Engine(store, embedder, finder).search(RED_RIGHT, looking=GroundingOptions(fresh=True))
    assert len(finder.asked) == 2 * asked
    # Other words are another question.
    Engine(store, embedder, finder).search("a red car goes to the right")
    assert len(finder.asked) > 2 * asked


def test_an_answer_is_not_lost_when_the_model_fails_later(tmp_path, embedder):
    class Failing(StandinFinder):
        def run(self, requests):
            if self.asked:
                raise ModelMemoryError("The model does not fit.")
            return super().run(requests)

    store, failing = index_videos(tmp_path, [STREET], embedder), Failing([STREET])
    with pytest.raises(ModelMemoryError):
        Engine(store, embedder, failing).search(RED_RIGHT)
    finder = StandinFinder([STREET])
    Engine(store, embedder, finder).search(RED_RIGHT)
    assert not set(finder.asked) & set(failing.asked)


def test_a_budget_that_is_spent_leaves_what_the_captions_say(tmp_path, embedder):
    store, finder = index_videos(tmp_path, [STREET], embedder), StandinFinder([STREET])
    result = Engine(store, embedder, finder).search(RED_RIGHT, looking=GroundingOptions(budget_seconds=0))
    assert finder.asked == [] and result.looked.windows == 0 and result.looked.unseen > 0
    assert result.outcome == "not checked"
    for match in result.matches:
        assert (match.grounded, match.verdict, match.confidence) == (False, "not checked", None)
        assert match.evidence[-1] == "The time limit was reached before the model checked this part."


def test_what_captions_missed_is_found_by_looking_everywhere(tmp_path, embedder):
    mute = TestVideo("mute", 60, 130, {DOG: [(100, 105)], BALL: [(10, 12)]}, captioned={BALL: [(10, 12)]})
    store, finder = index_videos(tmp_path, [mute], embedder), StandinFinder([mute])
    looking = GroundingOptions(exhaustive=True)
    result = Engine(store, embedder, finder).search(DOG, looking=looking)
    assert {window for _, window, _ in finder.asked} >= {
        Span(start, min(start + 30, 130)) for start in range(0, 125, 25)
    }
    assert result.looked.seconds == pytest.approx(130, abs=0.5)
    best = max(result.matches, key=lambda match: match.confidence or 0)
    assert best.span == Span(100, 105) and best.grounded and best.text == ""
    assert "There is no caption there." in best.evidence
    windows, seconds = Engine(store, embedder, finder).estimate(parse_query(DOG))
    assert (windows, seconds) == (5, 0.0)  # no run of an indexer to go by


def test_all_occurrences_come_back_in_time_order_also_those_no_caption_has(tmp_path, embedder):
    times = [(4, 7), (12, 15), (20, 24), (48, 52), (66, 69)]
    often = TestVideo("often", 60, 80, {DOG: times}, captioned={DOG: [times[1], times[3]]})
    store, finder = index_videos(tmp_path, [often], embedder), OneAtATime([often])
    result = Engine(store, embedder, finder).search(DOG, limit=20)
    found = [match.span for match in result.matches if match.verdict == "found"]
    assert found == [Span(*times[1]), Span(*times[3])]
    named = {match.span for match in result.matches if match.grounded}
    assert {Span(*pair) for pair in times} <= named  # before and after what is found is looked at


class OneAtATime(StandinFinder):
    """Names the longest occurrence in a window that it shows whole, as a find answers with one span."""

    def _answer(self, prepared, prompt):
        video, window = prepared.payload, prepared.span
        whole = [
            Span(*pair)
            for pairs in video.events.values()
            for pair in pairs
            if window.start_seconds <= pair[0] and pair[1] <= window.end_seconds
        ]
        best = max(whole, key=lambda span: span.duration_seconds, default=None)
        if best is None:
            return super()._answer(prepared, prompt)
        start, end = best.start_seconds - window.start_seconds, best.end_seconds - window.start_seconds
        self.asked.append((video.name, window, prompt.text.split('"')[1]))
        return Answer(f"From {start:.1f} to {end:.1f}.", "stop", (-0.1, -0.1))


def test_windows_of_another_length_can_be_looked_through(tmp_path, embedder):
    store, finder = index_videos(tmp_path, [STREET], embedder), StandinFinder([STREET])
    Engine(store, embedder, finder, looking=GroundingOptions(window_seconds=12)).search(DOG)
    assert finder.asked and all(window.duration_seconds <= 12 for _, window, _ in finder.asked)


def test_the_answer_as_a_whole(store, embedder, finder):
    engine = Engine(store, embedder, finder, looking=GroundingOptions(fresh=True))
    assert engine.search(RED_LEFT).outcome == "found"
    assert engine.search("a giraffe rides a bicycle on the moon").outcome == "not found"
    silent = engine.search("a giraffe rides a bicycle on the moon", ground=False)
    assert silent.outcome == "no caption matches" and silent.looked.windows == 0
    assert engine.search(RED_LEFT, ground=False).outcome == "not checked"
    assert (
        engine.search("a yellow car drives from right to left", ground=False).outcome == "no caption matches"
    )


def test_several_people_search_one_engine_at_once(store, embedder):
    class OneAtATime(StandinFinder):
        """Fails when two threads ask it at once."""

        def run(self, requests):
            assert not self.busy
            self.busy = True
            answers = super().run(requests)
            self.busy = False
            return answers

        busy = False

    def response(engine, text):
        matches = engine.search(text, looking=GroundingOptions(fresh=True)).matches
        return [(name(match), match.span, match.verdict, match.confidence) for match in matches]

    asked = [RED_RIGHT, RED_LEFT, BLUE_RIGHT, DOG, BALL, "a green car"] * 2
    alone = [response(Engine(store, embedder, StandinFinder(VIDEOS)), text) for text in asked]
    engine = Engine(store, embedder, OneAtATime(VIDEOS), keep_bytes=1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # the threads take turns in the middle of everything
    try:
        with ThreadPoolExecutor(4) as people:
            assert list(people.map(lambda text: response(engine, text), asked)) == alone
    finally:
        sys.setswitchinterval(interval)


def test_the_next_windows_are_decoded_while_the_model_looks(store, embedder):
    class Patient(StandinFinder):
        """Answers only once a window of a later batch is ready, as long as there are any."""

        prepared = 0
        answered = 0
        waited = True
        progress = threading.Condition()

        def prepare(self, frames):
            with self.progress:
                self.prepared += 1
                self.progress.notify_all()
            return super().prepare(frames)

        def run(self, requests):
            self.answered += len(requests)
            if self.answered < self.windows:
                with self.progress:
                    self.waited &= self.progress.wait_for(lambda: self.prepared > self.answered, timeout=20)
            return super().run(requests)

    model = Patient(VIDEOS)
    [street] = [video for video in store.videos.all().values() if video.duration_seconds > 60]
    asker = EventFinder(model)
    path = store.files.path_of(street.content_id)
    spans = [Span(start, start + 6) for start in range(0, 60, 6)]
    model.windows = len(spans)
    asked = [WindowQuestion(street, path, Window(street.content_id, n, span)) for n, span in enumerate(spans)]
    replies = asker.ask("a white dog runs from left to right", asked)
    assert [reply.question for reply in replies] == asked and not any(reply.problem for reply in replies)
    assert model.waited and model.prepared == len(spans)
    asker.ask("a green ball bounces", asked)
    assert model.prepared == len(spans), "windows are held ready for the next question"


class FinderWithABug(StandinFinder):
    """Fails on one video in a way that no caller foresees."""

    def prepare(self, frames):
        prepared = super().prepare(frames)
        if prepared.payload.name == "park":
            raise ZeroDivisionError("half a frame")
        return prepared


class BrokenCalibration(Calibration):
    """Fails on any evidence."""

    def confidence(self, measures):
        raise KeyError("shift")


def test_an_unexpected_error_in_one_video_leaves_the_others_searched(store, embedder, caplog):
    engine = Engine(store, embedder, FinderWithABug(VIDEOS), looking=GroundingOptions(fresh=True))
    result = engine.search(RED_RIGHT, limit=10)
    [(path, reason)] = result.looked.faults.items()
    assert Path(path).stem == "park"
    assert reason == "It could not be checked: ZeroDivisionError: half a frame."
    assert "Traceback" in caplog.text
    matches = {name(match): match for match in reversed(result.matches)}
    assert (matches["street"].verdict, matches["street"].grounded) == ("found", True)
    assert (matches["park"].verdict, matches["park"].grounded) == ("not checked", False)
    assert reason in matches["park"].evidence


def test_an_unexpected_error_while_weighing_leaves_what_the_captions_say(store, embedder, finder, caplog):
    looking = GroundingOptions(calibration=BrokenCalibration(**dict(UNCALIBRATED)))
    result = Engine(store, embedder, finder, looking=looking).search("a red car drives", limit=10)
    assert {Path(path).stem for path in result.looked.faults} >= {"street", "park"}
    assert {match.verdict for match in result.matches} == {"not checked"}
    assert any("could not be checked: KeyError" in line for line in result.matches[0].evidence)
    assert "Traceback" in caplog.text


def test_an_unexpected_error_in_the_only_file_is_an_error(tmp_path):
    path = write_grey_video(tmp_path / "park.mp4", grey=PARK.grey, seconds=8)
    with pytest.raises(DecodeError, match="ZeroDivisionError"):
        find_in_file(path, "a ball bounces", model=FinderWithABug(VIDEOS))


@pytest.mark.parametrize("arm", ["text", "vector", "hybrid"])
def test_a_caption_that_matches_is_not_checked_whatever_texts_are_ordered_by(store, embedder, arm):
    engine = Engine(store, None if arm == "text" else embedder)
    assert engine.search("a green ball bounces", ground=False, arm=arm).outcome == "not checked"
    assert engine.search("a yacht sinks", ground=False, arm=arm).outcome == "no caption matches"


def test_names_that_nothing_has_are_said_with_those_that_there_are(store, embedder):
    said = Engine(store, embedder).search('a ball camera:nosuch collection:"holi days"', ground=False)
    assert said.matches == ()
    assert said.notes == (
        'There is no camera "nosuch"; the index has no camera.',
        'There is no collection "holi days"; the index has no collection.',
    )
    assert Engine(store, embedder).search("a ball path:nosuch", ground=False).notes == ()
