"""`footage models download`: weights of a hub over HTTP, whole, in part, gated and absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub, loopback_hub

from footage.vlm.profiles import MARLIN_2B

OLD, NEW = "a" * 40, "b" * 40
CONFIG = {"model_type": "qwen3_5", "vision_config": {"depth": 2}, "text_config": {}}
WEIGHTS = os.urandom(1 << 16) * 400
"""26 MB: the hub's client keeps what it received in steps of 10 MB."""


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with loopback_hub() as made:
        files = {
            "config.json": json.dumps(CONFIG).encode(),
            "model.safetensors": WEIGHTS,
            "tokenizer.json": b"{}",
            "pytorch_model.bin": b"not wanted",
        }
        made.commits = {MARLIN_2B.revision or "": files, OLD: files}
        yield made


def download(home: Path, hub: LoopbackHub | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: the hub's client reads its settings when it is imported."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    clean |= {
        "HF_HOME": str(home),
        "HF_ENDPOINT": hub if isinstance(hub, str) else hub.address,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", "models", "download", *arguments],
        env=clean,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_pinned_commit_is_fetched_once(tmp_path, hub):
    done = download(tmp_path, hub, "marlin-2b", "--json")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert (line["name"], line["revision"], line["licence"]) == (
        "marlin-2b",
        MARLIN_2B.revision,
        "Apache-2.0",
    )
    assert (Path(line["folder"]) / "model.safetensors").read_bytes() == WEIGHTS
    assert "pytorch_model.bin" not in hub.served  # such files can run code
    hub.served.clear()
    again = download(tmp_path, "http://127.0.0.1:9", "NemoStation/Marlin-2B")
    assert again.stdout.splitlines() == [f"NemoStation/Marlin-2B {MARLIN_2B.revision}", line["folder"]]
    assert hub.served == []


def test_a_connection_that_breaks_off_goes_on_where_it_stopped(tmp_path, hub):
    hub.drops = 1
    done = download(tmp_path, hub, "marlin-2b", "--json")
    assert (Path(json.loads(done.stdout)["folder"]) / "model.safetensors").read_bytes() == WEIGHTS
    [asked] = hub.ranges
    assert 0 < int(asked.removeprefix("bytes=").partition("-")[0]) <= len(WEIGHTS) // 2


def test_after_a_download_that_fails_whole_files_are_not_fetched_again(tmp_path, hub):
    hub.drops = 1000
    broken = download(tmp_path, hub, "marlin-2b")
    assert broken.returncode == 1 and broken.stdout == ""
    assert len(broken.stderr.strip().splitlines()) <= 4 and "Traceback" not in broken.stderr
    assert "marlin-2b" in broken.stderr
    hub.drops, hub.served[:] = 0, []
    done = download(tmp_path, hub, "marlin-2b", "--json")
    assert (Path(json.loads(done.stdout)["folder"]) / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.served == ["model.safetensors"]


def test_another_commit_is_fetched_on_request_and_a_model_without_a_pin_stays_there(tmp_path, hub):
    assert MARLIN_2B.revision in download(tmp_path, hub, "marlin-2b").stdout
    assert OLD in download(tmp_path, hub, "marlin-2b", "--revision", OLD).stdout
    first = download(tmp_path, hub, "video-scan")
    assert OLD in first.stdout and "Business Source License" in first.stderr
    hub.commits[NEW] = hub.commits[OLD]
    assert OLD in download(tmp_path, hub, "video-scan").stdout
    assert NEW in download(tmp_path, hub, "video-scan", "--revision", "main").stdout
    assert NEW in download(tmp_path, hub, "video-scan").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["marlin-2b", "--revision", "nowhere"], 1, "NemoStation/Marlin-2B has no revision nowhere"),
        (["demo"], 2, "there is nothing to download"),
        (["nothing"], 2, "there is no model 'nothing'"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(tmp_path, hub, arguments, code, said):
    done = download(tmp_path, hub, *arguments, "--json")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in json.loads(done.stderr.splitlines()[-1])["error"]


def test_a_gated_and_an_absent_hub_are_one_sentence(tmp_path, hub):
    hub.gate = 403
    gated = json.loads(download(tmp_path, hub, "marlin-2b", "--json").stderr.splitlines()[-1])
    assert "it is gated or private" in gated["error"] and "HF_TOKEN" in gated["hint"]
    absent = download(tmp_path, "http://127.0.0.1:9", "marlin-2b", "--json")
    error = json.loads(absent.stderr.splitlines()[-1])
    assert absent.returncode == 1 and "the model hub cannot be used" in error["error"]
    assert "\n" not in error["error"]
