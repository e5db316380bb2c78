"""What every vision-language model looks like from outside; knows no model and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from footage.types import FinishReason, Frames, Provenance, Span

if TYPE_CHECKING:
    from footage.vlm.profiles import Profile

PromptKind = Literal["caption", "find", "ask", "raw"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question about one window; built by ``footage.vlm.contract``, never by hand."""

    kind: PromptKind
    """Which parser reads the answer."""
    text: str
    """The user text that follows the video, byte for byte."""
    max_new_tokens: int
    """Cap on the answer's length."""
    seed: int | None = None
    """Draw the answer at random with this seed; None for the likeliest, which is always the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said."""

    raw: str
    """Decoded text without special tokens, otherwise untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""
    token_logprobs: tuple[float, ...] | None = None
    """Natural log of each generated token's probability, or None where the backend does not tell."""
    token_texts: tuple[str, ...] | None = None
    """What each of those tokens spells, the end token as ""; None where the backend does not tell."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A window made ready for one backend: what is in it is that backend's own affair."""

    span: Span
    """The window, in video time."""
    payload: Any
    """Backend data: tensors, a state, an encoded clip."""
    nbytes: int = 0
    """What it takes to hold it once it was shown, beside what the model keeps within its own bounds."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do beyond the minimum."""

    token_logprobs: bool = False
    """Answers carry token log-probabilities."""
    shared_prefix: bool = False
    """Several prompts on one prepared window cost one video prefill."""
    max_batch: int = 1
    """The most requests worth giving to one ``run`` call."""


@runtime_checkable
class VideoModel(Protocol):
    """A vision-language model that answers prompts about windows of video."""

    @property
    def profile(self) -> Profile:
        """The model's row in the table of known models."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this backend can do."""
        ...

    @property
    def provenance(self) -> Provenance:
        """What to record beside everything this model says."""
        ...

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds spent in ``run`` so far, by stage, such as "prefill" and "generate"; empty if not told."""
        ...

    def prepare(self, frames: Frames) -> Prepared:
        """Make one window's frames ready; the frames may be dropped afterwards."""
        ...

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answer every request, in order.

        Raises:
            ModelMemoryError: when even a single request does not fit.
        """
        ...
