"""`footage forget`: remove a video from the index for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, formatting, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    "footage forget ~/Videos/private.mp4",
    "footage forget ~/Videos/private.mp4 --dry-run",
    "footage forget 8d6ad80040e6f39e8ab0757afcc2a447 --yes",
)


@takes_settings("db")
def run(
    video: Annotated[str, typer.Argument(help="An indexed file, or a content id.")],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Permanently remove a video from the index.

    This removes captions, vectors and previews of the video and of all its copies, also from older versions
    of the tables. The video file stays; a later `footage index` of its folder would index it again. On a
    terminal, the command asks for confirmation. An interrupted removal is completed when a command next
    writes to the index.
    """
    from service.forget import ForgetRequest, forget, forgettable

    service = options.service_for(settings)
    request = ForgetRequest(video=video)
    expected = forgettable(service, request)
    paths = expected.paths
    what = f"{formatting.short_path(video)}, {formatting.count(len(paths), 'file')}"
    if dry_run:
        if json:
            from service.operations.removing import forget_record

            console.emit_record(forget_record(expected))
            return
        for path in paths:
            console.results().print(formatting.short_path(path), soft_wrap=True)
        console.results().print(f"Would remove {what}. Nothing was removed.", soft_wrap=True)
        return
    if not console.agreed(f"Permanently remove {what}?", yes=yes):
        return
    forgotten = forget(service, request)
    if json:
        from service.operations.removing import forget_record

        console.emit_record(forget_record(forgotten))
    else:
        counted = formatting.count(forgotten.files, "file")
        console.results().print(f"Removed {console.plain(video)} ({counted}).", soft_wrap=True)
