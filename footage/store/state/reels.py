"""The rows of reels: names, clips and the revisions of their order; does not know what a clip is.

What a clip shows is written once. A revision is the order of the clips and where each is cut, so that undo
and redo cost little and outlast the process. ``edition`` counts every change of a reel, undo included, and is
never used again: a writer that names an older one has not seen the newest state.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from footage.core.names import folded

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE reels (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    wanted_seconds REAL NOT NULL DEFAULT 0,
    edition INTEGER NOT NULL DEFAULT 1,
    head INTEGER NOT NULL DEFAULT 0,
    changed_at REAL NOT NULL,
    removed_at REAL NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX reels_by_name ON reels (folded_name) WHERE removed_at = 0;
CREATE TABLE reel_clips (
    reel TEXT NOT NULL REFERENCES reels (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    content_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (reel, id)
) WITHOUT ROWID;
CREATE INDEX reel_clips_of ON reel_clips (content_id);
CREATE TABLE reel_revisions (
    reel TEXT NOT NULL REFERENCES reels (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    what TEXT NOT NULL,
    clips TEXT NOT NULL,
    made_at REAL NOT NULL,
    PRIMARY KEY (reel, number)
) WITHOUT ROWID;
"""
"""The tables, as an SQL script without semicolons inside of statements."""

MOST_REVISIONS = 100
"""Changes of a reel that can be undone."""
KEPT_REMOVED_SECONDS = 30 * 86_400.0
"""How long a removed reel can be had back."""


@dataclass(frozen=True, slots=True)
class ReelPlace:
    """A clip in a reel."""

    clip_id: str
    """Which one."""
    start_seconds: float
    """Where it is cut in, in video time."""
    end_seconds: float
    """Where it is cut out, in video time."""


@dataclass(frozen=True, slots=True)
class NewClipRow:
    """A clip that a reel does not have yet."""

    clip_id: str
    """Names it; never used before in the reel."""
    content_id: str
    """The video it is taken from."""
    body: str
    """What it shows."""


@dataclass(frozen=True, slots=True)
class ReelRow:
    """A reel without what its clips show."""

    id: str
    """Names it for good."""
    name: str
    """What people call it; unique in any case of letters among reels that are not removed."""
    wanted_seconds: float
    """How long it is to be; 0 where nobody said."""
    edition: int
    """Counts its changes."""
    changed_at: float
    """When it was last changed, seconds since the epoch."""
    places: tuple[ReelPlace, ...]
    """Its clips, in order."""
    removed: bool = False
    """Whether it was removed, and can still be had back."""
    undoes: str = ""
    """What undo would take back; empty where there is nothing."""
    redoes: str = ""
    """What redo would do again; empty where there is nothing."""


EditPlaces = Callable[[tuple[ReelPlace, ...]], Sequence[ReelPlace]]
"""Makes the new order of a reel from the one it has; raises what the caller of ``change`` is to get."""


class ReelRepository:
    """The reels of one index; safe to use from threads and processes, every method is one transaction."""

    def __init__(self, database: StateDatabase) -> None:
        """Take the file; nothing is read yet."""
        self._database = database

    # -- Reading ---------------------------------------------------------------------------------------

    def all(self) -> list[ReelRow]:
        """Every reel that is not removed, the last changed one first."""
        with self._database.transaction() as rows:
            found = rows.execute("SELECT id FROM reels WHERE removed_at = 0 ORDER BY changed_at DESC, id")
            return [_read(rows, row["id"]) for row in found.fetchall()]

    def get(self, reel_id: str) -> ReelRow | None:
        """A reel, also a removed one; None where there is none."""
        with self._database.transaction() as rows:
            return _find(rows, reel_id)

    def bodies(self, reel_id: str) -> Mapping[str, str]:
        """What the clips of a reel show, by clip; empty of a forgotten video."""
        with self._database.transaction() as rows:
            found = rows.execute("SELECT id, body FROM reel_clips WHERE reel = ?", (reel_id,))
            return {row["id"]: row["body"] for row in found}

    # -- The reels themselves --------------------------------------------------------------------------

    def add(self, reel_id: str, name: str, now: float) -> ReelRow | None:
        """Make an empty reel; None where its name is taken."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM reels WHERE removed_at BETWEEN 1 AND ?", (now - KEPT_REMOVED_SECONDS,))
            if _taken(rows, name, reel_id):
                return None
            rows.execute(
                "INSERT INTO reels (id, name, folded_name, changed_at) VALUES (?, ?, ?, ?)",
                (reel_id, name, folded(name), now),
            )
            rows.execute("INSERT INTO reel_revisions VALUES (?, 0, '', '[]', ?)", (reel_id, now))
            return _read(rows, reel_id)

    def duplicate(self, reel_id: str, new_id: str, name: str, now: float) -> ReelRow | None:
        """Copy the present state of a reel, without its history; None without a reel, or for a taken name."""
        with self._database.transaction() as rows:
            source = _find(rows, reel_id)
            if source is None or _taken(rows, name, new_id):
                return None
            rows.execute(
                "INSERT INTO reels (id, name, folded_name, wanted_seconds, changed_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (new_id, name, folded(name), source.wanted_seconds, now),
            )
            rows.execute(
                "INSERT INTO reel_revisions VALUES (?, 0, '', ?, ?)", (new_id, _text(source.places), now)
            )
            rows.execute(
                "INSERT INTO reel_clips SELECT ?, id, content_id, body FROM reel_clips WHERE reel = ?",
                (new_id, reel_id),
            )
            _drop_unused(rows, new_id)
            return _read(rows, new_id)

    def rename(self, reel_id: str, name: str, now: float) -> bool:
        """Give a reel another name; False where another reel has it."""
        with self._database.transaction() as rows:
            if _taken(rows, name, reel_id):
                return False
            rows.execute(
                "UPDATE reels SET name = ?, folded_name = ?, changed_at = ? WHERE id = ?",
                (name, folded(name), now, reel_id),
            )
            return True

    def set_wanted(self, reel_id: str, seconds: float) -> None:
        """Note how long a reel is to be; 0 for any length."""
        with self._database.transaction() as rows:
            rows.execute("UPDATE reels SET wanted_seconds = ? WHERE id = ?", (seconds, reel_id))

    def remove(self, reel_id: str, now: float) -> None:
        """Remove a reel; ``restore`` brings it back."""
        with self._database.transaction() as rows:
            rows.execute("UPDATE reels SET removed_at = ? WHERE id = ? AND removed_at = 0", (now, reel_id))

    def restore(self, reel_id: str, name: str, now: float) -> bool:
        """Bring a removed reel back under a name; False where another reel has it."""
        with self._database.transaction() as rows:
            if _taken(rows, name, reel_id):
                return False
            rows.execute(
                "UPDATE reels SET removed_at = 0, name = ?, folded_name = ?, changed_at = ? WHERE id = ?",
                (name, folded(name), now, reel_id),
            )
            return True

    # -- Clips -----------------------------------------------------------------------------------------

    def change(
        self,
        reel_id: str,
        what: str,
        edit: EditPlaces,
        now: float,
        *,
        edition: int | None = None,
        clips: Sequence[NewClipRow] = (),
    ) -> tuple[ReelRow | None, bool]:
        """Write one revision; what could be done again after an undo is given up.

        Args:
            reel_id: The reel.
            what: What is done, in a few words.
            edit: Makes the new order, inside the transaction: it sees the newest state.
            now: The time.
            edition: The edition that the writer has seen; None where any will do, as to add at the end.
            clips: Clips that the new order has and the reel does not.

        Returns:
            The reel as it is now (None where there is none), and whether it was changed: False where it has
            another edition.
        """
        with self._database.transaction() as rows:
            reel = _find(rows, reel_id)
            if reel is None or reel.removed or edition not in (None, reel.edition):
                return reel, False
            places = tuple(edit(reel.places))
            if places == reel.places:
                return reel, True
            for each in clips:
                rows.execute(
                    "INSERT INTO reel_clips VALUES (?, ?, ?, ?)",
                    (reel_id, each.clip_id, each.content_id, each.body),
                )
            [head] = rows.execute("SELECT head FROM reels WHERE id = ?", (reel_id,)).fetchone()
            dropped = rows.execute(
                "DELETE FROM reel_revisions WHERE reel = ? AND (number > ? OR number <= ?)",
                (reel_id, head, head - MOST_REVISIONS),
            )
            values = (reel_id, head + 1, what, _text(places), now)
            rows.execute("INSERT INTO reel_revisions VALUES (?, ?, ?, ?, ?)", values)
            _turn(rows, reel_id, head + 1, now)
            if dropped.rowcount:
                _drop_unused(rows, reel_id)
            return _read(rows, reel_id), True

    def step(
        self, reel_id: str, way: Literal["undo", "redo"], now: float, *, edition: int
    ) -> tuple[ReelRow | None, bool]:
        """Go one revision back or forth; returns as ``change``, and nothing to go to is no change."""
        with self._database.transaction() as rows:
            reel = _find(rows, reel_id)
            if reel is None or reel.removed or edition != reel.edition:
                return reel, False
            [head] = rows.execute("SELECT head FROM reels WHERE id = ?", (reel_id,)).fetchone()
            number = head + (1 if way == "redo" else -1)
            if _revision(rows, reel_id, number):
                _turn(rows, reel_id, number, now)
            return _read(rows, reel_id), True

    def forget(self, content_ids: Collection[str]) -> None:
        """Erase what clips of some contents show; their places in the reels stay."""
        with self._database.transaction() as rows:
            rows.execute("PRAGMA secure_delete = ON")
            for content_id in content_ids:
                rows.execute(
                    "UPDATE reel_clips SET body = '', content_id = '' WHERE content_id = ?", (content_id,)
                )


def _turn(rows: sqlite3.Connection, reel_id: str, head: int, now: float) -> None:
    """Show another revision."""
    rows.execute(
        "UPDATE reels SET head = ?, edition = edition + 1, changed_at = ? WHERE id = ?", (head, now, reel_id)
    )


def _drop_unused(rows: sqlite3.Connection, reel_id: str) -> None:
    """Remove the clips that no revision has any more."""
    rows.execute(
        "DELETE FROM reel_clips WHERE reel = ? AND id NOT IN (SELECT json_extract(place.value, '$[0]') "
        "FROM reel_revisions, json_each(reel_revisions.clips) AS place WHERE reel_revisions.reel = ?)",
        (reel_id, reel_id),
    )


def _taken(rows: sqlite3.Connection, name: str, reel_id: str) -> bool:
    """Whether another reel has a name."""
    query = "SELECT 1 FROM reels WHERE folded_name = ? AND removed_at = 0 AND id != ?"
    return rows.execute(query, (folded(name), reel_id)).fetchone() is not None


def _revision(rows: sqlite3.Connection, reel_id: str, number: int) -> sqlite3.Row | None:
    found: sqlite3.Row | None = rows.execute(
        "SELECT * FROM reel_revisions WHERE reel = ? AND number = ?", (reel_id, number)
    ).fetchone()
    return found


def _find(rows: sqlite3.Connection, reel_id: str) -> ReelRow | None:
    known = rows.execute("SELECT 1 FROM reels WHERE id = ?", (reel_id,)).fetchone()
    return _read(rows, reel_id) if known else None


def _read(rows: sqlite3.Connection, reel_id: str) -> ReelRow:
    row = rows.execute("SELECT * FROM reels WHERE id = ?", (reel_id,)).fetchone()
    shown = _revision(rows, reel_id, row["head"])
    after = _revision(rows, reel_id, row["head"] + 1)
    assert shown is not None
    return ReelRow(
        id=row["id"],
        name=row["name"],
        wanted_seconds=row["wanted_seconds"],
        edition=row["edition"],
        changed_at=row["changed_at"],
        places=tuple(ReelPlace(*place) for place in json.loads(shown["clips"])),
        removed=row["removed_at"] > 0,
        undoes=shown["what"] if _revision(rows, reel_id, row["head"] - 1) else "",
        redoes=after["what"] if after else "",
    )


def _text(places: Sequence[ReelPlace]) -> str:
    ordered = [(place.clip_id, place.start_seconds, place.end_seconds) for place in places]
    return json.dumps(ordered, separators=(",", ":"))
