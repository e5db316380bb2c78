"""`footage prune`: take what is no longer there out of the index."""

from __future__ import annotations

from ui import console, options, shown

EXAMPLES = options.examples("footage prune", "footage prune --db cameras.lancedb --json")


def run(
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove files that are gone, and the captions of videos that no file holds any more.

    Until then a video that comes back, wherever, is known again and costs nothing. Files that are offline
    stay.
    """
    from footage.store import Store

    store = Store.open(options.settings_from(config, db=db).db)
    with store.writing():
        files, videos = store.prune()
        store.tidy()
    if json:
        console.emit(files=files, videos=videos)
    else:
        console.results().print(f"Removed {shown.count(files, 'file')} and {shown.count(videos, 'video')}.")
