"""Raw use of a loaded model: transformers' own processor, ``generate`` and compilation; knows no window."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from footage.core.errors import DependencyError

_COMPILED = frozenset(
    {
        "mlp",
        *("input_layernorm", "post_attention_layernorm"),  # of a decoder layer
        *("norm1", "norm2", "layer_norm1", "layer_norm2"),  # of a layer of the vision tower
    }
)
"""Names of the modules of a layer that are compiled. Attention is not among them: in the language model it
changes a cache, in the vision tower it splits its input by a list of lengths."""


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

    def compile(self) -> None:
        """Compile parts of each layer with ``torch.compile``; the first answers afterwards take longer.

        Raises:
            DependencyError: torch cannot compile here, as without a C++ compiler.
        """
        _check_compiler(self.device)
        with self._lock:
            for name, module in self._model.named_modules():
                if name.rpartition(".")[2] in _COMPILED:
                    module.compile(dynamic=True)

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


def _check_compiler(device: torch.device) -> None:
    """Compile a trifle, past all caches.

    Raises:
        DependencyError: when that fails.
    """
    trifle = torch.compile(lambda x: x * 2 + 1, options={"force_disable_caches": True})
    try:
        trifle(torch.ones(8, device=device))
    except (ImportError, OSError, RuntimeError) as exc:
        reason = str(exc.__cause__ or exc).strip().splitlines()[0]
        raise DependencyError(
            f"torch cannot compile on this machine ({reason})",
            hint="Install a C++ compiler (apt-get install g++ on Debian and Ubuntu, xcode-select --install "
            "on macOS), or omit compile(): answers are the same without it.",
        ) from exc
    finally:
        torch.compiler.reset()
