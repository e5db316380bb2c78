"""Measures how fast the app feels in a browser, in turns with another checkout of it where one is given.

Both versions serve the same copy of an index. A time is measured inside the page: from the key or the click
to the first frame that shows the result. The five measures:

- enter: Enter in the search box to the first card of the answer, without a check by the model;
- switch: a click on a page's name to that page's own content;
- play: a click on a card to its moving picture, a second after the player shows the first answer, without any
  preview cut before the question, and then again;
- first: the start of the process to the first page, and what of that a browser takes of a running app;
- frames: the time between two frames while 1,000 answers are scrolled, and while the timeline of a 10-hour
  video with 3,000 captions is moved along and zoomed (the player alone: only in versions whose page for tests
  takes a length).

Examples:
    python -m tests.benchmarks.felt
    python -m tests.benchmarks.felt --against ../before --rounds 20 --json
    python -m tests.benchmarks.felt --only frames
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

HERE = Path(__file__).resolve().parents[2]
MEASURES = ("enter", "switch", "play", "first", "frames")
PAGES = {
    "library": ".st-key-files .fx-file, .fx-lib-tile, [class*=st-key-card_file_]",
    "review": ".fx-wall, .st-key-wall [data-testid=stBidiComponentIsolated], .fx-empty, .fx-notice",
    "search": ".fx-card, .fx-tiles, .fx-hero",
}
"""What shows that a page is there, in the versions that were measured."""
PLAY = "button[class*=st-key-play_], [class*=st-key-play_] button"
"""The buttons of the cards."""
WARM = 3
"""Rounds that are not counted."""
REST = "document.querySelector('.stApp[data-test-script-state=notRunning]')"


def timed_script(act: str, shown: str, *, by_key: bool = False) -> str:
    """A script that does something, and gives the milliseconds until an expression is true and painted.

    The app's policy stops ``eval``, so that both are written into the script. With ``by_key`` the time begins
    with the next key.
    """
    begin = "addEventListener('keydown', () => (began = performance.now()), { capture: true, once: true })"
    return f"""() => ({{ promise: new Promise((done, fail) => {{
        let began = performance.now()
        const end = began + 60000
        const look = () => {{
            if ({shown}) return requestAnimationFrame(() => done(performance.now() - began))
            if (performance.now() > end) return fail(new Error("never shown"))
            requestAnimationFrame(look)
        }}
        {begin if by_key else act}
        look()
    }}) }})"""


VIDEO = """(() => {
    for (const host of document.querySelectorAll('[data-testid=stBidiComponentIsolated]'))
        for (const video of host.shadowRoot?.querySelectorAll('.stage video') ?? []) return video
})()"""

FRAMES = """(pixels) => new Promise((done) => {
    const box = document.querySelector('[data-testid=stMain]')
    const times = []
    let last = performance.now(), down = true
    const step = (now) => {
        times.push(now - last)
        last = now
        if (times.length > 240) return done(times.slice(1))
        box.scrollTop += down ? pixels : -pixels
        if (times.length === 120) down = false
        requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
})"""
"""Scrolls there and back, and gives the milliseconds between frames."""

TIMELINE = """(() => {
    for (const host of document.querySelectorAll('[data-testid=stBidiComponentIsolated]'))
        for (const view of host.shadowRoot?.querySelectorAll('.whole .view') ?? []) return view
})()"""
TIMELINE_FRAMES = f"""() => new Promise((done) => {{
    const view = {TIMELINE}
    const box = view.getBoundingClientRect()
    const turn = (more) => view.dispatchEvent(new WheelEvent("wheel", {{
        bubbles: true, cancelable: true, clientX: box.left + box.width / 2, clientY: box.top + 5, ...more
    }}))
    const times = []
    let last = performance.now()
    const step = (now) => {{
        times.push(now - last)
        last = now
        if (times.length > 360) return done(times.slice(1))
        if (times.length < 60) turn({{ deltaY: -60, ctrlKey: true }})
        else if (times.length < 300) turn({{ deltaX: times.length < 180 ? 90 : -90 }})
        else turn({{ deltaY: 60, ctrlKey: true }})
        requestAnimationFrame(step)
    }}
    requestAnimationFrame(step)
}})"""
"""Zooms in, moves along and back, zooms out; gives the milliseconds between frames."""
MANY = 1000
"""Answers that are scrolled."""
ANSWERS_OF_A_VIDEO = 3
"""How many a list has of one video."""
CLIP = HERE / "data" / "footage" / "beach_dusk.mp4"
MANY_QUERY = "A heron lands on the pier"


@dataclass
class Version:
    """One checkout of the app, running."""

    name: str
    address: str
    page: Any
    times: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds by measure."""

    def add(self, measure: str, milliseconds: float) -> None:
        """Keep a time."""
        self.times.setdefault(measure, []).append(milliseconds)

    def timed(self, act: str, shown: str) -> float:
        """Do something in the page, and wait until it shows."""
        return self.waited(self.page.evaluate_handle(timed_script(act, shown)))

    def waited(self, timed: Any) -> float:
        """The milliseconds of a script that runs."""
        return float(timed.evaluate("timed => timed.promise"))

    def rests(self) -> None:
        """Wait until the script of the page has ended."""
        self.until(REST)

    def until(self, expression: str) -> None:
        """Wait until an expression is true in the page; its policy stops Playwright's own way."""
        end = time.monotonic() + 60
        while not self.page.evaluate(expression):
            if time.monotonic() > end:
                raise SystemExit(f"The page of {self.name} never shows {expression}")
            self.page.wait_for_timeout(20)


# -- The measures ----------------------------------------------------------


def enter(version: Version, question: str) -> None:
    """Type a question and press Enter."""
    version.rests()
    box = version.page.get_by_placeholder("What happens?").first
    box.fill(question)
    version.page.evaluate(
        "() => document.querySelectorAll('.fx-card, .fx-empty').forEach(card => card.dataset.old = 1)"
    )
    found = "document.querySelector('.fx-card:not([data-old]), .fx-empty:not([data-old])')"
    watch = version.page.evaluate_handle(timed_script("", f"{found}?.offsetHeight", by_key=True))
    version.page.keyboard.press("Enter")
    version.add("enter to first card", version.waited(watch))


def switch(version: Version, name: str) -> None:
    """Turn to another page of the app."""
    version.rests()
    path = "/" if name == "search" else f"/{name}"
    link = f"[...document.querySelectorAll('a')].find(each => each.pathname === '{path}')"
    shown = (
        f"location.pathname === '{path}' && "
        f"[...document.querySelectorAll({json.dumps(PAGES[name])})].some(each => !each.dataset.old)"
    )
    version.page.evaluate(
        "() => document.querySelectorAll('[data-testid=stMainBlockContainer] *')"
        ".forEach(each => each.dataset && (each.dataset.old = 1))"
    )
    version.add(f"switch to {name}", version.timed(f"({link}).click()", shown))


def play(version: Version, number: int, measure: str) -> None:
    """Press a card, and wait for its picture to move."""
    version.rests()
    version.until(f"{VIDEO}?.readyState > 2")
    before = version.page.evaluate(
        f"(() => {{ const video = {VIDEO}; video.pause(); return video.currentSrc }})()"
    )
    act = f"window.heardAt = null;document.querySelectorAll({json.dumps(PLAY)})[{number}].click()"
    shown = (
        f"(() => {{ const video = {VIDEO};"
        " if (!video || video.paused || video.seeking || video.readyState < 3) return false;"
        f" if (video.currentSrc === {json.dumps(before)}) return false;"
        " window.heardAt ??= video.currentTime; return video.currentTime > window.heardAt })()"
    )
    version.add(measure, version.timed(act, shown))


def first(version: Version, checkout: Path, settings: dict[str, str]) -> None:
    """Start the app, and open it in a browser that has kept nothing."""
    began = time.monotonic()
    with running(checkout, settings) as address:
        page = version.page.context.browser.new_context().new_page()
        page.goto(address)
        page.wait_for_selector(PAGES["search"])
        version.add("first page, cold", 1000 * (time.monotonic() - began))
        another = version.page.context.browser.new_context().new_page()
        again = time.monotonic()
        another.goto(address)
        another.wait_for_selector(PAGES["search"])
        version.add("first page of a running app", 1000 * (time.monotonic() - again))
        page.context.close()
        another.context.close()


def frames(version: Version, checkout: Path, settings: dict[str, str]) -> None:
    """Scroll 1,000 answers, and a timeline of 10 hours."""
    page = version.page
    many = Path(settings["FOOTAGE_DB"]).parent / "many.lancedb"
    shutil.copytree(settings["FOOTAGE_DB"], many)
    crowd(many, videos := many.parent / "videos")
    crowded = settings | {"FOOTAGE_DB": str(many), "FOOTAGE_LIBRARY_ROOTS": str(videos)}
    with running(checkout, crowded) as address:
        page.goto(f"{address}/?exact=false&q={quote(MANY_QUERY)}")
        page.wait_for_selector(".fx-card")
        version.rests()
        more = page.locator(".st-key-more button, .st-key-widen button")
        while more.count() and page.locator(".fx-card").count() < MANY:
            before = page.locator(".fx-card").count()
            page.evaluate("document.querySelector('.st-key-more button, .st-key-widen button').click()")
            version.until(f"document.querySelectorAll('.fx-card').length !== {before}")
            version.rests()
        version.times["answers on the page"] = [float(page.locator(".fx-card").count())]
        for each in page.evaluate(FRAMES, 90):
            version.add("frame while answers scroll", each)
    stage = checkout / "tests" / "stage_app.py"
    if "hours" not in stage.read_text(encoding="utf-8"):
        return
    clip = {"FOOTAGE_CLIP": str(CLIP)}
    with running(checkout, settings | clip, script=stage) as address:
        page.goto(f"{address}/?many=3000&talk=2000&hours=10&still=1")
        version.until(f"{TIMELINE}?.clientWidth")
        version.rests()
        page.wait_for_timeout(1000)
        for each in page.evaluate(TIMELINE_FRAMES):
            version.add("frame while the timeline moves", each)


def crowd(db: Path, folder: Path) -> None:
    """Write videos that all answer one question into an index: copies of a clip, each its own content."""
    from footage.embed.text_embedder import load_embedder
    from footage.store import Store
    from indexer.import_export import import_captions

    clip = CLIP.read_bytes()
    folder.mkdir()
    lines = []
    for number in range(MANY // ANSWERS_OF_A_VIDEO + 1):
        path = folder / f"{number}.mp4"
        path.write_bytes(clip + (12).to_bytes(4) + b"free" + number.to_bytes(4))  # a box that players skip
        events = [
            {"start_seconds": at, "end_seconds": at + 2.0, "text": f"{MANY_QUERY}, {name}."}
            for at, name in ((2.0, "slowly"), (7.0, "with a splash"), (12.0, "and looks around"))
        ]
        lines.append({"path": str(path), "start_seconds": 0.0, "end_seconds": 15.0, "events": events})
    import_captions(map(json.dumps, lines), store=Store.open(db), embedder=load_embedder())


# -- The app and the browser -----------------------------------------------


@contextmanager
def running(checkout: Path, settings: dict[str, str], *, script: Path | None = None) -> Iterator[str]:
    """The app of a checkout, as it is served, or another script of it; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        **settings,
        "PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "tests")]),
    }
    script = script or checkout / "ui" / "web" / "app.py"
    server = subprocess.Popen(
        [sys.executable, str(checkout / "tests" / "serve_app.py"), str(script), str(port)],
        cwd=HERE,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/_stcore/health", server)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    import urllib.request

    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"The app does not answer at {address}.")


@contextmanager
def versions(
    checkouts: dict[str, Path], db: Path, folder: Path
) -> Iterator[list[tuple[Version, Path, dict[str, str]]]]:
    """Every version running, each with a page of its own and a copy of the index."""
    from playwright.sync_api import sync_playwright

    from tests.screenshot_app import FLAGS, chromium

    with ExitStack() as stack:
        driver = stack.enter_context(sync_playwright())
        flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
        made = []
        for name, checkout in checkouts.items():
            copy = folder / name / "index.lancedb"
            shutil.copytree(db, copy)
            settings = {
                "FOOTAGE_DB": str(copy),
                "FOOTAGE_MODEL": "demo",
                "FOOTAGE_CACHE_DIR": str(folder / name / "cache"),
                "FOOTAGE_DEVICE": "cpu",
            }
            address = stack.enter_context(running(checkout, settings))
            browser = driver.chromium.launch(executable_path=chromium(), args=flags)
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.set_default_timeout(120_000)
            page.goto(f"{address}/?exact=false")
            page.wait_for_selector(PAGES["search"])
            made.append((Version(name, address, page), checkout, settings))
        yield made
        for version, _, _ in made:
            version.page.context.browser.close()


# -- Everything in turns ---------------------------------------------------


def measure(
    given: argparse.Namespace, made: Sequence[tuple[Version, Path, dict[str, str]]], questions: list[str]
) -> None:
    """Each measure, round by round, the versions in turns."""
    asked = itertools.cycle(questions)
    for number in range(given.rounds + WARM):
        turns = list(made) if number % 2 else list(made)[::-1]
        question = next(asked)
        for version, _, settings in turns:
            before = {name: list(times) for name, times in version.times.items()}
            if "play" in given.only:
                shutil.rmtree(Path(settings["FOOTAGE_CACHE_DIR"]) / "previews", ignore_errors=True)
            if "enter" in given.only or "play" in given.only:
                enter(version, question)
            if "play" in given.only:
                version.until(f"{VIDEO}?.readyState > 2")
                version.page.wait_for_timeout(1000)  # as long as somebody looks at the answers
                for place, name in ((1, "first click to playing"), (0, ""), (1, "another click to playing")):
                    play(version, place, name or "left out")
            if "switch" in given.only:
                for name in ("library", "review", "search"):
                    switch(version, name)
            if number < WARM:
                version.times = before
    if "first" in given.only:
        for number in range(max(3, given.rounds // 4)):
            for version, checkout, settings in list(made) if number % 2 else list(made)[::-1]:
                first(version, checkout, settings)
    if "frames" in given.only:
        for version, checkout, settings in made:
            frames(version, checkout, settings)


def tell(made: Sequence[tuple[Version, Path, dict[str, str]]], *, as_json: bool) -> None:
    """Print the median and the 95th percentile of each measure and version."""
    for version, _, _ in made:
        for name, times in version.times.items():
            if name == "left out":
                continue
            p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
            row = {
                "version": version.name,
                "what": name,
                "times": len(times),
                "p50_ms": round(statistics.median(times), 1),
                "p95_ms": round(p95, 1),
            }
            line = json.dumps(row) if as_json else "  ".join(f"{key} {value}" for key, value in row.items())
            sys.stdout.write(line + "\n")


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--db", type=Path, default=HERE / ".demo" / "index.lancedb", help="an index")
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one object a line")
    given = parser.parse_args()
    if not given.db.exists():
        parser.error(f"no index found at {given.db}: make it with footage demo")
    from footage.store import Store

    questions = list(dict.fromkeys(event.text.rstrip(".") for event in Store.open(given.db).events.all()))[
        :40
    ]
    checkouts = {"here": HERE, **({"against": given.against.resolve()} if given.against else {})}
    with (
        tempfile.TemporaryDirectory(prefix="footage-felt-") as name,
        versions(checkouts, given.db, Path(name)) as made,
    ):
        measure(given, made, questions)
        tell(made, as_json=given.json)


if __name__ == "__main__":
    main()
