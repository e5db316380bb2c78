"""Asks drawn libraries of a style what is there and what is not, once, and keeps the answers as measures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.calibrating.answers import KeptAnswer, kept, read_answers, write_answers
from evaluation.own_library import Asked, indexed_contents
from evaluation.suites.drawn import ALL_MATCHES, draw_questions, drawn_index
from evaluation.suites.scoring import OnProgress, nobody
from footage.synthetic.styles import DrawnStyle
from footage.vlm.profiles import fitted_as
from search.grounding.calibration import default_calibration
from search.grounding.options import GroundingOptions

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.vlm.protocol import VideoModel

VIDEOS = 12
"""Clips of a library."""
QUERIES = 80
"""Queries of a library for what is there, and as many for what is not."""


def style_answers(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    style: DrawnStyle,
    find_model: VideoModel | None = None,
    videos: int = VIDEOS,
    queries: int = QUERIES,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> list[KeptAnswer]:
    """The answers of one drawn library, from ``folder`` where they are kept.

    Searches explore with the fit that comes with the project for the model, as ``footage calibrate`` does.

    Args:
        model: Captions the clips, and grounds the queries unless another model does.
        embedder: Embeds captions and queries.
        seed: Which clips and queries.
        style: What the clips look like.
        find_model: Grounds the queries; the same model when None.
        videos: How many clips.
        queries: Most queries for what is there, and for what is not: of these three in four are for the same
            in another colour, direction or place.
        folder: Where answers are kept; nowhere when None.
        on_progress: Called with (stage, done, total).

    Raises:
        FootageError: when a clip cannot be indexed, the model fails, or kept answers cannot be read.
    """
    from search.engine import CANDIDATES, Engine

    report = on_progress or nobody
    finder = find_model or model
    about: dict[str, str | int | float] = {
        "style": repr(style), "seed": seed, "videos": videos, "queries": queries,
        "model": model.profile.name, "find_model": finder.profile.name,
    }  # fmt: skip
    place = None if folder is None else folder / f"{style.name}-{finder.profile.name}-{seed}.json"
    if place is not None and (held := read_answers(place, about)) is not None:
        return held
    # 1. Draw and index; clips and index go when their answers are there.
    with tempfile.TemporaryDirectory(prefix="footage-eval-") as root:
        clips, store = drawn_index(
            model, embedder, seed=seed, videos=videos, folder=Path(root), style=style, on_progress=report
        )
        drawn = draw_questions(clips, seed=seed, present=queries, absent=queries, half=None)
        # 2. Ask, and list everything that was weighed.
        looking = GroundingOptions(
            calibration=default_calibration(fitted_as(finder.profile)), everything=True
        )
        engine = Engine(store, embedder, finder, looking=looking)
        contents = indexed_contents([each.question for each in drawn], store)
        asked: list[Asked] = []
        for number, each in enumerate(drawn, start=1):
            result = engine.search(each.question.text, limit=CANDIDATES, per_video=ALL_MATCHES)
            truths = {contents[path]: spans for path, spans in each.question.truths.items()}
            asked.append(Asked(each.question.text, truths, result.matches, 0.0))
            report("asking", number, len(drawn))
    answers = kept(asked, [each.kind for each in drawn])
    # 3. Keep them.
    if place is not None:
        write_answers(place, answers, about)
    return answers
