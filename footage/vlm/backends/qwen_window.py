"""A prepared window of a Qwen model, its form on disk, and the chat template around it; runs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from footage.core.errors import WrongCheckpointError
from footage.vlm.kv_cache import State
from footage.vlm.profile import VideoForm

VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"
"""Tokens around the pictures of a video in Qwen's prompts."""
_PLACE = "{prompt}"


@dataclass(slots=True, eq=False, weakref_slot=True)
class QwenWindow:
    """A prepared window: the part of the prompt up to the end of the video, and its pictures."""

    ids: Tensor
    """Token ids from the start of the turn to the end of the video, int64, (length,), on the CPU."""
    grid: Tensor
    """Frame pairs, height and width in patches, int64, (1, 3)."""
    places: Tensor
    """M-RoPE positions of ``ids``: time, height and width, int64, (3, length)."""
    pixels: Tensor | None
    """Normalised patches, (pairs * height * width, values); None once there are features."""
    features: Tensor | None = None
    """Output of the vision tower, (video tokens, hidden), in main memory; None before it ran."""
    deepstack: Tensor | None = None
    """What its earlier layers give to the first layers of the language model (DeepStack), (layers, video
    tokens, hidden), in main memory; None where there is none, and before it ran."""
    state: State | None = None
    """State of the language model after ``ids``; None before it read them, and when it was dropped."""

    @property
    def offset(self) -> int:
        """A later token's position less its number."""
        return int(self.places.max()) + 1 - len(self.ids)

    @property
    def deepstack_layers(self) -> int:
        """Layers of the language model to which its vision tower gives more."""
        return 0 if self.deepstack is None else len(self.deepstack)

    def to_bytes(self) -> bytes | None:
        """Tokens and features, to go on from in another run; None before the vision tower ran.

        Tensors by their names, those of DeepStack only where there are any.
        """
        if self.features is None:
            return None
        tensors = {"ids": self.ids, "grid": self.grid, "places": self.places, "features": self.features}
        if self.deepstack is not None:
            tensors["deepstack"] = self.deepstack
        return bytes(save_tensors({name: each.contiguous() for name, each in tensors.items()}))

    @classmethod
    def from_bytes(cls, data: bytes) -> QwenWindow | None:
        """The window of ``to_bytes``; None when the data cannot be read."""
        try:
            tensors = load_tensors(data)
            ids, grid, places = (tensors[name] for name in ("ids", "grid", "places"))
            return cls(ids, grid, places, None, tensors["features"], tensors.get("deepstack"))
        except (SafetensorError, KeyError):
            return None


def split_template(processor: Any, *, video_form: VideoForm, folder: object) -> tuple[str, str]:
    """The chat template of one turn: the text before the user's words, with the video, and the text after.

    Args:
        processor: Of the checkpoint.
        video_form: How the video stands in the prompt.
        folder: Of the checkpoint, for the error.

    Raises:
        WrongCheckpointError: when the template does not put one video before the text.
    """
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": _PLACE}]}]
    rendered = ""
    if processor.chat_template:
        rendered = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    if video_form != "template":
        rendered = bare_video(rendered, processor)
    head, place, tail = rendered.partition(_PLACE)
    if not place or rendered.count(processor.video_token) != 1:
        raise WrongCheckpointError(
            f"the chat template in {folder} does not put one video before the text",
            hint="Restore chat_template.jinja from the model's repository.",
        )
    return head, tail


def bare_video(rendered: str, processor: Any) -> str:
    """A rendered chat template without the vision_start and vision_end around its video.

    transformers 5.12 and later replace the pad alone and leave the two; the processor that Qwen3-VL was
    published with (transformers 4.57 to 5.7) replaced all three.

    Args:
        rendered: The template's text.
        processor: Of the checkpoint; knows how the pad is spelled.
    """
    pad: str = processor.video_token
    return rendered.replace(f"{VISION_START}{pad}{VISION_END}", pad)
