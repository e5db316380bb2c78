"""Scores the search by picture on drawn clips: is a thing found in another scene, and its absence noticed?

The clips are indexed by pictures alone, and each picture is given as a file with a box on it. Things in some
colours are kept out of the library, and asked for like the others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.own_library import confidence_of, indexed_contents
from evaluation.suites.drawn import LIBRARY_SECONDS, write_clips
from evaluation.suites.drawn_pictures import (
    QUERIES_EACH,
    THINGS,
    DrawnPicture,
    draw_pictures,
    random_stream,
    withheld_things,
    without,
)
from evaluation.suites.scoring import OnProgress, Scores, draw_clips, nobody, share, work_folder
from evaluation.verdicts import Judged, auroc
from footage.core.errors import FootageError, UsageError
from footage.core.types import Match
from footage.synthetic.clips import SyntheticClip

if TYPE_CHECKING:
    from service.picture_search import Box
    from service.session import Service

LISTED = 5
"""Matches asked for."""


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """What a search by picture listed for a drawn picture."""

    picture: DrawnPicture
    """What was searched for."""
    present: bool
    """Whether the library shows the thing."""
    matches: tuple[Match, ...]
    """What was listed, best first."""
    right: tuple[bool, ...]
    """Whether each shows the thing."""

    @property
    def found(self) -> bool:
        """Whether something is called "found"."""
        return any(match.verdict == "found" for match in self.matches)

    @property
    def found_rightly(self) -> bool:
        """Whether something that is called "found" shows the thing."""
        return any(
            right and match.verdict == "found" for match, right in zip(self.matches, self.right, strict=True)
        )


def evaluate_picture_search(
    service: Service,
    image_embedder: str,
    *,
    seed: int,
    videos: int = 20,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Scores, list[PictureAnswer]]:
    """Index drawn clips by pictures, and search them for things that they show and for some that none does.

    Args:
        service: Its settings, with an index of their own.
        image_embedder: What makes and searches the vectors.
        seed: Which clips, which things are withheld, and which pictures are searched for.
        videos: How many clips.
        folder: Where clips and index are kept; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``image_R@1``: of boxed pictures of things that are there, the share whose first match shows the same
        thing; ``image_R@1_whole``: of one whole picture of each. ``image_absent_AUROC``, ``_whole``: how well
        the confidence tells things that are there from those that are not.

        Of boxed pictures, ``image_found_recall``: share of those of things that are there with a true match
        called "found"; ``image_found_precision``: share of those with something called "found" that have a
        true one. And the answers to boxed pictures.

    Raises:
        UsageError: when nothing happens in the clips.
        FootageError: when a clip cannot be indexed, or the embedder fails.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    rng = random_stream(seed)
    withheld = withheld_things(rng)
    with work_folder(folder) as root:
        drawn = without(draw_clips(seed, videos, LIBRARY_SECONDS), withheld)
        clips = write_clips(drawn, Path(root) / "clips", report)
        there = {(event.kind, event.colour) for clip in clips.values() for event in clip.events}
        if not there:
            raise UsageError(
                "Nothing happens in the clips drawn.", hint="Draw more of them, or take another seed."
            )
        inner = _indexed(service, image_embedder, clips, Path(root) / "index.lancedb", report)
        asked = [thing for thing in THINGS if thing in there | withheld for _ in range(QUERIES_EACH)]
        pictures = draw_pictures(asked, rng)
        boxed = _ask(inner, clips, pictures, there, boxed=True, on_progress=report)
        whole = _ask(inner, clips, pictures[::QUERIES_EACH], there, boxed=False, on_progress=report)
    claimed = [answer for answer in boxed if answer.found]
    return {
        "image_R@1": _first_right(boxed),
        "image_R@1_whole": _first_right(whole),
        "image_absent_AUROC": _auroc(boxed),
        "image_absent_AUROC_whole": _auroc(whole),
        "image_found_recall": share(answer.found_rightly for answer in boxed if answer.present),
        **({"image_found_precision": share(each.found_rightly for each in claimed)} if claimed else {}),
        "image_queries": len(boxed),
        "image_absent": sum(not answer.present for answer in boxed),
        "videos": videos,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
    }, boxed


def _indexed(
    service: Service,
    image_embedder: str,
    clips: Mapping[str, SyntheticClip],
    db: Path,
    on_progress: OnProgress,
) -> Service:
    """The clips in an index of image vectors alone, and what searches it."""
    from service.index import index_paths
    from service.session import Service

    settings = service.settings.model_copy(update={"db": db, "image_embedder": image_embedder})
    inner = Service(settings)
    report = index_paths(
        [Path(path) for path in clips],
        settings,
        store=inner.created_store(),
        model=None,
        embedder=service.embedder(),
        makers=[inner.image_maker(image_embedder)],
        on_progress=lambda reading: on_progress("indexing", reading.files_done, reading.files_total),
    )
    unread = [file.reason for file in report.files if file.state != "indexed" and file.reason]
    if unread:
        raise FootageError(f"{len(unread)} of the drawn clips could not be read: {unread[0]}")
    return inner


def _ask(
    service: Service,
    clips: Mapping[str, SyntheticClip],
    pictures: Sequence[DrawnPicture],
    there: set[tuple[str, str]],
    *,
    boxed: bool,
    on_progress: OnProgress,
) -> list[PictureAnswer]:
    """Search for each picture as a user does who gives a file, with or without a box."""
    from service.picture_search import PictureSearchRequest, PictureSource, search_pictures

    contents = indexed_contents((), service.store())
    shown = {contents[path]: clip for path, clip in clips.items()}
    answers = []
    for number, picture in enumerate(pictures, start=1):
        source = PictureSource(data=picture.jpeg, box=_shares(picture) if boxed else None)
        matches = search_pictures(service, PictureSearchRequest(picture=source, limit=LISTED)).matches
        right = tuple(_shows(shown[match.video.content_id], match, picture) for match in matches)
        answers.append(PictureAnswer(picture, picture.thing in there, matches, right))
        on_progress("searching by picture", number, len(pictures))
    return answers


def _shares(picture: DrawnPicture) -> Box | None:
    """The box of a picture as shares of its width and height."""
    height, width = picture.pixels.shape[:2]
    (top, bottom, _), (left, right, _) = (
        part.indices(length) for part, length in zip(picture.box, (height, width), strict=True)
    )
    return left / width, top / height, right / width, bottom / height


def _shows(clip: SyntheticClip, match: Match, picture: DrawnPicture) -> bool:
    """Whether the nearest frame of a match shows the thing."""
    at_seconds = dict(match.measures)["at_seconds"]
    return any(
        (event.kind, event.colour) == picture.thing and event.start_seconds <= at_seconds < event.end_seconds
        for event in clip.events
    )


def _first_right(answers: Sequence[PictureAnswer]) -> float:
    return share(bool(answer.right) and answer.right[0] for answer in answers if answer.present)


def _auroc(answers: Sequence[PictureAnswer]) -> float:
    judged = [Judged(min(max(confidence_of(each.matches), 0.0), 1.0), each.present) for each in answers]
    return round(auroc(judged), 4)
