"""Fits a demo model's verdict on drawn footage and writes search/grounding/calibrations/NAME.json.

    .venv/bin/python data/fit_verdict.py
    .venv/bin/python data/fit_verdict.py --find-model demo-find

Queries are of the half of the wordings and events that `python -m evaluation.suites verdicts` never uses.
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
from footage.core.config import load_settings
from footage.core.process import settle
from footage.vlm.profiles import fitted_as
from search.engine import Engine
from search.grounding.calibration import CARDS, UNCALIBRATED, card_name, fit_calibration
from search.grounding.options import GroundingOptions
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
    finder = model if settings.for_finds is settings else factories.load_model(settings.for_finds)
    out = given.out or CARDS / card_name(fitted_as(finder.profile))
    asked: list[Asked] = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status("") as status:

            def result(stage: str, done: int, total: int, seed: int = seed) -> None:
                status.update(f"{seed}: {stage} {done} of {total}")

            clips, store = drawn_index(
                model, embedder, seed=seed, videos=VIDEOS, folder=Path(folder), on_progress=result
            )
            drawn = draw_questions(clips, seed=seed, present=PRESENT, absent=ABSENT, half=0)
            engine = Engine(store, embedder, finder, looking=LOOKING)
            asked += ask_own(engine, store, [each.question for each in drawn], on_progress=result)
            asked += ask_missed(
                engine, store, embedder, drawn, count=LOST, looking=LOOKING, on_progress=result
            )
    absent = sum(not answer.truths for answer in asked)
    fitted = fit_calibration(
        *labelled(asked),
        model=fitted_as(finder.profile),
        data=f"drawn footage, seeds {given.seeds[0]} to {given.seeds[-1]}: {len(asked)} queries, "
        f"{absent} absent, "
        f"{LOST} an index for events whose captions were taken out",
        date=date.today().isoformat(),
    )
    out.parent.mkdir(exist_ok=True)
    out.write_text(fitted.model_dump_json(indent=2) + "\n")
    Console().print_json(out.read_text())


if __name__ == "__main__":
    main()
