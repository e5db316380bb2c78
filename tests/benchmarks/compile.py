"""What ``OpenModel.compile()`` brings: a model as it is and a compiled one, in turns.

python -m tests.benchmarks.compile

Times are CPU seconds of this process, which a busy machine disturbs less; on a GPU they are seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from footage.core.types import Frames, Span
from footage.media.sandbox import sample
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen35 import Qwen35Model
from tests.benchmarks import common

CLIP = Path(__file__).resolve().parents[2] / "data" / "footage" / "gate_cam1.mp4"
PARTS = ("vision", "prefill", "answer")


@torch.inference_mode()
def caption(model: Qwen35Model, frames: Frames, clock: Callable[[], float]) -> tuple[dict[str, float], str]:
    """Caption a window that the model does not know; the seconds of each part, and the answer."""
    prepared = model.prepare(frames)
    answers: list[str] = []
    work: dict[str, Callable[[], object]] = {
        "vision": lambda: model._features(prepared.payload),
        "prefill": lambda: model._states([prepared.payload]),
        "answer": lambda: answers.append(
            model.run([(prepared, contract.caption_prompt(model.profile))])[0].raw
        ),
    }
    seconds = {}
    for part in PARTS:
        began = clock()
        work[part]()
        seconds[part] = clock() - began
    return {**seconds, "whole caption": sum(seconds.values())}, answers[0]


def main() -> None:
    """Measure, print and write."""
    arguments = common.parser(__doc__, "compile").parse_args()
    models: dict[str, Qwen35Model] = {}
    for name in ("as it is", "compiled"):
        model = load_model("demo")
        assert isinstance(model, Qwen35Model)
        models[name] = model
    clock = time.process_time if models["compiled"].device.type == "cpu" else time.perf_counter
    frames = sample(
        CLIP,
        Span(0.0, models["compiled"].profile.window_seconds),
        **models["compiled"].profile.frame_budget,
    )
    began = clock()
    models["compiled"].compile()
    first = {"compile()": clock() - began}
    readings: dict[str, list[dict[str, float]]] = {name: [] for name in models}
    answers = set()
    for number in range(arguments.repeats + 2):
        for name in list(models)[:: -1 if number % 2 else 1]:
            seconds, answer = caption(models[name], frames, clock)
            answers.add(answer)
            if number == 0:
                first[f"first caption, {name}"] = seconds["whole caption"]
            elif number > 1:
                readings[name].append(seconds)
    rows = []
    for part in (*PARTS, "whole caption"):
        before, after = (common.spread(each[part] for each in readings[name]) for name in models)
        ratio = before["median"] / after["median"]
        rows.append(
            {
                "part": part,
                "as it is, s": before["median"],
                "compiled, s": after["median"],
                "times as fast": ratio,
            }
        )
    common.show("once", [{"what": name, "s": seconds} for name, seconds in first.items()])
    common.show("each window", rows)
    common.write(arguments.out, {"once": first, "rows": rows, "answers_equal": len(answers) == 1})


if __name__ == "__main__":
    main()
