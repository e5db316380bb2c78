"""Gives the model a raw prompt about a segment of a file, and returns its raw answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from footage.core.errors import UsageError
from service import locators
from service.events import Listener, ignore, steps
from service.factories import read_prompt
from service.requests import Request

if TYPE_CHECKING:
    from footage.inference.responses import AskResponse
    from footage.vlm.sampling import Sampling
    from service.cancellation import CancelToken
    from service.session import Service


class PromptRequest(Request):
    """A prompt, and what of which file it is about."""

    place: str
    """VIDEO or VIDEO@START-END."""
    text: str | None = None
    """The prompt, sent without change."""
    prompt_file: Path | None = None
    """Instead: the file that holds it."""
    max_new_tokens: int | None = Field(default=None, ge=1)
    """Longest answer, in tokens; that of a caption when None."""
    do_sample: bool = False
    """Draw the answer's tokens, at temperature 1 unless the settings name one."""
    seed: int = Field(default=0, ge=0)
    """Seed of the sampling."""
    keep_think: bool = False
    """Keep what the model says while thinking."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.text is None) == (self.prompt_file is None):
            raise UsageError(
                "A prompt is required, after the video or with --prompt-file.",
                hint='For example: footage models prompt gate.mp4 "Describe the video in detail."',
            )
        return self

    def prompt(self) -> str:
        """The prompt, from wherever it was given.

        Raises:
            FileError: its file cannot be read.
            UsageError: it is empty.
        """
        text = read_prompt(self.prompt_file) if self.prompt_file else self.text or ""
        if not text.strip():
            raise UsageError("The prompt is empty.", hint="Write an instruction for the model.")
        return text


def prompt(
    service: Service,
    request: PromptRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> AskResponse:
    """Ask the model, window by window.

    Raises:
        FootageError: the file, the prompt or the model cannot be used.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.inference.models import OpenModel
    from footage.media.sandbox import probe

    settings = service.settings
    # 1. A bad file or prompt is refused before anything is loaded.
    where = locators.parse_locator(request.place)
    span = where.span(probe(where.path))
    text = request.prompt()
    if request.do_sample and settings.temperature == 0:
        raise UsageError(
            "Temperature 0 allows no sampling: with --do-sample, use a higher temperature or omit it."
        )
    # 2. Ask.
    service.check_model(on_event=on_event)
    model = service.model(on_event)
    return OpenModel(model, timeout_seconds=settings.decode_timeout_seconds).prompt(
        where.path,
        text,
        max_new_tokens=request.max_new_tokens,
        sampling=_sampling(model.profile.sampling, draw=request.do_sample, seed=request.seed),
        keep_think=request.keep_think,
        start=span.start_seconds,
        end=span.end_seconds,
        window_seconds=settings.window_seconds,
        overlap_seconds=settings.overlap_seconds,
        on_progress=steps("asking", on_event, cancel),
    )


def _sampling(base: Sampling, *, draw: bool, seed: int) -> Sampling:
    """How the answer is written: as the profile says, drawn where that was asked for."""
    temperature = 1.0 if draw and base.temperature == 0 else base.temperature
    return replace(base, temperature=temperature, seed=seed)
