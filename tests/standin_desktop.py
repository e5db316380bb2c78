"""A notification server for tests: writes what it is to show into a file, one JSON line each."""

# No ``from __future__ import annotations``: the annotations are signatures of D-Bus.
import asyncio
import json
import sys
from pathlib import Path

from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, method


class Notifications(ServiceInterface):
    """The interface that desktops have."""

    def __init__(self, shown: Path):
        super().__init__("org.freedesktop.Notifications")
        self.shown = shown

    @method()
    def GetCapabilities(self) -> "as":  # noqa: F722
        return ["body", "body-markup"]

    @method()
    def GetServerInformation(self) -> "ssss":  # noqa: F821
        return ["standin", "footage", "1", "1.2"]

    @method()
    def Notify(
        self,
        app: "s",  # noqa: F821
        replaces: "u",  # noqa: F821
        icon: "s",  # noqa: F821
        title: "s",  # noqa: F821
        text: "s",  # noqa: F821
        actions: "as",  # noqa: F722
        hints: "a{sv}",  # noqa: F722
        timeout: "i",  # noqa: F821
    ) -> "u":  # noqa: F821
        with self.shown.open("a") as file:
            file.write(json.dumps([title, text]) + "\n")
        return 1


async def serve(shown: Path) -> None:
    """Serve until the process is ended."""
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/Notifications", Notifications(shown))
    await bus.request_name("org.freedesktop.Notifications")
    shown.touch()
    await bus.wait_for_disconnect()


asyncio.run(serve(Path(sys.argv[1])))
