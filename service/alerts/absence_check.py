"""Reports what did not happen: looks up when footage was recorded and what an alert found in it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from footage.core.alerts import Alert, AlertMoment, MomentKind, digest_of
from footage.core.names import folded
from footage.core.types import Span
from footage.store.state.alerts import AlertRepository, Examined
from search.query.filters import fitting, read_hours
from service.alerts.absence import Interval, Judgement, daily_periods, judged, periods_without
from service.alerts.scan import alert_query, deliveries_of

if TYPE_CHECKING:
    from footage.core.types import File
    from footage.store import Store
    from service.session import Service

_SHOWN_GAPS = 3
_NO_CAMERA = "the camera"


class AbsenceCheck:
    """Reports the absences of the alerts of one index, each once."""

    def __init__(self, service: Service, *, clock: Callable[[], float] = time.time) -> None:
        """Take a service, and what tells the time in seconds since the epoch."""
        self._service = service
        self._clock = clock
        self._alerts = AlertRepository(service.state())

    def check(self) -> list[AlertMoment]:
        """Record what did not happen, and what is to be sent of it; gives what is new.

        Call it after new windows were examined (``AlertScanner.scan``).

        Raises:
            StoreError: the index cannot be read, or the state not be written.
        """
        store = self._service.existing_store()
        alerts = [alert for alert in self._alerts.all() if alert.enabled and alert.about_absence]
        if store is None:
            return []
        return [moment for alert in alerts for moment in self._check(store, alert)]

    def _check(self, store: Store, alert: Alert) -> list[AlertMoment]:
        now, zone = self._clock(), ZoneInfo(alert.time_zone)
        footage = self._footage(store, alert)
        matches = self._matches(alert)
        begins = alert.created_at
        if alert.from_start:
            begins = min((each.start for recorded in footage.values() for each in recorded), default=begins)
        periods: list[Interval] = []
        if alert.absent_for_seconds:
            periods += periods_without(begins, matches, length_seconds=alert.absent_for_seconds, now=now)
        if hours := read_hours(alert.absent_between):
            periods += daily_periods(begins, *hours, zone, now=now)
        moments = [
            _moment(alert, each, footage, zone, now)
            for each in judged(periods, matches=matches, footage=footage, now=now)
        ]
        known = self._alerts.some([moment.id for moment in moments])
        new = [moment for moment in moments if moment.id not in known]
        if new:
            deliveries = [each for moment in new for each in deliveries_of(alert, moment)]
            result = Examined(moments=[("", moment) for moment in new], deliveries=deliveries)
            self._alerts.record(alert.id, result)
        return new

    def _matches(self, alert: Alert) -> list[Interval]:
        """When something happened, by the clocks of the files."""
        spans = self._alerts.spans(alert.id)
        found = []
        for moment in self._alerts.moments(alert.id):
            if moment.kind == "moment" and moment.starts_at:
                began = datetime.fromisoformat(moment.starts_at).timestamp() - moment.span.start_seconds
                span = spans.get(moment.id, moment.span)
                found.append(Interval(began + span.start_seconds, began + span.end_seconds))
        return found

    def _footage(self, store: Store, alert: Alert) -> dict[str, list[Interval]]:
        """When the examined footage was recorded, by camera; a camera that a filter names is always there."""
        query = alert_query(alert)
        chosen = fitting(query.filters, store)
        examined, aliases = self._alerts.examined(alert.id), self._alerts.aliases()
        found: dict[str, list[Interval]] = defaultdict(list)
        names: dict[str, str] = {}
        files: dict[str, list[File]] = defaultdict(list)
        for file in store.files.all():
            if file.content_id in chosen and file.state != "gone":
                files[file.content_id].append(file)
                names.setdefault(folded(file.camera), file.camera)
        for camera in query.filters.cameras:
            found[names.setdefault(folded(camera), camera)] = []
        for track in (*store.windows.tracks(), *store.windows.image_tracks()):
            spans = store.windows.spans(sorted(files), track=track) if files else {}
            for content_id, each in spans.items():
                seen = examined.get((aliases.get(content_id, content_id), track), set())
                shown = [span for index, span in each.items() if index in seen]
                for file in files[content_id]:
                    found[names[folded(file.camera)]] += _recorded(file, shown)
        return dict(found)


def _recorded(file: File, spans: list[Span]) -> list[Interval]:
    """When some spans of a file were recorded; none where its clock is unknown."""
    if not file.recorded_at:
        return []
    began = datetime.fromisoformat(file.recorded_at).timestamp()
    return [Interval(began + span.start_seconds, began + span.end_seconds) for span in spans]


def _moment(
    alert: Alert, judgement: Judgement, footage: Mapping[str, object], zone: ZoneInfo, now: float
) -> AlertMoment:
    """The report on a period."""
    kind: MomentKind = "absence" if judgement.known else "unknown"
    start, end = (datetime.fromtimestamp(at, zone) for at in (judgement.period.start, judgement.period.end))
    cameras = ", ".join(camera or _NO_CAMERA for camera in sorted(footage)) or _NO_CAMERA
    period = f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    if judgement.known:
        text = f'Nothing matched "{alert.query}" at {cameras} {period}.'
    else:
        text = f'It is not known whether anything matched "{alert.query}" at {cameras} {period}: no footage.'
    return AlertMoment(
        id=digest_of(alert.id, kind, judgement.period.start.hex(), judgement.period.end.hex()),
        alert_id=alert.id,
        kind=kind,
        content_id="",
        path="",
        span=Span(0.0, 0.0),
        starts_at=start.isoformat(),
        ends_at=end.isoformat(),
        camera=cameras,
        verdict="absent" if judgement.known else "not known",
        confidence=None,
        text=text,
        evidence=_evidence(judgement, zone),
        recorded_at=now,
    )


def _evidence(judgement: Judgement, zone: ZoneInfo) -> tuple[str, ...]:
    if judgement.known:
        return ("All footage of the period is in the index and was examined.",)
    sentences = []
    for camera, gaps in sorted(judgement.missing.items()):
        shown = [
            f"{datetime.fromtimestamp(gap.start, zone):%H:%M:%S} to "
            f"{datetime.fromtimestamp(gap.end, zone):%H:%M:%S}"
            for gap in gaps[:_SHOWN_GAPS]
        ]
        more = f" and {len(gaps) - _SHOWN_GAPS} more" if len(gaps) > _SHOWN_GAPS else ""
        sentences.append(f"No footage of {camera or _NO_CAMERA} from {', '.join(shown)}{more}.")
    return tuple(sentences) or ("The index has no camera that fits.",)
