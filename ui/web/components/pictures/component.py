"""Puts on a page what takes a picture and what shows it with its box; searches nothing.

A picture comes through the page's own connection, in one message: the app has no address to upload to
(``ui.web.access.gate``). The browser gets back what was decoded of it, never the bytes that were sent.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from footage.core.errors import FootageError
from ui.web.components.addresses import address_of
from ui.web.components.pictures.uploads import MOST_BYTES, Upload, read_upload
from ui.web.components.region import Box, read_box

_HERE = Path(__file__).parent
_PANEL_SCRIPTS = ("../player/clock.js", "../region.js", "panel.js")
_PANEL_STYLES = ("panel.css", "../region.css")
_PICKER, _PANEL = "picture_picker", "picture_panel"


@dataclass(frozen=True, slots=True)
class PanelPicture:
    """A picture as it is shown."""

    name: str
    """What people call it."""
    jpeg: bytes
    """The picture, upright; empty where it cannot be had any more."""
    width: int
    """Its width in pixels."""
    height: int
    """Its height in pixels."""


def picker(
    take: Callable[[Upload], None], refuse: Callable[[FootageError], None], *, why_not: str, label: str
) -> None:
    """Draw the button that takes a picture; while it is there, the page takes dropped and pasted ones, too.

    Args:
        take: Called with a file that was given.
        refuse: Called with why it cannot be taken.
        why_not: Why no picture can be searched by; empty where one can.
        label: What the button says.
    """

    def picked() -> None:
        try:
            take(read_upload(_sent(_PICKER, "picked")))
        except FootageError as error:
            refuse(error)

    _component("picker", ("picker.js",), ("picker.css",))(
        key=_PICKER,
        data={"enabled": not why_not, "why": why_not, "most": MOST_BYTES, "label": label},
        width="content",
        on_picked_change=picked,
    )


def panel(
    shown: PanelPicture,
    box: Box | None,
    without: Sequence[PanelPicture],
    *,
    draw_box: Callable[[Box | None], None],
    remove: Callable[[], None],
    allow: Callable[[int], None],
) -> None:
    """Draw the picture that is searched by.

    Args:
        shown: The picture.
        box: The part of it that counts; all of it when None.
        without: Pictures that answers must not look like.
        draw_box: Called with another box, or None.
        remove: Called when the picture is to go.
        allow: Called with the number of a picture of ``without`` that is to go.
    """
    of = hashlib.blake2b(shown.name.encode("utf-8", "replace") + shown.jpeg, digest_size=8).hexdigest()

    def asked() -> None:
        sent = _sent(_PANEL, "asked")
        if not isinstance(sent, dict) or sent.get("of") != of:
            return
        action, number = sent.get("action"), sent.get("number")
        if action == "box":
            draw_box(read_box(sent.get("box")))
        elif action == "remove":
            remove()
        elif action == "allow" and type(number) is int and 0 <= number < len(without):
            allow(number)

    _component("panel", _PANEL_SCRIPTS, _PANEL_STYLES)(
        key=_PANEL,
        data={
            "of": of,
            "url": _address(shown, "picture"),
            "size": [shown.width, shown.height],
            "name": shown.name,
            "box": list(box) if box else None,
            "without": [
                {"url": _address(each, f"without {number}"), "name": each.name}
                for number, each in enumerate(without)
            ],
        },
        on_asked_change=asked,
    )


def _address(shown: PanelPicture, place: str) -> str | None:
    return address_of(shown.jpeg, "image/jpeg", place) if shown.jpeg else None


def _sent(key: str, name: str) -> object:
    """What the browser sent under a name in this run."""
    state = st.session_state.get(key)
    return state.get(name) if isinstance(state, dict) else None


@functools.cache
def _component(name: str, scripts: tuple[str, ...], styles: tuple[str, ...]) -> Any:
    """One of the browser's parts, registered once."""
    return st.components.v2.component(
        f"footage_picture_{name}",
        html=(_HERE / f"{name}.html").read_text("utf-8"),
        css="\n".join((_HERE / style).read_text("utf-8") for style in styles),
        js="\n".join((_HERE / script).read_text("utf-8") for script in scripts),
    )
