"""Usage statistics of the libraries below stay off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READ = """
import numpy as np
from indexer.tracks.text_recogniser import TextRecogniser
TextRecogniser().find(np.full((120, 320, 3), 255, np.uint8), side_pixels=320)
import os
print(*(os.environ[name] for name in (
    "ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")))
"""


def test_reading_text_queues_no_events_of_the_recogniser(tmp_path):
    own = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    foreign = {"ORT_DISABLE_TELEMETRY": "0"}  # whatever the user's environment has
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, **own, **foreign},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert done.stdout.split() == ["1", "1", "0"]
    assert [path.name for path in tmp_path.rglob("*") if "onnx" in path.name.lower()] == []
    assert not list(tmp_path.rglob("Microsoft"))
