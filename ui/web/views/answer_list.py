"""The answers of a search in their groups, beside the player; draws them, and searches nothing.

What plays is kept by its key, not by its rank: it stays while the model checks and the list changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from footage.core.errors import FootageError
from footage.core.types import File, Match, Span
from search.pages import LISTED, grouped
from service import browse, marks
from service.browse import Outline
from service.transcript import transcripts
from ui.text import count
from ui.web.access.visitor import editing, may_edit
from ui.web.components import (
    answer_groups,
    answers,
    ask_panel,
    asking,
    cards,
    clip_collection,
    evidence,
    layout,
    next_steps,
    notices,
    picture_form,
    player,
    quotes,
    timeline,
)
from ui.web.components.addresses import picture_address
from ui.web.components.answer_groups import AnswerRow
from ui.web.components.asking import Question
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from ui.web.search_runs import RunState

SHOWN = 24
"""Answers that are listed at first, of each side of the line below which nothing was found."""
MOST = 1000
"""Answers of the widest search."""
SIZES = {"S": "Small", "M": "Medium", "L": "Large"}
"""Sizes of the pictures on cards."""
_CHECKED_AT_ONCE = 24
_PIECES = 100
_LABELS = {"accept": "present", "reject": "absent"}
Check = Callable[[dict[str, tuple[Span, ...]]], None]
"""Has the model check moments of videos, by content id."""


# -- What plays --------------------------------------------------------------


def begin(at: str) -> None:
    """Begin with the answers to another question; ``at``: key of the one to play, once it is there."""
    state = st.session_state
    state.wanted, state.playing, state.identity = at, None, ""
    state.clicked, state.held, state.shown = False, bool(at), SHOWN
    state.widest = state.pop("widest_next", LISTED)


def forget() -> None:
    """Nothing plays."""
    st.session_state.playing = None


def playing_key() -> str:
    """Key of the answer in the player; empty for none."""
    match: Match | None = st.session_state.get("playing")
    return answer_groups.key_of(match) if match else ""


def wanted() -> int:
    """Most answers that a search is to give."""
    return int(st.session_state.get("widest", LISTED))


def merged(known: Sequence[Match], found: Sequence[Match]) -> tuple[Match, ...]:
    """Answers after some videos were checked: of each of these what the check says, else what was known."""
    checked = {match.video.content_id for match in found if match.verdict != "not checked"}
    kept = [match for match in known if match.video.content_id not in checked]
    return (*[match for match in found if match.video.content_id in checked], *kept)


def _place(rows: Sequence[AnswerRow], *, finished: bool) -> int | None:
    """Which answer plays now, from 0; None where it is the one that played before and is listed no more."""
    state = st.session_state
    if state.wanted:
        place = answer_groups.place_of(state.wanted, rows)
        if place is not None:
            state.identity, state.wanted = state.wanted, ""
            return place
        if finished:
            state.wanted = ""
    if state.playing is None:
        state.identity = rows[0].key
        return 0
    place = answer_groups.followed(state.playing, rows)
    if finished and not state.held and (place is None or rows[place].match.verdict == "not found"):
        state.identity, state.held = rows[0].key, True
        return 0
    return place


def _play(key: str) -> None:
    """Play another answer."""
    state = st.session_state
    state.wanted, state.clicked, state.held = key, True, True


# -- The list ----------------------------------------------------------------


def show(
    desk: Desk, question: Question, now: RunState, matches: Sequence[Match], *, check: Check | None = None
) -> None:
    """Draw the answers and the player.

    Args:
        desk: What to work with.
        question: What was asked.
        now: How far the search is.
        matches: The answers.
        check: Has the model check some; None while it does.
    """
    state = st.session_state
    rows = answer_groups.arranged(_rows(desk, question, now, matches))
    press = answers.pressed()
    if press and press.do in ("play", "hold"):
        state.held = True
        if press.do == "play":
            _play(press.key)
    place = _place(rows, finished=now.finished)
    if place is not None:
        state.playing = rows[place].match
    if press and press.do not in ("play", "hold"):
        place = _acted(desk, question, rows, place, press)
    listed = _listed(rows, place)
    shown = [*(row.match for row in listed), state.playing]
    outlines, files = browse.around_matches(desk.service, shown)
    drawing = _Drawing(desk, question, now, rows, outlines, files, listed)
    left, right = layout.halves()
    with left:
        _head(rows)
        with st.container(key=f"results_{str(state.get('thumbs') or 'M').lower()}", gap="small"):
            for verdict in answer_groups.VERDICTS:
                drawing.group(verdict, [row for row in listed if row.match.verdict == verdict], check)
        _more(rows, listed, matches, finished=now.finished)
    with right, st.container(key="stage"):
        match: Match = state.playing
        words = player.VideoWords(
            transcripts(desk.service, match.video.content_id), quotes.first_track(match)
        )
        st.fragment(_stage)(drawing, place, words)
        next_steps.show(desk, question, match, files.get(match.path))
        ask_panel.box(desk, match.video, match.path, match.span)
        st.html(evidence.why(match))


def _rows(desk: Desk, question: Question, now: RunState, matches: Sequence[Match]) -> list[tuple[Match, int]]:
    """The answers that are listed, and how many more each stands for."""
    if question.group != "scene":
        return grouped(matches, question.group)
    if now.result is None:
        return grouped(matches, "none")
    from service.fold import folded

    if st.session_state.get("scenes", (None, None))[0] is not now.result:
        st.session_state.scenes = (now.result, folded(desk.service, now.result, "scene").matches)
    folded_matches: tuple[Match, ...] = st.session_state.scenes[1]
    return [(match, len(match.similar)) for match in folded_matches]


def _listed(rows: Sequence[AnswerRow], place: int | None) -> list[AnswerRow]:
    """The answers that are drawn: so many from above, and so many of those that were not found."""
    state = st.session_state
    sides = (
        [row for row in rows if row.match.verdict != "not found"],
        answer_groups.group_of(rows, "not found"),
    )
    if place is not None:
        number = place if place < len(sides[0]) else place - len(sides[0])
        state.shown = max(state.shown, number + 1)
    return [row for side in sides for row in side[: state.shown]]


def _head(rows: Sequence[AnswerRow]) -> None:
    """What the colours mean, and the size of the pictures."""
    with st.container(horizontal=True, vertical_alignment="center", key="results_head"):
        verdicts = {row.match.verdict for row in rows}
        named: dict[str, str] = {
            verdict: name for verdict, name in answer_groups.VERDICTS.items() if verdict in verdicts
        }
        gaps = any(row.match.video.gaps for row in rows)
        st.html(timeline.legend(gaps=gaps, verdicts=named))
        options: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}
        st.segmented_control(
            "Pictures",
            list(SIZES),
            default="M",
            key="thumbs",
            label_visibility="collapsed",
            help="Size of the pictures",
            **options,
        )


def _more(
    rows: Sequence[AnswerRow], listed: Sequence[AnswerRow], matches: Sequence[Match], *, finished: bool
) -> None:
    """The way to answers that are not listed yet."""
    state, rest = st.session_state, len(rows) - len(listed)
    if rest:
        most = min(rest, max(SHOWN, state.shown))
        st.button(
            f"Show {most:,} more of {rest:,}",
            key="more",
            width="stretch",
            on_click=_show_more,
            args=(state.shown,),
        )
    elif finished and len(matches) >= state.widest and state.widest < MOST:
        st.button(f"Search for up to {MOST:,} answers", key="widen", width="stretch", on_click=_widen)


def _show_more(shown: int) -> None:
    st.session_state.shown = 2 * shown


def _widen() -> None:
    """Search again, for more answers; what plays stays."""
    state, playing = st.session_state, playing_key()
    state.answered = None
    state.widest_next, state.at = MOST, playing


class _Drawing:
    """Draws the cards of one list."""

    def __init__(
        self,
        desk: Desk,
        question: Question,
        now: RunState,
        rows: Sequence[AnswerRow],
        outlines: Mapping[str, Outline],
        files: Mapping[str, File],
        listed: Sequence[AnswerRow],
    ) -> None:
        self.desk, self.question, self.now, self.rows = desk, question, now, rows
        self.listed = listed
        self.outlines, self.files = outlines, files
        self._numbers = {row.key: number for number, row in enumerate(rows, 1)}
        self._of_video: dict[str, list[Match]] = {}
        for row in rows:
            self._of_video.setdefault(row.match.video.content_id, []).append(row.match)
        self._acts = may_edit()

    def group(self, verdict: str, listed: Sequence[AnswerRow], check: Check | None) -> None:
        """Draw the answers of one verdict, with their heading; nothing where there are none."""
        whole = answer_groups.group_of(self.rows, verdict)
        if not whole:
            return
        style = timeline.style_of(verdict)
        head = (
            f'<h2 class="fx-group-head"><i class="fx-key fx-verdict-{style}"></i>'
            f"{self._name(verdict)} <span>{len(whole):,}</span></h2>"
        )
        body = f'<div class="fx-group">{"".join(self._cards(listed))}</div>'
        if verdict == "not found" and len(whole) < len(self.rows):
            st.html(f'<details class="fx-fold" data-fold="{style}"><summary>{head}</summary>{body}</details>')
            return
        if verdict == "not checked" and check is not None and (moments := self._unchecked(whole)):
            with st.container(horizontal=True, vertical_alignment="center", key="unchecked_head"):
                st.html(head)
                number = sum(map(len, moments.values()))
                st.button(
                    "Check this one" if number == 1 else f"Check these {number:,}",
                    icon=":material/visibility:",
                    key="check",
                    help="The model looks at these answers, and they move to the group of its verdict.",
                    on_click=check,
                    args=(moments,),
                )
            st.html(body)
            return
        st.html(head + body)

    def _name(self, verdict: str) -> str:
        waiting = verdict == "not checked" and not self.now.finished
        return "From captions, being checked" if waiting else answer_groups.VERDICTS[verdict]

    def _unchecked(self, whole: Sequence[AnswerRow]) -> dict[str, tuple[Span, ...]]:
        """Where answers are that the model could check, the best first."""
        if not self.question.text or self.question.picture:
            return {}
        moments: dict[str, list[Span]] = {}
        seen = [row.match for row in whole if not quotes.quotes(row.match)]
        for match in seen[:_CHECKED_AT_ONCE]:
            spans = [part.span for part in match.parts] or [match.span]
            moments.setdefault(match.video.content_id, []).extend(spans)
        return {content_id: tuple(spans) for content_id, spans in moments.items()}

    def _cards(self, listed: Sequence[AnswerRow]) -> list[str]:
        judged = marks.labels(
            self.desk.service,
            [row.match for row in listed],
            self.question.text or self.question.alike,
        )
        return [self._card(row, right) for row, right in zip(listed, judged, strict=True)]

    def _card(self, row: AnswerRow, right: bool | None) -> str:
        """One answer's card; the browser asks for its picture."""
        match = row.match
        outline, file = self.outlines[match.video.content_id], self.files.get(match.path)
        there = self.same_video(match)
        return cards.result(
            match,
            file=file,
            words=self.question.text,
            picture=picture_address(match.video.content_id, quotes.shown_at(match), file),
            strip=timeline.strip(
                match.video.duration_seconds,
                covered=outline.covered,
                events=outline.busy,
                matches=[other.span for other in there],
                verdicts=[other.verdict for other in there],
                chosen=match.span,
                gaps=match.video.gaps,
                finest=_PIECES,
            ),
            others=row.others,
            key=row.key,
            number=self._numbers[row.key],
            acts=self._acts,
            right=right,
        )

    def upcoming(self) -> list[player.Upcoming]:
        """The answers of the list, to be started by the browser at a press."""
        return [
            player.Upcoming(
                f"play_{self._numbers[row.key] - 1}",
                row.match.video,
                row.match.span,
                self.files.get(row.match.path),
                identity=row.key,
            )
            for row in self.listed
        ]

    def same_video(self, match: Match) -> list[Match]:
        """The answers in the video of one."""
        return self._of_video.get(match.video.content_id, [match])


# -- The player --------------------------------------------------------------


def _stage(drawing: _Drawing, place: int | None, words: player.VideoWords) -> None:
    """The answer in the player; its keys lead to the answers before and after."""
    state, desk, rows = st.session_state, drawing.desk, drawing.rows
    match: Match = state.playing
    waiting = not drawing.now.finished and match.verdict == "not checked"
    asked = player.show(
        desk.settings.cache_dir,
        match.video,
        match.path,
        match.span,
        outline=drawing.outlines[match.video.content_id],
        matches=[
            player.LaneMark(other.span, other.text, other.verdict) for other in drawing.same_video(match)
        ],
        words=words,
        text=quotes.titled(match),
        file=drawing.files.get(match.path),
        autoplay=state.get("clicked", False),
        notes=[
            player.LaneMark(mark.span, f"{_said(mark.state)}: {mark.text or mark.query}", "note")
            for mark in marks.marks(desk.service, match.video.content_id)
        ],
        actions=(
            "previous",
            "next",
            *(("accept", "reject", "export") if may_edit() else ()),
            *(() if picture_form.why_not(desk) else ("picture",)),
        ),
        identity=state.identity,
        provisional=waiting,
        verdict="" if match.verdict == "not checked" else match.verdict,
        upcoming=drawing.upcoming(),
    )
    state.in_out = asked.in_out
    if asked.action == "picture":
        if asked.picture_seconds is not None:
            asking.ask_moment(match.path, asked.picture_seconds, asked.picture_box)
            st.rerun()
    elif asked.action in ("next", "previous"):
        _turn(rows, place, 1 if asked.action == "next" else -1)
        st.rerun()
    elif asked.action:
        try:
            _do(desk, drawing.question, match, asked.in_out, asked.action)
        except FootageError as error:
            st.html(notices.problem(error))
            return
        if asked.action in _LABELS:
            _turn(rows, place, 1, around=False)
            st.rerun()


def _said(label: str) -> str:
    """The state of a mark in the words of the page."""
    return {"present": "Marked correct", "absent": "Marked wrong"}.get(label, label)


def _turn(rows: Sequence[AnswerRow], place: int | None, by: int, *, around: bool = True) -> None:
    """Play the answer before or after; from the last to the first with ``around``."""
    number = (place if place is not None else -1 if by > 0 else len(rows)) + by
    if around:
        number %= len(rows)
    if number < len(rows):
        _play(rows[number].key)


def _acted(
    desk: Desk, question: Question, rows: Sequence[AnswerRow], place: int | None, press: answers.AnswerPress
) -> int | None:
    """Do what a button of a card says; which answer plays after it."""
    number = next((number for number, row in enumerate(rows) if row.key == press.key), None)
    if number is None:
        st.toast("The answer changed before that was done. Press again.")
        return place
    match, state = rows[number].match, st.session_state
    span = state.get("in_out", match.span) if number == place else match.span
    try:
        _do(desk, question, match, span, press.do)
    except FootageError as error:
        st.html(notices.problem(error))
        return place
    if press.do in _LABELS and number == place:
        _turn(rows, place, 1, around=False)
        place = _place(rows, finished=True)
        state.playing = rows[place or 0].match
    return place


def _do(desk: Desk, question: Question, match: Match, span: Span, action: str) -> None:
    """Judge an answer, take the judgement back, or collect it; a second judgement replaces the first.

    Raises:
        FootageError: it cannot be kept, or the visitor may not.
    """
    if not may_edit():
        return
    content_id = match.video.content_id
    if action == "export":
        _collect(desk, question, match, span)
    elif action == "undo":
        with editing(desk.settings, "label", content_id=content_id, label="undone"):
            marks.unlabel(desk.service, match, question.text or question.alike)
        st.toast("The mark is taken back.")
    elif action in _LABELS:
        request = marks.LabelRequest(
            match=match, span=span, right=action == "accept", query=question.text, like=question.alike
        )
        with editing(desk.settings, "label", content_id=content_id, label=_LABELS[action]):
            marks.label(desk.service, request)
        st.toast("Marked correct." if action == "accept" else "Marked wrong.")


def _collect(desk: Desk, question: Question, match: Match, span: Span) -> None:
    """Put an answer, from the in point to the out point, among the highlights."""
    from service.export_clips import clips_from

    [clip] = clips_from(desk.service, [match], query=question.title)
    put = clip_collection.add(replace(clip, span=span))
    held = count(len(clip_collection.clips()), "clip")
    st.toast(f"Added: {held} in Highlights." if put else f"It is there already: {held} in Highlights.")
