"""Draws the cards of the review page as HTML: items, captions to check, alerts; pure, fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from search.claims.records import error_name
from search.query.filters import read_moment
from ui.web.components import cards, dates, markup, quotes

if TYPE_CHECKING:
    from footage.core.alerts import AlertMoment
    from footage.core.types import File
    from service.audit import Audit, ClaimError
    from service.marks import Mark
    from service.review_queue import ItemCheck

_STATES = {"open": "Open", "reviewed": "Reviewed", "flagged": "Flagged"}


def wall_moment(file: File | None, seconds: float) -> datetime | None:
    """The wall-clock time of a moment of a file, in the file's zone if that is known; None where unknown."""
    began = read_moment(file.recorded_at) if file else None
    return began + timedelta(seconds=seconds) if began else None


def when_text(moment: datetime | None, *, guessed: bool = False) -> str:
    """A wall-clock time by the visitor's locale; empty for None."""
    if moment is None:
        return ""
    text = dates.moment(moment.replace(microsecond=0))
    return f"about {text}" if guessed else text


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """What became of a moment at one sink of its alert."""

    sink: str
    """Name of the sink."""
    state: str
    """"delivered", "pending", "failed" or "suppressed"."""
    word: str
    """The state in a word."""
    detail: str = ""
    """When that was, or when it is tried again."""
    why: str = ""
    """What the last attempt failed of; empty for none."""


def item(
    mark: Mark,
    name: str,
    file: File | None,
    *,
    picture: str,
    chosen: bool = False,
    new: bool = False,
    check: ItemCheck | None = None,
) -> str:
    """Something that a saved search found, as a card.

    Args:
        mark: Where it is, and what was decided.
        name: What its file is called.
        file: The file, for its camera and its clock.
        picture: Address of a frame of it; empty for none.
        chosen: Whether the player shows it.
        new: Whether it is new to the person.
        check: What the model's check of it came to, if there was one.
    """
    fresh = '<span class="fx-state fx-state-new">New</span>' if new and mark.state == "open" else ""
    decided = "" if mark.state == "open" else cards.state(mark.state, _STATES.get(mark.state, mark.state))
    note = f'<p class="fx-note">{markup.text(mark.text)}</p>' if mark.text else ""
    when = when_text(
        wall_moment(file, mark.span.start_seconds), guessed=bool(file and file.clock_source == "guessed")
    )
    return _card(
        picture,
        f'<div class="fx-top">{decided}{fresh}{_checked(check)}'
        f'<span class="fx-score">{markup.clock_span(mark.span)}</span></div>'
        f"{_text(mark.found_text)}{_where(file.camera if file else '', when, name)}"
        f"{note}{who_decided(mark)}",
        chosen=chosen,
    )


def who_decided(mark: Mark) -> str:
    """Who decided about an item or wrote its note, and how long ago, as HTML; empty for nobody."""
    if not mark.made_at or (mark.state == "open" and not mark.text and not mark.author):
        return ""
    word = {"open": "Reopened"}.get(mark.state, _STATES.get(mark.state, mark.state))
    if mark.state == "open" and mark.text:
        word = "Note"
    who = f" by {markup.text(mark.author)}" if mark.author else ""
    return (
        f'<p class="fx-who" title="{markup.text(dates.moment(mark.made_at))}">'
        f"{word}{who}, {markup.text(dates.ago(mark.made_at))}</p>"
    )


def _checked(check: ItemCheck | None) -> str:
    """The verdict of the model's check, and that it is one."""
    if check is None:
        return ""
    when = markup.text(dates.moment(check.checked_at))
    return (
        f'<span class="fx-checked" title="Checked with the model, {when}">Checked</span>'
        f"{cards.badge(check.verdict)}"
    )


def audited(found: Audit, name: str, *, picture: str, chosen: bool = False) -> str:
    """A caption that an audit found wrong, as a card.

    Args:
        found: What the audit found.
        name: What its file is called.
        picture: Address of a frame of it; empty for none.
        chosen: Whether the player shows it.
    """
    kinds = "".join(
        f'<span class="fx-state fx-error-{markup.text(error.severity)}">'
        f"{markup.text(error_name(error.kind).capitalize())}</span>"
        for error in found.wrong[:3]
    )
    kept = cards.state("kept", "Kept") if found.decision else ""
    return _card(
        picture,
        f'<div class="fx-top">{kinds}{kept}'
        f'<span class="fx-score">{markup.clock_span(found.span)}</span></div>'
        f"{_text(found.text)}"
        f'<p class="fx-meta"><span class="fx-name">{markup.text(name)}</span></p>',
        chosen=chosen,
    )


def audit_errors(found: Audit, frames: Sequence[tuple[str, float]]) -> str:
    """A caption, what is wrong in it, error by error, and the frames that show it.

    Args:
        found: What the audit found.
        frames: Address and time of each frame, by time.
    """
    caption = f'<h2 class="fx-claim"><q>{markup.text(found.text)}</q></h2>'
    lines = []
    for error in found.wrong:
        suggestion = (
            f'<p class="fx-suggestion">Suggestion: <b>{markup.text(error.suggestion)}</b></p>'
            if error.suggestion
            else ""
        )
        severity = markup.text(error.severity)
        lines.append(
            f'<li><span class="fx-state fx-error-{severity}">'
            f"{severity.capitalize()}: {markup.text(error_name(error.kind))}</span> "
            f'<small title="Judges that see the error">{_votes(error)}</small>'
            f"<p>{markup.text(error.sentence)}</p>{suggestion}</li>"
        )
    pictures = "".join(
        f'<figure><img src="{markup.text(address)}" alt="The video at {markup.clock(seconds)}">'
        f"<figcaption>{markup.clock(seconds)}</figcaption></figure>"
        for address, seconds in frames
    )
    shown = f'<div class="fx-frames">{pictures}</div>' if pictures else ""
    return f'{caption}<ul class="fx-errors">{"".join(lines)}</ul>{shown}'


def _votes(error: ClaimError) -> str:
    return "1 judge" if error.votes == 1 else f"{error.votes_for} of {error.votes} judges"


def alert_moment(
    moment: AlertMoment,
    name: str,
    *,
    picture: str,
    deliveries: Sequence[DeliveryLine],
    chosen: bool = False,
    new: bool = False,
) -> str:
    """Something that an alert found, as a card.

    Args:
        moment: Where and when it is.
        name: What the alert is called.
        picture: Address of a frame of it; empty for none.
        deliveries: What became of it at each sink.
        chosen: Whether the player shows it.
        new: Whether the person sees it for the first time.
    """
    fresh = '<span class="fx-state fx-state-new">New</span>' if new else ""
    judged = (
        cards.badge(moment.verdict)
        if moment.kind == "moment"
        else cards.state(moment.verdict, moment.verdict.capitalize())
    )
    sure = f'<span class="fx-score">{moment.confidence:.0%}</span>' if moment.confidence is not None else ""
    file = markup.file_name(moment.path) if moment.path else ""
    lines = "".join(
        f'<p class="fx-delivery">{cards.state(each.state, each.word)}<span>{markup.text(each.sink)}</span>'
        f"<time>{markup.text(each.detail)}</time>"
        f"{f'<small>{markup.text(each.why)}</small>' if each.why else ''}</p>"
        for each in deliveries
    )
    return _card(
        picture,
        f'<div class="fx-top">{fresh}<span class="fx-alert-tag">{markup.text(name)}</span>'
        f"{judged}{sure}</div>"
        f"{_text(moment.text)}{_where(moment.camera, when_text(read_moment(moment.starts_at)), file)}{lines}",
        chosen=chosen,
    )


def _where(camera: str, when: str, name: str) -> str:
    """Camera and wall-clock time first, the file behind them."""
    parts = [
        f'<b class="fx-camera">{markup.text(camera)}</b>' if camera else "",
        f"<time>{markup.text(when)}</time>" if when else "",
        f'<span class="fx-name" title="{markup.text(name)}">{markup.text(name)}</span>' if name else "",
    ]
    return f'<p class="fx-meta">{"".join(parts)}</p>'


def _text(words: str) -> str:
    """What the index says of a moment, as HTML, or that it says nothing."""
    if not words:
        return f'<p class="fx-text fx-bare">{quotes.NO_CAPTION}</p>'
    return f'<p class="fx-text">{markup.text(words)}</p>'


def _card(picture: str, body: str, *, chosen: bool) -> str:
    image = (
        f'<img src="{markup.text(picture)}" alt="" loading="lazy" decoding="async">'
        if picture
        else '<span class="fx-blank">no picture</span>'
    )
    state = ' fx-now" aria-current="true' if chosen else ""
    return (
        f'<article class="fx-card fx-review{state}"><div class="fx-thumb">{image}</div>'
        f'<div class="fx-body">{body}</div></article>'
    )
