"""Groups answers and cuts them into pages; knows nothing of where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from footage.core.errors import UsageError
from footage.core.types import Video

Grouping = Literal["video", "event", "none"]

LISTED = 100
"""Answers that pages are cut from. It is the same for every page: a search for more of them weighs more texts
and may put them into another order."""


class GroupedAnswer(Protocol):
    """What is grouped: a match, or one of several events."""

    @property
    def video(self) -> Video:
        """The video."""
        ...

    @property
    def text(self) -> str:
        """The indexed text that led there."""
        ...


A = TypeVar("A", bound=GroupedAnswer)


def grouped(answers: Sequence[A], by: Grouping) -> list[tuple[A, int]]:
    """The first answer of each group, and how many more are in it, in the order given.

    A group is a video ("video"), what the index says in the same words anywhere ("event"), or one answer
    ("none").
    """
    if by == "none":
        return [(answer, 0) for answer in answers]
    groups: dict[str, list[A]] = {}
    for answer in answers:
        key = answer.video.content_id if by == "video" else answer.text.casefold()
        groups.setdefault(key, []).append(answer)
    return [(group[0], len(group) - 1) for group in groups.values()]


def page(answers: Sequence[tuple[A, int]], number: int, *, size: int) -> list[tuple[int, A, int]]:
    """One page of what ``grouped`` gives: rank over all pages, from 1, answer, and how many more are like it.

    Raises:
        UsageError: when there is no such page among ``LISTED`` answers.
    """
    first = (number - 1) * size
    if number < 1 or first >= LISTED:
        raise UsageError(
            f"There is no page {number}: pages of {size} end with answer {LISTED}.",
            hint="Use a more specific query, with a filter or with more words.",
        )
    return [(rank, *one) for rank, one in enumerate(answers[first : first + size], first + 1)]
