"""Draws the weights of tiny models for tests, the same for the same seed whatever was drawn before."""

from __future__ import annotations

from typing import Any

import torch


def drawn(model_class: type, config: Any, *, seed: int) -> Any:
    """A model of a class of transformers, its weights large enough that what it sees matters."""
    with torch.random.fork_rng(devices=[]):  # some weights keep the values that the class draws for them
        torch.manual_seed(seed)
        model = model_class(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=0.15, generator=generator)
    return model
