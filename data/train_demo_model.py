"""Trains the demo model: Marlin's architecture and prompts at about 2.3 M parameters, on drawn footage.

Knows the two stages (vision, then language), schedule and checkpoints; the parts are in ``demo_training``.

    python data/train_demo_model.py --hours 3        # goes on from the checkpoint when there is one
    python data/train_demo_model.py --export-only    # writes the folder from the latest checkpoint
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_training.folder import build_model, build_processor, build_tokenizer, export
from demo_training.forward import Runner
from demo_training.windows import Footage, draw_sample
from torch import nn
from transformers import Qwen3_5ForConditionalGeneration

ROOT = Path(__file__).resolve().parent


class Optimizer:
    """Muon for the hidden matrices (Jordan et al. 2024), AdamW for the rest; one cosine schedule for both."""

    def __init__(
        self, model: nn.Module, extra: Sequence[nn.Parameter], *, lr: float, vision: float, warmup: int
    ) -> None:
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            matrix = parameter.ndim == 2 and "embed" not in name
            groups.setdefault((matrix, "visual" in name), []).append(parameter)
        self.muon = torch.optim.Muon(
            [{"params": groups[True, v], "base": lr * (vision if v else 1.0)} for v in (False, True)],
            lr=lr,
            weight_decay=0.01,
            adjust_lr_fn="match_rms_adamw",
        )
        self.adam = torch.optim.AdamW(
            [{"params": groups[False, v], "base": lr * (vision if v else 1.0)} for v in (False, True)]
            + ([{"params": list(extra), "base": lr}] if extra else []),
            lr=lr,
            betas=(0.9, 0.95),
            weight_decay=0.01,
        )
        self.bases = [[group["base"] for group in o.param_groups] for o in (self.muon, self.adam)]
        self.parameters = [p for group in groups.values() for p in group] + list(extra)
        self.warmup = warmup

    def load(self, muon: dict[str, Any], adam: dict[str, Any]) -> None:
        """Takes the state of a checkpoint up, and keeps the learning rates it was made with now."""
        for optimizer, state, bases in zip((self.muon, self.adam), (muon, adam), self.bases, strict=True):
            optimizer.load_state_dict(state)
            for group, base in zip(optimizer.param_groups, bases, strict=True):
                group["base"] = base

    def step(self, step: int, progress: float) -> float:
        """One update at a share ``progress`` of the planned training; returns the gradient norm."""
        scale = min(1.0, (step + 1) / self.warmup) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        )
        for optimizer in (self.muon, self.adam):
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * scale
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.muon.step()
        self.adam.step()
        self.muon.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        return float(norm)


def log(text: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(time.strftime("%H:%M:%S ") + text + "\n")
    sys.stderr.flush()


def mean_of(history: Sequence[dict[str, float]]) -> str:
    """The means of the last figures, for a log line."""
    means = {key: np.nanmean([row[key] for row in history]) for key in history[0]}
    return ", ".join(f"{key} {value:.3f}" for key, value in means.items())


def train_vision(runner: Runner, footage: Footage, *, steps: int, lr: float, seed: int) -> None:
    """Stage one: the vision tower learns to see, with linear heads on its merged tokens."""
    rng = random.Random(seed)
    optimizer = Optimizer(runner.model, list(runner.heads.parameters()), lr=lr, vision=1.0, warmup=50)
    history: list[dict[str, float]] = []
    began = time.monotonic()
    for step in range(steps):
        samples = footage.pairs(rng, count=6)
        tokens = runner.see(samples)
        loss, figures = runner.heads(tokens, samples)
        loss.backward()
        norm = optimizer.step(step, step / steps)
        history.append({"loss": loss.item(), "norm": norm, **figures})
        if step % 25 == 24:
            log(
                f"vision {step + 1}/{steps} {(time.monotonic() - began) / (step + 1):.2f} s a step: "
                + mean_of(history[-25:])
            )


def train_language(runner: Runner, footage: Footage, checkpoint: Path, arguments: argparse.Namespace) -> None:
    """Stage two: captions and finds, from one event in short windows to all that the product meets."""
    rng = random.Random(arguments.seed + 1)
    optimizer = Optimizer(
        runner.model, runner.helpers(), lr=arguments.lr, vision=arguments.vision_lr, warmup=100
    )
    state = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else {}
    start, spent = state.get("step", 0), state.get("seconds", 0.0)
    if state:
        runner.hints.load_state_dict(state["hints"])
        runner.heads.load_state_dict(state["heads"])
        optimizer.load(state["muon"], state["adam"])
    budget = arguments.hours * 3600
    difficulty, learned = state.get("difficulty", arguments.difficulty), 3.0
    began, history, step = time.monotonic() - spent, [], start
    while (elapsed := time.monotonic() - began) < budget:
        progress = elapsed / budget
        floor = (progress - arguments.easy) / 0.25
        rising = difficulty + 0.001 * (learned < 1.0)
        footage.difficulty.value = difficulty = min(1.0, max(rising, floor, 0.0))
        samples = footage.batch()
        loss, figures = runner.loss(samples, rng, finds=arguments.finds)
        loss.backward()
        norm = optimizer.step(step, progress)
        history.append({"loss": loss.item(), "norm": norm, **figures})
        if not math.isnan(figures["find numbers"]):
            learned += 0.05 * (figures["find numbers"] - learned)
        step += 1
        if step % 25 == 0:
            log(
                f"language {step} ({100 * progress:.1f} %, difficulty {footage.difficulty.value:.2f}, "
                f"{elapsed / step:.2f} s a step): " + mean_of(history[-25:])
            )
        if step % 100 == 0:
            save(runner, optimizer, checkpoint, step, elapsed, difficulty)
    save(runner, optimizer, checkpoint, step, time.monotonic() - began, difficulty)


def save(
    runner: Runner, optimizer: Optimizer, checkpoint: Path, step: int, seconds: float, difficulty: float
) -> None:
    """Writes the checkpoint under another name first, so that a kill leaves the last whole one."""
    temporary = checkpoint.with_suffix(".part")
    torch.save(
        {
            "model": runner.model.state_dict(),
            "hints": runner.hints.state_dict(),
            "heads": runner.heads.state_dict(),
            "muon": optimizer.muon.state_dict(),
            "adam": optimizer.adam.state_dict(),
            "step": step,
            "seconds": seconds,
            "difficulty": difficulty,
        },
        temporary,
    )
    temporary.replace(checkpoint)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "demo-model", help="folder the model is written to"
    )
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".training", help="folder for checkpoints")
    parser.add_argument(
        "--hours", type=float, default=3.0, help="length of the language stage, all runs together"
    )
    parser.add_argument("--vision-steps", type=int, default=500)
    parser.add_argument(
        "--easy",
        type=float,
        default=0.4,
        help="share of the time after which harder windows come in any case",
    )
    parser.add_argument("--pairs", type=int, default=144, help="frame pairs a step, all its windows together")
    parser.add_argument("--finds", type=int, default=4, help="find prompts a window")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--vision-lr", type=float, default=0.6, help="its share of it in stage two")
    parser.add_argument(
        "--hints", type=float, default=1.0, help="weight of the hints; 0 for a model that is past them"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--start-from", type=Path, help="written folder whose weights the language stage takes"
    )
    parser.add_argument(
        "--difficulty", type=float, default=0.0, help="where the language stage begins, 0 to 1"
    )
    parser.add_argument(
        "--export-only", action="store_true", help="write the folder from the checkpoint and stop"
    )
    return parser.parse_args(argv)


def main() -> None:
    """Builds or resumes, trains, writes the folder."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    runner = Runner(
        build_model(tokenizer, arguments.seed), build_processor(tokenizer), hint_weight=arguments.hints
    )
    log(f"{sum(p.numel() for p in runner.model.parameters()):,} parameters, {len(tokenizer)} tokens")
    vision, language = arguments.work / "vision.pt", arguments.work / "language.pt"
    if not arguments.export_only:
        runner.check(draw_sample(np.random.default_rng(0), 1.0, 30))
        footage = Footage(arguments.seed * 1000 + int(time.time()) % 1000, pairs=arguments.pairs)
        if not vision.exists() and not arguments.start_from:
            footage.difficulty.value = 0.6
            train_vision(runner, footage, steps=arguments.vision_steps, lr=arguments.lr, seed=arguments.seed)
            torch.save({"model": runner.model.state_dict()}, vision)
        if arguments.start_from and not language.exists():
            started = Qwen3_5ForConditionalGeneration.from_pretrained(arguments.start_from)
            runner.model.load_state_dict(started.state_dict())
        else:
            latest = language if language.exists() else vision
            runner.model.load_state_dict(torch.load(latest, weights_only=True)["model"])
        train_language(runner, footage, language, arguments)
    runner.model.load_state_dict(torch.load(language, weights_only=True)["model"])
    runner.model.model.visual.config._attn_implementation = "sdpa"
    export(runner.model, runner.processor, arguments.out)
    log(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
