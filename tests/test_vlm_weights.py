"""Finding a model's weights: folders, their refusal, and a hub that is gated, absent or incomplete."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from loopback_hub import loopback_hub

from footage.core.errors import ModelUnavailableError, UsageError, WrongCheckpointError
from footage.core.folder_digest import folder_digest
from footage.vlm import weights
from footage.vlm.profiles import DEMO, MARLIN_2B, PROFILES


def model_folder(folder: Path, **config) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"model_type": "qwen3_5", "vision_config": {"depth": 2}, "text_config": {}, **config}
    (folder / "config.json").write_text(json.dumps({k: v for k, v in whole.items() if v is not None}))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    return folder


# --- folders ------------------------------------------------------------------------------------------------


def test_a_folder_is_run_under_marlins_contract(tmp_path):
    found = weights.locate(str(model_folder(tmp_path / "mine")))
    assert (found.profile, found.model, found.folder) == (MARLIN_2B, "mine", tmp_path / "mine")
    assert found.revision.startswith("sha256:")


@pytest.mark.parametrize("typed", ["./mine", "mine", "~/mine"])
def test_a_folder_is_found_from_where_one_is(tmp_path, monkeypatch, typed):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    model_folder(tmp_path / "mine")
    found = weights.locate(typed)
    assert (found.profile, found.model, found.folder.resolve()) == (MARLIN_2B, "mine", tmp_path / "mine")


def test_a_folder_may_name_its_own_profile(tmp_path):
    folder = model_folder(tmp_path, footage_profile="demo")
    assert weights.locate(str(folder)).profile is DEMO
    assert weights.locate("marlin-2b", model_path=folder).profile is DEMO


def test_a_model_path_goes_with_a_name(tmp_path):
    assert weights.locate("video-scan", model_path=model_folder(tmp_path)).profile.name == "video-scan"
    with pytest.raises(UsageError, match="already a folder"):
        weights.locate(str(tmp_path), model_path=tmp_path)


def test_a_revision_does_not_go_with_a_folder(tmp_path):
    with pytest.raises(UsageError, match="chooses a commit on the hub"):
        weights.locate(str(model_folder(tmp_path)), revision="abc")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"no model weights in .*nowhere"):
        weights.locate(str(tmp_path / "nowhere"))


def test_an_unknown_name_is_a_usage_error():
    with pytest.raises(UsageError, match="no model 'qwen'"):
        weights.locate("qwen")


def test_a_demo_model_that_was_not_trained_says_how_to(tmp_path, monkeypatch):
    monkeypatch.setitem(PROFILES, "demo", replace(DEMO, folder=tmp_path))
    with pytest.raises(ModelUnavailableError) as caught:
        weights.locate("demo")
    assert "python data/train_demo_model.py" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "qwen3_5_text", "vision_config": None}, "without a vision tower"),
        ({"vision_config": None}, "without a vision tower"),
        ({"model_type": "qwen2_vl"}, "of another type .*qwen2_vl"),
        ({"model_type": None}, "of another type"),
    ],
)
def test_another_model_is_refused_before_anything_is_loaded(tmp_path, config, said):
    with pytest.raises(WrongCheckpointError, match=said):
        weights.locate(str(model_folder(tmp_path, **config)))


def test_an_unknown_kind_is_told_the_known_ones(tmp_path):
    folder = str(model_folder(tmp_path, model_type="llava"))
    with pytest.raises(WrongCheckpointError) as refused:
        weights.locate(folder)
    assert all(kind in str(refused.value) for kind in {profile.model_type for profile in PROFILES.values()})
    with pytest.raises(WrongCheckpointError, match="needed is 'qwen3_5'"):
        weights.locate("marlin-2b", model_path=tmp_path)


@pytest.mark.parametrize(
    ("file", "said"), [("adapter_config.json", r"only an adapter \(LoRA\)"), ("m.gguf", "GGUF files")]
)
def test_other_builds_are_told_what_to_do(tmp_path, file, said):
    model_folder(tmp_path)
    (tmp_path / "config.json").unlink()
    (tmp_path / file).write_text("{}")
    with pytest.raises(WrongCheckpointError, match=said) as refused:
        weights.locate(str(tmp_path))
    assert refused.value.hint


def test_weights_packed_for_mlx_are_refused(tmp_path):
    with pytest.raises(WrongCheckpointError, match="weights for MLX"):
        weights.locate(str(model_folder(tmp_path, quantization={"bits": 8, "group_size": 64})))


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_folder_without_a_usable_config_is_refused(tmp_path, text):
    model_folder(tmp_path)
    (tmp_path / "config.json").unlink()
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(WrongCheckpointError):
        weights.locate(str(tmp_path))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_weights_that_are_not_safetensors_are_refused(tmp_path, name):
    model_folder(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / name)
    with pytest.raises(WrongCheckpointError, match=f"{name}; such files can run code"):
        weights.locate(str(tmp_path))


def test_a_missing_shard_is_named(tmp_path):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model_folder(tmp_path) / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnavailableError, match=r"model-00002-of-00002\.safetensors is missing"):
        weights.locate(str(tmp_path))
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(WrongCheckpointError, match="not a readable index"):
        weights.locate(str(tmp_path))


def test_the_digest_tells_retrained_weights_and_templates_apart(tmp_path):
    folder = model_folder(tmp_path)
    digests = {folder_digest(folder), folder_digest(folder)}
    assert len(digests) == 1
    (folder / "model.safetensors").write_bytes(b"weighty")
    digests.add(folder_digest(folder))
    (folder / "chat_template.jinja").write_text("x")
    digests.add(folder_digest(folder))
    (folder / "README.md").write_text("a card changes nothing")
    digests.add(folder_digest(folder))
    assert len(digests) == 3


def test_the_digest_samples_large_files_throughout(tmp_path):
    folder = model_folder(tmp_path)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(40 << 20)
    before = folder_digest(folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek((40 << 20) - 1)
        file.write(b"x")
    assert folder_digest(folder) != before


# --- the hub ------------------------------------------------------------------------------------------------
# The hub's client reads its settings when it is imported, so each of these runs in a process of its own.

COMMIT = MARLIN_2B.revision


class Hub(BaseHTTPRequestHandler):
    """As much of the model hub as the client asks for: a gated repository with two files."""

    def do_GET(self) -> None:
        """Answers metadata to anybody and files to nobody."""
        if "/resolve/" in self.path:
            self.reply(self.server.status, {"error": "Access to this model is restricted"}, "GatedRepo")
        elif "/tree/" in self.path:
            self.reply(200, [{"type": "file", "path": "config.json", "size": 2, "oid": "0" * 40}])
        elif "missing" in self.path:
            self.reply(404, {"error": "Invalid rev id"}, "RevisionNotFound")
        else:
            files = [{"rfilename": "config.json"}]
            self.reply(200, {"id": MARLIN_2B.repository, "sha": COMMIT, "siblings": files, "gated": "auto"})

    do_HEAD = do_GET

    def reply(self, status: int, body: object, code: str = "") -> None:
        """One JSON answer."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.status = 403
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def locate_elsewhere(
    tmp_path: Path,
    *args: str,
    name: str = "marlin-2b",
    timeout: float = 280,
    hub_timeout: float = 10,
    **env: str,
) -> dict[str, str]:
    """Runs ``locate`` in a fresh process: what it found, or the error's name, sentence and hint."""
    code = (
        "import json, sys\n"
        "from footage.core.errors import FootageError\n"
        "from footage.vlm import weights\n"
        f"weights.HUB_TIMEOUT_SECONDS = {hub_timeout}\n"
        "from footage.vlm.weights import locate\n"
        "try:\n"
        f"    found = locate({name!r}, {', '.join(args)})\n"
        "    result = {'folder': str(found.folder), 'revision': found.revision, 'model': found.model}\n"
        "    print(json.dumps(result))\n"
        "except FootageError as exc:\n"
        "    print(json.dumps({'error': type(exc).__name__, 'said': str(exc), 'hint': exc.hint}))\n"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    clean |= {"HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"} | env
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean, capture_output=True, text=True, timeout=timeout, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_what_to_do(tmp_path, hub, status):
    hub.status = status
    result = locate_elsewhere(tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}")
    assert result["error"] == "ModelUnavailableError"
    assert "gated" in result["said"]
    assert "https://huggingface.co/NemoStation/Marlin-2B" in result["hint"] and "HF_TOKEN" in result["hint"]


def test_a_commit_that_does_not_exist_is_named(tmp_path, hub):
    result = locate_elsewhere(
        tmp_path, "revision='missing'", HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}"
    )
    assert result["said"] == "NemoStation/Marlin-2B has no revision missing"


@pytest.mark.parametrize(
    ("args", "env"),
    [
        ([], {"HF_ENDPOINT": "http://127.0.0.1:9"}),
        ([], {"HF_HUB_OFFLINE": "1"}),
        (["offline=True"], {"HF_ENDPOINT": "http://127.0.0.1:9"}),
        (["offline=True", "revision='main'"], {"HF_ENDPOINT": "http://127.0.0.1:9"}),
    ],
)
def test_without_a_hub_it_fails_at_once_and_says_what_else_there_is(tmp_path, args, env):
    result = locate_elsewhere(tmp_path, *args, timeout=120, **env)
    assert result["error"] == "ModelUnavailableError"
    assert "marlin-2b are not on this machine" in result["said"]
    for way in (
        f"https://huggingface.co/{MARLIN_2B.repository}",
        "HF_TOKEN",
        "--model-path",
        "--model http://",
    ):
        assert way in result["hint"]
    assert "\n" not in result["said"] and len(result["said"]) < 200


def test_a_hub_that_never_answers_is_given_up_in_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        began = time.perf_counter()
        result = locate_elsewhere(
            tmp_path, hub_timeout=0.5, HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
    assert result["error"] == "ModelUnavailableError" and "no answer within 0.5 s" in result["said"]
    assert time.perf_counter() - began < 60


def test_a_commit_that_was_fetched_before_needs_no_hub(tmp_path):
    snapshot = tmp_path / "hub" / "models--NemoStation--Marlin-2B" / "snapshots" / COMMIT
    model_folder(snapshot)
    result = locate_elsewhere(tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert result == {"folder": str(snapshot), "revision": COMMIT, "model": "NemoStation/Marlin-2B"}
    (snapshot / "model.safetensors").unlink()
    assert locate_elsewhere(tmp_path, HF_ENDPOINT="http://127.0.0.1:9")["error"] == "ModelUnavailableError"


def test_a_model_without_a_pinned_commit_records_the_one_it_has(tmp_path):
    cache = tmp_path / "hub" / "models--cudabenchmarktest--video-scan"
    snapshot = model_folder(cache / "snapshots" / ("a" * 40))
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("a" * 40)
    result = locate_elsewhere(tmp_path, name="video-scan", HF_ENDPOINT="http://127.0.0.1:9")
    assert result == {"folder": str(snapshot), "revision": "a" * 40, "model": "cudabenchmarktest/video-scan"}


# --- a profile without a pinned commit ----------------------------------------------------------------------


def checkpoint(note: str, weights_bytes: int = 7) -> dict[str, bytes]:
    """The files of one commit."""
    config = {"model_type": "qwen3_5", "vision_config": {"depth": 2}, "text_config": {}, "note": note}
    return {
        "config.json": json.dumps(config).encode(),
        "model.safetensors": b"w" * weights_bytes,
        "tokenizer.json": b"{}",
        "NOTICE": b"Keep this.",
    }


OLD, NEW = "a" * 40, "b" * 40


def test_the_commit_that_was_fetched_first_stays(tmp_path):
    with loopback_hub() as hub:
        hub.commits = {OLD: checkpoint("old")}
        elsewhere = partial(locate_elsewhere, tmp_path, name="video-scan", HF_ENDPOINT=hub.address)
        assert elsewhere()["revision"] == OLD
        assert (Path(elsewhere()["folder"]) / "NOTICE").read_text() == "Keep this."
        hub.commits[NEW] = checkpoint("new")  # the main branch moves on
        assert elsewhere()["revision"] == OLD
        assert elsewhere("offline=True")["revision"] == OLD
        assert elsewhere("revision='main'")["revision"] == NEW
        assert elsewhere()["revision"] == OLD  # that was for one call
        assert elsewhere(f"revision={NEW!r}")["revision"] == NEW
        shutil.rmtree(tmp_path / "hub" / "models--cudabenchmarktest--video-scan" / "snapshots" / OLD)
        assert elsewhere()["revision"] == OLD  # fetched again, not replaced by a newer one
    assert (Path(elsewhere()["folder"]) / "config.json").read_text().count("old") == 1


def test_a_snapshot_of_another_program_is_the_first(tmp_path):
    cache = tmp_path / "hub" / "models--cudabenchmarktest--video-scan"
    model_folder(cache / "snapshots" / OLD)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(OLD)
    assert locate_elsewhere(tmp_path, name="video-scan", HF_ENDPOINT="http://127.0.0.1:9")["revision"] == OLD
    model_folder(cache / "snapshots" / NEW)  # the other program goes on to a newer commit
    (cache / "refs" / "main").write_text(NEW)
    assert locate_elsewhere(tmp_path, name="video-scan", HF_ENDPOINT="http://127.0.0.1:9")["revision"] == OLD
