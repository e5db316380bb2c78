"""Measures what image vectors cost on a CPU beside the decoding for captions, and what they take on disk.

Drawn clips are decoded as the demo model's captions need them. Their frames then give the image vectors, as
in an index run that makes both, and the files are read once more for image vectors alone. What counts is the
processor time of this process and its decoder, in turns; the demo image model is loaded before. The bar is
25 % of the decoding, over all clips with movement.

Examples:
    python -m tests.benchmarks.image_vectors
    python -m tests.benchmarks.image_vectors --clips 6 --repeats 9
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.types import File, Frames, Video, Window
from footage.core.windows import plan_windows
from footage.embed.image_embedder import DEMO, load_image_embedder
from footage.media import sandbox
from footage.store import Store
from footage.synthetic.clips import random_clip, write_clip
from footage.vlm import profiles
from indexer.progress import ProgressTracker
from indexer.tracks.held import HeldTrack
from indexer.tracks.image_feed import ImageFeed
from indexer.tracks.images import ImageMaker
from indexer.tracks.protocol import TrackReading
from indexer.tracks.worker import track_read
from indexer.tracks.writers import ImageTrackWriter
from tests.benchmarks import common
from tests.benchmarks.screen_text import children_seconds

BAR = 0.25
"""Most processor seconds of image vectors per second of decoding."""
SECONDS = 90.0
Read = list[tuple[Window, TrackReading]]


def main() -> None:
    """Draw the clips, measure each, print, write."""
    parser = common.parser(__doc__, "image_vectors")
    parser.add_argument("--clips", type=int, default=4, help="clips with movement")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=480, help="pixels; the picture is 3:2")
    arguments = parser.parse_args()
    embedder = load_image_embedder(DEMO)
    embedder.embed_pictures(np.zeros((4, 128, 128, 3), np.uint8))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(_clips(arguments, Path(folder))):
            maker = ImageMaker(DEMO, lambda: embedder)
            rows.append(_measure(path, maker, arguments.repeats) | {"bytes per hour": _stored(path, maker)})
            sys.stderr.write(f"{number + 1} of {arguments.clips + 1} done\n")
    moving = rows[:-1]
    share = sum(row["from captions"] for row in moving) / sum(row["decode"] for row in moving)
    common.show(f"processor seconds per second of footage, medians of {arguments.repeats}", rows)
    sys.stdout.write(f"image vectors add {share:.1%} to the decoding of captions (bar: {BAR:.0%})\n")
    common.write(arguments.out, {"rows": rows, "share": share, "bar": BAR})


def _clips(arguments: Any, folder: Path) -> list[Path]:
    """Clips with movement, and last one of a still camera."""
    rng = np.random.default_rng(arguments.seed)
    paths = []
    for number in range(arguments.clips + 1):
        clip = random_clip(rng, duration_seconds=SECONDS)
        still = number == arguments.clips
        paths.append(folder / ("still.mp4" if still else f"moving-{number + 1}.mp4"))
        size = {"width": arguments.width, "height": arguments.width // 3 * 2}
        write_clip(replace(clip, events=()) if still else clip, paths[-1], **size)
    return paths


def _measure(path: Path, maker: ImageMaker, repeats: int) -> dict[str, Any]:
    """Processor seconds per second of one clip."""
    video = replace(sandbox.probe(path), content_id="c" * 32)
    profile = profiles.DEMO
    plan = plan_windows(
        video.content_id,
        video.duration_seconds,
        window_seconds=profile.window_seconds,
        overlap_seconds=profile.overlap_seconds,
    )
    frames: list[Frames] = []

    def decode() -> None:
        frames.clear()
        sampler = sandbox.SandboxSampler(
            path, [window.span for window in plan], video=video, **profile.frame_budget
        )
        frames.extend(map(sampler.take, range(len(plan))))

    def from_captions() -> Read:
        feed = ImageFeed(maker)
        feed.begin(video.content_id, maker.windows(video))
        return [each for window, seen in zip(plan, frames, strict=True) for each in feed.take(window, seen)]

    def alone() -> Read:
        reader = maker.open(str(path), video)
        return [(window, reader.read(window)) for window in maker.windows(video)]

    calls: dict[str, Callable[[], Any]] = {"decode": decode, "from captions": from_captions, "alone": alone}
    took: dict[str, list[float]] = {name: [] for name in calls}
    read: Read = []
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.process_time() + children_seconds()
            made = call()
            took[name].append(time.process_time() + children_seconds() - began)
            read = made or read
    medians = {name: float(np.median(each)) / video.duration_seconds for name, each in took.items()}
    return {
        "clip": path.stem,
        "seconds": round(video.duration_seconds, 1),
        **{name: round(each, 4) for name, each in medians.items()},
        "share": round(medians["from captions"] / medians["decode"], 3),
        "vectors": sum(len(reading.images) for _, reading in read),
    }


def _stored(path: Path, maker: ImageMaker) -> int:
    """Bytes on disk per hour of footage such as a clip's: of an index that holds it many times over."""
    video = sandbox.probe(path)
    reader = maker.open(str(path), video)
    read = [reader.read(window) for window in maker.windows(video)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "index", create=True)
        held = HeldTrack(store, maker.track)
        writer = ImageTrackWriter(store, maker, held=held, meter=ProgressTracker(None))
        with store.writing():
            for number in range(200):
                _write(store, writer, replace(video, content_id=f"{number:032}"), maker, read)
            store.tidy(every_version=True)
        return round(store.status().images[maker.name].bytes_per_hour)


def _write(
    store: Store, writer: ImageTrackWriter, video: Video, maker: ImageMaker, read: Sequence[TrackReading]
) -> None:
    """Commit a clip as one of many contents."""
    store.videos.put([video])
    store.files.put([File(f"/videos/{video.content_id}.mp4", video.content_id, state="indexed")])
    made = []
    for window, reading in zip(maker.windows(video), read, strict=True):
        own = [replace(image, content_id=video.content_id) for image in reading.images]
        made.append(track_read(window, replace(reading, images=tuple(own)), maker.provenance, maker.track))
    writer.write(made)


if __name__ == "__main__":
    main()
