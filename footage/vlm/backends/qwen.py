"""What the Qwen vision-language families share: a window is read once, its answers written together.

The pictures go through the checkpoint's own processor within the profile's pixel budget. A window is seen and
read in once, whatever the number of prompts: what the language model has after the video is kept
(``footage.vlm.kv_cache``), each prompt continues a copy of it, and all answers are written together. A family
says how its processor is asked and where its tokens stand in time; it knows no file or index either.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from transformers import DynamicCache

from footage.core.disk_cache import Shelf
from footage.core.errors import WrongCheckpointError
from footage.core.types import Answer, Frames, Provenance, Span
from footage.vlm import contract
from footage.vlm.batching import choose_device, end_ids, in_batches, in_pairs, open_checkpoint, refuse_needles
from footage.vlm.generation import Writing
from footage.vlm.kv_cache import Kept, State, merge, split
from footage.vlm.profiles import Profile
from footage.vlm.protocol import Capabilities, Precision, Prepared, Prompt
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

SEEN_VERSION = 2
"""Goes up with any change to which frames a window is sampled at, how they are made ready, or to the prompt's
video form: the tokens before the user's text are kept, too."""
PROMPT_TOKENS_APART = 16
"""Prompts of one batch differ in length by so much at most: what is longer is read a token at a time."""
LONG_PROMPT_TOKENS = 128
"""Longer prompts, such as those with a draft in them, share a batch whatever their lengths: what makes one of
them longer than the shortest is read beforehand, by itself."""
SMALL_PARAMETERS = 100_000_000
"""A model below this size answers within seconds on a CPU."""
MERGED_SIDE = 2
"""The vision tower makes one token of so many patches a side."""
_PLACE = "{prompt}"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Clip:
    """A prepared window: everything of the request that comes before the user's text."""

    ids: Tensor
    """Token ids from the start of the turn to the end of the video, int64, (length,), on the CPU."""
    grid: Tensor
    """Frame pairs, height and width in patches, int64, (1, 3)."""
    places: Tensor
    """M-RoPE positions of ``ids``: time, height and width, int64, (3, length)."""
    pixels: Tensor | None
    """Normalised patches, (pairs * height * width, values); None once the features are there."""
    features: Tensor | None = None
    """What the vision tower made of them, (video tokens, hidden), in main memory."""
    state: State | None = None
    """What the language model has after ``ids``; None when it was not asked yet, or let go of."""

    @property
    def offset(self) -> int:
        """A later token's position less its number."""
        return int(self.places.max()) + 1 - len(self.ids)


@dataclass(frozen=True, slots=True)
class Row:
    """One request on its way."""

    clip: Clip
    """The window."""
    ids: list[int]
    """What follows the video."""
    prompt: Prompt
    """What was asked."""

    @property
    def tokens(self) -> int:
        """The most it may come to: window, prompt and answer."""
        return len(self.clip.ids) + len(self.ids) + self.prompt.max_new_tokens


class QwenModel(ABC):
    """A Qwen vision-language checkpoint behind the ``VideoModel`` protocol; threads may share one."""

    model_class: ClassVar[Any]
    """The class of transformers that runs it."""
    processor_class: ClassVar[Any]
    """And the one that makes its inputs."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        weights: Weights,
        *,
        bounds: Bounds,
        stop_ids: Collection[int] | None = None,
    ) -> None:
        """Serve a loaded model.

        Args:
            model: Of ``model_class``, on its device.
            processor: Of ``processor_class``.
            weights: Where they come from.
            bounds: How much is done and kept at once.
            stop_ids: Tokens that end an answer; None for the checkpoint's own, none for answers that are all
                as long as their prompt allows.
        """
        self._model, self._processor, self._weights = model, processor, weights
        self._tokenizer = processor.tokenizer
        # How special tokens are read is state of a tokenizer: prompts have one to themselves, as windows are
        # prepared in other threads at the same time.
        self._text_tokenizer = copy.deepcopy(processor.tokenizer)
        self._bounds = bounds
        self._kept = Kept(device_bytes=bounds.kept_bytes, memory_bytes=bounds.kept_memory_bytes)
        self._stage_seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()  # one accelerator, whose memory one batch may need
        own = end_ids(model, self._tokenizer)
        self._end_ids = own if stop_ids is None else stop_ids
        pad = self._tokenizer.pad_token_id
        self._pad_id = own[0] if pad is None else pad
        self._head, self._tail_ids = self._split_template()
        self.shelf: Shelf | None = None
        """Where what the vision tower saw is kept for other runs."""

    @classmethod
    def open(cls, weights: Weights, *, device: str, dtype: Precision | None = None) -> Self:
        """Loads a checked folder: bfloat16 on CUDA, float32 elsewhere, unless a dtype is given.

        Raises:
            UsageError: there is no such device.
            WrongCheckpointError: the weights do not fill the model, or there is no vision tower.
            ModelMemoryError: the weights alone do not fit.
        """
        place = choose_device(device)
        model, processor = open_checkpoint(
            weights,
            place,
            model_class=cls.model_class,
            processor_class=cls.processor_class,
            dtype=dtype,
        )
        processor.video_processor.cap_pixels_per_frame = False  # the budget is given with each window
        return cls(model, processor, weights, bounds=bounds_for(model, place))

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
        pixels, milliseconds = in_pairs(frames)
        count, height, width = pixels.shape[:3]
        refuse_needles(height, width)
        inputs = self._processor(
            text=[self._head],
            videos=[torch.from_numpy(pixels).permute(0, 3, 1, 2)],
            video_metadata=[
                {"fps": 1000, "total_num_frames": max(milliseconds) + 1, "frames_indices": list(milliseconds)}
            ],
            do_sample_frames=False,
            size=self._size(count),
            return_tensors="pt",
        )
        ids, grid = inputs["input_ids"][0], inputs["video_grid_thw"]
        logger.debug("grid %s, %d prompt tokens before the text", grid[0].tolist(), len(ids))
        clip = Clip(ids, grid, self._places(ids, grid, milliseconds), inputs["pixel_values_videos"])
        return self._prepared(frames.span, clip)

    def _prepared(self, span: Span, clip: Clip) -> Prepared:
        seen = int(clip.grid.prod()) // MERGED_SIDE**2 * self._text_config.hidden_size
        return Prepared(span, clip, nbytes=seen * self._model.dtype.itemsize)

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """A window as ``keep`` left it; None where it did not, or what lies there cannot be read."""
        if self.shelf is None or (kept := self.shelf.get(content_id, self._shelved_as(span))) is None:
            return None
        try:
            found = load_tensors(kept)
            clip = Clip(found["ids"], found["grid"], found["places"], None, found["features"])
        except (SafetensorError, KeyError):
            self.shelf.drop(content_id, self._shelved_as(span))
            return None
        return self._prepared(span, clip)

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """Keep a window that was shown: its tokens, and what the vision tower made of it."""
        clip, name = prepared.payload, self._shelved_as(prepared.span)
        if self.shelf is None or clip.features is None or self.shelf.has(content_id, name):
            return
        tensors = {"ids": clip.ids, "grid": clip.grid, "places": clip.places, "features": clip.features}
        self.shelf.put(
            content_id, name, save_tensors({key: each.contiguous() for key, each in tensors.items()})
        )

    def _shelved_as(self, span: Span) -> str:
        """What a window's features depend on beside its video."""
        told = self.provenance
        library = f"transformers {transformers.__version__}"
        return (
            f"{SEEN_VERSION} {library} {span} {told.model} {told.revision} {told.budget} {self._model.dtype}"
        )

    @abstractmethod
    def _size(self, frames: int) -> dict[str, int]:
        """The processor's pixel budget for a window of that many frames."""

    @abstractmethod
    def _places(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        """M-RoPE positions of a window's tokens.

        Args:
            ids: Tokens up to the user's text, int64, (length,).
            grid: Of the video, as in ``Clip``.
            milliseconds: Time of each frame from the window's start.

        Returns:
            int64, (3, length).

        Raises:
            ModelError: when the processor did not write what it was given.
        """

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answers every request, in order, in batches of like lengths.

        A window costs its reading once, whatever the number of its prompts, and not even that while its state
        is kept. A batch that does not fit into memory is halved, and so are those after it.

        Raises:
            ModelMemoryError: when even a single request does not fit.
        """
        rows = [Row(prepared.payload, self._ids(prompt), prompt) for prepared, prompt in requests]
        answers: dict[int, Answer] = {}
        with self._lock:
            hits, misses = self._kept.hits, self._kept.misses
            for group in of_like_prompts(rows):
                in_batches(
                    group,
                    lambda batch: answers.update(
                        zip(batch, self._answer([rows[n] for n in batch]), strict=True)
                    ),
                    tokens=lambda n: rows[n].tokens,
                    most=self._bounds.tokens,
                    rows=self._bounds.rows,
                    name=self._name,
                    free=self._let_go,
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

    def _let_go(self) -> bool:
        """Free what kept states take; False when there are none."""
        held = self._kept.nbytes > 0
        self._kept.clear()
        return held

    @property
    def _name(self) -> str:
        return f"{self._weights.model} ran out of memory on {self._model.device}"

    @torch.inference_mode()
    def _answer(self, rows: Sequence[Row]) -> list[Answer]:
        """One batch."""
        # 1. Read every window in, once.
        states = self._states([row.clip for row in rows])
        # 2. Read what all prompts have in length: no pad may follow a state.
        began = time.perf_counter()
        shared = min(len(row.ids) for row in rows)
        ahead = [len(row.ids) - shared if len(row.ids) - shared > PROMPT_TOKENS_APART else 0 for row in rows]
        states = [
            self._ahead(state, row.ids[:count]) for state, row, count in zip(states, rows, ahead, strict=True)
        ]
        left = [row.ids[count:] for row, count in zip(rows, ahead, strict=True)]
        writings = [
            Writing(row.prompt, end_ids=self._end_ids, spell=self._spell, unread=ids[shared:])
            for row, ids in zip(rows, left, strict=True)
        ]
        room = max(len(ids) + row.prompt.max_new_tokens for row, ids in zip(rows, left, strict=True))
        cache, mask = merge(states, self._text_config, room=room)
        ids = torch.tensor([each[:shared] for each in left], device=self._model.device)
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

    def _ahead(self, state: State, ids: list[int]) -> State:
        """A state that was continued by some tokens; the one given stays as it is."""
        if not ids:
            return state
        cache, _ = merge([state], self._text_config, room=len(ids))
        tokens = torch.tensor([ids], device=self._model.device)
        self._read(tokens, cache, None, self._positions([state], len(ids)))
        return split(cache, [state.length + len(ids)], [state.offset])[0]

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

    def _states(self, clips: Sequence[Clip]) -> list[State]:
        """What the language model has after each window's video; windows it has not read are read now."""
        known: dict[Clip, State] = {}
        for clip in dict.fromkeys(clips):
            state = self._kept.use(clip, self._model.device)
            if state is not None:
                known[clip] = state
        new = [clip for clip in dict.fromkeys(clips) if clip not in known]
        new.sort(key=lambda clip: -len(clip.ids))
        in_batches(
            new,
            lambda batch: known.update(zip(batch, self._watch(batch), strict=True)),
            tokens=lambda clip: len(clip.ids),
            most=self._bounds.prefill_tokens,
            rows=self._bounds.rows,
            name=self._name,
            free=self._let_go,
        )
        for clip in new:
            self._kept.put(clip, known[clip])
        return [known[clip] for clip in clips]

    def _watch(self, clips: Sequence[Clip]) -> list[State]:
        """Read some windows in."""
        # 1. Pad on the left, where nothing comes before a pad.
        device, longest = self._model.device, max(len(clip.ids) for clip in clips)
        ids = torch.full((len(clips), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        positions = torch.zeros(4, len(clips), longest, dtype=torch.int64)
        for n, clip in enumerate(clips):
            here = slice(longest - len(clip.ids), None)
            ids[n, here], mask[n, here] = clip.ids, 1
            positions[0, n, here], positions[1:, n, here] = torch.arange(len(clip.ids)), clip.places
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
        return split(cache, [len(clip.ids) for clip in clips], [clip.offset for clip in clips])

    def _see(self, clip: Clip) -> Tensor:
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
        if self.profile.video_form == "bare":
            rendered = bare_video(rendered, self._processor)
        head, place, tail = rendered.partition(_PLACE)
        if not place or rendered.count(self._processor.video_token) != 1:
            raise WrongCheckpointError(
                f"the chat template in {self._weights.folder} does not put one video before the text",
                hint="Restore chat_template.jinja from the model's repository.",
            )
        return head, self._tokenizer(tail, add_special_tokens=False)["input_ids"]


def bare_video(rendered: str, processor: Any) -> str:
    """A rendered chat template without the vision_start and vision_end around its video.

    transformers 5.12 and later replace the pad alone and leave the two; the processor that Qwen3-VL was
    published with (transformers 4.57 to 5.7) replaced all three.

    Args:
        rendered: The template's text.
        processor: Of the checkpoint; knows how the three tokens are spelled.
    """
    pad: str = processor.video_token
    return rendered.replace(f"{processor.vision_start_token}{pad}{processor.vision_end_token}", pad)


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


def bounds_for(model: Any, place: torch.device, *, memory_bytes: int | None = None) -> Bounds:
    """What suits a device: a GPU reads its weights once for all rows, a CPU has little to gain from many.

    A fifth of a GPU's memory is for the answers being written and another for kept states; of main memory a
    gigabyte is for either.

    Args:
        model: Of transformers.
        place: Its device.
        memory_bytes: A GPU's memory; None for all that it has.
    """
    text = model.config.text_config
    full = sum(kind == "full_attention" for kind in text.layer_types)
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    token_bytes = 2 * full * text.num_key_value_heads * head_dim * model.dtype.itemsize
    if place.type == "cuda":
        share = (memory_bytes or torch.cuda.get_device_properties(place).total_memory) // 5
        return Bounds(64, share // token_bytes, 32_768, share, 2 << 30)
    rows = 32 if model.num_parameters() < SMALL_PARAMETERS else 2  # minutes a window: each is worth keeping
    return Bounds(rows, (1 << 30) // token_bytes, 8_192, 1 << 30, 1 << 30)


def of_like_prompts(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Numbers of rows whose prompts are of like length, or all long; the longest answers of each first."""
    pending = sorted(range(len(rows)), key=lambda n: -len(rows[n].ids))
    while pending:
        least = min(len(rows[pending[0]].ids) - PROMPT_TOKENS_APART, LONG_PROMPT_TOKENS)
        group = [n for n in pending if len(rows[n].ids) >= least]
        pending = pending[len(group) :]
        yield sorted(group, key=lambda n: (-rows[n].prompt.max_new_tokens, -rows[n].tokens, n))


def _upto(mask: Tensor | None, used: int) -> Tensor | None:
    return None if mask is None else mask[:, :used]
