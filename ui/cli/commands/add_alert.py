"""`footage alerts add`: a query that reports new moments by itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, options
from ui.cli.commands.alerts import Name, answers
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.alerts.manage import SinkRequest

EXAMPLES = options.examples(
    'footage alerts add parcels --query "somebody leaves a parcel" --camera door --desktop',
    'footage alerts add "night gate" --search "cars at the gate" --webhook https://hooks.example.org/gate '
    "--sink-option webhook:secret=env:GATE_SECRET",
    'footage alerts add "quiet door" --query "a person" --camera door --absent-between 18:00-22:00 '
    "--email ann@example.org",
)

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SINKS, _WHEN, _WHAT = "Sinks", "When", "What"


@takes_settings("db")
def run(
    name: Name,
    query: Annotated[
        str, typer.Option("--query", help="What to look for, with optional filters.", rich_help_panel=_WHAT)
    ] = "",
    search: Annotated[
        str,
        typer.Option(
            "--search", metavar="NAME", help="Take the query of a saved search.", rich_help_panel=_WHAT
        ),
    ] = "",
    camera: Annotated[
        list[str] | None,
        typer.Option("--camera", metavar="NAME", help="Only this camera; repeatable.", rich_help_panel=_WHAT),
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Only this collection, such as an area of a site; repeatable.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    least: Annotated[
        Literal["found", "uncertain", "not checked"],
        typer.Option(
            "--least",
            help='The weakest verdict that is reported; "not checked" asks no model.',
            rich_help_panel=_WHAT,
        ),
    ] = "found",
    from_start: Annotated[
        bool,
        typer.Option(
            "--from-start",
            help="Also report moments of footage that is in the index already.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    webhook: Annotated[
        list[str] | None,
        typer.Option("--webhook", metavar="URL", help="Send JSON to this address.", rich_help_panel=_SINKS),
    ] = None,
    mqtt: Annotated[
        list[str] | None,
        typer.Option(
            "--mqtt",
            metavar="URL",
            help="Publish to this broker and topic: mqtts://broker/topic.",
            rich_help_panel=_SINKS,
        ),
    ] = None,
    email: Annotated[
        list[str] | None,
        typer.Option("--email", metavar="ADDRESS", help="Send an e-mail.", rich_help_panel=_SINKS),
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Option(
            "--command",
            metavar="COMMAND",
            help="Start this program, without a shell; arguments such as {camera} are filled in.",
            rich_help_panel=_SINKS,
        ),
    ] = None,
    desktop: Annotated[
        bool, typer.Option("--desktop", help="Show a notification on this desktop.", rich_help_panel=_SINKS)
    ] = False,
    sink_option: Annotated[
        list[str] | None,
        typer.Option(
            "--sink-option",
            metavar="KIND:NAME=VALUE",
            help="Option of all sinks of a kind: webhook:secret=env:NAME.",
            rich_help_panel=_SINKS,
        ),
    ] = None,
    quiet_hours: Annotated[
        str,
        typer.Option(
            "--quiet-hours",
            metavar="FROM-TO",
            help="Send nothing in these hours, but after them: 22:00-06:30.",
            rich_help_panel=_WHEN,
        ),
    ] = "",
    time_zone: Annotated[
        str,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Zone of the hours, such as Europe/Berlin; unset: that of this machine.",
            rich_help_panel=_WHEN,
        ),
    ] = "",
    cool_down: Annotated[
        str,
        typer.Option(
            "--cool-down",
            metavar="TIME",
            help="Send no moment of a camera within this time of another one: 90s, 10m, 2h.",
            rich_help_panel=_WHEN,
        ),
    ] = "0",
    digest: Annotated[
        str,
        typer.Option(
            "--digest",
            metavar="TIME",
            help="Collect moments for this time and send them together.",
            rich_help_panel=_WHEN,
        ),
    ] = "0",
    absent_for: Annotated[
        str,
        typer.Option(
            "--absent-for",
            metavar="TIME",
            help="Report that nothing was found for this time, instead of what was found.",
            rich_help_panel=_WHEN,
        ),
    ] = "0",
    absent_between: Annotated[
        str,
        typer.Option(
            "--absent-between",
            metavar="FROM-TO",
            help="Report each day when nothing was found in these hours: 18:00-22:00.",
            rich_help_panel=_WHEN,
        ),
    ] = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Report new moments of a query by themselves.

    From now on, every window that comes into the index is matched: for free against the index, then with the
    model where it matches. Each moment is reported once. `footage index` does this while it runs, and
    `footage alerts run`.
    """
    from service.alerts.manage import AddAlertRequest
    from service.operations.alerts import ALERTS_ADD
    from service.schemas.alerts import AlertRecord

    request = AddAlertRequest(
        name=name,
        query=query,
        search=search,
        cameras=tuple(camera or ()),
        collections=tuple(collection or ()),
        sinks=tuple(
            _sinks(
                {"webhook": webhook, "mqtt": mqtt, "email": email, "command": command},
                desktop=desktop,
                given=sink_option or (),
            )
        ),
        least_verdict=least,
        quiet_hours=quiet_hours,
        time_zone=time_zone,
        cool_down_seconds=_seconds("--cool-down", cool_down),
        digest_seconds=_seconds("--digest", digest),
        absent_for_seconds=_seconds("--absent-for", absent_for),
        absent_between=absent_between,
        from_start=from_start,
    )
    [record] = answers(ALERTS_ADD, settings, request, AlertRecord, as_json=json)
    if not json:
        where = ", ".join(sink.name for sink in record.sinks) or "only the history"
        console.results().print(f"Added the alert {record.name!r}; it goes to: {where}.", soft_wrap=True)


def _sinks(
    targets: dict[str, list[str] | None], *, desktop: bool, given: Sequence[str]
) -> Iterator[SinkRequest]:
    """The sinks of a command line.

    Raises:
        UsageError: an option of a sink cannot be read, or no sink has its kind.
    """
    from service.alerts.manage import SinkRequest

    named = {kind: each or [] for kind, each in targets.items()} | {"desktop": [""] if desktop else []}
    by_kind: dict[str, dict[str, str]] = {}
    for text in given:
        kind, colon, rest = text.partition(":")
        name, equals, value = rest.partition("=")
        if not (colon and equals and name) or not named.get(kind):
            raise UsageError(
                f"--sink-option cannot be {text.partition('=')[0]!r}.",
                hint="Write KIND:NAME=VALUE, of a kind of sink that the alert has.",
            )
        by_kind.setdefault(kind, {})[name] = value
    for kind, each in named.items():
        for target in each:
            about: dict[str, Any] = {"kind": kind, "options": by_kind.get(kind, {})}
            yield SinkRequest(
                **about,
                **({"arguments": tuple(_split(target))} if kind == "command" else {"target": target}),
            )


def _split(command: str) -> list[str]:
    """A command line as a list of arguments; no shell reads it.

    Raises:
        UsageError: a quotation mark is not closed.
    """
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--command cannot be {command!r}: {error}.") from error


def _seconds(option: str, text: str) -> float:
    """Seconds of "90", "90s", "10m", "2h" or "1d".

    Raises:
        UsageError: it is none of these.
    """
    unit = _UNITS.get(text[-1:].lower())
    number = text[:-1] if unit else text
    if not number.isascii() or not number.replace(".", "", 1).isdecimal():
        raise UsageError(f"{option} cannot be {text!r}.", hint="Write seconds, or as in 90s, 10m, 2h, 1d.")
    return float(number) * (unit or 1.0)
