"""Fits a demo model's verdict on drawn footage and writes search/grounding/calibrations/NAME.json.

    .venv/bin/python data/fit_verdict.py
    .venv/bin/python data/fit_verdict.py --find-model demo-find

Every library is asked twice: by texts alone, for the fits without pictures, and by texts and the pictures of
the demo image embedder, for those with them. Queries are of the half of the wordings and events that
`python -m evaluation.suites verdicts` never uses.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import date
from pathlib import Path

from rich.console import Console

from evaluation.own_library import Asked, ask_own, labelled
from evaluation.suites.drawn import draw_questions, drawn_index
from evaluation.suites.drawn_verdicts import ask_missed
from evaluation.suites.scoring import OnProgress
from footage.core.config import load_settings
from footage.core.process import settle
from footage.embed.image_embedder import DEMO
from footage.embed.protocol import ImageEmbedder, TextEmbedder
from footage.vlm.profiles import fitted_as
from footage.vlm.protocol import VideoModel
from indexer.tracks.factories import image_maker
from search.engine import Engine
from search.grounding.calibration import CARDS, UNCALIBRATED, Calibration, card_name
from search.grounding.fitting import fit_calibration
from search.grounding.options import GroundingOptions
from search.retrieval.images import ImageRetriever
from service import factories

SEEDS = (7101, 7102, 7103, 7104)
VIDEOS, PRESENT, ABSENT = 12, 60, 60
# What is looked at depends on no earlier fit, and what is unlikely is learned from, too.
LOOKING = GroundingOptions(calibration=UNCALIBRATED, everything=True)
LOST = 20
"""Events of each index whose captions are taken out, to learn what silence is worth."""


def main() -> None:
    """Draw, index, ask, fit, write."""
    settle()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--find-model", default="demo", help="the model that is asked and fitted")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the libraries drawn")
    parser.add_argument("--out", type=Path, help="file to write")
    given = parser.parse_args()
    settings = load_settings(None, model="demo", find_model=given.find_model)
    model, embedder = factories.load_model(settings), factories.load_embedder(settings)
    pictures = factories.load_image_embedder(settings, DEMO)
    finder = model if settings.for_finds is settings else factories.load_model(settings.for_finds)
    out = given.out or CARDS / card_name(fitted_as(finder.profile))
    plain: list[Asked] = []
    pictured: list[Asked] = []
    for seed in given.seeds:
        with Console(stderr=True).status("") as status:

            def result(stage: str, done: int, total: int, seed: int = seed) -> None:
                status.update(f"{seed}: {stage} {done} of {total}")

            by_text, by_both = _asked(model, embedder, pictures, finder, seed=seed, on_progress=result)
        plain += by_text
        pictured += by_both
    about = f"drawn footage, seeds {given.seeds[0]} to {given.seeds[-1]}"
    fitted = _fitted(plain, fitted_as(finder.profile), about)
    with_pictures = _fitted(pictured, fitted_as(finder.profile), about, embedder=pictures.name)
    fitted = fitted.model_copy(update={"pictured": with_pictures.pictured})
    out.parent.mkdir(exist_ok=True)
    out.write_text(fitted.model_dump_json(indent=2) + "\n")
    Console().print_json(out.read_text())


def _asked(
    model: VideoModel,
    embedder: TextEmbedder,
    pictures: ImageEmbedder,
    finder: VideoModel,
    *,
    seed: int,
    on_progress: OnProgress,
) -> tuple[list[Asked], list[Asked]]:
    """The answers of one library by texts alone, and by texts and pictures; captions are lost last."""
    maker = image_maker(pictures.name, load_settings(None), lambda: pictures)
    with tempfile.TemporaryDirectory() as folder:
        clips, store = drawn_index(
            model,
            embedder,
            seed=seed,
            videos=VIDEOS,
            folder=Path(folder),
            makers=[maker],
            on_progress=on_progress,
        )
        drawn = draw_questions(clips, seed=seed, present=PRESENT, absent=ABSENT, half=0)
        engines = (
            Engine(store, embedder, finder, looking=LOOKING),
            Engine(store, embedder, finder, looking=LOOKING, images=ImageRetriever(store, pictures)),
        )
        questions = [each.question for each in drawn]
        asked = [ask_own(engine, store, questions, on_progress=on_progress) for engine in engines]
        for engine, answers in zip(engines, asked, strict=True):
            answers += ask_missed(
                engine, store, embedder, drawn, count=LOST, looking=LOOKING, on_progress=on_progress
            )
    return asked[0], asked[1]


def _fitted(asked: list[Asked], model: str, about: str, *, embedder: str = "") -> Calibration:
    absent = sum(not answer.truths for answer in asked)
    lost = f"{LOST} an index for events whose captions were taken out"
    return fit_calibration(
        *labelled(asked),
        model=model,
        data=f"{about}: {len(asked)} queries, {absent} absent, {lost}",
        date=date.today().isoformat(),
        embedder=embedder,
    )


if __name__ == "__main__":
    main()
