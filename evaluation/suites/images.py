"""Measures an image embedder on drawn footage: is a thing found by its picture, and its absence noticed?

Things in some colours are kept out of the library, and asked for like the others. What needs an index or a
model that captions is measured elsewhere; the figures here are of vectors and of the background they are
judged against (``search.retrieval.background``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.suites.drawn import LIBRARY_SECONDS, write_clips
from evaluation.suites.drawn_pictures import (
    QUERIES_EACH,
    THINGS,
    Thing,
    draw_pictures,
    random_stream,
    withheld_things,
    without,
)
from evaluation.suites.scoring import OnProgress, Scores, draw_clips, nobody, share, work_folder
from footage.core.errors import UsageError
from footage.core.types import Span
from footage.synthetic.clips import SyntheticClip
from search.retrieval.background import BACKGROUND_TEXTS, Background, heights, measure_background, standing

if TYPE_CHECKING:
    from footage.embed.protocol import ImageEmbedder

FRAMES_PER_SECOND = 1.0
"""Vectors of a second of footage."""
CLEAR_SECONDS = 0.7
"""From this long after an event's start to this long before its end a frame counts as showing it."""
BACKGROUND_QUERIES = 200
"""Pictures of the library that are searched for outside their own clip."""


@dataclass(frozen=True)
class Library:
    """The frames of drawn clips, and what they show."""

    vectors: np.ndarray
    """Unit vectors, float32 (frames, dimension)."""
    clip_numbers: np.ndarray
    """Which clip each frame is of, (frames,)."""
    shown: tuple[frozenset[Thing], ...]
    """What each frame shows clearly."""
    near: tuple[frozenset[Thing], ...]
    """What each frame shows, if only a sliver of it."""

    def shows(self, thing: Thing) -> np.ndarray:
        """Which frames show a thing, bool (frames,)."""
        return np.array([thing in each for each in self.near])


def evaluate_pictures(
    embedder: ImageEmbedder,
    *,
    seed: int,
    videos: int = 30,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Scores:
    """Search drawn clips by pictures and by words for things that are there, and for some that are not.

    Args:
        embedder: What is measured.
        seed: Which clips, which things are withheld, which pictures and wordings are asked with.
        videos: How many clips.
        folder: Where the clips are kept afterwards; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``image_R@1``: share of boxed pictures whose nearest frame shows the same thing, of things that are
        there, and ``image_R@1_whole`` with whole frames; ``image_absent_AUROC`` of the calibrated score, and
        ``_raw`` of the mere similarity. The same of words, ``text_…``; ``binding_accuracy``: share of frames
        with two things to which "a red car and a blue dog" is nearer than the two with their colours swapped.

    Raises:
        UsageError: when nothing happens in the clips.
        FootageError: when a clip cannot be read back.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    rng = random_stream(seed)
    withheld = withheld_things(rng)
    with work_folder(folder) as root:
        clips = write_clips(without(draw_clips(seed, videos, LIBRARY_SECONDS), withheld), Path(root), report)
        library = _library(clips, embedder, report)
    there = sorted({thing for each in library.shown for thing in each})
    if not there:
        raise UsageError(
            "Nothing happens in the clips drawn.", hint="Draw more of them, or take another seed."
        )
    asked = [thing for thing in THINGS if thing in there or thing in withheld for _ in range(QUERIES_EACH)]
    drawn = draw_pictures(asked, rng)
    whole = [picture.pixels for picture in drawn]
    boxed = [np.ascontiguousarray(pixels[picture.box]) for picture, pixels in zip(drawn, whole, strict=True)]
    said = [picture.words for picture in drawn]
    texts = measure_background(library.vectors, embedder.embed_texts(BACKGROUND_TEXTS))
    pictures = _picture_background(library, rng)
    by_box = _figures(asked, embedder.embed_pictures(boxed), library, withheld, pictures)
    by_frame = _figures(asked, embedder.embed_pictures(whole), library, withheld, pictures)
    by_text = _figures(asked, embedder.embed_texts(said), library, withheld, texts)
    return {
        **{f"image_{name}": value for name, value in by_box.items()},
        "image_R@1_whole": by_frame["R@1"],
        "image_absent_AUROC_whole": by_frame["absent_AUROC"],
        **{f"text_{name}": value for name, value in by_text.items()},
        "binding_accuracy": _binding(library, embedder),
        "frames": len(library.vectors),
        "queries": len(asked),
        "withheld": len(withheld),
        "videos": videos,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _library(clips: dict[str, SyntheticClip], embedder: ImageEmbedder, on_progress: OnProgress) -> Library:
    """Decode the clips as the product does, and embed a frame a second."""
    from footage.media.sandbox import sample

    vectors, numbers, shown, near = [], [], [], []
    for number, (path, clip) in enumerate(clips.items()):
        frames = sample(path, Span(0, clip.duration_seconds), fps=FRAMES_PER_SECOND)
        vectors.append(embedder.embed_pictures(frames.pixels))
        numbers += [number] * len(frames.pixels)
        for seconds in frames.times_seconds:
            shown.append(_visible(clip, seconds, CLEAR_SECONDS))
            near.append(_visible(clip, seconds, 0.0))
        on_progress("embedding", number + 1, len(clips))
    return Library(np.concatenate(vectors), np.array(numbers), tuple(shown), tuple(near))


def _visible(clip: SyntheticClip, seconds: float, margin: float) -> frozenset[Thing]:
    return frozenset(
        (e.kind, e.colour)
        for e in clip.events
        if e.start_seconds + margin <= seconds < e.end_seconds - margin
    )


def _picture_background(library: Library, rng: np.random.Generator) -> Background:
    """Frames of the library as queries, each searched for outside its own clip."""
    chosen = rng.permutation(len(library.vectors))[:BACKGROUND_QUERIES]
    similar = library.vectors[chosen] @ library.vectors.T
    similar[library.clip_numbers[chosen][:, None] == library.clip_numbers[None]] = -1
    return measure_background(library.vectors, library.vectors[chosen], peaks=similar.max(axis=1))


def _figures(
    asked: Sequence[Thing],
    queries: np.ndarray,
    library: Library,
    withheld: set[Thing],
    background: Background,
) -> Scores:
    """R@1 of what is there, and AUROC of what is there against what is not."""
    from sklearn.metrics import roc_auc_score

    similar = queries @ library.vectors.T
    best, peaks = similar.argmax(axis=1), similar.max(axis=1)
    there = np.array([thing not in withheld for thing in asked])
    scores = [
        standing(query, float(peak), background).score for query, peak in zip(queries, peaks, strict=True)
    ]
    right = [thing in library.near[frame] for thing, frame in zip(asked, best, strict=True)]
    return {
        "R@1": share(hit for hit, is_there in zip(right, there, strict=True) if is_there),
        "absent_AUROC": round(float(roc_auc_score(there, scores)), 4),
        "absent_AUROC_raw": round(float(roc_auc_score(there, peaks)), 4),
        "height_there": round(float(np.median(heights(similar, peaks)[there])), 2),
        "height_absent": round(float(np.median(heights(similar, peaks)[~there])), 2),
    }


def _binding(library: Library, embedder: ImageEmbedder) -> float:
    """Frames with two things that differ in both: is the true pair nearer than with the colours swapped?"""
    right = []
    for frame, things in enumerate(library.shown):
        if len(things) != 2:
            continue
        (kind, colour), (other, other_colour) = sorted(things)
        if kind == other or colour == other_colour or library.near[frame] != things:
            continue
        true, swapped = embedder.embed_texts(
            [
                f"a {colour} {kind} and a {other_colour} {other}",
                f"a {other_colour} {kind} and a {colour} {other}",
            ]
        )
        right.append(bool(library.vectors[frame] @ (true - swapped) > 0))
    return share(right) if right else float("nan")
