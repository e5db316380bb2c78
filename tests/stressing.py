"""Commands that write to an index, to be killed, starved of disk and run at once; and what is left of it.

Every command works on a folder, the place: its index, a library of clips, a copy of the index.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from standin_model import StandinEmbedder, StandinModel, write_levels
from test_store_migrations import unpacked

from footage.core.errors import StoreBusyError, StoreError
from footage.core.types import Span
from footage.store import Mark, Store
from footage.store.backup import backup, restore
from footage.store.checking import check
from indexer.events import Projector
from indexer.pipeline import index, reembed
from indexer.repairing import repair

LEVELS = {
    "a": [20, 220, 220, 20, 20, 220, 30, 30, 220, 20],
    "b": [220, 20, 220, 20, 220],
    "c": [40, 40, 200, 200, 40, 200, 40],
}
PRIVATE = "b"


def content_of(place: Path, name: str) -> str:
    """Content id of a clip of the library."""
    store = Store.open(place / "index")
    return next(file.content_id for file in store.files.all() if Path(file.path).stem == name)


# -- what is killed ------------------------------------------------------------------------------------------


def run_index(place: Path) -> None:
    """`footage index`."""
    store = Store.open(place / "index", create=True)
    index([place / "library"], store=store, model=StandinModel(), embedder=StandinEmbedder(), batch_size=1)


def run_projection(place: Path) -> None:
    """Events and vectors from captions, as every run does at its end."""
    store = Store.open(place / "index")
    with store.writing():
        Projector(store, StandinEmbedder()).catch_up()


def run_tidy(place: Path) -> None:
    """Small files joined, old versions removed."""
    store = Store.open(place / "index")
    with store.writing():
        store.tidy(every_version=True)


def run_reembed(place: Path) -> None:
    """`footage db reembed`."""
    reembed(Store.open(place / "index"), StandinEmbedder("other", 24))


def run_forget(place: Path) -> None:
    """`footage forget`."""
    store = Store.open(place / "index")
    private = (place / "private").read_text()
    with store.writing():
        if store.contents.knows(private):
            store.contents.forget(private)


def run_backup(place: Path) -> None:
    """`footage db backup --incremental`."""
    backup(Store.open(place / "index"), place / "copy", incremental=True)


def run_restore(place: Path) -> None:
    """`footage db restore`, unless it is done already."""
    if not (place / "index").exists():
        restore(place / "copy", place / "index")


def run_upgrade(place: Path) -> None:
    """`footage db upgrade`."""
    with Store.open(place / "index").writing():
        pass


def run_repair(place: Path) -> None:
    """`footage db check --repair`."""
    repair(place / "index", load=StandinEmbedder)


# -- what they start from ------------------------------------------------------------------------------------


def make_library(place: Path) -> None:
    """Clips, and no index."""
    for name, levels in LEVELS.items():
        write_levels(place / "library" / f"{name}.mp4", levels)


def make_indexed(place: Path) -> None:
    """An index of the library, with a mark on each video, in many small files."""
    make_library(place)
    run_index(place)
    store = Store.open(place / "index")
    for number, content_id in enumerate(sorted(store.videos.all())):
        for record in store.windows.of(content_id):
            store.windows.commit([record])
        store.annotations.marks.put([Mark(f"{number}", "review", content_id, Span(0, 1), "flagged")])
    (place / "private").write_text(content_of(place, PRIVATE))


def make_captioned(place: Path) -> None:
    """Captions of which nothing has been derived."""
    make_indexed(place)
    tables = Store.open(place / "index")._tables
    for name in ("events", "passages", "vectors_standin"):
        tables.delete(name, {"content_id": [row["content_id"] for row in tables.read("videos")]})


def make_copied(place: Path) -> None:
    """An index with a copy, and something new since."""
    make_indexed(place)
    run_backup(place)
    store = Store.open(place / "index")
    store.files.put([replace(store.files.all()[0], path="/another.mp4")])


def make_lost(place: Path) -> None:
    """A copy of an index that is gone."""
    make_indexed(place)
    run_backup(place)
    shutil.rmtree(place / "index")


def make_older(place: Path) -> None:
    """A real index of the oldest schema."""
    place.mkdir(parents=True, exist_ok=True)
    unpacked(8, place)


def make_broken(place: Path) -> None:
    """An index that has lost a file of captions and all of its events."""
    make_indexed(place)
    files = sorted((place / "index" / "events.lance" / "data").iterdir())
    for file in [*files, max((place / "index" / "windows.lance" / "data").iterdir())]:
        file.unlink()


@dataclass(frozen=True)
class Command:
    """A command that writes, and what it starts from."""

    name: str
    make: Callable[[Path], None]
    run: Callable[[Path], None]
    result: str = "index"
    """Which folder of the place it changes."""
    embedders: tuple[str, ...] = ("standin",)
    """Whose vectors are compared."""


COMMANDS = [
    Command("index", make_library, run_index),
    Command("projection", make_captioned, run_projection),
    Command("tidy", make_indexed, run_tidy),
    Command("reembed", make_indexed, run_reembed, embedders=("standin", "other")),
    Command("forget", make_indexed, run_forget),
    Command("backup", make_copied, run_backup, result="copy"),
    Command("restore", make_lost, run_restore),
    Command("upgrade", make_older, run_upgrade, embedders=("minilm",)),
    Command("repair", make_broken, run_repair),
]


# -- what is left --------------------------------------------------------------------------------------------


def everything(folder: Path, embedders: tuple[str, ...] = ("standin",)):
    """What an index says, apart from when it was written."""
    store = Store.open(folder)
    contents = sorted(store.videos.all())
    return {
        "files": [replace(file, tried_at=0.0) for file in store.files.all()],
        "videos": store.videos.all(),
        "windows": {content: store.windows.of(content) for content in contents},
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": {
            (name, owner): (row.text, np.round(row.vector, 4).tolist())
            for name in embedders
            for content in contents
            for owner, row in store.vectors.of(name, content).items()
        },
        "marks": store.annotations.marks.all(),
        "corrections": store.annotations.corrections.all(),
    }


def captions(folder: Path) -> dict[tuple[str, int], str]:
    """Every caption that can be read, by video and number of the window."""
    if not (folder / "meta.lance").is_dir():
        return {}
    store = Store.open(folder)
    return {
        (content_id, record.window.index): record.caption.raw
        for content_id in store.windows.spans()
        for record in store.windows.of(content_id)
    }


def damage(folder: Path) -> list[str]:
    """What of an index cannot be read or believed."""
    return [each.sentence for each in check(folder).findings if each.kind == "damaged"]


def lost_captions(before: dict, folder: Path, *, but: str = "") -> list[tuple[str, int]]:
    """Captions that were there before and can no longer be read as they were; those of one video may be."""
    after = captions(folder)
    return [key for key, raw in before.items() if after.get(key) != raw and key[0] != but]


# -- what runs in a process of its own ----------------------------------------------------------------------


def begin(body, place: Path, begun) -> None:
    """Say that a command begins, and run it."""
    begun.send(True)
    body(place)


def work_until(seconds: float, place: Path, work: str, ready, out) -> None:
    """Do one kind of work again and again; sends how often, or the error that no one expects."""
    store = Store.open(place / "index")
    done = busy = 0
    try:
        ready.wait(60)
        end = time.monotonic() + seconds
        while time.monotonic() < end or not (done or busy):
            try:
                WORK[work](store, place, done)
                done += 1
            except StoreBusyError:
                busy += 1
            except (
                StoreError
            ) as error:  # a mark that waited too long is refused in a sentence, and not counted
                if "writing annotations" not in str(error):
                    raise
                busy += 1
        out.send((work, done, busy, ""))
    except BaseException as error:
        out.send((work, done, busy, f"{type(error).__name__}: {error}"))


def index_again(store: Store, place: Path, number: int) -> None:
    index([place / "library"], store=store, model=StandinModel(), embedder=StandinEmbedder(), batch_size=1)


def search(store: Store, place: Path, number: int) -> None:
    hits = store.texts.search("bright"), store.vectors.search("standin", StandinEmbedder().embed(["dark"])[0])
    assert all(hit.text for found in hits for hit in found)


def review(store: Store, place: Path, number: int) -> None:
    content_id = (place / "kept").read_text()
    store.annotations.marks.put([Mark(f"review {number}", "review", content_id, Span(0, 1), "flagged")])


def forget(store: Store, place: Path, number: int) -> None:
    private = (place / "private").read_text()
    with store.writing():
        store.contents.forget(private)
        found = [path for path in store.path.rglob("*.*") if path.is_file()]
        assert not [path for path in found if private.encode() in path.read_bytes()]


def back_up(store: Store, place: Path, number: int) -> None:
    backup(store, place / "copy", incremental=True)


WORK = {"index": index_again, "search": search, "review": review, "forget": forget, "backup": back_up}
