"""How the tokens of an answer are chosen; knows no model and imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the tokens of an answer are chosen, in the terms every generation library uses."""

    temperature: float = 0.0
    """Divides the logits before a token is drawn; 0 takes the likeliest token, always the same."""
    top_p: float = 1.0
    """Tokens are drawn from the likeliest ones that have this probability together."""
    repetition_penalty: float = 1.0
    """Divides the logits of tokens that came before (multiplies those below 0)."""
    seed: int = 0
    """Seed of the sampling."""

    def __post_init__(self) -> None:
        if not (self.temperature >= 0 and 0 < self.top_p <= 1 and self.repetition_penalty > 0):
            raise ValueError(f"temperature >= 0, 0 < top_p <= 1 and a penalty > 0 are needed, got {self}")


LIKELIEST = Sampling()
"""The likeliest token at every step."""
