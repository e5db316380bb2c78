"""Runs Marlin, video-scan and the demo model on transformers' native Qwen3.5 class; knows no file or index.

The pictures go through the checkpoint's own processor with the contract's pixel budget and stamps in
milliseconds; the vision tower runs once per window, whatever the number of prompts. No code from a checkpoint
is ever executed.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
)
from transformers.utils import logging as transformers_logging

from footage.errors import DecodeError, ModelError, ModelMemoryError, UsageError, WrongCheckpointError
from footage.types import Frames, Provenance
from footage.vlm import contract
from footage.vlm.profiles import Profile
from footage.vlm.protocol import Answer, Capabilities, Prepared, Prompt
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

VIDEO_TOKEN_TYPE = 2
"""What the Qwen processors call a video token in ``mm_token_type_ids``; text is 0."""
PATCH_PIXELS = 16
"""Side of the square patches that the vision tower's grid counts."""
LARGEST_ASPECT_RATIO = 200
"""The processor's bound on a frame's longer side over its shorter one."""
SAMPLING_TEMPERATURE, SAMPLING_TOP_P = 0.7, 0.8
"""How an answer is drawn where a prompt has a seed: Qwen's own advice for answers without thinking."""
_PLACE = "{prompt}"
_LOADING_ERRORS = (
    AttributeError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)
"""What transformers raises on a folder that does not fit, as its releases go."""


@dataclass(slots=True)
class _Clip:
    """A prepared window: everything of the request that comes before the user's text."""

    ids: Tensor
    """Token ids from the start of the turn to the end of the video, int64, (length,), on the CPU."""
    grid: Tensor
    """Frame pairs, height and width in patches of 16 pixels, int64, (1, 3)."""
    pixels: Tensor | None
    """Normalised patches, (pairs * height * width, 1536); None once the features are there."""
    features: Tensor | None = None
    """What the vision tower made of them, (video tokens, hidden), on the model's device."""


class Qwen35Model:
    """A Qwen3.5 vision-language checkpoint behind the ``VideoModel`` protocol; threads may share one."""

    def __init__(self, model: Any, processor: Any, weights: Weights, *, max_batch: int) -> None:
        self._model, self._processor, self._weights = model, processor, weights
        self._tokenizer = processor.tokenizer
        # How special tokens are read is state of a tokenizer: prompts have one to themselves, as windows are
        # prepared in other threads at the same time.
        self._text_tokenizer = copy.deepcopy(processor.tokenizer)
        self._max_batch = max_batch
        self._stage_seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()  # generation keeps state in the module (M-RoPE offsets)
        self._end_ids = _end_ids(model, self._tokenizer)
        pad = self._tokenizer.pad_token_id
        self._pad_id = self._end_ids[0] if pad is None else pad
        self._head, self._tail_ids = self._split_template()

    @property
    def profile(self) -> Profile:
        """The contract's row for this checkpoint."""
        return self._weights.profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, and as many requests a call as suit the device."""
        return Capabilities(token_logprobs=True, shared_prefix=False, max_batch=self._max_batch)

    @property
    def provenance(self) -> Provenance:
        """Model, revision, prompt version and budget."""
        budget = contract.budget_text(self.profile)
        return Provenance(self._weights.model, self._weights.revision, contract.PROMPT_VERSION, budget)

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds in the vision tower, in the first forward pass ("prefill") and in those after ("generate").

        On a GPU, where work is queued, the first two are told together with what waited for them.
        """
        return self._stage_seconds

    def prepare(self, frames: Frames) -> Prepared:
        """Patches the frames and writes their times into the prompt; may run beside another thread's ``run``.

        A single frame is doubled, an odd last one repeated. Frames of any size are brought within the budget.

        Raises:
            DecodeError: when the frames are too narrow for the processor.
            ModelError: when the processor did not write the times it was given.
        """
        pixels, milliseconds = _in_pairs(frames)
        count, height, width = pixels.shape[:3]
        if max(height, width) > LARGEST_ASPECT_RATIO * min(height, width):
            raise DecodeError(
                f"frames of {width}x{height} pixels are too narrow for the model "
                f"(its limit is {LARGEST_ASPECT_RATIO} to 1)"
            )
        budget = contract.longest_edge(count, self.profile.pixels_per_frame)
        inputs = self._processor(
            text=[self._head],
            videos=[torch.from_numpy(pixels).permute(0, 3, 1, 2)],
            video_metadata=[
                {"fps": 1000, "total_num_frames": max(milliseconds) + 1, "frames_indices": list(milliseconds)}
            ],
            do_sample_frames=False,
            size={"shortest_edge": contract.SHORTEST_EDGE, "longest_edge": budget},
            return_tensors="pt",
        )
        clip = _Clip(inputs["input_ids"][0], inputs["video_grid_thw"], inputs["pixel_values_videos"])
        self._check_stamps(clip, milliseconds)
        return Prepared(frames.span, clip)

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answers every request, in order; greedy, in batches of like token caps and lengths.

        A batch that does not fit into memory is halved, and so are those after it.

        Raises:
            ModelMemoryError: when even a single request does not fit.
        """
        rows = [self._row(prepared, prompt) for prepared, prompt in requests]
        ways = [_Way(prompt.max_new_tokens, prompt.seed) for _, prompt in requests]
        clips = [prepared.payload for prepared, _ in requests]
        answers: dict[int, Answer] = {}
        with self._lock:
            pending = list(_batches(ways, [len(row) for row in rows], self._max_batch))
            while pending:
                batch = pending.pop(0)
                told = self._try([clips[n] for n in batch], [rows[n] for n in batch], ways[batch[0]])
                if told is not None:
                    answers.update(zip(batch, told, strict=True))
                elif len(batch) == 1:
                    raise ModelMemoryError(
                        f"{self._weights.model} ran out of memory on {self._model.device} "
                        f"with a single window of {len(rows[batch[0]])} tokens",
                        hint="Close other programs, use shorter windows, or choose another --device.",
                    )
                else:
                    size = len(batch) // 2
                    logger.info("out of memory with %d windows at once: going on with %d", len(batch), size)
                    pending = [part for whole in (batch, *pending) for part in _parts(whole, size)]
        return [answers[n] for n in range(len(requests))]

    def _row(self, prepared: Prepared, prompt: Prompt) -> Tensor:
        """The whole request as token ids, (length,); what the user wrote is text, whatever it spells."""
        text = self._text_tokenizer(prompt.text, add_special_tokens=False, split_special_tokens=True)
        return torch.cat([prepared.payload.ids, torch.tensor([*text["input_ids"], *self._tail_ids])])

    def _try(self, clips: list[_Clip], rows: list[Tensor], way: _Way) -> list[Answer] | None:
        """One batch; None when it does not fit into memory."""
        try:
            return self._generate(clips, rows, way)
        except (RuntimeError, MemoryError) as exc:
            if not _out_of_memory(exc):
                raise
        # Out of the handler, so that the failed call's tensors are gone with its traceback.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    @torch.inference_mode()
    def _generate(self, clips: list[_Clip], rows: list[Tensor], way: _Way) -> list[Answer]:
        # 1. Pad on the left, where no answer follows a pad.
        device, longest = self._model.device, max(map(len, rows))
        ids = torch.full((len(rows), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        for n, row in enumerate(rows):
            ids[n, longest - len(row) :], mask[n, longest - len(row) :] = row, 1
        ids, mask = ids.to(device), mask.to(device)
        # 2. Put what the vision tower saw where the video tokens stand.
        began = time.perf_counter()
        is_video = (ids == self._model.config.video_token_id) & mask.bool()
        embeds = self._model.get_input_embeddings()(ids)
        seen = torch.cat([self._see(clip) for clip in clips]).to(embeds.dtype)
        embeds = embeds.masked_scatter(is_video[..., None].expand_as(embeds), seen)
        # 3. Generate.
        saw = time.perf_counter()
        logprobs = _GreedyLogprobs()
        with _drawing(way.seed) as how:
            out = self._model.generate(
                input_ids=ids,
                inputs_embeds=embeds,
                attention_mask=mask,
                mm_token_type_ids=is_video.int() * VIDEO_TOKEN_TYPE,
                video_grid_thw=torch.cat([clip.grid for clip in clips]).to(device),
                max_new_tokens=way.cap,
                logits_processor=LogitsProcessorList([logprobs]),
                **how,
            )
        steps = torch.stack(logprobs.steps, dim=1)
        self._stage_seconds["vision"] += saw - began
        self._stage_seconds["prefill"] += logprobs.first_at - saw
        self._stage_seconds["generate"] += time.perf_counter() - logprobs.first_at
        # Of drawn tokens there are none: those noted are the likeliest tokens'.
        told = steps.tolist() if way.seed is None else [None] * len(rows)
        return [
            self._answer(tokens, probabilities)
            for tokens, probabilities in zip(out[:, -steps.shape[1] :].tolist(), told, strict=True)
        ]

    def _see(self, clip: _Clip) -> Tensor:
        """The vision tower's features of one window, computed the first time they are asked for."""
        if clip.features is None:
            assert clip.pixels is not None
            patches, grid = (x.to(self._model.device) for x in (clip.pixels, clip.grid))
            clip.features = torch.cat(self._model.model.get_video_features(patches, grid).pooler_output)
            clip.pixels = None
        return clip.features

    def _answer(self, tokens: list[int], logprobs: list[float] | None) -> Answer:
        """One row's new tokens, up to and with the end token."""
        end = next((n for n, token in enumerate(tokens) if token in self._end_ids), None)
        said = tokens if end is None else tokens[:end]
        raw = self._tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if logprobs is None:
            return Answer(raw, "length" if end is None else "stop")
        spelled = [self._tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in said]
        if end is None:
            return Answer(raw, "length", tuple(logprobs), tuple(spelled))
        return Answer(raw, "stop", tuple(logprobs[: end + 1]), (*spelled, ""))

    def _split_template(self) -> tuple[str, list[int]]:
        """The chat template around the user's text: before it (with the video) as text, after it as ids."""
        turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": _PLACE}]}]
        rendered = ""
        if self._processor.chat_template:
            rendered = self._processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        head, place, tail = rendered.partition(_PLACE)
        if not place or rendered.count(self._processor.video_token) != 1:
            raise WrongCheckpointError(
                f"the chat template in {self._weights.folder} does not put one video before the text",
                hint="Restore chat_template.jinja from the model's repository.",
            )
        return head, self._tokenizer(tail, add_special_tokens=False)["input_ids"]

    def _check_stamps(self, clip: _Clip, milliseconds: Sequence[int]) -> None:
        """Makes sure that the prompt says the times the frames have: the model reads time off these alone."""
        pairs, rows, columns = clip.grid[0].tolist()
        video = self._model.config.video_token_id
        logger.debug("grid %dx%dx%d, %d prompt tokens before the text", pairs, rows, columns, len(clip.ids))
        text = self._tokenizer.decode(clip.ids[clip.ids != video])
        written = [
            re.sub(r"\s*seconds", " seconds", stamp) for stamp in re.findall(r"<[-0-9.]+\s*seconds>", text)
        ]
        wanted = contract.pair_stamps(milliseconds)
        tokens = contract.video_tokens(2 * pairs, rows * PATCH_PIXELS, columns * PATCH_PIXELS)
        if written != wanted or int((clip.ids == video).sum()) != tokens:
            raise ModelError(
                f"the processor stamped {len(written)} frame pairs up to {written[-1:]}, "
                f"not {len(wanted)} up to {wanted[-1]}",
                hint="Install the transformers release of the lock file: make setup.",
            )


@dataclass(frozen=True, slots=True)
class _Way:
    """How a request is answered; requests of one batch share it."""

    cap: int
    """Most tokens."""
    seed: int | None
    """Seed to draw with; None for the likeliest tokens."""


@contextmanager
def _drawing(seed: int | None) -> Iterator[dict[str, Any]]:
    """Options of ``generate`` under a seed of torch's random numbers, whose state outside stays as it was."""
    if seed is None:
        yield {}
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield {"do_sample": True, "temperature": SAMPLING_TEMPERATURE, "top_p": SAMPLING_TOP_P}


class _GreedyLogprobs(LogitsProcessor):  # type: ignore[misc]
    """Notes every step's likeliest token's log-probability, and when the first came; changes nothing.

    Asking ``generate`` for all logits instead would keep 250,000 numbers for every token of every row.
    """

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self.first_at = 0.0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.first_at = self.first_at or time.perf_counter()
        self.steps.append(scores.float().log_softmax(-1).amax(-1))
        return scores


def load(weights: Weights, *, device: str = "auto") -> Qwen35Model:
    """Loads a checked folder: bfloat16 on CUDA, float32 elsewhere.

    Raises:
        UsageError: there is no such device.
        WrongCheckpointError: the weights do not fill the model, or there is no vision tower.
        ModelMemoryError: the weights alone do not fit.
    """
    place = choose_device(device)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    folder = weights.folder
    try:
        processor = Qwen3VLProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, report = Qwen3_5ForConditionalGeneration.from_pretrained(
            folder,
            dtype=torch.bfloat16 if place.type == "cuda" else torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model = model.to(place).eval()
    except _LOADING_ERRORS as exc:
        raise _loading_error(weights, place, exc) from exc
    missing = sorted(report["missing_keys"])
    if missing or not hasattr(model.model, "visual"):
        raise WrongCheckpointError(
            f"{folder} does not fill the model: {len(missing)} tensors are missing, first {missing[:1]}",
            hint="A text-only or partly converted checkpoint cannot see; fetch the original one.",
        )
    processor.video_processor.cap_pixels_per_frame = False  # the budget is given per clip, in ``size``
    loaded = Qwen35Model(model, processor, weights, max_batch=_batch_size(model, place))
    model.generation_config = GenerationConfig(
        do_sample=False, use_cache=True, eos_token_id=loaded._end_ids, pad_token_id=loaded._pad_id
    )
    return loaded


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


def _batch_size(model: Any, place: torch.device) -> int:
    """Most rows a batch: a GPU reads its weights once for all of them, a CPU runs out of memory first."""
    if place.type != "cpu":
        return 16
    return 8 if model.num_parameters() < 100_000_000 else 2


def _end_ids(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: where Marlin's several configs disagree, all of them count."""
    configs = (model.generation_config, model.config, model.config.text_config, tokenizer)
    found = [getattr(config, "eos_token_id", None) for config in configs]
    flat = [n for ids in found if ids is not None for n in (ids if isinstance(ids, list) else [ids])]
    return list(dict.fromkeys(flat))


def _in_pairs(frames: Frames) -> tuple[np.ndarray, list[int]]:
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
        raise ValueError(f"frames at {min(times)} to {max(times)} s do not lie in their window {frames.span}")
    return np.require(pixels, dtype=np.uint8, requirements=["C", "W"]), milliseconds


def _batches(ways: Sequence[_Way], lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indexes in batches of at most ``size``: equal ways together, longest requests first."""
    order = sorted(range(len(ways)), key=lambda n: (-ways[n].cap, ways[n].seed or 0, -lengths[n], n))
    for _, group in groupby(order, key=lambda n: ways[n]):
        yield from _parts(list(group), size)


def _parts(batch: list[int], size: int) -> list[list[int]]:
    return [batch[n : n + size] for n in range(0, len(batch), size)]


def _out_of_memory(exc: BaseException) -> bool:
    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(exc) for words in ("can't allocate memory", "out of memory", "not enough memory"))


def _loading_error(weights: Weights, place: torch.device, exc: Exception) -> ModelError:
    if _out_of_memory(exc):
        return ModelMemoryError(
            f"the weights of {weights.model} do not fit into the memory of {place}",
            hint="Close other programs, or use --device cpu.",
        )
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    return WrongCheckpointError(
        f"{weights.folder} cannot be loaded as a Qwen3.5 vision-language model ({reason})",
        hint="Fetch or copy the folder again; if it is whole, it is another model.",
    )
