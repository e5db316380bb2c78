"""Computes what a library costs to index, from assumptions that can be changed; measures nothing.

    python -m tools.cost                                      # the tables of the page, in Markdown
    python -m tools.cost --hours 1000000                      # one size
    python -m tools.cost --hours 5000 --gpu-seconds-per-hour 150 --dollars-per-gpu-hour 1.8 --json

A test compares the tables with docs/explanation/cost.md. ``--gpu-seconds-per-hour`` replaces the published
rates by yours.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

HOURS = (100, 1_000, 10_000, 1_000_000)
"""Sizes of the page's table."""


def _assumed(value: float, what: str, source: str) -> float:
    made: float = field(default=value, metadata={"what": what, "source": source})
    return made


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What holds for every GPU; each has a source."""

    window_seconds: float = _assumed(30, "length of a window, s", "the default for Marlin-2B")
    overlap_seconds: float = _assumed(5, "what neighbouring windows share, s", "the default for Marlin-2B")
    events_per_hour: float = _assumed(
        300, "events in an hour of footage", "measured: `python -m evaluation.suites long-file`"
    )
    index_mb_per_hour: float = _assumed(
        10, "index without image vectors, MB per hour", "planned; 1.3 to 2.5 measured with terse captions"
    )
    vectors_per_hour: float = _assumed(
        3600, "image vectors in an hour", "the most there are: one a second; 120 where nothing changes"
    )
    vector_bytes: float = _assumed(
        3480,
        "disk for an image vector with its index, bytes",
        "768 numbers, in proportion to 580 measured for 128",
    )
    commit_seconds: float = _assumed(
        0.1,
        "processor time of the writer for a window, s",
        "measured: 0.095 for files of one window, all included",
    )
    days: float = _assumed(30, "days in which it is to be done", "chosen")
    busy_share: float = _assumed(0.8, "share of the time in which a GPU works", "assumed")

    @property
    def windows_per_hour(self) -> float:
        """Windows of an hour of footage."""
        return 3600 / (self.window_seconds - self.overlap_seconds)

    @property
    def shown_share(self) -> float:
        """Seconds shown to the model for each second of footage."""
        return self.window_seconds / (self.window_seconds - self.overlap_seconds)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast one GPU captions, what it costs, and what decoding for it takes."""

    name: str
    """GPU and footage."""
    gpu_seconds_per_hour: float
    """GPU time for an hour of footage."""
    dollars_per_gpu_hour: float
    """Price."""
    decode_cpu_seconds: float
    """Processor time for decoding, sampling and encoding a second of footage."""
    source: str
    """Where the GPU time comes from."""
    price_source: str = "as above"
    """Where the price comes from."""
    decode_source: str = "measured at 640x360 through a server; other sizes in proportion to pixels"
    """Where the processor time comes from."""


_MEASURED_CPU = 0.035  # docs/explanation/performance.md: 640x360, through a server
_PIXELS = 9  # 1920x1080 against 640x360
_GIVEN = "given"


def rates(assumed: Assumptions) -> list[Rate]:
    """The published rates of Marlin-2B."""

    def of_clips(clips_per_second: float) -> float:
        return 3600 * assumed.shown_share / (10 * clips_per_second)

    clips = "published: {:g} clips of 10 s per second, vLLM, 8 at once; price assumed"
    return [
        Rate("L40S, 640x360", of_clips(3.58), 2.0, _MEASURED_CPU, clips.format(3.58)),
        Rate("L40S, 1920x1080", of_clips(1.57), 2.0, _MEASURED_CPU * _PIXELS, clips.format(1.57)),
        Rate(
            "A10G",
            60 * 3.0,
            1.0,
            _MEASURED_CPU,
            "published: 3 s for a minute of film, $0.05 for an hour of it; the price follows from both",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Cost:
    """What indexing a library takes on one kind of GPU."""

    hours: float
    """Hours of footage."""
    gpu: str
    """GPU and footage."""
    gpu_hours: float
    """GPU time."""
    dollars: float
    """Price of it."""
    gpus: float
    """GPUs to be done in the given days."""
    decode_cores_per_gpu: float
    """Cores that decode for one GPU while it works."""
    decode_core_hours: float
    """Processor time for decoding."""


@dataclass(frozen=True, slots=True)
class Index:
    """What the index of a library takes, on any GPU."""

    hours: float
    """Hours of footage."""
    windows: float
    """Rows of windows: captions."""
    events: float
    """Rows of events, each with a vector."""
    image_vectors: float
    """Rows of image vectors."""
    texts_gb: float
    """Disk for captions, events and their vectors."""
    images_gb: float
    """Disk for image vectors."""
    writer_days: float
    """Processor time of the one process that writes."""


def cost(hours: float, rate: Rate, assumed: Assumptions) -> Cost:
    """What the captions of a library take."""
    gpu_hours = hours * rate.gpu_seconds_per_hour / 3600
    return Cost(
        hours,
        rate.name,
        gpu_hours,
        gpu_hours * rate.dollars_per_gpu_hour,
        gpu_hours / (24 * assumed.days * assumed.busy_share),
        3600 / rate.gpu_seconds_per_hour * rate.decode_cpu_seconds,
        hours * rate.decode_cpu_seconds,
    )


def index(hours: float, assumed: Assumptions) -> Index:
    """What the index of a library takes."""
    windows = hours * assumed.windows_per_hour
    vectors = hours * assumed.vectors_per_hour
    return Index(
        hours,
        windows,
        hours * assumed.events_per_hour,
        vectors,
        hours * assumed.index_mb_per_hour / 1e3,
        vectors * assumed.vector_bytes / 1e9,
        windows * assumed.commit_seconds / 86_400,
    )


def tables(
    hours: Sequence[float], chosen: Sequence[Rate], assumed: Assumptions, *, given: Collection[str] = ()
) -> list[str]:
    """The tables of the page: assumptions, captions, index; ``given`` names assumptions of the user."""
    held = [
        (
            each.metadata["what"],
            getattr(assumed, each.name),
            _GIVEN if each.name in given else each.metadata["source"],
        )
        for each in fields(assumed)
    ]
    of_gpus = [
        row
        for rate in chosen
        for row in (
            (f"{rate.name}: GPU time for an hour of footage, s", rate.gpu_seconds_per_hour, rate.source),
            (f"{rate.name}: price of a GPU hour, $", rate.dollars_per_gpu_hour, rate.price_source),
            (
                f"{rate.name}: processor time to decode a second, s",
                rate.decode_cpu_seconds,
                rate.decode_source,
            ),
        )
    ]
    captions = [cost(size, rate, assumed) for size in hours for rate in chosen]
    indexes = [index(size, assumed) for size in hours]
    return [
        table(("Assumption", "Value", "Source"), [*of_gpus, *held]),
        table(
            (
                "Hours",
                "GPU",
                "GPU hours",
                "$",
                f"GPUs for {assumed.days:g} days",
                "Cores per GPU",
                "Core hours",
            ),
            [tuple(asdict(each).values()) for each in captions],
        ),
        table(
            ("Hours", "Windows", "Events", "Image vectors", "Texts, GB", "Images, GB", "Writer, days"),
            [tuple(asdict(each).values()) for each in indexes],
        ),
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[float | str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *([shown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def shown(value: float | str) -> str:
    """A number with three digits that count, or a text."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def number(text: str) -> float:
    """A finite number of at least 0; commas between thousands are allowed, as the tables write them.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        value = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_MOST:g}")
    return value


def positive(text: str) -> float:
    """As ``number``, and large enough to divide by."""
    value = number(text)
    if value < 1 / _MOST:
        raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
    return value


def share(text: str) -> float:
    """As ``positive``, and at most 1."""
    value = positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text} is more than 1: a share of the whole is meant")
    return value


_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_MOST = 1e12  # products of several such numbers are still finite
_TYPES: dict[str, Callable[[str], float]] = {
    "window_seconds": positive,
    "days": positive,
    "busy_share": share,
}
"""How assumptions are read that are no plain ``number``."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or objects."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    given = {name: value for name, value in options.items() if value is not None}
    of_user = {each.name: given[each.name] for each in fields(Assumptions) if each.name in given}
    assumed = Assumptions(**of_user)
    if assumed.overlap_seconds >= assumed.window_seconds:
        parser.error(
            f"--overlap-seconds ({assumed.overlap_seconds:g}) must be less than --window-seconds "
            f"({assumed.window_seconds:g})"
        )
    chosen = _chosen(given, assumed)
    if not given["json"]:
        sys.stdout.write("\n".join(tables(given["hours"], chosen, assumed, given=of_user)))
        return
    for hours in given["hours"]:
        for rate in chosen:
            found = {**asdict(cost(hours, rate, assumed)), **asdict(index(hours, assumed))}
            sys.stdout.write(json.dumps(found, allow_nan=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=positive, nargs="+", default=HOURS, help="hours of footage")
    parser.add_argument(
        "--gpu-seconds-per-hour", type=positive, help="GPU time for an hour of footage: your rate"
    )
    parser.add_argument("--dollars-per-gpu-hour", type=number, help="your price of a GPU hour")
    parser.add_argument(
        "--decode-cpu-seconds", type=number, help="processor time to decode a second of footage"
    )
    parser.add_argument("--json", action="store_true", help="print one object per line")
    for each in fields(Assumptions):
        option = f"--{each.name.replace('_', '-')}"
        what = f"{each.metadata['what']} (default: {each.default:g})"
        parser.add_argument(option, type=_TYPES.get(each.name, number), help=what)
    return parser


def _chosen(given: dict[str, float], assumed: Assumptions) -> list[Rate]:
    """The published rates, or that of the user, with what the user gives of them."""
    chosen = rates(assumed)
    if (seconds := given.get("gpu_seconds_per_hour")) is not None:
        chosen = [Rate("yours", seconds, 1.0, _MEASURED_CPU, _GIVEN, price_source="assumed")]
    if (dollars := given.get("dollars_per_gpu_hour")) is not None:
        chosen = [replace(rate, dollars_per_gpu_hour=dollars, price_source=_GIVEN) for rate in chosen]
    if (seconds := given.get("decode_cpu_seconds")) is not None:
        chosen = [replace(rate, decode_cpu_seconds=seconds, decode_source=_GIVEN) for rate in chosen]
    return chosen


if __name__ == "__main__":
    main()
