"""Shows alerts as notifications of the desktop of the user who runs footage; sends nothing over a network."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Self

from footage.core.extras import require_extra
from service.alerts.model import SinkError
from service.alerts.sinks import options
from service.alerts.sinks.secret_values import hidden
from service.alerts.sinks.wording import headline, lines, shortened

if TYPE_CHECKING:
    from service.alerts.model import Notification, SinkConfig

WAIT_SECONDS = 10.0
"""Longest wait for the desktop."""
MOST_LINES = 3
"""Most moments in a notification."""


@dataclass(frozen=True, slots=True)
class DesktopSink:
    """The desktop of this machine."""

    wait_seconds: float = WAIT_SECONDS
    """Longest wait for the desktop."""

    @classmethod
    def of(cls, config: SinkConfig) -> Self:
        """The sink of a configuration.

        Raises:
            UsageError: it makes no sense.
            DependencyError: desktop-notifier is not installed.
        """
        options.check_target(config)
        options.check_names(config, ())
        _library()
        return cls()

    @property
    def name(self) -> str:
        """The only desktop there is."""
        return "desktop"

    def send(self, notification: Notification) -> None:
        """Show it; return once the desktop has taken it.

        Raises:
            SinkError: there is no desktop, or it does not answer.
        """
        listed = lines(notification)
        text = "\n".join(shortened(line, 200) for line in listed[:MOST_LINES])
        if len(listed) > MOST_LINES:
            text += f"\n… and {len(listed) - MOST_LINES} more"
        given = json.dumps({"title": headline(notification), "message": text})
        # In a process of its own: the library keeps its connection open, and wants the main thread on macOS.
        try:
            child = subprocess.run(
                [sys.executable, "-m", __name__],
                input=given.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self.wait_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SinkError(f"the desktop did not answer within {self.wait_seconds:g} s") from error
        if child.returncode:
            said = child.stderr.decode("utf-8", "replace").strip().splitlines()
            raise SinkError(
                f"the desktop cannot be reached: {hidden(said[-1] if said else 'no reason given')}"
            )


async def show(title: str, message: str) -> bool:
    """Show a text on the desktop of this process; returns whether the desktop has taken it."""
    taken = asyncio.Event()
    notifier = _library().DesktopNotifier(app_name="footage", app_icon=None)
    # Desktops may read markup in the text. What goes wrong is logged by the library, and not raised.
    await notifier.send(title=title, message=escape(message, quote=False), on_dispatched=taken.set)
    return taken.is_set()


def _library() -> Any:
    """The library for desktop notifications.

    Raises:
        DependencyError: it is not installed.
    """
    require_extra("desktop")
    import desktop_notifier

    return desktop_notifier


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(show(**json.load(sys.stdin))) else 1)
