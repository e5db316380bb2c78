"""Captions prepared windows: tries an unreadable answer again, and refines captions in a second stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from footage.core.errors import WindowError
from footage.core.types import Answer, Caption
from footage.vlm import contract
from footage.vlm.profile import Profile
from footage.vlm.protocol import Prepared, Prompt
from footage.vlm.sampling import Sampling

SECOND_TRY = Sampling(temperature=0.7, top_p=0.8)
"""Sampling after an answer that cannot be read: Qwen's own advice for answers without thinking."""
FIRST_STAGE_ONLY = "first stage only"
"""Note of a caption whose second stage was unreadable, or did not fit into memory."""

RunRequests = Callable[[Sequence[tuple[Prepared, Prompt]]], Sequence[Answer | WindowError]]
"""Answers requests, in order; an error in place of an answer stands for a window that is too much."""


def captions(
    windows: Sequence[Prepared], *, seeds: Sequence[int], profile: Profile, run: RunRequests
) -> list[Caption | WindowError]:
    """The caption of each window.

    A window whose answer cannot be read is captioned once more, with tokens drawn by its own seed. With a
    second prompt in the profile, the answer to that is the caption, and the first one stays as its draft;
    where the second stage fails, the first counts.

    Args:
        windows: Prepared by the model.
        seeds: One for each window.
        profile: Of the model.
        run: Runs the model on requests.

    Returns:
        One for each window, in order; the error for those that do not fit into memory.
    """
    prompt = contract.caption_prompt(profile)
    results: list[Caption | WindowError] = []
    # 1. The first stage.
    for window, seed, answer in zip(
        windows, seeds, run([(window, prompt) for window in windows]), strict=True
    ):
        first = _read(answer, window, profile)
        if isinstance(first, Caption) and contract.UNREADABLE in first.notes:
            drawn = replace(prompt, sampling=replace(SECOND_TRY, seed=seed))
            (again,) = run([(window, drawn)])
            first = _first_readable(_read(again, window, profile), first)
        results.append(first)
    # 2. The second stage, of the readable captions.
    drafts = {
        n: caption
        for n, caption in enumerate(results)
        if isinstance(caption, Caption) and contract.UNREADABLE not in caption.notes
    }
    if not profile.second_prompt or not drafts:
        return results
    asked = [
        (windows[n], contract.second_prompt(Answer(draft.raw, draft.finish_reason), profile))
        for n, draft in drafts.items()
    ]
    for (n, draft), answer in zip(drafts.items(), run(asked), strict=True):
        second = _read(answer, windows[n], profile)
        if isinstance(second, WindowError) or contract.UNREADABLE in second.notes:
            results[n] = replace(draft, notes=(*draft.notes, FIRST_STAGE_ONLY))
        else:
            results[n] = replace(second, draft=draft.raw)
    return results


def _read(answer: Answer | WindowError, window: Prepared, profile: Profile) -> Caption | WindowError:
    if isinstance(answer, WindowError):
        return answer
    caption = contract.read_caption(answer, window.span, prose=profile.prose)
    return replace(caption, notes=(*caption.notes, *window.notes)) if window.notes else caption


def _first_readable(again: Caption | WindowError, first: Caption) -> Caption:
    readable = isinstance(again, Caption) and contract.UNREADABLE not in again.notes
    return again if isinstance(again, Caption) and readable else first
