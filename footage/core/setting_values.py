"""How values of settings are read and checked: paths, devices, tracks; pure."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, RUN_TRACKS, SCREEN_TEXT_TRACK, SUBTITLE_TRACK


def _expanded(path: Path) -> Path:
    return path.expanduser()


def paths(given: object) -> object:
    """One text with several paths, as in PATH, becomes a list of them."""
    return [part for part in given.split(os.pathsep) if part] if isinstance(given, str) else given


def known_device(device: str) -> str:
    """A device, if it is one."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise ValueError("use auto, cpu, mps, cuda, or one card as in cuda:1")
    return device


def known_executor(executor: str) -> str:
    """An executor of index runs, if it is one."""
    if not re.fullmatch(r"local|ray|ray://[^\s/@]+:\d+/?", executor):
        raise ValueError("use local, ray, or the head of a Ray cluster as in ray://10.0.0.5:6379")
    return executor


_TRACK_NAMES = {
    "captions": CAPTION_TRACK,
    "images": IMAGE_TRACK,
    "subtitle": SUBTITLE_TRACK,
    "screentext": SCREEN_TEXT_TRACK,
}
"""Other names of tracks that are understood."""


def known_tracks(given: object) -> object:
    """Names of tracks, as one text with commas or as a list, in the order of ``RUN_TRACKS``."""
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError(_WHICH_TRACKS)
    names = ["-".join(part.casefold().replace("_", " ").split()) for part in parts]
    known = {_TRACK_NAMES.get(name, name) for name in names if name}
    if not known or known - set(RUN_TRACKS):
        raise ValueError(_WHICH_TRACKS)
    return tuple(track for track in RUN_TRACKS if track in known)


_WHICH_TRACKS = f"use one or more of {', '.join(RUN_TRACKS)}, separated by commas"

UserPath = Annotated[Path, AfterValidator(_expanded)]
