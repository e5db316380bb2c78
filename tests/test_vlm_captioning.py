"""Captions of prepared windows, with a run that answers from a list."""

from __future__ import annotations

from dataclasses import replace

from footage.core.errors import ModelMemoryError
from footage.core.types import Answer, Span
from footage.vlm import contract
from footage.vlm.captioning import FIRST_STAGE_ONLY, SECOND_TRY, captions
from footage.vlm.profiles import DEMO, MARLIN_2B, QWEN25_VL_7B
from footage.vlm.protocol import Prepared

TWO_STAGES = replace(DEMO, second_prompt="You said: {caption}\nBetter?")
LATE = Prepared(Span(60, 76), "late")
EARLY = Prepared(Span(0, 16), "early")
FIRST, SECOND = (
    "Scene: A yard.\n\nEvents:\n<1.0 - 2.0> A dog.",
    "Scene: A yard.\n\nEvents:\n<1.0 - 4.0> A fox.",
)
TOO_MUCH = ModelMemoryError("no memory for a single window")


class Run:
    """Gives answers in turn, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers = [each if isinstance(each, Exception) else Answer(each, "stop") for each in answers]
        self.calls = []

    def __call__(self, requests):
        self.calls.append(list(requests))
        return [self.answers.pop(0) for _ in requests]


def result(run, *, windows=(LATE,), profile=TWO_STAGES):
    return captions(windows, seeds=range(len(windows)), profile=profile, run=run)


def test_one_stage_is_one_question():
    run = Run(FIRST)
    (caption,) = result(run, profile=DEMO)
    assert (caption.raw, caption.draft, caption.events[0].span) == (FIRST, "", Span(61, 62))
    assert run.calls == [[(LATE, contract.caption_prompt(DEMO))]]


def test_the_second_stages_answer_is_the_caption_and_the_first_its_draft():
    run = Run(FIRST, FIRST, SECOND, FIRST)
    late, early = result(run, windows=(LATE, EARLY))
    assert (late.raw, late.draft, late.events[0].span) == (SECOND, FIRST, Span(61, 64))
    assert (early.raw, early.draft, early.notes) == (FIRST, FIRST, ())
    first, second = run.calls
    assert [prompt.text for _, prompt in first] == [TWO_STAGES.caption_prompt] * 2
    assert [(window, prompt.text) for window, prompt in second] == [
        (window, f"You said: {FIRST}\nBetter?") for window in (LATE, EARLY)
    ]


def test_a_second_stage_that_gives_nothing_leaves_the_first():
    for nothing in ("Events:", "", TOO_MUCH):
        (caption,) = result(Run(FIRST, nothing))
        assert (caption.raw, caption.draft, caption.notes) == (FIRST, "", (FIRST_STAGE_ONLY,))


def test_what_cannot_be_read_is_drawn_once_more_before_the_second_stage():
    run = Run("Events:", FIRST, FIRST, SECOND, SECOND)
    late, early = captions((LATE, EARLY), seeds=(7, 8), profile=TWO_STAGES, run=run)
    assert [len(call) for call in run.calls] == [2, 1, 2]
    assert run.calls[1][0][1].sampling == replace(SECOND_TRY, seed=7)
    assert (late.raw, late.draft, early.draft) == (SECOND, FIRST, FIRST)


def test_a_window_that_is_never_readable_has_no_second_stage():
    run = Run("Events:", FIRST, "", SECOND)
    late, early = result(run, windows=(LATE, EARLY))
    assert (late.notes, early.draft) == ((contract.UNREADABLE,), FIRST)
    assert [len(call) for call in run.calls] == [2, 1, 1]
    (caption,) = result(Run("Events:", TOO_MUCH))
    assert caption.notes == (contract.UNREADABLE,)


def test_a_window_too_much_for_memory_fails_alone():
    failed, caption = result(Run(TOO_MUCH, FIRST, SECOND), windows=(LATE, EARLY))
    assert failed is TOO_MUCH
    assert (caption.raw, caption.draft) == (SECOND, FIRST)
    assert result(Run(TOO_MUCH)) == [TOO_MUCH]


def test_prose_is_one_event_of_its_window_for_the_profiles_that_write_prose():
    (caption,) = result(Run("A man walks.", "A man  walks\na dog."), profile=QWEN25_VL_7B)
    assert [(event.span, event.text) for event in caption.events] == [(LATE.span, "A man walks a dog.")]
    (caption,) = result(Run("A man walks."), profile=MARLIN_2B)
    assert caption.events == ()
