"""Judges of claims: one grounds sentences in real videos, one asks questions and reads any answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import TestVideo, write_grey_video
from standin_model import StandinModel, write_levels
from standin_several import SeveralFinder

from footage.core.errors import UsageError
from footage.core.timecode import iou
from footage.core.types import Answer, CaptionEvent, Span
from footage.media.video import probe
from footage.vlm.profiles import DEMO, DEMO_FIND
from footage.vlm.protocol import Capabilities
from search.claims.asking_judge import MOST_WINDOWS, AskingJudge, read_ruling, read_votes, windows_on
from search.claims.check import check_video
from search.claims.extract import claims_of
from search.claims.grounding_judge import GroundingJudge, ordered_parts
from search.claims.records import Claim, TextEntry
from search.claims.sightings import SentenceSighting, seen_by, time_tolerance
from search.grounding.calibration import load_calibration
from search.grounding.options import GroundingOptions
from search.grounding.window_queries import EventFinder

HALL = TestVideo(
    "hall",
    120,
    50.0,
    {
        "A red car drives from left to right": [(5.0, 9.0)],
        "A blue dog runs from right to left": [(20.0, 24.0)],
        "A red dog runs from right to left": [(40.0, 43.0)],
    },
)
SEEN = [CaptionEvent(Span(*pair), text) for text, pairs in HALL.events.items() for pair in pairs]
CALIBRATED = GroundingOptions(calibration=load_calibration(DEMO_FIND.name))


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    path = write_grey_video(tmp_path_factory.mktemp("hall") / "hall.mp4", grey=120, seconds=50.0)
    return str(path), probe(path, content_id="hall")


def audited(hall, *entries, seen=None, model=None):
    path, video = hall
    judge = GroundingJudge(EventFinder(model or SeveralFinder([HALL])), options=CALIBRATED)
    texts = [TextEntry(str(n), text, spans) for n, (text, *spans) in enumerate(entries)]
    texts = [replace(each, spans=tuple(Span(*pair) for pair in each.spans)) for each in texts]
    return check_video(video, path, texts, [judge], seen=seen)


def errors(checked):
    return [[(each.kind, each.suggestion) for each in entry.errors] for entry in checked.entries]


RIGHT = [(text, pair) for text, pairs in HALL.events.items() for pair in pairs]


@pytest.mark.parametrize("seen", [None, SEEN])
def test_a_true_file_has_no_errors(hall, seen):
    checked = audited(hall, *RIGHT, seen=seen)
    assert errors(checked) == [[], [], []]
    assert checked.missing == ()
    assert all(
        vote.ruling == "supported" for each in checked.entries for c in each.claims for vote in c.votes
    )


@pytest.mark.parametrize("seen", [None, SEEN])
@pytest.mark.parametrize(
    ("text", "pair", "expected"),
    [
        (
            "A green car drives from left to right",
            (5.0, 9.0),
            [("attribute", "A red car drives from left to right")],
        ),
        (
            "A red car drives from right to left",
            (5.0, 9.0),
            [("action", "A red car drives from left to right")],
        ),
        ("A red car drives from left to right", (6.0, 10.0), [("time", "0:05.0-0:09.0")]),
        ("A red car drives from left to right", (30.0, 34.0), [("time", "0:05.0-0:09.0")]),
        ("A white box sits in the middle", (5.0, 9.0), [("invented", "")]),
    ],
)
def test_one_wrong_detail_is_named_with_what_is_there(hall, seen, text, pair, expected):
    others = RIGHT[1:]
    assert errors(audited(hall, (text, pair), *others, seen=seen)) == [expected, [], []]


def test_a_wrong_thing_is_named_where_captions_have_another(hall):
    checked = audited(hall, ("A red person walks from left to right", (5.0, 9.0)), *RIGHT[1:], seen=SEEN)
    assert errors(checked)[0] == [("object", "A red car drives from left to right")]


def test_a_wrong_colour_is_not_taken_for_the_event_of_another_entry(hall):
    """The entry would be right at another time: but another entry is about that event."""
    checked = audited(
        hall, RIGHT[0], ("A red dog runs from right to left", (20.0, 24.0)), RIGHT[2], seen=SEEN
    )
    assert errors(checked) == [[], [("attribute", "A blue dog runs from right to left")], []]


def test_an_event_left_out_is_missing_where_the_model_confirms_it(hall):
    ghost = CaptionEvent(Span(12, 15), "A white ball bounces on the left")
    checked = audited(hall, RIGHT[0], RIGHT[2], seen=[*SEEN, ghost])
    assert [(each.suggestion, each.span) for each in checked.missing] == [
        ("A blue dog runs from right to left", Span(20, 24))
    ]


def test_what_captions_have_and_the_model_does_not_find_gets_no_ruling(hall):
    ghost = CaptionEvent(Span(12, 15), "A white ball bounces on the left")
    entry = ("A white ball bounces on the left", (12.0, 15.0))
    [alone] = audited(hall, entry, seen=[]).entries
    assert [each.kind for each in alone.errors] == ["invented"]
    [captioned] = audited(hall, entry, seen=[ghost]).entries
    assert captioned.errors == ()
    assert "captions have it" in captioned.problem


def test_an_event_goes_to_the_entry_at_its_time_before_one_from_afar(hall):
    """Both entries have one error; the second one could be right about the car, at another time."""
    wrong_thing = ("A red person walks from left to right", (5.0, 9.0))
    nowhere = ("A red car drives from left to right", (30.0, 33.0))
    checked = audited(hall, nowhere, wrong_thing, seen=SEEN)
    assert errors(checked) == [[("invented", "")], [("object", "A red car drives from left to right")]]


def test_an_entry_without_a_time_is_looked_for_everywhere(hall):
    checked = audited(hall, ("A blue dog runs from right to left",), ("A white box sits in the middle",))
    assert errors(checked) == [[], [("invented", "")]]


@pytest.mark.parametrize(("at", "expected"), [(6.0, []), (30.0, [("time", "0:05.0-0:09.0")])])
def test_a_moment_is_right_inside_the_event(hall, at, expected):
    checked = audited(hall, ("A red car drives from left to right", (at, at)), seen=SEEN)
    assert errors(checked) == [expected]


def test_texts_get_no_ruling(hall):
    checked = audited(hall, ('A sign says "open"', (5.0, 9.0)))
    [problem] = [each.votes[0].problem for each in checked.entries[0].claims if each.claim.kind == "text"]
    assert "text" in problem


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("A red car drives from left to right, then a blue dog runs from right to left", "supported"),
        ("A blue dog runs from right to left and then a red car drives from left to right.", "contradicted"),
        ("A blue dog runs from right to left after a red car drives from left to right", "supported"),
        ("A blue dog runs from right to left before a white box sits in the middle", None),
    ],
)
def test_the_order_of_two_events_is_compared(hall, text, ruling):
    path, video = hall
    judge = GroundingJudge(EventFinder(SeveralFinder([HALL])), options=CALIBRATED)
    claims = claims_of(TextEntry("e", text, (Span(5, 24),)))
    votes = judge.check(video, path, claims)
    assert [vote.ruling for claim, vote in zip(claims, votes, strict=True) if claim.kind == "order"] == [
        ruling
    ]


def test_a_sentence_without_order_has_no_parts():
    assert ordered_parts("A dog barks") == ordered_parts("then a dog barks") == ()
    assert ordered_parts("A dog barks after ...") == ()


def test_a_long_video_is_searched_near_the_time_and_where_captions_lead(tmp_path):
    far = TestVideo("far", 60, 640.0, {"A red car drives to the left": [(600.0, 604.0)]})
    path = write_grey_video(tmp_path / "far.mp4", grey=60, seconds=640.0)
    video = probe(path, content_id="far")
    model = SeveralFinder([far])
    options = replace(CALIBRATED, window_seconds=20.0, overlap_seconds=2.0)
    judge = GroundingJudge(EventFinder(model), options=options)
    entries = [TextEntry("e", "A red car drives to the left", (Span(100, 104),))]
    [alone] = check_video(video, str(path), entries, [judge], seen=[]).entries
    assert [each.kind for each in alone.errors] == ["invented"]
    assert all(window.start_seconds < 130 for _, window, _ in model.asked)
    seen = [CaptionEvent(Span(600, 604), "a red car drives to the left")]
    [led] = check_video(video, str(path), entries, [judge], seen=seen).entries
    assert [(each.kind, each.suggestion) for each in led.errors] == [("time", "10:00.0-10:04.0")]


def test_an_entry_without_words_says_why(hall):
    checked = audited(hall, ("...", (5.0, 9.0)), RIGHT[0])
    assert not checked.entries[0].is_checked
    assert checked.entries[0].problem
    assert checked.entries[1].errors == ()


def test_the_tolerance_is_three_deviations_of_the_models_own_times():
    def sighting(*starts):
        return SentenceSighting("x", Span(1, 4), 0.9, starts, (4.0,))

    assert time_tolerance([]) == time_tolerance([sighting(1.0)]) == 0.5
    assert time_tolerance([sighting(1.0, 1.0, 1.0)]) == 0.5
    spread = [sighting(1.0, 2.0), sighting(1.0, 3.0), sighting(1.0, 2.0)]
    assert time_tolerance(spread) == pytest.approx(3 * 1.4826 * 0.5)
    assert time_tolerance([], least_seconds=2.0) == 2.0


def test_the_video_is_captioned_in_other_windows_than_an_index_has(tmp_path):
    model = StandinModel(window_seconds=4.0, overlap_seconds=1.0)
    path = write_levels(tmp_path / "levels.mp4", [0, 0, 0, 220, 220, 220, 0, 0, 0, 0])
    video = probe(path, content_id="levels")
    seen = seen_by(model, video, str(path))
    assert any(iou(each.span, Span(3, 6)) > 0.9 for each in seen if "bright" in each.text)
    starts = {float(line.split()[1]) for line in model.log}
    assert not starts & {3.0, 6.0}


# -- Asking --------------------------------------------------------------------------------------------------

CLAIMS = claims_of(TextEntry("e", "A red car drives from left to right", (Span(5, 9),)))
WORDED = [claim for claim in CLAIMS if claim.kind != "time"]


class AskedModel(SeveralFinder):
    """Answers every question with the same text, and keeps windows and prompts."""

    def __init__(self, answer):
        super().__init__([HALL])
        self.answer, self.prompts = answer, []

    @property
    def profile(self):
        return replace(DEMO, name="asked", window_seconds=8.0)

    @property
    def capabilities(self):
        return Capabilities(max_batch=2)

    def _answer(self, prepared, prompt):
        self.prompts.append((prepared.span, prompt))
        return Answer(self.answer, "stop")


def rows(*rulings, **further):
    return [{"number": n, "ruling": ruling, **further} for n, ruling in enumerate(rulings, start=1)]


def test_all_claims_about_one_time_are_asked_at_once_with_the_clip_cut_to_it(hall):
    path, video = hall
    answer = "```json\n" + json.dumps(rows("contradicted", "supported", "supported", "not visible")) + "\n```"
    model = AskedModel(
        answer.replace('"contradicted"', '"contradicted", "instead": "blue", "confidence": 90')
    )
    judge = AskingJudge(model)
    votes = judge.check(video, path, CLAIMS)
    [(window, prompt)] = model.prompts
    assert window == Span(4.5, 9.5)
    assert "[red]" in prompt.text
    assert "[from left to right]" in prompt.text
    assert [vote.ruling for vote in votes] == ["contradicted", "supported", "supported", "not visible", None]
    assert (votes[0].instead, votes[0].confidence) == ("blue", 0.9)
    assert "grounding" in votes[4].problem
    assert all(vote.judge == judge.name for vote in votes)
    [entry] = check_video(
        video, path, [TextEntry("e", "A red car drives from left to right", (Span(5, 9),))], [judge]
    ).entries
    assert [each.suggestion for each in entry.errors] == ["A blue car drives from left to right"]


def test_an_answer_that_contradicts_all_is_an_invented_entry(hall):
    path, video = hall
    judge = AskingJudge(AskedModel(json.dumps(rows(*["contradicted"] * 4))))
    entries = [TextEntry("e", "A red car drives from left to right", (Span(5, 9),))]
    [entry] = check_video(video, path, entries, [judge]).entries
    assert [each.kind for each in entry.errors] == ["invented"]


def test_long_times_are_shown_in_a_bounded_number_of_windows(hall):
    _, video = hall
    model = AskedModel("")
    long = replace(video, duration_seconds=4000.0)
    windows = windows_on(Span(0, 3600), long, model)
    assert len(windows) == MOST_WINDOWS
    assert windows[0].start_seconds == 0
    assert windows[-1].end_seconds == 3600.5
    assert windows_on(None, video, model)[-1].end_seconds == video.duration_seconds
    assert windows_on(Span(60, 70), video, model) == []


def test_a_time_outside_the_video_is_a_problem(hall):
    path, video = hall
    votes = AskingJudge(AskedModel("yes")).check(video, path, [replace(WORDED[0], span=Span(60, 70))])
    assert "50.0 s" in votes[0].problem


def test_a_model_that_answers_no_questions_is_refused():
    with pytest.raises(UsageError):
        AskingJudge(SeveralFinder([HALL]))


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("Supported", "supported"),
        ("Yes, it is.", "supported"),
        ("No, it is a blue car", "contradicted"),
        ("not supported", "contradicted"),
        ("Not visible", "not visible"),
        ("The clip cannot show that", "not visible"),
        ("This is incorrect.", "contradicted"),
        ("It is not clear whether", "not visible"),
        ("A nice day.", None),
        ("", None),
    ],
)
def test_rulings_are_read_from_words(text, ruling):
    assert read_ruling(text) == ruling


def test_prose_is_read_as_well():
    [vote] = read_votes(Answer("<think>hm</think>No, it is a blue car.", "stop"), WORDED[:1])
    assert (vote.ruling, vote.instead) == ("contradicted", "a blue car")
    votes = read_votes(Answer("1. Yes\n2) No - it is a truck\n3: cannot be seen", "stop"), WORDED)
    assert [vote.ruling for vote in votes] == ["supported", "contradicted", "not visible", None]
    assert votes[1].instead == "a truck"
    assert votes[3].problem


def test_objects_without_an_array_and_broken_ones_are_read_as_far_as_they_go():
    text = '{"number": 2, "ruling": "supported"} {"number": 1, "ruling": "contra'
    assert [vote.ruling for vote in read_votes(Answer(text, "length"), WORDED[:2])] == [None, "supported"]


@given(st.text(max_size=200), st.integers(1, 3))
def test_no_answer_raises(text, count):
    votes = read_votes(Answer(text, "stop"), WORDED[:count])
    assert len(votes) == count
    assert all(vote.ruling is not None or vote.problem for vote in votes)


@given(st.lists(st.sampled_from(["supported", "contradicted", "not visible"]), min_size=1, max_size=4))
def test_json_answers_are_read_back(rulings):
    votes = read_votes(Answer(json.dumps(rows(*rulings)), "stop"), WORDED[: len(rulings)])
    assert [vote.ruling for vote in votes] == rulings


def test_claims_with_the_whole_sentence_are_marked_whole(hall):
    path, video = hall
    model = AskedModel("Yes")
    AskingJudge(model).check(video, path, [Claim("Jemand läuft.", "action", Span(1, 2))])
    assert "[Jemand läuft.]" in model.prompts[0][1].text
