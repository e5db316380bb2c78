"""Scores verdicts on drawn libraries: what is there, what is nearly there, and what is not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.own_library import RIGHT_IOU, Asked, ask_own, figures_of, indexed_contents, judged
from evaluation.suites.drawn import ALL_MATCHES, Drawn, Kind, draw_questions, drawn_index, lose, windows_asked
from evaluation.suites.scoring import OnProgress, Scores, nobody, share, work_folder
from evaluation.verdicts import PREVALENCE, Judged, auroc, recall_at_precision, reliability
from footage.core.timecode import iou
from footage.core.types import Match, Span
from search.grounding.options import DEFAULT

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from search.engine import Engine
    from search.grounding.options import GroundingOptions
    from search.grounding.reliability import ReliabilityBin


def evaluate_verdicts(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    find_model: VideoModel | None = None,
    libraries: int = 5,
    videos: int = 12,
    present: int = 200,
    absent: int = 200,
    looking: GroundingOptions = DEFAULT,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Scores, list[ReliabilityBin]]:
    """Index unseen drawn clips, ask for what is there and for what is not, in unseen words.

    Args:
        model: Captions the clips, and grounds the queries unless another model does.
        embedder: Embeds captions and queries.
        seed: Which clips and queries.
        find_model: Grounds the queries; the same model when None.
        libraries: How many libraries, each with an index of its own: in a large one of drawn footage
            everything there is happens somewhere.
        videos: How many clips in each.
        present: Most queries for what happens.
        absent: Most queries for what does not: three of four are swaps, the others foreign.
        looking: How far a search looks, and what it makes of the evidence.
        folder: Where clips and index are kept; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        The figures of ``figures_of``; ``verdict_AUROC`` once more against swaps and foreign queries alone,
        with the captions' evidence left out ("uncaptioned"), and of events whose captions were taken out of
        the index ("missed", each video searched exhaustively); and the reliability curve.

    Raises:
        FootageError: when a clip cannot be indexed or the model fails.
    """
    from search.engine import Engine

    began = time.perf_counter()
    report = on_progress or nobody
    asked: list[Asked] = []
    missed: list[Asked] = []
    kinds: list[Kind] = []
    with work_folder(folder) as root:
        for number in range(libraries):
            clips, store = drawn_index(
                model,
                embedder,
                seed=seed * libraries + number,
                videos=videos,
                folder=Path(root) / str(number),
                on_progress=report,
            )
            drawn = draw_questions(
                clips, seed=seed, present=present // libraries, absent=absent // libraries, half=1
            )
            engine = Engine(store, embedder, find_model or model, looking=looking)
            asked += ask_own(engine, store, [each.question for each in drawn], on_progress=report)
            missed += ask_missed(
                engine, store, embedder, drawn, count=10, looking=looking, on_progress=report
            )
            kinds += [each.kind for each in drawn]
    figures = _figures(asked, missed, kinds, looking, find_model or model)
    about = {"seed": seed, "videos": videos * libraries, "seconds": round(time.perf_counter() - began, 1)}
    return {**figures, **about}, reliability(judged(asked))


def _figures(
    asked: Sequence[Asked],
    missed: Sequence[Asked],
    kinds: Sequence[Kind],
    looking: GroundingOptions,
    model: VideoModel,
) -> Scores:
    """The figures of ``evaluate_verdicts``."""
    answers = judged(asked)
    alone = [Judged(_uncaptioned(answer.matches, looking, model), bool(answer.truths)) for answer in asked]
    return {
        **figures_of(asked),
        "windows_asked": windows_asked(asked),
        "recall_at_95_precision": round(recall_at_precision(answers), 4),
        "recall_at_95_precision@1in10": round(recall_at_precision(answers, prevalence=PREVALENCE), 4),
        "verdict_AUROC_swapped": _auroc(answers, kinds, "swapped"),
        "verdict_AUROC_foreign": _auroc(answers, kinds, "foreign"),
        "verdict_AUROC_uncaptioned": round(auroc(alone), 4),
        "verdict_AUROC_missed": round(auroc(judged(missed)), 4),
        "found_recall_missed": share(bool(answer.found) for answer in missed if answer.truths),
        "named_recall_missed": share(named_rightly(answer) for answer in missed if answer.truths),
        "present": kinds.count("present"),
        "swapped": kinds.count("swapped"),
        "foreign": kinds.count("foreign"),
        "missed": sum(bool(answer.truths) for answer in missed),
    }


def ask_missed(
    engine: Engine,
    store: Store,
    embedder: TextEmbedder,
    drawn: Sequence[Drawn],
    *,
    count: int,
    looking: GroundingOptions,
    on_progress: OnProgress,
) -> list[Asked]:
    """Take the captions of some events out of an index, and have the model look for them everywhere.

    Args:
        engine: Searches the index.
        store: The index; it lacks those captions from then on.
        embedder: What its vectors are made with.
        drawn: Questions about it; the first present ones are those whose captions go, and as many swapped
            ones are asked in the same way.
        count: How many of each.
        looking: How far a search looks; every window of the video in question in any case.
        on_progress: Called with (stage, done, total).
    """
    from search.query.parser import parse_query

    wanted = [each for each in drawn if each.kind == "present"][:count]
    others = [each for each in drawn if each.kind == "swapped"][:count]
    lost: dict[str, tuple[Span, ...]] = {}
    for each in wanted:
        for path, spans in each.question.truths.items():
            lost[path] = (*lost.get(path, ()), *spans)
    lose(store, embedder, lost)
    contents = indexed_contents((), store)
    asked = []
    for number, each in enumerate([*wanted, *others], start=1):
        result = engine.search(
            parse_query(each.question.text, plain=True),
            limit=ALL_MATCHES,
            per_video=ALL_MATCHES,
            looking=replace(looking, exhaustive=True),
            content_ids=[contents[each.near]],
        )
        truths = {contents[path]: spans for path, spans in each.question.truths.items()}
        asked.append(Asked(each.question.text, truths, result.matches, 0.0))
        on_progress("asking what captions miss", number, len(wanted) + len(others))
    return asked


def _uncaptioned(matches: Sequence[Match], looking: GroundingOptions, model: VideoModel) -> float:
    """How sure the model alone would make; 0 where it was not asked."""
    from footage.vlm.profiles import fitted_as
    from search.grounding.calibration import load_calibration

    calibration = looking.calibration or load_calibration(fitted_as(model.profile))
    return max(
        (calibration.without_captions(dict(match.measures)) for match in matches if match.grounded),
        default=0.0,
    )


def named_rightly(answer: Asked) -> bool:
    """Whether a moment that is not called "not found" is a true one."""
    return any(
        iou(match.span, span) >= RIGHT_IOU
        for match in answer.matches
        if match.verdict != "not found"
        for span in answer.truths.get(match.video.content_id, ())
    )


def _auroc(answers: Sequence[Judged], kinds: Sequence[Kind], against: Kind) -> float:
    kept = [answer for answer, kind in zip(answers, kinds, strict=True) if kind in ("present", against)]
    return round(auroc(kept), 4)
