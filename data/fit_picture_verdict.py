"""Fits the verdict of searches by picture and writes search/grounding/calibrations/pictures/NAME.json.

    .venv/bin/python data/fit_picture_verdict.py
    .venv/bin/python data/fit_picture_verdict.py --image-embedder demo-clip --seeds 7101 7102

Libraries of different sizes are drawn and indexed by pictures alone. They are searched for pictures of things
that they show and of some that none shows, with a box and whole, and for the words for these.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.console import Console

from evaluation.own_library import indexed_contents
from evaluation.suites.drawn import LIBRARY_SECONDS, write_clips
from evaluation.suites.drawn_pictures import (
    QUERIES_EACH,
    THINGS,
    DrawnPicture,
    Thing,
    draw_pictures,
    random_stream,
    withheld_things,
    without,
)
from evaluation.suites.scoring import draw_clips, nobody
from footage.core.config import load_settings
from footage.core.process import settle
from footage.synthetic.clips import SyntheticClip
from search.picture_queries import NearStretch, PictureQueries
from search.picture_verdict import PICTURE_CARDS, UNFITTED, NearFit, PictureCalibration, fit_near
from service.index import index_paths
from service.session import Service

if TYPE_CHECKING:
    import numpy as np

    from footage.embed.protocol import ImageEmbedder
    from search.retrieval.images import QueryKind

SEEDS = (7101, 7102, 7103, 7104)
VIDEOS = (30, 20, 10, 5)
"""Clips of each library in turn."""
LISTED = 5
"""Answers to each query that are labelled."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer to a query by a picture or by words."""

    kind: QueryKind
    measures: dict[str, float]
    right: bool
    group: str
    """The query."""


def main() -> None:
    """Draw, index, ask, fit, write."""
    settle()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image-embedder", default="demo-clip", help="the embedder that is fitted")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the libraries drawn")
    parser.add_argument("--out", type=Path, help="file to write")
    given = parser.parse_args()
    answers: list[Labelled] = []
    for number, seed in enumerate(given.seeds):
        with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status(f"seed {seed}"):
            videos = VIDEOS[number % len(VIDEOS)]
            answers += library_answers(given.image_embedder, seed=seed, videos=videos, folder=Path(folder))
    made = PictureCalibration(
        embedder=given.image_embedder,
        picture=fitted(answers, "picture", given.seeds),
        text=fitted(answers, "text", given.seeds),
    )
    out = given.out or PICTURE_CARDS / f"{quote(given.image_embedder, safe=' ')}.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(made.model_dump_json(indent=2) + "\n")
    Console().print_json(out.read_text())


def library_answers(name: str, *, seed: int, videos: int, folder: Path) -> list[Labelled]:
    """Draw and index a library, search it, and label the nearest answers to each query."""
    rng = random_stream(seed)
    drawn = without(draw_clips(seed, videos, LIBRARY_SECONDS), withheld_things(rng))
    clips = write_clips(drawn, folder / "clips", nobody)
    service = Service(load_settings(None, model="demo", db=folder / "index", image_embedder=name))
    index_paths(
        [Path(path) for path in clips],
        service.settings,
        store=service.created_store(),
        model=None,
        embedder=service.embedder(),
        makers=[service.image_maker(name)],
    )
    retriever = service.image_retriever()
    assert retriever is not None
    queries = PictureQueries(service.store(), retriever, UNFITTED)
    contents = indexed_contents((), service.store())
    shown = {contents[path]: clip for path, clip in clips.items()}
    pictures = draw_pictures([thing for thing in THINGS for _ in range(QUERIES_EACH)], rng)
    return [
        Labelled(kind, dict(near.measures[0]), _shows(shown[near.frame.content_id], near, thing), group)
        for kind, group, thing, vector in _vectors(pictures, retriever.embedder, seed)
        for near in queries.near({kind: vector})[:LISTED]
    ]


def _vectors(
    pictures: list[DrawnPicture], embedder: ImageEmbedder, seed: int
) -> Iterator[tuple[QueryKind, str, Thing, np.ndarray]]:
    """The queries by kind: their names, what is looked for, and their vectors."""
    boxed = embedder.embed_pictures([each.pixels[each.box] for each in pictures])
    whole = embedder.embed_pictures([each.pixels for each in pictures])
    words = embedder.embed_texts([each.words for each in pictures])
    for number, picture in enumerate(pictures):
        yield "picture", f"{seed}/{number}", picture.thing, boxed[number]
        yield "picture", f"{seed}/{number}", picture.thing, whole[number]
        yield "text", f"{seed}/{number}", picture.thing, words[number]


def _shows(clip: SyntheticClip, near: NearStretch, thing: Thing) -> bool:
    """Whether the nearest frame of an answer shows the thing."""
    return any(
        (event.kind, event.colour) == thing
        and event.start_seconds <= near.frame.at_seconds < event.end_seconds
        for event in clip.events
    )


def fitted(answers: list[Labelled], kind: QueryKind, seeds: list[int]) -> NearFit:
    """The fit for one kind of query."""
    own = [answer for answer in answers if answer.kind == kind]
    queries = len({answer.group for answer in own})
    what = "boxed and whole pictures" if kind == "picture" else "words"
    return fit_near(
        [answer.measures for answer in own],
        [answer.right for answer in own],
        [answer.group for answer in own],
        data=f"drawn footage, seeds {', '.join(map(str, seeds))}, libraries of {min(VIDEOS)} to "
        f"{max(VIDEOS)} clips; {what} of {queries} things, the {LISTED} nearest answers to each",
        date=date.today().isoformat(),
    )


if __name__ == "__main__":
    main()
