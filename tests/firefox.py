"""Drives the Firefox of this machine over WebDriver BiDi: for tests.

Playwright drives builds of Firefox of its own, which are not to be had everywhere.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "ArrowRight": "\ue014", "ArrowLeft": "\ue012"}
"""Private characters of the WebDriver standard for keys without a letter."""


def firefox() -> str | None:
    """The Firefox to drive, or None when there is none here."""
    return next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


class Firefox:
    """One window."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._numbers = itertools.count(1)
        self._send("session.new", capabilities={})
        self.window = self._send("browsingContext.getTree")["contexts"][0]["context"]

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._stream.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._stream.recv(120))
            if answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page."""
        self._send(
            "browsingContext.setViewport", context=self.window, viewport={"width": width, "height": height}
        )

    def before_each_page(self, function: str) -> None:
        """Call a function of JavaScript at the beginning of each page that is opened from now on."""
        self._send("script.addPreloadScript", functionDeclaration=function)

    def goto(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self._send("browsingContext.navigate", context=self.window, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression that is a number, a text, a truth value or nothing."""
        result = self._send(
            "script.evaluate", expression=expression, target={"context": self.window}, awaitPromise=True
        )
        if result["type"] == "exception":
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 120) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"this did not become true: {expression}")
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys one after another: letters, or names of ``KEYS``."""
        actions = []
        for key in (KEYS.get(each, each) for each in keys):
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._send(
            "input.performActions",
            context=self.window,
            actions=[{"type": "key", "id": "keyboard", "actions": actions}],
        )

    def screenshot(self, out: Path) -> None:
        """Write what is in the window, as PNG."""
        taken = self._send("browsingContext.captureScreenshot", context=self.window)
        out.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def firefox_page(address: str, *, width: int = 1400, height: int = 1000) -> Iterator[Firefox]:
    """A window of a headless Firefox with a fresh profile, opened at an address."""
    from websockets.sync.client import connect

    program = firefox()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="footage-firefox-") as folder:
        log = Path(folder) / "log"
        profile = Path(folder) / "profile"
        profile.mkdir()
        (profile / "user.js").write_text('user_pref("media.autoplay.default", 0);\n', "utf-8")
        with log.open("w") as out:
            process = subprocess.Popen(
                [
                    program,
                    "--headless",
                    "--no-remote",
                    "--profile",
                    str(profile),
                    "--remote-debugging-port=0",
                ],
                stdout=out,
                stderr=out,
            )
        try:
            with connect(f"{_address(log, process)}/session", max_size=None) as stream:
                window = Firefox(stream)
                window.resize(width, height)
                window.goto(address)
                yield window
        finally:
            process.terminate()
            process.wait(30)


def _address(log: Path, process: subprocess.Popen[bytes], seconds: float = 120) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text("utf-8")):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"Firefox did not start: {log.read_text('utf-8')[-500:]}")
