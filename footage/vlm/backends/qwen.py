"""Base of the Qwen vision-language models: reads each window once and writes its answers together.

The frames go through the checkpoint's own processor within the profile's pixel budget. A window goes through
the vision tower and the language model once, whatever the number of prompts: the state of the language model
after the video is kept (``footage.vlm.kv_cache``), each prompt continues a copy of it, and all answers are
written together (``footage.vlm.backends.qwen_decoder``). A family adds the processor's pixel budget and the
positions of its tokens in time. Nothing here knows a file or an index.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import torch
import transformers
from torch import Tensor
from transformers import DynamicCache

from footage.core.disk_cache import Shelf
from footage.core.types import Answer, Frames, Provenance, Span
from footage.vlm.backends.qwen_batches import (
    PROMPT_TOKENS_APART,
    BatchBounds,
    QwenRequest,
    bounds_for,
    of_like_prompts,
)
from footage.vlm.backends.qwen_decoder import QwenDecoder, up_to
from footage.vlm.backends.qwen_window import QwenWindow, split_template
from footage.vlm.batching import choose_device, in_batches, in_pairs, open_checkpoint, refuse_needles
from footage.vlm.generation import AnswerDraft
from footage.vlm.kv_cache import State, StateCache, merge, split
from footage.vlm.profile import Profile
from footage.vlm.protocol import Capabilities, ModelWork, Precision, Prepared, Prompt
from footage.vlm.raw_generation import RawUse
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

SEEN_VERSION = 2
"""Goes up with any change to the frames that a window is sampled at, to their preparation, or to the prompt's
video form: the tokens before the user's text are kept on disk, too."""
MERGED_SIDE = 2
"""Patches a side that the vision tower merges into one token."""


class QwenModel(QwenDecoder, RawUse, ABC):
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
        bounds: BatchBounds,
        stop_ids: Collection[int] | None = None,
    ) -> None:
        """Serve a loaded model.

        Args:
            model: Of ``model_class``, on its device.
            processor: Of ``processor_class``.
            weights: Where they come from.
            bounds: How much is computed and kept at once.
            stop_ids: Tokens that end an answer; None for the checkpoint's own, none for answers that are all
                as long as their prompt allows.
        """
        super().__init__(model, processor.tokenizer, stop_ids=stop_ids)
        self._processor, self._weights = processor, weights
        # The reading of special tokens is state of a tokenizer: prompts have their own, as windows are
        # prepared in other threads at the same time.
        self._text_tokenizer = copy.deepcopy(processor.tokenizer)
        self._bounds = bounds
        self._deepstack_layers = len(getattr(model.config.vision_config, "deepstack_visual_indexes", ()))
        self._kept = StateCache(device_bytes=bounds.kept_bytes, memory_bytes=bounds.kept_memory_bytes)
        self._stage_seconds: defaultdict[str, float] = defaultdict(float)
        self._work = ModelWork()
        self._lock = threading.Lock()  # one accelerator, whose memory one batch may need
        self._head, tail = split_template(
            processor, video_form=self.profile.video_form, folder=weights.folder
        )
        self._tail_ids = self._tokenizer(tail, add_special_tokens=False)["input_ids"]
        self.shelf: Shelf | None = None
        """Where features of the vision tower are kept for other runs; None for nowhere."""

    @classmethod
    def open(cls, weights: Weights, *, device: str, dtype: Precision | None = None) -> Self:
        """Loads a checked folder, in the device's own number format unless a dtype is given.

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
        """The profile of this checkpoint."""
        return self._weights.profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, shared windows, and as many requests a call as suit the device."""
        return Capabilities(
            token_logprobs=True,
            shared_prefix=True,
            max_batch=self._bounds.rows,
            multi_span=self.profile.multi_span,
            says_absent=self.profile.says_absent,
        )

    @property
    def provenance(self) -> Provenance:
        """Model, revision, prompt version and budget."""
        return self._weights.provenance

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds in the vision tower, in the first forward pass ("prefill") and in those after ("generate").

        On a GPU, where work is queued, the first two include the work that waited for them.
        """
        return self._stage_seconds

    @property
    def work(self) -> ModelWork:
        """Batches, tokens and window states so far."""
        return replace(self._work, states_kept=self._kept.hits, states_made=self._kept.misses)

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
        grid = inputs["video_grid_thw"]
        ids = self._window_ids(inputs["input_ids"][0], grid, milliseconds)
        logger.debug("grid %s, %d prompt tokens before the text", grid[0].tolist(), len(ids))
        window = QwenWindow(ids, grid, self._places(ids, grid, milliseconds), inputs["pixel_values_videos"])
        return self._prepared(frames.span, window)

    def _prepared(self, span: Span, window: QwenWindow) -> Prepared:
        features = int(window.grid.prod()) // MERGED_SIDE**2 * self._text_config.hidden_size
        nbytes = features * (1 + self._deepstack_layers) * self._model.dtype.itemsize
        return Prepared(span, window, nbytes=nbytes)

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """A window as ``keep`` left it on disk; None where it did not, or the data cannot be read."""
        if self.shelf is None or (data := self.shelf.get(content_id, self._disk_name(span))) is None:
            return None
        window = QwenWindow.from_bytes(data)
        if window is None or window.deepstack_layers != self._deepstack_layers:
            self.shelf.drop(content_id, self._disk_name(span))
            return None
        return self._prepared(span, window)

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """Keep a window on disk that was shown: its tokens, and its features of the vision tower."""
        name = self._disk_name(prepared.span)
        if self.shelf is None or self.shelf.has(content_id, name):
            return
        data = prepared.payload.to_bytes()
        if data is not None:
            self.shelf.put(content_id, name, data)

    def _disk_name(self, span: Span) -> str:
        """Everything that a window's features depend on, beside its video."""
        source = self.provenance
        library = f"transformers {transformers.__version__}"
        model = f"{source.model} {source.revision} {source.budget} {self._model.dtype}"
        return f"{SEEN_VERSION} {library} {span} {model}"

    @abstractmethod
    def _size(self, frames: int) -> dict[str, int]:
        """The processor's pixel budget for a window of that many frames."""

    def _window_ids(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        """The tokens of a window, of those that the processor made of the template; else as ``_places``."""
        return ids

    @abstractmethod
    def _places(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        """M-RoPE positions of a window's tokens.

        Args:
            ids: Tokens up to the user's text, int64, (length,).
            grid: Of the video, as in ``QwenWindow``.
            milliseconds: Time of each frame from the window's start.

        Returns:
            int64, (3, length).

        Raises:
            ModelError: when the prompt does not hold the frames that the processor was given.
        """

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answers every request, in order, in batches of like lengths.

        A window is read once, whatever the number of its prompts, and not at all while its state is kept. A
        batch that does not fit into memory is halved, and so are those after it.

        Raises:
            ModelMemoryError: when even a single request does not fit.
        """
        rows = [QwenRequest(prepared.payload, self._ids(prompt), prompt) for prepared, prompt in requests]
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
                    free=self._drop_states,
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
        """The tokens after the video; in the user's text no special token is read."""
        text = self._text_tokenizer(prompt.text, add_special_tokens=False, split_special_tokens=True)
        return [*text["input_ids"], *self._tail_ids]

    def _drop_states(self) -> bool:
        """Free the memory of kept states; False when there are none."""
        held = self._kept.nbytes > 0
        self._kept.clear()
        return held

    @property
    def _name(self) -> str:
        return f"{self._weights.model} ran out of memory on {self._model.device}"

    @torch.inference_mode()
    def _answer(self, rows: Sequence[QwenRequest]) -> list[Answer]:
        """One batch."""
        # 1. Read every window in, once.
        states = self._states([row.window for row in rows])
        # 2. Read as many tokens of each prompt as the shortest has: no pad may follow a state.
        began = time.perf_counter()
        shared = min(len(row.ids) for row in rows)
        ahead = [len(row.ids) - shared if len(row.ids) - shared > PROMPT_TOKENS_APART else 0 for row in rows]
        states = [
            self._ahead(state, row.ids[:count]) for state, row, count in zip(states, rows, ahead, strict=True)
        ]
        left = [row.ids[count:] for row, count in zip(rows, ahead, strict=True)]
        drafts = [
            AnswerDraft(row.prompt, end_ids=self._end_ids, spell=self._spell, unread=ids[shared:])
            for row, ids in zip(rows, left, strict=True)
        ]
        room = max(len(ids) + row.prompt.max_new_tokens for row, ids in zip(rows, left, strict=True))
        cache, mask = merge(states, self._text_config, room=room)
        ids = torch.tensor([each[:shared] for each in left], device=self._model.device)
        used = max(state.length for state in states) + shared
        logits = self._read(ids, cache, up_to(mask, used), self._positions(states, shared))
        positions = self._positions(states, 1) + shared
        del states
        # 3. Write the answers, all together; a longer prompt's rest is read in their first steps.
        wrote = time.perf_counter()
        self._write(drafts, logits, cache, mask, positions, used)
        self._stage_seconds["prefill"] += wrote - began
        self._stage_seconds["generate"] += time.perf_counter() - wrote
        self._work.batches += 1
        self._work.requests += len(rows)
        self._work.prompt_tokens += sum(len(row.window.ids) + len(row.ids) for row in rows)
        self._work.answer_tokens += sum(draft.written for draft in drafts)
        return [draft.answer() for draft in drafts]

    # -- Windows ---------------------------------------------------------------

    def _states(self, windows: Sequence[QwenWindow]) -> list[State]:
        """The language model's state after each window's video; windows without one are read now."""
        known: dict[QwenWindow, State] = {}
        for window in dict.fromkeys(windows):
            state = self._kept.use(window, self._model.device)
            if state is not None:
                known[window] = state
        new = [window for window in dict.fromkeys(windows) if window not in known]
        new.sort(key=lambda window: -len(window.ids))
        in_batches(
            new,
            lambda batch: known.update(zip(batch, self._watch(batch), strict=True)),
            tokens=lambda window: len(window.ids),
            most=self._bounds.prefill_tokens,
            rows=self._bounds.rows,
            name=self._name,
            free=self._drop_states,
        )
        for window in new:
            self._kept.put(window, known[window])
        return [known[window] for window in windows]

    def _watch(self, windows: Sequence[QwenWindow]) -> list[State]:
        """Read windows that have no state."""
        # 1. Pad on the left, where nothing comes before a pad.
        device, longest = self._model.device, max(len(window.ids) for window in windows)
        ids = torch.full((len(windows), longest), self._pad_id)
        mask = torch.zeros_like(ids)
        positions = torch.zeros(4, len(windows), longest, dtype=torch.int64)
        for n, window in enumerate(windows):
            here = slice(longest - len(window.ids), None)
            ids[n, here], mask[n, here] = window.ids, 1
            positions[0, n, here], positions[1:, n, here] = torch.arange(len(window.ids)), window.places
        padded = not bool(mask.all())
        ids, mask, positions = ids.to(device), mask.to(device), positions.to(device)
        # 2. Put the features of the vision tower in place of the video tokens.
        began = time.perf_counter()
        is_video = (ids == self._model.config.video_token_id) & mask.bool()
        embeds = self._model.get_input_embeddings()(ids)
        features = torch.cat([self._features(window) for window in windows]).to(embeds)
        embeds = embeds.masked_scatter(is_video[..., None].expand_as(embeds), features)
        deepstack = self._deepstack(windows, is_video)
        # 3. Read.
        saw = time.perf_counter()
        cache = DynamicCache(config=self._text_config)
        self._forward(embeds, cache, mask if padded else None, positions, **deepstack)
        self._stage_seconds["vision"] += saw - began
        self._stage_seconds["prefill"] += time.perf_counter() - saw
        return split(cache, [len(window.ids) for window in windows], [window.offset for window in windows])

    def _features(self, window: QwenWindow) -> Tensor:
        """The vision tower's features of one window, computed the first time."""
        if window.features is None:
            assert window.pixels is not None
            patches, grid = (x.to(self._model.device) for x in (window.pixels, window.grid))
            seen = self._model.model.get_video_features(patches, grid)
            window.features = torch.cat(seen.pooler_output).cpu()
            if self._deepstack_layers:
                window.deepstack = torch.stack([torch.cat(layer) for layer in seen.deepstack_features]).cpu()
            window.pixels = None
        return window.features

    def _deepstack(self, windows: Sequence[QwenWindow], is_video: Tensor) -> dict[str, Any]:
        """What the vision tower gives to the first layers of the language model; see ``_forward``.

        Args:
            windows: With their features, one a row.
            is_video: Where the video tokens are, bool (rows, tokens).
        """
        if not self._deepstack_layers:
            return {}
        parts = [window.deepstack for window in windows if window.deepstack is not None]
        embeds = torch.cat(parts, dim=1).to(is_video.device, self._model.dtype)
        return {"visual_pos_masks": is_video, "deepstack_visual_embeds": list(embeds)}
