"""What the benchmarks share: the machine, repeats in turns, medians, tables, JSON; knows none of them."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import resource
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"
"""Where results are written; git does not keep them."""
PACKAGES = ("footage", "torch", "transformers", "lancedb", "numpy", "torchcodec", "av", "streamlit")
"""Packages whose versions are reported."""
REPEATS = 5
"""Times a thing is measured, at least."""


def machine() -> dict[str, object]:
    """What it ran on: processor, memory in GB, system, load of the last minute, graphics card, versions."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": _gpu(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _cpu() -> str:
    response = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", response.read_text()) if response.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def seconds_of(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turns(
    calls: Mapping[str, Callable[[], object]], *, repeats: int = REPEATS, warm: int = 1
) -> dict[str, list[float]]:
    """Time some calls in turns, every other round backwards, so that what disturbs one disturbs all.

    Args:
        calls: What to time, by name.
        repeats: Rounds that count.
        warm: Rounds before them that do not.

    Returns:
        Seconds of each round, by name.
    """
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warm + repeats):
        gc.collect()
        for name in list(calls)[:: -1 if number % 2 else 1]:
            seconds = seconds_of(calls[name])
            if number >= warm:
                took[name].append(seconds)
    return took


def spread(values: Iterable[float], *, digits: int = 4) -> dict[str, float]:
    """The median of some repeats, how far they spread, and how many they are."""
    held = np.array(list(values), float)
    low, median, high = np.percentile(held, [25, 50, 75])
    response = {"median": median, "q1": low, "q3": high, "min": held.min(), "max": held.max()}
    return {**{name: round(float(value), digits) for name, value in response.items()}, "runs": len(held)}


def percentiles(values: Iterable[float], *, digits: int = 2) -> dict[str, float]:
    """p50, p95 and p99 of many measurements, in their unit."""
    held = np.percentile(np.array(list(values), float), [50, 95, 99])
    return {
        name: round(float(value), digits) for name, value in zip(("p50", "p95", "p99"), held, strict=True)
    }


def memory_mb() -> dict[str, float]:
    """Memory of this process, and of it what is no file's, in MB; empty where the system does not tell."""
    response = Path("/proc/self/status")
    if not response.exists():
        return {}
    found = dict(re.findall(r"(VmRSS|RssAnon|VmHWM):\s*(\d+) kB", response.read_text()))
    names = {"resident_mb": "VmRSS", "of_no_file_mb": "RssAnon", "peak_mb": "VmHWM"}
    return {name: round(int(found[key]) * 1024 / 1e6) for name, key in names.items() if key in found}


def cpu_seconds() -> float:
    """Processor time of this process and its children so far, of those that run, too."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ended = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return ended + sum(map(_cpu_if_child, Path("/proc").glob("[0-9]*/stat")))


def start_decoders() -> None:
    """Start the decoders of a running engine anew, which know no file, and wait until they have loaded."""
    from footage.media.sandbox import pool

    pool.end_children()
    pool.start_early(pool.MOST_READING)
    while not all(child.started for child in pool._pool._idle["read"]):
        time.sleep(0.05)


def _cpu_if_child(path: Path) -> float:
    """Processor time of a process by its file in /proc, and of its ended children; 0 if it is no child."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    mine = int(fields[1]) == os.getpid() and fields[0] != "Z"
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if mine else 0.0


def parser(description: str | None, name: str) -> argparse.ArgumentParser:
    """The arguments that every benchmark has: ``--out`` and ``--repeats``."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, default=RESULTS / f"{name}.json", help="where the JSON goes")
    made.add_argument("--repeats", type=int, default=REPEATS, help="times each thing is measured")
    return made


def show(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of the same keys as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row.get(name), (int, float)) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write(path: Path, result: Mapping[str, object]) -> None:
    """Write a result as JSON, with the machine and its versions beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **result}, indent=2, ensure_ascii=False) + "\n")
