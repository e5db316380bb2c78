"""Whether what the product does at once fits into cards of 16 to 80 GB: this card, with its memory capped.

The bounds are those that the product would choose on such a card. Captions of as many 30 s windows as they
allow reserve the whole room of their answers; questions about long windows fill it. Without a GPU the bounds
alone are checked.
"""

from __future__ import annotations

from collections.abc import Collection

import torch

from footage.core.types import Frames
from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.backends.qwen_batches import BatchBounds, bounds_for
from footage.vlm.protocol import Prepared, Prompt
from tests.benchmarks.gpu import floor, marlin
from tests.benchmarks.gpu.rows import Board, Row, SkippedError, opened

CARDS_GB = (16, 24, 48, 80)
CONTEXT_BYTES = 500_000_000
"""What CUDA itself takes of a card beside torch's allocations: about as much on recent ones."""
LONG_SECONDS = 120.0
"""The longest window that is still sampled at 2 frames a second: 240 frames."""
NEW_TOKENS = 8
"""Of answers about long windows."""


def main() -> None:
    """The arithmetic, then the runs: captions on all cards first."""
    board = opened("fits")
    whole = marlin.network(tiny=False, device="meta", dtype=torch.bfloat16)
    for size in CARDS_GB:
        board.add(planned(whole, size))
    network = short = long = None
    if board.device.type == "cuda":
        network = marlin.network(tiny=board.tiny, device=board.device, dtype=torch.bfloat16)
        everything = marlin.model(network, bounds_for(network, board.device))
        short = seen(everything, marlin.frames(tiny=board.tiny))
        long = seen(everything, marlin.frames(tiny=board.tiny, seconds=LONG_SECONDS))
    for size in CARDS_GB:
        board.measure(
            f"captions on {size} GB",
            lambda size=size: captions(board, network, short, size),
            unit="GB",
            at_most=40,
        )
    for size in CARDS_GB:
        board.measure(
            f"questions about {LONG_SECONDS:.0f} s windows on {size} GB",
            lambda size=size: questions(board, network, long, size),
            unit="GB",
            at_most=60,
        )


def planned(network: object, size: int) -> Row:
    """The weights, the answers being written and the states kept, by the bounds alone."""
    bounds = capped_bounds(network, size)
    shape = floor.shape_of(network)
    weights = (shape.text_parameters + shape.vision_parameters) * shape.bytes_each
    total = weights + bounds.tokens * shape.key_value_bytes + bounds.kept_bytes
    return Row(
        "fits",
        f"planned on {size} GB: weights, answers, states",
        total / 1e9,
        "GB",
        status="ok" if total < size * 1e9 - CONTEXT_BYTES else "wrong",
        note=f"{bounds.rows} rows, {bounds.tokens:,} tokens, {bounds.prefill_tokens:,} read at once",
    )


def capped_bounds(network: object, size: int) -> BatchBounds:
    """What the product chooses on a card of so many GB."""
    return bounds_for(network, torch.device("cuda"), memory_bytes=size * 10**9)


def seen(model: Qwen35Model, frames: Frames) -> Prepared:
    """A window with what the vision tower saw of it, so that its copies need not be seen again."""
    prepared = model.prepare(frames)
    model.run([(prepared, Prompt("ask", "x", 1))])
    return marlin.another(prepared)


def captions(board: Board, network: object, window: Prepared | None, size: int) -> Row:
    """A full batch of captions: room for all their tokens; the first token ends each, which saves time."""
    if network is None:
        raise SkippedError("needs CUDA")
    prompt = Prompt("ask", "x" * marlin.CAPTION_LETTERS, 64 if board.tiny else 2048)
    ends = range(network.config.text_config.vocab_size)
    return ran(board, network, window, size, prompt, stop_ids=ends)


def questions(board: Board, network: object, window: Prepared | None, size: int) -> Row:
    """A full batch of short answers about long windows."""
    if network is None:
        raise SkippedError("needs CUDA")
    prompt = Prompt("ask", "x" * marlin.FIND_LETTERS, NEW_TOKENS)
    return ran(board, network, window, size, prompt, stop_ids=())


def ran(
    board: Board,
    network: object,
    window: Prepared | None,
    size: int,
    prompt: Prompt,
    *,
    stop_ids: Collection[int],
) -> Row:
    """As many requests as the product puts in a batch, each about a window of its own."""
    total = torch.cuda.get_device_properties(board.device).total_memory
    cap = size * 10**9 - CONTEXT_BYTES
    if cap > total:
        raise SkippedError(f"the card has {total / 1e9:.0f} GB")
    bounds = capped_bounds(network, size)
    model = marlin.model(network, bounds, stop_ids=stop_ids)
    length = len(window.payload.ids) + len(prompt.text) + prompt.max_new_tokens + 10
    rows = max(1, min(bounds.rows, bounds.tokens // length))
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_stats().get("num_ooms", 0)
    torch.cuda.set_per_process_memory_fraction(min(1.0, cap / total))
    try:
        model.run([(marlin.another(window), prompt) for _ in range(rows)])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    times = torch.cuda.memory_stats().get("num_ooms", 0) - before
    return Row(
        board.part,
        f"{'captions' if stop_ids else f'questions about {LONG_SECONDS:.0f} s windows'} on {size} GB",
        torch.cuda.max_memory_reserved() / 1e9,
        "GB",
        status="wrong" if times else "ok",
        note=f"{rows} windows of {length:,} tokens at once, {times} times out of memory",
    )


if __name__ == "__main__":
    main()
