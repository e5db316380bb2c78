"""Single training pictures: drawn frames and crops of them, with what is seen in each; knows no model."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from footage.synthetic import clips
from footage.synthetic.backdrops import background
from footage.synthetic.sprites import POSES, lay, shadow, sprite

SIDE = 128
"""Width and height of what the model sees, pixels; frames and crops are squeezed to it."""
GRID = 8
"""Patches a side."""
SCALE = 0.5
"""Pixels a design unit. With it all 384 backdrops stay in the cache of ``background``; a frame of 480 x 320
that is shrunk to SIDE looks the same."""
FORMS: tuple[str, ...] = ("car", "person", "dog", "ball", "box", "light", "jumper")
"""What a thing looks like: a kind, or a person who jumps, seen from the front."""
_LEAST_SEEN = 0.3
"""Share of a thing that has to be seen for it to count; what shows less is left out of every judgement."""
_SHADOW = {"car": 150, "person": 66, "jumper": 66, "dog": 104, "ball": 66, "box": 104, "light": 70}
_SIZES = (0.38, 0.55, 0.75, 0.92, 1.0, 1.08)
_SIZE_SHARES = (0.12, 0.14, 0.14, 0.2, 0.2, 0.2)
_sprite = lru_cache(maxsize=16384)(sprite)
"""Keeps what the drawing of clips would draw again: there are more sizes here."""


@dataclass(frozen=True)
class Seen:
    """A thing in a picture."""

    form: int
    """Index in FORMS."""
    colour: int
    """Index in ``clips.COLOURS``."""
    where: int
    """Index in DIRECTIONS + PLACES: what it faces, or where it stands."""
    clear: bool
    """Whether enough of it is seen to name it."""


@dataclass(frozen=True)
class Picture:
    """One drawn picture and the truth about it."""

    pixels: np.ndarray
    """uint8, (3, SIDE, SIDE)."""
    things: tuple[Seen, ...]
    """What stands or moves in it."""
    scene: tuple[int, int, int]
    """Indices of backdrop, light and prop; -1 each where a crop hides too much."""
    patches: np.ndarray
    """int64, (GRID * GRID,): index of the thing that fills most of a patch, -1 for none, -2 for unclear."""


def _scene(rng: np.random.Generator) -> clips.SyntheticScene:
    return clips.random_scene(rng)


def _place(rng: np.random.Generator, form: str, where: str) -> float:
    """The column of a thing, in design units of 480."""
    if where in clips.DIRECTIONS:
        return float(rng.uniform(-20, 500))
    centre = {"on the left": 90.0, "in the middle": 240.0, "on the right": 390.0}[where]
    return centre + float(rng.uniform(-22, 22))


def _choose(rng: np.random.Generator, before: list[tuple[str, str, str]]) -> tuple[str, str, str]:
    """Form, colour and place of one more thing; often close to one that is there already."""
    form = FORMS[rng.integers(len(FORMS))]
    colour = clips.COLOURS[rng.integers(len(clips.COLOURS))]
    crosses = form in clips.CROSSERS
    wheres = clips.DIRECTIONS if crosses else clips.PLACES
    where = wheres[rng.integers(len(wheres))]
    if before and rng.random() < 0.3:  # the same thing in another colour, or another thing in this colour
        if rng.random() < 0.5 and (before[-1][0] in clips.CROSSERS) == crosses:
            form = before[-1][0]
        else:
            colour = before[-1][1]
    return form, colour, where


def _lay_thing(
    frame: np.ndarray,
    owner: np.ndarray,
    number: int,
    what: tuple[str, str, str],
    rng: np.random.Generator,
    scale: float,
    dusk: bool,
) -> int:
    """Draws one thing and notes its pixels; returns how many it has altogether, hidden ones too."""
    form, colour, where = what
    size = float(rng.choice(_SIZES, p=_SIZE_SHARES))
    # What is far away stands higher in the picture and is small.
    ground = float(rng.uniform(222, 312)) if size > 0.7 else float(rng.uniform(200, 300))
    lift = float(rng.uniform(0, 62)) if form in ("ball", "jumper") and rng.random() < 0.7 else 0.0
    pose = int(rng.integers(POSES[form]))
    shade = float((0.93, 1.0, 1.06)[rng.integers(3)])
    opacity = 1.0 if rng.random() < 0.93 else float(rng.uniform(0.5, 1.0))
    x = round(_place(rng, form, where) * scale)
    wide = max(2, round(_SHADOW[form] * (1 - lift / 160) * size * scale))
    dark = shadow(wide, max(2, round(15 * size * scale)), 0.5 if dusk else 0.62)
    lay(frame, dark, x, round((ground - 1) * scale), opacity)
    thing = _sprite(
        form,
        colour,
        pose,
        left=where == "from right to left",
        scale=size * scale,
        shade=shade,
        dusk=dusk,
    )
    y = round((ground - lift * size) * scale)
    lay(frame, thing, x, y, opacity)
    solid = thing.keep[..., 0] < 100
    left, top = x - thing.anchor_x, y - thing.anchor_y
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(frame.shape[1], left + solid.shape[1]), min(frame.shape[0], top + solid.shape[0])
    if x1 > x0 and y1 > y0:
        owner[y0:y1, x0:x1][solid[y0 - top : y1 - top, x0 - left : x1 - left]] = number
    return int(solid.sum())


def _crop_box(owner: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int, int] | None:
    """Left, top, right and lower edge of a crop about some thing, or None where nothing is seen."""
    numbers = [n for n in np.unique(owner) if n >= 0]
    if not numbers:
        return None
    ys, xs = np.nonzero(owner == numbers[rng.integers(len(numbers))])
    if len(ys) < 30:
        return None
    wide, high = xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()
    margins = rng.uniform(-0.05, 0.6, 4) * np.array([wide, high, wide, high])
    height, width = owner.shape
    left, top = max(0, int(xs.min() - margins[0])), max(0, int(ys.min() - margins[1]))
    right, low = min(width, int(xs.max() + 1 + margins[2])), min(height, int(ys.max() + 1 + margins[3]))
    return (left, top, right, low) if right - left >= 12 and low - top >= 12 else None


def _worn(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture as a file or a camera might give it: brighter, darker, compressed."""
    if rng.random() < 0.5:
        gain = rng.uniform(0.85, 1.15) * rng.uniform(0.97, 1.03, 3)
        pixels = np.clip(pixels * gain + rng.uniform(-10, 10), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=int(rng.integers(35, 90)))
        pixels = np.array(Image.open(buffer))
    return pixels


def draw_picture(rng: np.random.Generator) -> Picture:
    """A frame with none to three things, or a crop of one about a thing."""
    scene = _scene(rng)
    width, height, scale = round(480 * SCALE), round(320 * SCALE), SCALE
    back = background(scene.backdrop, scene.prop, scene.side, scene.light, scene.seed, width, height)
    flipped = rng.random() < 0.3
    frame = np.ascontiguousarray(back[:, ::-1] if flipped else back).copy()
    owner = np.full((height, width), -1, np.int16)
    count = int(rng.choice(4, p=(0.08, 0.47, 0.33, 0.12)))
    chosen: list[tuple[str, str, str]] = []
    whole: list[int] = []
    for number in range(count):
        what = _choose(rng, chosen)
        chosen.append(what)
        whole.append(_lay_thing(frame, owner, number, what, rng, scale, scene.light == "dusk"))
    box = _crop_box(owner, rng) if rng.random() < 0.22 else None
    indices = (
        clips.BACKDROPS.index(scene.backdrop),
        clips.LIGHTS.index(scene.light),
        clips.PROPS.index(scene.prop),
    )
    if box is not None:
        left, top, right, low = box
        frame, owner = np.ascontiguousarray(frame[top:low, left:right]), owner[top:low, left:right]
        indices = (-1, -1, -1)
    things, wheres = [], (*clips.DIRECTIONS, *clips.PLACES)
    for number, (form, colour, where) in enumerate(chosen):
        seen = int((owner == number).sum())
        if seen == 0:
            things.append(None)
            continue
        place = wheres.index(where)
        if box is not None and where in clips.PLACES:
            place = -1  # a crop does not show where in the frame a thing stands
        things.append(
            Seen(
                FORMS.index(form),
                clips.COLOURS.index(colour),
                place,
                seen >= _LEAST_SEEN * whole[number] and seen >= 40 * scale * scale,
            )
        )
    pixels = torch.from_numpy(_worn(frame, rng)).permute(2, 0, 1)[None].contiguous()
    small = F.interpolate(pixels, size=(SIDE, SIDE), mode="bicubic", antialias=True)[0].numpy()
    return Picture(small, tuple(t for t in things if t is not None), indices, _patches(owner, things))


def _patches(owner: np.ndarray, things: list[Seen | None]) -> np.ndarray:
    """Which of the things that are seen fills most of each patch."""
    best, label = np.full(GRID * GRID, 0.08), np.full(GRID * GRID, -1)
    index = 0
    for number, thing in enumerate(things):
        if thing is None:
            continue
        mask = torch.from_numpy((owner == number).astype(np.float32))[None, None]
        share = F.interpolate(mask, size=(GRID, GRID), mode="area")[0, 0].numpy().ravel()
        label = np.where(share > best, index if thing.clear else -2, label)
        best = np.maximum(best, share)
        index += 1
    return label.astype(np.int64)
