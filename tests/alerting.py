"""A drawn day on two cameras, a receiver on loopback, and the process that a test kills."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standin_oracle import OracleModel

from footage.core.config import Settings
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene, write_clip
from service.alerts.policy import RetryPolicy
from service.alerts.running import AlertRunner
from service.index import IndexRequest, index
from service.session import Loaders, Service

DAY = datetime(2026, 3, 1, tzinfo=UTC)
CLIP_SECONDS = 20.0
WALKS, DRIVES = "A red person walks from left to right.", "A blue car drives from right to left."
_SCENES = {
    "gate": SyntheticScene("street", "bench", "left", "day", 1),
    "door": SyntheticScene("park", "lamp post", "right", "day", 2),
}
# What happens in each clip: kind, colour, verb, where, start, end. Windows of 8 s share 2 s: events lie in
# one, in what two share, and in three.
_WALKS = ("person", "red", "walks", "from left to right")
_DRIVES = ("car", "blue", "drives", "from right to left")
_ANOTHER_WALK = ("person", "red", "walks", "from right to left")
_ANOTHER_DRIVE = ("car", "yellow", "drives", "from right to left")
_BLINKS = ("light", "green", "blinks", "on the left")
_EVENTS = {
    ("gate", 8): [(*_WALKS, 1.0, 4.0), (*_ANOTHER_WALK, 9.0, 11.5), (*_WALKS, 15.0, 18.0)],
    ("gate", 12): [(*_DRIVES, 5.0, 9.0), (*_BLINKS, 12.0, 16.0)],
    ("gate", 20): [(*_ANOTHER_DRIVE, 2.0, 5.0), (*_WALKS, 4.5, 15.0)],
    ("door", 8): [(*_WALKS, 6.5, 7.5), (*_DRIVES, 10.0, 14.0)],
    ("door", 12): [(*_BLINKS, 1.0, 5.0), (*_ANOTHER_DRIVE, 8.0, 12.0)],
    ("door", 20): [(*_DRIVES, 0.0, 3.0), (*_DRIVES, 11.0, 13.0), (*_WALKS, 16.5, 20.0)],
}


def _clip(camera: str, events: list[tuple], seed: int) -> SyntheticClip:
    lanes = ("near", "far")
    drawn = tuple(
        SyntheticEvent(*about, start, end, seed + number, lanes[number % 2])
        for number, (*about, start, end) in enumerate(events)
    )
    return SyntheticClip(_SCENES[camera], drawn, CLIP_SECONDS, seed)


CLIPS = {place: _clip(place[0], events, 10 * n) for n, (place, events) in enumerate(_EVENTS.items())}


def write_day(folder: Path) -> None:
    """Write the day: a file for each camera and hour, with the time in its name."""
    folder.mkdir(parents=True)
    for (camera, hour), clip in CLIPS.items():
        name = f"{camera}_{DAY + timedelta(hours=hour):%Y-%m-%d_%H-%M-%S}.mp4"
        write_clip(clip, folder / name, fps=8, width=192, height=128)


def expected(sentence: str, *, camera: str = "") -> set[tuple[str, str, float]]:
    """When a sentence is true: camera, hour and start."""
    return {
        (where, f"{hour:02d}", event.start_seconds)
        for (where, hour), clip in CLIPS.items()
        for event in clip.events
        if event.sentence == sentence and camera in ("", where)
    }


def reported(moments: list[dict]) -> list[tuple[str, str, float]]:
    """Camera, hour and start of moments as webhooks send them, in order."""
    return sorted((each["camera"], each["starts_at"][11:13], each["start_seconds"]) for each in moments)


class Receiver:
    """A real HTTP server that takes notifications, drops repeated ids, and now and then refuses."""

    def __init__(self, *, refuse_share: float = 0.0, seed: int = 1) -> None:
        self.taken: dict[str, dict] = {}
        self.repeats: Counter[str] = Counter()
        self.refused = 0
        self.refuse_share = refuse_share
        self._rng, self._lock = random.Random(seed), threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.headers["webhook-id"], json.loads(body)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *about: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"

    def take(self, name: str, body: dict) -> int:
        """Take a notification; the status to answer with."""
        with self._lock:
            if self._rng.random() < self.refuse_share:
                self.refused += 1
                return 503
            if name in self.taken:
                self.repeats[name] += 1
            self.taken.setdefault(name, body)
            return 204

    def moments(self, alert: str) -> list[dict]:
        """The moments of an alert, each notification once."""
        with self._lock:
            bodies = [body for body in self.taken.values() if body["alert"]["name"] == alert]
        return [moment for body in bodies for moment in body["moments"]]

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def service_of(database: Path) -> Service:
    """A service whose model knows the day, with windows of 8 s that share 2 s."""
    settings = Settings(
        db=database,
        model="demo",
        device="cpu",
        tracks=("caption",),
        window_seconds=8.0,
        overlap_seconds=2.0,
        batch_size=1,
        webhook_private=True,
    )
    return Service(settings, loaders=Loaders(model=lambda settings: OracleModel(list(CLIPS.values()))))


def index_day(service: Service, library: Path) -> None:
    """Index the day; alerts are matched and sent meanwhile."""
    index(service, IndexRequest(paths=(library,), camera_from="{camera}_*", time_zone="UTC"))


def index_and_send(library: Path, database: Path) -> None:
    """Body of the process that is killed: index the day, then send until nothing is pending."""
    service = service_of(database)
    index_day(service, library)
    runner = AlertRunner(service, retries=RetryPolicy(first_seconds=0.05, most_seconds=0.2))
    while (run := runner.run_once(patience_seconds=30)).delivery.next_at is not None:
        time.sleep(max(0.0, min(0.2, run.delivery.next_at - time.time())))
