"""Whether the pictures of a stretch show what a still picture shows, patch by patch; knows no captions.

A fixed camera shows the same for hours. A mean over the whole picture would not see a person far away, so
each small patch counts by itself: one changed patch in one frame is a change. What must not count is what
cameras and codecs do: noise (averaged away inside a patch), pulses of compression (below the threshold), and
slow changes of light or exposure (one gain for the whole picture is divided out, within bounds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PATCHES = 60
"""Patches along the longer side: 32 pixels each of a picture of 1,920, 8 of one of 480. With 80 the noise of
real, empty roads rises from 5 to 7 levels; with 40 a person far away fills less of a patch."""
THRESHOLD = 6.0
"""Levels of 255 by which the mean of a patch has to deviate to count as changed, in brightness or in one of
the two differences of colour (in which codecs are coarse: red, green and blue are twice as noisy). Of 80
drawn stretches at crf 23 to 30, with grain of 1 to 3 levels and up to 6 % less light, 18 % have such a patch
by mistake, which costs a caption; of as many with a person of 5 % of the picture's height all, of 3.5 %,
98 %."""
EDGE_SHARE = 0.05
"""What is added to the threshold of brightness at edges, as a share of the range of the patch and its eight
neighbours: with each keyframe an edge moves by a twentieth of a patch or less. Without it a lamp post against
the sky, drawn and encoded at crf 24, makes 77 % of the stretches at which nothing happens look changed."""
LARGEST_GAIN = 1.12
"""Largest factor of exposure that is taken for a change of light; a larger one changes every patch."""
_BRIGHTNESS = (0.299, 0.587, 0.114)  # BT.601, as are the two differences below
_DARK = 8.0  # levels added to both sides of a ratio, so that black patches have one


@dataclass(frozen=True)
class StillPicture:
    """What a stretch shows all the time. Make it with ``still_picture``."""

    levels: np.ndarray
    """Mean colour of each patch, float32 (rows, columns, 3), 0 to 255."""


def patch_levels(frames: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Mean colours of the patches of some frames of one size.

    Args:
        frames: uint8 RGB, (count, height, width, 3) or a list of (height, width, 3).

    Returns:
        float32 (count, rows, columns, 3); patches are square but for rounding, ``PATCHES`` along the longer
        side, or one a pixel where there are fewer pixels.
    """
    import numpy as np
    from PIL import Image

    grids = []
    for frame in frames:
        height, width = frame.shape[:2]
        size = min(1.0, PATCHES / max(height, width))
        columns, rows = max(1, round(width * size)), max(1, round(height * size))
        small = Image.fromarray(np.ascontiguousarray(frame)).resize((columns, rows), Image.Resampling.BOX)
        grids.append(np.asarray(small, dtype=np.float32))
    return np.stack(grids) if grids else np.zeros((0, 0, 0, 3), np.float32)


def still_picture(levels: np.ndarray, *, threshold: float = THRESHOLD) -> StillPicture | None:
    """What the frames of a stretch show, or None where something changes from one to another.

    Args:
        levels: Of ``patch_levels``, (count, rows, columns, 3), at least one frame.
        threshold: See THRESHOLD.
    """
    import numpy as np

    picture = StillPicture(np.median(levels, axis=0))
    return None if changed_patches(picture, levels, threshold=threshold).any() else picture


def changed_patches(picture: StillPicture, levels: np.ndarray, *, threshold: float = THRESHOLD) -> np.ndarray:
    """Which patches of which frames deviate from a still picture.

    Always compare with the picture of the stretch that was captioned, not with the stretch before: what
    changes slowly then adds up, and is seen.

    Args:
        picture: What was captioned.
        levels: Of ``patch_levels``, (count, rows, columns, 3).
        threshold: See THRESHOLD.

    Returns:
        bool (count, rows, columns); all True where the frames are of another size.
    """
    import numpy as np

    if not len(levels) or levels.shape[1:] != picture.levels.shape:
        return np.ones(levels.shape[:3], bool)
    ratios = (levels + _DARK) / (picture.levels + _DARK)
    gains = np.median(ratios, axis=(1, 2), keepdims=True)
    gains = np.clip(gains, 1 / LARGEST_GAIN, LARGEST_GAIN)
    expected = (picture.levels + _DARK) * gains - _DARK
    off = levels - np.clip(expected, 0, 255)
    weights = np.array(_BRIGHTNESS, np.float32)
    brightness = off @ weights
    blue, red = 0.564 * (off[..., 2] - brightness), 0.713 * (off[..., 0] - brightness)
    edges = EDGE_SHARE * _local_range(picture.levels @ weights)
    result: np.ndarray = (abs(brightness) > threshold + edges) | (np.maximum(abs(blue), abs(red)) > threshold)
    return result


def _local_range(levels: np.ndarray) -> np.ndarray:
    """The highest less the lowest of each value and its eight neighbours, (rows, columns)."""
    import numpy as np

    padded = np.pad(levels, 1, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    result: np.ndarray = near.max(axis=(2, 3)) - near.min(axis=(2, 3))
    return result


def is_same(picture: StillPicture, levels: np.ndarray, *, threshold: float = THRESHOLD) -> bool:
    """Whether no patch of any frame deviates from a still picture; True for no frames."""
    return not changed_patches(picture, levels, threshold=threshold).any()
