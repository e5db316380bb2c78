"""The GPU benchmark's arithmetic, and that no failure ends it; the full shape is counted, never filled."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Span
from footage.vlm.backends.qwen_batches import bounds_for
from tests.benchmarks.gpu import compiled, fast, fits, floor, marlin, right
from tests.benchmarks.gpu.__main__ import PARTS, Part, bad, ran
from tests.benchmarks.gpu.floor import Peaks, Shape
from tests.benchmarks.gpu.rows import Board, OutOfTimeError, Row, SkippedError, line, within

ROOT = Path(__file__).resolve().parents[1]
ONLY_FLOPS, ONLY_BYTES = Peaks(1.0, 1e30, ""), Peaks(1e30, 1.0, "")
"""Cards on which a second is an operation, or a byte."""


@pytest.fixture(scope="module")
def whole():
    return marlin.network(tiny=False, device="meta", dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def shape(whole) -> Shape:
    return floor.shape_of(whole)


@pytest.fixture(scope="module")
def bench() -> fast.Bench:
    return fast.benched(Board("fast", None, seconds=300, tiny=True, peaks=None))


# -- Counts and floors -------------------------------------------------------


def test_the_shape_is_marlins(shape):
    assert shape.text_parameters == 1_881_825_088
    assert shape.vision_parameters == 331_416_576
    assert shape.text_parameters + shape.vision_parameters == 2_213_241_664
    assert shape.key_value_bytes == 12_288
    assert shape.state_bytes == 19_759_104


def test_a_real_state_takes_what_the_shape_says(bench):
    with torch.inference_mode():
        state = fast.read(bench)
    assert state.nbytes == state.length * bench.shape.key_value_bytes + bench.shape.state_bytes


def test_a_tokens_operations_are_two_a_weight_and_attentions_grow_with_the_square(shape):
    first, twice = (floor.prefill_seconds(shape, ONLY_FLOPS, tokens=n) for n in (1000, 2000))
    assert first == 2 * 1_373_265_728 * 1000 + 24_576 * 1000**2 + 2 * shape.embedding
    assert twice - 2 * first == 24_576 * 2 * 1000**2 - 2 * shape.embedding
    step = floor.step_seconds(shape, ONLY_FLOPS, rows=3, context=1000)
    assert step == 3 * (2 * 1_881_825_088 + 4 * 1000 * 2048 * 6)


def test_reading_in_two_parts_is_as_much_work_as_in_one(shape):
    whole = floor.prefill_seconds(shape, ONLY_FLOPS, tokens=900)
    parts = floor.prefill_seconds(shape, ONLY_FLOPS, tokens=600)
    parts += floor.prefill_seconds(shape, ONLY_FLOPS, tokens=300, before=600)
    assert parts - whole == 2 * shape.embedding  # the logits once more


def test_the_vision_tower_costs_a_patch_what_its_layers_do(shape):
    one_pair = floor.vision_seconds(shape, ONLY_FLOPS, pairs=1, patches=720)
    assert floor.vision_seconds(shape, ONLY_FLOPS, pairs=30, patches=720) == pytest.approx(30 * one_pair)
    layers = 24 * (4 * 1024**2 + 2 * 1024 * 4096)
    attention = 24 * 4 * 720 * 1024
    assert one_pair / 720 == pytest.approx(2 * layers + attention, rel=0.05)


def test_a_step_reads_the_weights_once_and_every_cache(shape):
    step = floor.step_seconds(shape, ONLY_BYTES, rows=5, context=100)
    assert step == 2 * 1_881_825_088 + 5 * (100 * 12_288 + 2 * 19_759_104)


@given(st.integers(1, 64), st.integers(1, 30_000), st.floats(1e12, 1e16), st.floats(1e11, 1e13))
def test_rows_together_take_no_longer_than_one_after_the_other(shape, rows, context, flops, bandwidth):
    peaks = Peaks(flops, bandwidth, "")
    alone = floor.step_seconds(shape, peaks, rows=1, context=context)
    together = floor.step_seconds(shape, peaks, rows=rows, context=context)
    assert alone <= together <= rows * alone * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("NVIDIA H200", 4800),
        ("NVIDIA H100 80GB HBM3", 3350),
        ("NVIDIA H100 PCIe", 2000),
        ("NVIDIA A100-SXM4-80GB", 2039),
        ("NVIDIA A100 80GB PCIe", 1935),
        ("NVIDIA A100-SXM4-40GB", 1555),
        ("NVIDIA L40S", 864),
        ("NVIDIA A10", 600),
        ("NVIDIA L4", 300),
        ("NVIDIA GeForce RTX 4090", 1008),
        ("Tesla T4", 320),
        ("NVIDIA A10G", None),
        ("NVIDIA L40", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
    ],
)
def test_a_card_is_known_by_its_own_name_alone(name, gigabytes):
    found = floor.peaks_of(name)
    assert (None if found is None else found.bandwidth) == (None if gigabytes is None else gigabytes * 1e9)


@pytest.mark.parametrize("size", fits.CARDS_GB)
def test_the_products_bounds_leave_room_on_every_card(whole, shape, size):
    row = fits.planned(whole, size)
    assert row.status == "ok" and 4.4 < row.value < 0.75 * size
    bounds = bounds_for(whole, torch.device("cuda"), memory_bytes=size * 10**9)
    assert bounds.tokens == size * 10**9 // 5 // shape.key_value_bytes


# -- What is measured is what the product does -----------------------------------


def test_a_static_cache_writes_what_the_products_cache_writes(bench):
    with torch.inference_mode():
        expected = compiled.growing(bench, 3)()
        made = compiled.Static(bench, 3)
        assert torch.equal(made.write(made.step), expected)
        made.restart()
        assert torch.equal(made.write(made.step), expected)
    assert expected.shape == (3, compiled.STEPS) and len(set(expected[0].tolist())) > 1


def test_answers_have_the_length_that_they_are_given(bench):
    asked = [marlin.find(number) for number in range(2)]
    answers = bench.model.run([(marlin.another(bench.shown), prompt) for prompt in asked])
    assert [len(answer.token_logprobs) for answer in answers] == [marlin.FIND_TOKENS] * 2
    ended = marlin.model(bench.network, bench.model._bounds, stop_ids=range(1024))
    [answer] = ended.run([(marlin.another(bench.shown), asked[0])])
    assert len(answer.token_logprobs) == 1 and answer.finish_reason == "stop"


def test_a_window_at_the_contracts_budget_has_5400_video_tokens(whole, bench):
    model = marlin.model(bench.network, bench.model._bounds)
    clip = model.prepare(marlin.frames(tiny=False)).payload
    assert clip.grid.tolist() == [[30, 20, 36]]
    assert int((clip.ids == whole.config.video_token_id).sum()) == 5400


def test_spans_are_compared_by_their_further_end():
    assert right.furthest(Span(1, 4), Span(1.5, 6)) == 2
    assert right.furthest(None, None) == 0 and right.furthest(None, Span(0, 1)) == float("inf")


# -- Nothing ends it ---------------------------------------------------------------


def fails() -> float:
    raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")


def skips() -> float:
    raise SkippedError("needs CUDA")


def test_what_a_measurement_raises_becomes_a_row_and_the_next_goes_on(tmp_path):
    board = Board("fast", tmp_path / "rows.jsonl", seconds=300, tiny=True, peaks=ONLY_BYTES)
    assert board.measure("one", fails, unit="ms") is None
    assert board.measure("two", skips, unit="ms") is None
    assert board.measure("three", lambda: 8.0, unit="ms", floor=lambda peaks: 2 * peaks.bandwidth) == 8.0
    assert [row.status for row in board.rows] == ["failed", "skipped", "ok"]
    assert board.rows[0].note == "OutOfMemoryError: CUDA out of memory."
    assert board.rows[2].share == 0.25 and "25 %" in line(board.rows[2])
    written = [Row(**json.loads(text)) for text in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert written == board.rows


def test_a_rate_is_compared_with_the_best_rate():
    assert Row("fast", "captions", 20.0, "captions/s", 80.0).share == 0.25
    assert Row("fast", "captions", None, "captions/s", 80.0).share is None


def test_a_measurement_that_takes_too_long_is_interrupted():
    def endless() -> float:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    with pytest.raises(OutOfTimeError):
        within(0.05, endless)
    board = Board("fast", None, seconds=0, tiny=True, peaks=None)
    assert board.measure("one", endless) is None and board.rows[0].note == "no time left"


def test_a_part_that_ends_badly_leaves_its_rows_and_one_without_time_says_so():
    part = Part("standin_gpu_part", 60.0, package="tests")
    rows = ran([part, replace(part, seconds=0.0)], [], 120.0)
    assert [(row.what, row.status) for row in rows] == [
        ("a row", "ok"),
        ("the rest of it", "failed"),
        ("all of it", "skipped"),
    ]
    assert rows[1].note == "the process ended with 3"


def test_only_what_has_to_be_right_decides_the_exit_status():
    failed = Row("fast", "cuDNN", status="failed")
    assert not bad([failed, Row("right", "tests", status="skipped"), Row("right", "all", 3)])
    assert bad([Row("fits", "16 GB", 15.0, "GB", status="wrong")])
    assert bad([replace(failed, part="right")])


def test_all_parts_together_have_their_time():
    assert sum(part.seconds for part in PARTS[:-1]) < 500


def test_it_imports_nothing_that_a_bare_gpu_machine_lacks():
    modules = ", ".join(f"tests.benchmarks.gpu.{part.name}" for part in PARTS)
    heavy = "av lancedb torchcodec streamlit sentence_transformers pyarrow pydantic_settings qwen_vl_utils"
    script = f"import sys, {modules}; print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
