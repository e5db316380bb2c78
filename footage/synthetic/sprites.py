"""Draws the moving things of synthetic footage as small cached pictures; knows nothing of clips or time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
U8 = NDArray[np.uint8]

COLOURS: dict[str, Colour] = {
    "red": (216, 30, 36),
    "green": (18, 172, 62),
    "blue": (28, 84, 232),
    "yellow": (255, 212, 24),
    "white": (246, 246, 248),
    "purple": (164, 44, 204),
}
"""The six colours, as sRGB: far apart from each other and from every backdrop, by day and at dusk."""

DUSK: tuple[float, float, float] = (0.88, 0.82, 0.92)
"""What dusk multiplies a thing's colour by."""

POSES: dict[str, int] = {"car": 4, "person": 8, "dog": 8, "jumper": 3, "ball": 2, "box": 1, "light": 2}
"""How many drawings each thing has (a cycle for what walks, runs or rolls)."""

_OVERSAMPLE = 3
_OUTLINE: Colour = (26, 26, 38)
_SKIN: Colour = (236, 188, 152)


@dataclass(frozen=True)
class Sprite:
    """A picture ready to be laid over a frame."""

    premultiplied: U8
    """Colour times opacity, (height, width, 3)."""
    keep: U8
    """How much of the frame stays, 0 to 255, (height, width, 3)."""
    anchor_x: int
    """Column of the point that stands on the ground, pixels."""
    anchor_y: int
    """Row of the point that stands on the ground, pixels."""


def mix(a: Sequence[float], b: Sequence[float], share: float) -> Colour:
    """The colour that lies `share` of the way from a to b."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (red, green, blue)


def darker(colour: Colour, factor: float) -> Colour:
    """The colour with less light on it."""
    return mix((0, 0, 0), colour, factor)


def lighter(colour: Colour, share: float) -> Colour:
    """The colour moved towards white."""
    return mix(colour, (255, 255, 255), share)


class Brush:
    """Draws anti-aliased shapes in design units (a frame is 480 x 320 of them) on a transparent canvas."""

    def __init__(self, width: float, height: float, *, scale: float, oversample: int = _OVERSAMPLE) -> None:
        """Open a canvas of width x height design units, each `scale` pixels."""
        self.final = (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale)))
        self.oversample = oversample
        self.unit = scale * oversample
        self.image = Image.new("RGBA", (self.final[0] * oversample, self.final[1] * oversample), (0, 0, 0, 0))

    def _paint(
        self, bounds: tuple[float, float, float, float], mask_of: object, top: Colour, bottom: Colour
    ) -> None:
        """Fill a shape's mask with a gradient from top to bottom."""
        left, upper = max(0, math.floor(bounds[0]) - 2), max(0, math.floor(bounds[1]) - 2)
        right = min(self.image.width, math.ceil(bounds[2]) + 3)
        lower = min(self.image.height, math.ceil(bounds[3]) + 3)
        if right <= left or lower <= upper:
            return
        mask = Image.new("L", (right - left, lower - upper), 0)
        mask_of(ImageDraw.Draw(mask), left, upper)  # type: ignore[operator]
        share = np.linspace(0.0, 1.0, lower - upper)[:, None]
        column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
        fill = Image.fromarray(column.astype(np.uint8)[:, None, :]).resize(mask.size).convert("RGBA")
        self.image.paste(fill, (left, upper), mask)

    def polygon(self, points: Sequence[Point], top: Colour, bottom: Colour | None = None) -> None:
        """A filled polygon."""
        at = [(x * self.unit, y * self.unit) for x, y in points]
        if bottom is None:
            ImageDraw.Draw(self.image).polygon(at, fill=(*top, 255))
            return
        xs, ys = [x for x, _ in at], [y for _, y in at]

        def mask(draw: ImageDraw.ImageDraw, left: int, upper: int) -> None:
            draw.polygon([(x - left, y - upper) for x, y in at], fill=255)

        self._paint((min(xs), min(ys), max(xs), max(ys)), mask, top, bottom)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, top: Colour, bottom: Colour | None = None
    ) -> None:
        """A filled ellipse about (x, y)."""
        k = self.unit
        box = ((x - rx) * k, (y - ry) * k, (x + rx) * k, (y + ry) * k)
        if bottom is None:
            ImageDraw.Draw(self.image).ellipse(box, fill=(*top, 255))
            return

        def mask(draw: ImageDraw.ImageDraw, left: int, upper: int) -> None:
            draw.ellipse((box[0] - left, box[1] - upper, box[2] - left, box[3] - upper), fill=255)

        self._paint(box, mask, top, bottom)

    def block(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        top: Colour,
        bottom: Colour | None = None,
        radius: float = 0.0,
    ) -> None:
        """A filled rectangle, its corners rounded by radius."""
        k = self.unit
        box = (x0 * k, y0 * k, x1 * k - 1, y1 * k - 1)
        if box[2] < box[0] or box[3] < box[1]:
            return
        if bottom is None:
            ImageDraw.Draw(self.image).rounded_rectangle(box, radius * k, fill=(*top, 255))
            return

        def mask(draw: ImageDraw.ImageDraw, left: int, upper: int) -> None:
            draw.rounded_rectangle(
                (box[0] - left, box[1] - upper, box[2] - left, box[3] - upper), radius * k, fill=255
            )

        self._paint(box, mask, top, bottom)

    def limb(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A thick line with round joints and ends."""
        k, draw = self.unit, ImageDraw.Draw(self.image)
        at = [(x * k, y * k) for x, y in points]
        draw.line(at, fill=(*colour, 255), width=max(1, round(width * k)))
        r = width * k / 2
        for x, y in at:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(*colour, 255))

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """A soft disc of light, fading to nothing at radius; strength 0 to 1."""
        r = max(1, round(radius * self.unit))
        axis = np.arange(-r, r + 1) / r
        fade = np.clip(1 - np.hypot(axis[:, None], axis[None, :]), 0, 1) ** 2
        disc = np.empty((2 * r + 1, 2 * r + 1, 4), np.uint8)
        disc[..., :3] = colour
        disc[..., 3] = (fade * 255 * strength).astype(np.uint8)
        self.stamp(Image.fromarray(disc), round(x * self.unit) - r, round(y * self.unit) - r)

    def stamp(self, picture: Image.Image, left: int, upper: int) -> None:
        """Lay an RGBA picture over the canvas, its corner at these canvas pixels; it may stick out."""
        x0, y0 = max(0, left), max(0, upper)
        x1, y1 = min(self.image.width, left + picture.width), min(self.image.height, upper + picture.height)
        if x1 > x0 and y1 > y0:
            part = picture.crop((x0 - left, y0 - upper, x1 - left, y1 - upper))
            self.image.alpha_composite(part, (x0, y0))

    def outline(self, width: float = 1.2, opacity: float = 0.8) -> None:
        """Put a dark rim around everything drawn so far."""
        spread = self.image.getchannel("A").filter(ImageFilter.BoxBlur(max(1.0, width * self.unit)))
        under = Image.new("RGBA", self.image.size, (*_OUTLINE, 0))
        under.putalpha(spread.point(lambda value: round(min(255, value * 14) * opacity)))
        self.image = Image.alpha_composite(under, self.image)

    def done(self) -> Image.Image:
        """The canvas at its final size, RGBA."""
        return self.image.reduce(self.oversample) if self.oversample > 1 else self.image


def _car(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A saloon facing right: long bonnet, raked windscreen, headlight in front, tail light behind."""
    brush = Brush(170, 76, scale=scale)
    base = 72.0
    glass_top, glass_bottom = (214, 236, 246), (112, 150, 176)
    hull = [
        (4, 38),
        (8, 31),
        (30, 28),
        (96, 29),
        (124, 33),
        (134, 39),
        (136, 57),
        (130, 61),
        (6, 61),
        (3, 52),
    ]
    cabin = [(16, 31), (30, 9), (37, 6), (68, 6), (76, 9), (100, 31)]
    brush.polygon(cabin, lighter(colour, 0.3), colour)
    brush.polygon(hull, lighter(colour, 0.18), darker(colour, 0.66))
    brush.outline()
    brush.polygon([(25, 29), (35, 12), (50, 12), (50, 29)], glass_top, glass_bottom)
    brush.polygon([(55, 29), (55, 12), (69, 12), (90, 29)], glass_top, glass_bottom)
    brush.polygon([(59, 27), (65, 14), (69, 14), (64, 27)], (240, 248, 252))
    brush.block(8, 39, 128, 41, lighter(colour, 0.45))
    brush.block(4, 55, 136, 61, darker(colour, 0.45), radius=2)
    brush.limb([(53, 31), (53, 54)], 0.9, darker(colour, 0.5))
    brush.block(43, 42, 50, 44, darker(colour, 0.45), radius=1)
    brush.block(3, 40, 9, 48, (200, 20, 24), radius=1.5)
    brush.ellipse(130, 45, 5.5, 5, (255, 250, 214), (255, 226, 130))
    for x in (33.0, 106.0):
        brush.ellipse(x, base - 14, 16.5, 16, darker(colour, 0.35))
        brush.ellipse(x, base - 14, 14, 14, (44, 44, 50), (20, 20, 24))
        brush.ellipse(x, base - 14, 8, 8, (216, 218, 224), (150, 152, 160))
        for spoke in range(3):
            a = math.radians(30 * pose + 120 * spoke)
            brush.limb([(x, base - 14), (x + 7 * math.cos(a), base - 14 + 7 * math.sin(a))], 2, (76, 78, 86))
    if dusk:
        brush.glow(138, 46, 30, (255, 238, 170), 0.75)
    return brush, (70, base)


def _bent(start: Point, upper: float, lower: float, swing: float, bend: float) -> list[Point]:
    """The joints of an arm or a leg that hangs down, swung forwards and bent in the middle (radians)."""
    knee = (start[0] + upper * math.sin(swing), start[1] + upper * math.cos(swing))
    return [start, knee, (knee[0] + lower * math.sin(swing + bend), knee[1] + lower * math.cos(swing + bend))]


def _person(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A walker in profile facing right, clothes and cap of one colour."""
    brush = Brush(92, 132, scale=scale)
    phase = 2 * math.pi * pose / POSES["person"]
    base, x = 122.0, 45.0
    bob = 1.6 * abs(math.sin(phase))
    hip, shoulder = (x, base - 52 + 1.5 - bob), (x + 1, base - 84 - bob)
    trousers, shoe = darker(colour, 0.74), (50, 44, 44)

    def leg(angle: float, tone: Colour) -> None:
        swing = math.radians(31) * math.sin(angle)
        bend = -math.radians(46) * max(0.0, math.cos(angle)) * (0.35 + 0.65 * max(0.0, math.cos(angle - 0.5)))
        joints = _bent(hip, 25, 23, swing, bend)
        brush.limb(joints, 12, tone)
        foot = joints[-1]
        brush.limb([(foot[0] - 1, foot[1] + 2), (foot[0] + 9, foot[1] + 2.5)], 7, shoe)

    def arm(angle: float, tone: Colour) -> None:
        joints = _bent(shoulder, 19, 17, math.radians(36) * math.sin(angle), math.radians(34))
        brush.limb(joints, 9, tone)
        brush.ellipse(*joints[-1], 4.6, 4.6, _SKIN)

    arm(phase, darker(colour, 0.6))
    leg(phase + math.pi, darker(colour, 0.56))
    leg(phase, trousers)
    brush.block(
        x - 12, base - 90 - bob, x + 13, base - 45 - bob, lighter(colour, 0.12), darker(colour, 0.86), 9
    )
    brush.limb([(x + 2, base - 92 - bob), (x + 2, base - 88 - bob)], 9, _SKIN)
    head_y = base - 102 - bob
    brush.ellipse(x + 3, head_y, 12.5, 13, lighter(_SKIN, 0.15), darker(_SKIN, 0.9))
    brush.polygon([(x + 14, head_y - 2), (x + 19, head_y + 4), (x + 14, head_y + 5)], _SKIN)
    brush.block(x - 10, head_y - 3, x - 3, head_y + 7, (74, 48, 34), radius=3)
    brush.ellipse(x + 10, head_y, 1.7, 2.1, (40, 30, 30))
    cap = [
        (x - 10, head_y - 3),
        (x - 7, head_y - 12),
        (x + 3, head_y - 15.5),
        (x + 12, head_y - 11),
        (x + 15, head_y - 4),
    ]
    brush.polygon(cap, lighter(colour, 0.2), darker(colour, 0.85))
    brush.limb([(x + 8, head_y - 4.5), (x + 23, head_y - 3.5)], 4.2, darker(colour, 0.7))
    arm(phase + math.pi, mix(darker(colour, 0.92), (255, 255, 255), 0.06))
    brush.outline()
    return brush, (x, base + 2)


def _jumper(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """Somebody seen from the front: crouched (0), stretched (1), in the air with arms and legs spread (2)."""
    brush = Brush(104, 138, scale=scale)
    base, x = 130.0, 52.0
    drop = (16.0, 0.0, 0.0)[pose]
    spread, arms = ((13.0, 24.0), (8.0, -10.0), (17.0, -34.0))[pose]
    trousers, shoe = darker(colour, 0.74), (50, 44, 44)
    hip_y, shoulder_y = base - 50 + drop, base - 86 + drop
    for side in (-1, 1):
        knee = (x + side * (spread * 0.75 + drop * 0.45), base - 26 + drop * 0.35)
        ankle = (x + side * spread, base - 6)
        brush.limb([(x + side * 6, hip_y), knee, ankle], 12.5, trousers)
        brush.limb([ankle, (ankle[0] + side * 5, base - 3)], 7.5, shoe)
    brush.block(x - 15, shoulder_y - 5, x + 15, hip_y + 6, lighter(colour, 0.12), darker(colour, 0.86), 9)
    for side in (-1, 1):
        elbow = (x + side * 28, shoulder_y + arms * 0.45 + 4)
        hand = (x + side * 36, shoulder_y + arms)
        brush.limb([(x + side * 12, shoulder_y + 2), elbow, hand], 9.5, darker(colour, 0.92))
        brush.ellipse(*hand, 5, 5, _SKIN)
    head_y = shoulder_y - 18
    brush.limb([(x, head_y + 8), (x, shoulder_y - 3)], 9, _SKIN)
    brush.ellipse(x, head_y, 12.5, 13, lighter(_SKIN, 0.15), darker(_SKIN, 0.92))
    brush.polygon(
        [
            (x - 13, head_y - 3),
            (x - 10, head_y - 12),
            (x, head_y - 15.5),
            (x + 10, head_y - 12),
            (x + 13, head_y - 3),
        ],
        lighter(colour, 0.2),
        darker(colour, 0.85),
    )
    brush.limb([(x - 8, head_y - 4), (x + 8, head_y - 4)], 3.6, darker(colour, 0.68))
    for side in (-1, 1):
        brush.ellipse(x + side * 4.6, head_y + 1.5, 1.7, 2.2, (40, 30, 30))
    brush.limb([(x - 3.5, head_y + 7.5), (x, head_y + 8.6), (x + 3.5, head_y + 7.5)], 1.5, (150, 70, 60))
    brush.outline()
    return brush, (x, base + 1)


def _dog(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A galloping dog facing right: head, snout and ear in front, tail up behind."""
    brush = Brush(126, 92, scale=scale)
    phase = 2 * math.pi * pose / POSES["dog"]
    base = 82.0
    bob = 2.6 * math.sin(phase)
    back, low = darker(colour, 0.62), darker(colour, 0.84)

    def leg(x: float, y: float, angle: float, tone: Colour, hind: bool) -> None:
        swing = math.radians(40) * math.sin(angle)
        bend = (1 if hind else -1) * math.radians(26) * (0.4 + 0.6 * max(0.0, math.cos(angle)))
        joints = _bent((x, y + bob), 16, 17, swing - bend * 0.4, bend)
        brush.limb(joints, 8.5, tone)
        brush.limb([joints[-1], (joints[-1][0] + 4, joints[-1][1] + 0.5)], 7, tone)

    leg(78, 50, phase + 0.7, back, False)
    leg(32, 50, phase + math.pi + 0.7, back, True)
    brush.limb([(25, 41 + bob), (13, 32 + bob), (6, 17 + bob * 0.4 - 2 * math.cos(phase))], 7.5, low)
    brush.block(20, 30 + bob, 90, 57 + bob, lighter(colour, 0.16), darker(colour, 0.72), 13.5)
    brush.ellipse(80, 44 + bob, 15, 16, lighter(colour, 0.12), darker(colour, 0.74))
    leg(84, 52, phase, low, False)
    leg(30, 50, phase + math.pi, low, True)
    brush.limb([(84, 38 + bob), (97, 24 + bob)], 18, mix(colour, (255, 255, 255), 0.05))
    brush.ellipse(99, 21 + bob, 13.5, 12.5, lighter(colour, 0.2), darker(colour, 0.86))
    brush.limb([(105, 24 + bob), (116, 26 + bob)], 11, lighter(colour, 0.1))
    brush.ellipse(120.5, 23.5 + bob, 3.2, 3, (30, 26, 30))
    brush.limb([(92, 12 + bob), (86, 20 + bob), (87, 30 + bob)], 8.5, darker(colour, 0.55))
    brush.ellipse(104, 18 + bob, 2, 2.2, (30, 26, 30))
    brush.limb([(88, 36 + bob), (96, 40 + bob)], 3.4, (70, 66, 74))
    brush.outline()
    return brush, (63, base + 1)


def _ball(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A rubber ball, round (0) or squashed on the ground (1)."""
    brush = Brush(76, 70, scale=scale)
    rx, ry = ((30.0, 30.0), (33.5, 26.0))[pose]
    x, base = 38.0, 66.0
    y = base - ry
    k = brush.unit
    rows = (np.arange(brush.image.height) / k - y)[:, None] / ry
    columns = (np.arange(brush.image.width) / k - x)[None, :] / rx
    inside = np.hypot(rows, columns) <= 1
    lit = np.clip(1.14 - 0.4 * np.hypot(rows + 0.42, columns + 0.36), 0.5, 1.06)
    seam = (np.abs(columns - 0.55 * rows**2 + 0.18) < 0.05) | (np.abs(rows + 0.5 * columns**2 - 0.12) < 0.055)
    lit = np.where(seam, lit * 0.66, lit)[..., None]
    pixels = np.clip(np.asarray(colour) * lit, 0, 255)
    shine = np.clip(1 - np.hypot(rows + 0.46, columns + 0.4) / 0.34, 0, 1)[..., None] ** 1.2
    pixels = pixels * (1 - 0.75 * shine) + 255 * 0.75 * shine
    rgba = np.concatenate([pixels, np.where(inside, 255.0, 0.0)[..., None]], axis=2).astype(np.uint8)
    brush.image = Image.fromarray(rgba)
    brush.outline()
    return brush, (x, base)


def _box(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A crate seen from a little above."""
    brush = Brush(94, 84, scale=scale)
    brush.polygon([(6, 24), (24, 6), (88, 6), (70, 24)], lighter(colour, 0.42), lighter(colour, 0.24))
    brush.polygon([(70, 24), (88, 6), (88, 60), (70, 78)], darker(colour, 0.66), darker(colour, 0.5))
    brush.polygon([(6, 24), (70, 24), (70, 78), (6, 78)], lighter(colour, 0.06), darker(colour, 0.8))
    brush.outline()
    edge, band = darker(colour, 0.55), lighter(colour, 0.5)
    for y in (24.0, 41.0, 59.0):
        brush.limb([(7, y), (69, y)], 1.4, edge)
    for x0 in (6.0, 62.0):
        brush.block(x0, 24, x0 + 8, 78, darker(colour, 0.84), darker(colour, 0.62))
    brush.polygon([(33, 24), (51, 6), (61, 6), (43, 24)], lighter(band, 0.3))
    brush.block(33, 24, 43, 50, band, mix(band, colour, 0.4))
    for x, y in ((10.0, 29.0), (66.0, 29.0), (10.0, 73.0), (66.0, 73.0)):
        brush.ellipse(x, y, 1.5, 1.5, darker(colour, 0.35))
    return brush, (44, 76)


def _light(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A signal lamp on a stand, its lens dull (0) or glowing (1)."""
    brush = Brush(156, 164, scale=scale)
    x, y, base = 78.0, 72.0, 160.0
    frame_top, frame_bottom = (74, 76, 86), (34, 35, 42)
    for side in (-1, 1):
        brush.limb([(x, base - 34), (x + side * 22, base - 3)], 6, (44, 45, 52))
    brush.block(x - 5, y + 30, x + 5, base - 6, (96, 98, 108), (52, 54, 62))
    brush.block(x - 39, y - 39, x + 39, y + 39, frame_top, frame_bottom, radius=15)
    brush.outline()
    brush.ellipse(x, y, 33, 33, (22, 22, 28))
    if pose == 0:
        brush.ellipse(x, y, 30, 30, darker(colour, 0.48), darker(colour, 0.66))
        brush.ellipse(x - 9, y - 11, 8, 5, lighter(darker(colour, 0.62), 0.25))
    else:
        brush.ellipse(x, y, 30, 30, lighter(colour, 0.1), colour)
        brush.glow(x, y, 24, (255, 255, 255), 0.8)
        brush.glow(x, y, 77, lighter(colour, 0.2), 0.7)
    brush.block(x - 36, y - 42, x + 36, y - 33, (50, 51, 60), (34, 35, 42), radius=4)
    return brush, (x, base)


_DRAW = {
    "car": _car,
    "person": _person,
    "dog": _dog,
    "jumper": _jumper,
    "ball": _ball,
    "box": _box,
    "light": _light,
}


def finish(picture: Image.Image, anchor: Point, tint: Sequence[float]) -> Sprite:
    """Turn an RGBA picture into what `lay` wants, its empty margins cut off."""
    left, upper, right, lower = picture.getbbox() or (0, 0, 1, 1)
    pixels = np.asarray(picture, dtype=np.uint16)[upper:lower, left:right]
    alpha = pixels[..., 3:4]
    lit = (pixels[..., :3] * np.asarray(tint)).astype(np.uint16)
    premultiplied = ((lit * alpha + 127) // 255).astype(np.uint8)
    keep = np.repeat(255 - alpha, 3, axis=2).astype(np.uint8)
    premultiplied.setflags(write=False)
    keep.setflags(write=False)
    return Sprite(premultiplied, keep, round(anchor[0]) - left, round(anchor[1]) - upper)


def flipped(right: Sprite) -> Sprite:
    """A picture that faces right, facing left."""
    premultiplied = np.ascontiguousarray(right.premultiplied[:, ::-1])
    keep = np.ascontiguousarray(right.keep[:, ::-1])
    return Sprite(premultiplied, keep, right.keep.shape[1] - 1 - right.anchor_x, right.anchor_y)


@lru_cache(maxsize=4096)
def sprite(
    what: str, colour: str, pose: int, *, left: bool, scale: float, shade: float, dusk: bool
) -> Sprite:
    """The drawing of `what` (a key of POSES); `scale` is pixels a design unit, `left` makes it face left."""
    if left:
        return flipped(sprite(what, colour, pose, left=False, scale=scale, shade=shade, dusk=dusk))
    red, green, blue = (min(255, round(value * shade)) for value in COLOURS[colour])
    brush, (x, y) = _DRAW[what]((red, green, blue), pose, scale, dusk)
    glows = what == "light" and pose == 1
    tint = DUSK if dusk and not glows else (1.0, 1.0, 1.0)
    return finish(brush.done(), (x * scale, y * scale), tint)


@lru_cache(maxsize=256)
def shadow(width: int, height: int, opacity: float) -> Sprite:
    """A soft dark ellipse on the ground, its size in pixels."""
    rows = np.linspace(-1, 1, max(3, height))[:, None]
    columns = np.linspace(-1, 1, max(3, width))[None, :]
    alpha = np.clip(1 - np.hypot(rows, columns), 0, 1) ** 0.8 * opacity
    rgba = np.zeros((*alpha.shape, 4), np.uint8)
    rgba[..., :3] = (14, 14, 30)
    rgba[..., 3] = (alpha * 255).astype(np.uint8)
    return finish(Image.fromarray(rgba), (alpha.shape[1] / 2, alpha.shape[0] / 2), (1.0, 1.0, 1.0))


def lay(frame: U8, picture: Sprite, x: int, y: int, opacity: float = 1.0) -> None:
    """Lay a picture over the frame, in place, its anchor at (x, y); what falls outside is cut off."""
    height, width = picture.keep.shape[:2]
    left, top = x - picture.anchor_x, y - picture.anchor_y
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(frame.shape[1], left + width), min(frame.shape[0], top + height)
    if x1 <= x0 or y1 <= y0:
        return
    cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    colour, keep = picture.premultiplied[cut], picture.keep[cut]
    if opacity < 1.0:
        share = max(0, round(opacity * 256))
        colour = ((colour * np.uint16(share)) >> 8).astype(np.uint8)
        keep = (255 - (((255 - keep) * np.uint16(share)) >> 8)).astype(np.uint8)
    region = frame[y0:y1, x0:x1]
    under = np.multiply(region, keep, dtype=np.uint16)
    under += region
    under >>= 8
    under += colour
    region[:] = under
