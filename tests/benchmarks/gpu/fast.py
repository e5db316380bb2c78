"""How fast Marlin-2B's shape is: its stages, captions and finds, each against its floor.

Windows are 30 s of 16:9 video at the contract's budget: 60 frames of 576x320, 5,400 video tokens. "One by
one" sees and reads the window anew for every prompt and writes one answer after the other, as the vendor's
helpers do. The stages are run on the network itself, on caches as the product makes them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import DynamicCache

from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.backends.qwen_batches import bounds_for
from footage.vlm.backends.qwen_window import QwenWindow
from footage.vlm.kv_cache import State, merge, split
from footage.vlm.protocol import Prepared
from tests.benchmarks.gpu import floor, marlin
from tests.benchmarks.gpu.floor import Peaks, Shape
from tests.benchmarks.gpu.rows import Board, Row, SkippedError, milliseconds, opened

BATCHES = (1, 8, 32, 64)
WIDE = 32
"""The batch that the attention kernels are compared at."""
STEPS = 16
"""Steps that are timed together."""
FINDS = 20
BACK_ENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "math": SDPBackend.MATH,
}


@dataclass
class Bench:
    """What the measurements share."""

    board: Board
    network: Any
    model: Qwen35Model
    shape: Shape
    shown: Prepared
    """One window; give out copies of it."""
    said: list[str] = field(default_factory=list)
    """The summary of the current measurement."""

    @property
    def clip(self) -> QwenWindow:
        """The window's tokens and pictures."""
        return self.shown.payload

    @property
    def patches(self) -> dict[str, int]:
        """The window's grid, as the floor counts it."""
        pairs, rows, columns = self.clip.grid[0].tolist()
        return {"pairs": pairs, "patches": rows * columns}


def main() -> None:
    """Measure in the order in which it matters."""
    board = opened("fast")
    peaks = ceilings(board)
    board.peaks = board.peaks or peaks
    board.add(Row(board.part, "peaks, and kernels of linear layers", note=kernels(board)))
    bench = benched(board)
    with torch.inference_mode():
        stages(bench)
    captions(bench)
    finds(bench)
    with torch.inference_mode():
        back_ends(bench)


def kernels(board: Board) -> str:
    """Where the peaks are from, and which of the kernels that transformers looks for are installed."""
    names = {"flash-linear-attention": "fla", "causal-conv1d": "causal_conv1d"}
    found = [name for name, module in names.items() if importlib.util.find_spec(module)]
    source = board.peaks.source if board.peaks else "no peaks"
    return f"{source}; {', '.join(found) or 'only those of torch itself'}"


def benched(board: Board) -> Bench:
    """A random network on the device, in the number format that the product gives it there."""
    dtype = torch.bfloat16 if board.device.type == "cuda" else torch.float32
    network = marlin.network(tiny=board.tiny, device=board.device, dtype=dtype)
    model = marlin.model(network, bounds_for(network, board.device))
    shown = model.prepare(marlin.frames(tiny=board.tiny))
    return Bench(board, network, model, floor.shape_of(network), shown)


def ceilings(board: Board) -> Peaks | None:
    """What a large product and a large copy reach here: peaks for a card that is not in the table."""
    side, size = (512, 1 << 22) if board.tiny else (8192, 1 << 30)
    dtype = torch.bfloat16 if board.device.type == "cuda" else torch.float32

    def product() -> float:
        a, b = (torch.randn(side, side, device=board.device, dtype=dtype) for _ in range(2))
        return 2 * side**3 / milliseconds(lambda: a @ b) / 1e9

    def copy() -> float:
        a = torch.zeros(size, dtype=torch.uint8, device=board.device)
        b = torch.empty_like(a)
        return 2 * size / milliseconds(lambda: b.copy_(a)) / 1e6

    flops = board.measure(
        f"a product of {side} x {side}", product, unit="TFLOP/s", floor=lambda p: p.flops / 1e12
    )
    bandwidth = board.measure(
        "a copy, read and written", copy, unit="GB/s", floor=lambda p: p.bandwidth / 1e9
    )
    return Peaks(flops * 1e12, bandwidth * 1e9, "measured here") if flops and bandwidth else None


# -- Stages ------------------------------------------------------------------


def stages(bench: Bench) -> None:
    """Patching, seeing, reading, and writing at several batches."""
    board, shape = bench.board, bench.shape
    length, pictures = len(bench.clip.ids), marlin.frames(tiny=board.tiny)
    board.measure(
        "patch a window (CPU)",
        lambda: milliseconds(lambda: bench.model.prepare(pictures), repeats=2),
        unit="ms",
        note=f"grid {bench.clip.grid[0].tolist()}, {length} tokens",
    )
    board.measure(
        "vision tower, a window",
        lambda: milliseconds(lambda: see(bench)),
        unit="ms",
        floor=lambda peaks: 1000 * floor.vision_seconds(shape, peaks, **bench.patches),
    )
    for rows in (1, 4):
        board.measure(
            f"prefill, {rows} windows" if rows > 1 else "prefill, a window",
            lambda rows=rows: milliseconds(lambda: read(bench, rows), repeats=3),
            unit="ms",
            floor=lambda peaks, rows=rows: (
                1000 * floor.prefill_seconds(shape, peaks, tokens=length, rows=rows)
            ),
        )
    for rows in BATCHES[:2] if board.tiny else BATCHES:
        board.measure(
            f"decode step, batch {rows}",
            lambda rows=rows: milliseconds(steps(bench, rows), repeats=1 if board.tiny else 3, steps=STEPS),
            unit="ms",
            floor=lambda peaks, rows=rows: 1000 * floor.step_seconds(shape, peaks, rows=rows, context=length),
        )


def see(bench: Bench) -> Tensor:
    """The vision tower's features of the window, (video tokens, hidden)."""
    device = bench.board.device
    patches, grid = bench.clip.pixels.to(device), bench.clip.grid.to(device)
    return torch.cat(list(bench.network.model.get_video_features(patches, grid).pooler_output))


def read(bench: Bench, rows: int = 1) -> State:
    """The language model's state after the window's tokens; what stands for pictures does not matter here."""
    device, clip = bench.board.device, bench.clip
    length = len(clip.ids)
    embeds = bench.network.get_input_embeddings()(clip.ids.to(device)[None].expand(rows, -1))
    positions = torch.cat([torch.arange(length)[None], clip.places])[:, None].expand(-1, rows, -1).to(device)
    cache = DynamicCache(config=bench.network.config.text_config)
    hidden = bench.network.model.language_model(
        inputs_embeds=embeds, position_ids=positions, past_key_values=cache, use_cache=True
    ).last_hidden_state
    bench.network.lm_head(hidden[:, -1])
    return split(cache, [length] * rows, [clip.offset] * rows)[0]


def steps(bench: Bench, rows: int) -> Callable[[], None]:
    """Some steps for a number of rows, on a cache as the product makes it."""
    state, config = read(bench), bench.network.config.text_config
    cache, _ = merge([state] * rows, config, room=STEPS * 8)
    start = torch.tensor([state.length, *[state.length + state.offset] * 3], device=bench.board.device)
    at = start[:, None, None].expand(-1, rows, 1).clone()
    token = torch.zeros(rows, 1, dtype=torch.int64, device=bench.board.device)

    def write() -> None:
        for _ in range(STEPS):
            hidden = bench.network.model.language_model(
                inputs_embeds=bench.network.get_input_embeddings()(token),
                position_ids=at,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state
            token.copy_(bench.network.lm_head(hidden[:, -1]).argmax(-1, keepdim=True))
            at.add_(1)

    return write


def back_ends(bench: Bench) -> None:
    """Reading and writing with each of torch's attention kernels; one that cannot do it says so."""
    length, rows = len(bench.clip.ids), 2 if bench.board.tiny else WIDE
    for name, back_end in BACK_ENDS.items():

        def reading(back_end: SDPBackend = back_end) -> float:
            _needs_cuda(bench.board, back_end)
            with sdpa_kernel(back_end):
                return milliseconds(lambda: read(bench), repeats=3)

        def writing(back_end: SDPBackend = back_end) -> float:
            _needs_cuda(bench.board, back_end)
            with sdpa_kernel(back_end):
                return milliseconds(steps(bench, rows), repeats=1 if bench.board.tiny else 3, steps=STEPS)

        bench.board.measure(
            f"prefill, a window, {name} attention",
            reading,
            unit="ms",
            floor=lambda peaks: 1000 * floor.prefill_seconds(bench.shape, peaks, tokens=length),
            at_most=20,
        )
        bench.board.measure(
            f"decode step, batch {rows}, {name} attention",
            writing,
            unit="ms",
            floor=lambda peaks: 1000 * floor.step_seconds(bench.shape, peaks, rows=rows, context=length),
            at_most=20,
        )


def _needs_cuda(board: Board, back_end: SDPBackend) -> None:
    if board.device.type != "cuda" and back_end in (
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.CUDNN_ATTENTION,
    ):
        raise SkippedError("a CPU has no such kernel")


# -- Captions and finds, the product's way ---------------------------------------


def captions(bench: Bench) -> None:
    """Captions of as many windows as the product takes at once, from patched windows to text."""
    board, shape = bench.board, bench.shape
    count = 4 if board.tiny else bench.model.capabilities.max_batch
    prompt = marlin.caption(tiny=board.tiny)
    length = len(bench.clip.ids)

    def best(peaks: Peaks) -> float:
        context = length + marlin.CAPTION_LETTERS + prompt.max_new_tokens / 2
        writing = prompt.max_new_tokens * floor.step_seconds(shape, peaks, rows=count, context=context)
        seeing = floor.vision_seconds(shape, peaks, **bench.patches)
        reading = floor.prefill_seconds(shape, peaks, tokens=length, rows=count)
        return count / (count * seeing + reading + writing)

    def captioned() -> Row | float:
        bench.model.run([(marlin.another(bench.shown), marlin.find(0))])  # kernels are loaded
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        windows = [(marlin.another(bench.shown), prompt) for _ in range(count)]
        return count / seconds_once(lambda: bench.model.run(windows))

    rate = board.measure(
        f"captions of {count} windows, {prompt.max_new_tokens} tokens each",
        captioned,
        unit="captions/s",
        floor=best,
        note=lambda: stage_note(bench.model),
        at_most=100,
    )
    if rate is not None and torch.cuda.is_available():
        used = torch.cuda.max_memory_allocated() / 1e9
        board.add(Row(board.part, "memory at its peak, captions", used, "GB"))


def finds(bench: Bench) -> None:
    """Twenty finds on one window: anew each time, together, and together once the window is known."""
    board, shape, length = bench.board, bench.shape, len(bench.clip.ids)
    count = 3 if board.tiny else FINDS
    asked = [marlin.find(number) for number in range(count)]
    tokens = len(asked[0].text) + 10

    def best(peaks: Peaks, *, rows: int, known: bool) -> float:
        context = length + tokens + marlin.FIND_TOKENS / 2
        seen = floor.vision_seconds(shape, peaks, **bench.patches)
        seen += floor.prefill_seconds(shape, peaks, tokens=length)
        asking = floor.prefill_seconds(shape, peaks, tokens=tokens, before=length, rows=rows)
        writing = marlin.FIND_TOKENS * floor.step_seconds(shape, peaks, rows=rows, context=context)
        return rows / ((0 if known else seen) + asking + writing)

    def one_by_one() -> float:
        def anew() -> None:
            for prompt in asked:
                bench.model.run([(marlin.another(bench.shown), prompt)])

        return count / seconds_once(anew)

    def together(known: bool) -> float:
        window = marlin.another(bench.shown)
        if known:
            bench.model.run([(window, asked[0])])
        return count / seconds_once(lambda: bench.model.run([(window, each) for each in asked]))

    alone = board.measure(
        f"{count} finds on a window, one by one",
        one_by_one,
        unit="finds/s",
        floor=partial(best, rows=1, known=False),
        at_most=60,
    )
    for known in (False, True):
        rate = board.measure(
            f"{count} finds on a window, together" + (", window known" if known else ""),
            lambda known=known: together(known),
            unit="finds/s",
            floor=partial(best, rows=count, known=known),
        )
        if rate and alone and not known:
            board.add(Row(board.part, "together over one by one", rate / alone, "times"))


def seconds_once(call: Callable[[], object]) -> float:
    """How long one call takes; the kernels are loaded before."""
    return milliseconds(call, repeats=1, warm=0) / 1000


def stage_note(model: Qwen35Model) -> str:
    """Where the product's own clock says that time went, over all its calls so far."""
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in model.stage_seconds.items())


if __name__ == "__main__":
    main()
