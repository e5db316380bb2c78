"""Takes a screenshot of the app as it answers a question: run it by hand for the picture in the README.

    python tests/screenshot_app.py --db .demo/index.lancedb "a green person walks from right to left"

It is run from the project's root, so that the paths in the picture are short ones.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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
QUIET = (
    "!document.querySelector('[data-testid=stStatusWidget]')"
    " && [...document.images].every(image => image.complete)"
    " && [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].every(each =>"
    " [...each.shadowRoot.querySelectorAll('video')].every(video => video.readyState >= 3 && !video.seeking))"
)


def chromium() -> str | None:
    """The browser to drive, or None when there is none here."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def running_app(script: Path, *, cwd: Path = ROOT, **settings: object) -> Iterator[str]:
    """Run a Streamlit script with the given settings (``db=…``, ``model=…``); gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        **{f"FOOTAGE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    environment.pop("FOOTAGE_CONFIG", None)
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *options],
            cwd=cwd,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def browser_page(address: str, *, width: int = 1400, height: int = 1000) -> Iterator[object]:
    """A page of a headless browser, opened at an address; ``page.alerts`` collects what scripts pop up."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1)
        page.set_default_timeout(120_000)
        page.alerts = []
        page.on("dialog", lambda dialog: (page.alerts.append(dialog.message), dialog.dismiss()))
        page.goto(address)
        yield page
        browser.close()


def take(query: str, out: Path, *, script: Path = ROOT / "ui" / "app.py", **settings: object) -> None:
    """Write a picture of the app answering ``query``; ``settings`` as for ``running_app``."""
    with (
        running_app(script, **settings) as address,
        browser_page(f"{address}/?{urlencode({'q': query})}") as page,
    ):
        page.wait_for_selector(".fx-why")
        page.wait_for_function(QUIET)
        page.locator("video").evaluate("video => video.currentTime += 1.5")  # as if played so far
        page.wait_for_function(QUIET)
        page.mouse.move(0, 0)
        time.sleep(1)  # transitions
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(out))


def _wait(address: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.25)
    raise RuntimeError(f"{address} does not answer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("query")
    parser.add_argument("--db", required=True)
    parser.add_argument("--model", default="demo")
    parser.add_argument(
        "--script", type=Path, default=ROOT / "ui" / "app.py", help="another entry, for tests"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshot.png")
    given = parser.parse_args()
    take(given.query, given.out, script=given.script, db=given.db, model=given.model)
