"""Measures what recognising speech costs: CPU seconds for each second of talk, with the packaged model.

espeak-ng says easy sentences for some minutes, with short pauses; the NASA clip of FOOTAGE_TEST_DATA is read,
too, where it is there. All of it counts: decoding in the child process, the voice detector, the recogniser.

Examples:
    python -m tests.benchmarks.speech
    python -m tests.benchmarks.speech --minutes 10 --model small
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.benchmarks import common

T = TypeVar("T")
LINE = 0.25
"""Most CPU seconds for a second of talk with the packaged model."""


def main() -> None:
    """Measure, print, write; the exit status says whether the line is held."""
    parser = common.parser(__doc__, "speech")
    parser.add_argument("--minutes", type=float, default=6.0, help="length of the talk")
    parser.add_argument("--model", default="tiny.en", help="a name or a folder; see --speech-model")
    parser.add_argument("--data", type=Path, default=os.environ.get("FOOTAGE_TEST_DATA", ""))
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from indexer.tracks.speech_model import Recogniser, find, locate

    recogniser = Recogniser(locate(find(arguments.model, device="cpu")), threads=1)
    with tempfile.TemporaryDirectory() as folder:
        clips = {"espeak-ng": talk(Path(folder) / "talk.mkv", 60 * arguments.minutes)}
        nasa = Path(arguments.data) / "videos" / "tc_nasa_13013.mp4"
        if nasa.is_file():
            clips["NASA"] = nasa
        rows = [measure(name, path, recogniser) for name, path in clips.items()]
    common.show(f"speech with {arguments.model}", rows)
    worst = max(row["cpu s / s of talk"] for row in rows)
    sys.stdout.write(f"worst: {worst:.3f} CPU seconds a second of talk (at most {LINE} with tiny.en)\n")
    common.write(arguments.out, {"model": arguments.model, "rows": rows, "line": LINE})
    sys.exit(int(arguments.model == "tiny.en" and worst > LINE))


def talk(path: Path, seconds: float) -> Path:
    """A clip of talk with pauses of 0.4 s."""
    from tiny_speech import RATE, SENTENCES, placed, said, write_talk

    spoken = [said(sentence) for sentence in SENTENCES]
    pieces: list[tuple[float, Any]] = []
    at, number = 0.5, 0
    while at < seconds:
        pieces.append((at, spoken[number % len(spoken)]))
        at, number = at + len(pieces[-1][1]) / RATE + 0.4, number + 1
    return write_talk(path, [placed(pieces, at)], seconds=at, codec="pcm_s16le")


def measure(name: str, path: Path, recogniser: Any) -> dict[str, Any]:
    """Read a clip in full; the start of the decoding process, once a run, is measured by itself."""
    from footage.media.sandbox import probe
    from indexer.tracks.speech import SpeechMaker

    video, maker = probe(path), SpeechMaker(recogniser)
    windows = maker.windows(video)
    maker.open(str(path), video).read(windows[0])  # the model is loaded now
    start, _ = _spent(lambda: probe(path))
    reader = maker.open(str(path), video)
    with_start, events = _spent(
        lambda: [event for window in maker.windows(probe(path)) for event in reader.read(window).events]
    )
    spent = with_start - start
    spoken = sum(event.span.duration_seconds for event in events)
    return {
        "clip": name,
        "seconds": round(video.duration_seconds, 1),
        "of talk": round(spoken, 1),
        "words": sum(len(event.words) for event in events),
        "start, cpu s": round(start, 2),
        "cpu seconds": round(spent, 2),
        "cpu s / s of talk": round(spent / spoken, 3),
    }


def _spent(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of some work, those of the child processes that it starts among them, and its result."""
    from footage.media.sandbox.pool import end_children

    end_children()  # what they used counts when they have ended
    before = _cpu_seconds()
    result = work()
    end_children()
    return _cpu_seconds() - before, result


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in every)


if __name__ == "__main__":
    main()
