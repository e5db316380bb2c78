"""Scores the whole way of the data against footage whose truth is known exactly; words nothing for people.

Here because only commands may both index and search.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.metrics import Counts, caption_counts, mean_iou, recall_at
from evaluation.readers import GroundTruth
from footage.core.errors import UsageError
from footage.core.types import Caption, CaptionEvent, Span
from footage.synthetic.clips import GRID_SECONDS, SyntheticClip, random_clip, write_clip
from footage.vlm.captioning import captions
from footage.vlm.contract import find_prompt, read_span

if TYPE_CHECKING:
    from footage.core.types import Answer
    from footage.vlm.protocol import Prepared, Prompt, VideoModel

OnProgress = Callable[[str, int, int], None]
"""Called with (stage, how many are done, how many there are)."""
Scores = dict[str, float]
"""Figures by the names the field gives them; shares from 0 to 1, counts, seconds."""

SHORTEST_WINDOW_SECONDS = 6.0
"""Shortest clip the model alone is asked about, by default; the longest is its own window."""

_FPS = 15  # of the clips written: enough for 2 frames a second, and quick to draw
_CLIPS_AT_ONCE = 4  # held in memory as the model wants them
_STREAM = 0xE7A1  # sets these clips apart from those that any plain seed draws, whatever it is used for


@dataclass(frozen=True, slots=True)
class TruthQuery:
    """A query and everything that truly answers it."""

    text: str
    """What is asked."""
    truths: Mapping[str, tuple[Span, ...]]
    """Absolute path of each video where it happens, and when, in video time."""


def evaluate_demo_model(
    model: VideoModel,
    *,
    seed: int,
    clips: int = 60,
    clip_seconds: tuple[float, float] | None = None,
    on_progress: OnProgress | None = None,
) -> Scores:
    """Caption and question a model about unseen drawn clips of one window each, written and decoded for real.

    A caption's event counts when its text is exact and its IoU at least 0.5. Find is asked for every distinct
    event that happens in the clip; of repeated events the best fitting occurrence counts.

    Returns:
        ``caption_recall``, ``caption_precision``, ``find_mIoU``, ``find_R@1@0.5``, ``find_R@1@0.7``, and the
        counts and seconds behind them.

    Raises:
        UsageError: when nothing happens in any of the clips.
        FootageError: when a clip cannot be read back or the model fails.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    counts: list[Counts] = []
    predictions: dict[tuple[int, str], list[Span]] = {}
    truths: dict[tuple[int, str], list[Span]] = {}
    drawn = draw_clips(seed, clips, clip_seconds or (SHORTEST_WINDOW_SECONDS, model.profile.window_seconds))
    with tempfile.TemporaryDirectory(prefix="footage-eval-") as folder:
        for first in range(0, clips, _CLIPS_AT_ONCE):
            several = drawn[first : first + _CLIPS_AT_ONCE]
            prepared = [_written_and_prepared(clip, Path(folder) / "clip.mp4", model) for clip in several]
            for clip, caption in zip(several, _captions(model, prepared), strict=True):
                counts.append(caption_counts(caption.events, _caption_of(clip)))
            for number, sentence, span in _finds(model, prepared, several):
                predictions[first + number, sentence] = [] if span is None else [span]
                truths[first + number, sentence] = _true_spans(several[number])[sentence]
            report("captioning and asking", first + len(several), clips)
    if not truths:
        raise UsageError(
            "Nothing happens in the clips drawn.", hint="Draw more of them, or take another seed."
        )
    total = reduce(add, counts, Counts(0, 0, 0))
    return {
        "caption_recall": round(total.recall, 4),
        "caption_precision": round(total.precision, 4),
        "find_mIoU": round(mean_iou(predictions, truths), 4),
        "find_R@1@0.5": round(recall_at(predictions, truths, iou=0.5), 4),
        "find_R@1@0.7": round(recall_at(predictions, truths, iou=0.7), 4),
        "seed": seed,
        "clips": clips,
        "events_true": total.true,
        "events_written": total.predicted,
        "events_matched": total.matched,
        "find_queries": len(truths),
        "seconds": round(time.perf_counter() - began, 1),
    }


def truth_questions(truth: GroundTruth, folder: Path, *, paraphrased: bool = False) -> list[TruthQuery]:
    """The distinct queries of a ground-truth file whose videos lie in ``folder``, each with all its answers.

    Args:
        truth: The annotations.
        folder: What their paths are relative to.
        paraphrased: Ask in the file's other words; events without any are left out.
    """
    found: dict[str, dict[str, tuple[Span, ...]]] = {}
    for video in truth.videos:
        for event in video.events:
            # Whoever asks in other words gets the right answers wherever the event happens.
            spans = found.setdefault(event.query, {})
            path = _resolved(folder / video.name)
            spans[path] = (*spans.get(path, ()), *event.spans)
    if not paraphrased:
        return [TruthQuery(text, truths) for text, truths in found.items()]
    other = {
        event.paraphrase: event.query for video in truth.videos for event in video.events if event.paraphrase
    }
    return [TruthQuery(text, found[query]) for text, query in other.items()]


def draw_clips(seed: int, count: int, seconds: tuple[float, float]) -> list[SyntheticClip]:
    """Random clips with lengths drawn evenly from a range, on the grid of the events."""
    rng = np.random.default_rng([_STREAM, seed])
    shortest, longest = (round(value / GRID_SECONDS) for value in seconds)
    return [
        random_clip(rng, duration_seconds=int(rng.integers(shortest, longest + 1)) * GRID_SECONDS)
        for _ in range(count)
    ]


def _written_and_prepared(clip: SyntheticClip, path: Path, model: VideoModel) -> Prepared:
    """Write a clip, read it back as the product does, and make it ready for the model."""
    from footage.media.sandbox import probe, sample

    write_clip(clip, path, fps=_FPS)
    video, profile = probe(path), model.profile
    frames = sample(
        path,
        Span(0, video.duration_seconds),
        **profile.frame_budget,
        video=video,
    )
    path.unlink()
    return model.prepare(frames)


def _captions(model: VideoModel, prepared: Sequence[Prepared]) -> list[Caption]:
    """The answers of a model about each window, in as many stages as in an index run."""
    result = captions(prepared, seeds=range(len(prepared)), profile=model.profile, run=partial(_run, model))
    return [each for each in result if isinstance(each, Caption)]  # all: ``_run`` raises what does not fit


def _finds(
    model: VideoModel, prepared: Sequence[Prepared], clips: Sequence[SyntheticClip]
) -> list[tuple[int, str, Span | None]]:
    """(number of the clip, sentence, span the model names) for each distinct event of each clip."""
    asked = [(number, sentence) for number, clip in enumerate(clips) for sentence in _true_spans(clip)]
    answers = _run(
        model,
        [(prepared[n], find_prompt(sentence.removesuffix("."), model.profile)) for n, sentence in asked],
    )
    return [
        (number, sentence, read_span(answer, prepared[number].span).span)
        for (number, sentence), answer in zip(asked, answers, strict=True)
    ]


def _run(model: VideoModel, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
    size = max(1, model.capabilities.max_batch)
    batches = [requests[first : first + size] for first in range(0, len(requests), size)]
    return [answer for batch in batches for answer in model.run(batch)]


def _caption_of(clip: SyntheticClip) -> list[CaptionEvent]:
    return [CaptionEvent(Span(e.start_seconds, e.end_seconds), e.sentence) for e in clip.events]


def _true_spans(clip: SyntheticClip) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {}
    for event in clip.events:
        spans.setdefault(event.sentence, []).append(Span(event.start_seconds, event.end_seconds))
    return spans


def share(values: Iterable[float]) -> float:
    """Mean of some values to four decimals: of truth values, the share that is true."""
    return round(float(np.mean(list(values))), 4)


def _resolved(path: str | Path) -> str:
    return str(Path(path).resolve())


def work_folder(folder: Path | None) -> AbstractContextManager[str | Path]:
    """Where a run keeps its index: in a folder that stays, or in one that goes when the run ends."""
    return nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="footage-eval-")


def nobody(stage: str, done: int, total: int) -> None:
    """Stands for whoever watches the progress when nobody does."""
