"""The table of known models: where each comes from, what it is fed, under which terms; loads nothing."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from footage.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One known model. The budget fields are part of its training contract: change none of them for speed."""

    name: str
    """Name on the command line."""
    repository: str
    """Repository on the model hub; empty for a model that exists as a local folder only."""
    revision: str | None
    """Commit to fetch. None: what the hub calls main; the commit it was goes into the provenance."""
    licence: str
    """Licence of the weights, as SPDX spells it."""
    gated: bool = False
    """True when the hub asks for an accepted form and a token."""
    family: str = "qwen35"
    """Module of ``footage.vlm`` that runs it."""
    folder: Path | None = None
    """Where the weights lie when they come with the project, otherwise None."""
    fps: float = 2.0
    """Frames sampled per second of video."""
    min_frames: int = 4
    """Fewest frames sampled from a window; even."""
    max_frames: int = 240
    """Most frames sampled from a window; even."""
    pixels_per_frame: int = 200_704
    """Upper bound of a frame's area, in pixels."""
    window_seconds: float = 30.0
    """Length of the windows a video is cut into."""
    overlap_seconds: float = 5.0
    """What neighbouring windows share."""
    caption_tokens: int = 2048
    """Cap on a caption's length, in tokens."""
    find_tokens: int = 64
    """Cap on a find answer's length, in tokens."""
    ask_tokens: int = 512
    """Cap on the answer to a free question, in tokens."""
    notice: str = ""
    """One sentence to show once when the model is loaded; empty for none."""

    def __post_init__(self) -> None:
        if self.min_frames % 2 or self.max_frames % 2 or not 2 <= self.min_frames <= self.max_frames:
            raise ValueError(
                f"frames must be even and 2 <= min <= max, got {self.min_frames}..{self.max_frames}"
            )
        if not 0 <= self.overlap_seconds < self.window_seconds:
            raise ValueError(
                f"the overlap must be at least 0 s and shorter than the window ({self.window_seconds} s), "
                f"got {self.overlap_seconds} s"
            )


MARLIN_2B = Profile(
    name="marlin-2b",
    repository="NemoStation/Marlin-2B",
    revision="fd111fca4fc7897876fb0d7e9df22ca5ac8ab965",
    licence="Apache-2.0",
    gated=True,
)
"""The model the contract was written for; its card serves 200,704 pixels a frame, 2 fps, 4 to 240 frames."""

VIDEO_SCAN = Profile(
    name="video-scan",
    repository="cudabenchmarktest/video-scan",
    revision=None,
    licence="BUSL-1.1",
    notice=(
        "video-scan is licensed under the Business Source License 1.1, which restricts production use: "
        "read the licence on its model page before you rely on it."
    ),
)
"""Not pinned: no commit of it has been verified here. Give one with ``revision`` to pin it."""

DEMO = Profile(
    name="demo",
    repository="",
    revision=None,
    licence="Apache-2.0",
    folder=Path(__file__).resolve().parents[2] / "data" / "demo-model",
    pixels_per_frame=96 * 64,
    window_seconds=16.0,
    overlap_seconds=4.0,
    caption_tokens=320,
    find_tokens=32,
    ask_tokens=64,
)
"""The small model that comes with the project; it knows what ``footage.synthetic`` draws, no more."""

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (MARLIN_2B, VIDEO_SCAN, DEMO)}
"""Known models by name."""


def get_profile(name: str) -> Profile:
    """Looks a model up by its name or its repository, ignoring case.

    Raises:
        UsageError: when there is none; names the known ones and the nearest.
    """
    wanted = name.strip().casefold()
    for profile in PROFILES.values():
        if wanted and wanted in (profile.name.casefold(), profile.repository.casefold()):
            return profile
    near = difflib.get_close_matches(wanted, PROFILES, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"there is no model called {name!r}; known are {', '.join(PROFILES)}",
        hint=f"{guess}A folder that holds a model works as well: give its path.",
    )
