"""Several cameras on one wall clock: a day at a glance, closer where it matters, all cameras at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import UsageError
from footage.core.types import File, Span
from service import browse, saved
from ui.text import count, plain
from ui.web.components import camera_timeline, camera_timeline_view, cards, markup, notices, pages
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from service.saved import Search

PLAYED_SECONDS = 20.0
"""Length of the clip of a camera from the selected time."""
AROUND_SECONDS = 60.0
"""Events this near to the moment are listed beside the player."""
_AROUND = 12
_SEEN_PER_ROW = 4
_UNKNOWN = 200
_STATE, _WIDGET = "wall", "wall_widget"


def show(desk: Desk) -> None:
    """Draw the cameras.

    Raises:
        StoreError: when the index cannot be read.
    """
    recorded, unknown = camera_timeline.recordings(
        browse.files(desk.service), zone=_zone(), gaps=browse.gaps(desk.service)
    )
    if recorded:
        _clock(desk, recorded)
    else:
        st.html(
            notices.remark(
                "No recording has a clock yet.",
                "Clocks are read from containers and from file names such as cam1_2026-03-01_12-00-00.mp4 "
                "when files are indexed. Cameras are named by: footage index --camera-from",
            )
        )
    _clocks_unknown(unknown)


# -- 1. The wall clock -----------------------------------------------------


def _clock(desk: Desk, recorded: Sequence[camera_timeline.Recording]) -> None:
    days = camera_timeline.days(recorded)
    state = st.session_state
    if state.get("wall_day") not in days:
        state.wall_day = next(iter(days))
        state.pop(_STATE, None)
    tools = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    day: date = tools.selectbox(
        "Day",
        list(days),
        key="wall_day",
        format_func=lambda day: f"{day:%a} {day.day} {day:%B %Y}, {_amount(days[day])} of footage",
        on_change=_whole_day,
        width=330,
        persist_state="session",
    )
    nearby = camera_timeline.near(recorded, day)
    whole = camera_timeline.day_view(nearby, day)
    view: camera_timeline.View = state.get(_STATE) or whole
    search = _marked_search(desk, tools)
    for label, icon, factor in (("Closer", "zoom_in", 0.4), ("Wider", "zoom_out", 2.5)):
        tools.button(
            label,
            icon=f":material/{icon}:",
            on_click=_zoom,
            args=(view, whole, factor),
            disabled=factor > 1 and view == whole,
        )
    for label, icon, step in (("Earlier", "chevron_left", -1), ("Later", "chevron_right", 1)):
        to = _next_day(list(days), day, step) if view == whole else None
        tools.button(
            label,
            icon=f":material/{icon}:",
            on_click=_pan if to is None else _go_to_day,
            args=(view, whole, step / 2) if to is None else (to,),
            disabled=view == whole and to is None,
        )
    tools.button("Whole day", on_click=_whole_day, disabled=view == whole)

    shown = [each for each in nearby if each.end > view.start and each.start < view.end]
    contents = {each.content_id for each in shown}
    found = {
        content_id: spans for content_id, spans in _found(desk, search).items() if content_id in contents
    }
    moment: datetime | None = state.get("wall_moment")
    state.wall_drawn = view
    with st.container(key="wall_panel"):
        camera_timeline_view.show(
            nearby,
            view,
            events=camera_timeline.placed(browse.event_spans(desk.service, contents), shown, view),
            matches=camera_timeline.placed(found, shown, view),
            cursor=moment,
            on_change=_chosen,
            key=_WIDGET,
        )
        st.html(_legend(nearby, search))
    _moment(desk, nearby, day, moment, found)


def _amount(footage: timedelta) -> str:
    minutes = footage / timedelta(minutes=1)
    if minutes < 1:
        return f"{footage.seconds} s"
    return f"{minutes:.0f} min" if minutes < 60 else f"{minutes / 60:,.1f} h"


def _marked_search(desk: Desk, place: DeltaGenerator) -> Search | None:
    """The saved search whose items are marked, if one is chosen."""
    searches = {search.id: search for search in saved.names(desk.service)}
    if not searches:
        return None
    chosen = place.selectbox(
        "Mark results of",
        ["", *searches],
        format_func=lambda key: plain(searches[key].name) if key else "nothing",
        key="wall_search",
        width=220,
        persist_state="session",
    )
    return searches.get(chosen)


def _found(desk: Desk, search: Search | None) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for item in saved.items(desk.service, search) if search else ():
        found.setdefault(item.mark.content_id, []).append(item.mark.span)
    return found


def _legend(recorded: Sequence[camera_timeline.Recording], search: Search | None) -> str:
    keys = {"bar": "footage", "event": "indexed events"}
    if search:
        keys["match"] = f"found for {search.name}"
    if any(each.guessed for each in recorded):
        keys["guess"] = "the clock is a guess"
    if not all(each.indexed for each in recorded):
        keys["unindexed"] = "not indexed"
    drawn = "".join(
        f'<span><i class="fx-key fx-wall-key-{kind}"></i>{markup.text(words)}</span>'
        for kind, words in keys.items()
    )
    return f'<div class="fx-legend">{drawn}<span>Click to select a time, drag to zoom.</span></div>'


def _chosen() -> None:
    """Apply a click or a drag on the wall clock."""
    state = st.session_state
    view: camera_timeline.View = state.wall_drawn
    choice = camera_timeline_view.chosen(state.get(_WIDGET), view)
    if choice.moment is not None:
        state.wall_moment, state.wall_playing = choice.moment, None
    elif choice.stretch is not None:
        state[_STATE] = camera_timeline.zoomed(choice.stretch, view, 1.0)


def _whole_day() -> None:
    st.session_state.pop(_STATE, None)


def _zoom(view: camera_timeline.View, whole: camera_timeline.View, factor: float) -> None:
    moment = st.session_state.get("wall_moment")
    around = moment if moment and view.start <= moment < view.end else None
    st.session_state[_STATE] = camera_timeline.zoomed(view, whole, factor, around)


def _next_day(days: Sequence[date], day: date, step: int) -> date | None:
    """The nearest day with footage before or after one."""
    beyond = [each for each in days if (each > day if step > 0 else each < day)]
    return min(beyond, key=lambda each: abs(each - day), default=None)


def _go_to_day(day: date) -> None:
    st.session_state.wall_day = day
    _whole_day()


def _pan(view: camera_timeline.View, whole: camera_timeline.View, part: float) -> None:
    moved = camera_timeline.View(view.start + part * view.length, view.end + part * view.length)
    st.session_state[_STATE] = camera_timeline.within(moved, whole)


# -- 2. All cameras at a moment --------------------------------------------


def _moment(
    desk: Desk,
    recorded: Sequence[camera_timeline.Recording],
    day: date,
    moment: datetime | None,
    found: dict[str, list[Span]],
) -> None:
    head, typed = st.columns([7, 2], vertical_alignment="bottom")
    typed.text_input(
        "Go to a time",
        key="wall_typed",
        placeholder="14:03:20",
        on_change=_type,
        args=(recorded, day),
    )
    if moment is None:
        head.html(
            '<div class="fx-moment"><h2>All cameras at a moment</h2></div>'
            '<p class="fx-sub">Click on the clock above, or type a time.</p>'
        )
        return
    there = camera_timeline.local(recorded, moment)
    zone = camera_timeline.zone_name(there.utcoffset() or timedelta())
    zone += ", assumed for some" if any(each.zone_assumed for each in recorded) else ""
    head.html(
        f'<div class="fx-moment"><h2>{there:%H:%M:%S}</h2><span class="fx-sub">{there:%A} {there.day} '
        f"{there:%B %Y}, {markup.text(zone)}</span></div>"
    )
    seen = camera_timeline.at_moment(recorded, moment)
    playing = st.session_state.get("wall_playing")
    for start in range(0, len(seen), _SEEN_PER_ROW):
        for column, (number, each) in zip(
            st.columns(_SEEN_PER_ROW), list(enumerate(seen))[start : start + _SEEN_PER_ROW], strict=False
        ):
            with column:
                is_played = each.recording is not None and each.recording.path == playing
                alone = sum(other.row == each.row for other in seen) == 1
                _camera(desk, recorded, each, number, alone=alone, playing=is_played)
    chosen = next((each for each in seen if each.recording and each.recording.path == playing), None)
    if chosen and chosen.recording:
        recording = chosen.recording
        video = browse.videos(desk.service, [recording.content_id]).get(recording.content_id)
        if video is None:
            st.html(notices.remark("This file is not indexed yet.", "Only its length is known."))
            return
        end = min(chosen.seconds + PLAYED_SECONDS, video.duration_seconds)
        left, right = st.columns([7, 5], gap="large")
        with left, st.container(key="stage"):
            pages.play(
                desk,
                video,
                recording.path,
                Span(min(chosen.seconds, end), end),
                text=f"{chosen.row.name}, {there:%H:%M:%S}",
                matches=found.get(recording.content_id, ()),
                autoplay=True,
            )
        right.html(_around(desk, recorded, recording, chosen.seconds))


def _around(
    desk: Desk,
    recorded: Sequence[camera_timeline.Recording],
    recording: camera_timeline.Recording,
    seconds: float,
) -> str:
    """What happens there shortly before and after, by the wall clock."""
    lines = []
    for event in browse.events(desk.service, recording.content_id):
        span = event.span
        if abs(max(span.start_seconds - seconds, seconds - span.end_seconds, 0)) <= AROUND_SECONDS:
            start = camera_timeline.local(
                recorded, recording.file_start + timedelta(seconds=span.start_seconds)
            )
            here = ' class="fx-here"' if span.start_seconds <= seconds < span.end_seconds else ""
            lines.append(f"<p{here}><span>{start:%H:%M:%S}</span>{markup.text(event.text)}</p>")
    body = "".join(lines[:_AROUND]) or '<p class="fx-sub">Nothing is indexed there.</p>'
    return f'<div class="fx-around"><h3>Around this moment</h3><div>{body}</div></div>'


def _camera(
    desk: Desk,
    recorded: Sequence[camera_timeline.Recording],
    seen: camera_timeline.Seen,
    number: int,
    *,
    alone: bool,
    playing: bool,
) -> None:
    """The picture of one file of a camera at the moment; pressed, it plays from there."""
    name = markup.text(seen.row.name or "(no name)")
    state = " fx-seen-now" if playing else ""
    if seen.recording is None:
        around = [
            f"last until {camera_timeline.local(recorded, seen.before):%H:%M:%S}" if seen.before else "",
            f"next from {camera_timeline.local(recorded, seen.after):%H:%M:%S}" if seen.after else "",
        ]
        label = "<br>".join(["no footage at this moment", *filter(None, around)])
        st.html(
            f'<figure class="fx-seen"><div class="fx-thumb"><span class="fx-blank">{label}</span></div>'
            f"<figcaption><b>{name}</b><span>&nbsp;</span></figcaption></figure>"
        )
        return
    recording = seen.recording
    second = float(int(seen.seconds))  # one picture a second is cut, not one a click
    picture = picture_address(recording.content_id, second, browse.file_at(desk.service, recording.path))
    drawn = f'<img src="{picture}" alt="">' if picture else '<span class="fx-blank">no picture</span>'
    doubt = cards.state("guessed", "clock is a guess") if recording.guessed else ""
    file = f"{markup.file_name(recording.path)}, {markup.clock(round(seen.seconds, 1))}"
    with st.container(key=f"card_camera_{number}"):
        st.html(
            f'<figure class="fx-seen{state}"><div class="fx-thumb">{drawn}</div>'
            f"<figcaption><b>{name}{doubt}</b><span>{markup.text(file)}</span></figcaption></figure>"
        )
        label = f"Play {markup.label(seen.row.name)}"
        if not alone:
            label += f", {markup.label(PurePath(recording.path).name)}"
        st.button(label, key=f"play_camera_{number}", on_click=_play, args=(recording.path,))


def _play(path: str) -> None:
    st.session_state.wall_playing = path


@pages.acting
def _type(recorded: Sequence[camera_timeline.Recording], day: date) -> None:
    """Go to the time that was typed, of the day that is shown."""
    state = st.session_state
    text = state.wall_typed.strip()
    if not text:
        return
    try:
        clock = time.fromisoformat(text if ":" in text else f"{text}:00")
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a valid time of day", hint="Type hours, minutes and seconds: 14:03:20."
        ) from error
    state.wall_moment, state.wall_playing = camera_timeline.moment_of(recorded, day, clock), None
    whole = camera_timeline.day_view(recorded, day)
    view = state.get(_STATE)
    if view is not None and not view.start <= state.wall_moment < view.end:
        state[_STATE] = camera_timeline.zoomed(whole, whole, view.length / whole.length, state.wall_moment)


# -- 3. What cannot be placed ----------------------------------------------


def _clocks_unknown(unknown: Sequence[File]) -> None:
    if not unknown:
        return
    with st.expander(f"{count(len(unknown), 'file')} of unknown time", icon=":material/schedule:"):
        st.html(
            '<p class="fx-sub">Neither the container nor the file name says when these were recorded, so '
            "they are not on the clock. With <code>footage index --guess-time</code>, the file time is used "
            "and shown as a guess.</p>"
        )
        first = unknown[:_UNKNOWN]
        st.dataframe(
            {
                "Name": [plain(PurePath(file.path).name) for file in first],
                "Camera": [plain(file.camera) for file in first],
                "Length": [markup.clock(round(file.duration_seconds, 1)) for file in first],
                "Folder": [plain(str(PurePath(file.path).parent)) for file in first],
            },
            hide_index=True,
        )
        if len(unknown) > len(first):
            st.html(f'<p class="fx-sub">and {len(unknown) - len(first):,} more</p>')


def _zone() -> tzinfo:
    """The time zone of this machine."""
    return datetime.now().astimezone().tzinfo or UTC
