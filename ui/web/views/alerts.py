"""The alerts of the review page: which there are, what they found, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError, StoreError
from footage.core.types import Span
from search.query.filters import read_moment
from service import browse, people, review_queue
from service.alerts import manage
from service.alerts.sinks import shown_name
from ui.text import count, plain
from ui.web.access.visitor import editing, may_edit
from ui.web.components import (
    cards,
    dates,
    layout,
    markup,
    notices,
    pages,
    review_cards,
    shortcuts,
    wall_link,
)
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from footage.core.alerts import Alert, Delivery
    from footage.core.types import Video
    from service.alerts.manage import AlertHistoryEntry, AlertStatus, SinkTest

ITEMS = 8
"""Moments on a page."""
MOST_MOMENTS = 1000
"""Most moments that are listed, the latest ones."""
_NONE = (
    '<div class="fx-empty"><h2>No alerts yet</h2><p>An alert reports new moments by itself: here, and to a '
    "webhook, MQTT, e-mail, a command or the desktop. Save a search in the queue, then press "
    "<b>Alert</b> beside it.</p>"
    "<p>Alerts run with <code>footage index --watch</code> and <code>footage alerts run --watch</code>."
    "</p></div>"
)
_FILTERS = ("All", "Delivered", "Failed", "Waiting")
_WORDS = {"delivered": "Delivered", "failed": "Failed", "pending": "Waiting", "suppressed": "Not sent"}
_KEYS = (
    ("n", "Next moment", "alerts_next"),
    ("p", "Previous moment", "alerts_previous"),
    ("c", "All cameras at this moment", "alerts_cameras"),
)
LIVE_SECONDS = 4.0
"""How often it is asked whether an alert has reported something."""


def show(desk: Desk, unseen: int = 0) -> None:
    """Draw the alerts and their history, the latest moment first.

    Args:
        desk: What the page works with.
        unseen: Moments that the navigation still counts as new to the person.

    Raises:
        StoreError: when the state cannot be read.
    """
    statuses = manage.statuses(desk.service)
    if not statuses:
        st.html(_NONE)
        if may_edit():
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.button("Open the queue", icon=":material/checklist:", key="to_queue", on_click=_to_queue)
        return
    since, noted = _since(desk)
    if unseen and noted:
        st.rerun()  # they are seen now, and the navigation is drawn already
    st.fragment(_watch, run_every=LIVE_SECONDS)(desk)
    _history(desk, statuses, since)
    st.html('<h2 class="fx-head">Alerts</h2>')
    with st.container(key="alerts"):
        for status in statuses:
            _alert(desk, status)


def _to_queue() -> None:
    st.session_state.review_view = "Queue"
    st.query_params.from_dict({"view": "queue"})


def _since(desk: Desk) -> tuple[float, bool]:
    """From when on moments are new to the person, and whether their look was noted just now."""
    state, person = st.session_state, pages.person(desk)
    held = state.get("alerts_visit")
    if held and held[:2] == (person, review_queue.state_version(desk.service)):
        return float(held[2]), False
    try:
        since, noted = people.visit(desk.service, person, people.ALERTS).since, True
    except StoreError:
        since, noted = 0.0, False
    state.alerts_visit = person, review_queue.state_version(desk.service), since
    return since, noted


def _watch(desk: Desk) -> None:
    """Say that alerts have reported something while the page is open, with a button that shows it."""
    state, version = st.session_state, review_queue.state_version(desk.service)
    with suppress(StoreError):
        if state.get("alerts_watched", ((), 0))[0] != version:
            state.alerts_watched = version, sum(each.moments for each in manage.statuses(desk.service))
        number = state.alerts_watched[1]
        fresh = number - state.setdefault("alerts_moments", number)
        if fresh > 0:
            with st.container(key="queue_live", horizontal=True, vertical_alignment="center", gap="small"):
                st.html(f'<p class="fx-live" role="status">{count(fresh, "new moment")}</p>')
                if st.button("Show", key="alerts_show_new", icon=":material/arrow_upward:"):
                    _first_page()
                    st.rerun()


# -- 1. The alerts ---------------------------------------------------------


def _alert(desk: Desk, status: AlertStatus) -> None:
    alert = status.alert
    with st.container(key=f"alert_{alert.id}"):
        if may_edit():
            left, right = st.columns([3, 2], vertical_alignment="center")
            left.html(_line(status))
            with right:
                _controls(desk, status)
        else:
            st.html(_line(status))
        if st.session_state.get("alert_tested") == alert.id:
            st.session_state.alert_tested = None
            _test(desk, alert)


def _controls(desk: Desk, status: AlertStatus) -> None:
    """What an editor may do with an alert."""
    alert = status.alert
    row = st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", gap="small"
    )
    if status.failed:
        row.button(
            "Send failed again",
            key=f"alert_retry_{alert.id}",
            icon=":material/replay:",
            on_click=_retry,
            args=(desk, alert),
        )
    if alert.sinks:
        row.button(
            "Test",
            key=f"alert_test_{alert.id}",
            icon=":material/send:",
            on_click=_ask_for_test,
            args=(alert,),
        )
    with row.popover("Remove", icon=":material/delete:"):
        st.write("Removes the alert and the moments it reported. Recordings and captions stay.")
        st.button("Remove alert", key=f"alert_gone_{alert.id}", on_click=_remove, args=(desk, alert))
    st.session_state[f"alert_on_{alert.id}"] = alert.enabled
    row.toggle(
        f"{plain(alert.name)} is on",
        key=f"alert_on_{alert.id}",
        on_change=_turn,
        args=(desk, alert),
        label_visibility="collapsed",
    )


def _line(status: AlertStatus) -> str:
    """An alert as HTML: its name, what it looks for, where it goes, and what became of it."""
    alert = status.alert
    numbers = [
        f"{number:,} {word}"
        for number, word in (
            (status.delivered, "delivered"),
            (status.pending, "waiting"),
            (status.failed, "failed"),
        )
        if number
    ]
    facts = [count(status.moments, "moment"), *numbers]
    places = "".join(f'<span class="fx-tag">{markup.text(shown_name(sink))}</span>' for sink in alert.sinks)
    limited = "".join(f"<span>{markup.text(limit)}</span>" for limit in _limits(alert))
    query = " ".join(filter(None, (alert.query, alert.filters)))
    return (
        f'<div class="fx-top"><b class="fx-alert-name">{markup.text(alert.name)}</b>'
        f"{cards.state('on', 'On') if alert.enabled else cards.state('off', 'Off')}"
        f'<span class="fx-score">{", ".join(facts)}</span></div>'
        f'<p class="fx-sub">{markup.text(query)}</p>'
        f'<p class="fx-sub fx-alert-facts">{places or "<span>shown here only</span>"}{limited}</p>'
    )


def _limits(alert: Alert) -> list[str]:
    """When an alert reports nothing, and when it reports nothing happening, in words."""
    limits = []
    if alert.about_absence:
        when = f"between {alert.absent_between.replace('-', ' and ')}" if alert.absent_between else ""
        lasting = f"for {_duration(alert.absent_for_seconds)}" if alert.absent_for_seconds else ""
        limits.append(f"reports that nothing happened {when or lasting}")
    if alert.quiet_hours:
        limits.append(f"quiet {alert.quiet_hours}")
    if alert.cool_down_seconds:
        limits.append(f"at most one in {_duration(alert.cool_down_seconds)} for each camera")
    if alert.digest_seconds:
        limits.append(f"together every {_duration(alert.digest_seconds)}")
    return limits


def _duration(seconds: float) -> str:
    """A length of time in the largest unit that divides it."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"


def _test(desk: Desk, alert: Alert) -> None:
    """Send a test, and show what came back from each sink."""
    try:
        with st.spinner("Sending a test"), editing(desk.settings, "test alert", alert=alert.id):
            results = manage.try_sinks(desk.service, manage.AlertNameRequest(name=alert.name))
    except FootageError as error:
        st.html(notices.problem(error))
        return
    for result in results:
        st.html(_tested(result))


def _tested(result: SinkTest) -> str:
    if result.error:
        what = result.error if result.name in result.error else f"{result.name}: {result.error}"
        return notices.problem(FootageError(what, hint=result.hint))
    return notices.remark(f"{result.name}: the test arrived.")


def _ask_for_test(alert: Alert) -> None:
    st.session_state.alert_tested = alert.id


@pages.acting
def _turn(desk: Desk, alert: Alert) -> str:
    on = st.session_state[f"alert_on_{alert.id}"]
    with editing(desk.settings, "turn alert", alert=alert.id, on=on):
        turn = manage.enable if on else manage.disable
        turn(desk.service, manage.AlertNameRequest(name=alert.name))
    return f"{markup.label(alert.name)} is {'on' if on else 'off'}"


@pages.acting
def _retry(desk: Desk, alert: Alert) -> str:
    with editing(desk.settings, "send alerts again", alert=alert.id):
        number = manage.retry(desk.service, manage.RetryAlertsRequest(name=alert.name))
    return f"The next run sends {count(number, 'message')} again"


@pages.acting
def _remove(desk: Desk, alert: Alert) -> str:
    with editing(desk.settings, "remove alert", alert=alert.id):
        manage.remove(desk.service, manage.AlertNameRequest(name=alert.name))
    return f"Removed {markup.label(alert.name)}"


# -- 2. Their history ------------------------------------------------------


def _history(desk: Desk, statuses: Sequence[AlertStatus], since: float) -> None:
    st.html('<h2 class="fx-head">Moments</h2>')
    names = {"": "All alerts", **{status.alert.name: status.alert.name for status in statuses}}
    tools = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    if len(statuses) > 1:
        if st.session_state.get("history_alert") not in names:
            st.session_state.history_alert = ""
        tools.selectbox(
            "Alert",
            list(names),
            key="history_alert",
            format_func=lambda name: plain(names.get(name, "")),
            on_change=_first_page,
            width=300,
            label_visibility="collapsed",
        )
    chosen = st.session_state.get("history_alert", "") if len(statuses) > 1 else ""
    request = manage.AlertHistoryRequest(name=chosen, limit=MOST_MOMENTS)
    found = manage.history(desk.service, request)
    if not st.session_state.get("history_moment"):  # what is on the page stays where it is
        st.session_state.alerts_moments = sum(status.moments for status in statuses)
    else:
        hidden = sum(status.moments for status in statuses) - st.session_state.get("alerts_moments", 0)
        found = found[max(0, hidden) if not chosen else 0 :]
    if not found:
        st.html(
            notices.remark("Nothing yet.", "Alerts report what comes into the index after they are made.")
        )
        return
    numbers = Counter(_states(entry) for entry in found)
    st.session_state.setdefault("history_filter", "All")
    wanted = tools.segmented_control(
        "Which",
        _FILTERS,
        key="history_filter",
        required=True,
        format_func=lambda name: f"{name} {len(found) if name == 'All' else numbers[name]:,}",
        label_visibility="collapsed",
        on_change=_first_page,
    )
    listed = [entry for entry in found if wanted in ("All", _states(entry))]
    if not listed:
        st.html(notices.remark(f"Nothing {(wanted or '').lower()} here."))
        return
    _entries(desk, listed, since)


def _states(entry: AlertHistoryEntry) -> str:
    """The filter that an entry belongs to, besides "All"; empty where it was not to be sent."""
    states = {delivery.state for delivery in entry.deliveries}
    if "failed" in states:
        return "Failed"
    if "pending" in states:
        return "Waiting"
    return "Delivered" if "delivered" in states else ""


def _entries(desk: Desk, listed: Sequence[AlertHistoryEntry], since: float) -> None:
    shortcuts.show([shortcuts.Shortcut(*key) for key in _KEYS])  # first: no key waits for the player
    left, right = layout.halves()
    with left:
        shown = pages.paged(len(listed), ITEMS, key=_page_key())
        page = [listed[number] for number in shown]
        clicked = st.session_state.get("history_moment")
        chosen = next((entry for entry in page if entry.moment.id == clicked), page[0])
        for number, entry in enumerate(page):
            with st.container(key=f"card_{number}"):
                new = since > 0 and entry.moment.recorded_at > since
                st.html(_card(desk, entry, chosen=entry is chosen, new=new))
                st.button(
                    f"Show moment {number + 1}",
                    key=f"moment_{number}",
                    on_click=_choose,
                    args=(entry.moment.id,),
                )
    with right:
        _turns(listed, listed.index(chosen), read_moment(chosen.moment.starts_at))
        with st.container(key="stage"):
            videos = browse.videos(desk.service, {chosen.moment.content_id} - {""})
            _play(desk, chosen, videos.get(chosen.moment.content_id))


def _turns(listed: Sequence[AlertHistoryEntry], place: int, moment: datetime | None) -> None:
    """The buttons to the moments before and after, and to all cameras."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="alerts_turn")
    for label, icon, step in (("Previous", "arrow_back", -1), ("Next", "arrow_forward", 1)):
        to = (place + step) % len(listed)
        row.button(
            label,
            icon=f":material/{icon}:",
            key=f"alerts_{label.lower()}",
            type="tertiary",
            on_click=_turn_to,
            args=(listed[to].moment.id, to, len(listed)),
        )
    row.html(f'<p class="fx-sub fx-place">{place + 1:,} of {len(listed):,}</p>')
    wall_link.button(row, moment, key="alerts_cameras")


def _card(desk: Desk, entry: AlertHistoryEntry, *, chosen: bool, new: bool) -> str:
    moment, picture = entry.moment, ""
    if moment.content_id:
        path = browse.path_of(desk.service, moment.content_id)
        picture = picture_address(
            moment.content_id, moment.span.middle_seconds, browse.file_at(desk.service, path)
        )
    sinks = {sink.key: shown_name(sink) for sink in entry.alert.sinks}
    return review_cards.alert_moment(
        moment,
        entry.alert.name,
        picture=picture,
        chosen=chosen,
        new=new,
        deliveries=[_delivery(each, sinks.get(each.sink_key, "a removed sink")) for each in entry.deliveries],
    )


def _delivery(delivery: Delivery, name: str) -> review_cards.DeliveryLine:
    """What became of a delivery, in words."""
    why, detail = delivery.last_error, ""
    if delivery.state == "delivered":
        why, detail = "", dates.moment(delivery.delivered_at)
    elif delivery.state == "pending" and delivery.attempts:
        detail = f"attempt {delivery.attempts + 1} at {dates.clock(delivery.next_attempt_at)}"
    return review_cards.DeliveryLine(
        name, delivery.state, _WORDS.get(delivery.state, delivery.state), detail, why
    )


def _play(desk: Desk, entry: AlertHistoryEntry, video: Video | None) -> None:
    moment = entry.moment
    if not moment.content_id:
        st.html(f'<div class="fx-playing"><h2>{markup.text(moment.text)}</h2></div>')
        st.html("".join(f'<p class="fx-sub">{markup.text(line)}</p>' for line in moment.evidence))
        return
    if video is None:
        st.html(notices.remark("This video is no longer in the index.", "The history is kept."))
        return
    end = min(moment.span.end_seconds, video.duration_seconds)
    pages.play(
        desk,
        video,
        browse.path_of(desk.service, moment.content_id),
        Span(min(moment.span.start_seconds, end), end),
        text=moment.text or entry.alert.query,
        matches=[moment.span],
        autoplay=st.session_state.get("history_clicked", False),
    )
    st.html("".join(f'<p class="fx-sub">{markup.text(line)}</p>' for line in moment.evidence))


def _choose(name: str) -> None:
    st.session_state.history_moment, st.session_state.history_clicked = name, True


def _turn_to(name: str, place: int, total: int) -> None:
    _choose(name)
    pages.turn_to(place, total, ITEMS, key=_page_key())


def _page_key() -> str:
    return f"history_page_{st.session_state.get('history_round', 0)}"


def _first_page() -> None:
    st.session_state.history_round = st.session_state.get("history_round", 0) + 1
    st.session_state.history_moment = None
