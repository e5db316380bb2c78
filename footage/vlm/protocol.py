"""What every vision-language model looks like from outside; knows no model and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from footage.core.errors import WindowError
from footage.core.types import Answer, Frames, Provenance, Span

if TYPE_CHECKING:
    from footage.core.disk_cache import Shelf
    from footage.vlm.profiles import Profile

PromptKind = Literal["caption", "find", "ask", "raw", "point", "track"]
Precision = Literal["bfloat16", "float32"]
"""Number format of weights and computation, as torch spells it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the tokens of an answer are chosen, in the terms every generation library uses."""

    temperature: float = 0.0
    """What the logits are divided by before a token is drawn; 0 takes the likeliest, always the same."""
    top_p: float = 1.0
    """Tokens are drawn from the likeliest ones that have this probability together."""
    repetition_penalty: float = 1.0
    """What the logits of tokens that came before are divided by (or multiplied with, below 0)."""
    seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        if not (self.temperature >= 0 and 0 < self.top_p <= 1 and self.repetition_penalty > 0):
            raise ValueError(f"temperature >= 0, 0 < top_p <= 1 and a penalty > 0 are needed, got {self}")


LIKELIEST = Sampling()
"""The likeliest token at every step."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question about one window; built by ``footage.vlm.contract``, never by hand."""

    kind: PromptKind
    """Which parser reads the answer."""
    text: str
    """The user text that follows the video, byte for byte."""
    max_new_tokens: int
    """Cap on the answer's length."""
    sampling: Sampling = LIKELIEST
    """How its tokens are chosen."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A window made ready for one backend: what is in it is that backend's own affair."""

    span: Span
    """The window, in video time."""
    payload: Any
    """Backend data: tensors, a state, an encoded clip."""
    nbytes: int = 0
    """What it takes to hold it once it was shown, beside what the model keeps within its own bounds."""
    notes: tuple[str, ...] = ()
    """What is not exact about how it is shown; goes into the notes of its caption."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do beyond the minimum."""

    token_logprobs: bool = False
    """Answers carry token log-probabilities."""
    shared_prefix: bool = False
    """Several prompts on one prepared window cost one video prefill."""
    max_batch: int = 1
    """The most requests worth giving to one ``run`` call."""
    windows_ahead: int = 4
    """Windows to decode and hold at once when it is asked about many."""


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
            WindowError: when even a single request does not fit, or is refused.
        """
        ...


@runtime_checkable
class Recalling(Protocol):
    """A model that can leave on a shelf what it saw of a window, for another run to go on from."""

    shelf: Shelf | None
    """Where; None for nowhere."""

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """A window as it was kept, which spares decoding it and looking at it; None where it was not."""
        ...

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """Keep a window that was shown to the model, unless it is kept already."""
        ...


@runtime_checkable
class RunsEach(Protocol):
    """A model that answers what it can of many requests, and says of the others why not."""

    def run_each(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer | WindowError]:
        """As ``run``, with an error in place of the answer about a window that is too much or refused."""
        ...


@runtime_checkable
class Waits(Protocol):
    """A model that may have to be waited for: it runs elsewhere, and may go away in between."""

    on_wait: Callable[[str], bool] | None
    """Called from any thread, twice a second while it waits, with what it waits for, and with "" once it need
    not wait any longer; False ends the waiting with a WaitStoppedError."""


@runtime_checkable
class PictureModel(VideoModel, Protocol):
    """A video model that answers about several pictures of different places and moments at once, too."""

    def prepare_pictures(self, pictures: Sequence[Frames]) -> Prepared:
        """Make single frames ready for one prompt about all of them, that numbers them from 1."""
        ...
