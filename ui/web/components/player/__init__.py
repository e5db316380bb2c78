"""The player: a segment of a video around a span, in and out points, and a timeline of the whole video."""

from ui.web.components.player.component import StageState, show
from ui.web.components.player.lanes import LaneMark
from ui.web.components.player.moments import FollowedObject, Upcoming, followed
from ui.web.components.player.words import VideoWords

__all__ = ["FollowedObject", "LaneMark", "StageState", "Upcoming", "VideoWords", "followed", "show"]
