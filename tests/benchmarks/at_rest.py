"""Measures `footage index` over a library in which nothing is new: the whole command, and the run by itself.

The files are real, tiny videos: one drawn clip, and copies with a box of eight bytes at the end that differs,
so that each has a content id of its own. One of them is indexed by the command; the rows of the others are
its rows under their content ids, written in large pieces, as indexing thousands of files would take half an
hour. Then the command runs again over all files, and must find nothing to do.

Examples:
    python -m tests.benchmarks.at_rest
    python -m tests.benchmarks.at_rest --files 10000 --server        # a model behind a server on this machine
    python -m tests.benchmarks.at_rest --files 10000 --calls         # system calls of each file, by strace
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks import common
from tests.benchmarks.pipeline import ffmpeg, serving

FILES, FILES_A_FOLDER = 10_000, 100
_ROWS_AT_ONCE = 2000
_FILE_CALLS = (
    "open,openat,openat2,stat,lstat,newfstatat,statx,readlink,readlinkat,access,faccessat,faccessat2"
)


def main() -> None:
    """Draw the library, index it, run again, print."""
    parser = common.parser(__doc__, "at_rest")
    parser.add_argument("--files", type=int, default=FILES, help="files in the library")
    parser.add_argument(
        "--server", action="store_true", help="a server here that answers at once, not the demo model"
    )
    parser.add_argument("--tracks", default="captions", help="as of footage index; empty for all")
    parser.add_argument("--calls", action="store_true", help="count system calls, too; needs strace")
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        sys.stdout.write(json.dumps(runs(arguments.run, arguments.repeats)) + "\n")
        return
    with (
        tempfile.TemporaryDirectory(prefix="footage-bench-") as folder,
        serving() if arguments.server else nullcontext("demo") as model,
    ):
        home = Path(folder)
        draw(home / "library", arguments.files)
        command = options(home, model, arguments.tracks)
        fill(home, command)
        result = measured(home, command, arguments.repeats, arguments.files)
        if arguments.calls:
            result["calls"] = calls(home, command, arguments.files)
            common.show(f"system calls, by file of {arguments.files:,}", [result["calls"]])
    common.write(arguments.out, result)


def options(home: Path, model: str, tracks: str) -> list[str]:
    """The arguments of the command that is measured."""
    made = ["index", str(home / "library"), "--db", str(home / "index"), "--model", model, "--device", "cpu"]
    return [*made, *(["--tracks", tracks] if tracks else []), "--json"]


def draw(library: Path, count: int) -> None:
    """So many small videos in folders of a hundred."""
    clip = library.parent / "clip.mp4"
    picture = "testsrc2=size=64x64:rate=10:duration=2,format=yuv420p"
    ffmpeg(["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-crf", "40", str(clip)])
    data = clip.read_bytes()
    for number in range(count):
        path = library / f"{number // FILES_A_FOLDER:03}" / f"clip_{number:05}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + struct.pack(">I4sQ", 16, b"free", number))


def fill(home: Path, command: Sequence[str]) -> None:
    """Index one file by the command, and give each of the others its rows under another content id."""
    from footage.store import Store
    from footage.store.records import window_from_row, window_to_row
    from indexer import library

    first, *others = sorted((home / "library").rglob("*.mp4"))
    aside = home / "aside"
    (home / "library").rename(aside)
    alone = home / "library" / first.relative_to(home / "library")
    alone.parent.mkdir(parents=True)
    shutil.copy2(aside / alone.relative_to(home / "library"), alone)
    footage(command)
    shutil.rmtree(home / "library")
    aside.rename(home / "library")
    store = Store.open(home / "index")
    tables = store._tables
    [file] = store.files.all()
    rows = {name: tables.read(name) for name in tables.names() if name not in ("meta", "runs")}
    windows = [window_from_row(row) for row in rows.pop("windows")]
    files, pieces = [], {name: [] for name in rows}
    ids = [library.content_id(path) for path in others]
    for path, content_id in zip(others, ids, strict=True):
        status = path.stat()
        files.append(
            replace(
                file,
                path=str(path),
                content_id=content_id,
                fingerprint=library.fingerprint(path),
                size_bytes=status.st_size,
                modified_at=status.st_mtime,
            )
        )
        for name in pieces.keys() - {"files"}:
            pieces[name] += [renamed(row, file.content_id, content_id) for row in rows[name]]
    status = first.stat()
    store.files.put([replace(file, modified_at=status.st_mtime)])
    for start in range(0, len(files), _ROWS_AT_ONCE):
        store.files.put(files[start : start + _ROWS_AT_ONCE])
    for name in pieces.keys() - {"files"}:
        for start in range(0, len(pieces[name]), _ROWS_AT_ONCE):
            tables.insert(name, pieces[name][start : start + _ROWS_AT_ONCE])
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        tables.insert(
            "windows",
            [
                window_to_row(replace(record, window=replace(record.window, content_id=content_id)))
                for content_id in ids[start : start + _ROWS_AT_ONCE]
                for record in windows
            ],
        )


def renamed(row: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A row with another content id, also within other ids."""
    return {key: each.replace(old, new) if isinstance(each, str) else each for key, each in row.items()}


def footage(command: Sequence[str]) -> dict[str, float]:
    """Run the command in a process of its own; what it took, children included, and what it reported."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli.start", *command], check=True, stdout=subprocess.PIPE
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    states = Counter(json.loads(line).get("state", "") for line in done.stdout.splitlines())
    return {
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "indexed": states["indexed"],
    }


def measured(home: Path, command: Sequence[str], repeats: int, count: int) -> dict[str, Any]:
    """The command, several times, then runs in one process, as those of ``--watch``."""
    footage(command)  # what the rows above left behind is brought in step
    before = versions(home / "index")
    rounds = [footage(command) for _ in range(repeats)]
    after = versions(home / "index")
    assert all(each["indexed"] == count for each in rounds), rounds
    commits = {name: (after[name] - before[name]) / repeats for name in after if after[name] != before[name]}
    response = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.at_rest", "--repeats", str(repeats), "--run", *command[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    inside = json.loads(response.stdout.splitlines()[-1])
    rows = [
        {"what": "whole command", **medians(rounds)},
        {"what": "first run in a process, after imports", **medians(inside[:1])},
        {"what": "another run in it, as with --watch", **medians(inside[1:])},
    ]
    common.show(f"nothing new in {count:,} files, medians of {repeats}", rows)
    sys.stdout.write(f"commits of each command, by table: {commits}\n")
    return {"files": count, "rows": rows, "commands": rounds, "runs": inside, "commits": commits}


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: common.spread((each[key] for each in rounds), digits=2)["median"] for key in rounds[0]}


def runs(command: Sequence[str], repeats: int) -> list[dict[str, float]]:
    """Runs in this process, one after the other."""
    import ui.cli.commands.index  # noqa: F401 - what every command imports is measured with the command
    from footage.core.config import Settings
    from service.index import IndexRequest, index
    from service.session import Service

    given = argparse.ArgumentParser()
    given.add_argument("path", type=Path)
    for name in ("--db", "--model", "--device", "--tracks"):
        given.add_argument(name)
    given.add_argument("--json", action="store_true")
    found = vars(given.parse_args(command))
    request = IndexRequest(paths=(found.pop("path"),))
    tracks = found.pop("tracks")
    chosen = {name: found[name] for name in ("db", "model", "device")}
    service = Service(Settings(**chosen, tracks=tuple(tracks.split(",")) if tracks else None))
    rounds = []
    for _ in range(1 + repeats):
        spent, began = common.cpu_seconds(), time.perf_counter()
        report = index(service, request).report
        rounds.append(
            {
                "wall_seconds": round(time.perf_counter() - began, 2),
                "cpu_seconds": round(common.cpu_seconds() - spent, 2),
                "indexed": report.unchanged,
            }
        )
    return rounds


def versions(index: Path) -> dict[str, int]:
    """The number of the latest commit of each table."""
    from footage.store import Store

    tables = Store.open(index)._tables
    return {name: tables.version(name) for name in tables.names()}


def calls(home: Path, command: Sequence[str], count: int) -> dict[str, float]:
    """System calls that name a file of the library, by file; reads are counted of all files together."""
    log = home / "strace.txt"
    traced = ["strace", "-f", "-qq", "-e", f"trace={_FILE_CALLS}", "-o", str(log)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(
        [*traced, sys.executable, "-m", "ui.cli.start", *command],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    found: Counter[str] = Counter()
    for line in log.open(errors="replace"):
        if re.search(r'/library/[^"]*clip_\d+', line) and (call := re.match(r"\d+\s+(\w+)\(", line)):
            found[call[1]] += 1
    return {name: round(each / count, 2) for name, each in sorted(found.items())}


if __name__ == "__main__":
    main()
