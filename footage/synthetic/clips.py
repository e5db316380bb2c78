"""Draws and writes fixed-camera footage whose events are known exactly; knows no model, index or store."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footage.synthetic.backdrops import BACKDROPS as _PAINTERS
from footage.synthetic.backdrops import PROPS as _PROP_PAINTERS
from footage.synthetic.backdrops import background
from footage.synthetic.other_sprites import other_sprite
from footage.synthetic.paraphrases import reword
from footage.synthetic.sprites import COLOURS as _PALETTE
from footage.synthetic.sprites import POSES, lay, shadow, sprite
from footage.synthetic.styles import DAY, DrawnStyle, restyle
from footage.synthetic.writing import aware, write_video

CROSSERS: dict[str, str] = {"car": "drives", "person": "walks", "dog": "runs"}
"""What crosses the picture, and its verb."""
STAYERS: dict[str, str] = {"person": "jumps", "ball": "bounces", "box": "sits", "light": "blinks"}
"""What stays in its place, and its verb."""
KINDS: tuple[str, ...] = ("car", "person", "dog", "ball", "box", "light")
COLOURS: tuple[str, ...] = tuple(_PALETTE)
DIRECTIONS: tuple[str, ...] = ("from left to right", "from right to left")
PLACES: tuple[str, ...] = ("on the left", "in the middle", "on the right")
BACKDROPS: tuple[str, ...] = tuple(_PAINTERS)
PROPS: tuple[str, ...] = tuple(_PROP_PAINTERS)
SIDES: tuple[str, ...] = ("left", "right")
LIGHTS: tuple[str, ...] = ("day", "dusk")
GRID_SECONDS = 0.5
"""Events begin and end on multiples of this."""
SCENE_SEEDS = 6
"""`random_clip` draws scene seeds below this, so that backdrops are painted once and kept."""

_DESIGN_WIDTH = 480.0
_PLACE_X = {"on the left": 90.0, "in the middle": 240.0, "on the right": 390.0}
_LANE_Y = {"far": 228.0, "near": 304.0}
_HALF = {"car": 68.0, "person": 28.0, "dog": 60.0}
_SHADOW = {"car": 150.0, "person": 66.0, "dog": 104.0, "ball": 66.0, "box": 104.0, "light": 70.0}
_SIZES = (0.92, 1.0, 1.08)
_SHADES = (0.93, 1.0, 1.06)


@dataclass(frozen=True)
class SyntheticEvent:
    """One thing that happens, once."""

    kind: str
    """What it is: one of KINDS."""
    colour: str
    """Its colour: one of COLOURS."""
    verb: str
    """What it does, as in CROSSERS or STAYERS."""
    where: str
    """One of DIRECTIONS for what crosses, one of PLACES for what stays."""
    start_seconds: float
    """When it begins, seconds of video time."""
    end_seconds: float
    """When it is over (half-open), seconds of video time."""
    seed: int
    """Decides size, shade and exact position."""
    lane: str = "near"
    """How far from the camera: "far" or "near"; events that overlap in time differ in it."""
    size: float = 1.0
    """How large it is drawn, of its usual size; small for what is very far away."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        crosses = CROSSERS.get(self.kind) == self.verb and self.where in DIRECTIONS
        stays = STAYERS.get(self.kind) == self.verb and self.where in PLACES
        if not (crosses or stays) or self.colour not in COLOURS or self.lane not in _LANE_Y:
            raise ValueError(
                f"no such synthetic event: {self.sentence!r} (lane {self.lane!r}); see ALL_EVENTS"
            )
        if not 0 <= self.start_seconds < self.end_seconds:
            raise ValueError(
                f"an event must end after it starts: {self.start_seconds} to {self.end_seconds} s"
            )

    @property
    def sentence(self) -> str:
        """Its caption."""
        return f"A {self.colour} {self.kind} {self.verb} {self.where}."

    @property
    def crosses(self) -> bool:
        """Whether it crosses the picture (otherwise it stays in its place)."""
        return self.where in DIRECTIONS


@dataclass(frozen=True)
class SyntheticScene:
    """The place a fixed camera looks at."""

    backdrop: str
    """One of BACKDROPS."""
    prop: str
    """What stands there: one of PROPS."""
    side: str
    """Where it stands: "left" or "right"."""
    light: str
    """"day" or "dusk"."""
    seed: int
    """Decides clouds, façades, grass and the like."""

    @property
    def sentence(self) -> str:
        """Its caption."""
        dusk = " at dusk" if self.light == "dusk" else ""
        return f"A {self.backdrop}{dusk} with a {self.prop} on the {self.side}."


@dataclass(frozen=True)
class SyntheticClip:
    """A scene and what happens in it."""

    scene: SyntheticScene
    """The place."""
    events: tuple[SyntheticEvent, ...]
    """What happens, by start; at most two at a time."""
    duration_seconds: float
    """Length, seconds."""
    seed: int
    """Decides the wording of paraphrases."""


def _all_events() -> tuple[tuple[str, str, str, str], ...]:
    crossing = [(k, c, v, w) for k, v in CROSSERS.items() for c in COLOURS for w in DIRECTIONS]
    staying = [(k, c, v, w) for k, v in STAYERS.items() for c in COLOURS for w in PLACES]
    return (*crossing, *staying)


ALL_EVENTS: tuple[tuple[str, str, str, str], ...] = _all_events()
"""Everything that can happen: (kind, colour, verb, where)."""


def _sentence(what: tuple[str, str, str, str]) -> str:
    kind, colour, verb, where = what
    return f"A {colour} {kind} {verb} {where}."


ALL_SENTENCES: tuple[str, ...] = tuple(_sentence(what) for what in ALL_EVENTS)
"""The sentence of each of ALL_EVENTS."""


# Making clips


def random_scene(rng: np.random.Generator) -> SyntheticScene:
    """Some place in some light."""
    backdrop, prop = BACKDROPS[rng.integers(len(BACKDROPS))], PROPS[rng.integers(len(PROPS))]
    side, light = SIDES[rng.integers(2)], LIGHTS[rng.integers(2)]
    return SyntheticScene(backdrop, prop, side, light, int(rng.integers(SCENE_SEEDS)))


def _draw_event(
    rng: np.random.Generator, events: Sequence[SyntheticEvent], start: float, end: float, repeat: float
) -> SyntheticEvent | None:
    """Choose what happens from start to end, given what else does; None where nothing fits."""
    meanwhile = [e for e in events if e.start_seconds < end and start < e.end_seconds]
    near = {e.sentence for e in events if e.start_seconds < end + 1.0 and start - 1.0 < e.end_seconds}
    taken = {e.where for e in meanwhile if not e.crosses}
    again = bool(events) and rng.random() < repeat
    for _ in range(20):
        if again:
            e = events[int(rng.integers(len(events)))]
            what = (e.kind, e.colour, e.verb, e.where)
        elif rng.random() < 0.5:
            what = ALL_EVENTS[rng.integers(36)]
        else:
            what = ALL_EVENTS[rng.integers(36, len(ALL_EVENTS))]
        if _sentence(what) not in near and what[3] not in taken:
            return SyntheticEvent(*what, start, end, int(rng.integers(2**31)))
    return None


def _with_lanes(events: list[SyntheticEvent], rng: np.random.Generator) -> tuple[SyntheticEvent, ...]:
    """Put events that overlap on different lanes (each overlaps at most one that began before it)."""
    done: list[SyntheticEvent] = []
    for event in sorted(events, key=lambda e: (e.start_seconds, e.end_seconds)):
        before = next((e for e in reversed(done) if e.end_seconds > event.start_seconds), None)
        lane = ("far", "near")[rng.integers(2)]
        if before is not None:
            lane = "far" if before.lane == "near" else "near"
        done.append(replace(event, lane=lane))
    return tuple(done)


def random_clip(
    rng: np.random.Generator,
    *,
    duration_seconds: float,
    events_per_minute: float = 12.0,
    overlap: float = 0.25,
    repeat: float = 0.15,
    event_seconds: tuple[float, float] = (2.0, 8.0),
    scene: SyntheticScene | None = None,
) -> SyntheticClip:
    """A clip of this length in which things happen at random.

    Args:
        rng: Where the randomness comes from.
        duration_seconds: Length of the clip.
        events_per_minute: How many events to aim for; fewer when they do not fit.
        overlap: Probability that an event overlaps another one (never more than two at a time).
        repeat: Probability that an event repeats the sentence of another one in the clip.
        event_seconds: Shortest and longest event.
        scene: The place; a random one if None.
    """
    scene = scene or random_scene(rng)
    cells = int(duration_seconds / GRID_SECONDS)
    shortest, longest = (round(s / GRID_SECONDS) for s in event_seconds)
    busy = np.zeros(cells + 2, np.int8)
    events: list[SyntheticEvent] = []
    expected = duration_seconds / 60 * events_per_minute
    wanted = math.floor(expected) + int(rng.random() < expected % 1)
    for _ in range(wanted):
        overlapping = bool(events) and rng.random() < float(overlap)
        for _ in range(40):
            length = int(rng.integers(shortest, longest + 1))
            if length > cells:
                continue
            first = int(rng.integers(0, cells - length + 1))
            last = first + length
            there = busy[first:last] if overlapping else busy[max(0, first - 1) : last + 1]
            if there.max() != int(overlapping):
                continue
            event = _draw_event(rng, events, first * GRID_SECONDS, last * GRID_SECONDS, repeat)
            if event is None:
                continue
            events.append(event)
            busy[first:last] += 1
            break
    return SyntheticClip(scene, _with_lanes(events, rng), float(duration_seconds), int(rng.integers(2**31)))


# Drawing


@dataclass(frozen=True)
class _Cast:
    """An event's jitter, drawn from its seed."""

    size: float
    shade: float
    dx: float
    dy: float
    phase: float


def _cast(event: SyntheticEvent) -> _Cast:
    rng = np.random.default_rng(event.seed)
    return _Cast(
        _SIZES[rng.integers(3)] * event.size,
        _SHADES[rng.integers(3)],
        float(rng.uniform(-15, 15)),
        float(rng.uniform(-5, 5)),
        float(rng.uniform(0, 1)),
    )


def _draw(
    frame: NDArray[np.uint8],
    event: SyntheticEvent,
    cast: _Cast,
    time: float,
    scale: float,
    dusk: bool,
    style: DrawnStyle,
) -> None:
    """Draw one event as it is at one moment."""
    age, left = time - event.start_seconds, event.end_seconds - time
    ground = _LANE_Y[event.lane] + cast.dy
    lift, wide, opacity = 0.0, 1.0, 1.0
    what, pose = event.kind, 0
    if event.crosses:
        # It shows a sliver at its start and has just left at its end.
        half = _HALF[event.kind] * cast.size
        done = age / (event.end_seconds - event.start_seconds)
        x = -0.86 * half + (_DESIGN_WIDTH + 1.86 * half) * done
        steps = {"car": x / 8.0, "person": (x / 76.0 / cast.size) * 8, "dog": (x / 104.0 / cast.size) * 8}[
            event.kind
        ]
        pose = int(steps) % POSES[event.kind]
        if event.where == "from right to left":
            x = _DESIGN_WIDTH - x
    else:
        x = _PLACE_X[event.where] + cast.dx
        opacity = min(1.0, 0.35 + age / 0.25 * 0.65, left / 0.15)
        beat = age + cast.phase
        if event.verb == "bounces":
            u = beat / 0.85 % 1
            lift = 62 * 4 * u * (1 - u)
            pose = int(lift < 4)
        elif event.verb == "jumps":
            what = "jumper"
            u = beat / 0.95 % 1
            air = max(0.0, (u - 0.3) / 0.7)
            lift = 44 * 4 * air * (1 - air)
            pose = 2 if lift > 14 else 1 if lift > 0 or u > 0.24 else 0
        elif event.verb == "blinks":
            pose = int(beat % 1.0 < 0.5)
        wide = 1 - lift / 160
    size = cast.size * scale
    drawing = other_sprite if style.other_sprites else sprite
    picture = drawing(what, event.colour, pose, left=event.where == "from right to left", scale=size,
                      shade=cast.shade, dusk=dusk)  # fmt: skip
    dark = shadow(round(_SHADOW[event.kind] * wide * size), round(15 * size), 0.5 if dusk else 0.62)
    column = round(x * scale)
    lay(frame, dark, column, round((ground - 1) * scale), opacity)
    lay(frame, picture, column, round((ground - lift * cast.size) * scale), opacity)


def render(
    clip: SyntheticClip,
    times: Sequence[float] | NDArray[np.floating[Any]],
    *,
    width: int = 480,
    height: int = 320,
    style: DrawnStyle = DAY,
) -> NDArray[np.uint8]:
    """The frames of a clip at these moments of video time, (len(times), height, width, 3).

    Args:
        clip: What to draw.
        times: Seconds of video time, in any order; moments outside the clip show the empty scene.
        width: Pixels, of a 3:2 picture.
        height: Pixels.
        style: What it looks like.
    """
    scene = clip.scene
    back = background(scene.backdrop, scene.prop, scene.side, scene.light, scene.seed, width, height)
    frames = np.empty((len(times), height, width, 3), np.uint8)
    frames[:] = back
    moments = np.asarray(times, dtype=np.float64)
    for event in sorted(clip.events, key=lambda e: e.lane):  # "far" comes before "near"
        shown = np.flatnonzero((moments >= event.start_seconds) & (moments < event.end_seconds))
        if shown.size == 0:
            continue
        cast = _cast(event)
        for index in shown:
            _draw(
                frames[index],
                event,
                cast,
                float(moments[index]),
                width / _DESIGN_WIDTH,
                scene.light == "dusk",
                style,
            )
    return restyle(frames, moments, style, clip.seed)


# Truth and files


def paraphrase(event: SyntheticEvent, rng: np.random.Generator) -> str:
    """The event in somebody's own words, as a query might be."""
    return reword(event.kind, event.colour, event.verb, event.where, rng)


def truth(
    clip: SyntheticClip, *, camera: str | None = None, recorded_at: datetime | None = None
) -> dict[str, Any]:
    """What happens in a clip, ready for JSON: each sentence with all its spans, and the timeline.

    Args:
        clip: The clip.
        camera: The name of the camera, where there are several.
        recorded_at: The wall clock at the clip's first frame; UTC if it names no zone.
    """
    rng = np.random.default_rng(clip.seed)
    spans: dict[str, list[list[float]]] = {}
    words: dict[str, str] = {}
    for event in clip.events:
        spans.setdefault(event.sentence, []).append([event.start_seconds, event.end_seconds])
        words.setdefault(event.sentence, paraphrase(event, rng))
    entry: dict[str, Any] = {"duration": clip.duration_seconds, "scene": clip.scene.sentence}
    if camera is not None:
        entry["camera"] = camera
    if recorded_at is not None:
        entry["recorded_at"] = aware(recorded_at).isoformat()
    entry["events"] = [
        {"id": f"e{n}", "query": sentence, "paraphrase": words[sentence], "spans": spans[sentence]}
        for n, sentence in enumerate(spans, 1)
    ]
    entry["timeline"] = [
        {"text": e.sentence, "start": e.start_seconds, "end": e.end_seconds} for e in clip.events
    ]
    return entry


_ELSEWHERE = (
    "A horse gallops along the shore.",
    "Two children build a snowman.",
    "A plane lands on a runway.",
    "Someone plays the piano.",
    "A boat sinks in a storm.",
)


def ground_truth(
    videos: Mapping[str, Mapping[str, Any]], *, seed: int = 0, negatives: int = 10
) -> dict[str, Any]:
    """The ground-truth file of several clips, ready for JSON.

    Args:
        videos: Path of each clip, relative to the file, and its `truth`.
        seed: Decides which absent sentences are listed.
        negatives: How many queries to list that no clip answers, half of them from outside the domain.
    """
    present = {event["query"] for video in videos.values() for event in video["events"]}
    absent = [sentence for sentence in ALL_SENTENCES if sentence not in present]
    outside = list(_ELSEWHERE[: negatives // 2])
    shuffled = [absent[int(index)] for index in np.random.default_rng(seed).permutation(len(absent))]
    seen: Counter[str] = Counter()
    turn: dict[str, int] = {}  # the first of each kind, then the second of each, ...
    for sentence in shuffled:
        kind = sentence.split()[2]
        turn[sentence] = seen[kind]
        seen[kind] += 1
    inside = sorted(shuffled, key=turn.__getitem__)[: negatives - len(outside)]
    return {
        "annotator": "drawn by footage.synthetic.clips: exact",
        "time_base": "seconds of presentation time with the stream start at 0; spans are half-open",
        "negative_queries": inside + outside,
        "videos": dict(videos),
    }


def write_clip(
    clip: SyntheticClip,
    path: str | os.PathLike[str],
    *,
    fps: float | Fraction = 25,
    width: int = 480,
    height: int = 320,
    crf: float = 23,
    style: DrawnStyle = DAY,
    recorded_at: datetime | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write a clip as mp4 (H.264, yuv420p); frame n is what is seen at n / fps seconds.

    Args:
        clip: What to draw.
        path: The file; it appears only when complete.
        fps: Frames a second; 29.97 and the like are best given as a Fraction.
        width: Pixels, even.
        height: Pixels, even.
        crf: Quality of x264, lower is better.
        style: What it looks like.
        recorded_at: The wall clock at the first frame, for the file's creation_time; UTC if it names no zone.
        progress: Called with the seconds written so far.
    """
    write_video(
        path,
        lambda times: render(clip, times, width=width, height=height, style=style),
        duration_seconds=clip.duration_seconds,
        fps=fps,
        width=width,
        height=height,
        crf=crf,
        recorded_at=recorded_at,
        progress=progress,
    )
