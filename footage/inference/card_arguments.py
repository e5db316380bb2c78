"""The keyword arguments of Marlin's card, turned into sampling, profile and prompt version of one call."""

from __future__ import annotations

import logging
from dataclasses import replace

from footage.core.errors import UsageError
from footage.vlm import contract
from footage.vlm.changes import Changes, changed, check_prompts, own_version
from footage.vlm.profile import Profile
from footage.vlm.protocol import Prompt
from footage.vlm.sampling import LIKELIEST, Sampling

logger = logging.getLogger(__name__)


def sampling_for(
    default: Sampling,
    do_sample: bool | None,
    temperature: float | None,
    top_p: float | None,
    seed: int = 0,
) -> Sampling:
    """The sampling that transformers' arguments stand for.

    Args:
        default: The sampling for ``do_sample=None``; its repetition penalty counts in any case.
        do_sample: Whether tokens are drawn.
        temperature: Of the draw; None for 1.0.
        top_p: Of the draw; None for 1.0.
        seed: Seed of the sampling.

    Raises:
        UsageError: when nothing can be drawn so.
    """
    if not do_sample and (temperature or (top_p is not None and top_p < 1)):
        logger.warning("temperature and top_p have no effect without do_sample=True.")
    if do_sample is None:
        return replace(default, seed=seed) if default.temperature > 0 else default
    if not do_sample:
        return replace(default, temperature=0.0, top_p=1.0)
    if temperature == 0:
        raise UsageError(
            "Temperature 0 allows no sampling: with do_sample=True, use a higher temperature or omit it."
        )
    try:
        return replace(
            default,
            temperature=1.0 if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            seed=seed,
        )
    except ValueError as exc:
        raise UsageError(f"These sampling options are invalid: {exc}") from exc


def caption_profile(
    profile: Profile, sampling: Sampling, max_new_tokens: int | None, prompt: str | None
) -> Profile:
    """The profile for one call of ``caption``; its ``prompt_version`` says whether it is the model's own."""
    changes: Changes = {}
    if prompt is not None:
        changes["caption_prompt"] = prompt
    if max_new_tokens is not None:
        changes["caption_tokens"] = contract.answer_tokens(max_new_tokens)
    changes["temperature"], changes["top_p"] = sampling.temperature, sampling.top_p
    check_prompts(changes)
    return replace(changed(profile, changes), sampling=sampling)


def find_version(profile: Profile, question: Prompt, template: str) -> str:
    """The prompt version of a find question: the profile's, or a digest of what differs from it."""
    sampling, tokens = question.sampling, question.max_new_tokens
    if (template, sampling, tokens) == (profile.find_template, LIKELIEST, profile.find_tokens):
        return profile.prompt_version
    return own_version(profile, template, f"{sampling.temperature:g}", f"{sampling.top_p:g}", str(tokens))
