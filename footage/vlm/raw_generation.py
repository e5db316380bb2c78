"""Raw use of a loaded model: transformers' own processor and ``generate``; knows no window and no parser."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor


class RawUse:
    """Base of the local models: the part of the ``RawModel`` protocol that all of them share."""

    _model: Any
    """Of transformers, on its device."""
    _processor: Any
    """Of transformers."""
    _lock: threading.Lock
    """Held while the model runs."""
    _end_ids: Collection[int]
    """Tokens that end an answer; none for answers that are all as long as allowed."""

    def new_processor(self) -> Any:
        """A copy of the checkpoint's processor: threads that prepare windows use the original."""
        return copy.deepcopy(self._processor)

    @property
    def device(self) -> torch.device:
        """The device that the model is on."""
        device: torch.device = self._model.device
        return device

    def generate(self, **inputs: Any) -> Tensor:
        """Call ``generate`` of transformers.

        The module's position offset (``rope_deltas``), which a call leaves behind for the video that it saw,
        is put back, so that nothing of the call remains.

        Args:
            **inputs: Arguments of ``generate``. Tensors go to the model's device; numbers with a fraction
                take its number format.

        Returns:
            Token ids, the prompt's first; int64, (rows, length).
        """
        arguments: dict[str, Any] = {"eos_token_id": list(self._end_ids)} if self._end_ids else {}
        model = self._model
        for name, value in inputs.items():
            if isinstance(value, Tensor):
                value = value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
            arguments[name] = value
        with self._lock, torch.inference_mode():
            offset = getattr(model.model, "rope_deltas", None)
            try:
                ids: Tensor = model.generate(**arguments)
                return ids
            finally:
                if hasattr(model.model, "rope_deltas"):
                    model.model.rope_deltas = offset
