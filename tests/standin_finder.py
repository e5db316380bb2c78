"""A model that answers from known truth, tiny videos it can tell apart, and an index of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from footage.core.timecode import overlap_seconds
from footage.core.timeline import merge_events
from footage.core.types import Answer, Caption, CaptionEvent, File, Frames, Provenance, Span, WindowRecord
from footage.core.windows import plan_windows
from footage.embed.protocol import TextEmbedder
from footage.media.video import probe
from footage.store import Store, VectorRow
from footage.vlm.profile import Profile
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Capabilities, Prepared, Prompt

PROVENANCE = Provenance("standin", "1", "test", "test")
PROFILE = replace(DEMO, name="standin", window_seconds=30.0, overlap_seconds=5.0)


@dataclass(frozen=True)
class TestVideo:
    """A grey video: its grey level is how the stand-in recognises it."""

    __test__ = False

    name: str
    grey: int
    seconds: float
    events: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    scene: str = "An empty room."
    captioned: Mapping[str, Sequence[tuple[float, float]]] | None = None
    """The captions of the index; the truth when None."""


class StandinFinder:
    """Names the true span inside the window, and the whole window for what does not happen there."""

    def __init__(self, videos: Sequence[TestVideo], *, answers: Mapping[str, str] | None = None) -> None:
        self.videos = {video.grey: video for video in videos}
        self.answers = dict(answers or {})
        """Raw answers by video name, whatever is asked."""
        self.asked: list[tuple[str, Span, str]] = []
        self.batches: list[int] = []

    @property
    def profile(self) -> Profile:
        return PROFILE

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(token_logprobs=True, max_batch=2)

    @property
    def stage_seconds(self) -> dict[str, float]:
        return {}

    @property
    def provenance(self) -> Provenance:
        return PROVENANCE

    def prepare(self, frames: Frames) -> Prepared:
        grey = round(float(np.mean(frames.pixels[0])))
        return Prepared(
            frames.span, self.videos[min(self.videos, key=lambda known: abs(known - grey))], nbytes=1000
        )

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        self.batches.append(len(requests))
        return [self._answer(prepared, prompt) for prepared, prompt in requests]

    def _answer(self, prepared: Prepared, prompt: Prompt) -> Answer:
        video: TestVideo = prepared.payload
        window = prepared.span
        if prompt.kind == "caption":
            return Answer(_captions(video, window), "stop")
        event = prompt.text.split('"')[1]
        self.asked.append((video.name, window, event))
        if video.name in self.answers:
            return Answer(self.answers[video.name], "stop", (-0.1, -0.1))
        spans = [Span(*pair) for text, pairs in video.events.items() for pair in pairs if same(text, event)]
        inside = [span for span in spans if overlap_seconds(span, window) > 0]
        if not inside:
            return Answer(f"From 0.0 to {window.duration_seconds:.1f}.", "stop", (-2.0, -2.0))
        start = max(0.0, inside[0].start_seconds - window.start_seconds)
        end = min(window.duration_seconds, inside[0].end_seconds - window.start_seconds)
        return Answer(f"From {start:.1f} to {end:.1f}.", "stop", (-0.1, -0.1))


def _captions(video: TestVideo, window: Span) -> str:
    """What happens in a window, in the answer format of a real model."""
    spans = [(Span(*pair), text) for text, pairs in video.events.items() for pair in pairs]
    lines = [
        f"<{max(0.0, span.start_seconds - window.start_seconds):.1f} - "
        f"{min(window.duration_seconds, span.end_seconds - window.start_seconds):.1f}> {text}"
        for span, text in sorted(spans)
        if overlap_seconds(span, window) > 0
    ]
    return f"Scene: {video.scene}\n\nEvents:\n" + "\n".join(lines)


def same(text: str, event: str) -> bool:
    return text.rstrip(".").casefold() == event.rstrip(".").casefold()


def write_grey_video(path: Path, *, grey: int, seconds: float, fps: int = 4) -> Path:
    """A tiny video of one grey."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), grey, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def index_videos(folder: Path, videos: Sequence[TestVideo], embedder: TextEmbedder) -> Store:
    """Write the videos and index their own captions, 30 s windows overlapping by 5 s."""
    store = Store.open(folder / "index.lancedb", create=True)
    for test_video in videos:
        path = write_grey_video(
            folder / f"{test_video.name}.mp4", grey=test_video.grey, seconds=test_video.seconds
        )
        content_id = f"content-{test_video.name}"
        video = probe(path, content_id=content_id)
        windows = plan_windows(content_id, video.duration_seconds, window_seconds=30, overlap_seconds=5)
        said = test_video.events if test_video.captioned is None else test_video.captioned
        records = []
        for window in windows:
            events = [
                CaptionEvent(
                    Span(max(start, window.span.start_seconds), min(end, window.span.end_seconds)), text
                )
                for text, pairs in said.items()
                for start, end in pairs
                if overlap_seconds(Span(start, end), window.span) > 0
            ]
            caption = Caption(test_video.scene, tuple(events), "raw", "stop")
            records.append(WindowRecord(window, caption, PROVENANCE))
        store.files.put([File(str(path), content_id, state="indexed")])
        store.videos.put([video])
        store.windows.commit(records)
        rows = store.texts.put(content_id, merge_events(content_id, records))
        vectors = embedder.embed([row.text for row in rows])
        store.vectors.put(
            embedder.name,
            [
                VectorRow(r.owner_kind, r.owner_id, r.content_id, r.window_indexes, r.span, r.text, vector)
                for r, vector in zip(rows, vectors, strict=True)
            ],
        )
    return store
