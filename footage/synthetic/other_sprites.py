"""Draws the moving things of synthetic footage otherwise: the same things in other shapes.

A van for the saloon, somebody in a coat with a bag and without a cap, a long low dog, a striped beach ball, a
parcel with a cross of tape, a round lamp on a pole.
"""

from __future__ import annotations

import math
from functools import lru_cache

from footage.synthetic.sprites import (
    COLOURS,
    DUSK,
    POSES,
    Brush,
    Colour,
    Point,
    Sprite,
    darker,
    finish,
    flipped,
    lighter,
    mix,
)

_SKIN: Colour = (150, 102, 74)
_HAIR: Colour = (40, 30, 28)
_SHOE: Colour = (30, 30, 36)


def _van(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A van facing right: a tall box, a short bonnet, three windows."""
    brush = Brush(170, 92, scale=scale)
    base = 88.0
    brush.block(4, 14, 108, 76, lighter(colour, 0.15), darker(colour, 0.7), 7)
    brush.polygon(
        [(100, 20), (118, 22), (128, 46), (138, 52), (138, 76), (100, 76)],
        lighter(colour, 0.18),
        darker(colour, 0.68),
    )
    brush.outline()
    for left, right in ((14.0, 38.0), (44.0, 68.0), (74.0, 96.0)):
        brush.block(left, 22, right, 42, (196, 214, 222), (96, 124, 142), 3)
    brush.polygon([(104, 26), (115, 27), (123, 44), (104, 44)], (206, 226, 234), (104, 134, 152))
    brush.block(4, 54, 138, 58, darker(colour, 0.5))
    brush.block(4, 70, 138, 76, (58, 60, 68), radius=2)
    brush.block(3, 46, 8, 56, (200, 30, 30), radius=1)
    brush.ellipse(134, 60, 4, 5, (255, 246, 206))
    for x in (32.0, 112.0):
        brush.ellipse(x, base - 12, 13, 13, (34, 34, 40))
        brush.ellipse(x, base - 12, 5.5, 5.5, (190, 192, 200))
        a = math.radians(45 * pose)
        brush.limb([(x, base - 12), (x + 9 * math.cos(a), base - 12 + 9 * math.sin(a))], 2.4, (140, 142, 150))
    if dusk:
        brush.glow(142, 60, 26, (255, 238, 170), 0.75)
    return brush, (70, base)


def _coat(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A walker in profile facing right in a long coat, with dark hair and a bag on the back."""
    brush = Brush(96, 132, scale=scale)
    phase = 2 * math.pi * pose / POSES["person"]
    base, x = 124.0, 46.0
    bob = 1.4 * abs(math.sin(phase))
    for angle, tone in ((phase + math.pi, (56, 56, 66)), (phase, (72, 72, 84))):
        swing = 15 * math.sin(angle)
        lift = 5 * max(0.0, math.cos(angle))
        brush.limb([(x, base - 46 - bob), (x + swing, base - 5 - lift)], 9, tone)
        brush.limb([(x + swing, base - 3 - lift), (x + swing + 8, base - 3 - lift)], 6, _SHOE)
    brush.block(x - 22, base - 88 - bob, x - 8, base - 58 - bob, darker(colour, 0.5), darker(colour, 0.4), 5)
    brush.polygon(
        [
            (x - 10, base - 92 - bob),
            (x + 11, base - 92 - bob),
            (x + 17, base - 34 - bob),
            (x - 16, base - 34 - bob),
        ],
        lighter(colour, 0.14),
        darker(colour, 0.8),
    )
    hand = (x + 4 + 17 * math.sin(phase + math.pi), base - 56 - bob)
    brush.limb([(x + 1, base - 86 - bob), hand], 8, darker(colour, 0.78))
    brush.ellipse(*hand, 4, 4, _SKIN)
    head = base - 104 - bob
    brush.ellipse(x + 2, head, 11, 12.5, lighter(_SKIN, 0.1), darker(_SKIN, 0.9))
    brush.block(x - 11, head - 13, x + 6, head - 2, _HAIR, radius=6)
    brush.block(x - 11, head - 8, x - 3, head + 9, _HAIR, radius=4)
    brush.polygon([(x + 12, head - 1), (x + 17, head + 4), (x + 12, head + 5)], _SKIN)
    brush.outline()
    return brush, (x, base + 2)


def _leaper(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """Somebody in a coat from the front: crouched (0), stretched (1), arms up in the air (2)."""
    brush = Brush(104, 138, scale=scale)
    base, x = 130.0, 52.0
    drop = (18.0, 0.0, 0.0)[pose]
    wide, arms = ((10.0, 20.0), (7.0, -4.0), (15.0, -42.0))[pose]
    for side in (-1, 1):
        knee = (x + side * (wide + drop * 0.4), base - 24 + drop * 0.3)
        brush.limb([(x + side * 6, base - 44 + drop), knee, (x + side * wide, base - 5)], 10, (64, 64, 76))
        brush.limb([(x + side * wide, base - 3), (x + side * (wide + 5), base - 3)], 6.5, _SHOE)
    top = base - 90 + drop
    brush.polygon(
        [(x - 13, top), (x + 13, top), (x + 19, base - 36 + drop), (x - 19, base - 36 + drop)],
        lighter(colour, 0.14),
        darker(colour, 0.8),
    )
    for side in (-1, 1):
        hand = (x + side * 30, top + arms)
        brush.limb([(x + side * 11, top + 5), (x + side * 24, top + 6 + arms * 0.4), hand], 8, colour)
        brush.ellipse(*hand, 4.4, 4.4, _SKIN)
    head = top - 13
    brush.ellipse(x, head, 11, 12.5, lighter(_SKIN, 0.1), darker(_SKIN, 0.9))
    brush.block(x - 12, head - 14, x + 12, head - 3, _HAIR, radius=6)
    for side in (-1, 1):
        brush.ellipse(x + side * 4.2, head + 2, 1.6, 2, (24, 20, 20))
    brush.outline()
    return brush, (x, base + 1)


def _hound(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A long dog on short legs facing right, with hanging ears and a thin tail."""
    brush = Brush(132, 84, scale=scale)
    phase = 2 * math.pi * pose / POSES["dog"]
    base = 76.0
    bob = 2.0 * math.sin(phase)
    for n, x in enumerate((26.0, 36.0, 84.0, 94.0)):
        swing = 10 * math.sin(phase + n * 1.4)
        tone = darker(colour, 0.6 if n % 2 else 0.82)
        brush.limb([(x, 52 + bob), (x + swing, base - 3)], 8, tone)
        brush.limb([(x + swing, base - 2), (x + swing + 5, base - 2)], 5.5, tone)
    brush.limb([(20, 44 + bob), (8, 30 + bob + 4 * math.cos(phase))], 4.5, darker(colour, 0.8))
    brush.ellipse(58, 46 + bob, 44, 14, lighter(colour, 0.18), darker(colour, 0.74))
    brush.ellipse(104, 30 + bob, 14, 12, lighter(colour, 0.2), darker(colour, 0.86))
    brush.limb([(96, 40 + bob), (100, 34 + bob)], 15, colour)
    brush.block(108, 28 + bob, 126, 39 + bob, lighter(colour, 0.1), darker(colour, 0.84), 5)
    brush.ellipse(125, 30 + bob, 3.4, 3.2, (28, 24, 28))
    brush.block(93, 24 + bob, 101, 45 + bob, darker(colour, 0.5), radius=4)
    brush.ellipse(109, 27 + bob, 2, 2.2, (28, 24, 28))
    brush.outline()
    return brush, (63, base + 1)


def _beach_ball(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A beach ball with pale stripes, round (0) or squashed on the ground (1)."""
    brush = Brush(76, 70, scale=scale)
    rx, ry = ((28.0, 28.0), (32.0, 23.0))[pose]
    x, base = 38.0, 66.0
    y = base - ry
    brush.ellipse(x, y, rx, ry, lighter(colour, 0.12), darker(colour, 0.82))
    for share in (0.42, 0.0):
        pale = lighter(colour, 0.55) if share else darker(colour, 0.62)
        brush.ellipse(x, y, rx * (share + 0.12), ry * 0.97, pale)
    brush.ellipse(x, y, rx * 0.34, ry * 0.97, lighter(colour, 0.08), darker(colour, 0.86))
    brush.ellipse(x, y - ry * 0.86, rx * 0.2, ry * 0.1, (240, 240, 240))
    brush.outline()
    return brush, (x, base)


def _parcel(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A parcel from the front, a cross of tape on it and a label."""
    brush = Brush(94, 84, scale=scale)
    brush.block(5, 22, 85, 78, lighter(colour, 0.1), darker(colour, 0.74), 3)
    brush.polygon([(5, 24), (16, 10), (76, 10), (85, 24)], lighter(colour, 0.38), lighter(colour, 0.2))
    brush.outline()
    tape = mix(colour, (226, 206, 160), 0.6)
    brush.block(40, 10, 50, 78, tape, darker(tape, 0.85))
    brush.block(5, 46, 85, 54, tape, darker(tape, 0.85))
    brush.block(57, 58, 79, 72, (238, 238, 230), radius=1)
    for y in (62.0, 66.0):
        brush.limb([(60, y), (74, y)], 1.2, (110, 110, 116))
    return brush, (45, 76)


def _lamp(colour: Colour, pose: int, scale: float, dusk: bool) -> tuple[Brush, Point]:
    """A round lamp on a pole, dull (0) or glowing (1)."""
    brush = Brush(156, 164, scale=scale)
    x, y, base = 78.0, 66.0, 160.0
    brush.block(x - 3.5, y + 20, x + 3.5, base - 4, (122, 118, 112), (74, 70, 66))
    brush.ellipse(x, base - 4, 22, 6, (96, 92, 88), (60, 58, 56))
    brush.ellipse(x, y, 38, 38, (132, 128, 122), (70, 68, 66))
    brush.outline()
    if pose == 0:
        brush.ellipse(x, y, 32, 32, darker(colour, 0.4), darker(colour, 0.6))
    else:
        brush.ellipse(x, y, 32, 32, lighter(colour, 0.12), colour)
        brush.glow(x, y, 22, (255, 255, 255), 0.7)
        brush.glow(x, y, 74, lighter(colour, 0.2), 0.7)
    for angle in (0.0, 60.0, 120.0):
        dx, dy = 32 * math.cos(math.radians(angle)), 32 * math.sin(math.radians(angle))
        brush.limb([(x - dx, y - dy), (x + dx, y + dy)], 1.6, (60, 58, 56))
    return brush, (x, base)


_DRAW = {
    "car": _van,
    "person": _coat,
    "dog": _hound,
    "jumper": _leaper,
    "ball": _beach_ball,
    "box": _parcel,
    "light": _lamp,
}


@lru_cache(maxsize=4096)
def other_sprite(
    what: str, colour: str, pose: int, *, left: bool, scale: float, shade: float, dusk: bool
) -> Sprite:
    """The other drawing of `what`; arguments as of ``footage.synthetic.sprites.sprite``."""
    if left:
        return flipped(other_sprite(what, colour, pose, left=False, scale=scale, shade=shade, dusk=dusk))
    red, green, blue = (min(255, round(value * shade)) for value in COLOURS[colour])
    brush, (x, y) = _DRAW[what]((red, green, blue), pose, scale, dusk)
    glows = what == "light" and pose == 1
    return finish(brush.done(), (x * scale, y * scale), DUSK if dusk and not glows else (1.0, 1.0, 1.0))
