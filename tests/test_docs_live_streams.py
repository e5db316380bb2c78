"""The recipe for live streams: a stream over TCP, FFmpeg's segmenter, an index that follows its folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from documented import ROOT
from standin_model import BRIGHT, StandinEmbedder, StandinModel
from waiting import wait_until

from footage.core.config import Settings
from indexer.name_times import named_time
from service.cancellation import CancelToken
from service.index import IndexRequest, watch
from service.session import Loaders, Service

PAGE = ROOT / "docs" / "how-to" / "live-streams.md"
SECONDS, BRIGHT_FROM, BRIGHT_TO = 14, 8, 11
"""Length of the stream, and when its picture is bright."""
PICTURE = f"color=c=black:s=64x48:r=8,geq=lum='if(between(T,{BRIGHT_FROM},{BRIGHT_TO}),230,16)':cb=128:cr=128"

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the command ffmpeg")


def documented_segmenter(address: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The segmenter of the guide, on an address, with files of 4 s; and its environment."""
    [command] = re.findall(
        r"^    (TZ=UTC ffmpeg .*?\.ts)$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    words = shlex.split(command.replace("\\\n", " "))
    [zone, *words] = words
    at = words.index("-i")
    words[at + 1] = address
    before = words.index("-rtsp_transport")
    del words[before : before + 2]
    words[words.index("-segment_time") + 1] = "4"
    clock = words.index("-segment_atclocktime")
    del words[clock : clock + 2]  # else the first file is as short as the clock has it
    words[-1] = str(folder / Path(words[-1]).name)
    name, _, value = zone.partition("=")
    return words, {**os.environ, name: value}


class Camera:
    """Streams a film in real time to the first who connects, and notes when its first picture left."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.began_at = 0.0
        self.thread = threading.Thread(target=self._stream)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.server.getsockname()[1]}"

    def _stream(self) -> None:
        coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "8"]
        source = ["ffmpeg", "-loglevel", "error", "-re", "-f", "lavfi", "-i", PICTURE, "-t", str(SECONDS)]
        connection, _ = self.server.accept()
        command = [*source, *coded, "-flush_packets", "1", "-f", "mpegts", "-"]
        with connection, subprocess.Popen(command, stdout=subprocess.PIPE) as film:
            while data := film.stdout.read1(65_536):
                self.began_at = self.began_at or time.time()
                connection.sendall(data)

    def close(self) -> None:
        self.server.close()
        self.thread.join()


@contextmanager
def following(service: Service, folder: Path) -> Iterator[None]:
    """`footage index FOLDER --watch --follow`, in a thread."""
    request = IndexRequest(
        paths=(folder,), watch=True, follow=True, settle_seconds=1.5, camera_from="folder", time_zone="UTC"
    )
    cancel, errors = CancelToken(), []

    def run():
        try:
            watch(service, request, cancel=cancel)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        cancel.cancel()
        thread.join(60)
    assert not thread.is_alive() and errors == []


@pytest.mark.timeout(600)
def test_a_live_stream_is_indexed_with_the_right_times(tmp_path):
    folder = tmp_path / "recordings" / "gate"
    folder.mkdir(parents=True)
    settings = Settings(
        db=tmp_path / "index.lancedb", model="demo", tracks="caption", cache_dir=tmp_path / "c"
    )
    loaders = Loaders(model=lambda _: StandinModel(), embedder=lambda _: StandinEmbedder())
    service = Service(settings, loaders=loaders)
    camera = Camera()
    command, environment = documented_segmenter(camera.address, folder)
    with following(service, folder.parent):
        with subprocess.Popen(
            [*command[:1], "-loglevel", "error", *command[1:]], env=environment
        ) as segmenter:
            assert segmenter.wait(120) == 0
        camera.close()
        files = sorted(folder.iterdir())
        store = service.created_store()

        def states():
            return {Path(file.path).name: file.state for file in store.files.all()}

        wait_until(lambda: states() == {file.name: "indexed" for file in files}, failure=states, seconds=300)
    assert 3 <= len(files) <= 5
    indexed = sorted(store.files.all(), key=lambda file: file.path)
    assert {file.camera for file in indexed} == {"gate"}
    assert sum(file.duration_seconds for file in indexed) == pytest.approx(SECONDS, abs=0.5)
    began = {file.content_id: datetime.fromisoformat(file.recorded_at).timestamp() for file in indexed}
    # Segment after segment: each begins where the one before ends, as far as names in whole seconds say.
    for earlier, later in pairwise(indexed):
        apart = began[later.content_id] - began[earlier.content_id]
        assert apart == pytest.approx(earlier.duration_seconds, abs=1.6)
    bright = [event for event in store.events.all() if event.text == BRIGHT]
    starts = [began[event.content_id] + event.span.start_seconds for event in bright]
    ends = [began[event.content_id] + event.span.end_seconds for event in bright]
    assert min(starts) == pytest.approx(camera.began_at + BRIGHT_FROM, abs=2.0)
    assert max(ends) == pytest.approx(camera.began_at + BRIGHT_TO, abs=2.0)


def test_names_of_the_recipes_are_read_as_times():
    text = PAGE.read_text("utf-8")
    names = re.findall(r"`([\w/.:-]+\.(?:ts|mp4))`\s+is\s+([\dT:.+-]+\d)", text)
    assert len(names) == 3
    for name, expected in names:
        found = named_time(Path("/recordings") / name, UTC)
        assert found is not None and found.moment == datetime.fromisoformat(expected), name
