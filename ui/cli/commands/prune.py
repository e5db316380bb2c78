"""`footage prune`: remove deleted files from the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.cli import console, formatting, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    "footage prune", "footage prune --dry-run", "footage prune --db cameras.lancedb --yes --json"
)


@takes_settings("db")
def run(
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove deleted files from the index.

    This also removes the captions of videos without any remaining file. Before that, a video that
    reappears, at any path, is recognized without new captioning. Entries of offline files stay. On a
    terminal, the command asks for confirmation.
    """
    from service.prune import PruneRequest, prunable, prune

    service, request = options.service_for(settings), PruneRequest()
    expected = prunable(service, request)
    counted = _counted(len(expected.paths), expected.videos)
    if dry_run:
        if json:
            from service.operations.removing import prune_record

            console.emit_record(prune_record(expected))
            return
        for path in expected.paths:
            console.results().print(formatting.short_path(path), soft_wrap=True)
        console.results().print(f"Would remove {counted}. Nothing was removed.")
        return
    nothing = not (expected.paths or expected.videos)
    if not nothing and not console.agreed(f"Remove {counted} from the index?", yes=yes):
        return
    removed = prune(service, request)
    if json:
        from service.operations.removing import prune_record

        console.emit_record(prune_record(removed))
    else:
        console.results().print(f"Removed {_counted(removed.files, removed.videos)}.")


def _counted(files: int, videos: int) -> str:
    return f"{formatting.count(files, 'file')} and {formatting.count(videos, 'video')}"
