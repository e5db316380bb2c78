"""`footage calibrate`: fit the weight of each kind of evidence, from answers with known truth."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options
from ui.cli.progress import shown
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from search.grounding.calibration import Calibration, PicturedFits

EXAMPLES = options.examples(
    "footage calibrate --truth mine.json",
    "footage calibrate --truth mine.json --out fit.json --json",
)


@takes_settings("db", *FINDS, "embedder")
def run(
    truth: Annotated[
        Path, typer.Option("--truth", metavar="FILE", help="The truth file (see `footage eval init`).")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Output file; unset: the file that searches use by default."
        ),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Calibrate the confidence of verdicts with a truth file.

    The command runs every query of the truth file. Negative queries (for what is not there) are as
    important as positive ones. Later searches with this model use the result; the setting "calibration"
    selects another file. Where the index has image vectors, they are evidence as well.
    """
    from evaluation.own_library import ask_own, labelled, read_truth
    from footage.vlm.profiles import fitted_as
    from search.grounding.calibration import OWN_CARDS, card_name, fit_calibration

    questions = read_truth(truth)
    service = options.service_for(settings)
    store = service.store()
    with shown() as display:
        service.check_model("find", store=store, on_event=display)
        video_model, engine = service.find_model(display), service.engine(display)
    with console.stages() as progress:
        asked = ask_own(engine, store, questions.questions, on_progress=progress)
    examples, right, groups = labelled(asked)
    profile = fitted_as(video_model.profile)
    fitted = fit_calibration(
        examples,
        right,
        groups,
        model=profile,
        data=f"{len(questions.questions)} queries of {truth.name}, {questions.absent} of them absent",
        date=date.today().isoformat(),
        embedder=service.searched_image_embedder() or "",
    )
    place = out or OWN_CARDS / card_name(profile)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(fitted.model_dump_json(indent=2) + "\n")
    _show(fitted, place, as_json=json)


def _show(fitted: Calibration, place: Path, *, as_json: bool) -> None:
    from evaluation.schemas.measuring import CalibrationRecord

    if as_json:
        fits = {name: getattr(fitted, name) for name in type(fitted).model_fields}
        console.emit_record(CalibrationRecord(out=place, **fits))
        return
    out = console.results()
    _print_fits(fitted)
    if fitted.pictured is not None:
        out.print(f"Where spans have pictures of {console.plain(fitted.pictured.embedder)}:", soft_wrap=True)
        _print_fits(fitted.pictured)
    out.print(f"Written to {console.plain(str(place))}.", soft_wrap=True)


def _print_fits(fits: Calibration | PicturedFits) -> None:
    """The weights, with captions and without, and the quality."""
    out = console.results()
    table = console.table("measure", "with captions", "without", right=("with captions", "without"))
    for name in fits.captioned.weights:
        alone = fits.uncaptioned.weights.get(name)
        table.add_row(name, f"{fits.captioned.weights[name]:+.2f}", "" if alone is None else f"{alone:+.2f}")
    out.print(table)
    if (card := fits.card) is not None:
        out.print(
            f"{card.examples} matches, {card.positives} of them right; "
            f"cross-validated AUROC {card.auroc:.3f}."
        )
        for confidence, count, share in card.reliability:
            out.print(f"  {confidence:.2f} sure: {share:.2f} right, {count} matches")
