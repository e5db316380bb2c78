"""Scores verdicts where pictures are evidence beside captions, and what is found that no caption has.

Each drawn library is asked twice: as it was indexed, and again after the captions of every other event that
is asked for were taken out. No search is exhaustive. All wordings and events are those of the half that no
calibration was fitted on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.own_library import RIGHT_IOU, Asked, ask_own, figures_of, judged
from evaluation.suites.drawn import Drawn, draw_questions, drawn_index, lose, windows_asked
from evaluation.suites.drawn_verdicts import named_rightly
from evaluation.suites.scoring import OnProgress, Scores, nobody, share, work_folder
from evaluation.verdicts import Judged, auroc
from footage.core.timecode import iou, overlap_seconds
from footage.core.types import Match, Span
from search.grounding.options import DEFAULT

if TYPE_CHECKING:
    from footage.embed.protocol import ImageEmbedder, TextEmbedder
    from footage.vlm.protocol import VideoModel
    from indexer.tracks.protocol import TrackMaker
    from search.grounding.calibration import Calibration
    from search.grounding.options import GroundingOptions

SHOWN_SHARE = 0.5
"""A moment was looked at when windows that the model was asked about show this share of it at least."""


@dataclass(frozen=True, slots=True)
class PictureModels:
    """What indexes and searches by pictures beside captions."""

    embedder: ImageEmbedder
    """Embeds the queries."""
    maker: TrackMaker
    """Makes the image vectors of an index run, with the same embedder."""


@dataclass(frozen=True, slots=True)
class UncaptionedAnswers:
    """The answers that the figures are of."""

    whole: tuple[Asked, ...]
    """With all captions in the index."""
    lost: tuple[Asked, ...]
    """Present queries, asked again after the captions of what they ask for were taken out."""
    absent: tuple[Asked, ...]
    """As many absent queries, asked again beside them."""


def evaluate_uncaptioned(
    model: VideoModel,
    embedder: TextEmbedder,
    pictures: PictureModels,
    *,
    seed: int,
    find_model: VideoModel | None = None,
    libraries: int = 3,
    videos: int = 12,
    present: int = 120,
    absent: int = 120,
    looking: GroundingOptions = DEFAULT,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Scores, UncaptionedAnswers]:
    """Index drawn clips by captions and pictures, ask, take captions out, and ask again.

    Args:
        model: Captions the clips, and grounds the queries unless another model does.
        embedder: Embeds captions and queries.
        pictures: Make and search the image vectors.
        seed: Which clips and queries.
        find_model: Grounds the queries; the same model when None.
        libraries: How many libraries, each with an index of its own.
        videos: How many clips in each.
        present: Most queries for what happens.
        absent: Most queries for what does not: three of four are swaps, the others foreign.
        looking: How far a search looks, and what it makes of the evidence.
        folder: Where clips and indexes are kept; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        The figures of ``uncaptioned_figures`` with counts and seconds, and the answers behind them.

    Raises:
        UsageError: nothing happens in the clips that may be asked for.
        FootageError: a clip cannot be indexed or a model fails.
    """
    from search.engine import Engine
    from search.retrieval.images import ImageRetriever

    began = time.perf_counter()
    report = on_progress or nobody
    finder = find_model or model
    whole: list[Asked] = []
    lost: list[Asked] = []
    others: list[Asked] = []
    with work_folder(folder) as root:
        for number in range(libraries):
            # 1. Index a library by captions and by pictures.
            clips, store = drawn_index(
                model,
                embedder,
                seed=seed * libraries + number,
                videos=videos,
                folder=Path(root) / str(number),
                makers=[pictures.maker],
                on_progress=report,
            )
            retriever = ImageRetriever(store, pictures.embedder)
            engine = Engine(store, embedder, finder, looking=looking, images=retriever)

            # 2. Ask with all captions.
            drawn = draw_questions(
                clips, seed=seed, present=present // libraries, absent=absent // libraries, half=1
            )
            whole += ask_own(engine, store, [each.question for each in drawn], on_progress=report)

            # 3. Take the captions of every other event out, and ask for these events again.
            gone, beside = _every_other(drawn)
            lose(store, embedder, _moments(gone))
            lost += ask_own(engine, store, [each.question for each in gone], on_progress=report)
            others += ask_own(engine, store, [each.question for each in beside], on_progress=report)
    answers = UncaptionedAnswers(tuple(whole), tuple(lost), tuple(others))
    figures = uncaptioned_figures(answers, _calibration(looking, finder, pictures.embedder.name))
    about = {"seed": seed, "videos": videos * libraries, "seconds": round(time.perf_counter() - began, 1)}
    return {**figures, **about}, answers


def uncaptioned_figures(answers: UncaptionedAnswers, calibration: Calibration) -> Scores:
    """The figures of ``evaluate_uncaptioned``.

    ============================== =========================================================================
    uncaptioned_found_recall       of queries whose event has no caption: share with its moment (IoU >= 0.5)
                                   called "found"
    uncaptioned_named_recall       the same called "found" or "uncertain"
    uncaptioned_looked_recall      the same looked at by the find model
    uncaptioned_found_precision    of these and as many absent queries: share of those with something called
                                   "found" that are present
    found_precision                the same of all queries, those with all captions in the index included
    found_span_precision           the same, where the moment must be right, too (IoU >= 0.5)
    found_recall                   with all captions in the index: share of present queries of which
    found_precision@1in10          something is called "found"; precision if one query in ten were present
    verdict_AUROC                  with all captions in the index: how well the confidence tells present from
                                   absent queries
    ..._without_captions           the same without the evidence of captions
    ..._uncaptioned                of the queries that are asked where captions are taken out
    ============================== =========================================================================

    Where nothing is called "found", there are no precisions.
    """
    every = [*answers.whole, *answers.lost, *answers.absent]
    whole, again = figures_of(answers.whole), [*answers.lost, *answers.absent]
    return {
        "uncaptioned_found_recall": share(found_rightly(answer) for answer in answers.lost),
        "uncaptioned_named_recall": share(named_rightly(answer) for answer in answers.lost),
        "uncaptioned_looked_recall": share(looked_at_moment(answer) for answer in answers.lost),
        **_precisions(again, prefix="uncaptioned_found"),
        **_precisions(every, prefix="found"),
        **{name: whole[name] for name in ("found_recall", "found_precision@1in10") if name in whole},
        "verdict_AUROC": whole["verdict_AUROC"],
        "verdict_AUROC_without_captions": round(auroc(_without_captions(answers.whole, calibration)), 4),
        "verdict_AUROC_uncaptioned": round(auroc(judged(again)), 4),
        "windows_asked": windows_asked(answers.whole),
        "windows_asked_uncaptioned": windows_asked(again),
        "present": sum(bool(answer.truths) for answer in answers.whole),
        "absent": sum(not answer.truths for answer in answers.whole),
        "uncaptioned": len(answers.lost),
    }


def found_rightly(answer: Asked) -> bool:
    """Whether a moment that is called "found" is a true one."""
    return any(_is_true(match, answer) for match in answer.found)


def looked_at_moment(answer: Asked) -> bool:
    """Whether the model was shown a time at which it happens."""
    return any(
        overlap_seconds(window, span) >= SHOWN_SHARE * span.duration_seconds
        for content_id, spans in answer.truths.items()
        for span in spans
        for window in answer.shown.get(content_id, ())
    )


def _is_true(match: Match, answer: Asked) -> bool:
    spans = answer.truths.get(match.video.content_id, ())
    return any(iou(match.span, span) >= RIGHT_IOU for span in spans)


def _precisions(answers: Sequence[Asked], *, prefix: str) -> Scores:
    """How often a query of which something is called "found" is present, and the moment right."""
    claimed = [answer for answer in answers if answer.found]
    if not claimed:
        return {}
    return {
        f"{prefix}_precision": share(bool(answer.truths) for answer in claimed),
        f"{prefix}_span_precision": share(map(found_rightly, claimed)),
    }


def _without_captions(asked: Sequence[Asked], calibration: Calibration) -> list[Judged]:
    """How sure all other evidence would make; 0 where the model was not asked."""
    return [
        Judged(
            max(
                (
                    calibration.without_captions(dict(match.measures))
                    for match in answer.matches
                    if match.grounded
                ),
                default=0.0,
            ),
            bool(answer.truths),
        )
        for answer in asked
    ]


def _calibration(looking: GroundingOptions, model: VideoModel, image_embedder: str) -> Calibration:
    """What a search of an index with these pictures turns evidence into confidence with."""
    from footage.vlm.profiles import fitted_as
    from search.grounding.calibration import load_calibration

    calibration = looking.calibration or load_calibration(fitted_as(model.profile))
    return calibration.for_embedder(image_embedder)


def _every_other(drawn: Sequence[Drawn]) -> tuple[list[Drawn], list[Drawn]]:
    """All queries for every other event, and as many absent ones, swapped ones first."""
    by_event: dict[tuple[tuple[str, tuple[Span, ...]], ...], list[Drawn]] = {}
    for each in drawn:
        if each.kind == "present":
            by_event.setdefault(tuple(sorted(each.question.truths.items())), []).append(each)
    gone = [each for queries in list(by_event.values())[::2] for each in queries]
    absent = [each for kind in ("swapped", "foreign") for each in drawn if each.kind == kind]
    return gone, absent[: len(gone)]


def _moments(drawn: Sequence[Drawn]) -> Mapping[str, tuple[Span, ...]]:
    """When, in each video, what is asked for happens."""
    moments: dict[str, tuple[Span, ...]] = {}
    for each in drawn:
        for path, spans in each.question.truths.items():
            held = moments.get(path, ())
            moments[path] = (*held, *(span for span in spans if span not in held))
    return moments
