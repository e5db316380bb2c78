"""The bell of a saved search: a form that makes an alert of it; matches and sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from service.alerts import from_app, manage
from service.alerts.sinks import desktop_is_possible, shown_name
from ui.text import plain
from ui.web.access.visitor import editing
from ui.web.components import markup, pages
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from service.saved import Search

_DESKTOP = "desktop"
_VERDICTS = {
    "found": "Only what the model finds",
    "uncertain": "What the model is not sure of, too",
    "not checked": "Everything similar, without the model",
}


def button(desk: Desk, tools: DeltaGenerator, search: Search) -> None:
    """Draw the bell of a saved search; it shows whether the search has an alert that is on."""
    rings = [
        status.alert
        for status in manage.statuses(desk.service)
        if status.alert.search_id == search.id and status.alert.enabled
    ]
    icon = "notifications_active" if rings else "notifications"
    with tools.popover("Alert", icon=f":material/{icon}:", help="Report new moments by themselves"):
        if rings:
            names = ", ".join(markup.label(alert.name) for alert in rings)
            st.caption(f"Alerts of this search: {names}")
        _form(desk, search)


def _form(desk: Desk, search: Search) -> None:
    known = from_app.known_sinks(desk.service)
    places = {key: shown_name(config) for key, config in known.items() if config.kind != "desktop"}
    if desktop_is_possible():
        places[_DESKTOP] = "Desktop of the machine that runs footage"
    with st.form(f"bell_{search.id}", border=False):
        st.text_input(
            "Name", key="bell_name", placeholder=plain(search.name), max_chars=manage.MOST_CHARACTERS
        )
        if places:
            st.multiselect(
                "Send to",
                list(places),
                key="bell_places",
                format_func=lambda key: plain(places.get(key, "")),
                placeholder="Nowhere: only the history",
            )
        st.text_input(
            "New webhook",
            key="bell_webhook",
            placeholder="https://hooks.example.org/footage",
            max_chars=1000,
            help="Gets each moment as JSON with a picture. Other ways: `footage alerts add`.",
        )
        st.selectbox("Report", list(_VERDICTS), key="bell_verdict", format_func=_VERDICTS.__getitem__)
        left, right = st.columns(2)
        left.text_input("Quiet hours", key="bell_quiet", placeholder="22:00-06:30", max_chars=20)
        right.number_input(
            "Minutes between two",
            key="bell_cool_down",
            min_value=0,
            max_value=1440,
            value=0,
            help="For each camera. Nearer moments are only in the history.",
        )
        st.form_submit_button("Make alert", type="primary", on_click=_make, args=(desk, search))


@pages.acting
def _make(desk: Desk, search: Search) -> str:
    state = st.session_state
    places = list(state.get("bell_places", []))
    request = from_app.BellRequest(
        search=search.name,
        name=state.bell_name,
        sink_keys=tuple(key for key in places if key != _DESKTOP),
        webhook=state.bell_webhook,
        desktop=_DESKTOP in places,
        least_verdict=state.bell_verdict,
        quiet_hours=state.bell_quiet,
        cool_down_seconds=60.0 * state.bell_cool_down,
    )
    with editing(desk.settings, "add alert", search=search.id):
        alert = from_app.ring(desk.service, request)
    for name in ("bell_name", "bell_webhook", "bell_quiet"):
        state[name] = ""
    state.bell_places, state.bell_cool_down = [], 0
    return f"Alert {markup.label(alert.name)} is on"
