"""Says in a sentence what is wrong, what is missing, or what was searched; HTML only, knows no page."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from footage.core.errors import FootageError
from footage.core.tracks import CAPTION_TRACK, is_image_track
from ui.text import TRACK_NAMES, count, sentence, track_name
from ui.web.components import markup, summary

if TYPE_CHECKING:
    from service.browse import IndexStatus
    from service.search import SearchCoverage, SearchResult


def problem(error: FootageError) -> str:
    """An error as one sentence and its hint."""
    hint = f"<p>{markup.coded(sentence(error.hint))}</p>" if error.hint else ""
    what = f"<b>{markup.coded(sentence(str(error)))}</b>"
    return f'<div class="fx-notice fx-problem" role="alert">{what}{hint}</div>'


def remark(head: str, body: str = "") -> str:
    """A calm remark; both texts are shown as they are, with our commands between backticks as code."""
    more = f"<p>{markup.coded(body)}</p>" if body else ""
    return f'<div class="fx-notice"><b>{markup.text(head)}</b>{more}</div>'


def unreadable_index(db: str, error: FootageError) -> str:
    """What the page says in place of all else when the index cannot be opened.

    Args:
        db: Where the index is.
        error: Says what cannot be read.
    """
    return (
        '<div class="fx-empty" role="alert"><h2>The index cannot be opened</h2>'
        f"<p>{markup.text(sentence(str(error)))}</p>"
        f"<p>{markup.coded(sentence(error.hint))} Nothing was changed.</p>"
        "<p>What can be read, and what is damaged:</p>"
        f"<pre>footage db check --db {markup.text(shlex.quote(db))}</pre></div>"
    )


def for_editors(what: str) -> str:
    """What a page says to somebody who may only view."""
    return (
        f'<div class="fx-empty"><h2>{markup.text(what)} are for people who may edit</h2>'
        "<p>Your role is to view: you can search and play everything. To make changes, ask the person who "
        "runs this app for the role “edit”.</p></div>"
    )


def nothing_found(query: str, result: SearchResult, *, looked: bool) -> str:
    """The honest answer when nothing comes near a query: what was searched, and what the model looked at.

    Args:
        query: What was looked for.
        result: What the search answered.
        looked: Whether the model was to look.
    """
    seen = result.coverage
    pictures = result.query.needs_pictures
    rows = _searched(result)
    if pictures:
        looked_at = f"{markup.clock(result.looked.seconds)} in {count(result.looked.windows, 'window')}"
        rows.append(("The model looked at", looked_at if result.looked.windows else "nothing"))
    if result.looked.unseen:
        rows.append(("Left out", count(result.looked.unseen, "window")))
    if seen.files_failed:
        rows.append(("Files that could not be read", f"{seen.files_failed:,}"))
    if result.matches:
        nearest = result.matches[0]
        where = f"{markup.clock_span(nearest.span)} of {markup.file_name(nearest.path)}"
        rows.append(
            ("Closest", f"“{markup.shortened(nearest.text, 120)}”, {where}" if nearest.text else where)
        )
    table = "".join(f"<dt>{name}</dt><dd>{markup.text(value)}</dd>" for name, value in rows)
    if seen.is_empty:
        advice = "The index has no videos yet: fill it with footage index path/to/videos."
    elif not seen.videos:
        advice = "No video matches the filters: see Library for the names of cameras and collections."
    elif not pictures:
        advice = "Typing errors are allowed after a tilde: said:~word, shows:~word."
    elif looked:
        advice = "To let the model check all footage, independent of captions: Options, “Check all footage”."
    else:
        advice = "To let the model check the footage, turn on “Check with the model”."
    videos = max([seen.videos, *(each.videos for each in seen.tracks.values())])
    searched = markup.shortened(result.query.text or query, 200)
    when = summary.searched_where(result.query)
    where = f" in {count(videos, 'video')}{f', {when}' if when else ''}" if videos else ""
    how = "" if pictures else "<p>No line of speech, subtitles or screen text has these words.</p>"
    return (
        f'<div class="fx-empty"><h2>Nothing matches “{markup.text(searched)}”{markup.text(where)}</h2>{how}'
        f'<dl class="fx-facts">{table}</dl><p>{advice}</p></div>'
    )


def nothing_alike(picture: str, words: str, result: SearchResult) -> str:
    """The honest answer when nothing looks like a picture: what was searched, and what came nearest.

    Args:
        picture: What the picture is called.
        words: What was to be seen, too; empty for nothing.
        result: What the search answered.
    """
    seen = next((each for track, each in result.coverage.tracks.items() if is_image_track(track)), None)
    rows = [
        ("Pictures searched of", f"{markup.clock(round(seen.seconds, 1))} of video" if seen else "nothing"),
        ("Videos", f"{seen.videos:,}" if seen else "0"),
    ]
    if result.matches:
        nearest = result.matches[0]
        where = f"{markup.clock_span(nearest.span)} of {markup.file_name(nearest.path)}"
        sure = "" if nearest.confidence is None else f", {nearest.confidence:.0%} sure"
        rows.append(("Closest", where + sure))
    table = "".join(f"<dt>{name}</dt><dd>{markup.text(value)}</dd>" for name, value in rows)
    too = f" and is “{markup.text(markup.shortened(words, 200))}”" if words else ""
    return (
        '<div class="fx-empty"><h2>Nothing looks like it</h2>'
        f"<p>No moment looks like {markup.text(picture)}{too}.</p>"
        f'<dl class="fx-facts">{table}</dl>'
        "<p>Draw a box around what you mean, or search by words.</p></div>"
    )


def _searched(result: SearchResult) -> list[tuple[str, str]]:
    """How much of each track was searched, each with its name."""
    seen = result.coverage
    rows = [
        (f"{name} searched", f"{markup.clock(round(seconds, 1))} of {markup.clock(seen.seconds_total)}")
        for track, name in _named(seen).items()
        if _wanted(result, track) and (seconds := _seconds(seen, track)) is not None
    ]
    return [*rows, ("Videos", f"{max([seen.videos, *(each.videos for each in seen.tracks.values())]):,}")]


def _named(seen: SearchCoverage) -> dict[str, str]:
    """The name of each track that a search may look at; whoever reads it need not know the embedder."""
    return {**TRACK_NAMES, **{track: "Pictures" for track in seen.tracks if is_image_track(track)}}


def _wanted(result: SearchResult, track: str) -> bool:
    """Whether a query asks for a track."""
    parts = result.query.parts or (result.query,)
    return any(track in part.term.tracks if part.term else part.searches(track) for part in parts)


def _seconds(seen: SearchCoverage, track: str) -> float | None:
    """Footage seconds of a track that were searched; None of a track that the index does not have."""
    if track == CAPTION_TRACK and (seen.seconds_indexed or not seen.tracks):
        return seen.seconds_indexed
    return seen.tracks[track].seconds if track in seen.tracks else None


def coverage(result: SearchResult) -> str:
    """What an answer is based on: how much was searched, under which model, how long it took."""
    seen = result.coverage
    looked = result.looked
    whole = markup.clock(seen.seconds_total)
    searched = max([seen.videos, *(each.videos for each in seen.tracks.values())])
    parts = [f"searched {count(searched, 'video')}"]
    if set(seen.tracks) <= {CAPTION_TRACK}:
        parts.append(f"{markup.clock(seen.seconds_indexed)} of {whole} indexed")
    else:
        rows = [
            (name, _seconds(seen, track)) for track, name in _named(seen).items() if _wanted(result, track)
        ]
        parts += [
            f"{name.lower()} of {markup.clock(round(seconds, 1))} of {whole}"
            for name, seconds in rows
            if seconds
        ]
    if looked.windows:
        parts.append(
            f"the model looked at {markup.clock(looked.seconds)} in {count(looked.windows, 'window')}"
            + (f", {looked.unseen} left out" if looked.unseen else "")
        )
    if seen.files_failed:
        parts.append(f"{count(seen.files_failed, 'file')} could not be read (see Library)")
    timings = result.timings
    parts.append(f"{timings.retrieve_seconds + timings.load_seconds + timings.ground_seconds:.1f} s")
    return f'<p class="fx-coverage">{markup.text(", ".join(parts))}</p>'


def holdings(status: IndexStatus) -> str:
    """What an index holds, in one line."""
    whole = markup.clock(status.seconds_total)
    parts = [count(videos_in(status), "video")]
    if set(status.tracks) <= {CAPTION_TRACK} and status.videos:
        parts += [f"{markup.clock(status.seconds_indexed)} of {whole} indexed", count(status.events, "event")]
    else:
        parts.append(f"{whole} long")
        parts += [
            f"{track_name(track).lower()} of {markup.clock(round(each.seconds, 1))}"
            for track, each in status.tracks.items()
        ]
    parts += [f"pictures of {markup.clock(round(each.track.seconds, 1))}" for each in status.images.values()]
    line = ", ".join(parts)
    return line + (f", model {status.model.model}" if status.model else "")


def videos_in(status: IndexStatus) -> int:
    """Videos that the index has anything of, as far as the tracks say: those of the track with most."""
    pictured = (each.track.videos for each in status.images.values())
    return max([status.videos, *(each.videos for each in status.tracks.values()), *pictured])
