"""Checks, repairs and upgrades the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.events import Listener, StageProgress, ignore
from service.requests import Request

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.store.findings import Checked
    from indexer.repairing import RepairReport
    from service.session import Service


class UpgradeRequest(Request):
    """Bring the index up to date."""


class CheckRequest(Request):
    """Read all of the index."""

    repair: bool = False
    """Repair what can be repaired."""


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """What an upgrade did."""

    before: int
    """Schema version before."""
    version: int
    """Schema version now."""
    done: tuple[str, ...]
    """What was done, in words; nothing where the index was up to date."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What reading all of the index came to."""

    found: Checked
    """What was found, before any repair."""
    repaired: RepairReport | None
    """What was repaired; None where that was not asked for."""

    @property
    def sound(self) -> bool:
        """Whether the index can be believed now; what is only behind is made when it is next written to."""
        after = self.found if self.repaired is None else self.repaired.after
        return all(finding.kind == "behind" for finding in after.findings)


def upgrade(service: Service, request: UpgradeRequest, *, on_event: Listener = ignore) -> UpgradeResult:
    """Upgrade an index from an older version.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    from footage.store import SCHEMA_VERSION

    store = service.store()
    before = store.status().schema_version
    done: dict[str, None] = {}

    def step(what: str, rows: int, total: int) -> None:
        done[what] = None
        on_event(StageProgress(what, rows, total))

    with store.writing(step):
        pass
    return UpgradeResult(before, SCHEMA_VERSION, tuple(done))


def check(service: Service, request: CheckRequest, *, on_event: Listener = ignore) -> CheckResult:
    """Read all of the index, and say whether it can be believed; repair it where that is asked for.

    Raises:
        StoreError: there is no index, or it cannot be read or written.
    """
    from footage.store.checking import check as check_index

    def step(what: str, done: int, total: int) -> None:
        on_event(StageProgress(what, done, total))

    if not request.repair:
        return CheckResult(check_index(service.settings.db, step), None)
    from indexer.repairing import repair

    def load(name: str) -> TextEmbedder:
        return service.embedder(on_event, name=name)

    report = repair(service.settings.db, load=load, on_progress=step)
    return CheckResult(report.repaired.checked, report)
