"""The demo image-text model: what comes with the project finds drawn things by picture and by words."""

from __future__ import annotations

import pytest

from evaluation.suites.images import evaluate_pictures
from footage.embed.image_embedder import DEMO, KNOWN, load_image_embedder
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene, render

LARGEST_BYTES = 8_000_000


@pytest.fixture(scope="module")
def embedder():
    return load_image_embedder()


def frame(*what, backdrop="park", light="day"):
    """A frame with these things, and nothing else."""
    events = tuple(
        SyntheticEvent(*one, 0.0, 4.0, seed=number, lane=("near", "far")[number])
        for number, one in enumerate(what)
    )
    scene = SyntheticScene(backdrop, "tree", "left", light, 1)
    return render(SyntheticClip(scene, events, 4.0, 0), [1.3])[0]


RED_CAR = ("car", "red", "drives", "from left to right")
BLUE_CAR = ("car", "blue", "drives", "from left to right")
RED_DOG = ("dog", "red", "runs", "from right to left")
BLUE_DOG = ("dog", "blue", "runs", "from right to left")


def test_it_is_small_and_in_safetensors(embedder):
    folder = next(known.folder for known in KNOWN if known.name == DEMO)
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST_BYTES
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".md"}
    assert (embedder.name, embedder.dimension) == (DEMO, 128)


def test_words_are_nearest_to_the_picture_of_what_they_say(embedder):
    pictures = embedder.embed_pictures([frame(RED_CAR), frame(BLUE_CAR), frame(RED_DOG), frame()])
    texts = embedder.embed_texts(["a red car", "a blue car drives from left to right", "the red dog"])
    assert (texts @ pictures.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_thing_is_nearer_to_itself_elsewhere_than_to_another_in_its_place(embedder):
    here, there, other = embedder.embed_pictures(
        [frame(RED_CAR), frame(RED_CAR, backdrop="street", light="dusk"), frame(BLUE_DOG)]
    )
    assert here @ there > here @ other + 0.2


def test_a_picture_is_nearer_to_what_it_shows_than_with_the_colours_swapped(embedder):
    pictures = embedder.embed_pictures([frame(RED_CAR, BLUE_DOG), frame(BLUE_CAR, RED_DOG)])
    texts = embedder.embed_texts(["a red car and a blue dog", "a blue car and a red dog"])
    near = pictures @ texts.T
    assert near.argmax(axis=1).tolist() == [0, 1]


def test_it_finds_and_rejects_in_unseen_clips(embedder, tmp_path):
    figures = evaluate_pictures(embedder, seed=77_001, videos=8, folder=tmp_path)
    assert figures["image_R@1"] >= 0.9
    assert figures["image_absent_AUROC"] >= 0.9
    assert figures["text_absent_AUROC"] >= 0.85
