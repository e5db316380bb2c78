"""Captioning sixty windows: the vendor's loop, one window after the other, and the product's batches.

python -m tests.benchmarks.captions

Both decode the same windows at one pixel budget; the ratio counts where both said the same. The stages are
the product's own; the cost of a stage in the vendor's loop is not known.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from footage.core.types import Span, Video
from footage.core.windows import plan_windows
from footage.media.video import probe
from footage.synthetic.clips import random_clip, write_clip
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen35 import Qwen35Model
from tests.benchmarks import common, vendor

CLIP_SECONDS = 256.0
CLIP_FPS = 12


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "captions")
    arguments.add_argument("--model", default="demo", help="a known model, or a folder")
    arguments.add_argument("--windows", type=int, default=60, help="how many windows")
    arguments.add_argument("--batch", type=int, default=0, help="windows a batch; 0 for what the model takes")
    given = arguments.parse_args()
    model = load_model(given.model)
    assert isinstance(model, Qwen35Model)
    said: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        windows = _drawn(Path(folder), given.windows, model)
        ways: dict[str, Callable[[], list[str]]] = {
            "vendor": lambda: one_by_one(model, windows),
            "ours": lambda: in_batches(model, windows, given.batch or model.capabilities.max_batch),
        }

        def noting(name: str) -> Callable[[], None]:
            def call() -> None:
                said[name] = ways[name]()

            return call

        before = dict(model.stage_seconds)
        took = common.in_turns({name: noting(name) for name in ways}, repeats=given.repeats)
    seconds = sum(span.duration_seconds for _, _, span in windows)
    middle = {name: common.spread(values) for name, values in took.items()}
    same = sum(a == b for a, b in zip(*said.values(), strict=True))
    rows = [
        {
            "way": name,
            **middle[name],
            "footage s a second": round(seconds / middle[name]["median"], 1),
            "vendor's time over it": round(middle["vendor"]["median"] / middle[name]["median"], 2),
        }
        for name in ways
    ]
    calls = given.repeats + 1
    stages = {
        name: round((spent - before.get(name, 0.0)) / calls, 3) for name, spent in model.stage_seconds.items()
    }
    tokens = sum(len(model._tokenizer(text)["input_ids"]) for text in said["ours"])
    common.show(f"Captioning {len(windows)} windows, {seconds:.0f} s of footage", rows)
    facts = {
        "windows": len(windows),
        "footage_seconds": seconds,
        "equal_answers": same,
        "tokens_written": tokens,
        "stage_seconds_of_ours": stages,
        **common.memory_mb(),
    }
    common.show("Facts", [{"what": name, "value": str(value)} for name, value in facts.items()])
    common.write(given.out, {"benchmark": "captions", "model": model.provenance.model, "rows": rows, **facts})


Shown = tuple[Path, Video, Span]


def one_by_one(model: Qwen35Model, windows: list[Shown]) -> list[str]:
    """The vendor's loop."""
    prompt = contract.caption_prompt(model.profile)
    return [
        vendor.answer(model, model.prepare(vendor.decode(*window, model.profile)), prompt)
        for window in windows
    ]


def in_batches(model: Qwen35Model, windows: list[Shown], size: int) -> list[str]:
    """The product's way; what decoding ahead in a thread gains is left out."""
    prompt = contract.caption_prompt(model.profile)
    said: list[str] = []
    for first in range(0, len(windows), size):
        batch = windows[first : first + size]
        prepared = [model.prepare(vendor.decode(*window, model.profile)) for window in batch]
        said += [answer.raw for answer in model.run([(window, prompt) for window in prepared])]
    return said


def _drawn(folder: Path, count: int, model: Qwen35Model) -> list[Shown]:
    """Windows of drawn clips, as many as wanted."""
    rng = np.random.default_rng(8)
    windows: list[Shown] = []
    while len(windows) < count:
        path = folder / f"{len(windows)}.mp4"
        write_clip(random_clip(rng, duration_seconds=CLIP_SECONDS), path, fps=CLIP_FPS)
        video = probe(path)
        planned = plan_windows(
            "",
            video.duration_seconds,
            window_seconds=model.profile.window_seconds,
            overlap_seconds=model.profile.overlap_seconds,
        )
        windows += [(path, video, window.span) for window in planned]
    return windows[:count]


if __name__ == "__main__":
    main()
