"""Removes everything about a content from an index permanently; continues after a kill at any point.

1. A small file in the index folder says what is to be forgotten, before anything is removed.
2. Captions of other videos that were carried over from it no longer name it. The rows of every table go,
   those of ``files`` last; then every table is written anew and every old version is removed, with its
   deletions, indexes and logs.
3. Whatever else lies in the folder and names the content goes, too: what `footage db check --repair` moved
   aside, what a killed run left behind.
4. The folder is searched for the content id, byte by byte. Where it is not found, the small file goes.

Opening the index for writing finishes what a killed run had begun.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from footage.core.errors import StoreError
from footage.core.index_place import IndexPlace
from footage.store import maintenance, rewriting
from footage.store.errors import translate
from footage.store.records import ANNOTATION_TABLES, window_checksum
from footage.store.tables import Tables

PREFIX = ".forgetting-"
_SEARCHABLE = 16  # a shorter id, as of captions made by hand, occurs in files that have nothing to do with it
logger = logging.getLogger(__name__)
FORGOTTEN = "forgotten"
"""``reused_from`` of a caption that was carried over from a content that the index has forgotten."""
_ROWS_AT_ONCE = 2000
FOLLOWED = "followed/"
"""What a key of ``meta`` begins with, before a content id, that keeps digests of a file being written."""


def forget(tables: Tables, content_id: str) -> int:
    """Forget a content; the write lock is held.

    Returns:
        How many files held it.

    Raises:
        UsageError: the index is on object storage, where versions of objects may stay that nothing here sees.
        StoreError: something of it could not be removed; the next run that writes tries again.
    """
    index = _folder(tables)
    files = len(tables.read("files", {"content_id": [content_id]}, columns=["path"]))
    note = _record(index, content_id)
    _carry_out(tables, content_id, note)
    return files


def resume(tables: Tables) -> None:
    """Finish interrupted removals, as far as possible; the write lock is held."""
    if not isinstance(tables.path, Path):
        return  # nothing is ever forgotten there
    for note in sorted(tables.path.glob(f"{PREFIX}*")):
        content_id = _read(note)
        if content_id is None:  # killed while it was being written: nothing had been removed yet
            note.unlink(missing_ok=True)
        else:
            try:
                _carry_out(tables, content_id, note)
            except StoreError as error:  # the next write reports what is wrong with the disk
                logger.warning("The removal of a video is not complete yet: %s.", error)


def _folder(tables: Tables) -> Path:
    return tables.location.folder(
        "removing a video for good",
        instead="Copy the index into a folder with `footage db backup`, remove the video there, put that at "
        "another address with `footage db restore`, and delete every version of the objects of this one.",
    )


def pending(index: IndexPlace) -> set[str]:
    """The contents that are being forgotten, also by an interrupted removal."""
    if not isinstance(index, Path):
        return set()
    return {found for note in index.glob(f"{PREFIX}*") if (found := _read(note)) is not None}


def _record(index: Path, content_id: str) -> Path:
    """Write down what is to be forgotten, and make sure that it is on the disk."""
    note = index / (PREFIX + hashlib.blake2b(content_id.encode(), digest_size=8).hexdigest())
    try:
        with note.open("w", encoding="utf-8") as file:
            file.write(content_id + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise translate(error, index) from error
    return note


def _read(note: Path) -> str | None:
    """The content that a note names; None where it is not whole."""
    try:
        text = note.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return text[:-1] if text.endswith("\n") and len(text) > 1 else None


def _carry_out(tables: Tables, content_id: str, note: Path) -> None:
    index = _folder(tables)
    # 1. The rows and every older version of them, first of all tables but "files".
    names = sorted(set(tables.names()) - {"files"})
    holding = [name for name in names if "content_id" in tables.table(name).schema.names]
    tables.delete("meta", {"key": [FOLLOWED + content_id]})
    _unname(tables, content_id)
    for table in [name for name in names if name not in ANNOTATION_TABLES]:
        _clear_out(tables, table, content_id, holding=holding)
    for table in ANNOTATION_TABLES:  # one at a time: a person may be waiting to mark something
        with tables.writing_annotations():
            _clear_out(tables, table, content_id, holding=holding)

    # 2. The files last: as long as one is there, it is plain what the content was.
    tables.delete("files", {"content_id": [content_id]})
    maintenance.copy_rows(tables, ["files"])
    maintenance.tidy(tables, ["files"], every_version=True)

    # 3. What is no table, and tables whose old versions stay, of a clock that was ahead; then the proof.
    try:
        if len(content_id) < _SEARCHABLE:
            note.unlink(missing_ok=True)
            return
        _rewrite_naming(tables, content_id, note)
        for path in _naming(index, content_id, but=note):
            if not path.relative_to(index).parts[0].endswith(".lance"):
                path.unlink(missing_ok=True)
        left = [str(path.relative_to(index)) for path in _naming(index, content_id, but=note)]
        if left:
            raise StoreError(
                f"{len(left)} files of the index {index} still contain {content_id}, such as {left[0]}",
                hint="Another program may be reading the index. Close it, and run `footage forget` again.",
            )
        note.unlink(missing_ok=True)
    except OSError as error:
        raise translate(error, index) from error


def _unname(tables: Tables, content_id: str) -> None:
    """Let captions of other videos that were carried over from a content say only that they were."""
    if not tables.has_column("windows", "reused_from"):
        return
    rows = tables.read("windows", columns=["id", "content_id", "reused_from"])
    ids = [
        row["id"]
        for row in rows
        if row["content_id"] != content_id and (row["reused_from"] or "").rpartition("/")[0] == content_id
    ]
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        found = tables.read("windows", {"id": ids[start : start + _ROWS_AT_ONCE]})
        nameless = [{**row, "reused_from": FORGOTTEN} for row in found]
        tables.upsert("windows", [{**row, "checksum": window_checksum(row)} for row in nameless])


def _clear_out(tables: Tables, name: str, content_id: str, *, holding: Collection[str]) -> None:
    """Remove the rows of a content from a table, if it can hold any, and every older version of it."""
    if name in holding:
        tables.delete(name, {"content_id": [content_id]})
    maintenance.copy_rows(tables, [name])
    maintenance.tidy(tables, [name], every_version=True)


def _rewrite_naming(tables: Tables, content_id: str, note: Path) -> None:
    """Write tables anew whose files still name a content: LanceDB keeps versions of a time to come."""
    index = _folder(tables)
    rewriting.clear(index)
    naming = {path.relative_to(index).parts[0] for path in _naming(index, content_id, but=note)}
    names = sorted(naming & {f"{name}.lance" for name in tables.names()})
    with tables.writing_annotations():
        for name in (each.removesuffix(".lance") for each in names):
            rows = tables.batches(name)
            rewriting.rewrite(tables, name, rows, tables.table(name).schema, drop=shutil.rmtree)
    if names:
        rewriting.clear(index)
        tables.reopen()
        maintenance.index_words(tables)


def _naming(index: Path, content_id: str, *, but: Path) -> list[Path]:
    """The files under a folder that hold a content id."""
    wanted = content_id.encode()
    found = []
    for folder, _, names in os.walk(index):
        for name in names:
            path = Path(folder, name)
            try:
                if path != but and _holds(path, wanted):
                    found.append(path)
            except FileNotFoundError:  # a file of an old version, cleared away meanwhile
                continue
    return found


def _holds(path: Path, wanted: bytes) -> bool:
    """Whether a file holds some bytes; a large one is never in memory whole."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(wanted) >= 0
