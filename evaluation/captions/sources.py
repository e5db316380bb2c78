"""Finds the video file of each clip, and the captions that an index holds of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.captions.relations import ReferenceClip
from footage.core.errors import FileError, UsageError
from footage.core.names import absolute, on_disk

if TYPE_CHECKING:
    from footage.store import Store


def places_in(folder: Path, clips: Sequence[ReferenceClip]) -> dict[str, Path]:
    """The video file of each clip in a folder, by the clip's id; clips without one are left out.

    A clip's video is named by its path below the folder, its file name, or its file name without ending.

    Raises:
        FileError: when the folder is not there.
        UsageError: when several files have the name of a clip.
    """
    from indexer.library import WITH_LINKS, FoundFile, walk

    if not folder.is_dir():
        raise FileError(f"There is no folder {folder}.", hint="Name the folder of the benchmark's videos.")
    folder = absolute(folder)  # as the walk gives files
    found = [each.path for each in walk([folder], selection=WITH_LINKS) if isinstance(each, FoundFile)]
    by_name: dict[str, list[Path]] = {}
    for path in found:
        for name in {str(path.relative_to(folder)), path.name, path.stem}:
            by_name.setdefault(name, []).append(path)
    places = {}
    for clip in clips:
        name = clip.video or clip.id
        paths = by_name.get(name) or by_name.get(Path(name).name) or by_name.get(Path(name).stem, [])
        if len(paths) > 1:
            raise UsageError(
                f'Several files in {folder} have the name of the clip "{clip.id}": {paths[0].name} in '
                f"{paths[0].parent} and in {paths[1].parent}.",
                hint="Name the clip by its path below the folder, or give a folder without the others.",
            )
        if paths:
            places[clip.id] = paths[0].resolve()
    return places


def places_beside(file: Path, clips: Sequence[ReferenceClip]) -> dict[str, Path]:
    """The video file of each clip of a truth file, whose paths are relative to it; others are left out."""
    paths = {clip.id: on_disk((file.parent / clip.video).absolute()) for clip in clips}
    # os.path, as a name that is too long for a file is just not there.
    return {name: path.resolve() for name, path in paths.items() if os.path.isfile(path)}


def indexed_captions(store: Store) -> dict[str, str]:
    """What an index holds about each captioned file, by the file's path: scenes, then events, in order.

    Raises:
        StoreError: when the index cannot be read.
    """
    texts: dict[str, str] = {}
    captions: dict[str, str] = {}
    for file in store.files.all():
        if file.state == "gone" or not file.content_id:
            continue
        if file.content_id not in texts:
            texts[file.content_id] = _caption_of(store, file.content_id)
        if texts[file.content_id]:
            captions[str(Path(file.path).resolve())] = texts[file.content_id]
    return captions


def _caption_of(store: Store, content_id: str) -> str:
    """The caption of one video; empty where it has none."""
    records = sorted(store.windows.of(content_id), key=lambda record: record.window.span)
    scenes = [record.caption.scene.strip() for record in records]
    events = [event.text.strip() for event in store.events.of(content_id)]
    texts = dict.fromkeys(filter(None, [*scenes, *events]))
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in texts)
