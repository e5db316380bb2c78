"""Measures decoding beside qwen-vl-utils and plain PyAV, in turns: as many frames, of the same size.

Two cases for each real clip in the folder ``videos`` of FOOTAGE_TEST_DATA:
    first      the whole clip as one window, of a file that is seen for the first time: we scan it, too
    windows    windows of 8 s that overlap by 2 s, one after the other, of a file that we have scanned;
               the others open it, and look where its frames are, for each window

``fetch_video`` gets the number of frames and the size, so that it does the same work; which frames it
takes differs by one or two, as it goes by index and average rate. It hands out float32, we hand out uint8.
PyAV gets the exact times, so that it need not know where the frames are.

Pictures at equal presentation times are compared as they are decoded, before any resizing.

Examples:
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.decode
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.decode --repeats 9
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.timeout import Pulse
from footage.core.types import Frames, Span
from footage.core.windows import plan_windows
from footage.media import decode, demux
from footage.media.sampling import spread
from footage.media.video import Sampler, probe, sample
from tests.benchmarks import common

WINDOW_SECONDS, OVERLAP_SECONDS = 8.0, 2.0
COMPARED = 12
"""Pictures of a clip that are compared."""
NAMES = ("ours", "qwen-vl-utils", "PyAV")


@dataclass(frozen=True)
class Work:
    """One window, and what is to come of it."""

    span: Span
    times_seconds: tuple[float, ...]
    width: int
    height: int


def main() -> None:
    """Measure every clip, print, write."""
    parser = common.parser(__doc__, "decode")
    parser.add_argument("--data", type=Path, default=os.environ.get("FOOTAGE_TEST_DATA", ""))
    arguments = parser.parse_args()
    clips = sorted((Path(arguments.data) / "videos").glob("*"))
    if not clips:
        parser.error("no clips: FOOTAGE_TEST_DATA, or --data, names a folder with a folder 'videos' in it")
    logging.disable(logging.WARNING)
    rows: list[dict[str, Any]] = []
    for clip in clips:
        rows += [measure(clip, case, arguments.repeats) for case in ("first", "windows")]
        sys.stderr.write(f"{clip.name} done\n")
    same = [compare(clip) for clip in clips]
    common.show(f"decoding, ms, medians of {arguments.repeats}", [table_row(row) for row in rows])
    common.show("pictures at equal times", same)
    lowest = min(row["ratio"]["qwen-vl-utils"] for row in rows)
    sys.stdout.write(f"lowest ratio to qwen-vl-utils: {lowest:.2f} (bar: 1)\n")
    common.write(arguments.out, {"rows": rows, "pictures": same, "lowest_ratio": lowest})


def measure(clip: Path, case: str, repeats: int) -> dict[str, Any]:
    """One clip, one case, the three in turns."""
    video = probe(clip)
    if case == "first":
        spans = [Span(0, video.duration_seconds)]
    else:
        plan = plan_windows(
            "", video.duration_seconds, window_seconds=WINDOW_SECONDS, overlap_seconds=OVERLAP_SECONDS
        )
        spans = [window.span for window in plan]
    works = [work_of(sample(clip, span, video=video)) for span in spans]

    def ours() -> None:
        if case == "first":
            decode._sources.clear()
        sampler = Sampler(clip, spans, video=video)
        for number in range(len(spans)):
            sampler.take(number)

    def others(fetch: Callable[[Path, Work], object]) -> Callable[[], None]:
        return lambda: [fetch(clip, work) for work in works] and None

    calls = dict(zip(NAMES, (ours, others(by_qwen), others(by_pyav)), strict=True))
    took = {
        name: common.spread(1000 * seconds for seconds in times)
        for name, times in common.in_turns(calls, repeats=repeats).items()
    }
    return {
        "clip": clip.name,
        "case": case,
        "source": f"{video.codec} {video.width}x{video.height}",
        "windows": len(works),
        "frames": sum(len(work.times_seconds) for work in works),
        "size": f"{works[0].width}x{works[0].height}",
        "way": video.decoder,
        "ms": took,
        "ratio": {name: round(took[name]["median"] / took["ours"]["median"], 2) for name in NAMES[1:]},
    }


def work_of(frames: Frames) -> Work:
    """What a window of ours comes to."""
    _, height, width, _ = frames.pixels.shape
    return Work(frames.span, frames.times_seconds, width, height)


def table_row(row: dict[str, Any]) -> dict[str, object]:
    """A row as it is printed: medians, and how far our repeats lie apart."""
    ours = row["ms"]["ours"]
    return {
        "clip": row["clip"][:28],
        "source": row["source"],
        "case": row["case"],
        "frames": row["frames"],
        "size": row["size"],
        **{name: round(row["ms"][name]["median"]) for name in NAMES},
        "ours, q1 to q3": f"{ours['q1']:.0f} to {ours['q3']:.0f}",
        "qwen / ours": row["ratio"]["qwen-vl-utils"],
        "PyAV / ours": row["ratio"]["PyAV"],
    }


def by_qwen(clip: Path, work: Work) -> object:
    """What users of the models' own helper call."""
    from qwen_vl_utils import fetch_video

    asked = {
        "video": str(clip),
        "video_start": work.span.start_seconds,
        "video_end": work.span.end_seconds,
        "nframes": len(work.times_seconds) // 2 * 2,
        "resized_height": work.height,
        "resized_width": work.width,
    }
    with contextlib.redirect_stderr(io.StringIO()):
        return fetch_video(asked, image_patch_size=16)


def by_pyav(clip: Path, work: Work) -> np.ndarray:
    """Seek, decode, take the frame at or after each of our moments, resize as the others do."""
    import av
    import torch
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import resize

    taken: list[np.ndarray] = []
    with av.open(str(clip)) as container:
        stream = container.streams.best("video")
        stream.thread_type = "AUTO"
        start = stream.start_time or 0
        wanted = (start + np.array(work.times_seconds) / float(stream.time_base) - 0.5).astype(np.int64)
        container.seek(int(wanted[0]), stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None or frame.pts < wanted[len(taken)]:
                continue
            taken.append(frame.to_ndarray(format="rgb24"))
            if len(taken) == len(wanted):
                break
    frames = torch.from_numpy(np.stack(taken)).permute(0, 3, 1, 2)
    small = resize(frames, [work.height, work.width], InterpolationMode.BICUBIC, antialias=True)
    return small.permute(0, 2, 3, 1).contiguous().numpy()


def compare(clip: Path) -> dict[str, object]:
    """Whether the three decode the same pictures at the same times."""
    source = decode.open_source(str(clip), Pulse(), decoder=probe(clip).decoder)
    picks = spread(len(source.table.pts), COMPARED).tolist()
    pictures = decode.decode(source, picks, Pulse())
    ours = dict(zip(source.table.seconds(np.array(pictures.pts)).round(3), pictures.pixels, strict=True))
    times = set(ours)
    return {
        "clip": clip.name[:28],
        "compared": len(ours),
        "qwen-vl-utils": difference(ours, qwen_pictures(clip, picks)),
        "PyAV": difference(ours, pyav_pictures(clip, source.table, times)),
    }


def qwen_pictures(clip: Path, picks: Sequence[int]) -> dict[float, np.ndarray]:
    """What ``fetch_video`` decodes with: torchcodec, opened as it opens it."""
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(clip), num_ffmpeg_threads=8)
    batch = decoder.get_frames_at([pick for pick in picks if pick < len(decoder)])
    begin = decoder.metadata.begin_stream_seconds
    times = (batch.pts_seconds.numpy() - begin).round(3)
    return dict(zip(times.tolist(), batch.data.permute(0, 2, 3, 1).numpy(), strict=True))


def pyav_pictures(clip: Path, table: demux.FrameTable, times: set[float]) -> dict[float, np.ndarray]:
    """What PyAV decodes from the start on, under the times that it gives."""
    import av

    found = {}
    with av.open(str(clip)) as container:
        stream = container.streams.best("video")
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            seconds = float(table.seconds(frame.pts).round(3)) if frame.pts is not None else -1.0
            if seconds in times:
                found[seconds] = frame.to_ndarray(format="rgb24")
    return found


def difference(ours: dict[float, np.ndarray], theirs: dict[float, np.ndarray]) -> str:
    """How many pictures lie at equal times, and whether they are equal."""
    shared = [time for time in ours if time in theirs]
    worst = max((int(np.abs(ours[t].astype(int) - theirs[t]).max()) for t in shared), default=-1)
    unequal = sum(not np.array_equal(ours[time], theirs[time]) for time in shared)
    return f"{len(shared)} equal" if not unequal else f"{unequal} of {len(shared)} differ, by {worst} at most"


if __name__ == "__main__":
    main()
