"""What a person asks for, by words, by a moment or by a picture, kept in the session and the page's address.

Draws nothing and searches nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from search.pages import Grouping
from service.picture_search import PictureSource
from service.search import SearchMode
from ui.web.components import region
from ui.web.components.region import Box

Listing = Literal[Grouping, "scene"]
"""What is listed of answers that are alike."""
LIKE = "like"
"""Key in the page's address: the moment for a search of similar moments."""
PICTURE, BOX = "picture", "box"
"""Keys in the page's address: the moment whose picture is searched by, and the part of it that counts."""


@dataclass(frozen=True, slots=True)
class Question:
    """The current question; equal questions have equal answers until the index is written to."""

    text: str
    """The query as typed; empty when something like a moment is asked for, or nothing."""
    like: str = ""
    """Instead of a query: "VIDEO@TIME", a moment to find similar ones of."""
    exact: bool = True
    """Whether the model is to look."""
    mode: SearchMode = "hybrid"
    """By what the index's texts are ordered."""
    group: Listing = field(default="none", compare=False)
    """What is listed of answers that are alike."""
    exhaustive: bool = False
    """Whether the model is to look everywhere that the filters leave."""
    budget_seconds: float | None = None
    """How long it may look; without bound when None."""
    picture: PictureSource | None = None
    """A picture to search by; the query then says what must be seen, too."""
    picture_name: str = field(default="", compare=False)
    """What people call the picture."""
    without: tuple[PictureSource, ...] = ()
    """Pictures that answers must not look like."""

    def __bool__(self) -> bool:
        return bool(self.text or self.like or self.picture)

    @property
    def title(self) -> str:
        """What is asked for, in a few words."""
        if self.picture is None:
            return self.text
        looks = f"looks like {self.picture_name}"
        return f"{self.text}, {looks}" if self.text else looks

    @property
    def alike(self) -> str:
        """What answers are to be like, for telling questions apart; empty for words alone."""
        if self.picture is None:
            return self.like
        given = self.picture.moment or hashlib.sha256(self.picture.data or b"").hexdigest()
        return f"{given} {region.spelled(self.picture.box)}" if self.picture.box else given


def asked() -> bool:
    """Whether there is a question: when the page is opened, the address gives it."""
    state, given = st.session_state, st.query_params
    if "asked" not in state:
        state.asked = state.typed = given.get("q", "").strip()
        state.picture, state.without = None, ()
        if moment := given.get(PICTURE, ""):
            state.picture = PictureSource(moment=moment, box=region.parsed(given.get(BOX, "")))
        state.like = "" if state.asked or state.picture else given.get(LIKE, "")
    return bool(state.asked or state.like or state.picture)


def ask(query: str | None = None) -> None:
    """Make this, or the typed text, the question; the page's address keeps it, for bookmarks."""
    state = st.session_state
    state.typed = state.asked = (state.typed if query is None else query).strip()
    state.like = ""
    _begin_anew()


def ask_like(moment: str) -> None:
    """Ask for moments like one of a video, "VIDEO@TIME"."""
    st.session_state.typed = st.session_state.asked = ""
    st.session_state.like = moment
    st.session_state.picture, st.session_state.without = None, ()
    _begin_anew()


def ask_picture(picture: PictureSource | None, name: str = "") -> None:
    """Ask by another picture, without words so far; None ends that.

    Args:
        picture: The picture.
        name: What people call it; of a moment, its video and time when empty.
    """
    state = st.session_state
    state.typed = state.asked = state.like = ""
    state.picture, state.picture_name, state.without = picture, name, ()
    _begin_anew()


def ask_moment(path: str, seconds: float, box: Box | None = None) -> None:
    """Ask by the picture of a video at a moment, or by a part of it."""
    ask_picture(PictureSource(moment=exact_moment(path, seconds), box=box))


def exclude_moment(path: str, seconds: float) -> None:
    """Leave out what looks like a moment of a video."""
    state = st.session_state
    state.without = (*state.without, PictureSource(moment=exact_moment(path, seconds)))
    state.answered = None


def exact_moment(path: str, seconds: float) -> str:
    """VIDEO@TIME down to the millisecond: a tenth of a second holds several pictures."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{path}@{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds:03d}"


def draw_box(box: Box | None) -> None:
    """Ask by another part of the same picture; by all of it when None."""
    state = st.session_state
    state.picture = state.picture.model_copy(update={"box": box})
    _begin_anew()


def remove_picture() -> None:
    """Ask without the picture; the words, if there are any, are asked as before."""
    state = st.session_state
    state.picture, state.without = None, ()
    _begin_anew()


def allow(number: int) -> None:
    """No longer leave out what looks like one of the pictures."""
    state = st.session_state
    state.without = (*state.without[:number], *state.without[number + 1 :])
    _begin_anew()


def address() -> dict[str, str]:
    """The current question as parameters of the page's address; a picture that was given has none."""
    state = st.session_state
    moment = state.picture.moment if state.picture else ""
    box = region.spelled(state.picture.box) if moment and state.picture.box else ""
    wanted = {"q": state.asked, LIKE: state.like, PICTURE: moment, BOX: box}
    return {name: value for name, value in wanted.items() if value}


def _begin_anew() -> None:
    st.session_state.answered = None
    parameters, wanted = st.query_params, address()
    for name in ("q", LIKE, PICTURE, BOX):
        if name in wanted:
            parameters[name] = wanted[name]
        elif name in parameters:
            del parameters[name]
