"""Checks an index: reads all of it, and compares derived rows with their source.

Knows no model and no embedder: that two captions were rightly taken for one event is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from footage.core.corrections import Correction
from footage.core.errors import FootageError, StoreCorruptError, StoreError, StoreMissingError
from footage.core.index_place import IndexPlace
from footage.core.timeline import normalise_text
from footage.core.tracks import CAPTION_TRACK, is_image_track
from footage.core.types import File, Video, WindowRecord
from footage.core.windows import plan_windows
from footage.store import records as layout
from footage.store.annotations import CorrectionRepository
from footage.store.findings import Checked, Finding, Kind, Progress, listed
from footage.store.image_checking import check_embedders, check_images
from footage.store.location import IndexLocation
from footage.store.opening import version_by_shape, version_of
from footage.store.reading import Readout, TableRows, read_whole
from footage.store.records import IMAGE_TABLES, VECTOR_TABLES, TextRow
from footage.store.tables import Row, Tables

_CONTENTS_AT_ONCE = 100
_SAMPLE = 20  # rows that each index is asked for
Windows = dict[str, dict[str, set[int]]]
"""Numbers of windows by content id and track."""
T = TypeVar("T")
_CUTTING = re.compile(r"([\d.e+-]+) s, ([\d.e+-]+) s shared")


def check(place: IndexPlace, on_progress: Progress = lambda what, done, total: None) -> Checked:
    """Read an index whole and say what is wrong with it; changes nothing.

    Raises:
        StoreMissingError: there is no index.
        SchemaMismatchError: it is of a version that this program cannot read.
    """
    location = IndexLocation.of(place)
    if not location.names():
        raise StoreMissingError(f"no index found at {location}", hint="Name one with --db.")
    return check_tables(Tables.connect(location), on_progress)


def check_tables(tables: Tables, on_progress: Progress = lambda what, done, total: None) -> Checked:
    """As ``check``, of tables that are open."""
    checked = Checked()
    _read_tables(tables, checked, on_progress)
    rows = TableRows(tables, checked.readouts)
    check_embedders(rows, checked)
    if checked.readouts["windows"].rows or not checked.readouts["windows"].is_sound:
        _compare(rows, _corrections(tables, checked.readouts["corrections"]), checked, on_progress)
    check_images(rows, checked)
    _ask_indexes(tables, checked)
    return checked


# -- every table, whole --------------------------------------------------------------------------------------


def _read_tables(tables: Tables, checked: Checked, on_progress: Progress) -> None:
    from footage.store.schema import SINCE, TABLES

    present = set(tables.names())
    checked.version = _version(tables)
    expected = [
        name for name in TABLES if name in present or not _lacks(tables, checked.version, SINCE.get(name, 0))
    ]
    names = [*expected, *sorted(present - TABLES.keys())]
    for number, name in enumerate(names):
        on_progress(f"reading {name}", number, len(names))
        readout = Readout(name, why="it is not there")
        if name in present:
            readout = read_whole(tables, name)
        checked.readouts[name] = readout
        if readout.why:
            why = f"{readout.why}; {readout.rows} rows are readable"
            sentence = f"the table {name!r} cannot be read completely: {why}"
            checked.findings.append(Finding("damaged", name, sentence))
        for row, problem in readout.doubted:
            sentence = f"the row {next(iter(row.values()))!r} of {name!r} is invalid: {problem}"
            content_id = str(row.get("content_id", ""))
            checked.findings.append(Finding("damaged", name, sentence, content_id))
    if checked.version is None and not checked.readouts["meta"].why:
        checked.findings.append(Finding("damaged", "meta", "the index has no version number"))


def _version(tables: Tables) -> int | None:
    """Version of the tables; None where it is lost."""
    try:
        return version_of(tables)
    except StoreCorruptError:
        return None


def _lacks(tables: Tables, version: int | None, since: int) -> bool:
    """Whether an index is of a version before a table came, as far as it says so or shows it."""
    if version is None:
        try:
            version = version_by_shape(tables)
        except StoreError:
            return False
    return version < since


# -- what is derived, and the files --------------------------------------------------------------------------


def _compare(
    rows: TableRows, corrections: Mapping[str, list[Correction]], checked: Checked, on_progress: Progress
) -> None:
    """Compare events, passages and vectors with the windows, and the states of files with both."""
    vectors = [name for name in checked.readouts if name.startswith(VECTOR_TABLES)]
    committed: Windows = {}
    for row in rows.all("windows", ["content_id", "window_index", *rows.track_column("windows")]):
        _numbers(committed, row).add(row["window_index"])
    projected = _projected(rows, ["events", *vectors])
    files: dict[str, list[File]] = {}
    for row in rows.all("files"):
        files.setdefault(row["content_id"], []).append(layout.file_from_row(row))
    harmed = not checked.readouts["windows"].is_sound
    contents = sorted({*committed, *(projected if harmed else ()), *files} - {""})
    for start in range(0, len(contents), _CONTENTS_AT_ONCE):
        on_progress("comparing events and vectors with captions", start, len(contents))
        some = contents[start : start + _CONTENTS_AT_ONCE]
        records, texts = rows.grouped("windows", some), rows.grouped("events", some)
        for content_id, passages in rows.grouped("passages", some).items():
            texts.setdefault(content_id, []).extend(passages)
        held = {name: rows.grouped(name, some) for name in vectors}
        videos = {each: layout.video_from_row(row[0]) for each, row in rows.grouped("videos", some).items()}
        for content_id in some:
            windows = _by_track(records.get(content_id, ()), layout.window_from_row)
            own = _by_track(texts.get(content_id, ()), layout.text_from_row)
            embedded = {
                name: _by_track(held[name].get(content_id, ()), layout.text_from_row) for name in vectors
            }
            for track in windows.keys() - {track for track in windows if is_image_track(track)}:
                said = corrections.get(content_id, []) if track == CAPTION_TRACK else []
                of_track = {name: found.get(track, []) for name, found in embedded.items()}
                checked.findings += _projection_findings(
                    content_id, windows[track], own.get(track, []), of_track, said, track=track
                )
            lost = {
                track: indexes - committed.get(content_id, {}).get(track, set())
                for track, indexes in projected.get(content_id, {}).items()
                if harmed
            }
            _compare_files(
                checked, content_id, files.get(content_id, []), videos.get(content_id), windows, lost
            )


def _by_track(rows: Iterable[Row], read: Callable[[Row], T]) -> dict[str, list[T]]:
    """What rows hold, by track."""
    found: dict[str, list[T]] = {}
    for row in rows:
        found.setdefault(layout.track_of(row), []).append(read(row))
    return found


def _projected(rows: TableRows, names: Sequence[str]) -> Windows:
    """The windows that events or vectors were ever made from."""
    projected: Windows = {}
    for name in names:
        columns = ["owner_id", "owner_kind", "content_id", "window_indexes", *rows.track_column(name)]
        for row in rows.all(name, columns):
            if row["owner_kind"] == "video":
                _numbers(projected, row).update(row["window_indexes"])
    return projected


def _numbers(windows: Windows, row: Row) -> set[int]:
    """The numbers of the windows of the track that a row is of."""
    return windows.setdefault(row["content_id"], {}).setdefault(layout.track_of(row), set())


def _corrections(tables: Tables, readout: Readout) -> dict[str, list[Correction]]:
    found: dict[str, list[Correction]] = {}
    for each in CorrectionRepository(tables).all() if readout.is_sound else ():
        found.setdefault(each.content_id, []).append(each)
    return found


def _projection_findings(
    content_id: str,
    records: Sequence[WindowRecord],
    texts: Sequence[TextRow],
    embedded: Mapping[str, Sequence[TextRow]],
    said: Sequence[Correction],
    *,
    track: str,
) -> list[Finding]:
    """Differences between one video's windows and its events, scenes, passages and vectors: of a track."""
    indexes = tuple(sorted(record.window.index for record in records))
    source = "captions" if track == CAPTION_TRACK else f"{track} windows"
    findings = []
    if not _in_step(texts, indexes):
        sentence = f"the events of {content_id} do not include all of its {source} yet"
        findings.append(Finding("behind", "events", sentence, content_id))
    elif problem := _text_problem(content_id, records, texts, said, track=track):
        sentence = f"the events of {content_id} do not match its {source}: {problem}"
        findings.append(Finding("derived", "events", sentence, content_id))
    for name, vectors in embedded.items():
        kind: Kind = "derived" if _in_step(vectors, indexes) and not said else "behind"
        if set(vectors) != set(texts):
            which = "" if track == CAPTION_TRACK else f" ({track})"
            sentence = f"the vectors of {content_id}{which} in {name} are not those of its events"
            findings.append(Finding(kind, name, sentence, content_id))
    return findings


def _in_step(texts: Sequence[TextRow], indexes: tuple[int, ...]) -> bool:
    """Whether the row of the whole video says that it was made from these windows."""
    return [text.window_indexes for text in texts if text.owner_kind == "video"] == [indexes]


def _text_problem(
    content_id: str,
    records: Sequence[WindowRecord],
    texts: Sequence[TextRow],
    said: Sequence[Correction],
    *,
    track: str,
) -> str:
    events = [layout.event_from_text(text) for text in texts if text.owner_kind == "event"]
    if set(layout.text_rows(content_id, events, records, track=track)) != set(texts):
        return "scenes or passages differ"
    lines = {
        record.window.index: {normalise_text(line.text) for line in record.caption.events}
        for record in records
    }
    corrected = {normalise_text(each.text) for each in said}
    for event in events if track == CAPTION_TRACK else ():  # others may be joined of two windows' words
        words = normalise_text(event.text)
        if words not in corrected and not any(
            words in lines.get(index, ()) for index in event.window_indexes
        ):
            return f"no caption contains {event.text!r} there"
    derived = {index for event in events for index in event.window_indexes}
    silent = {index for index, spoken in lines.items() if spoken} - derived
    if silent and not said:
        return f"nothing of window {min(silent)} is among them"
    return ""


def _compare_files(
    checked: Checked,
    content_id: str,
    files: Sequence[File],
    video: Video | None,
    windows: Mapping[str, Sequence[WindowRecord]],
    lost: Mapping[str, set[int]],
) -> None:
    """Compare the states of a content's files with its windows by track; note lost windows."""
    states = {file.state for file in files}
    name = files[0].path if files else content_id
    captions = windows.get(CAPTION_TRACK, ())
    have = {record.window.index for record in captions}
    missing = set(lost.get(CAPTION_TRACK, ()))
    if "indexed" in states and video is not None:
        missing |= _planned(content_id, video, captions) - have
    others = {track: tuple(sorted(each)) for track, each in lost.items() if each and track != CAPTION_TRACK}
    problem = ""
    if states & {"indexed", "partial"} and not windows:
        problem = "is marked as indexed, but none of its windows are readable"
    elif (windows or states & {"indexed", "partial"}) and video is None:
        problem = "has lost the row with its duration"
    elif "indexed" in states and missing:
        problem = f"is marked as indexed, but lacks windows {listed(missing)}"
    elif "indexed" in states and others:
        lacks = "; ".join(f"{listed(each)} of {track}" for track, each in others.items())
        problem = f"is marked as indexed, but lacks windows {lacks}"
    if missing:
        checked.recaption[content_id] = tuple(sorted(missing))
    if others:
        checked.reread[content_id] = others
    if problem:
        checked.marked.add(content_id)
        checked.findings.append(Finding("files", "files", f"{name} {problem}", content_id))


def _planned(content_id: str, video: Video, records: Sequence[WindowRecord]) -> set[int]:
    """The windows that a video should have, if all its windows were cut in one known way; otherwise none."""
    cuttings = {record.provenance.cutting for record in records}
    found = _CUTTING.fullmatch(cuttings.pop()) if len(cuttings) == 1 else None
    if found is None:
        return set()
    window_seconds, overlap_seconds = map(float, found.groups())
    try:
        plan = plan_windows(
            content_id,
            video.duration_seconds,
            gaps=video.gaps,
            window_seconds=window_seconds,
            overlap_seconds=overlap_seconds,
        )
    except FootageError:
        return set()
    return {window.index for window in plan}


# -- the indexes ---------------------------------------------------------------------------------------------


def _ask_indexes(tables: Tables, checked: Checked) -> None:
    """Search the indexes of words and of vectors for some rows that exist."""
    for name, readout in checked.readouts.items():
        if not readout.is_sound or not readout.rows:
            continue
        vectors, images = name.startswith(VECTOR_TABLES), name.startswith(IMAGE_TABLES)
        if not vectors and not images and name not in ("events", "passages"):
            continue
        columns = ["id"] if images else ["owner_id", "text"]
        columns += ["vector"] if vectors or images else []
        finds = _near if vectors or images else _worded
        try:
            missed = [
                row
                for row in tables.sample(name, _SAMPLE, columns=columns).to_pylist()
                if (images or row["text"]) and not finds(tables, name, row)
            ]
        except StoreError as error:
            sentence = f"an index of {name!r} cannot be read: {error}"
            checked.findings.append(Finding("index", name, sentence))
            continue
        if missed:
            sentence = f"an index of {name!r} does not find {len(missed)} of the requested rows"
            checked.findings.append(Finding("index", name, sentence))


def _near(tables: Tables, name: str, row: Row) -> bool:
    """Whether a row is among the nearest to its own vector, or others with the same vector are."""
    import numpy as np

    query = np.asarray(row["vector"], dtype=np.float32)
    found, _ = tables.search(name, query, limit=5, wanted={}, without={})
    key = next(iter(row))
    return any(each[key] == row[key] or each["_distance"] < 1e-3 for each in found)


def _worded(tables: Tables, name: str, row: Row) -> bool:
    """Whether a row is found by its own words; of a few short words none may count."""
    if sum(len(word) > 4 for word in row["text"].split()) < 2:
        return True
    wanted = {"owner_id": [row["owner_id"]]}
    found, _ = tables.search(name, row["text"], limit=1, wanted=wanted, without={})
    return bool(found)
