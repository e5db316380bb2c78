"""Run as a process: serves commands, with a model that notes that it is asked and never answers.

python serve_commands.py INDEX FILE
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from command_service import serving
from standin_model import StandinEmbedder, StandinModel

from footage.core.config import load_settings
from service.session import Loaders, Service


class StuckModel(StandinModel):
    def __init__(self, note: Path) -> None:
        super().__init__()
        self._note_file = note

    def run(self, requests):
        self._note_file.touch()
        threading.Event().wait()


if __name__ == "__main__":
    made = Loaders(
        model=lambda settings: StuckModel(Path(sys.argv[2])), embedder=lambda settings: StandinEmbedder()
    )
    with serving(Service(load_settings(db=Path(sys.argv[1])), loaders=made)):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        threading.Event().wait()
