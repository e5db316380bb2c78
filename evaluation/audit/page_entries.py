"""One entry with errors on the page of an audit: sentence, frames, timeline, findings, votes; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from evaluation.audit.pictures import ReportPicture
from evaluation.audit.results import AuditedEntry, AuditedVideo
from evaluation.audit.suggestions import suggested_span
from evaluation.audit.wording import votes_of
from evaluation.pages.html_parts import Html, element, joined
from footage.core.timecode import format_time
from footage.core.types import Span
from search.claims.records import ERROR_NAMES, Claim, ClaimError, Vote

_RULING_CLASSES = {"contradicted": "against", "supported": "for"}
_SCALE = 1000


def entry_card(video: AuditedVideo, entry: AuditedEntry, pictures: Sequence[ReportPicture]) -> Html:
    """An entry with its errors."""
    kinds = dict.fromkeys(f"has-{error.kind}" for error in entry.errors)
    classes = ["card", "error", *kinds]
    if any(error.severity == "major" for error in entry.errors):
        classes.append("is-major")
    if any(error.is_consensus for error in entry.errors):
        classes.append("is-consensus")
    if not pictures:
        classes.append("no-frames")
    written = entry.written
    times = ", ".join(_times(pair) for pair in written.pairs)
    where = [
        PurePath(video.name).name if video.path else video.name,
        f"entry {written.id}",
        *([times] if times else []),
    ]
    text = element(
        "div",
        element(
            "h4",
            f"\N{LEFT DOUBLE QUOTATION MARK}{written.text}\N{RIGHT DOUBLE QUOTATION MARK}",
            class_="says",
        ),
        element("p", " \N{MIDDLE DOT} ".join(where), class_="where"),
        element("ul", *(_finding(entry, error) for error in entry.errors), class_="findings"),
    )
    frames = (
        (element("div", *(_figure(video, each) for each in pictures), class_="frames"),) if pictures else ()
    )
    return element(
        "article", text, *frames, *_timeline(video, entry), *_votes(entry), class_=" ".join(classes)
    )


def _finding(entry: AuditedEntry, error: ClaimError) -> Html:
    found_by = "arithmetic" if error in entry.by_arithmetic else votes_of(error)
    if not error.is_consensus:
        found_by += ", no consensus"
    parts = [
        element("span", error.severity, class_=f"badge {error.severity}"),
        element("span", ERROR_NAMES[error.kind], class_="badge"),
        element("span", found_by, class_="votes"),
        element("p", error.sentence),
    ]
    if error.suggestion:
        parts.append(element("p", "Suggestion: ", element("span", error.suggestion, class_="suggestion")))
    return element("li", *parts)


def _figure(video: AuditedVideo, picture: ReportPicture) -> Html:
    name = {"claimed": "As claimed", "suggested": "As suggested"}.get(picture.what, "Evidence")
    at = format_time(picture.at_seconds)
    return element(
        "figure",
        element("img", src=picture.address, alt=f"{name}: frame of {video.name} at {at}", decoding="async"),
        element("figcaption", element("b", name, class_=picture.what), f" {at}"),
    )


def _timeline(video: AuditedVideo, entry: AuditedEntry) -> Iterator[Html]:
    """Claimed and suggested spans on the length of the video."""
    if not video.duration_seconds or not entry.written.pairs:
        return
    suggested = [span for error in entry.errors if (span := suggested_span(error)) is not None]
    claimed = [Span.clamped(max(start, 0.0), max(end, 0.0)) for start, end in entry.written.pairs]
    length = max([video.duration_seconds, *(span.end_seconds for span in (*claimed, *suggested))])
    bars = [
        element(
            "rect",
            class_="track",
            x=0,
            y=1,
            width=f"{_SCALE * video.duration_seconds / length:.1f}",
            height=18,
            rx=3,
        ),
        *(_mark(span, length, "claimed", 2) for span in claimed),
        *(_mark(span, length, "suggested", 11) for span in suggested),
    ]
    words = [element("span", "claimed " + ", ".join(map(_clock, claimed)), class_="claimed")]
    if suggested:
        words.append(element("span", "suggested " + ", ".join(map(_clock, suggested)), class_="suggested"))
    yield element(
        "div",
        element(
            "svg",
            *bars,
            viewBox=f"0 0 {_SCALE} 20",
            preserveAspectRatio="none",
            role="img",
            aria_label="Claimed and suggested times on the length of the video",
        ),
        element("div", *words, element("span", f"of {format_time(video.duration_seconds)}"), class_="ends"),
        class_="line",
    )


def _mark(span: Span, length: float, kind: str, top: int) -> Html:
    start, width = _SCALE * span.start_seconds / length, _SCALE * span.duration_seconds / length
    return element(
        "rect",
        class_=kind,
        x=f"{min(start, _SCALE - 4):.1f}",
        y=top,
        width=f"{max(width, 4):.1f}",
        height=7,
        rx=2,
    )


def _votes(entry: AuditedEntry) -> Iterator[Html]:
    """Every claim with the vote of every judge, folded away."""
    if entry.checked is None or not entry.checked.claims:
        return
    lines = []
    for each in entry.checked.claims:
        about = element("th", each.claim.kind, scope="row", rowspan=len(each.votes), class_="whole")
        claim = element("td", _claimed(each.claim), rowspan=len(each.votes))
        for number, vote in enumerate(each.votes):
            judge = element("td", vote.judge)
            lines.append(
                element("tr", *(() if number else (about, claim)), judge, element("td", *_said(vote)))
            )
    head = element(
        "tr", *(element("th", name, scope="col") for name in ("About", "Claim", "Judge", "Ruling"))
    )
    yield element(
        "details",
        element("summary", f"Claims and votes ({len(lines):,})"),
        element("div", element("table", element("thead", head), element("tbody", *lines)), class_="panel"),
    )


def _claimed(claim: Claim) -> str:
    """What is claimed: the time, or the words that the claim is about."""
    if claim.kind == "time" and claim.span is not None:
        return _clock(claim.span)
    return claim.part or claim.text


def _said(vote: Vote) -> Iterator[object]:
    if vote.ruling is None:
        yield f"no ruling: {vote.problem}"
        return
    sure = "" if vote.confidence is None else f", {vote.confidence:.0%} sure"
    yield element("span", vote.ruling, class_=_RULING_CLASSES.get(vote.ruling, ""))
    instead = f"; sees {vote.instead}" if vote.instead else ""
    when = f", at {_clock(vote.span)}" if vote.span is not None else ""
    yield joined(f"{sure}{instead}{when}")
    for reason in vote.evidence:
        yield element("p", reason)


def _times(pair: tuple[float, float]) -> str:
    return f"{_seconds(pair[0])}-{_seconds(pair[1])}"


def _seconds(value: float) -> str:
    return format_time(value) if value >= 0 else f"{value:g} s"


def _clock(span: Span) -> str:
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"
