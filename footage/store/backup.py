"""Copies an index to a folder and back, completely or not at all; checks every byte and every row.

A copy holds the tables, the state of the service, and a manifest, ``.backup.json``: size, time and SHA-256 of
each file. It is made in a draft beside its place and moved there in one step, once it was read back, every
column of every row was read from it, and what is derived was compared. LanceDB never changes a data file, so
that an incremental backup takes over from the copy before, as a second name for the same file, whatever is
still as it was. The index may be on object storage; the copy is always in a folder (``object_restore``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from footage.core.errors import FootageError, StoreBusyError, StoreCorruptError, UsageError
from footage.core.index_place import IndexPlace, state_folder
from footage.core.private_files import close_to_others
from footage.store import object_restore
from footage.store.checking import check_tables
from footage.store.database import Store
from footage.store.errors import translate
from footage.store.findings import Checked, Finding
from footage.store.folder_location import FolderLocation
from footage.store.index_files import FileOnDisk, IndexFile, table_files
from footage.store.location import IndexLocation
from footage.store.object_location import ObjectLocation
from footage.store.opening import program_version
from footage.store.records import ANNOTATION_TABLES
from footage.store.state.database import FILE_NAME as STATE_FILE
from footage.store.state.database import copy_state
from footage.store.tables import Tables

MANIFEST = ".backup.json"
FORMAT, FORMAT_VERSION = "footage index backup", 1
Progress = Callable[[int, int], None]
"""Called with files done and files in all."""


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """One file of a copy."""

    size_bytes: int
    """Its size."""
    modified_ns: int
    """When the file that it was copied from was changed last, nanoseconds since the epoch."""
    sha256: str
    """Hash of its bytes."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The result of a backup or a restoration."""

    rows: dict[str, int]
    """Number of rows by table; all of them were read."""
    files: int
    """Files that the copy holds."""
    new_files: int
    """Files that were copied; the others were there already."""
    new_bytes: int
    """Size of those together."""
    findings: tuple[Finding, ...]
    """Faults that are no damage: see ``Finding.kind``."""


def backup(
    store: Store,
    target: Path,
    *,
    incremental: bool = False,
    on_progress: Progress = lambda done, total: None,
) -> Copied:
    """Copy an index while no other process writes to it; read every byte and every column of the copy.

    Args:
        store: The index, also one of an older version.
        target: Folder of the copy; must not exist yet, or be empty.
        incremental: The folder may hold a copy made before, whose place the new one takes.
        on_progress: Called as files are copied.

    Raises:
        UsageError: the target holds something else, lies inside the index, or is no folder.
        StoreBusyError: another process is writing to the index, or to the copy.
        StoreCorruptError: something in the index cannot be read or believed.
        StoreFullError: the copy cannot be written.
    """
    _refuse_address(target)
    place, target = store.path, target.expanduser().resolve()
    source = place.resolve() if isinstance(place, Path) else place
    if isinstance(source, Path) and target.is_relative_to(source):
        raise UsageError(f"{target} is inside {source}", hint="Name a folder outside the index.")
    with store.unchanging(), _draft_for(target) as draft:
        before = _manifest_of(target) if incremental else None
        if before is None:
            _refuse_taken(target, "" if incremental else " To update a copy, add --incremental.")
        copy = partial(_copy, draft=draft, before=before, old=target, on_progress=on_progress)
        entries, new = copy(_named(source, annotations=False))
        with store.unchanging_annotations():  # writers of marks wait for the copy of a few small tables
            noted, new_noted = copy(_named(source, annotations=True))
        entries |= noted
        new += new_noted
        if copy_state(state_folder(source), draft):
            entries[STATE_FILE] = _entry_of(draft / STATE_FILE)
            new.append(STATE_FILE)
        checked = _checked(draft, f"the index {source}")
        _write_manifest(draft, entries, checked)
        _put(draft, target)
    return _copied(checked, entries, new)


def restore(source: Path, target: IndexPlace, *, on_progress: Progress = lambda done, total: None) -> Copied:
    """Put a copy made by ``backup`` in the place of an index that is not there (any more).

    Every file is compared with the manifest before anything is put in place. A copy without one, as older
    versions made, is read whole.

    Args:
        source: The copy.
        target: Where the index is to be, a folder or an address; must not exist yet, or be empty.
        on_progress: Called as files are copied.

    Raises:
        UsageError: the target holds something.
        StoreError: the copy is no index, or is not as it was written.
        StoreFullError: the index cannot be written.
    """
    _refuse_address(source)
    source = source.expanduser().resolve()
    _recover(source)
    expected = _manifest_of(source)
    if expected is None:
        Store.open(source)  # says what is wrong with it
    if not isinstance(target, Path):
        return _restore_objects(source, ObjectLocation.parsed(target), expected, on_progress)
    target = target.expanduser().resolve()
    if target.is_relative_to(source):
        raise UsageError(f"{target} is inside {source}", hint="Name a folder outside the index.")
    with _draft_for(target) as draft:
        _refuse_taken(target, "")
        files = _files_of_copy(source, expected)
        entries, new = _copy(files, draft=draft, before=None, old=source, on_progress=on_progress)
        if STATE_FILE in entries:
            close_to_others(draft / STATE_FILE)
        _require_as_written(source, {name: entry.sha256 for name, entry in entries.items()}, expected)
        checked = _checked(draft, f"the copy {source}")
        _put(draft, target)
    return _copied(checked, entries, new)


def _restore_objects(
    source: Path,
    target: ObjectLocation,
    expected: Mapping[str, CopiedFile] | None,
    on_progress: Progress,
) -> Copied:
    """As ``restore``, to object storage: the copy is read and believed before the first object is written."""
    files = _files_of_copy(source, expected)
    _require_as_written(source, {name: _hashed(source / name) for name in files}, expected)
    _checked(source, f"the copy {source}")
    object_restore.upload(files, target, on_progress=on_progress)
    with object_restore.finishing(target):
        checked = _checked(target, f"the copy {source}")
        if STATE_FILE in files:
            object_restore.put_state(source, target)
    entries = {name: CopiedFile(file.size_bytes, file.modified_ns, "") for name, file in files.items()}
    return _copied(checked, entries, list(entries))


def _files_of_copy(source: Path, expected: Mapping[str, CopiedFile] | None) -> dict[str, IndexFile]:
    """The files of a copy, as its manifest names them.

    Raises:
        StoreCorruptError: one is not there.
    """
    found = table_files(FolderLocation(source))
    if expected is None:
        return found
    if (source / STATE_FILE).is_file():
        found[STATE_FILE] = FileOnDisk(source / STATE_FILE)
    lost = [name for name in expected if name not in found]
    if lost:
        raise _not_as_written(source, lost, "missing")
    return {name: file for name, file in found.items() if name in expected}


def _require_as_written(
    source: Path, hashes: Mapping[str, str], expected: Mapping[str, CopiedFile] | None
) -> None:
    """Compare the hashes of files with the manifest, if there is one.

    Raises:
        StoreCorruptError: one is another.
    """
    changed = [name for name, digest in hashes.items() if expected and digest != expected[name].sha256]
    if changed:
        raise _not_as_written(source, changed, "changed")


def _not_as_written(source: Path, names: list[str], what: str) -> StoreCorruptError:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return StoreCorruptError(
        f"the copy {source} does not match its manifest: {names[0]}{more} {what}",
        hint="Restore another copy. `footage db check --db COPY` shows the readable part of this copy.",
    )


def _copied(checked: Checked, entries: Mapping[str, CopiedFile], new: list[str]) -> Copied:
    rows = {name: readout.rows for name, readout in sorted(checked.readouts.items())}
    size = sum(entries[name].size_bytes for name in new)
    return Copied(rows, len(entries), len(new), size, tuple(checked.findings))


def _checked(draft: IndexPlace | IndexLocation, what: str) -> Checked:
    """Read all of a copy.

    Raises:
        StoreCorruptError: something in it cannot be read or believed.
    """
    checked = check_tables(Tables.connect(draft))
    damaged = [finding.sentence for finding in checked.findings if finding.kind == "damaged"]
    if damaged:
        more = f", and {len(damaged) - 1} more problems" if len(damaged) > 1 else ""
        raise StoreCorruptError(
            f"{what} cannot be copied, it is damaged: {damaged[0]}{more}",
            hint="`footage db check --repair` recovers all readable data; then copy it again.",
        )
    return checked


# -- files ---------------------------------------------------------------------------------------------------


def _named(index: IndexPlace, *, annotations: bool) -> dict[str, IndexFile]:
    """The files of the tables that people write to, or of all others, by their names inside the index."""
    return {
        name: file
        for name, file in table_files(IndexLocation.of(index)).items()
        if (Path(name).parts[0].removesuffix(".lance") in ANNOTATION_TABLES) == annotations
    }


def _copy(
    files: Mapping[str, IndexFile],
    *,
    draft: Path,
    before: Mapping[str, CopiedFile] | None,
    old: Path,
    on_progress: Progress,
) -> tuple[dict[str, CopiedFile], list[str]]:
    """Bring files into a draft: those of the copy before as a second name, the others as a copy, read back.

    Returns:
        What the draft holds by name, and the names of the files that were copied.

    Raises:
        StoreFullError: the draft cannot be written.
        StoreCorruptError: a file cannot be read, or was not written correctly.
    """
    entries: dict[str, CopiedFile] = {}
    new = []
    try:
        for number, (name, file) in enumerate(files.items()):
            on_progress(number, len(files))
            place = draft / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = before.get(name) if before else None
            if (
                kept is not None
                and (kept.size_bytes, kept.modified_ns) == (file.size_bytes, file.modified_ns)
                and _taken_over(old / name, place, kept.sha256)
            ):
                entries[name] = kept
                continue
            digest = _copy_hashed(file, place)
            if _hashed(place) != digest:
                raise StoreCorruptError(
                    f"{place} was not written correctly", hint="Check the disk, and try again."
                )
            entries[name] = CopiedFile(file.size_bytes, file.modified_ns, digest)
            new.append(name)
    except OSError as error:
        raise translate(error, draft) from error
    return entries, new


def _taken_over(old: Path, place: Path, sha256: str) -> bool:
    """Give a file of the copy before a second name, if it is still as it was written."""
    try:
        if _hashed(old) != sha256:
            return False
        os.link(old, place)
    except FileNotFoundError:
        return False
    except OSError:  # the disk knows no second names
        _copy_hashed(FileOnDisk(old), place)
    return _hashed(place) == sha256


def _copy_hashed(source: IndexFile, target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as write:
        for block in source.blocks():
            digest.update(block)
            write.write(block)
        write.flush()
        os.fsync(write.fileno())
    return digest.hexdigest()


def _entry_of(path: Path) -> CopiedFile:
    status = path.stat()
    return CopiedFile(status.st_size, status.st_mtime_ns, _hashed(path))


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- the manifest --------------------------------------------------------------------------------------------


def _write_manifest(draft: Path, entries: Mapping[str, CopiedFile], checked: Checked) -> None:
    made: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "footage_version": program_version(),
        "schema_version": checked.version,
        "rows": {name: readout.rows for name, readout in checked.readouts.items()},
        "files": {
            name: {"size": entry.size_bytes, "modified_ns": entry.modified_ns, "sha256": entry.sha256}
            for name, entry in entries.items()
        },
    }
    try:
        with (draft / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(made, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise translate(error, draft) from error


def _manifest_of(folder: Path) -> dict[str, CopiedFile] | None:
    """What a copy holds; None where there is no manifest.

    Raises:
        StoreCorruptError: it cannot be read.
    """
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if read["format"] != FORMAT or read["format_version"] != FORMAT_VERSION:
            raise ValueError(f"it is of format {read['format']!r}, version {read['format_version']}")
        return {
            _inside(name): CopiedFile(int(each["size"]), int(each["modified_ns"]), str(each["sha256"]))
            for name, each in read["files"].items()
        }
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreCorruptError(
            f"the manifest {folder / MANIFEST} cannot be read: {error}",
            hint="Restore another copy; or remove that file to restore without a manifest, after a full "
            "check.",
        ) from error


def _inside(name: str) -> str:
    """A name in a manifest, which never leads out of the copy."""
    path = Path(name)
    is_table = path.parts[0].endswith(".lance") or name == STATE_FILE
    if path.is_absolute() or ".." in path.parts or not is_table:
        raise ValueError(f"{name!r} is not a table file")
    return name


# -- into place ----------------------------------------------------------------------------------------------


@contextmanager
def _draft_for(target: Path) -> Iterator[Path]:
    """A new folder beside the target, which one process at a time may hold; drafts of killed runs go first.

    Raises:
        StoreBusyError: another process is making the same copy.
        StoreFullError: it cannot be made.
    """
    from filelock import FileLock, Timeout

    draft, lock = _beside(target, "draft"), _beside(target, "lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0):
            _recover(target)
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                lock.unlink(missing_ok=True)
    except Timeout as error:
        raise StoreBusyError(
            f"another process is writing to {target}", hint="Wait until it ends, or name another folder."
        ) from error
    except FootageError:
        raise
    except OSError as error:
        raise translate(error, target) from error


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")


def _recover(target: Path) -> None:
    """Finish what a kill interrupted while a copy took the place of the one before."""
    previous = _beside(target, "previous")
    if previous.is_dir():
        if target.exists():
            shutil.rmtree(previous)
        else:
            previous.rename(target)


def _put(draft: Path, target: Path) -> None:
    """Move a draft into its place; a copy that is there gives way."""
    previous = _beside(target, "previous")
    if target.exists():
        target.rename(previous)
    draft.rename(target)
    shutil.rmtree(previous, ignore_errors=True)


def _refuse_address(folder: Path) -> None:
    if re.match(r"[a-z0-9]+:/", str(folder), re.IGNORECASE):  # a path has lost the second slash
        raise UsageError(
            f"a copy of an index is a folder, and {folder} is an address",
            hint="Name a folder of this machine.",
        )


def _refuse_taken(target: Path, more: str) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{target} already exists", hint=f"Name a folder that is empty or does not exist.{more}"
        )
