"""compile() of an open model: the same answers, no cache touched, one sentence without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_molmo2
from standin_model import StandinModel
from torch._dynamo.utils import counters

from footage import open_model
from footage.core.errors import UsageError
from footage.core.types import Span
from footage.inference.models import OpenModel
from footage.media.sandbox import sample
from footage.vlm import contract
from footage.vlm.profiles import DEMO

CLIP = Path(__file__).resolve().parents[1] / "data" / "footage" / "gate_cam1.mp4"

needs_demo_model = pytest.mark.skipif(
    not any((DEMO.folder or Path()).glob("*.safetensors")), reason="needs the weights in data/demo-model"
)


@needs_demo_model
@pytest.mark.demo_model
def test_a_compiled_model_says_the_same_of_windows_of_any_length():
    plain, compiled = (open_model("demo", device="cpu", offline=True) for _ in range(2))
    compiled.compile()
    counters.clear()
    for span in (Span(0.0, 16.0), Span(24.0, 31.0)):
        frames = sample(CLIP, span, **DEMO.frame_budget)
        answers = []
        for model in (plain.model, compiled.model):
            window = model.prepare(frames)
            prompts = [contract.caption_prompt(DEMO), contract.find_prompt("a yellow car drives", DEMO)]
            answers.append(model.run([(window, prompt) for prompt in prompts]))
        for one, other in zip(*answers, strict=True):
            assert other.raw == one.raw
            assert other.token_logprobs == pytest.approx(one.token_logprobs, abs=1e-3)
    assert counters["stats"]["unique_graphs"] >= 4  # norms and MLPs of both towers
    assert not counters["graph_break"]


def test_molmo2_compiles_its_layers_too(tmp_path):
    opened = open_model(str(tiny_molmo2.write_tiny_model(tmp_path / "tiny")), device="cpu")
    opened.compile()
    modules = opened.model._model.named_modules()
    compiled = [name for name, module in modules if module._compiled_call_impl is not None]
    assert any("vision" in name or "vit" in name for name in compiled), compiled
    assert any(name.endswith("layers.0.mlp") or name.endswith("blocks.0.mlp") for name in compiled), compiled
    assert not any("attn" in name.rpartition(".")[2] and "norm" not in name for name in compiled)


def test_without_a_compiler_it_is_one_sentence(tmp_path):
    code = (
        "from footage import open_model\n"
        "from footage.core.errors import DependencyError\n"
        f"model = open_model({str(tiny_molmo2.write_tiny_model(tmp_path / 'tiny'))!r}, device='cpu')\n"
        "try:\n    model.compile()\nexcept DependencyError as exc:\n    print(f'{exc}|{exc.hint}')\n"
    )
    env = {**os.environ, "CXX": "/nowhere/g++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    said, _, hint = done.stdout.strip().partition("|")
    assert said.startswith("torch cannot compile on this machine (") and "/nowhere/g++" in said
    assert "apt-get install g++" in hint and "\n" not in said


def test_a_model_that_runs_elsewhere_cannot_be_compiled():
    with pytest.raises(UsageError, match="does not run in this process"):
        OpenModel(StandinModel()).compile()
