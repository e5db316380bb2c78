"""Records the app at work, for the README: run it by hand after `make demo`.

    python tests/record_app.py

The pictures come from the browser as it draws them, and are written as WebM (VP9). What is shown is one
visit: a question, its answers, a moment played, two moments for a reel, the reel, the cameras, the library.
"""

from __future__ import annotations

import argparse
import base64
import io
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from screenshot_app import ANSWERED, QUIET, ROOT, browser_page, running_app

WIDTH, HEIGHT = 1280, 800
FRAMES_PER_SECOND = 12
QUESTION = "a green car drives"
MOST_BYTES = 3_000_000
"""The recording is no larger."""
CURSOR = """() => {
    const dot = document.createElement('div')
    dot.style.cssText = 'position:fixed;z-index:9999999;width:22px;height:22px;margin:-11px;border-radius:50%'
    dot.style.cssText += ';background:rgba(242,160,61,.55);border:2px solid #fff;pointer-events:none'
    document.documentElement.append(dot)
    addEventListener('mousemove', (event) => {
        dot.style.left = event.clientX + 'px'
        dot.style.top = event.clientY + 'px'
    }, true)
}"""
"""Shows where the mouse is: a headless browser draws none."""


class Recorder:
    """Collects what a page shows, picture by picture."""

    def __init__(self, page: Any) -> None:
        """Begin to record a page of Chromium."""
        self._pictures: list[tuple[float, bytes]] = []
        self._protocol = page.context.new_cdp_session(page)
        self._protocol.on("Page.screencastFrame", self._take)
        self._protocol.send("Page.startScreencast", {"format": "jpeg", "quality": 92, "everyNthFrame": 2})

    def _take(self, event: dict[str, Any]) -> None:
        self._pictures.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        self._protocol.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def stop(self) -> None:
        """End the recording."""
        self._protocol.send("Page.stopScreencast")

    def write(self, out: Path, *, bits_per_second: int) -> None:
        """Write the pictures at a steady rate."""
        import av
        from PIL import Image

        begin, end = self._pictures[0][0], self._pictures[-1][0]
        shown, number = self._pictures[0][1], 0
        with av.open(str(out), "w", format="webm") as film:
            stream = film.add_stream("libvpx-vp9", rate=FRAMES_PER_SECOND)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.bit_rate = bits_per_second
            stream.options = {"deadline": "good", "cpu-used": "3", "row-mt": "1"}
            for step in range(int((end - begin) * FRAMES_PER_SECOND) + 1):
                while (
                    number < len(self._pictures)
                    and self._pictures[number][0] <= begin + step / FRAMES_PER_SECOND
                ):
                    shown, number = self._pictures[number][1], number + 1
                picture = Image.open(io.BytesIO(shown)).convert("RGB").resize((WIDTH, HEIGHT))
                film.mux(stream.encode(av.VideoFrame.from_image(picture)))
            film.mux(stream.encode())
        print(f"{out.name}: {end - begin:.1f} s, {out.stat().st_size:,} bytes")  # noqa: T201


class Visit:
    """Somebody at the app, whose mouse can be seen."""

    def __init__(self, page: Any) -> None:
        """Visit a page."""
        self._page = page
        page.evaluate(CURSOR)

    def move(self, x: float, y: float) -> None:
        """Move the mouse there, slowly enough to be followed."""
        self._page.mouse.move(x, y, steps=12)

    def press(self, part: Any) -> None:
        """Press the middle of an element."""
        part.scroll_into_view_if_needed()
        box = part.bounding_box()
        self.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.wait(0.25)
        self._page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def type(self, words: str) -> None:
        """Type words."""
        self._page.keyboard.type(words, delay=55)

    def wait(self, seconds: float) -> None:
        """Look at the page."""
        self._page.wait_for_timeout(1000 * seconds)

    def turn_to(self, name: str, shown: str) -> None:
        """Turn to another page of the app."""
        self.press(self._page.get_by_role("link", name=name))
        self._page.wait_for_selector(shown)
        self.wait(1)


def visit(page: Any) -> None:
    """One visit of half a minute."""
    visitor = Visit(page)
    visitor.wait(1)
    visitor.press(page.get_by_placeholder("What happens?").first)
    visitor.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".fx-card")
    visitor.wait(5)
    visitor.press(page.locator(".st-key-play_1"))
    visitor.wait(4)
    visitor.press(page.locator(".st-key-add_all button"))
    visitor.wait(1)
    visitor.turn_to("Highlights", ".st-key-cutting_table")
    visitor.wait(2)
    page.keyboard.press("Shift+P")
    visitor.wait(3)
    visitor.turn_to("Review", ".st-key-review_view")
    visitor.wait(1)
    page.keyboard.press(" ")
    visitor.wait(4)
    visitor.turn_to("Library", "a.fx-lib-tile")
    visitor.wait(1)
    visitor.press(page.locator("a.fx-lib-tile").nth(1))
    page.wait_for_selector(".stage")
    visitor.wait(3)


def record(db: Path, out: Path) -> None:
    """Record a visit to a copy of an index, with the model loaded and every preview cut by an earlier one."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index.lancedb"
        shutil.copytree(db, copy)
        settings = {"db": copy, "model": "demo", "cache_dir": Path(folder) / "cache"}
        with running_app(ROOT / "ui" / "web" / "app.py", **settings) as address:
            asked = f"{address}/?{urlencode({'q': QUESTION})}"
            with browser_page(asked, width=WIDTH, height=HEIGHT) as page:
                page.wait_for_selector(ANSWERED)
                for name, shown in (("Review", ".st-key-review_view"), ("Library", "a.fx-lib-tile")):
                    page.get_by_role("link", name=name).click()
                    page.wait_for_selector(shown)
                    page.wait_for_function(QUIET)
            with browser_page(f"{address}/", width=WIDTH, height=HEIGHT) as page:
                page.wait_for_selector(".fx-tiles")
                page.wait_for_function(QUIET)
                recorder = Recorder(page)
                began = time.monotonic()
                visit(page)
                recorder.stop()
                seconds = time.monotonic() - began
                recorder.write(out, bits_per_second=int(0.75 * 8 * MOST_BYTES / seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--db", type=Path, default=ROOT / ".demo" / "index.lancedb", help="an index")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "tour.webm", help="a file")
    given = parser.parse_args()
    record(given.db, given.out)
