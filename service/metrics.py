"""The figures of a running service for Prometheus; knows no HTTP.

Searches and index runs are counted as the service reports them (``Metrics.heard``); queues, jobs, models and
the index are read when somebody asks. Labels come from fixed sets, apart from cameras, of which there are at
most ``MOST_CAMERAS``: no query, path or token can become one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from footage.core.errors import FootageError, StoreError
from footage.core.index_place import state_folder
from service.events import Indexed, Indexing, IndexingFailed, Searched, ServiceEvent
from service.index_figures import IndexFigures, read_figures

if TYPE_CHECKING:
    from prometheus_client import Metric

    from indexer.progress import Progress
    from search.results import SearchResult
    from service.session import Service

SEARCH_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Upper limits of the histogram of search times, in seconds."""
FRESH_SECONDS = 10.0
"""The index is read at most this often, however often somebody asks."""


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        """Holds every figure."""
        ProcessCollector(registry=self.registry)
        self._searches = self._counter("searches", "Searches by their answer as a whole.", "outcome")
        self._verdicts = self._counter("verdicts", "Answers by verdict.", "verdict")
        self._seconds = Histogram(
            "footage_search_seconds",
            "Time of a search, by stage.",
            ["stage"],
            buckets=SEARCH_BUCKETS,
            registry=self.registry,
        )
        self._looked = self._counter("looked_windows", "Windows that the model looked at for searches.")
        self._looked_seconds = self._counter("looked_footage_seconds", "Footage seconds of those.")
        self._requests = self._counter("http_requests", "HTTP requests.", "method", "route", "status")
        self._request_seconds = Histogram(
            "footage_http_request_seconds",
            "Time of an HTTP request to the end of its answer.",
            ["route"],
            buckets=SEARCH_BUCKETS,
            registry=self.registry,
        )
        self._runs = self._counter("runs", "Index runs of this process that ended.", "outcome")
        self._run_windows = self._counter("run_windows", "Windows done by them.", "work")
        self._run_seconds = self._counter("run_footage_seconds", "Footage seconds done by them.", "track")
        self._reading = _RunGauges(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"footage_{name}", about, labels, registry=self.registry)

    def watch(
        self,
        service: Service,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the index, the models, the queue, jobs and alerts of a service whenever somebody asks.

        Args:
            service: The service.
            now: The time, with a zone.
            clock: Seconds that only grow.
        """
        self.registry.register(_ServiceCollector(service, now=now, clock=clock))

    def heard(self, event: ServiceEvent) -> None:
        """Count what a service reports: a ``service.events.Listener``."""
        match event:
            case Searched(result):
                self._count_search(result)
            case Indexing(reading):
                self._reading.show(reading)
            case Indexed(result):
                report = result.report
                self._reading.ended()
                self._runs.labels("stopped" if report.stopped else "done").inc()
                self._run_windows.labels("captioned").inc(report.windows_captioned)
                self._run_windows.labels("reused").inc(report.windows_reused)
                self._run_seconds.labels("caption").inc(report.seconds_captioned + report.seconds_reused)
                for track, done in report.tracks.items():
                    self._run_windows.labels("read").inc(done.windows)
                    self._run_seconds.labels(track).inc(done.seconds)
            case IndexingFailed():
                self._runs.labels("failed").inc()
                self._reading.ended()

    def _count_search(self, result: SearchResult) -> None:
        self._searches.labels(result.outcome).inc()
        for match in result.matches:
            self._verdicts.labels(match.verdict).inc()
        self._looked.inc(result.looked.windows)
        self._looked_seconds.inc(result.looked.seconds)
        timings = result.timings
        self._seconds.labels("retrieve").observe(timings.retrieve_seconds)
        if result.looked.windows:
            self._seconds.labels("load").observe(timings.load_seconds)
            self._seconds.labels("ground").observe(timings.ground_seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request.

        Args:
            method: Such as GET; others than those of HTTP count as one.
            route: Template of the route, never the path itself.
            status: Status code of the answer.
            seconds: Time to the end of the answer.
        """
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """All figures in Prometheus's or OpenMetrics' text format, and the media type.

        Args:
            accept: The Accept header of the request.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type


def service_metrics(service: Service) -> Metrics:
    """The figures of a service."""
    metrics = Metrics()
    metrics.watch(service)
    return metrics


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _RunGauges:
    """How far the index run at hand is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"footage_running_{name}", about, labels, registry=registry)

        self._active = gauge("index_runs", "Index runs of this process that are going on.")
        self._files = gauge("files", "Files of the index run at hand.", "state")
        self._windows = gauge("windows", "Windows of the index run at hand.", "state")
        self._seconds = gauge("footage_seconds", "Footage of the index run at hand.", "track", "state")
        self._speed = gauge("speed", "Footage seconds captioned per second by the index run at hand.")

    def show(self, reading: Progress) -> None:
        self._active.set(reading.stage != "done")
        self._files.labels("done").set(reading.files_done)
        self._files.labels("found").set(reading.files_total)
        self._windows.labels("done").set(reading.windows_done)
        self._windows.labels("found").set(reading.windows_total)
        self._seconds.labels("caption", "done").set(reading.seconds_done)
        self._seconds.labels("caption", "found").set(reading.seconds_total)
        for track in reading.tracks:
            self._seconds.labels(track.track, "done").set(track.seconds_done)
            self._seconds.labels(track.track, "found").set(track.seconds_total)
        self._speed.set(reading.speed)

    def ended(self) -> None:
        self._active.set(0)
        self._speed.set(0)


class _ServiceCollector(Collector):
    """Figures that are read when somebody asks."""

    def __init__(
        self,
        service: Service,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._now, self._clock = now, clock
        self._lock = threading.Lock()
        self._read: tuple[float, IndexFigures] | None = None

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        info = GaugeMetricFamily("footage_build_info", "1; the label says which version.", labels=["version"])
        info.add_metric([version("footage")], 1)
        yield info
        yield from self._counted()
        yield from _model_figures(self._service)
        try:
            figures, readable = self._figures(), 1
        except StoreError:
            figures, readable = None, 0
        yield GaugeMetricFamily("footage_index_readable", "Whether the index can be read.", value=readable)
        if figures is not None:
            yield from _index_figures(figures)

    def _figures(self) -> IndexFigures:
        with self._lock:
            at = self._clock()
            if self._read is None or at - self._read[0] >= FRESH_SECONDS:
                self._read = at, read_figures(self._service, now=self._now)
            return self._read[1]

    def _counted(self) -> Iterator[Metric]:
        """Queue, jobs and alerts."""
        from footage.store.state.figures import read_state_figures

        steps = GaugeMetricFamily("footage_queue_requests", "Steps in the model's queue.", labels=["kind"])
        if (queue := self._service.queue) is not None:
            _by_label(steps, queue.depths().items())
        jobs = GaugeMetricFamily("footage_jobs", "Jobs by state.", labels=["state"])
        sent = GaugeMetricFamily("footage_alert_deliveries", "Deliveries of alerts.", labels=["state"])
        with suppress(FootageError):  # the state is busy: the other figures still count
            state = read_state_figures(state_folder(self._service.settings.db))
            _by_label(jobs, state.jobs.items())
            _by_label(sent, state.deliveries.items())
        yield from (steps, jobs, sent)


def _index_figures(figures: IndexFigures) -> Iterator[Metric]:
    tracks = figures.tracks.items()
    yield _by_label(
        GaugeMetricFamily("footage_index_windows", "Windows that the index holds.", labels=["track"]),
        ((name, each.windows) for name, each in tracks),
    )
    yield _by_label(
        GaugeMetricFamily("footage_index_footage_seconds", "Footage that they cover.", labels=["track"]),
        ((name, each.footage_seconds) for name, each in tracks),
    )
    yield _by_label(
        GaugeMetricFamily("footage_index_files", "Files that the index knows.", labels=["state"]),
        figures.files.items(),
    )
    yield _by_label(
        CounterMetricFamily("footage_index_stage_seconds", "Time of all index runs.", labels=["stage"]),
        figures.stage_seconds.items(),
    )
    yield _by_label(
        GaugeMetricFamily(
            "footage_index_lag_seconds",
            "From the end of the newest indexed footage of a camera to now.",
            labels=["camera"],
        ),
        figures.lag_seconds.items(),
    )
    yield CounterMetricFamily(
        "footage_index_captioned_windows",
        "Windows captioned by all index runs.",
        value=figures.windows_captioned,
    )
    for name, about, value in (
        ("footage_index_videos", "Videos with captions.", figures.videos),
        ("footage_index_size_bytes", "Size of the index on disk.", figures.size_bytes),
        ("footage_disk_free_bytes", "Free space on the disk of the index.", figures.free_bytes),
    ):
        yield GaugeMetricFamily(name, about, value=value)


def _model_figures(service: Service) -> Iterator[Metric]:
    """What the models that are loaded have done."""
    from footage.vlm.protocol import CountsWork, Recalling

    def counter(name: str, about: str, label: str) -> CounterMetricFamily:
        return CounterMetricFamily(f"footage_{name}", about, labels=["model", label])

    yield GaugeMetricFamily("footage_models_loaded", "Models in memory.", value=len(service.loaded_models()))
    work = counter("model_work", "Batches and answers of the model.", "kind")
    tokens = counter("model_tokens", "Tokens read and written.", "kind")
    cache = counter("cache_requests", "Windows looked up in caches.", "result")
    seconds = counter("model_seconds", "Time of the model.", "stage")
    for model in service.loaded_models():
        name = model.profile.name
        for stage, spent in dict(model.stage_seconds).items():
            seconds.add_metric([name, stage], spent)
        if isinstance(model, CountsWork):
            done = model.work
            work.add_metric([name, "batches"], done.batches)
            work.add_metric([name, "answers"], done.requests)
            tokens.add_metric([name, "prompt"], done.prompt_tokens)
            tokens.add_metric([name, "answer"], done.answer_tokens)
            cache.add_metric([name, "memory hit"], done.states_kept)
            cache.add_metric([name, "memory miss"], done.states_made)
        if isinstance(model, Recalling) and model.shelf is not None:
            cache.add_metric([name, "disk hit"], model.shelf.hits)
            cache.add_metric([name, "disk miss"], model.shelf.misses)
    yield from (work, tokens, cache, seconds)


def _by_label(
    family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[str, float]]
) -> GaugeMetricFamily | CounterMetricFamily:
    for label, value in values:
        family.add_metric([label], value)
    return family
