"""The table of benchmarks: format, expected counts, published rows, origin; reads nothing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from footage.core.errors import UsageError

PredictionForm = Literal["windows", "qvhighlights", "timelens", "gmr"]
"""Form of a file of predictions: see ``evaluation.benchmarks.predictions``."""

TIMELENS_README = "README of github.com/TencentARC/TimeLens"
ARTICLE = "article by Marlin's makers, not checked here"


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """Figures that others published, in percent; None where they published none."""

    system: str
    """The model."""
    source: str
    """Where the figures stand."""
    mean_iou: float
    """mIoU of the first span."""
    recalls: tuple[float, float, float] | None = None
    """R@1 at IoU 0.3, 0.5 and 0.7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark."""

    name: str
    """Name on the command line."""
    title: str
    """Name of the data set."""
    format: str
    """Format of its annotations: a key of ``evaluation.readers.FORMATS``."""
    form: PredictionForm = "windows"
    """Form of its predictions."""
    queries: Mapping[str, int] = field(default_factory=dict)
    """Queries by name of the file that figures are published for; empty where there is no such file."""
    average_precision: bool = False
    """Whether mAP is one of its figures."""
    cut_truths: bool = False
    """Whether true spans are cut at the end of their video: some lie past it."""
    published: tuple[PublishedRow, ...] = ()
    """Figures that others published."""
    origin: str = ""
    """Where annotations and videos come from."""
    licence: str = ""
    """What their licence allows, in one sentence."""

    @property
    def expected(self) -> tuple[int, ...]:
        """The numbers of queries that published figures are about."""
        return tuple(self.queries.values())


_TIMELENS = (
    "TimeLens-Bench is for academic use only, and its licence says that it is not intended for use within "
    "the EU."
)
_TIMELENS_ORIGIN = "huggingface.co/datasets/TencentARC/TimeLens-Bench"


def _timelens(
    name: str,
    title: str,
    queries: int,
    rows: Mapping[str, tuple[float, float, float, float]],
    means: Mapping[str, float],
) -> Benchmark:
    """A part of TimeLens-Bench.

    Args:
        name: On the command line.
        title: Name of the data set.
        queries: Queries in its file.
        rows: R@1 at 0.3, 0.5 and 0.7 and mIoU by system, of the README.
        means: mIoU by system, of ``ARTICLE``.
    """
    read = (PublishedRow(system, TIMELENS_README, row[3], row[:3]) for system, row in rows.items())
    quoted = (PublishedRow(system, ARTICLE, mean) for system, mean in means.items())
    return Benchmark(
        name=name,
        title=title,
        format="timelens",
        form="timelens",
        queries={f"{name}.json": queries},
        published=(*read, *quoted),
        origin=_TIMELENS_ORIGIN,
        licence=_TIMELENS,
    )


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        _timelens(
            "charades-timelens",
            "Charades-TimeLens",
            3_363,
            {
                "Qwen2.5-VL-7B": (59.7, 37.8, 16.6, 39.3),
                "TimeLens-7B": (70.5, 55.6, 28.4, 48.8),
                "Qwen3-VL-8B": (69.2, 53.4, 27.5, 48.3),
                "TimeLens-8B": (76.6, 63.0, 35.2, 55.2),
            },
            {"Gemini-2.5-Pro": 52.8, "Marlin-2B (GRPO)": 50.05, "Marlin-2B (SFT)": 45.73},
        ),
        _timelens(
            "activitynet-timelens",
            "ActivityNet-TimeLens",
            4_500,
            {
                "Qwen2.5-VL-7B": (44.1, 31.0, 16.1, 31.4),
                "TimeLens-7B": (62.8, 51.0, 32.6, 46.2),
                "Qwen3-VL-8B": (62.1, 51.2, 34.4, 46.8),
                "TimeLens-8B": (68.9, 58.4, 40.6, 53.2),
            },
            {"Gemini-2.5-Pro": 58.1, "Marlin-2B (GRPO)": 45.88, "Marlin-2B (SFT)": 42.10},
        ),
        _timelens(
            "qvhighlights-timelens",
            "QVHighlights-TimeLens",
            1_541,
            {
                "Qwen2.5-VL-7B": (41.5, 27.8, 15.2, 31.6),
                "TimeLens-7B": (74.1, 62.7, 43.1, 56.0),
                "Qwen3-VL-8B": (74.2, 64.6, 49.3, 59.4),
                "TimeLens-8B": (80.2, 71.6, 55.5, 65.5),
            },
            {"Gemini-2.5-Pro": 70.4, "Marlin-2B (GRPO)": 55.50, "Marlin-2B (SFT)": 52.46},
        ),
        Benchmark(
            name="charades-sta",
            title="Charades-STA",
            format="charades",
            queries={"charades_sta_test.txt": 3_720},
            cut_truths=True,
            origin="annotations: data/dataset/charades of github.com/26hzhang/VSLNet; videos: the Charades "
            "data set of the Allen Institute for AI",
            licence="Charades is for non-commercial use; read its licence before you download it.",
        ),
        Benchmark(
            name="qvhighlights",
            title="QVHighlights",
            format="qvhighlights",
            form="qvhighlights",
            queries={"highlight_val_release.jsonl": 1_550, "highlight_test_with_gt.jsonl": 1_542},
            average_precision=True,
            origin="data of github.com/jayleicn/moment_detr",
            licence="The annotations are CC BY-NC-SA 4.0: for non-commercial use.",
        ),
        Benchmark(
            name="activitynet",
            title="ActivityNet Captions",
            format="activitynet",
            queries={"val_1.json": 17_505, "val_2.json": 17_031},
            origin="annotations: data/anet/captiondata of github.com/ttengwang/PDVC; videos: the ActivityNet "
            "project",
            licence="The data set states no licence; the videos belong to those who uploaded them.",
        ),
        Benchmark(
            name="youcook2",
            title="YouCook2",
            format="activitynet",
            queries={"yc2_val.json": 3_492},
            origin="annotations: github.com/ttengwang/PDVC; videos: the YouCook2 project",
            licence="The data set states no licence; the videos belong to those who uploaded them.",
        ),
        Benchmark(
            name="gmr",
            title="Soccer-GMR, or any file of its format",
            format="gmr",
            form="gmr",
            origin="the project of generalised moment retrieval",
            licence="Read the licence of the annotations and of the broadcasts.",
        ),
        Benchmark(
            name="footage",
            title="a truth file of this project",
            format="footage",
            origin="footage eval init",
        ),
    )
}
"""Known benchmarks by name."""


def get_benchmark(name: str) -> Benchmark:
    """Look a benchmark up by its name, ignoring case.

    Raises:
        UsageError: when there is none; names the known ones and the nearest.
    """
    wanted = name.strip().casefold()
    if (found := BENCHMARKS.get(wanted)) is not None:
        return found
    near = difflib.get_close_matches(wanted, BENCHMARKS, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(f"There is no benchmark {name!r}.", hint=f"{guess}Known are {', '.join(BENCHMARKS)}.")
