"""Index runs beside the app: starts them, reports their progress, stops them; draws nothing, knows no model.

A run is a process of its own, `footage index`, that outlives the page and the app. What it writes lies in
the cache folder, so that every page, reloaded or opened later, reads the same. Whether it goes on is known by
a lock that it holds as long as it lives, not by its number, which another process may bear by then.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from footage.core.bundled import bundled_folder
from footage.core.bundled import checked_folder as bundled_and_there
from footage.core.config import Settings
from footage.core.errors import FileError, FootageError, UsageError
from footage.core.index_place import place_digest
from footage.core.private_files import private_folder
from footage.core.tracks import CAPTION_TRACK
from footage.objects.paths import located, real_path
from service import browse
from service.index import check_not_writing
from service.session import Service
from ui.hosts import is_loopback

TAIL_BYTES = 64 * 1024
"""Size of the part read from the end of a file."""
MOST_PATHS = 500
"""Most paths that go to a run; a command line has its limits."""
SAMPLES = "footage"
"""Name of the bundled folder of sample clips."""
SAMPLES_MODEL = ("demo", "demo-model")
"""The model that describes them, and the bundled folder with its weights."""
_ROOTS_SHOWN = 5
_NO_VARIABLES: Mapping[str, str] = {}
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a run has come; see ``indexer.progress.Progress``."""

    stage: str
    """"starting" until it says more, then "looking", "captioning", "tracks" or "done"."""
    files_done: int = 0
    """Files that are through."""
    files_total: int = 0
    """Files found."""
    windows_done: int = 0
    """Windows captioned, or given up."""
    windows_total: int = 0
    """Windows in all."""
    speed: float = 0.0
    """Footage seconds captioned per second."""
    eta_seconds: float | None = None
    """Time left, in seconds, where it is known."""
    current: str = ""
    """Path of the file at hand."""
    waiting: str = ""
    """What the model waits for, such as a server that is away."""
    track: str = ""
    """The track other than captions that is being read."""
    tracks: Sequence[Mapping[str, Any]] = ()
    """How far each of these tracks is: its name (``track``), ``seconds_done`` and ``seconds_total``."""

    @property
    def share(self) -> float:
        """How much is done, 0 to 1, captions and each track counted alike; 0 while nothing is known."""
        parts = [(self.windows_done, self.windows_total)]
        parts += [(each["seconds_done"], each["seconds_total"]) for each in self.tracks]
        shares = [min(1.0, done / total) for done, total in parts if total]
        return sum(shares) / len(shares) if shares else 0.0


@dataclass(frozen=True, slots=True)
class IndexJob:
    """The last run that was started from the app."""

    state: Literal["running", "stopping", "done", "stopped", "failed"]
    """Its state, or how it ended."""
    paths: tuple[str, ...]
    """What it was to index."""
    started_at: float
    """Seconds since the epoch."""
    progress: JobProgress
    """How far it came."""
    summary: Mapping[str, Any]
    """What it did, as `footage index --json` says; empty before it has."""
    error: FootageError | None = None
    """Why it failed."""


def allowed(settings: Settings, address: str | None) -> bool:
    """Whether index runs may be started from the app.

    Args:
        settings: Say yes or no, or leave it to the address.
        address: What the app listens on; None or empty for every address there is.
    """
    if settings.allow_indexing_from_app is not None:
        return settings.allow_indexing_from_app
    return on_this_machine_alone(address)


def on_this_machine_alone(address: str | None) -> bool:
    """Whether an address to listen on is one that no other machine reaches."""
    return is_loopback(address or "")


def shown_roots(settings: Settings) -> set[str]:
    """The real paths of what the app may show: library roots, and all that a run was ever asked to index.

    Raises:
        StoreError: the index cannot be read.
    """
    asked = browse.asked_paths(Service(settings))
    return {real_path(path) for path in [*map(str, settings.library_roots), *asked]}


def check_roots(settings: Settings, paths: Sequence[Path | str]) -> list[str]:
    """Check that paths lie in folders that the app may index, links and ".." followed.

    Returns:
        The real paths of the folders that they lie in, each once.

    Raises:
        UsageError: one does not.
        StoreError: the index cannot be read.
    """
    named = [*map(str, settings.library_roots), *browse.indexed_roots(Service(settings))]
    if [str(path) for path in paths] == [str(bundled_folder(SAMPLES))]:
        named.append(str(bundled_folder(SAMPLES)))  # the sample clips, and nothing beside them
    roots = [real_path(root) for root in named]
    around: dict[str, None] = {}
    for path in paths:
        real = real_path(path)
        holding = [root for root in roots if real == root or real.startswith(root.rstrip(os.sep) + os.sep)]
        if holding:
            around[min(holding, key=len)] = None
        else:
            shown = [root for root in roots if os.path.isdir(root)][:_ROOTS_SHOWN]
            allowed = f"It may index {', '.join(shown)}. " if shown else ""
            raise UsageError(
                f"{path} is not in a folder that the app may index",
                hint=f"{allowed}Start the app with --library-root FOLDER, or use footage index.",
            )
    return list(around)


def checked_folder(text: str, settings: Settings) -> Path:
    """A folder as typed, made absolute.

    Raises:
        UsageError: nothing was typed, or the app may not index there.
        FileError: the folder does not exist or is not readable.
        StoreError: the index cannot be read.
    """
    if not text.strip() or "\0" in text:
        raise UsageError("no folder is named", hint="Type the path of a folder with videos in it.")
    folder = located(text.strip())
    check_roots(settings, [folder])  # before an error can reveal what exists
    try:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise FileError(
                f"{folder} {what}", hint="Type the path of a folder on the machine that runs the app."
            )
        os.scandir(folder).close()
    except OSError as error:
        raise FileError(
            f"{folder} cannot be read: {error.strerror}",
            hint="Check the permissions of the folder, and that its disk is connected.",
        ) from error
    return folder


def start(
    settings: Settings,
    paths: Sequence[Path | str],
    *,
    tracks: Sequence[str] = (),
    camera_from: str = "",
    retry: bool = False,
    variables: Mapping[str, str] = _NO_VARIABLES,
) -> None:
    """Start a run; the app's settings, in its environment, are the run's.

    Args:
        settings: Where the index and the cache are.
        paths: What to index.
        tracks: The tracks to make; as the settings say when empty.
        camera_from: How files name their camera; see ``indexer.timestamps``.
        retry: Retry all failed files, also after three failed attempts.
        variables: Environment variables of the run, in place of the app's.

    Raises:
        UsageError: a run started from the app goes on, or a path is none that the app may index.
        StoreBusyError: another run is writing to the index.
        FootageError: the cache folder cannot be written, or the run cannot be started.
    """
    roots = check_roots(settings, paths[:MOST_PATHS])
    folder = _folder(settings)
    try:
        private_folder(folder)
        with _lock(folder) as lock:
            if lock is None:
                raise UsageError("an index run is active", hint="Wait until it ends, or stop it.")
            check_not_writing(Service(settings))
            for name in ("log.jsonl", "run.json"):
                (folder / name).unlink(missing_ok=True)
            command = [
                sys.executable,
                "-P",  # or Python code in the current folder, which may hold anything, would be run
                "-m",
                "ui.cli",
                "index",
                "--json",
                "--log-file",
                str(folder / "log.jsonl"),
            ]
            command += [f"--tracks={','.join(tracks)}"] * bool(tracks)
            command += [f"--camera-from={camera_from}"] * bool(camera_from) + ["--retry"] * retry
            command += [f"--within={root}" for root in roots]  # checked again when it is read
            command += ["--", *map(str, paths[:MOST_PATHS])]
            search_path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
            with (folder / "out.jsonl").open("wb") as out, (folder / "err.txt").open("wb") as err:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env={**os.environ, "PYTHONPATH": search_path, **variables},
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            threading.Thread(target=process.wait, daemon=True).start()  # so that it is gone when it has ended
            record = {"pid": process.pid, "started_at": time.time(), "paths": [str(path) for path in paths]}
            _write(folder, record)
    except OSError as error:
        raise FootageError(
            f"the run cannot be started: {error.strerror or error}", hint=f"Look at {folder}, and try again."
        ) from error


def start_samples(settings: Settings) -> None:
    """Start a run over the sample clips, with the demo model, whatever model the settings name.

    Raises:
        FileError: this installation has no sample clips.
        FootageError: as ``start``.
    """
    model, weights = SAMPLES_MODEL
    variables = {"FOOTAGE_MODEL": model, "FOOTAGE_MODEL_PATH": str(bundled_and_there(weights))}
    start(settings, [bundled_and_there(SAMPLES)], tracks=(CAPTION_TRACK,), variables=variables)


def last(settings: Settings) -> IndexJob | None:
    """The last run that was started from the app on this index, or None before the first."""
    folder = _folder(settings)
    record = _read(folder / "run.json")
    if record is None:
        return None
    goes_on = _goes_on(folder)
    summary = next((line for line in _tail(folder / "out.jsonl") if line.get("type") == "summary"), {})
    readings = (line for line in _tail(folder / "log.jsonl") if line.get("message") == "progress")
    known = {
        name: value for name, value in next(readings, {}).items() if name in JobProgress.__dataclass_fields__
    }
    progress = JobProgress(**{"stage": "starting", **known})
    paths, started_at = tuple(record["paths"]), record["started_at"]
    if goes_on:
        return IndexJob(
            "stopping" if record.get("stopped") else "running", paths, started_at, progress, summary
        )
    said = next((line for line in _tail(folder / "err.txt") if "error" in line), None)
    if summary.get("stopped") or (said and said["error"] == "Stopped."):
        return IndexJob("stopped", paths, started_at, progress, summary)
    if summary:
        return IndexJob("done", paths, started_at, progress, summary)
    if said:
        error = FootageError(str(said["error"]), hint=str(said.get("hint", "")))
    else:
        error = FootageError(
            "the run ended without an error message", hint=f"Its output is in {folder / 'err.txt'}"
        )
    return IndexJob("failed", paths, started_at, progress, summary, error)


def stop(settings: Settings) -> None:
    """Stop the active run after the current windows; a second call stops it at once."""
    folder = _folder(settings)
    record = _read(folder / "run.json")
    if record is not None and _goes_on(folder):
        os.kill(record["pid"], signal.SIGINT)
        _write(folder, {**record, "stopped": True})


def _folder(settings: Settings) -> Path:
    return settings.cache_dir / "runs" / place_digest(settings.db)[:16]


@contextmanager
def _lock(folder: Path) -> Iterator[int | None]:
    """The run's lock, held until its last holder ends; None while another process holds it."""
    import fcntl

    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock
    finally:
        os.close(lock)


def _goes_on(folder: Path) -> bool:
    try:
        with _lock(folder) as lock:
            return lock is None
    except OSError:
        return False


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    draft = folder / f".run.json.{os.getpid()}-{threading.get_ident()}"
    draft.write_text(json.dumps(record), "utf-8")
    draft.replace(folder / "run.json")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record


def _tail(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects at the end of a file of lines, the last one first; other lines are passed over."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in reversed(lines):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row
