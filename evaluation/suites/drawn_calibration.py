"""Measures `footage calibrate` on drawn footage of another style: by number of labels, and its promises."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.calibrating.curve import LABELS, RESAMPLES, curve, rows_of
from evaluation.calibrating.own import PromiseWanted
from evaluation.calibrating.promises import (
    KeptPromise,
    kept_promises,
    pooled_promises,
    promise_figures,
    travelling_promises,
)
from evaluation.suites.drawn_styles import QUERIES, VIDEOS, style_answers
from evaluation.suites.scoring import OnProgress, nobody
from footage.synthetic.styles import STYLES, DrawnStyle
from footage.vlm.profiles import fitted_as
from search.grounding.calibration import UNCALIBRATED, Calibration, default_calibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.calibrating.answers import KeptAnswer
    from footage.embed.protocol import TextEmbedder
    from footage.vlm.protocol import VideoModel


def evaluate_calibration(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    style: DrawnStyle,
    find_model: VideoModel | None = None,
    seeds: Sequence[int],
    videos: int = VIDEOS,
    queries: int = QUERIES,
    labels: Sequence[int] = LABELS,
    resamples: int = RESAMPLES,
    promises: Sequence[PromiseWanted] = (),
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Mapping[str, Any]:
    """Index drawn libraries of a style, ask each once, and calibrate from many sets of labelled queries.

    Args:
        model: Captions the clips, and grounds the queries unless another model does.
        embedder: Embeds captions and queries.
        style: What the clips look like.
        find_model: Grounds the queries; the same model when None.
        seeds: One of each library.
        videos: How many clips in each.
        queries: Most queries in each for what is there, and for what is not.
        labels: Sizes of the sets of labelled queries; without promises.
        resamples: How many sets of each size.
        promises: Promises to make and hold; instead of the curve by number of labels.
        folder: Where answers are kept; nowhere when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``curve``: the points (``evaluation.calibrating.curve.CurvePoint``); or ``promises``: for each, the
        figures over libraries, over draws from all, and over libraries without a label.

    Raises:
        FootageError: when a clip cannot be indexed or the model fails.
    """
    report = on_progress or nobody
    asked: list[list[KeptAnswer]] = [
        style_answers(
            model,
            embedder,
            seed=seed,
            style=style,
            find_model=find_model,
            videos=videos,
            queries=queries,
            folder=folder,
            on_progress=report,
        )
        for seed in seeds
    ]
    base = default_calibration(fitted_as((find_model or model).profile))
    about = {
        "style": style.name,
        "seeds": list(seeds),
        "queries": sum(map(len, asked)),
        "present": sum(answer.present for held in asked for answer in held),
    }
    if promises:
        half = sum(map(len, asked)) // (2 * len(seeds))
        return {
            **about,
            "promises": [_promise(asked, base, wanted, seeds=seeds, half=half) for wanted in promises],
        }
    starts = {"fit of the model": base, "uncalibrated": UNCALIBRATED}
    points = curve(asked, starts, labels=labels, resamples=resamples, seed=seeds[0], on_progress=report)
    return {**about, "resamples": resamples, "curve": rows_of(points)}


def _promise(
    asked: Sequence[Sequence[KeptAnswer]],
    base: Calibration,
    wanted: PromiseWanted,
    *,
    seeds: Sequence[int],
    half: int,
) -> dict[str, Any]:
    """A promise over libraries, half of the queries of each labelled; and over draws from all of them."""
    held = kept_promises(asked, base, wanted)
    sizes = [size for size in (half, 2 * half) if size * 2 <= sum(map(len, asked))]
    return {
        "precision": wanted.precision,
        "confidence": wanted.confidence,
        "by_library": _rounded(promise_figures(held)),
        "by_seed": {str(seed): _outcome(each) for seed, each in zip(seeds, held, strict=True)},
        "pooled": [_rounded(pooled_promises(asked, base, wanted, labels=size)) for size in sizes],
        "travelling": [
            _rounded(travelling_promises(asked, base, wanted, labelled=count))
            for count in sorted({len(asked) // 4, len(asked) // 2} - {0})
        ],
    }


def _outcome(promise: KeptPromise) -> str:
    """A promise of one library in a word: what came of it."""
    if promise.found_from is None:
        return "refused"
    state = "kept" if promise.kept else "broken" if promise.broken else "not reached"
    return f"{state}: {promise.present} of {promise.found}"


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the suite."""
    parser.add_argument("--style", choices=sorted(STYLES), default="night", help="what the clips look like")
    parser.add_argument(
        "--labels",
        type=_numbers(int),
        default=(20, 50, 100),
        metavar="LIST",
        help="numbers of labelled queries, separated by commas",
    )
    parser.add_argument(
        "--resamples", type=int, default=24, metavar="N", help="sets of labelled queries of each size"
    )
    parser.add_argument(
        "--promise",
        type=_numbers(float),
        metavar="LIST",
        help="precisions of found to promise, separated by commas; instead of the curve by number of labels",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.9, metavar="SHARE", help="confidence of the promises"
    )
    parser.add_argument(
        "--seeds",
        type=_numbers(int),
        metavar="LIST",
        help="seeds of the libraries, separated by commas; instead of --seed and those after it",
    )
    parser.add_argument(
        "--libraries", type=int, metavar="N", help="libraries of 12 clips: 3, or 20 for promises"
    )


def _numbers(kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """Reads numbers separated by commas."""

    def numbers(text: str) -> tuple[float, ...]:
        return tuple(kind(part) for part in text.split(","))

    return numbers
