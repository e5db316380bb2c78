"""Dates and times as the visitor writes them: language and time zone of the browser; knows no page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import streamlit as st
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta

ZONE_KEY = "time_zone"
"""Key of the session state: the IANA name of the zone that the visitor chose, if any."""


def day(moment: date) -> str:
    """A day: "Mon, 30 Nov 2026"."""
    return _even(format_date(moment, _form("yMMMEd"), locale=_locale()))


def moment(seconds: float | datetime) -> str:
    """A moment, to the minute: "30 Nov 2026, 21:45".

    Args:
        seconds: Seconds since the epoch, or a moment; one without a zone is written as it is.
    """
    local = _local(seconds)
    written = (
        format_date(local, "medium", locale=_locale()),
        format_time(local, "short", locale=_locale()),
    )
    return ", ".join(map(_even, written))


def second(seconds: float | datetime) -> str:
    """A moment, to the second: "30 Nov 2026, 21:45:10".

    Args:
        seconds: Seconds since the epoch, or a moment; one without a zone is written as it is.
    """
    return f"{_even(format_date(_local(seconds), 'medium', locale=_locale()))}, {clock(seconds)}"


def clock(seconds: float | datetime) -> str:
    """A time of day to the second: "21:45:10"."""
    return _even(format_time(_local(seconds), "HH:mm:ss", locale=_locale()))


def ago(seconds: float, *, now: float | None = None) -> str:
    """How long ago a moment was: "3 hours ago".

    Args:
        seconds: The moment, in seconds since the epoch.
        now: The present one; the clock's when None.
    """
    present = datetime.now(UTC).timestamp() if now is None else now
    past = timedelta(seconds=seconds - present)
    return _even(format_timedelta(past, add_direction=True, locale=_locale()))


def zone() -> tzinfo:
    """The zone in which times are shown: the chosen one, the browser's, or this machine's."""
    chosen = st.session_state.get(ZONE_KEY) or st.context.timezone
    return _named_zone(str(chosen)) if chosen else datetime.now().astimezone().tzinfo or UTC


def _even(text: object) -> str:
    """The text with plain spaces: others, such as the one before "PM", count as unprintable elsewhere."""
    return str(text).replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")


def _local(seconds: float | datetime) -> datetime:
    if isinstance(seconds, datetime):
        return seconds.astimezone(zone()) if seconds.tzinfo else seconds
    return datetime.fromtimestamp(seconds, zone())


def _locale() -> Locale:
    """The browser's language; British English, which has days before months, where it names none we know."""
    return _known_locale(str(st.context.locale or ""))


@lru_cache(maxsize=64)
def _known_locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en", "GB")


@lru_cache(maxsize=64)
def _named_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):
        return UTC


def _form(skeleton: str) -> str:
    """The pattern of the visitor's language for what a skeleton names."""
    forms = _locale().datetime_skeletons
    return str(forms[skeleton].pattern) if skeleton in forms else "medium"
