"""The needle suite over minutes of footage: a run goes on where it was killed, and arms do not mix."""

from __future__ import annotations

import json

import pytest

from evaluation.suites.needle import NeedleModels, evaluate_needle, read_answers
from footage.core.config import load_settings
from footage.core.errors import UsageError
from footage.embed.image_embedder import load_image_embedder
from service import factories

ARMS = ("captions", "images", "all")
HOURS, NEEDLES, SEED = 0.02, 3, 6


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    settings = load_settings(None, model="demo", db=tmp_path_factory.mktemp("index") / "none")
    model, images = factories.load_model(settings), load_image_embedder()
    return NeedleModels(
        captioner=model,
        finder=model,
        embedder=factories.load_embedder(settings),
        image_embedder=images,
        image_maker=factories.load_image_maker(settings, images.name, lambda: images),
    )


def run(models, folder, *arms):
    return evaluate_needle(models, seed=SEED, hours=[HOURS], arms=arms, needles=NEEDLES, folder=folder)


def test_a_run_goes_on_where_it_was_killed_and_pictures_do_not_change_what_captions_lead_to(models, tmp_path):
    folder = tmp_path / "kept"
    captions = run(models, folder, "captions")["lengths"]["0.02 h"]
    assert captions["captions"]["needles"] == captions["captions"]["absent"] == NEEDLES
    assert captions["captions"]["R@1"][0] >= 0.5 and 0 < captions["captions"]["windows"] <= 9
    file = folder / "0.02h" / "answers.jsonl"
    before = read_answers(file.parent)
    file.unlink()

    # With pictures added to the index: searched by captions alone, the answers are the same.
    everything = run(models, folder, *ARMS)["lengths"]["0.02 h"]
    after = read_answers(file.parent)
    assert [each.ious for each in before] == [each.ious for each in after if each.arm == "captions"]
    assert everything["images"]["windows"] > 0
    assert "index images, processor seconds a hour" in everything and "images, no model" in everything

    # Killed while it wrote an answer: this one is asked again, all others are kept.
    written = file.read_text()
    whole, _, last = written.rpartition("\n")
    file.write_text(f"{whole}\n{last[: len(last) // 2]}")
    again = run(models, folder, *ARMS)["lengths"]["0.02 h"]
    assert file.read_text().startswith(whole) and len(read_answers(file.parent)) == len(after)
    assert {arm: again[arm]["R@1"] for arm in ARMS} == {arm: everything[arm]["R@1"] for arm in ARMS}
    costs = [json.loads(line) for line in (file.parent / "costs.jsonl").read_text().split("\n") if line]
    assert [line["units"] for line in costs if line["stage"] == "ask all"] == [2 * NEEDLES, 1]
    assert sum(line["stage"].startswith("index") for line in costs) == 3

    with pytest.raises(UsageError, match="seed 6, not 7"):
        evaluate_needle(models, seed=7, hours=[HOURS], needles=NEEDLES, folder=folder)
