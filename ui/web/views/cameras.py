"""Several cameras on one wall clock: a day at a glance, closer where it matters, all cameras in step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import PurePath
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.types import File, Span
from service import browse, saved
from service.alerts import manage
from ui.text import count, plain
from ui.web import styles
from ui.web.components import asking, camera_timeline, dates, markup, notices, pages, questions, wall
from ui.web.components.addresses import clip_address
from ui.web.components.camera_timeline import Recording
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from service.saved import Search

PLAYED_SECONDS = 20.0
"""Length of the clip of a camera that is opened in the player."""
MOMENT = "moment"
"""Key in the page's address: the moment of the wall, ISO 8601."""
_ALERTS = 10_000
_UNKNOWN = 200
_WIDGET = "wall"


def show(desk: Desk) -> None:
    """Draw the cameras.

    Raises:
        StoreError: when the index cannot be read.
    """
    styles.load("cameras")
    files = camera_timeline.recordings(
        browse.files(desk.service), zone=_machine_zone(), gaps=browse.gaps(desk.service)
    )
    if not files.recorded:
        _no_clock(files)
        return
    _follow_address(files.recorded)
    st.fragment(_wall)(desk, files)


# -- 1. The wall -----------------------------------------------------------


def _wall(desk: Desk, files: camera_timeline.ClockedFiles) -> None:
    """The wall, what it cannot show, and the player; only these are drawn again when the clock is moved."""
    state = st.session_state
    tools = st.container(horizontal=True, gap="small", key="wall_tools")
    recorded, zone = _in_chosen_zone(files.recorded, tools)
    search = _marked_search(desk, tools)
    days = camera_timeline.days(recorded)
    moment: datetime | None = state.get("wall_moment")
    if state.get("wall_day") not in days:
        there = camera_timeline.local(recorded, moment).date() if moment else None
        state.wall_day = _nearest(days, there)
    day: date = state.wall_day
    _unplaced(files, tools)
    whole = camera_timeline.day_view(recorded, day)
    state.wall_drawn = (tuple(days), frozenset(each.content_id for each in recorded))
    with st.container(key="wall_panel"):
        wall.show(
            _day(desk, recorded, day, search),
            chosen=day,
            days=days,
            cursor=moment if moment and whole.start <= moment < whole.end else None,
            jump=state.get("wall_jump", 0),
            zone=zone,
            actions=("player", "search") if desk.search_page is not None else ("player",),
            on_change=_changed,
            key=_WIDGET,
        )
    if (asked := state.pop("wall_search_from", None)) and desk.search_page is not None:
        _search_from(desk, recorded, asked)
    _player(desk, recorded)


def _day(desk: Desk, recorded: Sequence[Recording], day: date, search: Search | None) -> str:
    """A day for the browser; kept until the page is drawn afresh, or another day or search is chosen."""
    state = st.session_state
    wanted = (day, search.id if search else "")
    held = state.get("wall_data")
    if held is not None and held[0] == wanted and held[1] == recorded:
        return str(held[2])
    near = camera_timeline.near(recorded, day)
    whole = camera_timeline.day_view(near, day)
    inside = [each for each in near if each.end > whole.start and each.start < whole.end]
    contents = {each.content_id for each in inside}
    known = {file.path: file for file in browse.files(desk.service)}
    events = {
        content_id: [(event.span, event.text) for event in outline.events]
        for content_id, outline in browse.outlines(desk.service, contents).items()
    }
    alerts, happenings = _alerts(desk, contents)
    of_day = wall.Day(
        near,
        whole,
        {"event": events, "match": _found(desk, search), "alert": alerts},
        happenings,
        {content_id: video.fps for content_id, video in browse.videos(desk.service, contents).items()},
    )
    clips = {each.path: clip_address(each.content_id, Span(0, 0), known.get(each.path)) for each in inside}
    made = wall.encoded(of_day, clips)
    state.wall_data = (wanted, recorded, made)
    return made


def _in_chosen_zone(recorded: Sequence[Recording], place: DeltaGenerator) -> tuple[Sequence[Recording], str]:
    """The recordings in the zone that the person chose, and its name; a choice only where it matters."""
    mine = dates.zone()
    moved = camera_timeline.shown_in(recorded, mine)
    assumed = ", assumed for some" if any(each.zone_assumed for each in recorded) else ""
    offsets = sorted({each.start.utcoffset() or timedelta() for each in recorded})
    names = " and ".join(map(camera_timeline.zone_name, offsets[-2:])) + assumed
    if all(
        one.start.utcoffset() == other.start.utcoffset() for one, other in zip(recorded, moved, strict=True)
    ):
        return recorded, names
    labels = {"recorded": f"As recorded ({names})", "mine": f"{mine} (yours)"}
    chosen = place.selectbox(
        "Time zone",
        list(labels),
        index=int(bool(st.session_state.get(dates.ZONE_KEY))),
        format_func=labels.__getitem__,
        key="wall_zone",
        on_change=_forget_day,
        label_visibility="collapsed",
        width=240,
        persist_state="session",
    )
    return (moved, str(mine)) if chosen == "mine" else (recorded, names)


def _marked_search(desk: Desk, place: DeltaGenerator) -> Search | None:
    """The saved search whose items are marked, if one is chosen."""
    searches = {search.id: search for search in saved.names(desk.service)}
    if not searches:
        return None
    chosen = place.selectbox(
        "Mark results of",
        ["", *searches],
        format_func=lambda key: f"Results of {plain(searches[key].name)}" if key else "No search is marked",
        key="wall_search",
        label_visibility="collapsed",
        width=240,
        persist_state="session",
    )
    return searches.get(chosen)


def _found(desk: Desk, search: Search | None) -> dict[str, list[tuple[Span, str]]]:
    found: dict[str, list[tuple[Span, str]]] = {}
    for item in saved.items(desk.service, search) if search else ():
        words = f"{search.name}: {item.mark.found_text}" if search else ""
        found.setdefault(item.mark.content_id, []).append((item.mark.span, words))
    return found


def _alerts(
    desk: Desk, contents: set[str]
) -> tuple[Mapping[str, list[tuple[Span, str]]], list[wall.Happening]]:
    """What alerts found in some videos, and the periods in which they found nothing."""
    found: dict[str, list[tuple[Span, str]]] = {}
    periods = []
    for entry in manage.history(desk.service, manage.AlertHistoryRequest(limit=_ALERTS)):
        moment, words = entry.moment, f"{entry.alert.name}: {entry.moment.text}"
        if moment.content_id in contents:
            found.setdefault(moment.content_id, []).append((moment.span, words))
        elif not moment.content_id and (start := _read(moment.starts_at)):
            periods.append(wall.Happening(start, _read(moment.ends_at) or start, words, moment.camera))
    return found, periods


# -- 2. What happens on it -------------------------------------------------


def _changed() -> None:
    """Apply what the person did on the wall: went to a moment or a day, or asked for an event."""
    state = st.session_state
    result, (days, contents) = state.get(_WIDGET), state.wall_drawn
    if (day := wall.read_day(result, days)) is not None:
        state.wall_day, state.wall_moment, state.wall_played = day, None, None
        st.query_params.pop(MOMENT, None)
        return
    asked = wall.read_asked(result, actions=("player", "search"), content_ids=contents)
    if asked is not None and asked.action == "player":
        state.wall_played = asked
    elif asked is not None:
        state.wall_search_from = asked
    if (moment := asked.moment if asked else wall.read_moment(result)) is not None:
        _keep(moment)


def _keep(moment: datetime) -> None:
    """Keep the moment, and its address for a reload or a colleague."""
    state = st.session_state
    state.wall_moment = moment
    state.wall_address = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    st.query_params[MOMENT] = state.wall_address


def _follow_address(recorded: Sequence[Recording]) -> None:
    """Go where the page's address says, if it says something new."""
    state, given = st.session_state, st.query_params.get(MOMENT, "")
    if not given or given == state.get("wall_address"):
        return
    state.wall_address = given
    moment = _read(given)
    if moment is None:
        st.html(
            notices.remark(
                f"{given!r} in the address of this page is not a moment.",
                "It looks like this: ?view=cameras&moment=2026-03-01T14:05:10Z",
            )
        )
        return
    state.wall_moment, state.wall_jump = moment, state.get("wall_jump", 0) + 1
    state.wall_played = None
    _forget_day()
    if not any(each.start <= moment < each.end for each in recorded):
        there = camera_timeline.local(recorded, moment)
        st.html(
            notices.remark(
                f"No camera has footage at {there:%H:%M:%S} on {dates.day(there.date())}.",
                "The wall shows the nearest day with footage.",
            )
        )


def _forget_day() -> None:
    """Have the day chosen anew, by the moment."""
    st.session_state.pop("wall_day", None)


def _nearest(days: Iterable[date], wanted: date | None) -> date:
    """Of the days with footage the wanted or the nearest one; the first when none is wanted."""
    there = list(days)
    return min(there, key=lambda day: abs(day - wanted)) if wanted else there[0]


# -- 3. The player ---------------------------------------------------------


def _player(desk: Desk, recorded: Sequence[Recording]) -> None:
    """One camera in the player, where one was asked for."""
    asked: wall.WallWish | None = st.session_state.get("wall_played")
    recording = _recording(recorded, asked) if asked else None
    if asked is None or recording is None:
        return
    video = browse.videos(desk.service, [asked.content_id]).get(asked.content_id)
    if video is None:
        st.html(notices.remark("This file is not indexed yet.", "Only its length is known."))
        return
    there = camera_timeline.local(recorded, asked.moment)
    end = min(asked.seconds + PLAYED_SECONDS, video.duration_seconds)
    with st.container(key="stage"):
        st.button("Close the player", icon=":material/close:", key="wall_close", on_click=_close)
        pages.play(
            desk,
            video,
            recording.path,
            Span(min(asked.seconds, end), end),
            text=f"{recording.row.name}, {there:%H:%M:%S}",
            matches=[span for span, _ in _found(desk, _chosen_search(desk)).get(asked.content_id, ())],
            autoplay=True,
        )


def _chosen_search(desk: Desk) -> Search | None:
    chosen = st.session_state.get("wall_search")
    return next((search for search in saved.names(desk.service) if search.id == chosen), None)


def _close() -> None:
    st.session_state.wall_played = None


def _recording(recorded: Sequence[Recording], asked: wall.WallWish) -> Recording | None:
    """The recording of a video at a moment; any of the video where none covers it."""
    mine = [each for each in recorded if each.content_id == asked.content_id]
    return next((each for each in mine if each.start <= asked.moment <= each.end), next(iter(mine), None))


def _search_from(desk: Desk, recorded: Sequence[Recording], asked: wall.WallWish) -> None:
    """Open the search page with the camera and the time in the search box; the person writes the rest."""
    recording = _recording(recorded, asked)
    if recording is None or desk.search_page is None:
        return
    there = camera_timeline.local(recorded, asked.moment).replace(microsecond=0)
    camera = {"camera": recording.row.name} if recording.row.named else {}
    st.session_state.typed = questions.narrowed("", **camera, after=there.isoformat()) + " "
    st.switch_page(desk.search_page, query_params=asking.address() if "asked" in st.session_state else {})


# -- 4. What cannot be placed ----------------------------------------------


def _no_clock(files: camera_timeline.ClockedFiles) -> None:
    """What to do where nothing is on the clock."""
    st.html(
        '<div class="fx-empty"><h2>No recording has a clock yet</h2>'
        "<p>The wall shows every camera at the same second, so it needs to know when each file was recorded. "
        "Clocks are read when files are indexed: from the container, or from names such as "
        "<code>cam1_2026-03-01_12-00-00.mp4</code>.</p>"
        "<ol><li>Name the cameras: <code>footage index FOLDER --camera-from '{camera}_*'</code></li>"
        "<li>Where no file says its time, use the time of the file, marked as a guess: "
        "<code>footage index FOLDER --guess-time</code></li></ol></div>"
    )
    _unplaced(files, st.container(horizontal=True, gap="small"))


def _unplaced(files: camera_timeline.ClockedFiles, place: DeltaGenerator) -> None:
    """Which files are not on the wall, and why."""
    reasons = [
        (
            files.unknown,
            "has no clock and is not on the wall",
            "have no clock and are not on the wall",
            "Neither the container nor the file name says when these were recorded. With "
            "<code>footage index --guess-time</code>, the time of the file is used and marked as a guess.",
        ),
        (
            files.unread,
            "could not be read yet and is not on the wall",
            "could not be read yet and are not on the wall",
            "Their length is not known. The Library says what each of them waits for, or why it failed.",
        ),
    ]
    for kind, (listed, one, several, why) in enumerate(reasons):
        if not listed:
            continue
        what = markup.label(PurePath(listed[0].path).name) if len(listed) == 1 else count(len(listed), "file")
        label = f"{what} {one if len(listed) == 1 else several}"
        with place.popover(label, icon=":material/schedule:" if kind == 0 else ":material/warning:"):
            st.html(f'<p class="fx-sub">{why}</p>')
            _table(listed)


def _table(listed: Sequence[File]) -> None:
    first = listed[:_UNKNOWN]
    st.dataframe(
        {
            "Name": [plain(PurePath(file.path).name) for file in first],
            "Camera": [plain(file.camera) for file in first],
            "Length": [markup.clock(round(file.duration_seconds, 1)) for file in first],
            "Folder": [plain(str(PurePath(file.path).parent)) for file in first],
        },
        hide_index=True,
    )
    if len(listed) > len(first):
        st.html(f'<p class="fx-sub">and {len(listed) - len(first):,} more</p>')


def _read(text: str) -> datetime | None:
    """A moment as ISO 8601 writes it; one without a zone is one of the visitor's."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dates.zone())).astimezone(UTC)


def _machine_zone() -> tzinfo:
    """The time zone of this machine."""
    return datetime.now().astimezone().tzinfo or UTC
