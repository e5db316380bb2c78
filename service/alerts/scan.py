"""Examines new windows for every alert and records what it finds; sends nothing.

The windows of a few videos are examined, and their moments, what is to be sent of them and that they were
examined are written in one transaction. A process that is killed before it examines them again.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from footage.core.alerts import Alert, AlertMoment, Delivery, DeliveryState, digest_of
from footage.core.errors import FootageError, StoreBusyError
from footage.store.state.alert_deliveries import DeliveryRepository
from footage.store.state.alerts import AlertRepository, Examined, Extent
from search.query.filters import Filters
from search.query.parser import parse_query
from service.alerts.matching import Matcher, shares_time
from service.alerts.once import sorted_out
from service.alerts.policy import is_cooling_down
from service.alerts.windows import (
    Windows,
    batches,
    by_key,
    committed,
    searchable,
    spans_of,
    unexamined,
    waits_for_clock,
)
from service.cancellation import Cancelled, CancelToken
from service.events import Listener, ignore

if TYPE_CHECKING:
    from footage.core.types import File, Match, Span
    from footage.store import Store
    from search.query.parser import Query
    from service.session import Service

LOCK_NAME = ".lock-alerts"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a look at new windows brought."""

    windows: int = 0
    """Windows that were examined, counted once for each alert."""
    moments: tuple[AlertMoment, ...] = ()
    """New moments."""
    problems: Mapping[str, str] | None = None
    """Alerts that could not be matched, by name: the reason, one sentence. Their windows wait."""


def alert_query(alert: Alert) -> Query:
    """What an alert looks for.

    Raises:
        UsageError: it is no query.
    """
    return parse_query(f"{alert.query} {alert.filters}".strip())


class AlertScanner:
    """Examines the new windows of one index; one process at a time does, whichever comes first."""

    def __init__(self, service: Service, *, clock: Callable[[], float] = time.time) -> None:
        """Take a service.

        Args:
            service: The index, and the models that alerts are matched with.
            clock: The time, seconds since the epoch.
        """
        self._service = service
        self._clock = clock
        self._state = service.state()
        self._alerts = AlertRepository(self._state)
        self._deliveries = DeliveryRepository(self._state)

    def scan(
        self,
        *,
        on_event: Listener = ignore,
        cancel: CancelToken | None = None,
        patience_seconds: float = 0.0,
    ) -> ScanReport:
        """Examine the windows that are new to each alert.

        Args:
            on_event: Receives what is being loaded.
            cancel: Ends it between two steps of the model.
            patience_seconds: How long to wait for another process that is at it.

        Raises:
            StoreBusyError: another process is examining windows.
            StoreError: the index cannot be read, or the state not be written.
            Cancelled: it was cancelled.
        """
        alerts = [alert for alert in self._alerts.all() if alert.enabled]
        store = self._service.existing_store()
        if not alerts or store is None:
            return ScanReport()
        windows, moments, problems = 0, list[AlertMoment](), dict[str, str]()
        with self._lock(patience_seconds):
            if not self._any_new(store, alerts):
                return ScanReport()
            ready = searchable(store, self._service.embedder(on_event).name)
            for alert in alerts:
                try:
                    for count, found in self._examine(store, alert, ready, on_event, cancel):
                        windows += count
                        moments += found
                except Cancelled:
                    raise
                except FootageError as error:
                    logger.warning(
                        "alert cannot be matched", exc_info=True, extra={"fields": {"id": alert.id}}
                    )
                    problems[alert.name] = str(error)
        return ScanReport(windows, tuple(moments), problems)

    @contextmanager
    def _lock(self, patience_seconds: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._state.path.with_name(LOCK_NAME), timeout=patience_seconds):
                yield
        except Timeout as error:
            raise StoreBusyError(
                "another process is matching alerts", hint="It finds the same moments; nothing is to be done."
            ) from error

    def _any_new(self, store: Store, alerts: Sequence[Alert]) -> bool:
        """Whether any window of the index is new to an alert."""
        windows, aliases = committed(store), self._alerts.aliases()
        return any(unexamined(windows, self._alerts.examined(alert.id), aliases) for alert in alerts)

    def _examine(
        self, store: Store, alert: Alert, ready: Windows, on_event: Listener, cancel: CancelToken | None
    ) -> Iterator[tuple[int, Sequence[AlertMoment]]]:
        """Examine the windows of some videos after the other; gives how many there were, and new moments."""
        query = alert_query(alert)
        aliases = self._alerts.aliases()
        left = unexamined(ready, self._alerts.examined(alert.id), aliases)
        files = _by_content(store.files.all())
        left = {
            place: indexes
            for place, indexes in left.items()
            if not waits_for_clock(query.filters, files.get(place[0], ()))
        }
        if not left:
            return
        engine = self._service.engine(on_event, embed=not query.only_words)
        matcher = Matcher(engine, query, alert.least_verdict)
        for some in batches(left):
            if cancel is not None:
                cancel.raise_if_cancelled()
            spans = spans_of(store, some)
            texts = sum(len(ready[place]) for place in ready if place[0] in spans)
            new = {
                content_id: {track: tuple(each.values()) for track, each in tracks.items()}
                for content_id, tracks in spans.items()
            }
            matches = matcher.matches(new, texts=texts, cancel=cancel) if new else []
            look = _Look(alert, query.filters, files, aliases, spans, self._clock())
            moments = self._record(look, matches, some)
            yield sum(map(len, some.values())), moments

    def _record(self, look: _Look, matches: Sequence[Match], windows: Windows) -> list[AlertMoment]:
        """Keep the new moments among some matches, and that their windows were examined."""
        alert = look.alert
        by_video: dict[str, list[Match]] = defaultdict(list)
        for match in sorted(matches, key=lambda match: (match.verdict != "found", match.span)):
            if look.is_in_time(match):
                by_video[look.key_of(match)].append(match)
        moments: list[tuple[str, AlertMoment]] = []
        extents: list[Extent] = []
        for key, found in sorted(by_video.items()):
            result = sorted_out([match.span for match in found], self._alerts.extents(alert.id, key))
            commits = self._alerts.commits(key) | self._alerts.commits(found[0].video.content_id)
            ids: dict[str, str] = {}
            for number in result.new:
                moment = look.moment(found[number], commits)
                ids[str(number)] = moment.id
                moments.append((key, moment))
            extents += [
                replace(each, moment_id=ids.get(each.moment_id, each.moment_id)) for each in result.extents
            ]
        deliveries = [] if alert.about_absence else self._to_send(alert, [moment for _, moment in moments])
        self._alerts.record(
            alert.id,
            Examined(by_key(windows, look.aliases), tuple(moments), tuple(extents), tuple(deliveries)),
        )
        return [moment for _, moment in moments]

    def _to_send(self, alert: Alert, moments: Sequence[AlertMoment]) -> list[Delivery]:
        """What is to be sent of new moments; those that fall into the cool-down are not."""
        sent: dict[str, list[float]] = defaultdict(list)
        if alert.cool_down_seconds:
            earlier = self._alerts.moments(alert.id)
            states = self._deliveries.of([moment.id for moment in earlier])
            for moment in earlier:
                if any(each.state != "suppressed" for each in states.get(moment.id, ())):
                    sent[moment.camera].append(_happened_at(moment))
        deliveries = []
        for moment in moments:
            at = _happened_at(moment)
            cooling = is_cooling_down(at, sent[moment.camera], alert.cool_down_seconds)
            if not cooling:
                sent[moment.camera].append(at)
            deliveries += deliveries_of(alert, moment, "suppressed" if cooling else "pending")
        return deliveries


def deliveries_of(alert: Alert, moment: AlertMoment, state: DeliveryState = "pending") -> list[Delivery]:
    """A moment for each sink of its alert."""
    return [
        Delivery(
            digest_of(moment.id, sink.key),
            alert.id,
            moment.id,
            sink.key,
            state,
            next_attempt_at=moment.recorded_at,
            made_at=moment.recorded_at,
        )
        for sink in alert.sinks
    ]


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at the windows of some videos for one alert."""

    alert: Alert
    filters: Filters
    files: Mapping[str, Sequence[File]]
    aliases: Mapping[str, str]
    spans: Mapping[str, Mapping[str, Mapping[int, Span]]]
    at: float

    def key_of(self, match: Match) -> str:
        """The earliest id of the video of a match."""
        return self.aliases.get(match.video.content_id, match.video.content_id)

    def is_in_time(self, match: Match) -> bool:
        """Whether a match meets the conditions on time itself: its video may go on beyond them."""
        filters = self.filters
        conditions = Filters(after=filters.after, before=filters.before, hours=filters.hours)
        file, (start, _) = self._file(match), self._clock_times(match)
        if file is None or start is None:
            return True  # its video meets them, or there are none
        length = match.span.duration_seconds
        return conditions.fits(replace(file, recorded_at=start.isoformat(), duration_seconds=length))

    def moment(self, match: Match, commits: Mapping[tuple[str, int], float]) -> AlertMoment:
        """The moment of a match."""
        file, (start, end) = self._file(match), self._clock_times(match)
        key, began = self.key_of(match), match.span.start_seconds.hex()
        shown = [
            commits[track, index]
            for track, spans in self.spans.get(match.video.content_id, {}).items()
            for index, span in spans.items()
            if (track, index) in commits and shares_time(match.span, span)
        ]
        return AlertMoment(
            id=digest_of(self.alert.id, key, began),
            alert_id=self.alert.id,
            kind="moment",
            content_id=match.video.content_id,
            path=match.path,
            span=match.span,
            starts_at=start.isoformat() if start else "",
            ends_at=end.isoformat() if end else "",
            camera=file.camera if file else "",
            verdict=match.verdict,
            confidence=match.confidence,
            text=match.text,
            evidence=match.evidence,
            committed_at=min(shown, default=0.0),
            recorded_at=self.at,
        )

    def _file(self, match: Match) -> File | None:
        here = self.files.get(match.video.content_id, ())
        return next((file for file in here if file.path == match.path), here[0] if here else None)

    def _clock_times(self, match: Match) -> tuple[datetime | None, datetime | None]:
        """The wall-clock times of a match, where its file has them."""
        file = self._file(match)
        if file is None or not file.recorded_at:
            return None, None
        began = datetime.fromisoformat(file.recorded_at)
        start, end = match.span.start_seconds, match.span.end_seconds
        return began + timedelta(seconds=start), began + timedelta(seconds=end)


def _by_content(files: Sequence[File]) -> dict[str, list[File]]:
    found: dict[str, list[File]] = defaultdict(list)
    for file in files:
        if file.content_id:
            found[file.content_id].append(file)
    return found


def _happened_at(moment: AlertMoment) -> float:
    """When it happened by the clock of its file, else when it was recorded; seconds since the epoch."""
    return datetime.fromisoformat(moment.starts_at).timestamp() if moment.starts_at else moment.recorded_at
