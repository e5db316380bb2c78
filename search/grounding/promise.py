"""Chooses the threshold of "found" that keeps a promise: a precision, with a confidence; pure, no search.

The promise is about the precision of "found" as ``footage eval run`` counts it: the share of the queries with
a match "found" that are present. The threshold is chosen by Learn then Test (Angelopoulos, Bates, Candès,
Jordan and Lei, 2021, arXiv:2110.01052; their selective classification) with fixed-sequence testing:

1. Queries are ordered by the highest confidence of a match that can be found, highest first.
2. Of the first n, w are absent. The hypothesis "of all queries with at least this confidence, more than a
   share e are absent" has the exact p-value P(Binomial(n, e) <= w).
3. It is tested for n = least(a), least(a + 1), ..., where least(w) is the fewest queries of which w may be
   absent, until one p-value is above 1 - confidence. The last n before gives the threshold.

The numbers n depend on how many queries reach ``LEAST_THRESHOLD`` and on no label, so that the number of
tests needs no correction. Each test is exact because, given the confidence of query n + 1, the first n are
independent draws of queries above it. The first true hypothesis of the sequence is the one that could be
rejected wrongly; the test of this one is exact or cautious, too, as long as precision does not fall while the
threshold rises. Queries must be independent draws of what will be asked, and their truth must have had no
part in their order. So a promise that does not hold is made for at most a share 1 - confidence of all sets of
labels; where promises are seldom possible, a larger share of those that are made may fail.

For another share of present queries than among the labels, e is changed: absent queries are e' / (1 - e') of
the present ones among the first n at the one share, and (odds of the labels' share / odds of the other) times
that at the other. Only the shares of present and of absent queries that are found enter, and these stay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from search.grounding.calibration import Promise

LEAST_THRESHOLD = 0.2
"""No threshold below this is chosen: below it a moment is called "not found"."""
START_SHARE = 2 / 3
"""The sequence starts with the largest number of at most this share of the queries that reach
``LEAST_THRESHOLD``: the more labels, the less a single wrong one decides."""


@dataclass(frozen=True, slots=True)
class LabelledConfidence:
    """A labelled query and its answer."""

    confidence: float
    """The highest confidence of a match that can be "found"; 0 where there is none."""
    present: bool
    """Whether something truly answers it."""


@dataclass(frozen=True, slots=True)
class NoPromise:
    """Why nothing can be promised."""

    more: int | None
    """About how many more labelled queries are needed; None where more would hardly help."""
    sentence: str
    """The reason, and what to do."""


def choose_threshold(
    labels: Sequence[LabelledConfidence],
    *,
    precision: float,
    confidence: float,
    present_share: float | None = None,
    date: str = "",
) -> Promise | NoPromise:
    """The lowest threshold whose precision can be promised.

    Args:
        labels: Labelled queries, present and absent ones.
        precision: The least share of the found queries that are present, in (0, 1).
        confidence: In (0, 1): for this share of all sets of labels, no promise is made that does not hold.
        present_share: Share of present queries among those that will be asked, in (0, 1); as labelled if
            None.
        date: Today, ISO 8601.

    Raises:
        ValueError: when a number is out of range, or there are not both present and absent queries.
    """
    for name, value in (("precision", precision), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    present = sum(label.present for label in labels)
    if not 0 < present < len(labels):
        raise ValueError("present and absent queries are both needed")
    held = present / len(labels)
    share = held if present_share is None else present_share
    if not 0 < share < 1:
        raise ValueError(f"present_share must lie between 0 and 1, got {share}")
    most_wrong = wrong_share(precision, held=held, asked=share)
    # 1. Order, and where each test ends.
    ordered = sorted(labels, key=lambda label: -label.confidence)
    able = [label for label in ordered if label.confidence >= LEAST_THRESHOLD]
    # 2. Test until one fails.
    chosen: tuple[int, int] | None = None
    for least in _sequence(len(able), most_wrong, 1 - confidence):
        found = _with_ties(able, least)
        if found is None:
            break
        wrong = sum(not label.present for label in able[:found])
        if binomial_tail(wrong, found, most_wrong) > 1 - confidence:
            break
        chosen = found, wrong
    if chosen is None:
        return _none(able, len(labels), most_wrong, precision=precision, confidence=confidence)
    found, wrong = chosen
    return Promise(
        precision=precision,
        confidence=confidence,
        present_share=round(share, 4),
        found_from=able[found - 1].confidence,
        queries=len(labels),
        found=found,
        wrong=wrong,
        date=date,
    )


def wrong_share(precision: float, *, held: float, asked: float) -> float:
    """Largest share of absent queries among the found labelled ones, for a precision among those asked.

    Args:
        precision: The precision to promise.
        held: Share of present queries among the labelled ones.
        asked: Share of present queries among those that will be asked.
    """
    odds = (1 - precision) / precision * (1 - held) / held * asked / (1 - asked)
    return odds / (1 + odds)


@lru_cache(maxsize=4096)
def least_found(wrong: int, most_wrong: float, level: float) -> int:
    """The fewest found queries n, ``wrong`` of them absent: P(Binomial(n, most_wrong) <= wrong) <= level."""
    low, high = wrong, wrong + 1
    while binomial_tail(wrong, high, most_wrong) > level:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_tail(wrong, middle, most_wrong) > level:
            low = middle
        else:
            high = middle
    return high


def binomial_tail(wrong: int, found: int, share: float) -> float:
    """P(Binomial(found, share) <= wrong): the exact p-value of "more than this share are wrong"."""
    from scipy.special import bdtr

    return float(bdtr(wrong, found, share))


def _sequence(able: int, most_wrong: float, level: float) -> list[int]:
    """How many found queries each test takes at least, in order; it depends on no label.

    Args:
        able: Queries that reach ``LEAST_THRESHOLD``.
        most_wrong: Largest share of absent ones among the found.
        level: 1 less the confidence.
    """
    numbers, wrong = [least_found(0, most_wrong, level)], 1
    while numbers[-1] <= able:
        numbers.append(least_found(wrong, most_wrong, level))
        wrong += 1
    first = sum(number <= START_SHARE * able for number in numbers)
    return numbers[max(0, first - 1) : -1]


def _with_ties(ordered: Sequence[LabelledConfidence], least: int) -> int | None:
    """How many queries are found at the highest threshold that finds so many; None where too few can be."""
    if len(ordered) < least:
        return None
    threshold = ordered[least - 1].confidence
    return sum(label.confidence >= threshold for label in ordered)


def _none(
    able: Sequence[LabelledConfidence],
    queries: int,
    most_wrong: float,
    *,
    precision: float,
    confidence: float,
) -> NoPromise:
    """What stands in the way: too few labels, or answers that are wrong too often."""
    level = 1 - confidence
    needed = math.inf
    wrong = 0
    step = max(1, len(able) // 25)
    for found, label in enumerate(able, start=1):
        wrong += not label.present
        if found % step and found < len(able):
            continue
        rate = (wrong + 0.5) / (found + 1)
        if (found >= 3 and rate < most_wrong) or not wrong:
            # The same share of wrong ones among so many more.
            times = next(
                (
                    times
                    for times in (1.05**n for n in range(1, 200))
                    if binomial_tail(math.ceil(wrong * times), math.floor(found * times), most_wrong) <= level
                ),
                math.inf,
            )
            needed = min(needed, (times - 1) * queries)
    start = (
        f'"Found" cannot be promised to be right in {precision:.0%} of the cases with {confidence:.0%} '
        f"confidence from {queries} labelled queries"
    )
    if math.isinf(needed):
        return NoPromise(
            None,
            f"{start}, and more would hardly help: among the surest answers, too many queries are absent. "
            "Promise less, or use a model that fits the footage better.",
        )
    more = max(1, math.ceil(needed))
    return NoPromise(more, f"{start}; about {more} more are needed, in the same mixture.")
