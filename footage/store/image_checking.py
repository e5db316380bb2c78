"""Compares image tables with the committed windows of their tracks; knows no embedder and no picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footage.core.tracks import image_track, is_image_track
from footage.store import records as layout
from footage.store.findings import Checked, Finding, listed
from footage.store.opening import EMBEDDER_KEY, IMAGE_EMBEDDER_KEY
from footage.store.reading import TableRows
from footage.store.records import IMAGE_TABLES, VECTOR_TABLES

_TOLERANCE_SECONDS = 0.01
"""By how much the pictures of a window may fail to fill it, for rounding; a lost one leaves a larger hole."""
Committed = dict[str, dict[int, "_ImageWindow"]]
"""The committed windows of one image track, by content id and index."""


@dataclass(slots=True)
class _ImageWindow:
    """A committed window of an image track, and what its table holds of it."""

    start_seconds: float
    end_seconds: float
    is_noted: bool
    """Whether it has a note, such as that a part of it cannot be decoded: then it need not be filled."""
    filled_seconds: float = 0.0
    is_left: bool = False
    """Whether a vector stands for a time outside of it."""

    def problem(self) -> str:
        """What is wrong with its vectors; empty if nothing is."""
        length = self.end_seconds - self.start_seconds
        if self.is_left or self.filled_seconds > length + _TOLERANCE_SECONDS:
            return "do not fit"
        if not self.is_noted and self.filled_seconds < length - _TOLERANCE_SECONDS:
            return "are missing"
        return ""


def embedder_tables(tracks: Mapping[str, object], meta: Mapping[str, str]) -> dict[str, str]:
    """The image embedders that windows or ``meta`` name, by the name of their table.

    Args:
        tracks: The tracks of the windows, as keys.
        meta: The rows of ``meta``, values by key.
    """
    from footage.store.schema import image_table

    names = [track.removeprefix(image_track("")) for track in tracks if is_image_track(track)]
    names += [key.removeprefix(IMAGE_EMBEDDER_KEY) for key in meta if key.startswith(IMAGE_EMBEDDER_KEY)]
    return {image_table(name): name for name in names}


def check_embedders(rows: TableRows, checked: Checked) -> None:
    """Look for tables of embedders that are lost, and for those that ``meta`` does not name."""
    meta = {row["key"]: row["value"] for row in rows.all("meta")}
    named = {
        value: key.partition("/")[2]
        for key, value in meta.items()
        if key.startswith((EMBEDDER_KEY, IMAGE_EMBEDDER_KEY))
    }
    for name in sorted(named.keys() - checked.readouts.keys()):
        sentence = f"the table {name!r} of the embedder {named[name]!r} is not there"
        checked.findings.append(Finding("damaged", name, sentence))
    for name, readout in checked.readouts.items():
        if name.startswith((VECTOR_TABLES, IMAGE_TABLES)) and name not in named and readout.rows:
            sentence = f"the table {name!r} has {readout.rows} vectors, but 'meta' names no embedder of it"
            checked.findings.append(Finding("damaged", "meta", sentence))


def check_images(rows: TableRows, checked: Checked) -> None:
    """Compare every image table with the windows of its track, and note the windows to be made again."""
    windows = _committed(rows)
    owners = embedder_tables(windows, {row["key"]: row["value"] for row in rows.all("meta")})
    harmed = not checked.readouts["windows"].is_sound
    for name, embedder in sorted(owners.items()):
        track = image_track(embedder)
        committed = windows.get(track, {})
        unowned = _fill(rows, name, committed) if name in checked.readouts else {}
        for content_id in sorted(committed.keys() | unowned.keys()):
            problems = {index: each.problem() for index, each in committed.get(content_id, {}).items()}
            lost = {index for index, problem in problems.items() if problem}
            over = unowned.get(content_id, set())
            if lost:
                what = " and ".join(sorted({problems[index] for index in lost}))
                sentence = f"{name} lacks windows {listed(lost)} of {content_id}: their vectors {what}"
                checked.findings.append(Finding("images", name, sentence, content_id))
            if over:
                sentence = f"{name} has windows {listed(over)} of {content_id}, which are not committed"
                checked.findings.append(Finding("behind", name, sentence, content_id))
            again = lost | (over if harmed else set())
            if again:
                checked.reread.setdefault(content_id, {})[track] = tuple(sorted(again))


def _committed(rows: TableRows) -> dict[str, Committed]:
    """The committed windows of every image track."""
    found: dict[str, Committed] = {}
    columns = ["content_id", "window_index", "start_seconds", "end_seconds", "notes"]
    for row in rows.all("windows", [*columns, *rows.track_column("windows")]):
        if is_image_track(track := layout.track_of(row)):
            window = _ImageWindow(row["start_seconds"], row["end_seconds"], bool(row["notes"]))
            found.setdefault(track, {}).setdefault(row["content_id"], {})[row["window_index"]] = window
    return found


def _fill(rows: TableRows, name: str, committed: Committed) -> dict[str, set[int]]:
    """Note in the windows what an image table holds of them.

    Returns:
        The windows of its other vectors, by content id.
    """
    unowned: dict[str, set[int]] = {}
    for row in rows.all(name, ["content_id", "window_index", "start_seconds", "end_seconds"]):
        content_id, index = row["content_id"], row["window_index"]
        window = committed.get(content_id, {}).get(index)
        if window is None:
            unowned.setdefault(content_id, set()).add(index)
            continue
        start, end = row["start_seconds"], row["end_seconds"]
        window.filled_seconds += end - start
        outside = max(window.start_seconds - start, end - window.end_seconds)
        window.is_left = window.is_left or outside > _TOLERANCE_SECONDS
    return unowned
