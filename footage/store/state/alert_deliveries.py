"""The outbox of alerts: what is to be sent, was sent, or could not be; sends nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.alerts import Delivery, DeliveryState

if TYPE_CHECKING:
    import sqlite3

    from footage.store.state.database import StateDatabase


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What came of one attempt to send some deliveries together."""

    ids: tuple[str, ...]
    """The deliveries."""
    state: DeliveryState
    """What became of them."""
    at: float
    """When it ended, seconds since the epoch."""
    next_attempt_at: float = 0.0
    """When to try again, where they are still pending."""
    error: str = ""
    """Why it failed, one sentence; empty where it did not."""


class DeliveryRepository:
    """The outbox of the alerts of one index; safe to use from threads and processes."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def pending(self) -> list[Delivery]:
        """Everything that is still to be sent, of alerts that are on, oldest first."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT d.* FROM alert_deliveries d JOIN alerts a ON a.id = d.alert_id"
                " JOIN alert_moments m ON m.id = d.moment_id"
                " WHERE d.state = 'pending' AND json_extract(a.definition, '$.enabled')"
                " ORDER BY m.number, d.sink_key"
            ).fetchall()
        return [_delivery(row) for row in found]

    def of(self, moment_ids: Collection[str]) -> dict[str, list[Delivery]]:
        """The deliveries of some moments, by moment."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT * FROM alert_deliveries WHERE moment_id IN (SELECT value FROM json_each(?))"
                " ORDER BY moment_id, sink_key",
                (json.dumps(list(moment_ids)),),
            ).fetchall()
        by_moment: dict[str, list[Delivery]] = {}
        for row in found:
            by_moment.setdefault(row["moment_id"], []).append(_delivery(row))
        return by_moment

    def begin(self, ids: Sequence[str], notification_id: str) -> None:
        """Note that some deliveries are sent now, under an id that they keep."""
        with self._database.transaction() as rows:
            rows.executemany(
                "UPDATE alert_deliveries SET notification_id = ?, attempts = attempts + 1 WHERE id = ?",
                [(notification_id, each) for each in ids],
            )

    def end(self, result: AttemptResult) -> None:
        """Note what came of an attempt."""
        delivered_at = result.at if result.state == "delivered" else 0.0
        values = (result.state, result.next_attempt_at, result.error, delivered_at)
        with self._database.transaction() as rows:
            rows.executemany(
                "UPDATE alert_deliveries SET state = ?, next_attempt_at = ?, last_error = ?,"
                " delivered_at = ? WHERE id = ?",
                [(*values, each) for each in result.ids],
            )

    def postpone(self, alert_id: str, sink_key: str, until: float) -> None:
        """Send nothing to a sink before a time: it does not answer."""
        with self._database.transaction() as rows:
            rows.execute(
                "UPDATE alert_deliveries SET next_attempt_at = max(next_attempt_at, ?)"
                " WHERE state = 'pending' AND alert_id = ? AND sink_key = ?",
                (until, alert_id, sink_key),
            )

    def retry(self, at: float, alert_id: str | None = None) -> int:
        """Send dead letters again, and do not wait with what is pending; returns how many dead letters."""
        condition = "" if alert_id is None else " AND alert_id = :alert"
        given = {"at": at, "alert": alert_id}
        with self._database.transaction() as rows:
            rows.execute(
                f"UPDATE alert_deliveries SET next_attempt_at = 0 WHERE state = 'pending'{condition}", given
            )
            changed = rows.execute(
                "UPDATE alert_deliveries SET state = 'pending', attempts = 0, next_attempt_at = 0,"
                f" made_at = :at WHERE state = 'failed'{condition}",
                given,
            )
            return changed.rowcount

    def counts(self) -> dict[str, dict[DeliveryState, int]]:
        """How many deliveries are in each state, by alert."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT alert_id, state, count(*) AS n FROM alert_deliveries GROUP BY alert_id, state"
            ).fetchall()
        counted: dict[str, dict[DeliveryState, int]] = {}
        for row in found:
            counted.setdefault(row["alert_id"], {})[row["state"]] = row["n"]
        return counted


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(**dict(row))
