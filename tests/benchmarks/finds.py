"""Many questions about one window: the vendor's way, decoded once, read once, and answered together.

python -m tests.benchmarks.finds

All four use one pixel budget and must give equal answers; then come ratios. The vendor's way at the budget of
the processor itself is there for information: it shows the model other pictures.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footage.core import frame_budget
from footage.core.types import Frames, Span, Video
from footage.media.video import probe
from footage.synthetic.clips import random_clip, write_clip
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.protocol import Prompt
from tests.benchmarks import common, vendor

Row = dict[str, object]
COUNTS = (1, 5, 20)
SUBJECTS = ("red car", "blue car", "green car", "person in white", "black dog", "yellow bus")
DEEDS = ("drives from left to right", "enters on the left", "stops in the middle", "leaves on the right")
CLIP_FPS = 12


@dataclass(frozen=True)
class Window:
    """The window that is asked about."""

    path: Path
    video: Video
    span: Span

    def decode(self, model: Qwen35Model) -> Frames:
        """Its frames at the model's budget."""
        return vendor.decode(self.path, self.video, self.span, model.profile)


def vendors(model: Qwen35Model, window: Window, prompts: Sequence[Prompt]) -> list[str]:
    """Everything anew for every question."""
    return [vendor.answer(model, model.prepare(window.decode(model)), prompt) for prompt in prompts]


def decoded_once(model: Qwen35Model, window: Window, prompts: Sequence[Prompt]) -> list[str]:
    """Decoded once; seen and read anew for every question."""
    frames = window.decode(model)
    return [vendor.answer(model, model.prepare(frames), prompt) for prompt in prompts]


def read_once(model: Qwen35Model, window: Window, prompts: Sequence[Prompt]) -> list[str]:
    """Decoded, seen and read once; answered one question after the other."""
    prepared = model.prepare(window.decode(model))
    return [model.run([(prepared, prompt)])[0].raw for prompt in prompts]


def together(model: Qwen35Model, window: Window, prompts: Sequence[Prompt]) -> list[str]:
    """Decoded, seen and read once; all questions answered together."""
    prepared = model.prepare(window.decode(model))
    return [answer.raw for answer in model.run([(prepared, prompt) for prompt in prompts])]


WAYS = {"vendor": vendors, "decoded once": decoded_once, "read once": read_once, "together": together}


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "finds")
    arguments.add_argument("--model", default="demo", help="a known model, or a folder")
    given = arguments.parse_args()
    model = load_model(given.model)
    assert isinstance(model, Qwen35Model)
    asked = [contract.find_prompt(f"A {who} {does}", model.profile) for does in DEEDS for who in SUBJECTS]
    with tempfile.TemporaryDirectory() as folder:
        window = _drawn(Path(folder) / "drawn.mp4", model.profile.window_seconds)
        rows = [
            row for count in COUNTS for row in _compared(model, window, asked[:count], repeats=given.repeats)
        ]
        other = _with_own_budget(model)
        seconds = [common.seconds_of(lambda: vendors(other, window, asked[: COUNTS[-1]])) for _ in range(2)]
        rows.append(_row(COUNTS[-1], "vendor, its own budget (informational)", common.spread(seconds), "-"))
    common.show("Many finds on one window", rows)
    common.write(given.out, {"benchmark": "finds", "model": model.provenance.model, "rows": rows})


def _compared(model: Qwen35Model, window: Window, prompts: Sequence[Prompt], *, repeats: int) -> list[Row]:
    """Every way in turns; ratios where all gave the same answers."""
    said: dict[str, list[str]] = {}

    def noting(name: str) -> Callable[[], None]:
        def call() -> None:
            said[name] = WAYS[name](model, window, prompts)

        return call

    took = common.in_turns({name: noting(name) for name in WAYS}, repeats=repeats)
    middle = {name: common.spread(seconds) for name, seconds in took.items()}
    equal = all(texts == said["vendor"] for texts in said.values())
    return [
        _row(
            len(prompts),
            name,
            middle[name],
            round(middle["vendor"]["median"] / middle[name]["median"], 2) if equal else "answers differ",
        )
        for name in WAYS
    ]


def _row(count: int, name: str, took: dict[str, float], ratio: float | str) -> Row:
    each = round(1000 * took["median"] / count, 1)
    return {"finds": count, "way": name, **took, "ms a find": each, "vendor's time over it": ratio}


def _drawn(path: Path, seconds: float) -> Window:
    clip = random_clip(np.random.default_rng(6), duration_seconds=seconds)
    write_clip(clip, path, fps=CLIP_FPS)
    video = probe(path)
    return Window(path, video, Span(0, min(seconds, video.duration_seconds)))


def _with_own_budget(model: Qwen35Model) -> Qwen35Model:
    """The same weights at the processor's own budget for a whole clip."""
    frames = frame_budget.frames_for(model.profile.window_seconds)
    profile = replace(model.profile, pixels_per_frame=vendor.OWN_CLIP_PIXELS // frames)
    return Qwen35Model(
        model._model, model._processor, replace(model._weights, profile=profile), bounds=model._bounds
    )


if __name__ == "__main__":
    main()
