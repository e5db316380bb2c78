"""Trains the demo find model: the demo model, taught to answer finds with all spans at once, or none.

Knows schedule and checkpoints; the questions are in ``demo_training.finding``.

    python data/train_demo_find_model.py --hours 1    # goes on from the checkpoint when there is one
    python data/train_demo_find_model.py --export-only   # writes the folder from the latest checkpoint
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from demo_training.finding import FindRunner, add_find_tokens, widen
from demo_training.folder import build_processor, export
from demo_training.windows import Footage, draw_sample
from train_demo_model import ROOT, Optimizer, log, mean_of, save
from transformers import AutoTokenizer, Qwen3_5ForConditionalGeneration

REPEATS = 0.6
"""Share of windows that are drawn with events that recur."""


def train(runner: FindRunner, footage: Footage, checkpoint: Path, arguments: argparse.Namespace) -> None:
    """Finds on windows that are never used twice, until the time is up."""
    rng = random.Random(arguments.seed + 1)
    optimizer = Optimizer(runner.model, [], lr=arguments.lr, vision=1.0, warmup=40)
    state = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else {}
    step, spent = state.get("step", 0), state.get("seconds", 0.0)
    if state:
        optimizer.load(state["muon"], state["adam"])
    budget = arguments.hours * 3600
    began, history = time.monotonic() - spent, []
    footage.difficulty.value = 1.0
    while (elapsed := time.monotonic() - began) < budget:
        loss, figures = runner.loss(footage.batch(), rng, finds=arguments.finds)
        loss.backward()
        norm = optimizer.step(step, elapsed / budget)
        history.append({"loss": loss.item(), "norm": norm, **figures})
        step += 1
        if step % 25 == 0:
            done = f"{step} ({100 * elapsed / budget:.1f} %, {elapsed / step:.2f} s a step)"
            log(f"{done}: {mean_of(history[-25:])}")
        if step % 50 == 0:
            save(runner, optimizer, checkpoint, step, elapsed, 1.0)
    save(runner, optimizer, checkpoint, step, time.monotonic() - began, 1.0)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "demo-find-model", help="folder of the model")
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".training", help="folder for checkpoints")
    parser.add_argument("--hours", type=float, default=1.0, help="length of the training, all runs together")
    parser.add_argument("--pairs", type=int, default=64, help="frame pairs a step, all its windows together")
    parser.add_argument("--finds", type=int, default=8, help="questions a window")
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start-from", type=Path, default=ROOT / "demo-model", help="folder to start from")
    parser.add_argument("--export-only", action="store_true", help="write the folder and stop")
    return parser.parse_args(argv)


def main() -> None:
    """Extends the demo model or resumes, trains, writes the folder."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(arguments.start_from)
    model = Qwen3_5ForConditionalGeneration.from_pretrained(arguments.start_from)
    old = len(tokenizer)
    add_find_tokens(tokenizer)
    if len(tokenizer) > old:
        widen(model, tokenizer, old)
    runner = FindRunner(model, build_processor(tokenizer))
    checkpoint = arguments.work / "find.pt"
    if checkpoint.exists():
        model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    if not arguments.export_only:
        runner.check(draw_sample(np.random.default_rng(0), 1.0, 30))
        seed = arguments.seed * 1000 + int(time.time()) % 1000
        train(runner, Footage(seed, pairs=arguments.pairs, repeats=REPEATS), checkpoint, arguments)
    model.model.visual.config._attn_implementation = "sdpa"
    export(model, runner.processor, arguments.out, profile="demo-find")
    log(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
