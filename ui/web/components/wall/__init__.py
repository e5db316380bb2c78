"""The camera wall: every camera of a day on one clock, played in step; knows no page."""

from ui.web.components.wall.component import show
from ui.web.components.wall.day import Day, Happening, encoded
from ui.web.components.wall.messages import WallWish, read_asked, read_day, read_moment

__all__ = [
    "Day",
    "Happening",
    "WallWish",
    "encoded",
    "read_asked",
    "read_day",
    "read_moment",
    "show",
]
