"""Finds the video file of each clip, and the captions that an index holds of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.captions.relations import ReferenceClip
from evaluation.video_folder import VideoFolder
from footage.core.names import on_disk

if TYPE_CHECKING:
    from footage.store import Store


def places_in(folder: Path, clips: Sequence[ReferenceClip]) -> dict[str, Path]:
    """The video file of each clip in a folder, by the clip's id; clips without one are left out.

    The file of a clip is found as by ``evaluation.video_folder.VideoFolder``.

    Raises:
        FileError: when the folder is not there.
        UsageError: when several files have the name of a clip.
    """
    names = {clip.id: clip.video or clip.id for clip in clips}
    found = VideoFolder(folder).find(names.values()).found
    return {clip: found[name].resolve() for clip, name in names.items() if name in found}


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
