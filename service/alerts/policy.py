"""Decides when an alert is sent: retries, quiet hours, cool-down, digests; sends nothing and reads no clock.

Every function is given the time, in seconds since 1970, and what is left to chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as wall_time
from typing import TypeVar
from zoneinfo import ZoneInfo

from footage.core.errors import UsageError

T = TypeVar("T")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_HOURS_HINT = "Write them as in 22:00-07:00."


# -- 1. Retries ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again, and when it is given up."""

    first_seconds: float = 5.0
    """Wait after the first failure."""
    factor: float = 2.0
    """Each wait is this many times the one before."""
    most_seconds: float = 3600.0
    """Longest wait, also of those that a receiver asks for."""
    jitter: float = 0.25
    """Share of a wait by which it may be longer or shorter, 0 to 1."""
    most_tries: int = 20
    """Tries in all; after the last one the notification is a dead letter."""
    most_age_seconds: float = 86_400.0
    """Time since the notification was made after which no try begins."""

    def __post_init__(self) -> None:
        """Refuse values that would retry at once, or for ever."""
        if not 0 < self.first_seconds <= self.most_seconds:
            raise UsageError("the first wait must be above 0 s, and not above the longest wait")
        if self.factor < 1 or not 0 <= self.jitter < 1 or self.most_tries < 1 or self.most_age_seconds < 0:
            raise UsageError(
                "factor must be at least 1, jitter at least 0 and below 1, tries at least 1, age at least 0"
            )


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A delivery that has just failed."""

    tries: int
    """Tries so far, this one included."""
    made_at: float
    """When the notification was made, in seconds since 1970."""
    failed_at: float
    """When this try failed, in seconds since 1970."""
    is_permanent: bool = False
    """Whether another try would fail as well."""
    retry_after_seconds: float | None = None
    """Wait that the receiver asks for; None where it names none."""


def next_try_at(policy: RetryPolicy, failed: FailedTry, *, chance: float) -> float | None:
    """When to try again, in seconds since 1970.

    Args:
        policy: The limits.
        failed: The failure.
        chance: A random number from 0 to 1, which spreads the tries of many notifications.

    Returns:
        None where the notification becomes a dead letter.
    """
    if failed.is_permanent or failed.tries >= policy.most_tries:
        return None
    exponent = min(failed.tries - 1, 64)  # beyond any longest wait, and no overflow
    wait = min(policy.first_seconds * policy.factor**exponent, policy.most_seconds)
    wait *= 1 + policy.jitter * (2 * chance - 1)
    wait = min(max(wait, failed.retry_after_seconds or 0.0), policy.most_seconds)
    at = failed.failed_at + wait
    return at if at <= failed.made_at + policy.most_age_seconds else None


# -- 2. Quiet hours --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of every day in which nothing is sent; it may pass midnight."""

    start: wall_time
    """When it begins, by the clock on the wall."""
    end: wall_time
    """When it ends, by the clock on the wall; before ``start`` where it passes midnight."""
    zone: ZoneInfo
    """The time zone of that clock."""

    def __post_init__(self) -> None:
        """Refuse a day without an end of the quiet time."""
        if self.start == self.end:
            raise UsageError("quiet hours must begin and end at different times", hint=_HOURS_HINT)


def parse_quiet_hours(text: str, zone: str) -> QuietHours:
    """Quiet hours as a person types them, as in "22:00-07:00".

    Raises:
        UsageError: the text or the time zone cannot be read.
    """
    start, dash, end = (part.strip() for part in text.replace("\N{EN DASH}", "-").partition("-"))
    times = [_CLOCK.fullmatch(part) for part in (start, end)]
    if not dash or not all(times):
        raise UsageError(f"{text[:40]!r} are no quiet hours", hint=_HOURS_HINT)
    first, last = (wall_time(int(found[1]), int(found[2])) for found in times if found)
    return QuietHours(first, last, parse_zone(zone))


def parse_zone(name: str) -> ZoneInfo:
    """A time zone by its name, as in "Europe/Berlin".

    Raises:
        UsageError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"{name[:40]!r} is no time zone", hint="As in Europe/Berlin or UTC.") from error


def quiet_until(hours: QuietHours, at: float) -> float | None:
    """The end of the quiet time that a moment is in, in seconds since 1970; None outside of quiet time.

    Where the clocks change, a time of day that comes twice, or not at all, is taken so that the quiet time is
    the longer one.
    """
    today = datetime.fromtimestamp(at, hours.zone).date()
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        start, end = _quiet_on(hours, day)
        if start <= at < end:
            return end
    return None


def _quiet_on(hours: QuietHours, day: date) -> tuple[float, float]:
    """The quiet time that begins on a day, in seconds since 1970."""
    last = day if hours.start < hours.end else day + timedelta(days=1)
    starts, ends = _instants(day, hours.start, hours.zone), _instants(last, hours.end, hours.zone)
    return min(starts), max(ends)


def _instants(day: date, clock: wall_time, zone: ZoneInfo) -> tuple[float, float]:
    """When a clock shows a time of a day: twice the same, except where the clocks change."""
    shown = datetime.combine(day, clock, zone)
    return shown.timestamp(), shown.replace(fold=1).timestamp()


# -- 3. Cool-down ----------------------------------------------------------


def is_cooling_down(moment_at: float, sent_for: Iterable[float], cool_down_seconds: float) -> bool:
    """Whether a moment is too near to one that was sent already for the same alert and camera.

    Args:
        moment_at: When the moment was recorded, or when it was found: one clock for all, in seconds.
        sent_for: The times of the moments that were sent, on the same clock; in any order, as recordings are
            not indexed in theirs.
        cool_down_seconds: Least distance of two moments; 0 for none.
    """
    return any(abs(moment_at - at) < cool_down_seconds for at in sent_for)


# -- 4. Digests ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    """How notifications are put together in one message."""

    every_seconds: float
    """Longest wait of a notification for others; 0: each one is sent by itself."""
    most_items: int = 50
    """Most notifications in a message; a full message does not wait."""

    def __post_init__(self) -> None:
        """Refuse a message without notifications."""
        if self.every_seconds < 0 or self.most_items < 1:
            raise UsageError("a digest needs a wait of at least 0 s and at least one notification")


def due_digests(
    waiting: Sequence[T],
    policy: DigestPolicy,
    *,
    key: Callable[[T], Hashable],
    made_at: Callable[[T], float],
    now: float,
) -> list[list[T]]:
    """The messages that are to be sent now; what is in none of them goes on waiting.

    Args:
        waiting: Notifications that were not sent.
        policy: How many, and how long.
        key: What they have in common, such as alert and sink.
        made_at: When one was made, in seconds since 1970.
        now: The time, in seconds since 1970.

    Returns:
        Notifications of one key each, the oldest first; messages in the order of their oldest ones.
    """
    size = policy.most_items if policy.every_seconds else 1
    groups: dict[Hashable, list[T]] = {}
    for item in sorted(waiting, key=made_at):
        groups.setdefault(key(item), []).append(item)
    due = []
    for group in groups.values():
        for first in range(0, len(group), size):
            message = group[first : first + size]
            if len(message) == size or now - made_at(message[0]) >= policy.every_seconds:
                due.append(message)
    return sorted(due, key=lambda message: made_at(message[0]))


def next_digest_at(
    waiting: Iterable[T], policy: DigestPolicy, *, made_at: Callable[[T], float]
) -> float | None:
    """When the oldest notification has waited long enough, in seconds since 1970; None where none waits."""
    return min((made_at(item) + policy.every_seconds for item in waiting), default=None)
