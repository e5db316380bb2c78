"""The search page: a question, its answers as cards, and a player that starts where the answer does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError, ModelUnavailableError
from footage.core.types import File, Match, Span
from search.pages import grouped
from service import browse, marks, previews
from service.browse import Outline
from service.events import Hits, StageProgress, ignore
from service.transcript import transcripts
from ui.text import count
from ui.web.access.visitor import editing, may_edit
from ui.web.components import (
    ask_panel,
    asking,
    cards,
    clip_collection,
    evidence,
    markup,
    next_steps,
    notices,
    picture_form,
    player,
    questions,
    quotes,
    timeline,
)
from ui.web.components.addresses import picture_address
from ui.web.components.asking import Question
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from service.events import ServiceEvent
    from service.search import SearchResult

RESULTS = 8
"""Answers on a page."""
_TILES = 8
_CAPTIONS_ALONE = (
    'These results are from captions only; to let the model check them, turn on "Ask the model when exactly".'
)
_LABELS = {"accept": "present", "reject": "absent"}


@dataclass(frozen=True, slots=True)
class Answered:
    """What the page shows until the next question."""

    question: Question
    """What was asked."""
    result: SearchResult | None
    """The answer, or None where there is none."""
    trouble: FootageError | None = None
    """What went wrong; beside a result: why the model could not be asked."""
    stopped: bool = False
    """Whether somebody stopped the model before it had looked everywhere it was to."""


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    if not asking.asked():
        st.html(
            '<div class="fx-hero"><h1>Search video by what happens, is said and is written in it.</h1></div>'
        )
    question = questions.form(desk)
    if not question:
        _welcome(desk)
        return
    state = st.session_state
    answered: Answered | None = state.get("answered")
    if answered is None or answered.question != question:
        state.chosen, state.clicked, state.page = 0, False, 1
        answered = state.answered = _stopped(desk, question) or _search(desk, question)
        if question.text and not question.picture and answered.result is not None:
            questions.note(desk, question)
    _answers(desk, question, answered)


# -- 1. Looking for it -----------------------------------------------------


def _search(desk: Desk, question: Question) -> Answered:
    """Ask the index, show what it says, then ask the model."""
    waiting = st.empty()
    live = _Live(desk, question, waiting)
    try:
        with st.spinner("Searching"):
            return Answered(question, _result(desk, question, live, ground=question.exact))
    except ModelUnavailableError as error:
        return Answered(question, live.partial() or _result(desk, question, live, ground=False), error)
    except FootageError as error:
        # If hits were shown, the index has answered, and the model failed.
        return Answered(question, live.partial(), error)
    finally:
        waiting.empty()


def _result(desk: Desk, question: Question, live: _Live, *, ground: bool) -> SearchResult:
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
    )
    listener = live if ground else ignore
    return search(desk.service, request, on_event=listener, without_model=_CAPTIONS_ALONE)


class _Live:
    """The page while the model works: the index's answer first, replaced round by round."""

    def __init__(self, desk: Desk, question: Question, place: DeltaGenerator) -> None:
        self._desk = desk
        self._question = question
        self._place = place
        self._cards: DeltaGenerator | None = None
        self._progress: DeltaGenerator | None = None
        self._files: dict[str, File] = {}
        st.session_state.pop("partly", None)

    def __call__(self, event: ServiceEvent) -> None:
        """Show an event of the search."""
        if isinstance(event, Hits):
            self.show_matches(event.matches)
        elif isinstance(event, StageProgress) and event.total:
            self.show_progress(event.done, event.total)

    def show_matches(self, matches: Sequence[Match]) -> None:
        """Show what is known by now, and keep it in case somebody stops the search."""
        st.session_state.partly = (self._question, tuple(matches))
        if self._cards is None:
            self._begin()
        assert self._cards is not None
        first = matches[:RESULTS]
        outlines, files = browse.around_matches(self._desk.service, first)
        with self._cards.container():
            for match in first:
                st.html(
                    _card(
                        self._desk,
                        match,
                        matches,
                        outlines,
                        files,
                        self._question,
                        pending=not (match.grounded or quotes.quotes(match)),
                    )
                )

    def show_progress(self, done: int, whole: int) -> None:
        """Show the progress of the model, also if nothing else is shown."""
        if self._progress is None:
            self._begin()
        assert self._progress is not None
        self._progress.progress(
            done / whole if whole else 1.0, text=f"Grounding {done} of {count(whole, 'window')}"
        )

    def partial(self) -> SearchResult | None:
        """What was shown last, as an answer; None where nothing was."""
        return _partly(self._desk, self._question)

    def _begin(self) -> None:
        with self._place.container():
            with st.container(horizontal=True, vertical_alignment="center", key="looking"):
                self._progress = st.empty()
                self._progress.progress(0.0, text="Loading the model")
                st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=_stop)
            st.html('<p class="fx-coverage">From the index; the model is checking the best results.</p>')
            left, right = _halves()
            self._cards = left.empty()
            with right, st.container(key="stage_waiting"):
                st.html('<p class="fx-coverage">The player opens after the check by the model.</p>')


def _stop() -> None:
    st.session_state.stopped = True


def _stopped(desk: Desk, question: Question) -> Answered | None:
    """The answers when the search for this question was stopped; None if it was not stopped."""
    if not st.session_state.pop("stopped", False):
        return None
    result = _partly(desk, question)
    return Answered(question, result, stopped=True) if result else None


def _partly(desk: Desk, question: Question) -> SearchResult | None:
    from service.search import partial_result

    asked, matches = st.session_state.get("partly", (None, ()))
    if asked != question or not matches:
        return None
    return partial_result(desk.service, question.text, matches)


# -- 2. The answers --------------------------------------------------------


def _answers(desk: Desk, question: Question, answered: Answered) -> None:
    if answered.trouble:
        st.html(notices.problem(answered.trouble))
    result = answered.result
    if result is None:
        return
    if question.like:
        st.html(
            notices.remark(
                f"Moments like “{result.query.text}”",
                "Based on stored vectors, without a check by the model.",
            )
        )
    if chips := questions.understood(result.query):
        st.html(chips)
    matches = result.matches
    if result.outcome in ("not found", "no caption matches"):
        st.html(
            notices.nothing_alike(question.picture_name, question.text, result)
            if question.picture
            else notices.nothing_found(question.text, result, looked=question.exact)
        )
        if not matches or not st.toggle("Show the most similar results", key="nearest"):
            return
    else:
        st.html(notices.coverage(result))
        clip_collection.add_all_button(matches, query=question.title)
        if answered.stopped:
            st.html(notices.remark("Stopped.", "These are the results so far; search again to continue."))
        elif question.exact and not answered.trouble and all(match.verdict != "found" for match in matches):
            st.html(
                notices.remark(
                    "Nothing certain.",
                    "These are the most similar moments; see the reasons below the player.",
                )
            )
    _list(desk, question, result)


def _rows(desk: Desk, question: Question, result: SearchResult) -> list[tuple[Match, int]]:
    """The answers that are listed, and how many more each stands for."""
    if question.group != "scene":
        return grouped(result.matches, question.group)
    from service.fold import folded

    if st.session_state.get("scenes", (None, None))[0] is not result:
        st.session_state.scenes = (result, folded(desk.service, result, "scene").matches)
    matches: tuple[Match, ...] = st.session_state.scenes[1]
    return [(match, len(match.similar)) for match in matches]


def _list(desk: Desk, question: Question, result: SearchResult) -> None:
    """The answers, page by page, beside the player."""
    matches, rows = result.matches, _rows(desk, question, result)
    pages = -(-len(rows) // RESULTS)
    state = st.session_state
    state.page = min(state.get("page", 1), pages)
    first = (state.page - 1) * RESULTS
    page = rows[first : first + RESULTS]
    state.chosen = min(max(state.get("chosen", 0), 0), len(rows) - 1)
    shown = [*(match for match, _ in page), rows[state.chosen][0]]
    outlines, files = browse.around_matches(desk.service, shown)
    left, right = _halves()
    with left:
        for number, (match, others) in enumerate(page, first):
            with st.container(key=f"card_{number}"):
                chosen = number == state.chosen
                st.html(_card(desk, match, matches, outlines, files, question, chosen=chosen, others=others))
                st.button(f"Play answer {number + 1}", key=f"play_{number}", on_click=_choose, args=(number,))
        if pages > 1:
            turned = st.pagination(pages, default=state.page, key=f"page_{state.page}")
            if turned != state.page:
                state.page = turned
                st.rerun()
    with right, st.container(key="stage"):
        listed = [match for match, _ in rows]
        chosen_match = listed[state.chosen]
        words = player.VideoWords(
            transcripts(desk.service, chosen_match.video.content_id), quotes.first_track(chosen_match)
        )
        st.fragment(_stage)(desk, listed, matches, outlines[chosen_match.video.content_id], words, question)
        next_steps.show(desk, question, chosen_match, files.get(chosen_match.path))
        ask_panel.box(desk, chosen_match.video, chosen_match.path, chosen_match.span)
        st.html(evidence.why(chosen_match))


def _stage(
    desk: Desk,
    listed: Sequence[Match],
    matches: Sequence[Match],
    outline: Outline,
    words: player.VideoWords,
    question: Question,
) -> None:
    """The answer in the player; its keys lead to the answers before and after."""
    state = st.session_state
    match, cache = listed[state.chosen], desk.settings.cache_dir
    asked = player.show(
        cache,
        match.video,
        match.path,
        match.span,
        outline=outline,
        matches=[
            player.LaneMark(other.span, other.text, other.verdict) for other in _same_video(match, matches)
        ],
        words=words,
        text=quotes.titled(match),
        file=browse.file_at(desk.service, match.path),
        autoplay=state.get("clicked", False),
        notes=[
            player.LaneMark(mark.span, f"{mark.state}: {mark.text or mark.query}", "note")
            for mark in marks.marks(desk.service, match.video.content_id)
        ],
        actions=(
            "previous",
            "next",
            *(("accept", "reject", "export") if may_edit() else ()),
            *(() if picture_form.why_not(desk) else ("picture",)),
        ),
    )
    state.in_out = asked.in_out
    after = listed[(state.chosen + 1) % len(listed)]
    previews.prefetch(
        cache,
        after.path,
        content_id=after.video.content_id,
        stretch=previews.around(after.span, after.video.duration_seconds),
        file=browse.file_at(desk.service, after.path),
    )
    if asked.action == "export":
        _collect(desk, question, match)
    elif asked.action in _LABELS:
        try:
            _label(desk, question, match, asked.in_out, asked.action)
        except FootageError as error:
            st.html(notices.problem(error))
            return
        st.rerun()
    elif asked.action == "picture":
        if asked.picture_seconds is not None:
            asking.ask_moment(match.path, asked.picture_seconds, asked.picture_box)
            st.rerun()
    elif asked.action:
        _choose((state.chosen + (1 if asked.action == "next" else -1)) % len(listed))
        state.page = state.chosen // RESULTS + 1
        st.rerun()


def _label(desk: Desk, question: Question, match: Match, span: Span, action: str) -> None:
    """Keep whether an answer is right; a second judgement replaces the first."""
    request = marks.LabelRequest(
        match=match, span=span, right=action == "accept", query=question.text, like=question.alike
    )
    with editing(desk.settings, "label", content_id=match.video.content_id, label=_LABELS[action]):
        marks.label(desk.service, request)
    st.toast("Kept as right." if action == "accept" else "Kept as wrong.")


def _collect(desk: Desk, question: Question, match: Match) -> None:
    """Put an answer, from the in point to the out point, among the highlights."""
    from service.export_clips import clips_from

    [clip] = clips_from(desk.service, [match], query=question.title)
    put = clip_collection.add(replace(clip, span=st.session_state.get("in_out", match.span)))
    held = count(len(clip_collection.clips()), "clip")
    st.toast(f"Added: {held} in Highlights." if put else f"It is there already: {held} in Highlights.")


def _choose(number: int) -> None:
    st.session_state.chosen, st.session_state.clicked = number, True


def _halves() -> Sequence[DeltaGenerator]:
    halves: Sequence[DeltaGenerator] = st.columns([7, 6], gap="large")
    return halves


def _card(
    desk: Desk,
    match: Match,
    matches: Sequence[Match],
    outlines: Mapping[str, Outline],
    files: Mapping[str, File],
    question: Question,
    *,
    chosen: bool = False,
    pending: bool = False,
    others: int = 0,
) -> str:
    """One answer's card, its picture cut now if it never was."""
    outline = outlines[match.video.content_id]
    return cards.result(
        match,
        file=files.get(match.path),
        words=question.text,
        picture=picture_address(match.video.content_id, quotes.shown_at(match), files.get(match.path)),
        strip=timeline.strip(
            match.video.duration_seconds,
            covered=outline.covered,
            events=outline.busy,
            matches=[other.span for other in _same_video(match, matches)],
            chosen=match.span,
            gaps=match.video.gaps,
        ),
        chosen=chosen,
        pending=pending,
        others=others,
    )


def _same_video(match: Match, matches: Sequence[Match]) -> list[Match]:
    return [other for other in matches if other.video.content_id == match.video.content_id]


# -- Before any question ---------------------------------------------------


def _welcome(desk: Desk) -> None:
    """What the index holds, as tiles."""
    status = browse.totals(desk.service)
    if not notices.videos_in(status):
        st.html(notices.remark("The index has no videos yet.", "Fill it with: footage index path/to/videos"))
        return
    holdings = markup.text(notices.holdings(status))
    st.html(f'<h2 class="fx-head">In the index</h2><p class="fx-coverage">{holdings}</p>')
    first = browse.first_videos(desk.service, _TILES)
    videos, outlines = browse.videos(desk.service, first), browse.outlines(desk.service, first)
    words = browse.words(desk.service, first)
    tiles = []
    for content_id in first:
        video, path = videos[content_id], browse.path_of(desk.service, content_id)
        events, said = outlines[content_id].events, words[content_id]
        span = events[0].span if events else Span(0, video.duration_seconds)
        picture = picture_address(content_id, span.middle_seconds, browse.file_at(desk.service, path))
        kinds = [count(len(events), "event")] * bool(events or not said)
        kinds += [count(len(said), "line of words", "lines of words")] * bool(said)
        note = ", ".join(kinds)
        tiles.append(cards.tile(markup.file_name(path), video.duration_seconds, picture=picture, note=note))
    st.html(f'<div class="fx-tiles">{"".join(tiles)}</div>')
