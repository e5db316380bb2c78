"""Makes links of a page (class ``fx-open``) open within the app; keeps the place in a list; draws nothing.

A link has a real address, so that it can be opened in another tab, copied or shared. What the browser sends
is not trusted: it names parts of an address, and the page decides what they mean.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

ADDRESS_PARTS = ("video", "start", "end", "event")
"""Parts of an address that a link may have."""
_LONGEST = 400
_HERE = Path(__file__).parent


def show(*, place: str, on_open: Callable[[], None], key: str = "links") -> None:
    """Listen to the links of a page; each place keeps how far it was scrolled until it is left for good.

    Args:
        place: Names the page, such as "library".
        on_open: Called when a link was pressed; ``opened`` says which.
        key: Names the widget.
    """
    _component()(key=key, data={"place": place}, height=1, on_opened_change=on_open)


def opened(key: str = "links") -> dict[str, str]:
    """The parts of the address of the link that was pressed; empty where it has none of ``ADDRESS_PARTS``."""
    sent = st.session_state.get(key)
    address_there = sent.get("opened") if isinstance(sent, Mapping) else None
    if not isinstance(address_there, str) or len(address_there) > _LONGEST:
        return {}
    return {name: value for name, value in parse_qsl(address_there) if name in ADDRESS_PARTS}


def address(**parts: str | float) -> str:
    """The address of a link, from parts; empty ones are left out."""
    return "?" + urlencode({name: value for name, value in parts.items() if value != ""})


@functools.cache
def _component() -> Any:
    return st.components.v2.component(
        "footage_links",
        html="<span></span>",
        js=(_HERE / "links.js").read_text("utf-8"),
    )
