"""Which prompts a figure was made with; holds no prompt itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from evaluation.judging.protocol import JudgePrompt


@dataclass(frozen=True, slots=True, order=True)
class PromptStamp:
    """What is recorded of a prompt beside the figures that were made with it."""

    name: str
    """What it is for."""
    version: int
    """Raised with every change."""
    hash: str
    """SHA-256 of template and schema, the first 12 hex digits."""


def prompt_stamps(prompts: Iterable[JudgePrompt]) -> tuple[PromptStamp, ...]:
    """The stamps of some prompts, each once, in order.

    Raises:
        ValueError: when two different prompts have one name and version: the version was not raised.
    """
    stamps = sorted({PromptStamp(each.name, each.version, each.hash) for each in prompts})
    for before, after in pairwise(stamps):
        if (before.name, before.version) == (after.name, after.version):
            raise ValueError(f"two prompts {before.name!r} have version {before.version}")
    return tuple(stamps)
