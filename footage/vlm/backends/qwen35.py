"""Runs Marlin, video-scan and the demo model on transformers' native Qwen3.5 class."""

from __future__ import annotations

from transformers import Qwen3_5ForConditionalGeneration

from footage.vlm.backends.qwen_stamps import StampedQwenModel
from footage.vlm.protocol import Precision
from footage.vlm.weights import Weights


class Qwen35Model(StampedQwenModel):
    """A Qwen3.5 vision-language checkpoint."""

    model_class = Qwen3_5ForConditionalGeneration


def load(weights: Weights, *, device: str = "auto", dtype: Precision | None = None) -> Qwen35Model:
    """Loads a checked folder.

    Raises:
        UsageError: there is no such device.
        WrongCheckpointError: the weights do not fill the model, or there is no vision tower.
        ModelMemoryError: the weights alone do not fit.
    """
    return Qwen35Model.open(weights, device=device, dtype=dtype)
