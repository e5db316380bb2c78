"""`footage verify`: are exported files still what their manifest says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.cli import console, exports, formatting, options

EXAMPLES = options.examples(
    "footage verify footage-export/clips.manifest.json",
    "footage verify reel.manifest.json --sources",
)


def run(
    manifest: Annotated[Path, typer.Argument(help="The manifest beside an export.")],
    sources: Annotated[
        bool, typer.Option("--sources", help="Read the videos they were made from, too: all of each.")
    ] = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compare exported files with their manifest: exit code 1 when one is missing or has changed."""
    from indexer.library import content_id
    from service.export import verify

    with console.steps("comparing") as step:
        verified = verify(
            exports.absolute(manifest), identify=content_id if sources else None, on_progress=step
        )
    if json:
        for problem in verified.problems:
            console.emit(type="problem", file=problem.file, problem=problem.sentence)
        console.emit(
            type="summary",
            outputs=verified.outputs,
            sources=verified.sources,
            problems=len(verified.problems),
        )
    else:
        for problem in verified.problems:
            console.results().print(console.plain(problem.sentence), soft_wrap=True)
        told = formatting.count(verified.outputs, "file")
        if sources:
            told += f" and {formatting.count(verified.sources, 'source')}"
        outcome = (
            f"{formatting.count(len(verified.problems), 'problem')}"
            if verified.problems
            else "all as written"
        )
        console.results().print(f"Compared {told}: {outcome}.")
    if verified.problems:
        raise typer.Exit(console.EXIT_FAILED)
