"""An index run with the real demo model, killed at random moments, ends as an unbroken one does.

``make stress`` kills it 50 times; FOOTAGE_TEST_KILLS says how often, FOOTAGE_TEST_SEED when.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import processes

from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.store import Store
from footage.vlm.profiles import DEMO

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
OTHERS = (SPEECH_TRACK, SCREEN_TEXT_TRACK, SUBTITLE_TRACK)
CLIPS = Path(__file__).parent.parent / "data" / "footage"

pytestmark = pytest.mark.timeout(300 + 150 * KILLS)


def index_library(library: Path, database: Path) -> None:
    """Body of the process that is killed."""
    from footage.embed.text_embedder import load_embedder
    from footage.vlm import load_model
    from indexer.pipeline import index

    store = Store.open(database, create=True)
    index([library], store=store, model=load_model("demo", device="cpu"), embedder=load_embedder("minilm"))


def tables(database: Path, *, embedder: str = "minilm"):
    """Everything an index holds but when it was written."""
    store = Store.open(database)
    contents = sorted(store.videos.all())
    vectors = [
        (owner, row.text, row.span, row.window_indexes, tuple(np.round(row.vector, 4)))
        for content in contents
        for owner, row in sorted(store.vectors.of(embedder, content).items())
    ]
    return {
        "files": [replace(file, tried_at=0.0) for file in store.files.all()],
        "videos": store.videos.all(),
        "windows": {content: store.windows.of(content) for content in contents},
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": vectors,
        "provenances": store.windows.provenances(),
    }


def runner(body, library):
    """What runs a body over a library in a process that may be killed, and returns the seconds it took."""
    context = processes()

    def run(database, kill_after=None):
        child = context.Process(target=body, args=(library, database))
        began = time.monotonic()
        child.start()
        child.join(kill_after)
        killed = child.is_alive()
        child.kill()
        child.join()
        assert child.exitcode == (-signal.SIGKILL if killed else 0)
        return time.monotonic() - began

    return run


@pytest.mark.demo_model
@pytest.mark.skipif(
    not any((DEMO.folder or Path()).glob("*.safetensors")), reason="needs the weights in data/demo-model"
)
def test_an_index_run_killed_at_a_random_moment_ends_as_an_unbroken_one(tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    for name in ("beach_dusk.mp4", "park_dusk.mp4"):
        shutil.copy(CLIPS / name, library / name)
    real = Path(os.environ.get("FOOTAGE_TEST_DATA", "")) / "videos_derived" / "car_truncated.mp4"
    if real.is_file():
        shutil.copy(real, library / "real.mp4")
    run = runner(index_library, library)

    seconds = run(tmp_path / "unbroken")
    expected = tables(tmp_path / "unbroken")
    rng = random.Random(SEED)
    for number in range(KILLS):
        database = tmp_path / f"killed{number}"
        moment = rng.uniform(seconds / 4, seconds)
        run(database, kill_after=moment)
        run(database)
        for table, rows in tables(database).items():
            assert rows == expected[table], f"{table} differ after a kill at {moment:.3f} of {seconds:.1f} s"


# -- the other tracks, read by the real recognisers ----------------------------------------------------------


def read_tracks(library: Path, database: Path) -> None:
    """Body of the process that is killed."""
    from footage.core.config import Settings
    from footage.embed.text_embedder import load_embedder
    from indexer.pipeline import index
    from indexer.tracks.factories import READING_ORDER, maker_of

    settings = Settings(speech_model="tiny.en", device="cpu")
    makers = [maker_of(track, settings) for track in READING_ORDER]
    store = Store.open(database, create=True)
    index([library], store=store, model=None, embedder=load_embedder("minilm"), makers=makers)


def test_tracks_of_a_real_clip_killed_at_random_moments_end_as_unbroken_ones(tmp_path, test_data):
    library = tmp_path / "library"
    library.mkdir()
    shutil.copy(test_data / "videos" / "tc_nasa_13013.mp4", library / "nasa.mp4")
    shutil.copy(test_data / "videos_edge" / "ae_example.mp4", library / "timecode.mp4")
    (library / "nasa.en.srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nA clean room\n")
    run = runner(read_tracks, library)

    def everything(database):
        store = Store.open(database)
        windows = {
            (content, track): store.windows.of(content, track=track)
            for content in store.videos.all()
            for track in OTHERS
        }
        files = [replace(file, tried_at=0.0) for file in store.files.all()]
        return {"files": files, "windows": windows, "texts": sorted(map(repr, store.texts.all()))}

    seconds = run(tmp_path / "unbroken")
    expected = everything(tmp_path / "unbroken")
    words = " ".join(expected["texts"])
    assert "Goddard" in words and "A clean room" in words and "01:00:0" in words
    rng = random.Random(SEED)
    for number in range(KILLS):
        database = tmp_path / f"killed{number}"
        moment = rng.uniform(seconds / 4, seconds)
        run(database, kill_after=moment)
        run(database)
        for table, rows in everything(database).items():
            assert rows == expected[table], f"{table} differ after a kill at {moment:.3f} of {seconds:.1f} s"
