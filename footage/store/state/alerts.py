"""The rows of alerts: definitions, which windows each has examined, its moments; sends nothing.

A moment, the windows that showed it and what is to be sent of it are written in one transaction, so that a
kill at any point loses nothing and records nothing twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from footage.core.alerts import Alert, AlertMoment, Delivery, SinkConfig
from footage.core.names import folded
from footage.core.types import Span

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    folded_name TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    definition TEXT NOT NULL
);
CREATE TABLE alert_examined (
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    content_id TEXT NOT NULL,
    track TEXT NOT NULL,
    indexes TEXT NOT NULL,
    PRIMARY KEY (alert_id, content_id, track)
) WITHOUT ROWID;
CREATE TABLE alert_moments (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    content_id TEXT NOT NULL,
    first_seconds REAL NOT NULL,
    last_seconds REAL NOT NULL,
    moment TEXT NOT NULL
);
CREATE INDEX alert_moments_of ON alert_moments (alert_id, content_id);
CREATE TABLE alert_deliveries (
    id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    moment_id TEXT NOT NULL REFERENCES alert_moments (id) ON DELETE CASCADE,
    sink_key TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at REAL NOT NULL,
    last_error TEXT NOT NULL,
    notification_id TEXT NOT NULL,
    made_at REAL NOT NULL,
    delivered_at REAL NOT NULL
);
CREATE INDEX alert_deliveries_due ON alert_deliveries (state, next_attempt_at);
CREATE TABLE window_commits (
    content_id TEXT NOT NULL,
    track TEXT NOT NULL,
    window_index INTEGER NOT NULL,
    committed_at REAL NOT NULL,
    PRIMARY KEY (content_id, track, window_index)
) WITHOUT ROWID;
CREATE TABLE content_aliases (
    content_id TEXT PRIMARY KEY,
    earlier TEXT NOT NULL
);
"""
"""The tables, as an SQL script without semicolons inside of statements.

``content_id`` of moments and examined windows is the earliest id of a content: a file that is still being
written has another id than the finished one (``content_aliases``).
"""

KEPT_COMMITS_SECONDS = 86_400.0
"""How long the times of commits are kept."""

TrackWindows = Mapping[tuple[str, str], Collection[int]]
"""Indexes of windows by content id and track."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The time that a recorded moment takes in, which grows as later windows show more of it."""

    moment_id: str
    """The moment."""
    span: Span
    """When, in video time."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at some windows of one video brought."""

    windows: TrackWindows = field(default_factory=dict)
    """The windows that were looked at; their content id is the earliest one."""
    moments: Sequence[tuple[str, AlertMoment]] = ()
    """New moments, each with the earliest id of its content."""
    extents: Sequence[Extent] = ()
    """Recorded moments that turned out to be longer."""
    deliveries: Sequence[Delivery] = ()
    """What is to be sent of the new moments."""


class AlertRepository:
    """The alerts of one index and what they found; safe to use from threads and processes."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    # -- definitions -----------------------------------------------------------------------------------------

    def add(self, alert: Alert, examined: TrackWindows) -> bool:
        """Keep a new alert, and the windows that it takes as examined; False where its name is taken."""
        with self._database.transaction() as rows:
            try:
                rows.execute(
                    "INSERT INTO alerts VALUES (?, ?, ?, ?)",
                    (alert.id, _folded(alert.name), alert.created_at, _alert_to_json(alert)),
                )
            except sqlite3.IntegrityError:
                return False
            _mark_examined(rows, alert.id, examined)
        return True

    def all(self) -> list[Alert]:
        """Every alert, by name."""
        with self._database.transaction() as rows:
            found = rows.execute("SELECT definition FROM alerts ORDER BY folded_name").fetchall()
        return [_alert_from_json(row["definition"]) for row in found]

    def named(self, name: str) -> Alert | None:
        """The alert of a name, in any case of letters."""
        with self._database.transaction() as rows:
            query = "SELECT definition FROM alerts WHERE folded_name = ?"
            row = rows.execute(query, (_folded(name),)).fetchone()
        return _alert_from_json(row["definition"]) if row else None

    def remove(self, alert_id: str) -> None:
        """Remove an alert with its history and what is still to be sent of it."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM alerts WHERE id = ?", (alert_id,))

    def set_enabled(self, alert: Alert, enabled: bool, examined: TrackWindows) -> Alert:
        """Let an alert look or not; windows that it takes as examined are marked with it."""
        changed = replace(alert, enabled=enabled)
        with self._database.transaction() as rows:
            rows.execute("UPDATE alerts SET definition = ? WHERE id = ?", (_alert_to_json(changed), alert.id))
            _mark_examined(rows, alert.id, examined)
        return changed

    # -- windows ---------------------------------------------------------------------------------------------

    def examined(self, alert_id: str) -> dict[tuple[str, str], set[int]]:
        """The windows that an alert has examined, by the earliest content id and track."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT content_id, track, indexes FROM alert_examined WHERE alert_id = ?", (alert_id,)
            ).fetchall()
        return {(row["content_id"], row["track"]): unpacked(row["indexes"]) for row in found}

    def note_commits(self, windows: Iterable[tuple[str, str, int]], at: float) -> None:
        """Note when windows were committed: content id, track and index; old notes are dropped."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM window_commits WHERE committed_at < ?", (at - KEPT_COMMITS_SECONDS,))
            rows.executemany(
                "INSERT OR IGNORE INTO window_commits VALUES (?, ?, ?, ?)",
                [(*window, at) for window in windows],
            )

    def commits(self, content_id: str) -> dict[tuple[str, int], float]:
        """When windows of a video were committed, as far as it is known, by track and index."""
        with self._database.transaction() as rows:
            found = rows.execute("SELECT * FROM window_commits WHERE content_id = ?", (content_id,))
            return {(row["track"], row["window_index"]): row["committed_at"] for row in found}

    def note_alias(self, earlier: str, content_id: str) -> None:
        """Note that a content continues an earlier one; before its windows are committed."""
        with self._database.transaction() as rows:
            known = rows.execute("SELECT earlier FROM content_aliases WHERE content_id = ?", (earlier,))
            first = known.fetchone()
            earliest = first["earlier"] if first else earlier
            rows.execute("INSERT OR REPLACE INTO content_aliases VALUES (?, ?)", (content_id, earliest))

    def aliases(self) -> dict[str, str]:
        """The earliest id of each content that continues another."""
        with self._database.transaction() as rows:
            return {
                row["content_id"]: row["earlier"] for row in rows.execute("SELECT * FROM content_aliases")
            }

    # -- moments ---------------------------------------------------------------------------------------------

    def record(self, alert_id: str, result: Examined) -> bool:
        """Keep what a look brought, all of it or nothing; False where the alert was removed meanwhile."""
        with self._database.transaction() as rows:
            if rows.execute("SELECT 1 FROM alerts WHERE id = ?", (alert_id,)).fetchone() is None:
                return False
            for key, moment in result.moments:
                rows.execute(
                    "INSERT OR IGNORE INTO alert_moments"
                    " (id, alert_id, content_id, first_seconds, last_seconds, moment)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        moment.id,
                        alert_id,
                        key,
                        moment.span.start_seconds,
                        moment.span.end_seconds,
                        _moment_to_json(moment),
                    ),
                )
            rows.executemany(
                "UPDATE alert_moments SET first_seconds = ?, last_seconds = ? WHERE id = ?",
                [(e.span.start_seconds, e.span.end_seconds, e.moment_id) for e in result.extents],
            )
            rows.executemany(
                "INSERT OR IGNORE INTO alert_deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*asdict(delivery).values(),) for delivery in result.deliveries],
            )
            _mark_examined(rows, alert_id, result.windows)
        return True

    def extents(self, alert_id: str, content_id: str) -> list[Extent]:
        """The times of the moments of a content that an alert has recorded, by the earliest content id."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT id, first_seconds, last_seconds FROM alert_moments"
                " WHERE alert_id = ? AND content_id = ? ORDER BY number",
                (alert_id, content_id),
            ).fetchall()
        return [Extent(row["id"], Span(row["first_seconds"], row["last_seconds"])) for row in found]

    def spans(self, alert_id: str) -> dict[str, Span]:
        """The time that each recorded moment of an alert takes in now, by its id."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT id, first_seconds, last_seconds FROM alert_moments WHERE alert_id = ?", (alert_id,)
            ).fetchall()
        return {row["id"]: Span(row["first_seconds"], row["last_seconds"]) for row in found}

    def moments(self, alert_id: str | None = None, *, limit: int | None = None) -> list[AlertMoment]:
        """Recorded moments, the latest first: of one alert, or of all."""
        condition = "" if alert_id is None else "WHERE alert_id = :alert"
        with self._database.transaction() as rows:
            found = rows.execute(
                f"SELECT moment FROM alert_moments {condition} ORDER BY number DESC LIMIT :limit",
                {"alert": alert_id, "limit": -1 if limit is None else limit},
            ).fetchall()
        return [_moment_from_json(row["moment"]) for row in found]

    def recorded_since(self, at: float) -> int:
        """How many moments were recorded after a time, seconds since the epoch."""
        query = "SELECT count(*) FROM alert_moments WHERE json_extract(moment, '$.recorded_at') > ?"
        with self._database.transaction() as rows:
            [number] = rows.execute(query, (at,)).fetchone()
        return int(number)

    def some(self, ids: Collection[str]) -> dict[str, AlertMoment]:
        """Moments by their ids."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT moment FROM alert_moments WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        moments = [_moment_from_json(row["moment"]) for row in found]
        return {moment.id: moment for moment in moments}

    def forget(self, content_ids: Collection[str]) -> None:
        """Remove everything about some contents."""
        with self._database.transaction() as rows:
            rows.execute("PRAGMA secure_delete = ON")
            for content_id in content_ids:
                known = rows.execute(
                    "SELECT earlier FROM content_aliases WHERE content_id = ?", (content_id,)
                ).fetchone()
                for each in {content_id, known["earlier"] if known else content_id}:
                    for table in ("alert_moments", "alert_examined", "window_commits", "content_aliases"):
                        rows.execute(f"DELETE FROM {table} WHERE content_id = ?", (each,))


def packed(indexes: Iterable[int]) -> str:
    """Indexes as ranges, such as "0-57,60"."""
    parts: list[list[int]] = []
    for index in sorted(set(indexes)):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def unpacked(text: str) -> set[int]:
    """The indexes of ``packed``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _mark_examined(rows: sqlite3.Connection, alert_id: str, windows: TrackWindows) -> None:
    for (content_id, track), indexes in windows.items():
        place = (alert_id, content_id, track)
        held = rows.execute(
            "SELECT indexes FROM alert_examined WHERE alert_id = ? AND content_id = ? AND track = ?", place
        ).fetchone()
        every = {*indexes, *(unpacked(held["indexes"]) if held else ())}
        rows.execute("INSERT OR REPLACE INTO alert_examined VALUES (?, ?, ?, ?)", (*place, packed(every)))


def _folded(name: str) -> str:
    return folded(" ".join(name.split()))


def _alert_to_json(alert: Alert) -> str:
    return json.dumps(asdict(alert))


def _alert_from_json(text: str) -> Alert:
    read: dict[str, Any] = json.loads(text)
    sinks = tuple(
        SinkConfig(
            each["kind"],
            each["target"],
            tuple(each["arguments"]),
            tuple((name, value) for name, value in each["options"]),
        )
        for each in read.pop("sinks")
    )
    return Alert(**read, sinks=sinks)


def _moment_to_json(moment: AlertMoment) -> str:
    return json.dumps(asdict(moment))


def _moment_from_json(text: str) -> AlertMoment:
    read: dict[str, Any] = json.loads(text)
    span = Span(**read.pop("span"))
    return AlertMoment(**{**read, "evidence": tuple(read["evidence"])}, span=span)
