"""`footage audit`: check captions with models, list those found wrong, and keep those that are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Span
    from footage.store.audits import Audit
    from service.audit import AuditResult
    from service.session import Service

EXAMPLES = options.examples(
    "footage audit",
    "footage audit --sample 500 --worst 20",
    "footage audit --judge http://localhost:8000/v1#Qwen/Qwen3-VL-8B-Instruct",
    "footage audit --list",
    "footage audit --keep 3f2a91c4 --author Ann",
)
_ID_DIGITS = 8
"""Digits of an event's id that are shown; --keep takes any unique beginning."""


@takes_settings("db", *FINDS)
def run(
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Maximum number of events to check; unset: all."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="Number of worst events to list.")] = 10,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            metavar="MODEL",
            help="A further model that judges captions, as --model takes it; repeat for several. The find "
            "model is always a judge.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Check events that the same judges have checked before, too.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Check nothing; list the captions found wrong so far.")
    ] = False,
    state: Annotated[
        str, typer.Option("--state", metavar="open|kept|all", help="Which captions --list lists.")
    ] = "open",
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="EVENT", help="Keep the caption of this event id as it is."),
    ] = None,
    reopen: Annotated[
        str | None,
        typer.Option("--reopen", metavar="EVENT", help="Take the decision to keep a caption back."),
    ] = None,
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="Name of the reviewer.")] = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check captions with models: what they say, and when.

    The find model gives a time for each captioned event, and judges check the claims of its caption against
    the video. Captions that most judges contradict come first, then events whose times differ most. Results
    are stored: a second run continues where the first one ended, searches trust contradicted captions less,
    and the app lists them under Review, Captions.
    """
    if sum([listed, keep is not None, reopen is not None]) > 1:
        raise UsageError("--list, --keep and --reopen exclude one another.", hint="Use one of them.")
    service = options.service_for(settings)
    if listed:
        _list(service, state, json=json)
    elif keep is not None or reopen is not None:
        _decide(service, keep or reopen or "", keep=keep is not None, author=author, json=json)
    else:
        _audit(service, sample, worst, judge or [], again=again, json=json)


def _audit(
    service: Service, sample: int | None, worst: int, judges: list[str], *, again: bool, json: bool
) -> None:
    """Check captions, and print the worst."""
    from service.audit import AuditRequest, audit

    with progress.shown() as display:
        result = audit(service, AuditRequest(sample=sample, again=again), judges=judges, on_event=display)
    if json:
        from service.operations.correcting import audit_records

        console.emit_records(audit_records(result, worst=worst))
        return
    for problem in result.problems:
        counted = formatting.count(problem.events, "event")
        console.notes().print(console.plain(f"{problem.path}: {counted} not checked: {problem.reason}"))
    out = console.results()
    if not result.audits:
        out.print("There is nothing to audit: the index has no captioned event with an accessible file.")
        return
    if worst:
        out.print(_worst(result, worst))
    _print_summary(result)


def _worst(result: AuditResult, most: int) -> object:
    """The worst events, as a table."""
    table = console.table("video", "caption", "at", "model says", "IoU", "wrong", right=("IoU",))
    for path, each in list(zip(result.paths, result.audits, strict=True))[:most]:
        table.add_row(
            console.PathCell(formatting.short_path(path)),
            console.plain(each.text),
            _span(each.span),
            _span(each.found) if each.found else "no time",
            f"{each.agreement:.2f}",
            console.plain(_wrong(each)),
        )
    return table


def _print_summary(result: AuditResult) -> None:
    """What the audit came to, in sentences."""
    out, counted = console.results(), formatting.count(len(result.audits), "event")
    out.print(f"{result.agreement_rate:.1%} of {counted} agree (IoU {result.at_iou:g} or more).")
    if result.skipped:
        out.print(f"{formatting.count(result.skipped, 'event')} had been checked before.")
    if result.wrong:
        counted = formatting.count(result.wrong, "caption")
        out.print(f"{counted} contradicted. To list them: footage audit --list")


def _list(service: Service, state: str, *, json: bool) -> None:
    """Print the captions that were found wrong."""
    from search.claims.records import error_name
    from service.audit import CaptionsToCheckRequest, captions_to_check
    from service.schemas.review import AuditRecord

    found = captions_to_check(service, CaptionsToCheckRequest(state=state))  # type: ignore[arg-type]
    if json:
        console.emit_records(AuditRecord.of(each.audit, each.path) for each in found)
        return
    out = console.results()
    if not found:
        out.print("No caption to check. To check captions: footage audit")
        return
    table = console.table("event", "video", "at", "caption", "wrong", "kind", "votes")
    for each in found:
        for error in each.audit.wrong[:1]:
            table.add_row(
                each.audit.event_id[:_ID_DIGITS],
                console.PathCell(formatting.short_path(each.path)),
                _span(each.audit.span),
                console.plain(each.audit.text),
                console.plain(_wrong(each.audit)),
                f"{error.severity}, {error_name(error.kind)}",
                f"{error.votes_for} of {error.votes}",
            )
    out.print(table)
    out.print(f"{formatting.count(len(found), 'caption')}. To keep one as it is: footage audit --keep EVENT")


def _decide(service: Service, event: str, *, keep: bool, author: str, json: bool) -> None:
    """Keep a caption as it is, or take that back."""
    from service.audit import DecideCaptionRequest, decide_caption
    from service.schemas.review import AuditRecord

    decided = decide_caption(service, DecideCaptionRequest(event=event, keep=keep, author=author))
    if json:
        console.emit_record(AuditRecord.of(decided.audit, decided.path))
        return
    done = "Kept" if keep else "To be checked again"
    console.results().print(console.plain(f'{done}: "{decided.audit.text}".'))


def _wrong(audit: Audit) -> str:
    """The first error that most judges see, and what is suggested."""
    if not audit.wrong:
        return ""
    error = audit.wrong[0]
    return f"{error.sentence} Suggestion: {error.suggestion}" if error.suggestion else error.sentence


def _span(span: Span) -> str:
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"
