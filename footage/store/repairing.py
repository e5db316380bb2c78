"""Repairs an index from its readable part; moves the rest aside and loses no readable caption.

A table with rows that cannot be read or believed is written anew with the others, and the old one is moved
whole into the quarantine, a folder in the index. Events and vectors that are not what the captions say are
removed, for ``indexer.repairing`` to make them again. It may be killed at any point, and be run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.errors import StoreError
from footage.core.tracks import is_image_track
from footage.store import maintenance, rewriting
from footage.store import records as layout
from footage.store.checking import check_tables
from footage.store.errors import mapped, translate
from footage.store.findings import Checked, Progress
from footage.store.image_checking import embedder_tables
from footage.store.opening import (
    EMBEDDER_KEY,
    IMAGE_EMBEDDER_KEY,
    PROGRAM_KEY,
    TIMELINE_KEY,
    VERSION_KEY,
    program_version,
    version_by_shape,
)
from footage.store.reading import Readout, believable
from footage.store.records import IMAGE_TABLES, VECTOR_TABLES
from footage.store.repositories.files import FileRepository
from footage.store.repositories.images import ImageRepository
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Tables

if TYPE_CHECKING:
    import pyarrow as pa

QUARANTINE = ".quarantine"
"""Name of the folder, in the index, that takes what cannot be read; one numbered folder in it a repair."""
_UNKEPT = ("id", "checksum", "vector", "levels")
"""Columns that are left out of what is kept of invalid rows: they follow from others, or are no text."""


@dataclass(slots=True)
class Repaired:
    """The result of a repair."""

    checked: Checked
    """What was wrong."""
    quarantine: Path | None = None
    """Where what cannot be read was moved to; None where nothing was."""
    rebuilt: dict[str, int] = field(default_factory=dict)
    """Tables that were written anew, by name, and how many rows they have."""
    marked: list[str] = field(default_factory=list)
    """Paths of the files of which windows must be captioned again."""


def repair_tables(tables: Tables, on_progress: Progress = lambda what, done, total: None) -> Repaired:
    """Rewrite what is broken, remove what is wrongly derived; the write locks are held.

    Raises:
        UsageError: the index is on object storage, where nothing can be moved aside.
        StoreError: it cannot be written, or there is too little to repair.
    """
    index = repairable(tables)
    # 1. Finish what an earlier repair began, and go back to older versions of tables that cannot be opened.
    rewriting.clear(index)
    tables.reopen()
    quarantine = _Quarantine(index)
    for name in tables.names():
        _roll_back(tables, name, quarantine)
    tables.reopen()

    # 2. What is wrong?
    checked = check_tables(tables, on_progress)
    repaired = Repaired(checked)

    # 3. Tables of which something cannot be read or believed are written anew.
    broken = [readout for readout in checked.readouts.values() if not readout.is_sound]
    for number, readout in enumerate(broken):
        on_progress(f"rewriting {readout.name}", number, len(broken))
        _keep_doubted(readout, quarantine)
        repaired.rebuilt[readout.name] = _rebuild(tables, readout, quarantine)
    tables.reopen()
    _complete_meta(tables, quarantine)
    tables.reopen()

    # 4. Files whose windows must be made again are marked; then those without image vectors are taken back.
    repaired.marked = _mark(tables, checked)
    _take_back(tables, checked)

    # 5. What is wrongly derived goes, and indexes are made again.
    wrong = checked.contents("derived")
    vectors = [name for name in tables.names() if name.startswith(VECTOR_TABLES)]
    for name in ("passages", "events", *vectors):
        tables.delete(name, {"content_id": wrong})
    _index(tables)  # always: a killed repair may have rewritten tables and not have come to their indexes
    rewriting.clear(index)
    repaired.quarantine = quarantine.close(checked)
    return repaired


def repairable(tables: Tables) -> Path:
    """The folder of an index; errors as ``repair_tables``."""
    return tables.location.folder(
        "a repair",
        instead="Copy the objects below the address into a folder with the tool of the storage, repair that "
        "with `footage db check --repair`, and put it at another address with `footage db restore`.",
    )


class _Quarantine:
    """A folder for what cannot be read; made when the first thing is put into it."""

    def __init__(self, index: Path) -> None:
        self.index = index
        """Folder of the index."""
        self._folder: Path | None = None

    def folder(self) -> Path:
        """The folder of this repair."""
        if self._folder is None:
            root = self.index / QUARANTINE
            try:
                root.mkdir(mode=0o700, exist_ok=True)
                number = 1 + max(
                    (int(each.name) for each in root.iterdir() if each.name.isdecimal()), default=0
                )
                self._folder = root / str(number)
                self._folder.mkdir(mode=0o700)
            except OSError as error:
                raise translate(error, self.index) from error
        return self._folder

    def take(self, path: Path) -> None:
        """Move something out of the index into it."""
        place = self.folder() / path.name
        number = 1
        while place.exists():
            number += 1
            place = self.folder() / f"{path.name}.{number}"
        try:
            path.rename(place)
        except OSError as error:
            raise translate(error, self.index) from error

    def close(self, checked: Checked) -> Path | None:
        """Write the findings beside the moved files; nothing if nothing was moved."""
        if self._folder is None:
            return None
        found = [
            {"kind": each.kind, "table": each.table, "problem": each.sentence} for each in checked.findings
        ]
        report = {"findings": found, "caption_again": checked.recaption, "read_again": checked.reread}
        try:
            (self._folder / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
        except OSError as error:
            raise translate(error, self.index) from error
        return self._folder


def _roll_back(tables: Tables, name: str, quarantine: _Quarantine) -> None:
    """Move the latest versions of a table aside until one can be opened, if any can."""
    versions = quarantine.index / f"{name}.lance" / "_versions"
    while True:
        try:
            tables.reopen()
            tables.count(name)
            return
        except StoreError:
            kept = sorted(versions.glob("*.manifest"))  # the latest is first: they count down
            if len(kept) < 2:
                return
            (versions / "latest_version_hint.json").unlink(missing_ok=True)
            place = quarantine.folder() / f"{name}.versions"
            place.mkdir(exist_ok=True)
            kept[0].rename(place / kept[0].name)


def _keep_doubted(readout: Readout, quarantine: _Quarantine) -> None:
    """Write rows that can be read, but not believed, as JSON Lines: windows as `export-captions` does."""
    if not readout.doubted:
        return
    kind = {"windows": "window"}.get(readout.name, readout.name)
    lines = []
    for row, _ in readout.doubted:
        kept = {key: value for key, value in row.items() if key not in _UNKEPT}
        lines.append(json.dumps({"type": kind, **kept}, default=str))
    try:
        place = quarantine.folder() / f"{readout.name}.jsonl"
        place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise translate(error, place) from error


def _rebuild(tables: Tables, readout: Readout, quarantine: _Quarantine) -> int:
    """Write a table anew from the rows that can be believed, and put it in the place of the old one.

    Returns:
        How many rows it has.
    """
    name, place = readout.name, quarantine.index / f"{readout.name}.lance"
    schema = _schema_of(tables, name)
    if schema is None:  # vectors of an unknown length: they are made again from the captions
        quarantine.take(place)
        return 0
    rows = believable(tables, name, Readout(name), salvage=True)
    return rewriting.rewrite(tables, name, rows, schema, drop=quarantine.take)


def _schema_of(tables: Tables, name: str) -> pa.Schema | None:
    from footage.store.schema import TABLES

    try:
        return tables.table(name).schema
    except StoreError:
        return TABLES.get(name)


def _complete_meta(tables: Tables, quarantine: _Quarantine) -> None:
    """Write again what ``meta`` must say, where it no longer does; move tables of unknown embedders aside."""
    held = {row["key"]: row["value"] for row in tables.read("meta")}
    rows = []
    if not held.get(VERSION_KEY, "").isdecimal():
        rows += [
            {"key": PROGRAM_KEY, "value": program_version()},
            {"key": VERSION_KEY, "value": str(version_by_shape(tables))},
        ]
    derived = [name for name in tables.names() if name.startswith((VECTOR_TABLES, IMAGE_TABLES))]
    keys = {value: key for key, value in held.items() if key.startswith((EMBEDDER_KEY, IMAGE_EMBEDDER_KEY))}
    recovered = _embedder_keys(tables, held)
    for name in set(derived) - keys.keys():
        if name in recovered:
            rows.append({"key": recovered[name], "value": name})
        elif tables.count(name):
            quarantine.take(quarantine.index / f"{name}.lance")
    tables.upsert("meta", rows)
    tables.delete("meta", {"key": [key for name, key in keys.items() if name not in derived]})
    said = [row["key"] for row in tables.read("meta") if row["key"].startswith(EMBEDDER_KEY)]
    if len(said) == 1 and not held.get(TIMELINE_KEY) and tables.count("windows"):
        tables.upsert("meta", [{"key": TIMELINE_KEY, "value": said[0].removeprefix(EMBEDDER_KEY)}])


def _embedder_keys(tables: Tables, meta: Mapping[str, str]) -> dict[str, str]:
    """The keys of ``meta`` that name the embedders of tables, by table, as far as they can be known.

    The name of an image embedder is part of the track of its windows. That of a text embedder follows from
    the name of its table, if it consists of small letters and digits, or it is that of the timeline.
    """
    from footage.store.schema import vector_table

    texts = [name.removeprefix(VECTOR_TABLES) for name in tables.names() if name.startswith(VECTOR_TABLES)]
    keys = {
        vector_table(embedder): EMBEDDER_KEY + embedder for embedder in (*texts, meta.get(TIMELINE_KEY, ""))
    }
    if tables.has_column("windows", "track"):
        tracks = {layout.track_of(row): None for row, _ in tables.count_by("windows", ["track"])}
        keys |= {
            table: IMAGE_EMBEDDER_KEY + embedder for table, embedder in embedder_tables(tracks, meta).items()
        }
    return keys


def _take_back(tables: Tables, checked: Checked) -> None:
    """Take back the windows whose image vectors are not whole, for the next run to make both again.

    What is left of their vectors goes, too, as do those that a killed run left without a window.
    """
    videos = VideoRepository(tables, FileRepository(tables))
    windows = WindowRepository(tables, videos)
    for content_id, tracks in checked.reread.items():
        for track in filter(is_image_track, tracks):
            windows.remove(content_id, tracks[track], track=track)
    ImageRepository(tables, windows, videos).remove_unowned()


def _index(tables: Tables) -> None:
    """Make every index again."""
    with mapped(tables.path):
        for name in tables.names():
            for index in tables.table(name).list_indices():
                tables.table(name).drop_index(index.name)
    maintenance.index_words(tables)
    for name in tables.names():
        maintenance.index_rows(tables, name)


def _mark(tables: Tables, checked: Checked) -> list[str]:
    """Mark the files that hold windows to be captioned again; `footage index` looks at them anew."""
    contents = checked.recaption.keys() | checked.reread.keys() | checked.marked
    wanted = {"content_id": contents, "state": ("indexed", "partial")}
    marked = []
    for row in tables.read("files", wanted):
        file = layout.file_from_row(row)
        again = len(checked.recaption.get(file.content_id, ()))
        again += sum(map(len, checked.reread.get(file.content_id, {}).values()))
        what = f"{again} of its windows were damaged" if again else "its entry in the index was damaged"
        reason = f"{what}: `footage index` makes the missing windows again"
        marked.append(replace(file, state="waiting", reason=reason, tries=0, tried_at=0.0))
    tables.upsert("files", [layout.file_to_row(file) for file in marked])
    return sorted(file.path for file in marked)


def as_json(checked: Checked) -> Mapping[str, Any]:
    """What a check found, as it stands in a line of JSON."""
    return {
        "version": checked.version,
        "rows": {name: readout.rows for name, readout in checked.readouts.items()},
        "findings": len(checked.findings),
        "damaged": checked.is_damaged,
        "caption_again": {content: list(indexes) for content, indexes in checked.recaption.items()},
        "read_again": {
            content: {track: list(indexes) for track, indexes in tracks.items()}
            for content, tracks in checked.reread.items()
        },
    }
