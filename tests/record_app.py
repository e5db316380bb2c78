"""Records the app at work, for the README: run it by hand after `make demo`.

    python tests/record_app.py

The pictures come from the browser as it draws them, and are written as WebM (VP9). What is shown is one
visit: a question, its answers, a moment played, two moments for a reel, the reel, the cameras, the library.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 1280, 800
FRAMES_PER_SECOND = 12
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
