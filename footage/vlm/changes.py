"""Changes to a model's profile: which make sense, and which prompt version they lead to; loads nothing."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import Any, TypedDict

from footage.core.errors import UsageError
from footage.vlm.profile import CAPTION_PLACE, CURATOR_PLACE, Profile

logger = logging.getLogger(__name__)


class Changes(TypedDict, total=False):
    """Changes to a profile; absent keys stay."""

    fps: float
    min_frames: int
    max_frames: int
    pixels_per_frame: int
    caption_prompt: str
    second_prompt: str
    caption_tokens: int
    temperature: float
    top_p: float
    repetition_penalty: float


_BUDGET = ("fps", "min_frames", "max_frames", "pixels_per_frame")
_DRAWING = ("temperature", "top_p", "repetition_penalty")
"""Changes to the sampling."""


def check_prompts(changes: Changes) -> None:
    """Check prompts that a user wrote.

    Raises:
        UsageError: when the first is empty, or the second has no place for the first answer.
    """
    prompt, second = changes.get("caption_prompt"), changes.get("second_prompt")
    if prompt is not None and not prompt.strip():
        raise UsageError(
            "The prompt is empty.", hint="Write an instruction for the model, or omit the prompt."
        )
    if second and CAPTION_PLACE not in second and CURATOR_PLACE not in second:
        raise UsageError(
            "The second prompt has no placeholder for the first answer.",
            hint="Write {caption} there, as in: Shorten this: {caption}",
        )


def changed(profile: Profile, changes: Changes, *, warn: bool = True) -> Profile:
    """A profile with some changes; warns of those that the model was not trained on, unless asked not to.

    With other prompts, sampling or length of captions, its ``prompt_version`` becomes a digest of these. A
    model that only finds uses none of them and keeps its version.

    Raises:
        UsageError: when the changes make no sense.
    """
    if not changes:
        return profile
    fields: dict[str, Any] = {**changes}
    drawing = {name: fields.pop(name) for name in _DRAWING if name in fields}
    try:
        other = replace(profile, **fields, sampling=replace(profile.sampling, **drawing))
    except ValueError as exc:
        raise UsageError(f"{profile.name} cannot use these settings: {exc}") from exc
    if warn:
        _warn(profile, other)
    if profile.skills == ("find",) or _caption_settings(other) == _caption_settings(profile):
        return other
    return replace(other, prompt_version=own_version(profile, *_caption_settings(other)))


def own_version(profile: Profile, *parts: str) -> str:
    """The ``prompt_version`` of prompts that are not the profile's: a digest of its version and the parts."""
    digest = hashlib.sha256("\0".join([profile.prompt_version, *parts]).encode()).hexdigest()
    return f"own-{digest[:12]}"


def _caption_settings(profile: Profile) -> list[str]:
    """Prompts, sampling and length of a profile's captions."""
    drawing = [f"{getattr(profile.sampling, name):g}" for name in _DRAWING]
    return [profile.caption_prompt, profile.second_prompt, *drawing, str(profile.caption_tokens)]


def _warn(profile: Profile, other: Profile) -> None:
    """Log the changes that the model was not trained on."""
    budget = {
        name: getattr(other, name) for name in _BUDGET if getattr(other, name) != getattr(profile, name)
    }
    if budget:
        shown = ", ".join(f"{name}={value}" for name, value in budget.items())
        logger.warning("%s is shown windows at %s, on which it was not trained.", profile.name, shown)
    if (other.caption_prompt, other.second_prompt) != (profile.caption_prompt, profile.second_prompt):
        logger.warning(
            "%s uses another prompt than in its training: its answers may lack times.", profile.name
        )
