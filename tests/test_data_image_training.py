"""The demo image-text model's trainer: what it calls true is true, what is kept for tests stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from demo_training.pictures import FORMS, GRID, SIDE, Picture, Seen, draw_picture
from demo_training.sentences import (
    NEAR,
    Said,
    about_scene,
    about_thing,
    build_tokenizer,
    hard_negative,
    never,
    sentences_for,
    truth_table,
    unknown,
    with_scene,
)
from train_image_model import DIMENSION, Optimizer, Trainer, build_model, export, save, shared_things

from footage.embed.image_embedder import load_image_embedder
from footage.synthetic import clips
from footage.synthetic.paraphrases import reword

CAR, DOG, JUMPER = (FORMS.index(form) for form in ("car", "dog", "jumper"))
RED, BLUE = (clips.COLOURS.index(colour) for colour in ("red", "blue"))


def picture(*things, scene=(0, 0, 0)):
    return Picture(
        np.zeros((3, SIDE, SIDE), np.uint8), tuple(things), scene, np.full(GRID * GRID, -1, np.int64)
    )


def seen(form, colour, where=0, clear=True):
    return Seen(form, colour, where, clear)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    return [draw_picture(rng) for _ in range(24)]


@pytest.fixture(scope="module")
def trainer():
    tokenizer = build_tokenizer()
    return Trainer(build_model(tokenizer, 1), tokenizer)


def test_a_sentence_is_true_of_what_it_describes_and_near_where_it_only_faces_elsewhere():
    shown = [
        picture(seen(CAR, RED), seen(DOG, BLUE, 1)),
        picture(seen(CAR, BLUE), seen(DOG, RED, 1)),
        picture(seen(CAR, RED, 1)),
        picture(seen(CAR, RED, clear=False)),
        picture(),
        picture(seen(JUMPER, RED, 2)),
    ]
    said = [
        Said("a red car", ((CAR, RED, -1),)),
        Said("a red car drives from left to right", ((CAR, RED, 0),)),
        Said("a red car and a blue dog", ((CAR, RED, -1), (DOG, BLUE, -1))),
        Said("something red", ((-1, RED, -1),)),
        Said("a red person", ((-2, RED, -1),)),
        Said("a red horse", truth=0.0),
    ]
    truth, clear = truth_table(shown, said)
    assert truth.T.tolist()[0] == [1, 0, 1, 0, 0, 0]
    assert truth.T[1].tolist() == pytest.approx([1, 0, NEAR, 0, 0, 0])
    assert truth.T.tolist()[2] == [1, 0, 0, 0, 0, 0]
    assert truth.T.tolist()[3] == [1, 1, 1, 0, 0, 1]
    assert truth.T.tolist()[4] == [0, 0, 0, 0, 0, 1]
    assert not truth.T[5].any()
    assert not clear[3, 0] and not clear[3, 3] and clear[3, 5] and clear[4].all()


def test_what_is_said_of_a_picture_is_true_of_it(drawn):
    rng = np.random.default_rng(6)
    for one in drawn:
        for thing in [t for t in one.things if t.clear]:
            for _ in range(5):
                said = about_thing(rng, thing.form, thing.colour, thing.where)
                truth, clear = truth_table([one], [said])
                assert truth[0, 0] == 1 and clear[0, 0], said
                if one.scene[0] >= 0:
                    assert truth_table([one], [with_scene(rng, said, one.scene)])[0][0, 0] == 1
        if one.scene[0] >= 0:
            assert truth_table([one], [about_scene(rng, one.scene)])[0][0, 0] == 1


def test_most_hard_negatives_are_false_and_none_is_an_impossible_thing(drawn):
    rng = np.random.default_rng(7)
    red_car, blue_dog = (CAR, RED, 0), (DOG, BLUE, 1)
    made = [hard_negative(rng, red_car, [blue_dog]) for _ in range(300)]
    assert np.mean([one == red_car for one in made]) < 0.25
    assert (CAR, BLUE, 0) in made and (DOG, RED, 1) in made
    assert all((form < 3) == (where < 2) for form, _, where in made)
    assert sentences_for(rng, drawn, each=3)


def test_words_that_are_kept_for_tests_are_spelled_in_letters():
    tokenizer, rng = build_tokenizer(), np.random.default_rng(8)
    known = set(tokenizer.get_vocab())
    assert {"car", "red", "dusk", "tower"} <= known
    strange = ("sedan", "puppy", "canine", "carton", "lantern", "sprints", "twinkles", "horse", "snowman")
    assert not known & set(strange)
    for _ in range(200):
        what = clips.ALL_EVENTS[int(rng.integers(len(clips.ALL_EVENTS)))]
        text = reword(*what, rng)
        pieces = tokenizer.tokenize(text)
        assert not [piece for piece in pieces if piece.startswith("##")], text
    assert tokenizer("\N{GRINNING FACE} été \N{SNOWMAN}")["input_ids"][-1] == tokenizer.eos_token_id


def test_an_unknown_word_makes_a_sentence_less_than_true():
    rng = np.random.default_rng(9)
    shown = picture(seen(CAR, RED))
    for _ in range(50):
        said = about_thing(rng, CAR, RED, 0)
        strange = unknown(rng, said)
        if strange is not None:
            assert strange.text != said.text and 0 < truth_table([shown], [strange])[0][0, 0] < 1
        assert not truth_table([shown], [never(rng)])[0].any()


def test_pictures_are_pairs_where_they_share_a_thing(drawn):
    shown = [picture(seen(CAR, RED)), picture(seen(CAR, RED, 1), seen(DOG, BLUE)), picture(seen(DOG, RED))]
    same, pairs = shared_things([*shown, picture()])
    assert same[:3, :3].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert not pairs[3].any() and not pairs.diagonal().any() and pairs[0, 1]
    for one in drawn:
        assert one.pixels.shape == (3, SIDE, SIDE) and one.pixels.dtype == np.uint8
        assert one.patches.max(initial=-1) < len(one.things)


def test_the_trainer_sees_what_the_product_sees(trainer, drawn, tmp_path):
    folder = tmp_path / "model"
    with torch.no_grad():
        expected = trainer.see(drawn)[0].numpy(), trainer.read(["a red car", "the dog."]).numpy()
    weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    export(trainer, folder)
    embedder = load_image_embedder(str(folder))
    assert embedder.dimension == DIMENSION
    seen_there = embedder.embed_pictures([one.pixels.transpose(1, 2, 0) for one in drawn])
    assert seen_there == pytest.approx(expected[0], abs=0.02)
    assert embedder.embed_texts(["a red car", "the dog."]) == pytest.approx(expected[1], abs=0.02)
    trainer.model.float().load_state_dict(weights)


def test_steps_lower_the_loss_and_a_checkpoint_keeps_them(trainer, drawn, tmp_path):
    optimizer = Optimizer(trainer, lr=2e-3, warmup=1)
    said = sentences_for(np.random.default_rng(2), drawn, each=3)
    losses = []
    for step in range(6):
        loss, _ = trainer.loss(drawn, said, patches=0.3, keep=30 if step < 3 else GRID * GRID)
        loss.backward()
        optimizer.step(step, 0.0)
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    save(trainer, optimizer, tmp_path / "image.pt", {"step": 6, "seconds": 1.0})
    kept = torch.load(tmp_path / "image.pt", weights_only=True)
    assert kept["step"] == 6 and kept["model"].keys() == trainer.model.state_dict().keys()
