"""Words a notification, for programs as JSON and for people as text; sends nothing.

Texts from footage are untrusted: here they are plain text of one line, and each sink escapes them.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from footage.core.plain_text import evened
from footage.core.timecode import format_time

if TYPE_CHECKING:
    from service.alerts.model import AlertMoment, Notification

VERSION = 1
"""Version of the JSON; raised when a field changes its meaning or goes."""
MOST_TEXT = 300
"""Longest text of a moment in a message for people, in characters."""


def document(notification: Notification, *, posters: bool) -> dict[str, Any]:
    """A notification as JSON.

    Args:
        notification: What to send.
        posters: Whether to send pictures, too, as base64.
    """
    return {
        "version": VERSION,
        "id": notification.id,
        "kind": notification.kind,
        "summary": headline(notification),
        "alert": {
            "id": notification.alert_id,
            "name": notification.alert_name,
            "query": notification.query,
        },
        "sent_at": datetime.fromtimestamp(notification.sent_at, UTC).isoformat(timespec="milliseconds"),
        "moments": [_moment(notification, moment, posters=posters) for moment in notification.moments],
    }


def _moment(notification: Notification, moment: AlertMoment, *, posters: bool) -> dict[str, Any]:
    picture = notification.posters.get(moment.id) if posters else None
    return {
        "id": moment.id,
        "kind": moment.kind,
        "camera": moment.camera,
        "file": PurePath(moment.path).name,
        "start_seconds": moment.span.start_seconds,
        "end_seconds": moment.span.end_seconds,
        "starts_at": moment.starts_at or None,
        "ends_at": moment.ends_at or None,
        "verdict": moment.verdict,
        "confidence": moment.confidence,
        "text": moment.text,
        "evidence": list(moment.evidence),
        "link": notification.links.get(moment.id),
        "poster_jpeg": base64.b64encode(picture).decode("ascii") if picture else None,
    }


def headline(notification: Notification) -> str:
    """A notification in one short line, without line ends and control characters."""
    name = shortened(evened(notification.alert_name), 80) or "Alert"
    if notification.kind == "test" or not notification.moments:
        return f"{name}: test"
    first = notification.moments[0]
    if len(notification.moments) > 1:
        return f"{name}: {len(notification.moments)} moments"
    if first.kind != "moment":
        return f"{name}: nothing happened" if first.kind == "absence" else f"{name}: not known"
    return ", ".join(filter(None, (f"{name}: {_place(first)}", _clock(first))))


def lines(notification: Notification) -> list[str]:
    """A notification for people, one line of text for each moment."""
    if notification.kind == "test" or not notification.moments:
        return ["This is a test. The alert reaches you here."]
    return [moment_line(moment) for moment in notification.moments]


def moment_line(moment: AlertMoment) -> str:
    """A moment for people: when, where, what, and how sure that is."""
    text = shortened(evened(moment.text), MOST_TEXT)
    if moment.kind != "moment":
        return text
    sure = f" ({moment.confidence:.0%})" if moment.confidence is not None else ""
    where = ", ".join(filter(None, (_clock(moment), _place(moment))))
    at = f"{format_time(moment.span.start_seconds)}\N{EN DASH}{format_time(moment.span.end_seconds)}"
    return f"{where}, at {at}: {text} \N{EN DASH} {evened(moment.verdict)}{sure}"


def _place(moment: AlertMoment) -> str:
    return shortened(evened(moment.camera or PurePath(moment.path).name), 80)


def _clock(moment: AlertMoment) -> str:
    """The time of day of a moment as its clock shows it, to the second."""
    return evened(moment.starts_at)[:19].replace("T", " ")


def shortened(text: str, most: int) -> str:
    """The text, cut to ``most`` characters with an ellipsis for the last where it is longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
