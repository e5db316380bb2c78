"""Draws result cards, event cards and tiles as HTML; pure, fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from footage.core.types import Event, File, Match, Span
from footage.core.verdicts import UNCALIBRATED_MEANS
from search.query.filters import read_moment
from ui.text import track_name
from ui.web.components import dates, markup, quotes
from ui.web.components.likelihood import likelihood

if TYPE_CHECKING:
    from service.export import Clip
    from service.transcript import VideoTrack

ALL = 0.995
"""From this share on, a track covers all of a video: windows end where the last frame does, not the file."""
_VERDICTS = {
    "found": ("fx-found", "✓", "Found", "The combined evidence is strong."),
    "uncertain": (
        "fx-uncertain",
        "?",
        "Uncertain",
        "The evidence is mixed.",
    ),
    "not checked": (
        "fx-notchecked",
        "\N{MIDDLE DOT}",
        "Not checked",
        "Based on the caption; not checked by the model.",
    ),
    "not found": (
        "fx-notfound",
        "✕",
        "Not found",
        "Checked by the model: probably something else.",
    ),
}

_BY_PICTURE = {
    "found": "The picture is clearly nearer than pictures of something else.",
    "uncertain": "The picture is somewhat nearer than pictures of something else.",
    "not checked": "The picture comes near; not checked by the model.",
    "not found": "The picture is no nearer than pictures of something else.",
}
"""What a verdict means where pictures were compared."""


def result(
    match: Match,
    *,
    picture: str,
    strip: str,
    file: File | None = None,
    words: str = "",
    pending: bool = False,
    others: int = 0,
    key: str = "",
    number: int = 0,
    acts: bool = False,
    right: bool | None = None,
) -> str:
    """One answer as a card; which one the player shows, the browser marks.

    Args:
        match: The answer.
        picture: Address of a frame of it; empty for none.
        strip: Its timeline, as HTML.
        file: The file, for its camera and its clock.
        words: What was looked for, to mark the words of it that are said.
        pending: Whether the model is checking it now.
        others: How many more answers are like it.
        key: Names the answer for the buttons on the card; without, it has none.
        number: Its place in the list, from 1.
        acts: Whether the visitor may judge and collect it.
        right: What a person judged it to be; None where nobody did.
    """
    tags = badge("pending" if pending else match.verdict, pictured=quotes.pictured(match))
    source = f'<span class="fx-tag">{source_of(match)}</span>'
    if match.carried_over_from:
        source += reused(match.carried_over_from)
    if match.offline:
        source += '<span class="fx-tag">offline</span>'
    if others:
        source += f'<span class="fx-tag">and {others} more</span>'
    parts = match.parts or (match,)
    said = "".join(_said(part, words, alone=len(parts) == 1) for part in parts)
    where = "".join(f"<span>{markup.text(word)}</span>" for word in _place_and_time(match, file))
    span = markup.clock_span(match.span) if match.parts else quotes.when(match.track, match.span)
    buttons = _buttons(number, said_of(match), acts=acts, right=right) if key else ""
    return _card(
        picture,
        f'<div class="fx-top">{tags}{source}{_sure(match)}</div>{said}'
        f'<p class="fx-meta"><span class="fx-name">{markup.text(markup.file_name(match.path))}</span>'
        f"{where}<b>{span}</b></p>{strip}{buttons}",
        chosen=False,
        key=key,
        span=match.span,
        play=(number, said_of(match)) if key else None,
    )


def said_of(match: Match) -> str:
    """The text of an answer, short enough for the name of a button."""
    return markup.shortened(match.text or quotes.NO_CAPTION, 80)


def _buttons(number: int, text: str, *, acts: bool, right: bool | None) -> str:
    """What can be done with an answer on its card, and what was judged."""
    marked = ""
    if right is not None:
        style, sign, word = ("right", "✓", "correct") if right else ("wrong", "✕", "wrong")
        marked = f'<span class="fx-mark fx-mark-{style}"><i aria-hidden="true">{sign}</i>Marked {word}</span>'
        marked += _button("undo", "Undo", f"Undo: answer {number}") if acts else ""
    if not acts:
        return f'<div class="fx-acts">{marked}</div>' if marked else ""
    offered = "".join(
        _button(do, label, f"{name}: answer {number}, {text}")
        for do, label, name, taken in (
            ("accept", "✓ Correct", "Mark correct", right is True),
            ("reject", "✕ Wrong", "Mark wrong", right is False),
            ("export", "+ Highlights", "Highlights", False),
        )
        if not taken
    )
    return f'<div class="fx-acts">{marked}<span class="fx-offered">{offered}</span></div>'


def _button(do: str, label: str, name: str) -> str:
    """A button of a card; the browser's part of the page listens to it."""
    title = markup.text(name)
    return f'<button type="button" data-do="{do}" aria-label="{title}" title="{title}">{label}</button>'


def _said(part: Match, words: str, *, alone: bool) -> str:
    """What is seen, said or written; beside others it says itself when."""
    if not quotes.quotes(part):
        return _text(markup.marked(part.text, words))
    when = "" if alone else f" <small>{quotes.when(part.track, part.span)}</small>"
    quote = quotes.quoted(part.text, part.marks, language=part.language)
    return f'<p class="fx-text fx-quote fx-{part.track}">{quote}{when}</p>'


def reused(reference: str = "") -> str:
    """A mark of a caption that was carried over from another window, as HTML.

    Args:
        reference: Where it was carried over from; empty where that is not said.
    """
    origin = f" from {markup.text(reference)}" if reference else ""
    why = f"The caption was carried over{origin}: the picture is the same."
    return f'<span class="fx-tag fx-reused" title="{why}">reused</span>'


def _text(words: str) -> str:
    """What the index says of a moment, as HTML, or that it says nothing."""
    return (
        f'<p class="fx-text">{words}</p>' if words else f'<p class="fx-text fx-bare">{quotes.NO_CAPTION}</p>'
    )


def _place_and_time(match: Match, file: File | None) -> list[str]:
    """The camera, and the time of day where the clock of the file is known."""
    if file is None:
        return []
    when = wall_clock(file, match.span.start_seconds)
    return [word for word in (file.camera, when) if word]


def wall_clock(file: File, seconds: float = 0.0) -> str:
    """The wall-clock time of a moment of a file, "about" where its clock is guessed; empty where unknown."""
    began = read_moment(file.recorded_at)
    if began is None:
        return ""
    moment = dates.second(began + timedelta(seconds=seconds))
    return f"about {moment}" if file.clock_source == "guessed" else moment


def _sure(match: Match) -> str:
    """How likely it is that it is there, where the model or the pictures say so.

    Of words, how clearly they were heard or read. Raw scores are not on this scale: see ``evidence.why``.
    """
    if quotes.quotes(match) and not match.parts:
        sure = quotes.surety(match.track, match.confidence)
        title = f"Confidence of the recogniser: {match.confidence or 0:.0%}"
        return f'<span class="fx-score" title="{title}">{sure}</span>' if sure else ""
    if match.confidence is None:
        return ""
    title = "Probability, based on all the evidence"
    if not match.calibrated:
        title += f"; uncalibrated for this model. {markup.text(UNCALIBRATED_MEANS)}"
    return f'<span class="fx-score" title="{title}">{likelihood(match.confidence)}</span>'


def event(
    item: Event,
    *,
    picture: str,
    chosen: bool = False,
    tag: str = "",
    carried_over: bool = False,
    wrong: str = "",
) -> str:
    """One indexed event as a card.

    Args:
        item: The event.
        picture: Address of a frame of it; empty for none.
        chosen: Whether the player shows it.
        tag: A word about it.
        carried_over: Whether its caption was carried over from another window.
        wrong: What an audit found wrong in its caption, one sentence; empty for nothing.
    """
    said = f'<span class="fx-tag">{markup.text(tag)}</span>' if tag else ""
    said += reused() if carried_over else ""
    if wrong:
        said += f'<span class="fx-tag fx-wrong" title="{markup.text(wrong)}">contradicted</span>'
    return _card(
        picture,
        f'<p class="fx-text">{markup.text(item.text)}</p>'
        f'<p class="fx-meta"><b>{markup.clock_span(item.span)}</b>{said}</p>',
        chosen=chosen,
        small=True,
    )


def clip(item: Clip, *, number: int, picture: str) -> str:
    """One collected clip as a card.

    Args:
        item: The clip.
        number: Its place, from 1.
        picture: Address of a frame of it; empty for none.
    """
    return _card(
        picture,
        f'<div class="fx-top">{badge(item.verdict)}<span class="fx-score">{number}</span></div>'
        f'<p class="fx-text">{markup.text(item.text or item.title)}</p>'
        f'<p class="fx-meta"><span class="fx-name">{markup.text(markup.file_name(item.path))}</span>'
        f"<b>{markup.clock_span(item.span)}</b><span>{item.span.duration_seconds:.1f} s</span></p>",
        chosen=False,
        small=True,
    )


def tile(name: str, duration_seconds: float, *, picture: str, note: str) -> str:
    """One video as a tile.

    Args:
        name: What it is called.
        duration_seconds: How long it is.
        picture: Address of one of its frames; empty for none.
        note: What to say below the name.
    """
    return (
        f'<figure class="fx-tile">{_picture(picture, markup.clock(round(duration_seconds)))}'
        f"<figcaption><b>{markup.text(name)}</b><span>{markup.text(note)}</span></figcaption></figure>"
    )


def tracks(covered: Sequence[VideoTrack]) -> str:
    """How far each track of a video is indexed: its colour, and its share where a part is missing."""
    pieces = []
    for each in covered:
        share = each.seconds / each.seconds_total if each.seconds_total else 0.0
        part = "" if share > ALL else " not indexed" if not each.seconds else f" {100 * share:.0f}%"
        style = f"fx-track fx-track-{each.track.partition(':')[0]}" + (
            " fx-track-none" if not each.seconds else ""
        )
        pieces.append(f'<span class="{style}"><i></i>{track_name(each.track)}{part}</span>')
    return "".join(pieces)


def state(name: str, words: str = "") -> str:
    """What became of something, in a word and a colour."""
    return f'<span class="fx-state fx-state-{markup.text(name)}">{markup.text(words or name)}</span>'


def badge(verdict: str, *, pictured: bool = False) -> str:
    """A verdict in a word, a sign and a colour; "pending" while the model is asked.

    Args:
        verdict: The verdict.
        pictured: Whether pictures were compared, and no model was asked.
    """
    style, sign, word, why = _VERDICTS.get(
        verdict, ("fx-pending", "…", "Checking", "The model is checking this moment.")
    )
    if pictured:
        why = _BY_PICTURE.get(verdict, why)
    return f'<span class="fx-badge {style}" title="{why}"><i aria-hidden="true">{sign}</i>{word}</span>'


def source_of(match: Match) -> str:
    """Whose span a match has, in words; of words, the track."""
    if quotes.quotes(match) and not match.parts:
        return quotes.source(match.track)
    if quotes.pictured(match):
        return "by picture"
    return "Checked" if match.grounded else "From captions"


def _card(
    picture: str,
    body: str,
    *,
    chosen: bool,
    small: bool = False,
    key: str = "",
    span: Span | None = None,
    play: tuple[int, str] | None = None,
) -> str:
    """A card; with a key, it names its answer to the browser, and a button over all of it plays it."""
    state = " fx-now" if chosen else ""
    size = " fx-small" if small else ""
    name = f' data-answer="{markup.text(key)}"' if key else ""
    pressed = (
        f'<button type="button" class="fx-play st-key-play_{play[0] - 1}" data-do="play" '
        f'aria-label="Play answer {play[0]}: {markup.text(play[1])}"></button>'
        if play
        else ""
    )
    inside = f'{_picture(picture, span=span if key else None)}<div class="fx-body">{body}</div>'
    return f'<article class="fx-card{size}{state}"{name}>{pressed}{inside}</article>'


def _picture(address: str, corner: str = "", *, span: Span | None = None) -> str:
    """A picture; with a span, moving the mouse over it shows frames of the span."""
    image = (
        f'<img src="{markup.text(address)}" alt="" loading="lazy" decoding="async">'
        if address
        else '<span class="fx-blank">no picture</span>'
    )
    scrub = ""
    if span is not None and address:
        scrub = f' data-from="{round(1000 * span.start_seconds)}" data-to="{round(1000 * span.end_seconds)}"'
    return f'<div class="fx-thumb"{scrub}>{image}{f"<em>{markup.text(corner)}</em>" if corner else ""}</div>'
