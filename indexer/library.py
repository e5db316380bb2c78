"""Finds video files and identifies their content; knows neither windows nor models."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Final, Literal

from footage.core.errors import FileError, SourceOfflineError, UsageError, VideoNotFoundError
from footage.core.names import composed, exact_names, fits, folded
from footage.core.types import File
from footage.media.containers import kind_of
from footage.objects.address import ObjectAddress
from footage.objects.paths import ObjectPath, absolute, located, media_path
from footage.objects.requests import ObjectStatus, UnlistedFolder, look_at, objects_under
from indexer.media_source import SAMPLE_BYTES, MediaSource, shown

__all__ = [
    "EVERYTHING",
    "LINK_OUT",
    "SAMPLE_BYTES",
    "SYSTEM_FOLDERS",
    "VIDEO_SUFFIXES",
    "WITH_LINKS",
    "FoundFile",
    "IgnoredEntry",
    "MediaSource",
    "Selection",
    "absolute",
    "changed",
    "content_id",
    "fingerprint",
    "identity",
    "is_fresh",
    "is_under",
    "parse_since",
    "shown",
    "still_there",
    "walk",
]

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m1v", "m2t", "m2ts", "m2v", "m4v", "mkv"),
        *("mod", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "nut", "ogm", "ogv", "qt", "tod", "ts"),
        *("vob", "webm", "wmv"),
    )
)
"""What counts as a video file in a folder. A file named by itself is tried whatever its name."""

SYSTEM_FOLDERS = frozenset(
    (
        *("#recycle", "#snapshot", "@eadir", "@tmp", "@sharesnap"),  # Synology
        *("@recycle", "@recently-snapshot", "@transcode"),  # QNAP
        *(
            "network trash folder",
            "temporary items",
            "thevolumesettingsfolder",
            "__macosx",
        ),  # macOS, also in ZIP
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000"),  # Windows
        *("lost+found", "lost.dir", "~snapshot"),  # Linux, Android, NetApp
    )
)
"""Folders that NAS and operating systems keep for themselves (thumbnails, deleted files, snapshots), as
``footage.core.names.folded`` has them. Those that begin with a dot are hidden anyway."""

LINK_OUT: Final = "link to outside the folder"
"""Why a link is passed over that leads out of the folder that was asked for."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file or an object that may be a video."""

    path: Path
    """Absolute path, links in it not resolved; of an object an ``ObjectPath``."""
    root: str
    """Absolute path of the file or folder that was asked for and led here, or the address."""
    collection: str
    """Name of the folder that was asked for and led here; empty for a file named by itself."""
    size_bytes: int
    """Size."""
    modified_at: float
    """Modification time, seconds since the epoch."""
    changed_at: float = 0.0
    """When the inode last changed (on Windows: was made), seconds since the epoch; 0 while unknown."""
    skip: str = ""
    """Why it is left out, as a reason for its row; empty when it is not."""

    @property
    def source(self) -> MediaSource:
        """How it is read."""
        return MediaSource(self.path)

    @property
    def is_object(self) -> bool:
        """Whether it is an object, which appears and changes as a whole."""
        return isinstance(self.path, ObjectPath)


@dataclass(frozen=True, slots=True)
class IgnoredEntry:
    """A file or folder that is no video file, or cannot be read."""

    path: str
    """Absolute path."""
    why: Literal[
        "hidden",
        "system folder",
        "other file",
        "folder without read permission",
        "link that cannot be followed",
        "link to outside the folder",
        "folder with unreadable names",
        "object with a slash at the end of its key",
    ]
    """What it is."""
    detail: str = ""
    """What is wrong with it, where there is more to know."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the video files in a folder are wanted; a file named by itself always is."""

    include: tuple[str, ...] = ()
    """Names or globs, of which one must fit the name or the path inside the folder; all files when there are
    none. Compared by ``footage.core.names.folded``."""
    exclude: tuple[str, ...] = ()
    """Names or globs, of which none may fit."""
    since: float | None = None
    """Earliest modification time, seconds since the epoch."""
    follow_links: bool = False
    """Whether links inside a folder that lead out of it are followed."""
    within: tuple[str, ...] = ()
    """Real paths of folders, or files, that everything has to lie in, links followed; anywhere when there are
    none."""
    exact: frozenset[str] = frozenset()
    """Those of the patterns that are the very name of a file, and so no globs; filled in by ``among``."""

    @property
    def takes_all(self) -> bool:
        """Whether every video file is wanted."""
        return not (self.include or self.exclude) and self.since is None

    def among(self, paths: Iterable[str]) -> Selection:
        """The selection for a folder that holds files at these paths inside it."""
        return replace(self, exact=exact_names({*self.include, *self.exclude}, paths))

    def skip(self, inside: PurePath, modified_at: float) -> str:
        """Why a file is left out, given its path inside the folder; empty when it is not."""
        path = inside.as_posix()
        if self.include and not any(fits(path, pattern, self.exact) for pattern in self.include):
            return f"it does not match --include ({', '.join(self.include)})"
        for pattern in self.exclude:
            if fits(path, pattern, self.exact):
                return f"it matches --exclude {pattern}"
        if self.since is not None and modified_at < self.since:
            return "it is older than --since"
        return ""


EVERYTHING = Selection()
"""The selection of all video files that lie in a folder."""
WITH_LINKS = Selection(follow_links=True)
"""The selection that leaves nothing out."""


def walk(
    paths: Sequence[Path | str], *, selection: Selection = EVERYTHING
) -> Iterator[FoundFile | IgnoredEntry]:
    """Find the video files under the given files, folders and addresses, each once, folders in name order.

    Hidden files and folders inside a folder, ``SYSTEM_FOLDERS``, files of other kinds and folders that may
    not be read are passed over and reported as ``Ignored``. So are links that lead out of the given folder,
    unless the selection follows them; a given path may be a link itself. Every real folder is entered once,
    so that links in a circle do no harm. What is named like a video and is a special file is found with the
    reason why it is skipped. A given path may be spelled in another Unicode form or case than on disk.
    The same holds for objects under an address, which is that of one object or of a prefix of many.

    Raises:
        VideoNotFoundError: a given path does not exist or may not be read.
        UsageError: nothing was given, or a given path lies outside of what everything has to lie in.
        FileError: a given folder holds no video file.
    """
    if not paths:
        raise UsageError("there is nothing to index", hint="Name at least one video file or folder.")
    seen: set[str] = set()
    entered: set[str] = set()
    for given in paths:
        start = located(given)
        if isinstance(start, ObjectPath):
            yield from _in_store(start, selection, seen)
            continue
        if not os.path.lexists(start):
            raise VideoNotFoundError(f"file or folder not found: {shown(start)}")
        if selection.within and not is_under(os.path.realpath(start), selection.within):
            raise UsageError(f"{shown(start)} points outside {', '.join(map(shown, selection.within))}")
        folder = start.is_dir()
        count = 0
        inside: Iterable[Path | IgnoredEntry] = (
            _in_folder(start, entered, follow_links=selection.follow_links) if folder else [start]
        )
        wanted = selection
        if folder and (selection.include or selection.exclude):
            inside = list(inside)
            videos = (path for path in inside if not isinstance(path, IgnoredEntry))
            wanted = selection.among(path.relative_to(start).as_posix() for path in videos)
        links_out = 0
        for path in inside:
            if isinstance(path, IgnoredEntry):
                links_out += path.why == LINK_OUT
                yield path
                continue
            try:
                status = MediaSource(path).stat()
                if selection.within and not is_under(os.path.realpath(path), selection.within):
                    links_out += 1
                    yield IgnoredEntry(shown(path), LINK_OUT)
                    continue
            except OSError as error:
                if path == start:
                    raise VideoNotFoundError(f"{shown(path)} cannot be read: {error.strerror}") from error
                if path.is_symlink():
                    yield IgnoredEntry(shown(path), "link that cannot be followed")
                continue  # else it went away while the folder was read
            count += 1
            if str(path) not in seen:
                seen.add(str(path))
                yield FoundFile(
                    path,
                    root=shown(start),
                    collection=composed(start.name) if folder else "",
                    size_bytes=status.st_size,
                    modified_at=status.st_mtime,
                    changed_at=status.st_ctime,
                    skip=_reason(path, start, status, wanted) if folder else "",
                )
        if not count:
            raise FileError(
                f"no video file found in {shown(start)}",
                hint="Links in the folder point outside it; --follow-links follows them."
                if links_out
                else "Video files are recognized by their extension (.mp4, .mov, ...); to try another file, "
                "name it directly.",
            )


def _reason(path: Path, start: Path, status: os.stat_result, wanted: Selection) -> str:
    """Why what lies in a folder is left out; empty when it is not."""
    if kind := kind_of(status.st_mode):
        return f"it is {kind}, not a video file"
    if wanted.takes_all:
        return ""
    return wanted.skip(path.relative_to(start), status.st_mtime)


def parse_since(text: str) -> float:
    """A moment, seconds since the epoch: a date or time as in ISO 8601, or how long ago as in 36h, 7d, 2w.

    Raises:
        UsageError: it is neither.
    """
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdw])", text.strip())
    if ago:
        return time.time() - float(ago[1]) * {"h": 3600, "d": 86_400, "w": 604_800}[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"--since cannot be {text!r}",
            hint="Use a date such as 2026-03-01, or an age such as 36h or 7d.",
        ) from error


def fingerprint(path: Path | str) -> str:
    """As ``MediaSource.fingerprint``, of a path."""
    return MediaSource(media_path(path)).fingerprint()


def content_id(path: Path | str) -> str:
    """As ``MediaSource.content_id``, of a path."""
    return MediaSource(media_path(path)).content_id()


def identity(path: Path | str) -> str:
    """As ``content_id``; of an object one of its size and samples, so that not all of it is fetched."""
    place = media_path(path)
    return f"sampled-{fingerprint(place)}" if isinstance(place, ObjectPath) else content_id(place)


def is_fresh(modified_at: float, seconds: float) -> bool:
    """Whether a file was changed within so many seconds; a time in the future does not count.

    A file server's clock may be ahead of this machine's by a little.
    """
    return abs(time.time() - modified_at) < seconds


def is_under(path: str, roots: Sequence[Path | str]) -> bool:
    """Whether ``path`` is one of the given files, or lies in one of the given folders."""
    for root in roots:
        start = str(absolute(root))
        if path == start or path.startswith(start.rstrip(os.sep) + os.sep):
            return True
    return False


def changed(file: File) -> bool:
    """Whether a file still exists but differs from when it was found."""
    try:
        status = media_path(file.path).stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime) != (file.size_bytes, file.modified_at)


def still_there(path: str) -> bool | None:
    """Whether a path exists; None if that is unknown, for example in a locked folder."""
    try:
        media_path(path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True


def _in_store(start: ObjectPath, selection: Selection, seen: set[str]) -> Iterator[FoundFile | IgnoredEntry]:
    """As ``walk``, of one address."""
    if selection.within and not is_under(str(start), selection.within):
        raise UsageError(f"{start} points outside {', '.join(map(shown, selection.within))}")
    address = start.address
    try:
        alone = look_at(address) if address.key else None
    except SourceOfflineError:
        raise
    except VideoNotFoundError:
        if not address.can_be_listed:
            raise
        alone = None
    if alone is not None:
        if str(start) not in seen:
            seen.add(str(start))
            yield _found_object(alone, start, PurePath(start.name), None)
        return
    entries = list(_under_prefix(address))
    videos = [each for each in entries if not isinstance(each, IgnoredEntry)]
    wanted = selection.among(inside.as_posix() for inside, _ in videos)
    for entry in entries:
        if isinstance(entry, IgnoredEntry):
            yield entry
        elif str(entry[1].address) not in seen:
            seen.add(str(entry[1].address))
            yield _found_object(entry[1], start, entry[0], wanted)
    if not videos:
        raise _nothing_found(start, entries)


def _nothing_found(start: ObjectPath, entries: Sequence[object]) -> FileError:
    """Why there is no video under an address."""
    for entry in entries:
        if isinstance(entry, IgnoredEntry) and entry.why == "folder with unreadable names":
            return FileError(
                f"{entry.path} cannot be listed: {entry.detail}",
                hint="Rename or delete that object; else index the other objects by their whole addresses, "
                "or a folder without such keys.",
            )
    if not entries and start.address.key:
        return FileError(
            f"{start} does not exist: there is neither an object nor a prefix of that name",
            hint="Check the spelling of the address; upper and lower case count.",
        )
    return FileError(
        f"no video file found in {start}",
        hint="Video files are recognized by their extension (.mp4, .mov, ...); to try another object, "
        "give its whole address.",
    )


def _under_prefix(address: ObjectAddress) -> Iterator[tuple[PurePath, ObjectStatus] | IgnoredEntry]:
    """Objects under a prefix that are named like videos, with their path inside it; each other one once."""
    prefix, folders = address.key.rstrip("/"), set()
    for each in objects_under(address):
        if isinstance(each, UnlistedFolder):
            yield IgnoredEntry(str(each.address), "folder with unreadable names", each.reason)
            continue
        inside = PurePath(each.address.key.removeprefix(f"{prefix}/") if prefix else each.address.key)
        for depth, part in enumerate(inside.parts, 1):
            if part.startswith(".") or folded(part) in SYSTEM_FOLDERS:
                folder = str(address.child("/".join([*filter(None, [prefix]), *inside.parts[:depth]])))
                if folder not in folders:
                    folders.add(folder)
                    yield IgnoredEntry(folder, "hidden" if part.startswith(".") else "system folder")
                break
        else:
            if inside.suffix.lower() in VIDEO_SUFFIXES:
                yield inside, each
            elif each.size_bytes:  # else it stands for a folder
                yield IgnoredEntry(str(each.address), "other file")


def _found_object(
    status: ObjectStatus, start: ObjectPath, inside: PurePath, wanted: Selection | None
) -> FoundFile:
    path = media_path(str(status.address))
    return FoundFile(
        path,
        root=str(start),
        collection=composed(start.name if start.address.key else start.address.bucket) if wanted else "",
        size_bytes=status.size_bytes,
        modified_at=status.modified_at,
        skip=wanted.skip(inside, status.modified_at) if wanted else "",
    )


def _in_folder(folder: Path, entered: set[str], *, follow_links: bool) -> Iterator[Path | IgnoredEntry]:
    """Video files under a folder, by name; ``entered`` keeps the real folders that are done."""
    to_enter, real_root = [folder], os.path.realpath(folder)
    while to_enter:
        current = to_enter.pop()
        real = os.path.realpath(current)
        if real in entered and current != folder:
            continue
        entered.add(real)
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            if current == folder:
                raise VideoNotFoundError(f"{shown(folder)} cannot be read: {error.strerror}") from error
            yield IgnoredEntry(shown(current), "folder without read permission")
            continue
        deeper: list[Path] = []
        for entry in entries:
            if entry.name.startswith("."):
                yield IgnoredEntry(shown(entry.path), "hidden")
            elif folded(entry.name) in SYSTEM_FOLDERS:
                yield IgnoredEntry(shown(entry.path), "system folder")
            elif not follow_links and _leads_out(entry, real_root):
                yield IgnoredEntry(shown(entry.path), LINK_OUT)
            elif _is_folder(entry):
                deeper.append(Path(entry.path))
            elif os.path.splitext(entry.name)[1].lower() in VIDEO_SUFFIXES:
                yield Path(entry.path)
            else:
                yield IgnoredEntry(shown(entry.path), "other file")
        to_enter.extend(reversed(deeper))


def _leads_out(entry: os.DirEntry[str], real_root: str) -> bool:
    """Whether an entry is a link to something outside of a folder."""
    return entry.is_symlink() and not is_under(os.path.realpath(entry.path), [real_root])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a loop of links
        return False
