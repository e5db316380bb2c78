"""Options of ``python -m evaluation.suites needle``, and the run that they describe."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.suites.haystack import MOST_NEEDLES, NEEDLES
from evaluation.suites.needle import HOURS, NEEDLE_ARMS, NeedleModels, evaluate_needle
from evaluation.suites.suite_options import add_image_embedder_option, names_of

if TYPE_CHECKING:
    from evaluation.suites.scoring import OnProgress
    from footage.vlm.protocol import VideoModel
    from service.session import Service

MOST_HOURS = 100
"""Longest footage that is drawn."""
LOG_SECONDS = 10.0
"""Time between two lines of progress about the same stage."""


def add_needle_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite ``needle``."""
    parser.add_argument(
        "--hours",
        type=_lengths,
        default=HOURS,
        metavar="LIST",
        help=f"lengths of the footage, separated by commas; {','.join(f'{h:g}' for h in HOURS)} unless named",
    )
    parser.add_argument(
        "--arms",
        type=names_of("arm", NEEDLE_ARMS),
        default=NEEDLE_ARMS,
        metavar="LIST",
        help=f"what leads a search, separated by commas: {', '.join(NEEDLE_ARMS)}; all unless named",
    )
    parser.add_argument(
        "--needles",
        type=_needles,
        default=NEEDLES,
        metavar="N",
        help="needles in each length, and as many events that never happen",
    )
    add_image_embedder_option(parser)
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep footage, indexes and answers here; a killed run goes on from there",
    )
    parser.add_argument("--log", action="store_true", help="print progress in lines, one every few seconds")


def run_needle(
    given: argparse.Namespace,
    service: Service,
    *,
    find_model: VideoModel | None,
    on_progress: OnProgress,
) -> Mapping[str, Any]:
    """Run the suite as the options say.

    Args:
        given: The options.
        service: Loads the models.
        find_model: Grounds the queries; the model that captions when None.
        on_progress: Called with (stage, done, total), unless the options ask for a log.

    Raises:
        FootageError: as ``evaluate_needle``.
    """
    from service import factories

    pictures = factories.load_image_embedder(service.settings, given.image_embedder)
    models = NeedleModels(
        captioner=service.model(),
        finder=find_model or service.model(),
        embedder=service.embedder(),
        image_embedder=pictures,
        image_maker=factories.load_image_maker(service.settings, given.image_embedder, lambda: pictures),
    )
    return evaluate_needle(
        models,
        seed=given.seed,
        hours=given.hours,
        arms=given.arms,
        needles=given.needles,
        looking=service.looking(fresh=True),
        folder=given.keep,
        on_progress=_logged if given.log else on_progress,
    )


def _lengths(text: str) -> tuple[float, ...]:
    hours = tuple(float(part) for part in text.split(","))
    if not all(0 < each <= MOST_HOURS for each in hours):
        raise argparse.ArgumentTypeError(f"a length must be above 0 and up to {MOST_HOURS} hours: {text}")
    return hours


def _needles(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_NEEDLES:
        raise argparse.ArgumentTypeError(f"from 1 to {MOST_NEEDLES} needles can be drawn, not {number}")
    return number


_logged_at: dict[str, float] = {}


def _logged(stage: str, done: int, total: int) -> None:
    """Progress in lines of a log, at the end of a stage and every ``LOG_SECONDS``."""
    now = time.monotonic()
    if done == total or now - _logged_at.get(stage, 0.0) >= LOG_SECONDS:
        _logged_at[stage] = now
        print(f"{time.strftime('%H:%M:%S')} {stage}: {done:,} of {total:,}", file=sys.stderr, flush=True)  # noqa: T201
