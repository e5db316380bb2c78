"""The protocol of all vision-language models; knows no backend and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard, runtime_checkable

from footage.core.disk_cache import Shelf
from footage.core.errors import WindowError
from footage.core.types import Answer, Frames, Provenance, Span
from footage.vlm.profile import FindForm, Profile
from footage.vlm.sampling import LIKELIEST, Sampling

PromptKind = Literal["caption", "find", "ask", "raw", "point", "track"]
Precision = Literal["bfloat16", "float32"]
"""Number format of weights and computation, as torch spells it."""


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
    find_form: FindForm = "from-to"
    """Form of the answer to a "find" prompt; of no meaning for other kinds."""
    subtitles: str = ""
    """Cues between the video and the user's turn, for a backend with ``Capabilities.subtitles``."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A window prepared for one backend, in a form that only this backend knows."""

    span: Span
    """The window, in video time."""
    payload: Any
    """Backend data: tensors, a state, an encoded clip."""
    nbytes: int = 0
    """Memory that it takes once it was shown, beside states that the model keeps within its own bounds."""
    notes: tuple[str, ...] = ()
    """Inexact points of how it is shown; they go into the notes of its caption."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Abilities of a backend beyond the minimum."""

    token_logprobs: bool = False
    """Answers carry token log-probabilities."""
    shared_prefix: bool = False
    """Several prompts on one prepared window cost one video prefill."""
    max_batch: int = 1
    """The most requests worth giving to one ``run`` call."""
    windows_ahead: int = 4
    """Windows to decode and hold at once when it is asked about many."""
    subtitles: bool = False
    """``Prompt.subtitles`` has a place of its own in the prompt; otherwise cues go before the question."""
    several_pictures: bool = False
    """One prompt can be about several pictures (see ``PictureModel``)."""
    multi_span: bool = False
    """One find answer may hold several spans; from the profile."""
    says_absent: bool = False
    """A find answer without spans is evidence that the event is absent; from the profile."""


@runtime_checkable
class VideoModel(Protocol):
    """A vision-language model that answers prompts about windows of video."""

    @property
    def profile(self) -> Profile:
        """The model's row in the table of known models."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of this backend."""
        ...

    @property
    def provenance(self) -> Provenance:
        """The provenance to record with every answer of this model."""
        ...

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds spent in ``run`` so far, by stage ("prefill", "generate"); empty where unknown."""
        ...

    def prepare(self, frames: Frames) -> Prepared:
        """Prepare one window's frames; the frames may be dropped afterwards."""
        ...

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answer every request, in order.

        Raises:
            WindowError: when even a single request does not fit, or is refused.
        """
        ...


@runtime_checkable
class Recalling(Protocol):
    """A model that can keep the features of a window on disk, for another run to continue from."""

    shelf: Shelf | None
    """The disk cache; None for none."""

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """A window as it was kept, which saves decoding and the vision tower; None where there is none."""
        ...

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """Keep a window that was shown to the model, unless it is kept already."""
        ...


@runtime_checkable
class RunsEach(Protocol):
    """A model that answers the requests it can, and gives an error for each of the others."""

    def run_each(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer | WindowError]:
        """As ``run``, with an error in place of the answer about a window that is too much or refused."""
        ...


@dataclass(slots=True)
class ModelWork:
    """How much a model has done since it was loaded."""

    batches: int = 0
    """Batches of answers."""
    requests: int = 0
    """Answers."""
    prompt_tokens: int = 0
    """Tokens of windows and prompts of those answers, read now or kept from before."""
    answer_tokens: int = 0
    """Tokens written."""
    states_kept: int = 0
    """Windows whose state was kept from an earlier question."""
    states_made: int = 0
    """Windows that were read."""


@runtime_checkable
class CountsWork(Protocol):
    """A model that counts what it does."""

    @property
    def work(self) -> ModelWork:
        """The counts so far."""
        ...


@runtime_checkable
class Waits(Protocol):
    """A model that may have to be waited for: it runs elsewhere, and may be away for a while."""

    on_wait: Callable[[str], bool] | None
    """Called from any thread, twice a second while it waits, with the reason, and with "" once the wait is
    over; False ends the waiting with a WaitStoppedError."""


@runtime_checkable
class TakesTurns(Protocol):
    """A model that lets one batch of its callers run at a time, in an order of its own."""

    takes_turns: bool
    """True; its presence is what counts."""


@runtime_checkable
class PreparesAhead(Protocol):
    """A model that prepares windows beside its other work: any number of threads may prepare them."""

    def prepare_ahead(self, frames: Frames) -> None:
        """Begin to prepare a window, for a call of ``prepare`` with the same frames."""
        ...


@runtime_checkable
class RawModel(Protocol):
    """A model in this process, for callers who make its inputs with transformers themselves."""

    def new_processor(self) -> Any:
        """A copy of the checkpoint's processor of transformers."""
        ...

    @property
    def device(self) -> Any:
        """The torch device that the model is on."""
        ...

    def compile(self) -> None:
        """Compile parts of the model, which speeds up later answers.

        Raises:
            DependencyError: torch cannot compile here.
        """
        ...

    def generate(self, **inputs: Any) -> Any:
        """Token ids as transformers' ``generate`` gives them, the prompt's first; int64, (rows, length)."""
        ...


@runtime_checkable
class PictureModel(VideoModel, Protocol):
    """A video model that answers about several pictures of different places and moments at once, too."""

    def prepare_pictures(self, pictures: Sequence[Frames]) -> Prepared:
        """Prepare single frames for one prompt about all of them, which numbers them from 1."""
        ...


def compares_pictures(model: VideoModel) -> TypeGuard[PictureModel]:
    """Whether a model can be asked about several pictures in one prompt."""
    return isinstance(model, PictureModel) and model.capabilities.several_pictures
