"""Puts the filters of a query below the search box: as chips, in a panel with pickers, as suggestions.

The text in the search box is the only place where a query is kept. What is picked is written into it by the
browser; what is typed changes the chips. The browser reads filters in a simple way for that, and the server's
parser decides what they mean when the query is asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import streamlit as st

_HERE = Path(__file__).parent
_SCRIPTS = ("terms.js", "completions.js", "combobox.js", "panel.js", "bar.js")
_KEY = "query_bar"
_LONGEST_PREFIX = 200

MoreValues = Callable[[str, str], Sequence[str]]
"""Gives the values of a filter, by its name, that contain a text."""
FieldKind = Literal["names", "track", "day", "hours", "length", "words"]


@dataclass(frozen=True, slots=True)
class FilterField:
    """One filter, and what can be chosen for it."""

    name: str
    """As it is typed before the colon."""
    label: str
    """What people call it."""
    kind: FieldKind
    """What its values are."""
    explained: str
    """What it does, in a few words."""
    values: tuple[str, ...] = ()
    """Values to offer."""
    more: bool = False
    """Whether there are more values than these: those that contain what is typed are then asked for."""


@dataclass(frozen=True, slots=True)
class BarData:
    """What the bar shows."""

    asked: str
    """The query that was asked."""
    fields: tuple[FilterField, ...]
    """The filters, in the order in which they are offered."""
    tracks: tuple[str, ...] = ()
    """Values of the filter of tracks that the index has."""
    days: tuple[str, str] = ("", "")
    """First and last day with footage, ISO 8601; empty where no time of recording is known."""
    parts: tuple[str, ...] = ()
    """Texts of the events that the query names; none for a single one."""
    relation: str = ""
    """Their relation, as typed in capitals."""
    notes: tuple[str, ...] = ()
    """What else was read of the query, such as "no cars"."""
    unread: tuple[str, ...] = ()
    """Terms that look like filters and are searched as words."""
    recent: tuple[str, ...] = ()
    """Queries asked lately."""
    saved: tuple[tuple[str, str], ...] = field(default=())
    """Saved searches: name and query."""


def show(data: BarData, *, box: str, more_values: MoreValues) -> None:
    """Draw the bar for a search box.

    Args:
        data: What it shows.
        box: Streamlit key of the text input.
        more_values: Looks up values of filters that have ``more``.
    """
    st.fragment(_bar)(data, box, more_values)


def _bar(data: BarData, box: str, more_values: MoreValues) -> None:
    state = st.session_state

    def wanted() -> None:
        sent = state.get(_KEY)
        asked = sent.get("wanted") if isinstance(sent, dict) else None
        known = {each.name for each in data.fields if each.more}
        if isinstance(asked, dict) and asked.get("name") in known:
            text = str(asked.get("text", ""))[:_LONGEST_PREFIX]
            found = list(more_values(asked["name"], text))
            state.query_bar_found = {"name": asked["name"], "text": text, "values": found}

    _component()(
        key=_KEY,
        data={**asdict(data), "box": box, "found": state.get("query_bar_found")},
        on_wanted_change=wanted,
    )


@functools.cache
def _component() -> Any:
    """The browser's part, registered once; in the page itself, as the search box names its list by id."""
    return st.components.v2.component(
        "footage_query_bar",
        html=(_HERE / "bar.html").read_text("utf-8"),
        css=(_HERE / "bar.css").read_text("utf-8"),
        js="\n".join((_HERE / script).read_text("utf-8") for script in _SCRIPTS),
        isolate_styles=False,
    )
