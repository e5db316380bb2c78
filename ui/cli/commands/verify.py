"""`footage verify`: compare exported files with their manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.cli import console, exports, formatting, options, progress

EXAMPLES = options.examples(
    "footage verify footage-export/clips.manifest.json",
    "footage verify reel.manifest.json --sources",
)


def run(
    manifest: Annotated[Path, typer.Argument(help="The manifest of an export.")],
    sources: Annotated[
        bool, typer.Option("--sources", help="Also verify the source videos, which are read completely.")
    ] = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Verify exported files; exit code 1 if one differs.

    The command compares the files with their manifest, and lists missing and changed files.
    """
    from service.verify import VerifyRequest
    from service.verify import verify as compare

    request = VerifyRequest(manifest=exports.absolute(manifest), sources=sources)
    with progress.shown() as display:
        verified = compare(request, on_event=display)
    if json:
        from service.operations.exporting import verify_records

        console.emit_records(verify_records(verified))
    else:
        for problem in verified.problems:
            console.results().print(console.plain(problem.sentence), soft_wrap=True)
        counted = formatting.count(verified.outputs, "file")
        if sources:
            counted += f" and {formatting.count(verified.sources, 'source')}"
        outcome = (
            f"{formatting.count(len(verified.problems), 'problem')}"
            if verified.problems
            else "no differences"
        )
        console.results().print(f"Compared {counted}: {outcome}.")
    if verified.problems:
        raise typer.Exit(console.EXIT_FAILED)
