"""Claims on the page of a caption measurement: their rulings by text and by video, with frames."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evaluation.captions.relations import JudgedClip, JudgedItem
from evaluation.pages.html_parts import Html, element
from footage.core.errors import VideoError
from footage.core.timecode import format_time
from search.claims.records import Vote

MOST_LISTED = 200
"""Most claims in each list of the report."""
FRAMES_OF_CLAIM = 3
"""Most frames beside one claim."""
FRAME_WIDTH = 320
"""Width of a frame, in pixels."""
MOST_BYTES = 12_000_000
"""Most bytes of all frames of a report together."""
_CLASSES = {"contradicted": "against", "supported": "for"}


class ClaimFrames:
    """Takes the frames that a report shows, until they are ``most_bytes`` together."""

    def __init__(self, places: Mapping[str, Path], *, most_bytes: int = MOST_BYTES) -> None:
        self._places, self._left = places, most_bytes

    def figures(self, clip: JudgedClip, item: JudgedItem) -> list[Html]:
        """Frames of a claim as figures; a sentence in place of one that cannot be read."""
        from footage.media.sandbox import write_thumbnail

        path = self._places.get(clip.id)
        if path is None:
            return []
        figures: list[Html] = []
        with tempfile.TemporaryDirectory(prefix="footage-report-") as folder:
            for number, moment in enumerate(_moments(item)):
                if self._left <= 0:
                    break
                at, place = format_time(moment), Path(folder) / f"{number}.jpg"
                try:
                    write_thumbnail(path, moment, place, max_width=FRAME_WIDTH)
                except VideoError as error:
                    figures.append(element("p", f"No frame at {at}: {error}", class_="note"))
                    continue
                data = place.read_bytes()
                self._left -= len(data)
                address = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
                picture = element("img", src=address, alt=f"Frame of {clip.id} at {at}", decoding="async")
                figures.append(element("figure", picture, element("figcaption", at)))
        return figures


def claim_list(
    title: str, why: str, claims: Sequence[tuple[JudgedClip, JudgedItem]], frames: ClaimFrames
) -> Iterator[Html]:
    """A list of claims under a title, with a sentence that says why they are listed; nothing for none."""
    if not claims:
        return
    yield element("h3", f"{title} ({len(claims):,})", class_="title")
    yield element("p", why, class_="note")
    for clip, item in claims[:MOST_LISTED]:
        yield _claim(clip, item, frames)
    if len(claims) > MOST_LISTED:
        yield element("p", f"{len(claims) - MOST_LISTED:,} more: see --json.", class_="note")


def _claim(clip: JudgedClip, item: JudgedItem, frames: ClaimFrames) -> Html:
    when = () if item.span is None else (_clock(item),)
    figures = frames.figures(clip, item)
    text = element(
        "div",
        element(
            "h4", f"\N{LEFT DOUBLE QUOTATION MARK}{item.text}\N{RIGHT DOUBLE QUOTATION MARK}", class_="says"
        ),
        element("p", " \N{MIDDLE DOT} ".join([f"clip {clip.id}", *when]), class_="where"),
        element(
            "p",
            element("span", f"text: {item.relation or 'no answer'}", class_="badge"),
            element("span", f"video: {item.ruling or 'no ruling'}", class_="badge"),
        ),
        element("ul", *(_vote(vote) for vote in item.seen), class_="findings"),
    )
    shown = (element("div", *figures, class_="frames"),) if figures else ()
    return element("article", text, *shown, class_="card plain" if figures else "card plain no-frames")


def _vote(vote: Vote) -> Html:
    ruling = element("span", vote.ruling or "no ruling", class_=_CLASSES.get(vote.ruling or "", ""))
    said = [
        f"sees {vote.instead}" if vote.instead else "",
        *vote.evidence,
        "" if vote.ruling else vote.problem,
    ]
    reasons = [element("p", reason) for reason in said if reason]
    return element("li", element("span", f"{vote.judge}: ", class_="votes"), ruling, *reasons)


def _moments(item: JudgedItem) -> list[float]:
    """What the judges saw; where they saw nothing, the middle of the claimed time."""
    moments = dict.fromkeys(moment for vote in item.seen for moment in vote.frames)
    if not moments and item.span is not None:
        return [(item.span.start_seconds + item.span.end_seconds) / 2]
    return sorted(list(moments)[:FRAMES_OF_CLAIM])


def _clock(item: JudgedItem) -> str:
    span = item.span
    return "" if span is None else f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"
