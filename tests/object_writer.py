"""A process that writes to an index on object storage, a commit for each line that it is sent.

``python object_writer.py ADDRESS LEASE_SECONDS MARGIN_SECONDS`` says "holds" or "error CLASS MESSAGE",
then for each number on standard input "done NUMBER" or the same. An empty line ends it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__)


class Writer:
    """The process, as a test drives it."""

    def __init__(self, address: str, *, lease_seconds: float = 60.0, margin_seconds: float = 10.0):
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), address, str(lease_seconds), str(margin_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def send(self, number: int | str) -> None:
        """Have it commit, without waiting for it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()

    def commit(self, number: int) -> str:
        """Have it commit; what it says."""
        self.send(number)
        return self.read()

    def end(self) -> None:
        """End it, however it is."""
        self.process.kill()
        self.process.communicate()


def say(line: str) -> None:
    """Send a line to the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(address: str, lease_seconds: str, margin_seconds: str) -> None:
    """Body of the process."""
    from dataclasses import replace

    from footage.core.errors import FootageError
    from footage.core.types import File
    from footage.store import Store
    from footage.store.lease import LeaseTimes
    from footage.store.object_location import ObjectLocation

    times = LeaseTimes(float(lease_seconds), float(margin_seconds))
    try:
        store = Store.open(replace(ObjectLocation.parsed(address), writer_times=times), create=True)
        with store.writing():
            say("holds")
            for line in iter(sys.stdin.readline, "\n"):
                try:
                    store.files.put([File(path=f"/{line.strip()}.mp4", content_id=line.strip(), state="new")])
                    say(f"done {line.strip()}")
                except FootageError as error:
                    say(f"error {type(error).__name__} {error}")
    except FootageError as error:
        say(f"error {type(error).__name__} {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
