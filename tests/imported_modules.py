"""What a `footage` command imports, by the modules that are there when its process ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys

_CODE = """
import atexit, json, sys
listed = open(sys.argv.pop(1), "w")
atexit.register(lambda: json.dump(sorted(sys.modules), listed))
sys.argv[0] = "footage"
from ui.cli.start import main
main()
"""


def run_and_list(folder, *arguments: str, **variables: str) -> tuple[str, set[str]]:
    """The output of a command, and the modules that it imports."""
    listed = folder / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(listed), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **variables},
    )
    return done.stdout, set(json.loads(listed.read_text()))
