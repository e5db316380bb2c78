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
    from evaluation.calibrating.own import Calibrated
    from footage.core.config import Settings
    from search.grounding.calibration import Calibration, PicturedFits

EXAMPLES = options.examples(
    "footage calibrate --truth mine.json",
    "footage calibrate --truth mine.json --promise 0.95",
    "footage calibrate --truth mine.json --promise 0.9 --confidence 0.95 --present-share 0.1",
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
    promise: Annotated[
        float | None,
        typer.Option(
            "--promise",
            metavar="SHARE",
            help='Choose the threshold of "found" so that at least this share of the queries with a moment '
            '"found" is present.',
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", metavar="SHARE", help="Confidence of the promise.")
    ] = 0.9,
    present_share: Annotated[
        float | None,
        typer.Option(
            "--present-share",
            metavar="SHARE",
            help="Share of present queries among those you will ask, for the promise; unset: as in the file.",
        ),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Calibrate the confidence of verdicts with a truth file.

    The command runs every query of the truth file. Negative queries (for what is not there) are as
    important as positive ones. The fit starts from the default of the model, and the more labels there are,
    the further they move it: 20 queries correct how sure it is, 100 each weight. Later searches with this
    model use the result; the setting "calibration" selects another file. Where the index has image vectors,
    they are evidence as well.

    Without a fit, a model is "uncalibrated": its confidence orders answers, and "70 % sure" is a guess that
    no labelled answer has tested. With --promise, exit code 1 if nothing can be promised; the fit is written
    in either case.
    """
    from evaluation.calibrating.own import PromiseWanted, calibrate_own
    from evaluation.outputs import check_outputs
    from evaluation.own_library import indexed_contents, read_truth
    from footage.vlm.profiles import fitted_as
    from search.grounding.calibration import OWN_CARDS, card_name, default_calibration, write_calibration

    wanted = None if promise is None else PromiseWanted(promise, confidence, present_share)
    check_outputs({"the truth file": truth}, {"--out": out})
    questions = read_truth(truth)
    service = options.service_for(settings)
    store = service.store()
    indexed_contents(questions.questions, store)  # a video that is not there shows before a model is loaded
    with shown() as display:
        service.check_model("find", store=store, on_event=display)
        video_model, engine = service.find_model(display), service.engine(display)
    profile = fitted_as(video_model.profile)
    with console.stages() as progress:
        made = calibrate_own(
            engine,
            store,
            questions.questions,
            base=default_calibration(profile),
            model=profile,
            data=f"{len(questions.questions)} queries of {truth.name}, {questions.absent} of them absent",
            date=date.today().isoformat(),
            embedder=service.searched_image_embedder() or "",
            wanted=wanted,
            on_progress=progress,
        )
    place = out or OWN_CARDS / card_name(profile)
    write_calibration(made.calibration, place)
    _show(made, place, as_json=json)
    if made.calibration.promise is not None and settings.found_from is not None:
        console.notes().print(
            f"Searches keep the setting found_from ({settings.found_from:g}); unset it to use the promise.",
            soft_wrap=True,
        )
    if made.refused is not None:
        raise typer.Exit(console.EXIT_FAILED)


def _show(made: Calibrated, place: Path, *, as_json: bool) -> None:
    from evaluation.schemas.measuring import CalibrationRecord

    fitted, refused = made.calibration, made.refused
    if as_json:
        fits = {name: getattr(fitted, name) for name in type(fitted).model_fields}
        why = None if refused is None else refused.sentence
        console.emit_record(
            CalibrationRecord(out=place, refused=why, more=None if refused is None else refused.more, **fits)
        )
        return
    out = console.results()
    _print_fits(fitted)
    if fitted.pictured is not None:
        out.print(f"Where spans have pictures of {console.plain(fitted.pictured.embedder)}:", soft_wrap=True)
        _print_fits(fitted.pictured)
    if fitted.promise is not None:
        out.print(fitted.promise.sentence, soft_wrap=True)
        out.print(
            f"It rests on {fitted.promise.found} labelled queries that are found, {fitted.promise.wrong} of "
            "them absent. It is about what the model names in the picture, all kinds of queries together.",
            soft_wrap=True,
        )
    if refused is not None:
        out.print(refused.sentence, soft_wrap=True)
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
        order = "no AUROC" if card.auroc is None else f"cross-validated AUROC {card.auroc:.3f}"
        out.print(f"{card.examples} matches, {card.positives} of them right; {order}.")
        if card.moved:
            out.print(f"From the default of the model: {card.moved}.")
        for confidence, count, share in card.reliability:
            out.print(f"  {confidence:.2f} sure: {share:.2f} right, {count} matches")
