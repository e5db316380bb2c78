"""Paints the still backdrops of synthetic footage; knows nothing of what happens in front of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from footage.synthetic.sprites import U8, Brush, Colour, darker, lighter, mix

Tint = Callable[[Colour], Colour]

_WIDTH, _HEIGHT = 480, 320
_GROUND = 186.0


def _sky(brush: Brush, dusk: bool, rng: np.random.Generator) -> None:
    """Gradient, sun or moon, clouds, stars."""
    if dusk:
        brush.block(0, 0, _WIDTH, 90, (44, 48, 104), (168, 96, 136))
        brush.block(0, 90, _WIDTH, 200, (168, 96, 136), (248, 172, 108))
        for _ in range(26):
            x, y = rng.uniform(0, _WIDTH), rng.uniform(2, 62)
            r = rng.uniform(0.5, 1.1)
            brush.ellipse(x, y, r, r, (226, 222, 236))
    else:
        warm = rng.uniform(0, 0.12)
        brush.block(0, 0, _WIDTH, 200, mix((84, 152, 222), (150, 170, 214), warm * 3), (214, 232, 242))
    x, y = rng.uniform(150, 330), rng.uniform(24, 44)
    if dusk:
        brush.glow(x, y, 54, (250, 236, 206), 0.5)
        brush.ellipse(x, y, 13, 13, (252, 244, 224), (236, 224, 204))
        brush.ellipse(x + 4, y - 3, 3, 2.6, (226, 214, 196))
        brush.ellipse(x - 5, y + 4, 2.2, 2, (228, 216, 198))
    else:
        brush.glow(x, y, 80, (255, 250, 214), 0.8)
        brush.ellipse(x, y, 15, 15, (255, 250, 222), (255, 240, 180))
    sky = Brush(_WIDTH, 110, scale=1.0, oversample=1)  # soft anyway, so painted small and enlarged
    for _ in range(5):
        cx, cy, size = rng.uniform(-10, 490), rng.uniform(14, 80), rng.uniform(0.6, 1.25)
        for _ in range(7):
            dx, dy = rng.uniform(-34, 34) * size, rng.uniform(-7, 4) * size
            sky.ellipse(
                cx + dx, cy + dy, rng.uniform(12, 24) * size, rng.uniform(5, 10) * size, (255, 255, 255)
            )
    fluff = sky.image.getchannel("A").filter(ImageFilter.GaussianBlur(2.2)).point(lambda v: v * 7 // 10)
    clouds = Image.new("RGBA", fluff.size, (236, 160, 150, 0) if dusk else (255, 255, 255, 0))
    clouds.putalpha(fluff)
    brush.stamp(clouds.resize((brush.image.width, round(110 * brush.unit)), Image.Resampling.BILINEAR), 0, 0)


def _hills(brush: Brush, tint: Tint, rng: np.random.Generator, base: float, tone: Colour) -> None:
    """Two far ridges."""
    for layer in range(2):
        phase, height = rng.uniform(0, 6.28), 26 - 10 * layer
        points = [(0.0, 200.0)]
        for x in np.arange(0, _WIDTH + 1, 8, dtype=float).tolist():
            wave = np.sin(x / 70 + phase) + 0.5 * np.sin(x / 29 + 2 * phase)
            points.append((float(x), float(base - height * (0.8 + 0.5 * wave) + 12 * layer)))
        points.append((float(_WIDTH), 200.0))
        near = mix(tone, (150, 172, 190), 0.55 - 0.3 * layer)
        brush.polygon(points, tint(near), tint(darker(near, 0.86)))


def _street(brush: Brush, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    """A row of buildings, a pavement, a road of two lanes."""
    facades: list[Colour] = [
        (146, 122, 112),
        (126, 134, 146),
        (160, 146, 124),
        (116, 118, 128),
        (140, 132, 138),
    ]
    brush.block(0, 104, _WIDTH, _GROUND, tint((92, 88, 92)))
    x, index = -rng.uniform(0, 40), int(rng.integers(5))
    while x < _WIDTH:
        wide, top = rng.uniform(62, 104), rng.uniform(52, 98)
        tone = facades[index % len(facades)]
        index += 1 + int(rng.integers(2))
        brush.block(x, top, x + wide, _GROUND, tint(lighter(tone, 0.12)), tint(darker(tone, 0.84)))
        brush.block(x - 1, top - 4, x + wide + 1, top + 2, tint(darker(tone, 0.66)))
        columns = int(wide // 21)
        gap = wide / columns
        for row, y in enumerate(np.arange(top + 11, _GROUND - 40, 24)):
            for column in range(columns):
                wx = x + gap * (column + 0.5) - 5.5
                brush.block(wx - 1.2, y - 1.2, wx + 12.2, y + 15.2, tint(darker(tone, 0.7)))
                if dusk and rng.random() < 0.42:
                    brush.block(wx, y, wx + 11, y + 14, (252, 214, 132), (236, 176, 92))
                else:
                    glass: Colour = (150, 178, 196) if (row + column) % 3 else (134, 160, 180)
                    brush.block(wx, y, wx + 11, y + 14, tint(lighter(glass, 0.2)), tint(glass))
        shop = darker(tone, 0.62)
        brush.block(x + 5, _GROUND - 29, x + wide - 5, _GROUND, tint(shop), tint(darker(shop, 0.8)))
        lit = (246, 206, 130) if dusk else tint((172, 192, 200))
        brush.block(x + 9, _GROUND - 25, x + wide - 26, _GROUND - 5, lit, darker(lit, 0.78))
        brush.block(x + wide - 21, _GROUND - 25, x + wide - 9, _GROUND, tint((88, 70, 62)))
        stripes = max(4, int((wide - 6) // 8))
        step = (wide - 6) / stripes
        for stripe in range(stripes):
            tone_a: Colour = (206, 196, 180) if stripe % 2 else (150, 112, 104)
            left = x + 3 + stripe * step
            brush.block(
                left, _GROUND - 33, left + step, _GROUND - 26, tint(tone_a), tint(darker(tone_a, 0.85))
            )
        x += wide + 1
    brush.block(0, _GROUND, _WIDTH, 204, tint((178, 174, 168)), tint((160, 156, 150)))
    for x in np.arange(-20, _WIDTH + 40, 30, dtype=float).tolist():
        brush.limb([(x + 10, _GROUND), (x, 204)], 0.8, tint((140, 136, 132)))
    brush.block(0, 203, _WIDTH, 208, tint((204, 200, 194)), tint((128, 126, 124)))
    brush.block(0, 208, _WIDTH, _HEIGHT, tint((112, 114, 120)), tint((134, 136, 142)))
    for x in np.arange(-30, _WIDTH + 30, 74, dtype=float).tolist():
        brush.polygon([(x, 254), (x + 40, 254), (x + 38, 260), (x - 4, 260)], tint((222, 218, 204)))
    brush.block(0, 212, _WIDTH, 213.6, tint((190, 186, 176)))
    brush.block(0, 312, _WIDTH, 315, tint((214, 210, 200)))


def _park(brush: Brush, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    """Hills, a line of trees, a lawn with a path."""
    _hills(brush, tint, rng, 136, (112, 138, 116))
    for layer, (tone, top) in enumerate((((96, 118, 88), 138.0), ((80, 102, 72), 152.0))):
        for x in np.arange(-10, _WIDTH + 20, 17, dtype=float).tolist():
            r = rng.uniform(13, 21)
            y = top + rng.uniform(-6, 8)
            brush.ellipse(
                x + rng.uniform(-5, 5), y, r, r * 0.95, tint(lighter(tone, 0.1)), tint(darker(tone, 0.82))
            )
        brush.block(0, top + 6, _WIDTH, _GROUND + 4, tint(darker(tone, 0.92 - 0.08 * layer)))
    brush.block(0, _GROUND - 8, _WIDTH, _HEIGHT, tint((146, 158, 96)), tint((120, 138, 78)))
    edge = [(x, 209 + 3 * np.sin(x / 60 + 1)) for x in range(0, _WIDTH + 1, 12)]
    low = [(x, 238 + 4 * np.sin(x / 75)) for x in range(_WIDTH, -1, -12)]
    brush.polygon([*edge, *low], tint((206, 190, 156)), tint((190, 172, 138)))
    for _ in range(520):
        y = rng.uniform(_GROUND, _HEIGHT)
        x, tall = rng.uniform(0, _WIDTH), 2 + (y - _GROUND) / 34
        if 204 < y < 245:
            continue
        tone = mix((108, 128, 68), (168, 176, 110), rng.random())
        brush.limb([(x, y), (x + rng.uniform(-1.4, 1.4), y - tall)], 0.9, tint(tone))
    for _ in range(46):
        x, y = rng.uniform(0, _WIDTH), rng.uniform(250, 318)
        brush.ellipse(x, y, 1.3, 1.1, tint((232, 224, 206) if rng.random() < 0.6 else (226, 196, 150)))


def _beach(brush: Brush, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    """The sea with a headland, foam, wet and dry sand."""
    side = rng.random() < 0.5
    xs = np.arange(0, 190, 8)
    ridge = [
        (float(x if side else _WIDTH - x), float(126 - 22 * np.cos(x / 121) ** 2 - 3 * np.sin(x / 17)))
        for x in xs
    ]
    foot = 0.0 if side else float(_WIDTH)
    brush.polygon([(foot, 130), *ridge, (ridge[-1][0], 130)], tint((132, 148, 150)), tint((120, 136, 134)))
    top, low = (92, 158, 172), (134, 194, 196)
    if dusk:
        top, low = (106, 98, 136), (190, 134, 134)
    brush.block(0, 124, _WIDTH, 186, top, low)
    for _ in range(110):
        y = rng.uniform(127, 178)
        x, wide = rng.uniform(-10, _WIDTH), rng.uniform(6, 20) * (y - 110) / 60
        brush.limb(
            [(x, y), (x + wide, y)], 0.5 + (y - 124) / 60, lighter(mix(top, low, (y - 124) / 62), 0.22)
        )
    shore = [(x, 177 + 3.5 * np.sin(x / 48 + 2) + 1.6 * np.sin(x / 17)) for x in range(0, _WIDTH + 1, 6)]
    brush.polygon([*shore, (_WIDTH, _HEIGHT), (0, _HEIGHT)], tint((226, 234, 232)))
    wet = [(x, y + 5) for x, y in shore]
    brush.polygon([*wet, (_WIDTH, _HEIGHT), (0, _HEIGHT)], tint((178, 156, 118)))
    dry = [(x, 196 + 4 * np.sin(x / 66 + 1)) for x in range(0, _WIDTH + 1, 6)]
    brush.polygon([*dry, (_WIDTH, _HEIGHT), (0, _HEIGHT)], tint((214, 188, 140)), tint((200, 170, 120)))
    for _ in range(60):
        y = rng.uniform(206, 318)
        x, wide = rng.uniform(-10, _WIDTH), rng.uniform(16, 46)
        brush.limb(
            [(x, y), (x + wide / 2, y - 1.5), (x + wide, y)],
            1.1,
            tint(mix((190, 160, 112), (222, 198, 154), rng.random())),
        )
    for _ in range(26):
        x, y, r = rng.uniform(0, _WIDTH), rng.uniform(214, 318), rng.uniform(0.9, 2)
        brush.ellipse(x, y, r * 1.4, r, tint((226, 212, 190)), tint((158, 136, 108)))


def _yard(brush: Brush, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    """A wooden fence before a hedge, grass and paving stones."""
    for x in np.arange(-10, _WIDTH + 20, 22, dtype=float).tolist():
        r = rng.uniform(20, 30)
        tone = (104, 126, 92)
        brush.ellipse(
            x, 112 + rng.uniform(-8, 8), r, r * 0.9, tint(lighter(tone, 0.12)), tint(darker(tone, 0.8))
        )
    brush.block(0, 116, _WIDTH, 184, tint((84, 104, 74)), tint((62, 78, 56)))
    for y in (118.0, 164.0):
        brush.block(0, y, _WIDTH, y + 7, tint((112, 88, 68)), tint((90, 70, 54)))
    for index, x in enumerate(np.arange(-rng.uniform(0, 18), _WIDTH, 18.5)):
        tone = mix((168, 136, 106), (146, 116, 90), (index * 0.37) % 1)
        brush.polygon(
            [(x, 112), (x + 8.5, 103), (x + 17, 112), (x + 17, 184), (x, 184)],
            tint(lighter(tone, 0.1)),
            tint(darker(tone, 0.8)),
        )
        brush.limb([(x + 4, 114), (x + 4, 183)], 0.7, tint(darker(tone, 0.78)))
        for y in (121.0, 168.0):
            brush.ellipse(x + 8.5, y, 1, 1, tint(darker(tone, 0.55)))
    brush.block(0, 180, _WIDTH, 246, tint((140, 154, 100)), tint((150, 164, 108)))
    for _ in range(260):
        x, y = rng.uniform(0, _WIDTH), rng.uniform(182, 246)
        tone = mix((112, 130, 76), (166, 176, 118), rng.random())
        brush.limb([(x, y), (x + rng.uniform(-1.2, 1.2), y - 3)], 0.9, tint(tone))
    brush.block(0, 246, _WIDTH, _HEIGHT, tint((158, 150, 140)))
    for row, (y0, y1) in enumerate(((248, 266), (268, 290), (292, 318))):
        wide = 56 + 12 * row
        for x in np.arange(-wide * (0.3 + 0.45 * (row % 2)), _WIDTH, wide, dtype=float).tolist():
            tone = mix((190, 180, 166), (172, 164, 154), rng.random())
            brush.block(
                x, y0, x + wide - 2.5, y1, tint(lighter(tone, 0.08)), tint(darker(tone, 0.93)), radius=2
            )


def _soft_shadow(brush: Brush, x: float, y: float, rx: float, ry: float) -> None:
    """A shadow on the ground under a prop."""
    rows = np.linspace(-1, 1, 2 * round(1.3 * ry * brush.unit) + 1)[:, None]
    columns = np.linspace(-1, 1, 2 * round(1.1 * rx * brush.unit) + 1)[None, :]
    dark = np.zeros((rows.shape[0], columns.shape[1], 4), np.uint8)
    dark[..., :3] = (16, 16, 34)
    dark[..., 3] = (np.clip(1.3 * (1 - np.hypot(rows, columns)), 0, 0.42) * 255).astype(np.uint8)
    left, upper = round(x * brush.unit) - dark.shape[1] // 2, round(y * brush.unit) - dark.shape[0] // 2
    brush.stamp(Image.fromarray(dark), left, upper)


def _tree(brush: Brush, x: float, base: float, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    _soft_shadow(brush, x, base, 44, 7)
    bark: Colour = (104, 78, 58)
    brush.polygon(
        [(x - 9, base), (x - 6, base - 60), (x + 6, base - 60), (x + 10, base), (x, base - 3)],
        tint(lighter(bark, 0.12)),
        tint(darker(bark, 0.75)),
    )
    brush.limb([(x, base - 48), (x - 22, base - 76)], 5, tint(bark))
    brush.limb([(x, base - 44), (x + 22, base - 74)], 5, tint(darker(bark, 0.85)))
    leaf: Colour = (66, 100, 52)
    blobs = [
        (-27, -76, 25),
        (27, -74, 25),
        (0, -70, 26),
        (-18, -100, 26),
        (19, -101, 26),
        (0, -124, 24),
        (0, -96, 30),
    ]
    for dx, dy, r in blobs:
        brush.ellipse(x + dx, base + dy + 3, r + 1, r, tint(darker(leaf, 0.66)))
    for dx, dy, r in blobs:
        brush.ellipse(
            x + dx, base + dy, r * 0.92, r * 0.88, tint(lighter(leaf, 0.16)), tint(darker(leaf, 0.8))
        )
    for _ in range(120):
        dx, dy, r = blobs[int(rng.integers(len(blobs)))]
        a, d = rng.uniform(0, 6.28), r * 0.85 * np.sqrt(rng.random())
        tone = mix(darker(leaf, 0.75), lighter(leaf, 0.3), rng.random())
        brush.ellipse(x + dx + d * np.cos(a), base + dy + d * np.sin(a), 2.2, 1.6, tint(tone))


def _bench(brush: Brush, x: float, base: float, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    _soft_shadow(brush, x, base, 72, 6)
    wood: Colour = (150, 100, 60)
    iron = tint((62, 64, 70))
    for dx in (-52.0, 52.0):
        brush.limb([(x + dx, base - 66), (x + dx, base - 2)], 6, iron)
        brush.limb([(x + dx, base - 26), (x + dx + 5, base)], 6, iron)
        brush.limb([(x + dx, base - 42), (x + dx + 9, base - 42)], 5, iron)
    for y in (66.0, 53.0, 40.0):
        brush.block(
            x - 64, base - y, x + 64, base - y + 10, tint(lighter(wood, 0.18)), tint(darker(wood, 0.78)), 2
        )
    brush.block(x - 67, base - 28, x + 67, base - 16, tint(lighter(wood, 0.3)), tint(darker(wood, 0.72)), 3)


def _lamp_post(brush: Brush, x: float, base: float, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    _soft_shadow(brush, x, base, 20, 4)
    iron: Colour = (56, 62, 68)
    brush.block(x - 12, base - 10, x + 12, base + 1, tint(lighter(iron, 0.2)), tint(iron), 2)
    brush.block(x - 7, base - 24, x + 7, base - 8, tint(lighter(iron, 0.16)), tint(iron), 2)
    brush.block(x - 3.6, base - 126, x + 3.6, base - 20, tint(lighter(iron, 0.14)), tint(iron))
    brush.limb([(x - 28, base - 126), (x + 28, base - 126)], 4, tint(iron))
    for side in (-1, 1):
        lx, top = x + side * 28, base - 150
        glass: Colour = (255, 226, 150) if dusk else tint((226, 226, 214))
        if dusk:
            brush.glow(lx, top + 12, 52, (255, 214, 130), 0.85)
        brush.polygon(
            [(lx - 9, top), (lx + 9, top), (lx + 6.5, top + 22), (lx - 6.5, top + 22)],
            glass,
            darker(glass, 0.88),
        )
        brush.polygon([(lx - 12, top + 1), (lx, top - 9), (lx + 12, top + 1)], tint(iron))
        brush.limb([(lx, top), (lx, top + 21)], 1.2, tint(iron))


def _house(brush: Brush, x: float, base: float, tint: Tint, dusk: bool, rng: np.random.Generator) -> None:
    _soft_shadow(brush, x, base, 70, 6)
    wall: Colour = (206, 180, 142)
    roof: Colour = (138, 78, 66)
    brush.block(x + 24, base - 126, x + 37, base - 88, tint((140, 106, 92)), tint((112, 84, 74)))
    brush.block(x - 55, base - 76, x + 55, base, tint(lighter(wall, 0.12)), tint(darker(wall, 0.86)))
    brush.polygon([(x - 66, base - 72), (x - 40, base - 114), (x + 40, base - 114), (x + 66, base - 72)],
                  tint(lighter(roof, 0.12)), tint(darker(roof, 0.8)))  # fmt: skip
    for row in range(1, 5):
        y = base - 114 + row * 8.6
        brush.limb([(x - 40 - row * 5.2, y), (x + 40 + row * 5.2, y)], 0.9, tint(darker(roof, 0.68)))
    brush.block(x - 60, base - 74, x + 60, base - 69, tint(darker(roof, 0.6)))
    brush.block(x - 10, base - 44, x + 12, base, tint((104, 74, 54)), tint((80, 56, 42)), 2)
    brush.ellipse(x + 8, base - 21, 1.6, 1.6, tint((214, 190, 120)))
    for dx in (-45.0, 21.0):
        pane: Colour = (252, 212, 126) if dusk else tint((164, 190, 206))
        brush.block(x + dx - 2, base - 56, x + dx + 26, base - 26, tint((232, 224, 208)))
        brush.block(x + dx, base - 54, x + dx + 24, base - 28, lighter(pane, 0.2), pane)
        brush.limb([(x + dx + 12, base - 54), (x + dx + 12, base - 28)], 1.6, tint((232, 224, 208)))
        brush.limb([(x + dx, base - 41), (x + dx + 24, base - 41)], 1.6, tint((232, 224, 208)))
    brush.block(x - 14, base - 3, x + 16, base + 3, tint((172, 166, 158)), tint((140, 136, 130)), 1)


Painter = Callable[[Brush, Tint, bool, np.random.Generator], None]
BACKDROPS: dict[str, Painter] = {"street": _street, "park": _park, "beach": _beach, "yard": _yard}
"""What paints each place."""

PropPainter = Callable[[Brush, float, float, Tint, bool, np.random.Generator], None]
PROPS: dict[str, PropPainter] = {"tree": _tree, "bench": _bench, "lamp post": _lamp_post, "house": _house}
"""What paints each thing that stands in a place."""


def _grain(pixels: NDArray[np.int16], rng: np.random.Generator) -> None:
    """Roughen the ground a little, so that it is not flat."""
    height, width = pixels.shape[:2]
    top = int(height * _GROUND / _HEIGHT)
    noise = rng.integers(-5, 6, (height - top, width), dtype=np.int16)
    wide = (noise + np.roll(noise, 1, 1) + np.roll(noise, 2, 1)) // 2
    pixels[top:] += wide[..., None]


@lru_cache(maxsize=400)
def background(backdrop: str, prop: str, side: str, light: str, seed: int, width: int, height: int) -> U8:
    """The empty scene, (height, width, 3), read-only."""
    dusk = light == "dusk"
    rng = np.random.default_rng([seed, *backdrop.encode(), *prop.encode()])

    def tint(colour: Colour) -> Colour:
        if not dusk:
            return colour
        red, green, blue = colour
        return (round(red * 0.7), round(green * 0.62), round(blue * 0.78))

    brush = Brush(_WIDTH, _HEIGHT, scale=width / _WIDTH, oversample=2)
    _sky(brush, dusk, rng)
    BACKDROPS[backdrop](brush, tint, dusk, rng)
    x = rng.uniform(66, 84)
    PROPS[prop](brush, x if side == "left" else _WIDTH - x, 197 + rng.uniform(-2, 3), tint, dusk, rng)
    picture = brush.done().convert("RGB")
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(picture).astype(np.int16)
    _grain(pixels, rng)
    frame = np.clip(pixels, 0, 255).astype(np.uint8)
    frame.setflags(write=False)
    return frame
