"""Helpers of all local models: devices, pairs of frames, batches within memory, loading a checkpoint."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from footage.core.errors import DecodeError, ModelError, ModelMemoryError, UsageError, WrongCheckpointError
from footage.core.types import Frames
from footage.vlm.protocol import Precision
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

LARGEST_ASPECT_RATIO = 200
"""The Qwen processors' bound on a frame's longer side over its shorter one."""
LOADING_ERRORS = (
    AttributeError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)
"""Errors of transformers on a folder that does not fit, over its releases."""

T = TypeVar("T")


def choose_device(name: str) -> torch.device:
    """The torch device of a name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: an unknown name, or a device that this machine does not have.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise UsageError(f"there is no device {name!r}", hint="Use auto, cuda, cuda:N, mps or cpu.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    place = torch.device(name)
    count = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}[
        place.type
    ]
    if (place.index or 0) >= count:
        raise UsageError(f"this machine has no device {name!r} that torch can use", hint="Use --device auto.")
    return place


def own_precision(kind: str, *, macos_14: bool) -> Precision:
    """The number format of a device: bfloat16 on CUDA, and on Apple's MPS from macOS 14; float32 elsewhere.

    Metal has bfloat16 from macOS 14 on. On a CPU without matrix units for it, it is slower than float32.

    Args:
        kind: "cuda", "mps" or "cpu".
        macos_14: Whether this is macOS 14 or newer.
    """
    return "bfloat16" if kind == "cuda" or (kind == "mps" and macos_14) else "float32"


def in_pairs(frames: Frames) -> tuple[np.ndarray, list[int]]:
    """An even number of frames, and the time of each in milliseconds from the window's start."""
    if not len(frames.pixels):
        raise DecodeError(
            f"there is no frame between {frames.span.start_seconds} and {frames.span.end_seconds} s"
        )
    pixels, times = frames.pixels, list(frames.times_seconds)
    if len(times) % 2:
        pixels, times = np.concatenate([pixels, pixels[-1:]]), [*times, times[-1]]
    milliseconds = [round((time - frames.span.start_seconds) * 1000) for time in times]
    longest = round(frames.span.duration_seconds * 1000)
    if min(milliseconds) < 0 or max(milliseconds) > longest:
        raise ValueError(
            f"frames at {min(times)} to {max(times)} s are not within their window {frames.span}"
        )
    return np.require(pixels, dtype=np.uint8, requirements=["C", "W"]), milliseconds


def refuse_needles(height: int, width: int) -> None:
    """Check that a processor takes frames of this shape.

    Raises:
        DecodeError: when they are too narrow.
    """
    if max(height, width) > LARGEST_ASPECT_RATIO * min(height, width):
        raise DecodeError(
            f"frames of {width}x{height} pixels are too narrow for the model "
            f"(its limit is {LARGEST_ASPECT_RATIO} to 1)"
        )


# -- Batches that fit into memory --------------------------------------------


def in_batches(
    items: Sequence[T],
    work: Callable[[list[T]], None],
    *,
    tokens: Callable[[T], int],
    most: int,
    rows: int,
    name: str,
    free: Callable[[], bool] = lambda: False,
) -> None:
    """Work through items in batches of bounded tokens, smaller ones once memory was too small.

    Args:
        items: Done in order.
        work: Does some of them; finished ones are not done again.
        tokens: Number of tokens of an item.
        most: Most tokens of a batch, each item counted as its longest.
        rows: Most items of a batch.
        name: The model and its device, for the error.
        free: Frees memory of kept states; returns whether there was any.

    Raises:
        ModelMemoryError: when even a single item does not fit.
    """
    pending = list(batches(items, tokens, most, rows))
    while pending:
        batch = pending.pop(0)
        if _fits(lambda batch=batch: work(batch), free):  # type: ignore[misc]
            continue
        if len(batch) == 1:
            raise ModelMemoryError(
                f"{name} with a single window of {tokens(batch[0])} tokens",
                hint="Close other programs, use shorter windows, or choose another --device.",
            )
        size = len(batch) // 2
        logger.info("out of memory with %d windows at once: continuing with %d", len(batch), size)
        pending = [whole[n : n + size] for whole in (batch, *pending) for n in range(0, len(whole), size)]


def batches(items: Sequence[T], tokens: Callable[[T], int], most: int, rows: int) -> Iterator[list[T]]:
    """Items in order, as many at once as ``rows`` and the longest one's tokens allow; at least one."""
    batch: list[T] = []
    longest = 0
    for item in items:
        longest = max(longest, tokens(item))
        if batch and (len(batch) == rows or (len(batch) + 1) * longest > most):
            yield batch
            batch, longest = [], tokens(item)
        batch.append(item)
    if batch:
        yield batch


def out_of_memory(exc: BaseException) -> bool:
    """Whether an error says that memory did not do, in the words of torch's several allocators."""
    if isinstance(exc, MemoryError | ModelMemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(exc) for words in ("can't allocate memory", "out of memory", "not enough memory"))


def _fits(work: Callable[[], None], free: Callable[[], bool]) -> bool:
    """Do some work; False when it does not fit into memory, even after freeing kept states."""
    for _ in range(2):
        try:
            work()
            return True
        except (RuntimeError, MemoryError, ModelMemoryError) as exc:
            if not out_of_memory(exc):
                raise
        # Out of the handler, so that the failed call's tensors are gone with its traceback.
        freed = free()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if not freed:
            return False
    return False


# -- Checkpoints ---------------------------------------------------------------


def open_checkpoint(
    weights: Weights,
    place: torch.device,
    *,
    model_class: Any,
    processor_class: Any,
    dtype: Precision | None = None,
) -> tuple[Any, Any]:
    """Loads a checked folder into classes of transformers.

    No code from the folder is executed, and no weights but safetensors are read.

    Args:
        weights: The folder.
        place: Device of the model.
        model_class: The class of transformers that runs it.
        processor_class: And the one that makes its inputs.
        dtype: Of the weights and all computation; None for the device's own (``own_precision``).

    Returns:
        The model, on its device, and its processor.

    Raises:
        WrongCheckpointError: the weights do not fill the model.
        ModelMemoryError: the weights alone do not fit.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    folder = weights.folder
    try:
        processor = processor_class.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, report = model_class.from_pretrained(
            folder,
            dtype=dtype or own_precision(place.type, macos_14=_is_macos_14(place)),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model = model.to(place).eval()
    except LOADING_ERRORS as exc:
        raise _loading_error(weights, place, exc) from exc
    missing = sorted(report["missing_keys"])
    if missing:
        raise WrongCheckpointError(
            f"{folder} does not match the model: {len(missing)} tensors are missing, first {missing[:1]}",
            hint="The checkpoint may be text-only or partly converted; download the original one.",
        )
    return model, processor


def _is_macos_14(place: torch.device) -> bool:
    return place.type == "mps" and torch.backends.mps.is_macos_or_newer(14, 0)


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: where a model's several configs disagree, all of them count."""
    configs = (model.generation_config, model.config, model.config.text_config, tokenizer)
    found = [getattr(config, "eos_token_id", None) for config in configs]
    flat = [n for ids in found if ids is not None for n in (ids if isinstance(ids, list) else [ids])]
    return list(dict.fromkeys(flat))


def _loading_error(weights: Weights, place: torch.device, exc: Exception) -> ModelError:
    if out_of_memory(exc):
        return ModelMemoryError(
            f"the weights of {weights.model} do not fit in the memory of {place}",
            hint="Close other programs, or use --device cpu.",
        )
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    return WrongCheckpointError(
        f"{weights.folder} cannot be loaded as a {weights.profile.model_type} model ({reason})",
        hint="Download or copy the folder again; a complete folder belongs to another model.",
    )
