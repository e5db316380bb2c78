"""`footage prune`: take what is no longer there out of the index."""

from __future__ import annotations

from ui.cli import console, formatting, options

EXAMPLES = options.examples(
    "footage prune", "footage prune --dry-run", "footage prune --db cameras.lancedb --yes --json"
)


def run(
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove files that are gone, and the captions of videos that no file holds any more.

    Until then a video that comes back, wherever, is known again and costs nothing. Files that are offline
    stay. On a terminal it asks first.
    """
    from footage.store import Store

    store = Store.open(options.settings_from(config, db=db).db)
    gone, unheld = store.contents.prunable()
    if dry_run:
        if json:
            console.emit(files=len(gone), videos=len(unheld), dry_run=True, paths=gone)
            return
        for path in gone:
            console.results().print(formatting.short_path(path), soft_wrap=True)
        console.results().print(f"Would remove {_counted(len(gone), len(unheld))}. Nothing was removed.")
        return
    question = f"Remove {_counted(len(gone), len(unheld))} from the index?"
    if (gone or unheld) and not console.agreed(question, yes=yes):
        return
    with store.writing():
        files, videos = store.contents.prune()
        store.tidy()
    if json:
        console.emit(files=files, videos=videos)
    else:
        console.results().print(f"Removed {_counted(files, videos)}.")


def _counted(files: int, videos: int) -> str:
    return f"{formatting.count(files, 'file')} and {formatting.count(videos, 'video')}"
