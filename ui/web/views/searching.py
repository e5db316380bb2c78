"""The search page: a question, the search that answers it beside the page, and what it shows meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.types import Match, Span
from service.cancellation import CancelToken
from service.events import Listener, ignore
from ui.text import count
from ui.web import styles
from ui.web.components import (
    answers,
    asking,
    clip_collection,
    markup,
    notices,
    questions,
    summary,
)
from ui.web.components.asking import Question
from ui.web.components.resources import Desk
from ui.web.search_runs import RunState, SearchRun
from ui.web.views import answer_list, first_page, first_run

if TYPE_CHECKING:
    from service.search import SearchResult

AT = "at"
"""Key in the page's address: the answer in the player."""
_CAPTIONS_ALONE = (
    'These results are from captions only; to let the model check them, turn on "Check with the model".'
)
_SETTLE_SECONDS = 0.08
"""Answers that are remembered come this soon after those of the index: the page is drawn once, not twice."""
_LOOK_SECONDS = 0.4
"""How often the page asks how far the search is."""
_REDRAW_SECONDS = 1.0
"""The list is drawn again at most this often while the model checks."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the page shows until the next question."""

    question: Question
    """What was asked."""
    run: SearchRun
    """The search, which may still go on."""


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    styles.load("search")
    _follow_address()
    if not asking.asked():
        if first_page.is_empty(desk):
            first_run.show(desk.settings)
            return
        st.html(
            '<div class="fx-hero"><h1>Search video by what happens, is said and is written in it.</h1></div>'
        )
    question = questions.form(desk)
    state = st.session_state
    if not question:
        _stop_search()
        answers.show("", {**asking.address(), AT: ""}, checking=False)
        first_page.show(desk)
        return
    answered: Answered | None = state.get("answered")
    if answered is None or answered.question != question:
        _stop_search()
        again = answered is not None and answered.question.title == question.title
        answer_list.begin(state.pop(AT, "") or (answer_list.playing_key() if again else ""))
        answered = state.answered = Answered(question, _begin(desk, question))
        state.search_run, state.noted = answered.run, False
        _wait(answered.run)
    now = answered.run.state()
    if not now.finished:
        st.fragment(_watch, run_every=_LOOK_SECONDS)(answered.run, now, time.monotonic())
    _answers(desk, answered, now)
    answers.show(
        answer_list.playing_key(),
        {**asking.address(), AT: answer_list.playing_key()},
        checking=not now.finished,
    )
    if now.finished and not state.noted and question.text and not question.picture and now.result is not None:
        state.noted = True
        questions.note(desk, question)


def _follow_address() -> None:
    """Ask what the page's address says where the browser's way back led to another question.

    Somebody who comes from another page of the app finds the search as it was left: the address is empty
    then.
    """
    state, given = st.session_state, st.query_params
    asked = {
        name: value
        for name in ("q", asking.LIKE, asking.PICTURE, asking.BOX)
        if (value := given.get(name, "").strip())
    }
    before = state.get("seen_address")
    state.seen_address = asked
    if "asked" not in state:
        state[AT] = given.get(AT, "")
    elif asked not in (before, asking.address()) and (asked or answers.KEY in state):
        del state.asked
        state.answered = None
        state[AT] = given.get(AT, "")


# -- 1. Looking for it -----------------------------------------------------


def _begin(desk: Desk, question: Question) -> SearchRun:
    """Start the search for a question."""
    service = desk.service  # opened here: another thread knows no visitor
    ground = question.exact and not question.like and not question.picture

    def work(on_event: Listener, cancel: CancelToken, *, ground: bool) -> SearchResult:
        return _result(desk, question, on_event, cancel, ground=ground)

    def partly(matches: Sequence[Match]) -> SearchResult:
        from service.search import partial_result

        return partial_result(service, question.text, matches)

    return SearchRun(work, checks=ground, partial=partly)


def _result(
    desk: Desk, question: Question, on_event: Listener, cancel: CancelToken, *, ground: bool
) -> SearchResult:
    """What the index says, and with ``ground`` the model."""
    from service.picture_search import PictureSearchRequest, search_pictures
    from service.search import SearchRequest, search
    from service.similar import SimilarRequest, similar

    if question.like:
        return similar(desk.service, SimilarRequest(moment=question.like))
    if question.picture:
        asked = PictureSearchRequest(picture=question.picture, words=question.text, exclude=question.without)
        return search_pictures(desk.service, asked)
    request = SearchRequest(
        query=question.text,
        ground=ground,
        mode=question.mode,
        exhaustive=question.exhaustive,
        budget_seconds=question.budget_seconds,
        hits_first=True,
        limit=answer_list.wanted(),
    )
    listener = on_event if ground else ignore
    return search(desk.service, request, on_event=listener, cancel=cancel, without_model=_CAPTIONS_ALONE)


def _wait(run: SearchRun) -> None:
    """Wait for the index, and a moment for the model, which may remember its answers."""
    with st.spinner("Searching"):
        run.wait(lambda now: now.version > 0)
    run.wait(lambda now: False, _SETTLE_SECONDS)


def _stop_search() -> None:
    """End the search before, if it still goes on."""
    run: SearchRun | None = st.session_state.pop("search_run", None)
    if run is not None:
        run.stop()


def _watch(run: SearchRun, drawn: RunState, drawn_at: float) -> None:
    """How far the model is; the page is drawn again when there is more to show."""
    now = run.state()
    news = now.version != drawn.version and time.monotonic() - drawn_at > _REDRAW_SECONDS
    if now.finished or news:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="looking"):
        share = min(1.0, now.done / now.total) if now.total else 0.0
        st.progress(share, text=_progress(now))
        st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=run.stop)


def _progress(now: RunState) -> str:
    if now.total:
        return f"Checking {now.done:,} of {now.total:,}"
    return "Loading the model"


def _check(
    desk: Desk, answered: Answered, result: SearchResult, moments: dict[str, tuple[Span, ...]]
) -> None:
    """Have the model check some answers; the others stay as they are."""
    question, state = answered.question, st.session_state

    def work(on_event: Listener, cancel: CancelToken, *, ground: bool) -> SearchResult:
        from service.search import CheckMomentsRequest, check

        if not ground:
            return result
        request = CheckMomentsRequest(
            query=question.text, moments=moments, budget_seconds=question.budget_seconds
        )
        checked = check(
            desk.service, request, on_event=on_event, cancel=cancel, without_model=_CAPTIONS_ALONE
        )
        looked = checked.looked if not result.looked.windows else result.looked
        return replace(result, matches=checked.matches, looked=looked)

    _stop_search()
    run = SearchRun(
        work,
        checks=True,
        partial=lambda matches: replace(result, matches=tuple(matches)),
        merged=partial(answer_list.merged, result.matches),
    )
    state.answered = Answered(question, run)
    state.search_run = run


# -- 2. The answers --------------------------------------------------------


def _answers(desk: Desk, answered: Answered, now: RunState) -> None:
    question, result = answered.question, now.result
    if now.trouble:
        st.html(notices.problem(now.trouble))
    if question.like and result is not None:
        st.html(
            notices.remark(
                f"Moments like “{result.query.text}”",
                "Based on stored vectors, without a check by the model.",
            )
        )
    if result is None:
        if now.matches:
            st.html(f'<p class="fx-coverage">{markup.text(_so_far(now))}</p>')
            answer_list.show(desk, question, now, now.matches)
        elif not now.finished:
            st.html('<p class="fx-coverage">The index has nothing near; the model is checking.</p>')
        return
    if result.outcome in ("not found", "no caption matches"):
        st.html(
            notices.nothing_alike(question.picture_name, question.text, result)
            if question.picture
            else notices.nothing_found(question.text, result, looked=question.exact)
        )
        if not result.matches or not st.toggle("Show the most similar results", key="nearest"):
            answer_list.forget()
            return
    else:
        with st.container(horizontal=True, vertical_alignment="center", key="summary_row"):
            st.html(summary.line(result, notices.coverage(result)))
            clip_collection.add_all_button(result.matches, query=question.title)
        if now.stopped:
            st.html(notices.remark("Stopped.", "These are the results so far; search again to continue."))
        elif question.exact and not now.trouble and all(each.verdict != "found" for each in result.matches):
            st.html(
                notices.remark(
                    "Nothing certain.",
                    "These are the most similar moments; see the reasons below the player.",
                )
            )
    answer_list.show(desk, question, now, result.matches, check=partial(_check, desk, answered, result))


def _so_far(now: RunState) -> str:
    """What is listed while the model checks, in a sentence."""
    checked = sum(match.grounded for match in now.matches)
    videos = count(len({match.video.content_id for match in now.matches}), "video")
    if not checked:
        return f"{len(now.matches):,} from captions in {videos}; the model is checking the best."
    return f"{checked:,} checked of {len(now.matches):,} in {videos}; the model goes on."
