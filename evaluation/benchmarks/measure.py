"""Measures the model of the settings on a benchmark folder, or forecasts it; words nothing for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.benchmarks.names import get_benchmark
from evaluation.benchmarks.protocol import Passes, Protocol
from evaluation.benchmarks.run import (
    BenchmarkForecast,
    BenchmarkJob,
    BenchmarkPlan,
    OnReading,
    check_work,
    default_out,
    forecast_run,
    identity_of,
    plan_run,
    run_plan,
)
from evaluation.benchmarks.scores import BenchmarkReport, report_on
from footage.core.endpoint import is_address
from footage.vlm.profiles import require
from service.events import Listener, ignore
from service.factories import deferred_model

if TYPE_CHECKING:
    from footage.vlm.deferred import DeferredModel
    from footage.vlm.protocol import VideoModel
    from search.grounding.options import GroundingOptions
    from service.session import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRequest:
    """What to measure."""

    name: str
    """Name of the benchmark."""
    annotations: Path
    """Its annotations."""
    videos: Path
    """Folder of its videos."""
    out: Path | None = None
    """The file of predictions; None for ``default_out``."""
    passes: Passes = "auto"
    """How videos are shown."""
    limit: int | None = None
    """Take only so many queries, the first of the file; None for all."""
    allow_missing: bool = False
    """Whether videos may be missing; their queries are left out."""


@dataclass(frozen=True, slots=True)
class BenchmarkSetup:
    """A request whose files and model were looked at; nothing is loaded."""

    plan: BenchmarkPlan
    """What is asked."""
    model: VideoModel | DeferredModel
    """What is known of the model."""
    protocol: Protocol
    """How videos are shown."""
    looking: GroundingOptions
    """Lengths of windows, calibration and thresholds."""
    identity: dict[str, str]
    """What the answers are about."""


def set_up(service: Service, request: BenchmarkRequest, *, on_event: Listener = ignore) -> BenchmarkSetup:
    """Look at annotations, videos, model and work file, so that everything bad shows before slow work.

    Raises:
        FootageError: a file, the folder or the model cannot be used, or the work file is about other answers.
    """
    settings = service.settings.for_finds
    # 1. Annotations and videos; the file of predictions is named after the model.
    benchmark = get_benchmark(request.name)
    service.check_skill("find")
    job = BenchmarkJob(
        benchmark=benchmark,
        annotations=request.annotations,
        videos=request.videos,
        out=request.out or default_out(benchmark, settings.model),
        passes=request.passes,
        limit=request.limit,
        allow_missing=request.allow_missing,
    )
    plan = plan_run(job)
    # 2. The model, as far as it is known without loading; a server alone knows its own.
    service.check_model("find", on_event=on_event)
    model: VideoModel | DeferredModel | None = None
    if not is_address(settings.model):
        model = deferred_model(settings, lambda: service.find_model(on_event))
    model = model or service.find_model(on_event)
    require(model.profile, "find")
    # 3. The protocol, and whether answers of an earlier run fit.
    looking = replace(
        service.looking(),
        window_seconds=service.settings.window_seconds,
        overlap_seconds=service.settings.overlap_seconds,
    )
    protocol = Protocol.of(model.profile, looking, request.passes)
    identity = identity_of(plan, protocol, model.profile, model.provenance, looking)
    check_work(plan, identity)
    return BenchmarkSetup(plan, model, protocol, looking, identity)


def measure(
    service: Service,
    setup: BenchmarkSetup,
    *,
    on_event: Listener = ignore,
    on_reading: OnReading | None = None,
) -> BenchmarkReport:
    """Ask the model what is not answered yet, write the predictions and score them.

    Raises:
        FootageError: the model fails, or nothing can be written; what is answered stays.
    """
    model = service.find_model(on_event)
    found = run_plan(
        setup.plan,
        model,
        setup.protocol,
        setup.looking,
        timeout_seconds=service.settings.decode_timeout_seconds,
        on_reading=on_reading,
    )
    return report_on(setup.plan, found, setup.protocol, model.profile)


def forecast(
    setup: BenchmarkSetup, *, on_progress: Callable[[int, int], None] | None = None
) -> BenchmarkForecast:
    """What ``measure`` would do; asks no model and writes nothing."""
    return forecast_run(
        setup.plan,
        setup.protocol,
        setup.model.profile,
        setup.looking,
        setup.identity,
        on_progress=on_progress,
    )
