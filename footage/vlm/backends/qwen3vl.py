"""Runs Qwen3-VL, TimeLens-8B and TimeLens2 on transformers' native Qwen3-VL class.

Its vision tower gives more than one set of features (DeepStack): those of some earlier layers are added to
the states of the first layers of the language model, at the places of the video's tokens. They are kept with
the others (``QwenWindow.deepstack``) and matter only while a window is read in: what continues a kept state
needs none of them.
"""

from __future__ import annotations

from transformers import Qwen3VLForConditionalGeneration

from footage.vlm.backends.qwen_stamps import StampedQwenModel
from footage.vlm.protocol import Precision
from footage.vlm.weights import Weights


class Qwen3VLModel(StampedQwenModel):
    """A Qwen3-VL checkpoint."""

    model_class = Qwen3VLForConditionalGeneration


def load(weights: Weights, *, device: str = "auto", dtype: Precision | None = None) -> Qwen3VLModel:
    """Loads a checked folder.

    Raises:
        UsageError: there is no such device.
        WrongCheckpointError: the weights do not fill the model, or there is no vision tower.
        ModelMemoryError: the weights alone do not fit.
    """
    return Qwen3VLModel.open(weights, device=device, dtype=dtype)
