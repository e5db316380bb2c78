"""Runs Molmo2 on transformers' native class: answers, points and tracks; knows no file or index.

A window goes through the checkpoint's own processor as a video whose frames carry their exact times; a
single frame, or several of different places, as images, which the model sees in finer detail. Prompts are
answered one after the other. No code from a checkpoint is ever executed.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import Molmo2ForConditionalGeneration, Molmo2Processor

from footage.core.errors import DecodeError, ModelError, ModelMemoryError, WrongCheckpointError
from footage.core.types import Answer, Frames, Provenance, Span
from footage.vlm.batching import choose_device, end_ids, open_checkpoint, out_of_memory
from footage.vlm.generation import AnswerDraft
from footage.vlm.profile import Profile
from footage.vlm.protocol import Capabilities, Precision, Prepared, Prompt
from footage.vlm.raw_generation import RawUse
from footage.vlm.weights import Weights

logger = logging.getLogger(__name__)

Kind = Literal["video", "image"]
_PLACE = "{prompt}"


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A prepared window or some pictures: the part of the prompt before the user's text."""

    ids: Tensor
    """Token ids of what is seen, up to the user's turn, int64, (1, length)."""
    kinds: Tensor
    """1 where an id stands for pictures, 0 for text, (1, length)."""
    opening: Tensor
    """Token ids of the beginning of the user's turn, int64, (1, length)."""
    seen: Mapping[str, Tensor]
    """Inputs of the vision tower, under the model's names."""


class Molmo2Model(RawUse):
    """A Molmo2 checkpoint behind the ``PictureModel`` protocol; threads may share one."""

    def __init__(self, model: Any, processor: Any, weights: Weights) -> None:
        self._model, self._processor, self._weights = model, processor, weights
        self._tokenizer = processor.tokenizer
        # The reading of special tokens is state of a tokenizer: prompts have their own, as windows are
        # prepared in other threads at the same time.
        self._text_tokenizer = copy.deepcopy(processor.tokenizer)
        self._end_ids = end_ids(model, self._tokenizer)
        self._stage_seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()  # one accelerator, whose memory one answer may need
        self._heads = lru_cache(self._head)
        self._tail_ids = self._split_template("video", 1)[1]

    @property
    def profile(self) -> Profile:
        """The profile of this checkpoint."""
        return self._weights.profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, subtitles, several pictures; one request at a time."""
        return Capabilities(token_logprobs=True, subtitles=True, several_pictures=True)

    @property
    def provenance(self) -> Provenance:
        """Model, revision, prompt version and budget."""
        return self._weights.provenance

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds until the first token of each answer ("prefill"), and after it ("generate")."""
        return self._stage_seconds

    def prepare(self, frames: Frames) -> Prepared:
        """A window as a video with its frames' times; a single frame as an image. May run beside ``run``.

        Raises:
            DecodeError: when there is no frame.
            ModelError: when the processor did not write the times it was given.
        """
        times = list(dict.fromkeys(frames.times_seconds))  # a lone frame comes doubled
        if len(times) <= 1:
            return self.prepare_pictures([frames])
        kept = [frames.times_seconds.index(time) for time in times]
        milliseconds = [round((time - frames.span.start_seconds) * 1000) for time in times]
        longest = round(frames.span.duration_seconds * 1000)
        if min(milliseconds) < 0 or max(milliseconds) > longest:
            raise ValueError(
                f"frames at {min(times)} to {max(times)} s are not within their window {frames.span}"
            )
        turn = self._turn(
            "video",
            1,
            videos=[_channels_first(frames.pixels[kept])],
            video_metadata=[
                {"fps": 1000, "total_num_frames": max(milliseconds) + 1, "frames_indices": milliseconds}
            ],
            do_sample_frames=False,
        )
        self._check_stamps(turn, [f"{ms / 1000:.1f}" for ms in milliseconds])
        return _prepared(frames.span, turn)

    def prepare_pictures(self, pictures: Sequence[Frames]) -> Prepared:
        """The first frame of each as an image; the span is from the earliest to the latest of them.

        Raises:
            DecodeError: when there is no frame.
        """
        for picture in pictures:
            if not len(picture.pixels):
                span = picture.span
                raise DecodeError(f"there is no frame between {span.start_seconds} and {span.end_seconds} s")
        images = [_channels_first(picture.pixels[:1])[0] for picture in pictures]
        times = [picture.times_seconds[0] for picture in pictures]
        span = pictures[0].span if len(pictures) == 1 else Span(min(times), max(times))
        return _prepared(span, self._turn("image", len(images), images=images))

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answers every request, in order, one after the other.

        Raises:
            ModelError: when a request has more tokens than the model can take.
            ModelMemoryError: when a request does not fit into memory.
        """
        with self._lock:
            return [self._run(prepared.payload, prompt) for prepared, prompt in requests]

    def _run(self, turn: _Turn, prompt: Prompt) -> Answer:
        # Subtitles go where Molmo2 was trained to read them: after the video, before the user's turn.
        subtitles, words = self._words(prompt.subtitles), self._words(prompt.text)
        text = torch.tensor([[*subtitles, *turn.opening[0].tolist(), *words, *self._tail_ids]])
        tokens = turn.ids.shape[1] + text.shape[1] + prompt.max_new_tokens
        most = self._model.config.text_config.max_position_embeddings
        if tokens > most:
            raise ModelError(
                f"{tokens:,} tokens were requested from {self._weights.model}, which accepts at most "
                f"{most:,}",
                hint="Use a shorter segment, or fewer frames at once.",
            )
        try:
            return self._answer(turn, text, prompt)
        except (RuntimeError, MemoryError) as exc:
            if not out_of_memory(exc):
                raise
        # Out of the handler, so that the failed call's tensors are gone with its traceback.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise ModelMemoryError(
            f"{self._weights.model} ran out of memory on {self._model.device} with {tokens:,} tokens",
            hint="Close other programs, use a shorter segment, or choose another --device.",
        )

    def _words(self, text: str) -> list[int]:
        """The token ids of a text in which no special token is read."""
        ids = self._text_tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return [int(each) for each in ids]

    @torch.inference_mode()
    def _answer(self, turn: _Turn, text: Tensor, prompt: Prompt) -> Answer:
        """One answer, token by token."""
        # 1. See and read.
        began = time.perf_counter()
        device = self._model.device
        writing = AnswerDraft(prompt, end_ids=self._end_ids, spell=self._spell)
        read = self._model(
            input_ids=torch.cat([turn.ids, text], dim=1).to(device),
            mm_token_type_ids=torch.cat([turn.kinds, torch.zeros_like(text)], dim=1).to(device),
            **{name: _to(value, device, self._model.dtype) for name, value in turn.seen.items()},
            use_cache=True,
            logits_to_keep=1,
        )
        # 2. Write.
        wrote = time.perf_counter()
        while True:
            logits = read.logits[0, -1]
            best, token = logits.float().log_softmax(-1).max(-1)
            chosen = writing.take(int(token), float(best), logits)
            if writing.finished:
                break
            ids = torch.tensor([[chosen]], device=device)
            read = self._model(input_ids=ids, past_key_values=read.past_key_values, use_cache=True)
        self._stage_seconds["prefill"] += wrote - began
        self._stage_seconds["generate"] += time.perf_counter() - wrote
        return writing.answer()

    # -- What is shown ---------------------------------------------------------

    def _turn(self, kind: Kind, count: int, **inputs: Any) -> _Turn:
        """The processor's output for pictures or a video, with the template before the user's text."""
        head = self._heads(kind, count)
        made = self._processor(text=[head], return_tensors="pt", **inputs)
        ids, kinds = made.pop("input_ids"), made.pop("mm_token_type_ids")
        opening = self._opening(head, kind)
        seen = ids.shape[1] - opening.shape[1]
        if not torch.equal(ids[:, seen:], opening):
            raise WrongCheckpointError(
                f"the processor in {self._weights.folder} changes the text after what is seen",
                hint="Restore processor_config.json from the model's repository.",
            )
        ids, kinds = ids[:, :seen], kinds[:, :seen]
        made.pop("attention_mask", None)
        made.pop("video_metadata", None)
        logger.debug("%s x %d: %d tokens before the text", kind, count, ids.shape[1])
        return _Turn(ids, kinds, opening, dict(made))

    def _opening(self, head: str, kind: Kind) -> Tensor:
        """The ids of what the template writes between what is seen and the user's text."""
        token = self._processor.video_token if kind == "video" else self._processor.image_token
        return torch.tensor(
            [self._tokenizer(head.rpartition(token)[2], add_special_tokens=False)["input_ids"]]
        )

    def _head(self, kind: Kind, count: int) -> str:
        return self._split_template(kind, count)[0]

    def _split_template(self, kind: Kind, count: int) -> tuple[str, list[int]]:
        """The chat template around the user's text: before it as text, after it as ids."""
        turn = [{"role": "user", "content": [{"type": kind}] * count + [{"type": "text", "text": _PLACE}]}]
        rendered = ""
        if self._processor.chat_template:
            rendered = self._processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        head, place, tail = rendered.partition(_PLACE)
        token = self._processor.video_token if kind == "video" else self._processor.image_token
        if not place or head.count(token) != count or token in tail:
            raise WrongCheckpointError(
                f"the chat template in {self._weights.folder} does not put {kind}s before the text",
                hint="Restore chat_template.jinja from the model's repository.",
            )
        return head, self._tokenizer(tail, add_special_tokens=False)["input_ids"]

    def _check_stamps(self, turn: _Turn, wanted: Sequence[str]) -> None:
        """Checks that the prompt has the times of the frames: the model reads time from these alone."""
        written = re.findall(r"[0-9]+\.[0-9]+", self._tokenizer.decode(turn.ids[turn.kinds == 0]))
        if written != list(wanted):
            raise ModelError(
                f"the processor stamped {len(written)} frames up to {written[-1:]}, "
                f"not {len(wanted)} up to {wanted[-1]}",
                hint="Install the transformers version of the lock file: make setup.",
            )

    def _spell(self, tokens: list[int]) -> str:
        """The text of tokens."""
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )


def load(weights: Weights, *, device: str = "auto", dtype: Precision | None = None) -> Molmo2Model:
    """Loads a checked folder, in the device's own number format unless a dtype is given.

    Raises:
        UsageError: there is no such device.
        WrongCheckpointError: the weights do not fill the model.
        ModelMemoryError: the weights alone do not fit.
    """
    model, processor = open_checkpoint(
        weights,
        choose_device(device),
        model_class=Molmo2ForConditionalGeneration,
        processor_class=Molmo2Processor,
        dtype=dtype,
    )
    return Molmo2Model(model, processor, weights)


def _channels_first(pixels: np.ndarray) -> Tensor:
    """uint8 (frames, 3, height, width) of (frames, height, width, 3)."""
    return torch.from_numpy(np.require(pixels, np.uint8, ["C", "W"])).permute(0, 3, 1, 2)


def _prepared(span: Span, turn: _Turn) -> Prepared:
    return Prepared(span, turn, nbytes=sum(value.nbytes for value in turn.seen.values()))


def _to(value: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """On the device; floating-point values in the model's own precision."""
    return value.to(device, dtype if value.is_floating_point() else value.dtype)
