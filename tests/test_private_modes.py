"""What footage writes is for its owner alone, whatever the umask: index, caches, logs, exports, backups."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from footage.core.disk_cache import Shelf
from footage.core.private_files import close_to_others, private_folder
from footage.core.types import Span
from footage.synthetic.clips import random_clip, write_clip
from service import previews
from service.export.staging import staging

ROOT = Path(__file__).resolve().parents[1]
IN_TURN = """
import json, sys
from ui.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["footage", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (arguments, end.code)
"""


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "-street.mp4"
    write_clip(random_clip(np.random.default_rng(1), duration_seconds=4.0), path, fps=10, width=96, height=64)
    return path


def open_to_others(top: Path) -> list[str]:
    """What the group or others may read, write or enter, with its mode."""
    paths = [top, *top.rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_symlink()}
    return [f"{mode:o} {path}" for path, mode in modes.items() if mode & 0o077]


def test_what_the_commands_write_is_for_its_owner_alone(clip, tmp_path):
    made = tmp_path / "made"
    db = made / "deep" / "index.lancedb"
    everywhere = ["--db", str(db)]
    commands = [
        ["index", str(clip), *everywhere, "--model", "demo", "--log-file", str(tmp_path / "run.jsonl")],
        ["search", "a car", *everywhere, "--no-ground"],
        ["export", "a car", *everywhere, "--no-ground", "--all-verdicts", "--out", str(made / "a" / "clips")],
        ["captions", "export", *everywhere, "--out", str(made / "captions.jsonl")],
        ["db", "backup", str(made / "backups"), *everywhere],
        ["db", "reembed", *everywhere, "--embedder", "minilm"],
    ]
    environment = {
        **os.environ,
        "FOOTAGE_CACHE_DIR": str(made / "cache"),
        "FOOTAGE_DEVICE": "cpu",
        "FOOTAGE_KEEP_SEEN_GB": "1",
        "PYTHONPATH": str(ROOT),
    }
    made.mkdir(mode=0o700)
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, json.dumps(commands)],
        env=environment,
        umask=0,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert open_to_others(made) == [] and open_to_others(tmp_path / "run.jsonl") == []
    assert list(made.glob("a/clips/*.mp4")) and list(made.glob("cache/seen/*")) and list(db.iterdir())
    assert [path.name for path in made.glob("a/clips/*") if path.name.startswith("-")] == []


def test_caches_and_exports_are_closed_without_the_command(open_umask, clip, tmp_path):
    cache, exports = tmp_path / "cache" / "deep", tmp_path / "exports" / "deep"
    previews.preview(cache, str(clip), content_id="c", stretch=Span(0, 2))
    previews.picture(cache, str(clip), content_id="c", seconds=1.0)
    Shelf(cache / "seen", 10**6).put("c", "name", b"seen")
    with staging(exports, overwrite=False, sources=()) as place:
        place.write_text("list", ".csv", "a,b")
        place.new("film", ".mp4").write_bytes(b"film")
    for top in (tmp_path / "cache", tmp_path / "exports"):
        assert len(list(top.rglob("*.*"))) >= 2
        assert open_to_others(top) == []


def test_folders_that_are_there_keep_their_mode(open_umask, tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    private_folder(tmp_path / "shared")
    private_folder(tmp_path / "shared" / "a" / "b")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755
    assert open_to_others(tmp_path / "shared" / "a") == []
    (tmp_path / "file").touch(0o664)
    close_to_others(tmp_path / "file")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "file")
