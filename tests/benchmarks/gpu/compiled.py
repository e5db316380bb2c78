"""The decode step with and without torch.compile and CUDA graphs; the candidates for the product's next step.

A static cache has all its room from the start and a mask of what is written, so that every step has the same
shapes: that is what a graph or a compiled step needs. Each way begins from the same window's state and writes
the same number of tokens; the note says how many of them are those that the product's way writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import StaticCache

from footage.vlm.kv_cache import State, merge
from tests.benchmarks.gpu import fast, floor
from tests.benchmarks.gpu.fast import Bench
from tests.benchmarks.gpu.rows import SkippedError, milliseconds, opened

STEPS, REPEATS = 16, 3
WARM_STEPS = 3
"""Steps before a graph is captured."""
ROOM = 128
"""Tokens that a cache has room for after the window."""


def main() -> None:
    """Every way at two batches: first what needs no compiler."""
    board = opened("compiled")
    if board.peaks is None:
        board.peaks = fast.ceilings(board)
    bench = fast.benched(board)
    batches = (1,) if board.tiny else (1, 32)
    expected: dict[int, Tensor] = {}
    ways: dict[str, Callable[[Bench, int], Steps]] = {
        "the product's cache": growing,
        "static cache": static,
        "static cache, CUDA graph": captured,
        "static cache, torch.compile reduce-overhead": lambda bench, rows: compiled(
            bench, rows, "reduce-overhead"
        ),
        "static cache, torch.compile": lambda bench, rows: compiled(bench, rows, "default"),
    }
    with torch.inference_mode():
        for name, way in ways.items():
            for rows in batches:
                measured(bench, name, way, rows, expected)


Steps = Callable[[], Tensor]
"""Writes ``STEPS`` tokens a row and returns them, (rows, steps); continues when it is called again."""


def measured(
    bench: Bench,
    name: str,
    way: Callable[[Bench, int], Steps],
    rows: int,
    expected: dict[int, Tensor],
) -> None:
    """One way at one batch; what the first way writes is what the others are compared with."""
    board, shape, length = bench.board, bench.shape, len(bench.clip.ids)
    bench.said.clear()

    def timed() -> float:
        step = way(bench, rows)
        wrote = step().cpu()
        expected.setdefault(rows, wrote)
        same = int((wrote == expected[rows]).all(0).sum())
        bench.said.append(f"{same} of {STEPS} tokens as the product's")
        return milliseconds(step, repeats=REPEATS, warm=1, steps=STEPS)

    board.measure(
        f"step, batch {rows}, {name}",
        timed,
        unit="ms",
        floor=lambda peaks: 1000 * floor.step_seconds(shape, peaks, rows=rows, context=length),
        note=lambda: ", ".join(bench.said),
        at_most=60 if "compile" not in name else 150,
    )
    torch.compiler.reset()


def _start(bench: Bench, state: State, rows: int) -> tuple[Tensor, Tensor]:
    """The first token of each row, (rows, 1), and its positions, (4, rows, 1)."""
    at = torch.tensor([state.length, *[state.length + state.offset] * 3], device=bench.board.device)
    token = torch.zeros(rows, 1, dtype=torch.int64, device=bench.board.device)
    return token, at[:, None, None].expand(-1, rows, 1).clone()


def _next(network: Any, token: Tensor, at: Tensor, cache: Any, mask: Any) -> Tensor:
    """The likeliest token after one more, (rows, 1)."""
    hidden = network.model.language_model(
        inputs_embeds=network.get_input_embeddings()(token),
        attention_mask=mask,
        position_ids=at,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    likeliest: Tensor = network.lm_head(hidden[:, -1]).argmax(-1, keepdim=True)
    return likeliest


def growing(bench: Bench, rows: int) -> Steps:
    """The product's own cache, whose keys and values grow within their room."""
    state = fast.read(bench)
    cache, _ = merge([state] * rows, bench.network.config.text_config, room=ROOM)
    token, at = _start(bench, state, rows)

    def write() -> Tensor:
        wrote = []
        for _ in range(STEPS):
            token.copy_(_next(bench.network, token, at, cache, None))
            at.add_(1)
            wrote.append(token.clone())
        return torch.cat(wrote, 1)

    return write


class Static:
    """Steps on a static cache, all of whose tensors stay where they are."""

    def __init__(self, bench: Bench, rows: int) -> None:
        self._network, self._rows = bench.network, rows
        self._state = fast.read(bench)
        size = self._state.length + ROOM
        self._cache = StaticCache(config=bench.network.config.text_config, max_cache_len=size)
        fill(self._cache, self._state, bench.network.config.text_config, rows)
        self._token, self._at = _start(bench, self._state, rows)
        self._first = self._token.clone(), self._at.clone()
        self._numbers = torch.arange(size, device=bench.board.device)

    def restart(self) -> None:
        """Begin again after the window, in the same tensors."""
        self._cache.reset()
        fill(self._cache, self._state, self._network.config.text_config, self._rows)
        self._token.copy_(self._first[0])
        self._at.copy_(self._first[1])

    def after(self, token: Tensor, at: Tensor) -> Tensor:
        """The tokens after these, (rows, 1); nothing but the cache changes."""
        seen = (self._numbers <= at[0])[:, None, None]  # (rows, 1, 1, size)
        masks = {"full_attention": seen, "linear_attention": None}
        return _next(self._network, token, at, self._cache, masks)

    def step(self, after: Callable[[Tensor, Tensor], Tensor] | None = None) -> None:
        """One token more for each row.

        Args:
            after: Computes it; ``self.after`` or a compiled form of it.
        """
        self._token.copy_((after or self.after)(self._token, self._at))
        self._at.add_(1)

    def write(self, step: Callable[[], None]) -> Tensor:
        """Some steps."""
        wrote = []
        for _ in range(STEPS):
            step()
            wrote.append(self._token.clone())
        return torch.cat(wrote, 1)


def fill(cache: StaticCache, state: State, config: Any, rows: int) -> None:
    """Give an empty cache some rows of one state."""
    for number, parts in enumerate(state.layers):
        first, second = (part.repeat(rows, *[1] * (part.ndim - 1)) for part in parts)
        if config.layer_types[number] == "full_attention":
            cache.update(first, second, number)
        else:
            cache.update_conv_state(first, number)
            cache.update_recurrent_state(second, number)


def static(bench: Bench, rows: int) -> Steps:
    """The step as it is."""
    made = Static(bench, rows)
    return lambda: made.write(made.step)


def captured(bench: Bench, rows: int) -> Steps:
    """The step as a CUDA graph: one launch instead of some thousand."""
    if bench.board.device.type != "cuda":
        raise SkippedError("needs CUDA")
    made = Static(bench, rows)
    # 1. Let the kernels be chosen, beside the stream that the graph is captured on.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_STEPS):
            made.step()
    torch.cuda.current_stream().wait_stream(side)
    # 2. Capture; nothing is computed.
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made.step()
    made.restart()
    return lambda: made.write(graph.replay)


def compiled(bench: Bench, rows: int, mode: str) -> Steps:
    """The step compiled; "reduce-overhead" makes CUDA graphs of it as well."""
    made = Static(bench, rows)
    after = torch.compile(made.after, mode=mode, dynamic=False)

    def step() -> None:
        torch.compiler.cudagraph_mark_step_begin()
        made.step(after)

    began = time.perf_counter()
    step()
    bench.said.append(f"{time.perf_counter() - began:.0f} s to compile")
    made.restart()
    return lambda: made.write(step)


if __name__ == "__main__":
    main()
