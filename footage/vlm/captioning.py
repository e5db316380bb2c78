"""Captions of prepared windows: asked, asked again where nothing can be read, refined in a second stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from footage.core.errors import WindowError
from footage.core.types import Answer, Caption
from footage.vlm import contract
from footage.vlm.profiles import Profile
from footage.vlm.protocol import Prepared, Prompt
from footage.vlm.sampling import Sampling

SECOND_TRY = Sampling(temperature=0.7, top_p=0.8)
"""How an answer is drawn after one that cannot be read: Qwen's own advice for answers without thinking."""
FIRST_STAGE_ONLY = "first stage only"
"""Note of a caption whose second stage gave nothing to read, or did not fit into memory."""

Run = Callable[[Sequence[tuple[Prepared, Prompt]]], Sequence[Answer | WindowError]]
"""Answers requests, in order; an error in place of an answer stands for a window that is too much."""


def captions(
    windows: Sequence[Prepared], *, seeds: Sequence[int], profile: Profile, run: Run
) -> list[Caption | WindowError]:
    """What a model says of each window, read.

    A window whose answer holds nothing readable is asked about once more, drawn at random with its own seed.
    Of a profile with a second prompt, the answer to that is the caption, and the first stays as its draft;
    where the second stage fails, the first counts.

    Args:
        windows: As the model prepared them.
        seeds: One for each window.
        profile: The model's.
        run: Lets the model answer.

    Returns:
        One for each window, in order; the error for those that do not fit into memory.
    """
    prompt = contract.caption_prompt(profile)
    told: list[Caption | WindowError] = []
    # 1. The first stage.
    for window, seed, answer in zip(
        windows, seeds, run([(window, prompt) for window in windows]), strict=True
    ):
        first = _read(answer, window, profile)
        if isinstance(first, Caption) and contract.UNREADABLE in first.notes:
            drawn = replace(prompt, sampling=replace(SECOND_TRY, seed=seed))
            (again,) = run([(window, drawn)])
            first = _first_readable(_read(again, window, profile), first)
        told.append(first)
    # 2. The second, of what there is something to say about.
    drafts = {
        n: caption
        for n, caption in enumerate(told)
        if isinstance(caption, Caption) and contract.UNREADABLE not in caption.notes
    }
    if not profile.second_prompt or not drafts:
        return told
    asked = [
        (windows[n], contract.second_prompt(Answer(draft.raw, draft.finish_reason), profile))
        for n, draft in drafts.items()
    ]
    for (n, draft), answer in zip(drafts.items(), run(asked), strict=True):
        second = _read(answer, windows[n], profile)
        if isinstance(second, WindowError) or contract.UNREADABLE in second.notes:
            told[n] = replace(draft, notes=(*draft.notes, FIRST_STAGE_ONLY))
        else:
            told[n] = replace(second, draft=draft.raw)
    return told


def _read(answer: Answer | WindowError, window: Prepared, profile: Profile) -> Caption | WindowError:
    if isinstance(answer, WindowError):
        return answer
    caption = contract.read_caption(answer, window.span, prose=profile.prose)
    return replace(caption, notes=(*caption.notes, *window.notes)) if window.notes else caption


def _first_readable(again: Caption | WindowError, first: Caption) -> Caption:
    readable = isinstance(again, Caption) and contract.UNREADABLE not in again.notes
    return again if isinstance(again, Caption) and readable else first
