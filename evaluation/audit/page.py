"""The report of an audit as one HTML page that loads nothing from elsewhere; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import product
from pathlib import Path

from evaluation.audit.figures import KINDS, AuditFigures, CountedShare, ShareRow
from evaluation.audit.page_entries import entry_card
from evaluation.audit.pictures import Pictures
from evaluation.audit.results import AuditedEntry, AuditedVideo, TruthAudit
from evaluation.audit.wording import (
    agreement_sentence,
    counted,
    estimate_sentence,
    percent,
    range_of,
    votes_of,
)
from evaluation.pages.html_parts import Html, document, element, interval_bar, joined
from footage.core.timecode import format_time
from search.claims.records import ERROR_NAMES, ClaimError, ErrorKind, Severity

MOST_ENTRIES = 300
"""Entries with errors on the page, the worst first; the lines of --json have all."""
MOST_LISTED = 200
"""Lines of each other list."""


def report_page(
    audit: TruthAudit,
    figures: AuditFigures,
    pictures: Pictures,
    *,
    made_at: datetime,
    version: str,
) -> str:
    """The page.

    Args:
        audit: What was found.
        figures: Its figures.
        pictures: Frames of the entries and of missing events.
        made_at: When the audit was made.
        version: Version of this program.
    """
    shown = audit.with_errors[:MOST_ENTRIES]
    kinds = [kind for kind in KINDS if any(e.kind == kind for _, entry in shown for e in entry.errors)]
    name = Path(audit.file).name
    body = element(
        "main",
        _head(audit, name, made_at),
        _tiles(audit, figures.rows),
        element("h2", "Shares"),
        _shares(figures.rows),
        *_remarks(audit, figures),
        element("h2", "Errors", id="errors"),
        *(_errors(audit, shown, kinds, pictures) if shown else [_nothing(audit)]),
        *_missing(audit, pictures),
        *_not_checked(audit),
        _foot(version),
        class_="wrap",
    )
    return document(f"Audit of {name}", body, rules=_filter_rules(shown, kinds))


# --- the parts, from top to bottom --------------------------------------------------------------------------


def _head(audit: TruthAudit, name: str, made_at: datetime) -> Html:
    checked = sum(entry.is_checked for _, entry in audit.entries)
    opened = sum(video.duration_seconds is not None for video in audit.videos)
    facts = {
        "File": f"{audit.file} (format {audit.format})",
        "Videos": f"{opened:,} of {len(audit.videos):,} opened",
        "Entries": f"{checked:,} of {len(audit.entries):,} checked by a judge; all checked by arithmetic",
        "Judges": ", ".join(audit.judges) or "none: times and duplicates only",
        "Date": f"{made_at:%Y-%m-%d %H:%M} {made_at.tzname() or ''}",
    }
    if audit.proposals:
        facts["Left out"] = f"{counted(audit.proposals, 'entry', 'entries')} marked to_check"
    return element(
        "header",
        element("p", "Ground-truth audit", class_="kicker"),
        element("h1", name),
        element(
            "p",
            "Every entry was compared with its video. What follows are findings of judges and of arithmetic: "
            "look at the frames before you change the file.",
            class_="lead",
        ),
        element(
            "dl",
            *(joined(element("dt", term), element("dd", text)) for term, text in facts.items()),
            class_="facts",
        ),
    )


def _tiles(audit: TruthAudit, rows: Sequence[ShareRow]) -> Html:
    by_name = {row.name: row.consensus for row in rows}

    def tile(name: str, label: str, class_: str = "") -> Html:
        share = by_name.get(name)
        if share is None:
            return element("div", element("b", "\N{EN DASH}"), element("span", label), class_="tile")
        return element(
            "div",
            element("b", percent(share)),
            element("span", label),
            element("span", f"{share.count:,} of {share.total:,}"),
            element("span", f"95 % interval {range_of(share)}", class_="whole"),
            class_=f"tile {class_ if share.count else ''}".strip(),
        )

    unchecked = len(audit.unchecked)
    return element(
        "div",
        tile("entries with an error", "of the entries have an error"),
        tile("entries with a major error", "have a major error", "major"),
        tile("videos with an error", "of the videos have an error"),
        element(
            "div",
            element("b", f"{unchecked:,}"),
            element("span", f"{'entry' if unchecked == 1 else 'entries'} could not be checked"),
            class_="tile",
        ),
        class_="tiles",
    )


def _shares(rows: Sequence[ShareRow]) -> Html:
    head = element(
        "tr",
        *(
            element("th", name, scope="col", class_=class_)
            for name, class_ in (
                ("Share", None),
                ("Consensus", "number"),
                ("95 % interval", "number wide"),
                ("From 0 to 100 %", "wide"),
                ("Count", "number wide"),
                ("Any judge", "number"),
            )
        ),
    )
    lines = [
        element(
            "tr",
            element("th", row.name.capitalize(), scope="row"),
            element(
                "td",
                percent(row.consensus),
                element("span", range_of(row.consensus), class_="narrow"),
                class_="number",
            ),
            element("td", range_of(row.consensus), class_="number wide"),
            element("td", _bar(row.consensus), class_="wide"),
            element("td", f"{row.consensus.count:,} of {row.consensus.total:,}", class_="number wide"),
            element("td", percent(row.any), class_="number"),
        )
        for row in rows
    ]
    return element(
        "div", element("table", element("thead", head), element("tbody", *lines)), class_="panel shares"
    )


def _bar(share: CountedShare) -> Html:
    """The share and its interval on a scale from 0 to 100 %."""
    value = share.interval.value if share.total else 0.0
    label = f"{percent(share)}, interval {range_of(share)}"
    return interval_bar(share.interval.low, value, share.interval.high, label)


def _remarks(audit: TruthAudit, figures: AuditFigures) -> Iterator[Html]:
    base = "entries with a ruling of at least one judge" if audit.judges else "all entries"
    yield element(
        "p",
        f"Shares are of {base}. Consensus: more than half of the judges with a ruling, or arithmetic. "
        "Intervals: bootstrap over videos; exact for one video, or where all videos have the same share.",
        class_="note",
    )
    if len(figures.by_judge) > 1:
        single = "; ".join(f"{each.judge}: {percent(each.share)}" for each in figures.by_judge)
        yield element("p", f"Entries with an error according to each judge: {single}.", class_="note")
    if figures.agreement is not None:
        yield element("p", agreement_sentence(figures.agreement), class_="note")
    if estimate := estimate_sentence(figures):
        yield element("p", estimate, class_="note")


def _errors(
    audit: TruthAudit,
    shown: Sequence[tuple[AuditedVideo, AuditedEntry]],
    kinds: Sequence[ErrorKind],
    pictures: Pictures,
) -> Iterator[Html]:
    total = len(audit.with_errors)
    if total > len(shown):
        text = f"The {len(shown):,} worst of {total:,} entries with errors. --json prints all of them."
        yield element("p", text, class_="note")
    yield _filters(shown, kinds)
    yield element("p", "No entry on this page has all of that.", class_="panel none no-match")
    for severity, title in (("major", "Major"), ("minor", "Minor")):
        for kind in KINDS:
            group = [pair for pair in shown if _worst(pair[1]) == (severity, kind)]
            if group:
                yield element(
                    "h3",
                    f"{title}: {ERROR_NAMES[kind]}, {counted(len(group), 'entry', 'entries')}",
                    class_="group",
                )
                for video, entry in group:
                    yield entry_card(video, entry, pictures.get((video.name, entry.written.id), []))


def _worst(entry: AuditedEntry) -> tuple[Severity, ErrorKind]:
    return entry.errors[0].severity, entry.errors[0].kind


def _filters(shown: Sequence[tuple[AuditedVideo, AuditedEntry]], kinds: Sequence[ErrorKind]) -> Html:
    """Choices of what is shown, each with its number of entries; the style alone acts on them, no script."""

    def choice(name: str, id_: str, label: str, kind: str, number: int, *, checked: bool = False) -> Html:
        given = element("input", type=kind, name=name, id=id_, checked=checked)
        return element("label", given, label, " ", element("small", f"{number:,}"))

    def number(holds: Callable[[ClaimError], bool]) -> int:
        return sum(any(map(holds, entry.errors)) for _, entry in shown)

    return element(
        "fieldset",
        element("legend", "Show"),
        choice("kind", "kind-all", "All kinds", "radio", len(shown), checked=True),
        *(
            choice(
                "kind", f"kind-{kind}", ERROR_NAMES[kind].capitalize(), "radio", number(partial(_is_of, kind))
            )
            for kind in kinds
        ),
        element("span", class_="rule"),
        choice("major", "only-major", "Major only", "checkbox", number(_is_major)),
        choice("consensus", "only-consensus", "Consensus only", "checkbox", number(_is_agreed)),
        class_="filters",
    )


def _filter_rules(shown: Sequence[tuple[AuditedVideo, AuditedEntry]], kinds: Sequence[ErrorKind]) -> str:
    hidden = "{ display: none; }"
    rules = [f".wrap:has(#kind-{kind}:checked) .error:not(.has-{kind}) {hidden}" for kind in kinds]
    rules += [
        f".wrap:has(#only-{what}:checked) .error:not(.is-{what}) {hidden}" for what in ("major", "consensus")
    ]
    choices = ", ".join(
        [*(f"#kind-{kind}:checked" for kind in kinds), "#only-major:checked", "#only-consensus:checked"]
    )
    rules.append(f".wrap:has({choices}) .group {hidden}")  # a heading without entries would mislead
    # The choices that leave nothing are known: a sentence says so.
    for kind, major, agreed in product((None, *kinds), (False, True), (False, True)):
        left = [
            entry
            for _, entry in shown
            if (kind is None or any(error.kind == kind for error in entry.errors))
            and (not major or any(map(_is_major, entry.errors)))
            and (not agreed or any(map(_is_agreed, entry.errors)))
        ]
        if shown and not left:
            chosen = [f"#kind-{kind or 'all'}", *["#only-major"] * major, *["#only-consensus"] * agreed]
            whole = "".join(f":has({each}:checked)" for each in chosen)
            rules.append(f".wrap{whole} .no-match {{ display: block; }}")
    return "\n".join(rules) + "\n"


def _is_of(kind: ErrorKind, error: ClaimError) -> bool:
    return error.kind == kind


def _is_major(error: ClaimError) -> bool:
    return error.severity == "major"


def _is_agreed(error: ClaimError) -> bool:
    return error.is_consensus


def _nothing(audit: TruthAudit) -> Html:
    text = "No error was found." if audit.counted else "Nothing could be checked."
    return element("div", text, class_="panel none")


def _missing(audit: TruthAudit, pictures: Pictures) -> Iterator[Html]:
    found = [(video, error) for video in audit.videos for error in video.missing]
    if not found:
        return
    yield element("h2", "Events that no entry has")
    yield element(
        "p",
        "Seen by the judges, in no entry. A truth file of queries need not name everything; one that is used "
        "to count false alarms must.",
        class_="note",
    )
    frames: dict[str, Iterator[str]] = {
        video.name: iter([picture.address for picture in pictures.get((video.name, ""), [])])
        for video in audit.videos
    }
    figures = [
        _missing_figure(video, error, next(frames[video.name], None)) for video, error in found[:MOST_LISTED]
    ]
    yield element("div", *figures, class_="unseen")
    if len(found) > MOST_LISTED:
        yield element("p", f"{len(found) - MOST_LISTED:,} more: see --json.", class_="note")


def _missing_figure(video: AuditedVideo, error: ClaimError, address: str | None) -> Html:
    when = "" if error.span is None else f", {format_time(error.span.start_seconds)}"
    picture = () if address is None else (element("img", src=address, alt=error.sentence, decoding="async"),)
    return element(
        "figure",
        *picture,
        element(
            "figcaption",
            error.suggestion or error.sentence,
            element("span", f"{video.name}{when}; {votes_of(error)}"),
        ),
    )


def _not_checked(audit: TruthAudit) -> Iterator[Html]:
    """Videos with a problem, wrong durations, entries without a ruling; every one is named."""
    lists: Mapping[str, list[tuple[str, str]]] = {
        "Wrong durations": [(v.name, e.sentence) for v in audit.videos for e in v.errors],
        "Videos that could not be checked": [
            (f"{video.name}, {counted(len(video.entries), 'entry', 'entries')}", video.problem)
            for video in audit.videos
            if video.problem
        ],
        "Entries that could not be checked": [
            (f"{video.name}, {entry.written.id}: {entry.written.text}", entry.problem)
            for video, entry in audit.unchecked
            if entry.problem != video.problem
        ],
    }
    for title, lines in lists.items():
        if not lines:
            continue
        yield element("h2", f"{title} ({len(lines):,})")
        listed = [
            element("li", name, element("span", why, class_="why")) for name, why in lines[:MOST_LISTED]
        ]
        if len(lines) > MOST_LISTED:
            listed.append(element("li", f"{len(lines) - MOST_LISTED:,} more: see --json."))
        yield element("div", element("ul", *listed, class_="plain-list"), class_="panel")


def _foot(version: str) -> Html:
    return element(
        "footer",
        element(
            "p",
            "A judge is a model and can be wrong: a finding is a reason to look; an entry without one can "
            "be wrong as well.",
        ),
        element("p", f"Made by footage {version}, eval audit. This page loads nothing and runs no script."),
    )
