"""Measures the app: how long an answer takes beside the engine alone, and whether its memory stays flat.

The app runs as ``footage ui`` runs it, and is driven over its websocket with the messages a browser sends. A
time is from the question to the end of the script's run, every message received; what the browser then draws
is left out. The engine answers the same questions in this process, in turns with the app. It needs
val_1.json and val_2_dev.json of ActivityNet Captions in the folder anet of FOOTAGE_TEST_DATA.

Memory is the resident size of the app's process, over searches and then previews, on the demo's index
(``footage demo`` makes it). Every preview is cut anew and fetched.

Examples:
    python -m tests.benchmarks.app
    python -m tests.benchmarks.app --db /tmp/anet.lancedb --part latency --json
    python -m tests.benchmarks.app --part memory
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.config import Settings, load_settings
from footage.core.process import settle
from footage.store import Store
from footage.synthetic import clips
from search.pages import LISTED
from search.query.parser import parse_query

if TYPE_CHECKING:
    from evaluation.readers import MomentQuery
    from search.engine import Engine

WARM = 5
"""Questions that are asked first and not counted."""
READINGS = 4
"""Readings of the memory over the searches."""
SHARE = 3.0
"""The bar: what the app may take of the engine's own time, at the 95th percentile."""
_START_SECONDS = 120.0
_RUN_SECONDS = 300.0


# -- The app, and somebody who uses it -------------------------------------


class Visitor:
    """One tab of a browser, without the browser: it keeps every widget's state and sends it with each run."""

    def __init__(self, address: str, query_string: str, stream: Any) -> None:
        """Open a page; ``query_string`` is that of its address."""
        self._address = address
        self._query_string = query_string
        self._socket = stream
        self._states: dict[str, Any] = {}
        self._page = ""
        self.ids: dict[str, str] = {}
        """Ids of the buttons and text boxes that the last run drew, by label."""
        self.session = ""
        """What the app calls this visit."""
        self.clip = ""
        """Where the preview in the player is cut, relative to the app's address; empty for none."""
        self.answers = 0
        """Cards that the last run drew."""
        self.seconds = self._run()
        """How long the last run took."""

    def ask(self, text: str) -> float:
        """Type a question and press the button; seconds of the run."""
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        box = self.ids["What happens?"]
        self._states[box] = WidgetState(id=box, string_value=text)
        return self.press("Search")

    def press(self, label: str) -> float:
        """Press a button; seconds of the run."""
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        return self._run(WidgetState(id=self.ids[label], trigger_value=True))

    def turn_to(self, page: str) -> float:
        """Open another page of the app by its name in the address; seconds of the run."""
        self._page = page
        return self._run()

    def fetch(self) -> int:
        """Fetch the preview in the player as a browser does; its size in bytes."""
        with urllib.request.urlopen(self._address + self.clip, timeout=30) as answer:
            cut = json.load(answer)
        with urllib.request.urlopen(self._address + cut["url"], timeout=30) as answer:
            return len(answer.read())

    def _run(self, *triggers: Any) -> float:
        """Have the script run, with what is pressed; seconds until its last message is here."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.query_string = self._query_string
        message.rerun_script.page_name = self._page
        message.rerun_script.widget_states.widgets.extend([*self._states.values(), *triggers])
        self.clip, self.answers = "", 0
        self.ids.clear()
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            heard = ForwardMsg.FromString(self._socket.recv(_RUN_SECONDS))
            kind = heard.WhichOneof("type")
            if kind == "page_info_changed":
                self._query_string = heard.page_info_changed.query_string
            elif kind == "new_session":
                self.session = heard.new_session.initialize.session_id
            elif kind == "delta" and heard.delta.WhichOneof("type") == "new_element":
                self._look_at(heard.delta.new_element)
            elif kind == "script_finished" and heard.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.seconds = time.perf_counter() - began
                return self.seconds

    def _look_at(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind in ("button", "text_input"):
            widget = getattr(element, kind)
            self.ids[widget.label] = widget.id
        elif kind == "html":
            self.answers += element.html.body.count("<article")
        elif kind == "bidi_component":
            component = element.bidi_component
            data = json.loads(component.json or component.mixed.json or "{}")
            if isinstance(clip := data.get("clip"), dict):
                self.clip = clip.get("ask", "")


@contextmanager
def visiting(address: str, query_string: str, *, cookie: str = "") -> Iterator[Visitor]:
    """A tab with the app open; ``cookie`` as a browser sends it."""
    from websockets.sync.client import connect

    place = f"ws{address.removeprefix('http')}/_stcore/stream"
    headers = {"Cookie": cookie} if cookie else {}
    with connect(place, max_size=None, origin=address, additional_headers=headers) as stream:
        yield Visitor(address, query_string, stream)


@contextmanager
def running_app(settings: Settings, folder: Path) -> Iterator[tuple[str, int]]:
    """The app as ``footage ui`` starts it, its cache in ``folder``: its address and its process."""
    from ui.cli.commands.ui import environment

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ui.cli", "ui", f"--port={port}", "--host=127.0.0.1"]
    result = os.environ | environment(settings) | {"FOOTAGE_CACHE_DIR": str(folder / "cache")}
    with (folder / "app.log").open("w") as log:
        server = subprocess.Popen(command, env=result, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/_stcore/health", server)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.25)
    raise SystemExit(f"The app does not answer at {address}.")


# -- 1. Latency ------------------------------------------------------------


def latency(settings: Settings, questions: Sequence[str], folder: Path, *, as_json: bool) -> None:
    """Ask the engine and the app the same questions, in turns."""
    import numpy as np

    engine = _engine(settings)
    times: dict[str, list[float]] = {"engine": [], "app": []}
    with running_app(settings, folder) as (address, _), visiting(address, "exact=false") as visitor:
        for number, question in enumerate(questions):
            turns = {"engine": lambda q=question: _asked(engine, q), "app": lambda q=question: visitor.ask(q)}
            order = list(turns) if number % 2 else list(turns)[::-1]
            took = {name: 1000 * turns[name]() for name in order}
            if number >= WARM and visitor.answers:  # a page that says "no caption matches" is done sooner
                for name, milliseconds in took.items():
                    times[name].append(milliseconds)
    found = {name: np.percentile(values, [50, 95]) for name, values in times.items()}
    for name, (p50, p95) in found.items():
        asked = len(times[name])
        row = {"what": name, "queries": asked, "p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}
        tell(row, as_json=as_json)
    share = float(found["app"][1] / found["engine"][1])
    tell({"what": "app / engine, p95", "ratio": round(share, 2), "bar": SHARE}, as_json=as_json)


def _engine(settings: Settings) -> Engine:
    from footage.embed.text_embedder import load_embedder
    from search.engine import Engine
    from service import factories

    embedder = load_embedder(settings.embedder)
    return Engine(
        Store.open(settings.db),
        embedder,
        looking=factories.looking(settings),
        reranker=factories.load_reranker(settings),
    )


def _asked(engine: Engine, question: str) -> float:
    began = time.perf_counter()
    engine.search(question, limit=LISTED, ground=False)
    return time.perf_counter() - began


def made_index(corpus: Sequence[MomentQuery], place: Path, settings: Settings) -> None:
    """Index every sentence of a corpus, as ``python -m evaluation.suites retrieval`` does."""
    from evaluation.suites.retrieval import _index
    from footage.embed.text_embedder import CachedEmbedder, load_embedder
    from ui.cli import console

    videos: dict[str, list[MomentQuery]] = {}
    for event in corpus:
        videos.setdefault(event.video, []).append(event)
    embedder = CachedEmbedder(load_embedder(settings.embedder), settings.cache_dir)
    with console.stages() as progress:
        texts = [event.text for event in corpus]
        embedder.embed_all(texts, on_progress=lambda done, whole: progress("embedding", done, whole))
        _index(videos, Store.open(place, create=True), embedder, progress)


def plain_questions(asked: Sequence[MomentQuery], count: int) -> list[str]:
    """The first sentences, all different, that are one sentence to the query language and hold no filter."""
    texts = dict.fromkeys(each.text.strip() for each in asked)
    parsed = ((text, parse_query(text)) for text in texts)
    plain = (text for text, query in parsed if query.text and not (query.parts or query.understood))
    return list(itertools.islice(plain, count))


# -- 2. Memory -------------------------------------------------------------


def memory(settings: Settings, folder: Path, *, searches: int, previews: int, as_json: bool) -> None:
    """Search, then play, reading the memory of the app's process now and then."""
    events = [event.text for event in Store.open(settings.db).events.all()]
    questions = list(
        itertools.islice(itertools.cycle(dict.fromkeys([*events, *clips.ALL_SENTENCES])), searches)
    )
    with running_app(settings, folder) as (address, process), visiting(address, "exact=false") as visitor:

        def reading(searched: int, played: int) -> None:
            row = {"what": "memory", "searches": searched, "previews": played, **sizes_mb(process)}
            tell(row, as_json=as_json)

        for question in questions[:WARM]:
            visitor.ask(f"{question} once")
        reading(0, 0)
        for number, question in enumerate(questions, 1):
            visitor.ask(question)
            if number % max(1, searches // READINGS) == 0:
                reading(number, 0)
        played = 0
        for question in itertools.cycle(questions):
            visitor.ask(question)
            for number in range(visitor.answers):
                if played == previews:
                    return
                shutil.rmtree(folder / "cache" / "previews", ignore_errors=True)
                visitor.press(f"Play answer {number + 1}")
                visitor.fetch()
                played += 1
                if played % max(1, previews // 5) == 0:
                    reading(searches, played)


def sizes_mb(process: int) -> dict[str, float]:
    """Resident memory of a process, in MB, and of it what is no file's, where the system tells."""
    result = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True
    )
    sizes = {"rss_mb": int(result.stdout)}
    if (status := Path(f"/proc/{process}/status")).exists():
        [own] = re.findall(r"RssAnon:\s*(\d+) kB", status.read_text())
        sizes["of_no_file_mb"] = int(own)
    return {name: round(kibibytes * 1024 / 1e6, 1) for name, kibibytes in sizes.items()}


# -- What is said ----------------------------------------------------------


def tell(row: dict[str, object], *, as_json: bool) -> None:
    """Print a row."""
    line = json.dumps(row) if as_json else "  ".join(f"{name} {value}" for name, value in row.items())
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, print."""
    settle()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=("latency", "memory", "both"), default="both")
    parser.add_argument("--db", type=Path, help="index of the corpus, made when it is not there and kept")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--demo", type=Path, default=Path(".demo/index.lancedb"), help="the demo's index")
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--previews", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="one object a line")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as name:
        folder = Path(name)
        if given.part != "memory":
            from evaluation.readers import read_activitynet

            if "FOOTAGE_TEST_DATA" not in os.environ:
                parser.error("FOOTAGE_TEST_DATA names no folder with anet/val_1.json (or give --part memory)")
            anet = Path(os.environ["FOOTAGE_TEST_DATA"]) / "anet"
            settings = load_settings(None, model="demo", db=given.db or folder / "index.lancedb")
            if not Path(settings.db).exists():
                made_index(read_activitynet(anet / "val_1.json"), Path(settings.db), settings)
            questions = plain_questions(read_activitynet(anet / "val_2_dev.json"), given.queries + WARM)
            latency(settings, questions, folder, as_json=given.json)
        if given.part != "latency":
            if not given.demo.exists():
                parser.error(f"no index found at {given.demo}: make it with footage demo")
            settings = load_settings(None, model="demo", db=given.demo)
            memory(settings, folder, searches=given.searches, previews=given.previews, as_json=given.json)


if __name__ == "__main__":
    main()
