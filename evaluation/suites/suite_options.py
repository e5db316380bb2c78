"""Options of the suites of ``python -m evaluation.suites`` that have many; runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

IMAGE_PARTS = ("verdicts", "images", "vectors", "reuse")
"""Parts of the suite `images`."""
DEFAULT_PARTS = ("verdicts", "images", "reuse")
"""The parts that run unless named."""
MOST_PLANTED = 0.15
"""Most of the events that get an error of one kind: of six kinds, so that some stay as they are."""


def add_retrieval_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite `retrieval`."""
    parser.add_argument(
        "--corpus",
        type=Path,
        required=True,
        metavar="FILE",
        help="indexed sentences, in the form of ActivityNet Captions",
    )
    parser.add_argument(
        "--queries", type=Path, required=True, metavar="FILE", help="queries, in the same form"
    )
    parser.add_argument(
        "--arm", choices=("text", "vector", "hybrid", "all"), default="all", help="how texts are ordered"
    )
    parser.add_argument(
        "--limit-queries", type=positive, metavar="N", help="ask only N queries, chosen by hash"
    )
    parser.add_argument("--rerank", metavar="NAME", help="cross-encoder that reorders the best texts")


def add_images_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite `images`."""
    parser.add_argument(
        "--parts",
        type=names_of("part", IMAGE_PARTS),
        default=DEFAULT_PARTS,
        metavar="LIST",
        help=f"parts to run, separated by commas: {', '.join(IMAGE_PARTS)}; "
        f"{','.join(DEFAULT_PARTS)} unless named",
    )
    parser.add_argument(
        "--libraries", type=positive, default=3, metavar="N", help="libraries of 12 clips, for verdicts"
    )
    parser.add_argument(
        "--videos", type=positive, default=20, metavar="N", help="clips to draw, for images and vectors"
    )
    parser.add_argument(
        "--hours", type=float, default=0.25, metavar="N", help="hours of the fixed camera, for reuse"
    )
    parser.add_argument(
        "--activity",
        type=float,
        default=0.15,
        metavar="SHARE",
        help="share of the time with an event, for reuse",
    )
    parser.add_argument(
        "--without-comparison",
        action="store_true",
        help="index the fixed camera only with reuse: quicker, without the loss of recall",
    )
    add_image_embedder_option(parser)


def add_image_embedder_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names an image embedder."""
    parser.add_argument(
        "--image-embedder", default="demo-clip", metavar="NAME", help="image embedder, or its folder"
    )


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite `audit`."""
    parser.add_argument("--videos", type=positive, default=12, metavar="N", help="clips to draw")
    parser.add_argument(
        "--rate",
        type=_share,
        default=0.08,
        metavar="SHARE",
        help="share of the events that get an error of each of the six kinds, at most 0.15",
    )
    parser.add_argument(
        "--anew", action="store_true", help="caption the clips anew, without the captions of the index"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep clips, index and answers here")


def add_tracks_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite `tracks`."""
    parser.add_argument("--seed", type=int, default=0, help="seed of the drawn clips")
    parser.add_argument("--videos", type=positive, default=24, metavar="N", help="clips to draw")
    parser.add_argument(
        "--speech-model", metavar="NAME", default="tiny.en", help="speech recogniser: a name or a folder"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep clips and index here")


def names_of(kind: str, known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes some of several names, separated by commas.

    Args:
        kind: What is named, for the message: "part".
        known: The names.
    """

    def read(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"there is no {kind} {unknown[0]!r}; known are {', '.join(known)}"
            )
        return names

    return read


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= MOST_PLANTED:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MOST_PLANTED}")
    return share


def positive(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        ValueError: the text is none.
    """
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
