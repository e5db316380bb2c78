"""Takes pictures of the app's pages, light and dark, for the documents: run it by hand after `make demo`.

    python tests/screenshot_app.py

It is run from the project's root, so that the paths in the pictures are short ones. It works on a copy of the
index. What runs the app and drives the browser is used by the tests, too.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANSWERED = ".stApp:not(:has(.st-key-looking)) .fx-why"
"""The answers, after the check by the model."""
POLICY = "Content Security Policy"
QUIET = (
    "!document.querySelector('[data-testid=stStatusWidget]')"
    " && [...document.images].every(image => image.complete || !image.checkVisibility()"
    " || image.loading === 'lazy' && (box => box.bottom < 0 || box.top > innerHeight || box.right < 0"
    " || box.left > innerWidth)(image.getBoundingClientRect()))"  # those out of view are not loaded
    " && [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].every(each =>"
    " [...each.shadowRoot.querySelectorAll('video:not([hidden]):not(.tile video:not(.front))')]"
    ".every(video => !video.checkVisibility() || (video.readyState >= 3 && !video.seeking)))"
)


def chromium() -> str | None:
    """The browser to drive, or None when there is none here."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def running_app(script: Path, *, cwd: Path = ROOT, **settings: object) -> Iterator[str]:
    """Serve a script as the app is served, with some settings (``db=…``, ``model=…``); gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        **{f"FOOTAGE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    environment.pop("FOOTAGE_CONFIG", None)
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, script.parent, ROOT / "tests")))
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "serve_app.py"), str(script), str(port)],
            cwd=cwd,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def browser_page(address: str, **look: object) -> Iterator[object]:
    """A page of a headless browser, opened at an address; the rest as ``browser_pages``."""
    with browser_pages(address, **look) as [page]:
        yield page


@contextmanager
def browser_pages(
    *addresses: str, width: int = 1400, height: int = 1000, colors: str = "light"
) -> Iterator[list[object]]:
    """A visitor for each address, with a headless browser's page opened there.

    Args:
        addresses: Where each visitor is.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        colors: The visitor's system is "light" or "dark".

    Yields:
        The pages; ``page.alerts`` collects what scripts pop up, ``page.refused`` what the content security
        policy stops.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        pages = []
        for address in addresses:
            visitor = browser.new_context(
                viewport={"width": width, "height": height}, device_scale_factor=1, color_scheme=colors
            )
            page = visitor.new_page()
            page.set_default_timeout(120_000)
            page.alerts = alerts = []
            page.on("dialog", lambda dialog, alerts=alerts: (alerts.append(dialog.message), dialog.dismiss()))
            page.refused = refused = []
            page.on(
                "console", lambda said, refused=refused: POLICY in said.text and refused.append(said.text)
            )
            page.wait_for_function = partial(wait_until, page)
            page.goto(address)
            pages.append(page)
        yield pages
        browser.close()


def wait_until(page: object, expression: str, *, arg: object = None, seconds: float = 120) -> None:
    """Wait until an expression is true in a page; Playwright's own way is stopped by the app's policy."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        if time.monotonic() > end:
            raise TimeoutError(f"this did not become true: {expression}")
        page.wait_for_timeout(50)


# -- The pictures ----------------------------------------------------------

MOST_BYTES = 150_000
"""No picture is larger."""
QUESTION = "a green person walks from right to left"
CAR = "0.34,0.48,0.68,0.78"
"""Where the green car is in data/footage/beach_dusk.mp4 at 12.5 s."""
WORDS = 'said:"the train to"'


def take_all(db: Path, out: Path, pages: Sequence[str]) -> None:
    """Write a picture of some pages, in both themes, as PAGE-THEME.png."""
    from footage.store import Store

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index.lancedb"
        shutil.copytree(db, copy)
        pictures = ["index", "data/footage", "--tracks", "image", "--image-embedder", "demo-clip"]
        saved = [["save", "green cars", "a green car drives"], ["review", "green cars"]]
        commands = saved if any(page in PAGES for page in pages) else []
        if {"picture", "find-this"} & set(pages) and not Store.open(copy).images.embedders():
            commands = [*commands, pictures]
        for command in commands:
            footage = [sys.executable, "-m", "ui.cli", *command, "--db", str(copy)]
            subprocess.run(footage, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        settings = {"db": copy, "model": "demo", "export_dir": Path(folder) / "exports"}
        with running_app(ROOT / "ui" / "web" / "app.py", **settings) as address:
            for theme in ("light", "dark"):
                with browser_page(address, width=1280, height=900, colors=theme) as page:
                    for name in pages:
                        {**PAGES, **AUDITED_PAGES}[name](page, address)
                        _take(page, out / f"{name}-{theme}.png")


def _search(page: object, address: str) -> None:
    page.goto(f"{address}/?{urlencode({'q': QUESTION})}")
    page.wait_for_selector(ANSWERED)
    page.wait_for_function(QUIET)
    page.locator("video").evaluate("video => video.currentTime += 1.5")  # as if played so far


def _words(page: object, address: str) -> None:
    page.goto(f"{address}/?{urlencode({'q': WORDS})}")
    page.wait_for_selector(".line")
    page.wait_for_function(QUIET)
    page.locator("video").evaluate("video => video.currentTime += 1.2")  # as if played so far


def _picture(page: object, address: str) -> None:
    """A green car of one video, boxed, and the others like it."""
    page.goto(f"{address}/?{urlencode({'picture': 'data/footage/beach_dusk.mp4@0:12.5', 'box': CAR})}")
    page.wait_for_selector(ANSWERED)
    page.wait_for_selector(".panel .region")


def _find_this(page: object, address: str) -> None:
    """A box on a paused frame."""
    page.goto(f"{address}/?{urlencode({'q': 'a green car drives from left to right', 'exact': 'false'})}")
    page.wait_for_selector(ANSWERED)
    page.wait_for_function(QUIET)
    page.locator("video").evaluate("video => video.currentTime += 1")
    page.locator("[data-do=select]").click()
    picture = page.locator(".stage .surface").bounding_box()
    left, top, right, bottom = map(float, CAR.split(","))
    page.mouse.move(picture["x"] + left * picture["width"], picture["y"] + top * picture["height"])
    page.mouse.down()
    page.mouse.move(picture["x"] + right * picture["width"], picture["y"] + bottom * picture["height"])
    page.mouse.up()


def _not_found(page: object, address: str) -> None:
    page.goto(f"{address}/?{urlencode({'q': 'someone plays the piano'})}")
    page.wait_for_selector(".fx-empty")


def _highlights(page: object, address: str) -> None:
    """A reel of the answers to a question."""
    page.goto(f"{address}/?{urlencode({'q': 'a car drives', 'exact': 'true'})}")
    page.wait_for_selector(".st-key-add_all button")
    page.locator(".st-key-add_all button").click()
    page.get_by_text("Added ").first.wait_for()
    page.get_by_role("link", name="Highlights").click()
    page.wait_for_selector(".st-key-cutting_table")
    page.get_by_text("Added ").last.wait_for(state="hidden")


def _review(page: object, address: str) -> None:
    page.goto(f"{address}/review?view=queue")
    page.wait_for_selector(".fx-card")


def _captions(page: object, address: str) -> None:
    page.goto(f"{address}/review?view=captions")
    page.wait_for_selector(".fx-errors")
    page.get_by_role("button", name="Previous").click()  # to the last one, which has a suggestion
    page.get_by_role("button", name="Accept the suggestion").wait_for()
    page.get_by_text("A red car drives from right to left.").nth(2).wait_for()
    page.wait_for_selector(".stage")
    page.get_by_text("Cutting the preview").wait_for(state="hidden")


def _library(page: object, address: str) -> None:
    page.goto(f"{address}/library")
    page.wait_for_selector("a.fx-lib-tile")


def _cameras(page: object, address: str) -> None:
    """Two cameras at one moment."""
    page.goto(f"{address}/review?{urlencode({'view': 'cameras', 'moment': '2026-03-01T15:00:21+00:00'})}")
    page.get_by_text("Around this moment").wait_for()


def _video(page: object, address: str) -> None:
    _library(page, address)
    page.locator("a.fx-lib-tile").nth(1).click()
    page.wait_for_selector(".stage")


PAGES = {
    "search": _search,
    "words": _words,
    "picture": _picture,
    "find-this": _find_this,
    "not-found": _not_found,
    "highlights": _highlights,
    "cameras": _cameras,
    "review": _review,
    "library": _library,
    "video": _video,
}
AUDITED_PAGES = {"captions": _captions}
"""Pages of an index with wrong captions, made with `footage correct` and then audited; named with --db."""


def _take(page: object, out: Path) -> None:
    """Write what is in the window, with as many colours as fit the size."""
    from PIL import Image

    page.wait_for_function(QUIET)
    page.mouse.move(0, 0)
    time.sleep(1)  # transitions
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colors in (256, 128, 64, 32):
        picture.quantize(colors, dither=Image.Dither.NONE).save(out, optimize=True)
        if out.stat().st_size <= MOST_BYTES:
            break
    print(f"{out.name}: {out.stat().st_size:,} bytes")  # noqa: T201


def wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Wait until an address answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{address} does not answer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--db", type=Path, default=ROOT / ".demo" / "index.lancedb", help="an index")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="a folder")
    parser.add_argument(
        "--pages", nargs="+", choices=[*PAGES, *AUDITED_PAGES], default=list(PAGES), help="of these alone"
    )
    given = parser.parse_args()
    take_all(given.db, given.out, given.pages)
