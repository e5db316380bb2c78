"""`footage forget`: remove a video from the index for good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from footage.core.names import folded
from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    "footage forget ~/Videos/private.mp4",
    "footage forget ~/Videos/private.mp4 --dry-run",
    "footage forget 8d6ad80040e6f39e8ab0757afcc2a447 --yes",
)


def run(
    video: Annotated[str, typer.Argument(help="A file the index knows, or a content id.")],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove a video for good: its captions, vectors, previews, and every older version of the tables.

    The file itself stays where it is; a later `footage index` of its folder would index it again. Every copy
    of it that the index knows is forgotten, too. On a terminal it asks first. Stopped halfway, it is finished
    when the index is next written to.
    """
    from footage.store import Store
    from indexer.library import absolute
    from indexer.library import shown as spelled

    settings = options.settings_from(config, db=db)
    store = Store.open(settings.db)
    path = spelled(absolute(Path(video)))
    alike = [each for each in store.files.all() if folded(each.path) == folded(path)]
    file = store.files.at(path) or (alike[0] if len(alike) == 1 else None)
    content_id = file.content_id if file else video
    if not content_id or not store.contents.knows(content_id):
        raise UsageError(
            f"the index {store.path} knows no video {video!r}",
            hint="`footage status --files` lists what it knows.",
        )
    paths = store.files.paths_of(content_id)
    what = f"{formatting.short_path(video)}, {formatting.count(len(paths), 'file')}"
    if dry_run:
        if json:
            console.emit(content_id=content_id, files=len(paths), dry_run=True, paths=paths)
            return
        for path in paths:
            console.results().print(formatting.short_path(path), soft_wrap=True)
        console.results().print(f"Would forget {what}. Nothing was removed.", soft_wrap=True)
        return
    if not console.agreed(f"Forget {what}, for good?", yes=yes):
        return
    _forget_caches(settings, content_id)  # first: an index killed midway finishes by itself, caches do not
    with store.writing():
        files = store.contents.forget(content_id)
    _forget_caches(settings, content_id)
    if json:
        console.emit(content_id=content_id, files=files)
    else:
        console.results().print(
            f"Forgot {console.plain(video)} ({formatting.count(files, 'file')}).", soft_wrap=True
        )


def _forget_caches(settings: Settings, content_id: str) -> None:
    from ui.web.components.media import forget

    forget(settings.cache_dir, content_id)
    settings.seen.forget(content_id)
