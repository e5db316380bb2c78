"""A part's results, row by row, written as they come: a part that ends early leaves what it had.

Whatever a measurement raises becomes a row that says so, and the next one goes on; so does one that runs out
of its time. Knows no model.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import torch

from tests.benchmarks.gpu.floor import Peaks, peaks_of


class OutOfTimeError(BaseException):
    """A measurement took too long; no ``Exception``, so that no library takes it for a failure of its own."""


class SkippedError(Exception):
    """There is a reason not to measure this here."""


@dataclass(frozen=True)
class Row:
    """One result."""

    part: str
    what: str
    value: float | None = None
    """None where there is none."""
    unit: str = ""
    """"ms" and "s" are better when lower, all others when higher."""
    floor: float | None = None
    """The best that can be, in the same unit."""
    status: str = "ok"
    """"ok", "wrong" (measured, and not as it has to be), "failed" or "skipped"."""
    note: str = ""

    @property
    def share(self) -> float | None:
        """How much of the best is reached, from 0 to 1."""
        if not self.value or not self.floor:
            return None
        return self.floor / self.value if self.unit in ("ms", "s") else self.value / self.floor


class Board:
    """Where a part puts its rows."""

    def __init__(self, part: str, path: Path | None, *, seconds: float, tiny: bool, peaks: Peaks | None):
        """Open it.

        Args:
            part: Its name.
            path: JSON lines are added to it; None keeps the rows here.
            seconds: The part's time.
            tiny: Whether everything is to be small.
            peaks: Of the card; None where they are not known.
        """
        self.part, self.tiny, self.peaks = part, tiny, peaks
        self.rows: list[Row] = []
        self._path = path
        self._end = time.monotonic() + seconds

    @property
    def device(self) -> torch.device:
        """A GPU where there is one."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def seconds_left(self) -> float:
        """Of the part's time."""
        return self._end - time.monotonic()

    def add(self, row: Row) -> None:
        """Note a row and print it."""
        self.rows.append(row)
        print(line(row), flush=True)  # noqa: T201
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")

    def measure(
        self,
        what: str,
        call: Callable[[], float | Row],
        *,
        unit: str = "",
        floor: Callable[[Peaks], float] | None = None,
        note: str | Callable[[], str] = "",
        at_most: float = 60.0,
    ) -> float | None:
        """Do one measurement and note what came of it.

        Args:
            what: Its name.
            call: Returns the value, or a row of its own.
            unit: Of the value.
            floor: The best that can be, in the same unit, where the peaks are known.
            note: What else is to be said; a function is called afterwards.
            at_most: Seconds that it may take.

        Returns:
            The value; None where there is none.
        """
        row = self._tried(what, call, min(at_most, self.seconds_left))
        if isinstance(row, float | int):
            best = floor(self.peaks) if floor is not None and self.peaks is not None else None
            said = note if isinstance(note, str) else note()
            row = Row(self.part, what, float(row), unit, best, note=said)
        self.add(row)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return row.value

    def _tried(self, what: str, call: Callable[[], float | Row], seconds: float) -> float | Row:
        if seconds < 1:
            return Row(self.part, what, status="skipped", note="no time left")
        try:
            return within(seconds, call)
        except OutOfTimeError:
            return Row(self.part, what, status="skipped", note=f"not done after {seconds:.0f} s")
        except SkippedError as exc:
            return Row(self.part, what, status="skipped", note=str(exc))
        except Exception as exc:
            said = next((text for text in str(exc).splitlines() if text.strip()), "")
            return Row(self.part, what, status="failed", note=f"{type(exc).__name__}: {said[:150]}")


def within(seconds: float, call: Callable[[], float | Row]) -> float | Row:
    """What a call returns; it is interrupted after some seconds (in the main thread, between two bytecodes).

    Raises:
        OutOfTimeError: when it was.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def line(row: Row) -> str:
    """A row as a line of the table."""
    value = "" if row.value is None else f"{row.value:,.4g} {row.unit}"
    best = "" if row.floor is None else f"{row.floor:,.4g}"
    share = "" if row.share is None else f"{100 * row.share:.0f} %"
    said = " ".join(text for text in ("" if row.status == "ok" else f"{row.status}:", row.note) if text)
    return f"{row.part:9}{row.what:52}{value:>24}{best:>12}{share:>7}  {said}".rstrip()


HEADING = f"{'part':9}{'what':52}{'measured':>24}{'floor':>12}{'of it':>7}  note"


def synchronize() -> None:
    """Wait until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def milliseconds(call: Callable[[], object], *, repeats: int = 5, steps: int = 1, warm: int = 1) -> float:
    """The median of some repeats.

    Args:
        call: What to time; the GPU's work is waited for.
        repeats: Calls that count.
        steps: Steps that a call makes: the result is for one of them.
        warm: Calls before that do not count.
    """
    took = []
    for number in range(warm + repeats):
        synchronize()
        began = time.perf_counter()
        call()
        synchronize()
        if number >= warm:
            took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took) / steps


def opened(part: str) -> Board:
    """The board of a part that runs as a process of its own, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--peak-tflops", type=float, default=0.0)
    parser.add_argument("--peak-gbs", type=float, default=0.0)
    given = parser.parse_args()
    peaks = None
    if given.peak_tflops and given.peak_gbs:
        peaks = Peaks(given.peak_tflops * 1e12, given.peak_gbs * 1e9, "given")
    elif torch.cuda.is_available():
        peaks = peaks_of(torch.cuda.get_device_name())
    return Board(part, given.rows, seconds=given.seconds, tiny=given.tiny, peaks=peaks)
