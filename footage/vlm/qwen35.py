"""Runs Marlin, video-scan and the demo model on transformers' native Qwen3.5 class; knows no file or index.

The pictures go through the checkpoint's own processor with the contract's pixel budget and stamps in
milliseconds. A window is seen and read in once, whatever the number of prompts: what the language model has
after the video is kept (``footage.vlm.states``), each prompt continues a copy of it, and all answers are
written together. No code from a checkpoint is ever executed.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from transformers import DynamicCache, Qwen3_5ForConditionalGeneration, Qwen3VLProcessor
from transformers.utils import logging as transformers_logging

from footage.errors import DecodeError, ModelError, ModelMemoryError, UsageError, WrongCheckpointError
from footage.shelf import Shelf
from footage.types import Frames, Provenance, Span
from footage.vlm import contract
from footage.vlm.answering import Writing
from footage.vlm.profiles import Profile
from footage.vlm.protocol import Answer, Capabilities, Prepared, Prompt
from footage.vlm.states import Kept, State, merge, split
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

VIDEO_TOKEN_TYPE = 2
"""What the Qwen processors call a video token in ``mm_token_type_ids``; text is 0."""
PATCH_PIXELS = 16
"""Side of the square patches that the vision tower's grid counts."""
PROMPT_TOKENS_APART = 16
"""Prompts of one batch differ in length by so much at most: what is longer is read a token at a time."""
SMALL_PARAMETERS = 100_000_000
"""A model below this size answers within seconds on a CPU."""
MERGED_PATCHES = 4
"""Patches that the vision tower makes one token of."""
LARGEST_ASPECT_RATIO = 200
"""The processor's bound on a frame's longer side over its shorter one."""
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


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Clip:
    """A prepared window: everything of the request that comes before the user's text."""

    ids: Tensor
    """Token ids from the start of the turn to the end of the video, int64, (length,), on the CPU."""
    grid: Tensor
    """Frame pairs, height and width in patches of 16 pixels, int64, (1, 3)."""
    pixels: Tensor | None
    """Normalised patches, (pairs * height * width, 1536); None once the features are there."""
    features: Tensor | None = None
    """What the vision tower made of them, (video tokens, hidden), in main memory."""
    state: State | None = None
    """What the language model has after ``ids``; None when it was not asked yet, or let go of."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One request on its way."""

    clip: _Clip
    """The window."""
    ids: list[int]
    """What follows the video."""
    prompt: Prompt
    """What was asked."""

    @property
    def tokens(self) -> int:
        """The most it may come to: window, prompt and answer."""
        return len(self.clip.ids) + len(self.ids) + self.prompt.max_new_tokens


T = TypeVar("T")


class Qwen35Model:
    """A Qwen3.5 vision-language checkpoint behind the ``VideoModel`` protocol; threads may share one."""

    def __init__(self, model: Any, processor: Any, weights: Weights, *, bounds: Bounds) -> None:
        self._model, self._processor, self._weights = model, processor, weights
        self._tokenizer = processor.tokenizer
        # How special tokens are read is state of a tokenizer: prompts have one to themselves, as windows are
        # prepared in other threads at the same time.
        self._text_tokenizer = copy.deepcopy(processor.tokenizer)
        self._bounds = bounds
        self._kept = Kept(device_bytes=bounds.kept_bytes, memory_bytes=bounds.kept_memory_bytes)
        self._stage_seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()  # one accelerator, whose memory one batch may need
        self._end_ids = _end_ids(model, self._tokenizer)
        pad = self._tokenizer.pad_token_id
        self._pad_id = self._end_ids[0] if pad is None else pad
        self._head, self._tail_ids = self._split_template()
        self.shelf: Shelf | None = None
        """Where what the vision tower saw is kept for other runs."""

    @property
    def profile(self) -> Profile:
        """The contract's row for this checkpoint."""
        return self._weights.profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, shared windows, and as many requests a call as suit the device."""
        return Capabilities(token_logprobs=True, shared_prefix=True, max_batch=self._bounds.rows)

    @property
    def provenance(self) -> Provenance:
        """Model, revision, prompt version and budget."""
        budget = contract.budget_text(self.profile)
        return Provenance(self._weights.model, self._weights.revision, self.profile.prompt_version, budget)

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
        return self._prepared(frames.span, clip)

    def _prepared(self, span: Span, clip: _Clip) -> Prepared:
        seen = int(clip.grid.prod()) // MERGED_PATCHES * self._text_config.hidden_size
        return Prepared(span, clip, nbytes=seen * self._model.dtype.itemsize)

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """A window as ``keep`` left it; None where it did not, or what lies there cannot be read."""
        if self.shelf is None or (kept := self.shelf.get(content_id, self._shelved_as(span))) is None:
            return None
        try:
            found = load_tensors(kept)
            clip = _Clip(found["ids"], found["grid"], None, found["features"])
        except (SafetensorError, KeyError):
            self.shelf.drop(content_id, self._shelved_as(span))
            return None
        return self._prepared(span, clip)

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """Keep the token ids and the vision tower's features of a window that was shown."""
        clip, name = prepared.payload, self._shelved_as(prepared.span)
        if self.shelf is not None and clip.features is not None and not self.shelf.has(content_id, name):
            tensors = {"ids": clip.ids, "grid": clip.grid, "features": clip.features}
            self.shelf.put(
                content_id, name, save_tensors({key: each.contiguous() for key, each in tensors.items()})
            )

    def _shelved_as(self, span: Span) -> str:
        """What a window's features depend on beside its video."""
        told = self.provenance
        return f"{span} {told.model} {told.revision} {told.budget} {self._model.dtype}"

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answers every request, in order, in batches of like lengths.

        A window costs its reading once, whatever the number of its prompts, and not even that while its state
        is kept. A batch that does not fit into memory is halved, and so are those after it.

        Raises:
            ModelMemoryError: when even a single request does not fit.
        """
        rows = [_Row(prepared.payload, self._ids(prompt), prompt) for prepared, prompt in requests]
        answers: dict[int, Answer] = {}
        with self._lock:
            hits, misses = self._kept.hits, self._kept.misses
            for group in _of_like_prompts(rows):
                self._in_batches(
                    group,
                    lambda n: rows[n].tokens,
                    self._bounds.tokens,
                    lambda batch: answers.update(
                        zip(batch, self._answer([rows[n] for n in batch]), strict=True)
                    ),
                )
            logger.info(
                "%d requests: %d window states kept from before, %d made, %d MB kept now",
                len(rows),
                self._kept.hits - hits,
                self._kept.misses - misses,
                self._kept.nbytes >> 20,
            )
        return [answers[n] for n in range(len(requests))]

    def _ids(self, prompt: Prompt) -> list[int]:
        """What follows the video, as token ids; what the user wrote is text, whatever it spells."""
        text = self._text_tokenizer(prompt.text, add_special_tokens=False, split_special_tokens=True)
        return [*text["input_ids"], *self._tail_ids]

    def _in_batches(
        self, items: Sequence[T], tokens: Callable[[T], int], most: int, work: Callable[[list[T]], None]
    ) -> None:
        """Work through items in batches of bounded tokens, smaller ones once memory was too small.

        Raises:
            ModelMemoryError: when even a single item does not fit.
        """
        pending = list(_batches(items, tokens, most, self._bounds.rows))
        while pending:
            batch = pending.pop(0)
            if self._fits(lambda batch=batch: work(batch)):  # type: ignore[misc]
                continue
            if len(batch) == 1:
                raise ModelMemoryError(
                    f"{self._weights.model} ran out of memory on {self._model.device} "
                    f"with a single window of {tokens(batch[0])} tokens",
                    hint="Close other programs, use shorter windows, or choose another --device.",
                )
            size = len(batch) // 2
            logger.info("out of memory with %d windows at once: going on with %d", len(batch), size)
            pending = [whole[n : n + size] for whole in (batch, *pending) for n in range(0, len(whole), size)]

    def _fits(self, work: Callable[[], None]) -> bool:
        """Do some work; False when it does not fit into memory, even after letting go of kept states."""
        for _ in range(2):
            try:
                work()
                return True
            except (RuntimeError, MemoryError, ModelMemoryError) as exc:
                if not _out_of_memory(exc):
                    raise
            # Out of the handler, so that the failed call's tensors are gone with its traceback.
            frees = self._kept.nbytes > 0
            self._kept.clear()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if not frees:
                return False
        return False

    @torch.inference_mode()
    def _answer(self, rows: Sequence[_Row]) -> list[Answer]:
        """One batch."""
        # 1. Read every window in, once.
        states = self._states([row.clip for row in rows])
        # 2. Read what all prompts have in length: no pad may follow a state.
        began = time.perf_counter()
        shared = min(len(row.ids) for row in rows)
        writings = [
            Writing(row.prompt, end_ids=self._end_ids, spell=self._spell, unread=row.ids[shared:])
            for row in rows
        ]
        room = max(len(row.ids) + row.prompt.max_new_tokens for row in rows)
        cache, mask = merge(states, self._text_config, room=room)
        ids = torch.tensor([row.ids[:shared] for row in rows], device=self._model.device)
        used = max(state.length for state in states) + shared
        logits = self._read(ids, cache, _upto(mask, used), self._positions(states, shared))
        positions = self._positions(states, 1) + shared
        del states
        # 3. Write the answers, all together; a longer prompt's rest is read in their first steps.
        wrote = time.perf_counter()
        self._write(writings, logits, cache, mask, positions, used)
        self._stage_seconds["prefill"] += wrote - began
        self._stage_seconds["generate"] += time.perf_counter() - wrote
        return [writing.answer() for writing in writings]

    def _write(
        self,
        going: list[Writing],
        logits: Tensor,
        cache: DynamicCache,
        mask: Tensor | None,
        positions: Tensor,
        used: int,
    ) -> None:
        """Let every answer grow to its end; rows that are finished leave the batch once half of them are.

        Args:
            going: The answers.
            logits: After what was read, (rows, vocabulary).
            cache: What was read, with room for the rest.
            mask: Of all the cache's room; None where no row is padded.
            positions: Of the next token of each row, (4, rows, 1).
            used: Tokens in the cache, pads among them.
        """
        while True:
            # 1. Take the likeliest tokens and their probabilities.
            best, tokens = logits.float().log_softmax(-1).max(-1)
            told = zip(going, tokens.tolist(), best.tolist(), strict=True)
            chosen = [
                writing.take(token, logprob, logits[n]) for n, (writing, token, logprob) in enumerate(told)
            ]
            left = [n for n, writing in enumerate(going) if not writing.finished]
            if not left:
                return
            # 2. Let those go that are finished.
            if 2 * len(left) <= len(going):
                rows = torch.tensor(left, device=positions.device)
                cache.reorder_cache(rows)
                mask, positions = mask if mask is None else mask[rows], positions[:, rows]
                going, chosen = [going[n] for n in left], [chosen[n] for n in left]
            # 3. Go on.
            ids = torch.tensor(chosen, device=positions.device)[:, None]
            used += 1
            logits = self._read(ids, cache, _upto(mask, used), positions)
            positions = positions + 1

    def _read(self, ids: Tensor, cache: DynamicCache, mask: Tensor | None, positions: Tensor) -> Tensor:
        """Continue a cache with some tokens a row, (rows, tokens); the logits after the last of them."""
        return self._forward(self._model.get_input_embeddings()(ids), cache, mask, positions)

    def _forward(self, embeds: Tensor, cache: DynamicCache, mask: Tensor | None, positions: Tensor) -> Tensor:
        """Let the language model read; the module around it would place tokens by the last video it saw.

        Args:
            embeds: (rows, tokens, hidden).
            cache: What came before; these tokens are added to it.
            mask: (rows, tokens before and now), 0 where a row is padded; None where none is.
            positions: (4, rows, tokens): the number in the row, then time, height and width of M-RoPE.

        Returns:
            The logits after the last token, (rows, vocabulary).
        """
        hidden = self._model.model.language_model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        logits: Tensor = self._model.lm_head(hidden[:, -1])
        return logits

    def _positions(self, states: Sequence[State], count: int) -> Tensor:
        """Positions of the next tokens of some rows, (4, rows, count)."""
        starts = torch.tensor([[state.length, *[state.length + state.offset] * 3] for state in states]).T
        return (starts[..., None] + torch.arange(count)).to(self._model.device)

    # -- Windows ---------------------------------------------------------------

    def _states(self, clips: Sequence[_Clip]) -> list[State]:
        """What the language model has after each window's video; windows it has not read are read now."""
        known: dict[_Clip, State] = {}
        for clip in dict.fromkeys(clips):
            state = self._kept.use(clip, self._model.device)
            if state is not None:
                known[clip] = state
        new = [clip for clip in dict.fromkeys(clips) if clip not in known]
        new.sort(key=lambda clip: -len(clip.ids))
        self._in_batches(
            new,
            lambda clip: len(clip.ids),
            self._bounds.prefill_tokens,
            lambda batch: known.update(zip(batch, self._watch(batch), strict=True)),
        )
        for clip in new:
            self._kept.put(clip, known[clip])
        return [known[clip] for clip in clips]

    def _watch(self, clips: Sequence[_Clip]) -> list[State]:
        """Read some windows in."""
        # 1. Pad on the left, where nothing comes before a pad.
        device, longest = self._model.device, max(len(clip.ids) for clip in clips)
        ids = torch.full((len(clips), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        positions = torch.zeros(4, len(clips), longest, dtype=torch.int64)
        offsets = []
        for n, clip in enumerate(clips):
            here = slice(longest - len(clip.ids), None)
            ids[n, here], mask[n, here] = clip.ids, 1
            seen, offset = self._places(clip)
            positions[0, n, here], positions[1:, n, here] = torch.arange(len(clip.ids)), seen
            offsets.append(offset)
        padded = not bool(mask.all())
        ids, mask, positions = ids.to(device), mask.to(device), positions.to(device)
        # 2. Put what the vision tower saw where the video tokens stand.
        began = time.perf_counter()
        is_video = (ids == self._model.config.video_token_id) & mask.bool()
        embeds = self._model.get_input_embeddings()(ids)
        seen = torch.cat([self._see(clip) for clip in clips]).to(embeds)
        embeds = embeds.masked_scatter(is_video[..., None].expand_as(embeds), seen)
        # 3. Read.
        saw = time.perf_counter()
        cache = DynamicCache(config=self._text_config)
        self._forward(embeds, cache, mask if padded else None, positions)
        self._stage_seconds["vision"] += saw - began
        self._stage_seconds["prefill"] += time.perf_counter() - saw
        return split(cache, [len(clip.ids) for clip in clips], offsets)

    def _places(self, clip: _Clip) -> tuple[Tensor, int]:
        """M-RoPE positions of a window's tokens, (3, length), and what a later token's is less its number."""
        ids = clip.ids[None]
        kinds = (ids == self._model.config.video_token_id).int() * VIDEO_TOKEN_TYPE
        positions, offset = self._model.model.get_rope_index(
            ids, video_grid_thw=clip.grid, mm_token_type_ids=kinds
        )
        return positions[:, 0], int(offset)

    def _see(self, clip: _Clip) -> Tensor:
        """The vision tower's features of one window, computed the first time they are asked for."""
        if clip.features is None:
            assert clip.pixels is not None
            patches, grid = (x.to(self._model.device) for x in (clip.pixels, clip.grid))
            seen = self._model.model.get_video_features(patches, grid).pooler_output
            clip.features = torch.cat(seen).cpu()
            clip.pixels = None
        return clip.features

    def _spell(self, tokens: list[int]) -> str:
        """What tokens spell."""
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    @property
    def _text_config(self) -> Any:
        return self._model.config.text_config

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
class Bounds:
    """How much is done and kept at once."""

    rows: int
    """Most answers written together."""
    tokens: int
    """Most tokens, windows', prompts' and answers', in a batch of answers."""
    prefill_tokens: int
    """Most tokens of windows read in together."""
    kept_bytes: int
    """Window states on an accelerator."""
    kept_memory_bytes: int
    """Window states in main memory."""


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
    return Qwen35Model(model, processor, weights, bounds=_bounds(model, place))


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


def _bounds(model: Any, place: torch.device) -> Bounds:
    """What suits a device: a GPU reads its weights once for all rows, a CPU has little to gain from many.

    A fifth of a GPU's memory is for the answers being written and another for kept states; of main memory a
    gigabyte is for either.
    """
    text = model.config.text_config
    full = sum(kind == "full_attention" for kind in text.layer_types)
    token_bytes = 2 * full * text.num_key_value_heads * text.head_dim * model.dtype.itemsize
    if place.type == "cuda":
        share = torch.cuda.get_device_properties(place).total_memory // 5
        return Bounds(64, share // token_bytes, 32_768, share, 2 << 30)
    rows = 32 if model.num_parameters() < SMALL_PARAMETERS else 2  # minutes a window: each is worth keeping
    return Bounds(rows, (1 << 30) // token_bytes, 8_192, 1 << 30, 1 << 30)


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


def _of_like_prompts(rows: Sequence[_Row]) -> Iterator[list[int]]:
    """Numbers of rows whose prompts are of about one length; the longest answers of each first."""
    pending = sorted(range(len(rows)), key=lambda n: -len(rows[n].ids))
    while pending:
        least = len(rows[pending[0]].ids) - PROMPT_TOKENS_APART
        group = [n for n in pending if len(rows[n].ids) >= least]
        pending = pending[len(group) :]
        yield sorted(group, key=lambda n: (-rows[n].prompt.max_new_tokens, -rows[n].tokens, n))


def _upto(mask: Tensor | None, used: int) -> Tensor | None:
    return None if mask is None else mask[:, :used]


def _batches(items: Sequence[T], tokens: Callable[[T], int], most: int, rows: int) -> Iterator[list[T]]:
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


def _out_of_memory(exc: BaseException) -> bool:
    if isinstance(exc, MemoryError | ModelMemoryError | torch.OutOfMemoryError):
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
