"""What is forgotten is gone from every file of the index, wherever a kill interrupts that."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from killing import kill_at, steps_of
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.types import Span
from footage.store import Mark, Store
from indexer.pipeline import index

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "3"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An index of two videos, with marks, and the content ids of the one to forget and of the other."""
    folder = tmp_path_factory.mktemp("made")
    write_levels(folder / "library" / "private.mp4", [20, 220, 220, 20, 20, 220, 30])
    write_levels(folder / "library" / "other.mp4", [220, 20, 220, 20])
    store = Store.open(folder / "index", create=True)
    for _ in range(2):  # the second run finds nothing new, and leaves more versions
        index([folder / "library"], store=store, model=StandinModel(), embedder=StandinEmbedder())
    held = {Path(file.path).name: file.content_id for file in store.files.all()}
    store.growing.put(held["private.mp4"], {0: "digest"})
    store.annotations.marks.put(
        [Mark(name, "review", content, Span(0, 1), "flagged") for name, content in held.items()]
    )
    return folder / "index", held["private.mp4"], held["other.mp4"]


def naming(path: Path, content_id: str) -> list[str]:
    """The files of an index folder that hold a content id: every version, log, index and deletion."""
    return [
        str(file.relative_to(path))
        for file in path.rglob("*")
        if file.is_file() and content_id.encode() in file.read_bytes()
    ]


def forget(path: Path, content_id: str) -> None:
    """Body of the process that is killed."""
    store = Store.open(path)
    with store.writing():
        store.contents.forget(content_id)


def open_for_writing(path: Path) -> None:
    with Store.open(path).writing():
        pass


def everything(path: Path, content_id: str):
    store = Store.open(path)
    held = {row.text: row.vector.tobytes() for row in store.vectors.of("standin", content_id).values()}
    return (
        store.windows.of(content_id),
        store.events.of(content_id),
        sorted(map(repr, store.texts.of(content_id))),
        held,
        store.annotations.marks.all(content_ids=[content_id]),
        [file for file in store.files.all() if file.content_id == content_id],
    )


def test_nothing_in_the_folder_names_what_was_forgotten(made, tmp_path):
    path, private, other = made
    kept = everything(path, other)
    assert len(naming(path, private)) > 10
    index_of = kill_at(0, forget, path, private, copies=tmp_path)
    assert naming(index_of, private) == [] and everything(index_of, other) == kept
    assert not Store.open(index_of).contents.knows(private) and Store.open(index_of).contents.knows(other)


def test_a_forgetting_killed_at_any_step_is_finished_when_the_index_is_next_opened_for_writing(
    made, tmp_path
):
    path, private, other = made
    kept = everything(path, other)
    steps = steps_of(forget, path, private, copies=tmp_path)
    assert steps > 100
    begun = 0
    for step in sorted(random.Random(SEED).sample(range(1, steps), KILLS)):
        index_of = kill_at(step, forget, path, private, copies=tmp_path)
        assert everything(index_of, other) == kept, f"a kill at step {step} of {steps} harmed another video"
        if Store.open(index_of).windows.of(private) and not list(index_of.glob(".forgetting-*")):
            assert everything(index_of, private) == everything(path, private)  # it had not begun
            continue
        begun += 1
        assert Store.open(index_of).contents.knows(private) or naming(index_of, private) == []
        open_for_writing(index_of)
        assert naming(index_of, private) == [], f"after a kill at step {step} of {steps}"
        assert everything(index_of, other) == kept
    assert begun


def test_a_note_that_was_cut_short_forgets_nothing(made, tmp_path):
    path, private, _ = made
    index_of = kill_at(1, open_for_writing, path, copies=tmp_path)
    (index_of / ".forgetting-1").write_text(private[:20])
    open_for_writing(index_of)
    assert everything(index_of, private) == everything(path, private)
    assert not list(index_of.glob(".forgetting-*"))


def test_what_a_repair_moved_aside_is_forgotten_too(made, tmp_path):
    path, private, _ = made
    index_of = kill_at(1, open_for_writing, path, copies=tmp_path)
    aside = index_of / ".quarantine" / "1" / "windows.lance" / "data"
    aside.mkdir(parents=True)
    (aside / "old.lance").write_bytes(b"\0" * 100 + private.encode() + b"\0" * 100)
    forget(index_of, private)
    assert naming(index_of, private) == []
