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

from evaluation.metrics import Counts, caption_counts, mean_iou, occurrence_counts, recall_at
from evaluation.readers import GroundTruth
from footage.core.errors import UsageError
from footage.core.types import Caption, CaptionEvent, Span
from footage.synthetic.clips import GRID_SECONDS, SyntheticClip, random_clip, write_clip
from footage.vlm.captioning import captions
from footage.vlm.contract import SpanReading, find_prompt, read_span

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
    event that happens in the clip; of repeated events the best fitting occurrence counts for the first span.

    Returns:
        ``caption_recall``, ``caption_precision``, ``find_mIoU``, ``find_R@1@0.5``, ``find_R@1@0.7``, and the
        counts and seconds behind them. Without figures of captions for a model that writes none; for one that
        names several spans also ``find_recall`` and ``find_precision``, of all spans at IoU 0.5, and
        ``find_absent``, the share of events of other clips for which it says that they are absent.

    Raises:
        UsageError: when nothing happens in any of the clips.
        FootageError: when a clip cannot be read back or the model fails.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    counts: list[Counts] = []
    predictions: dict[tuple[int, str], list[Span]] = {}
    truths: dict[tuple[int, str], list[Span]] = {}
    absent: list[bool] = []
    drawn = draw_clips(seed, clips, clip_seconds or (SHORTEST_WINDOW_SECONDS, model.profile.window_seconds))
    with tempfile.TemporaryDirectory(prefix="footage-eval-") as folder:
        for first in range(0, clips, _CLIPS_AT_ONCE):
            several = drawn[first : first + _CLIPS_AT_ONCE]
            prepared = [_written_and_prepared(clip, Path(folder) / "clip.mp4", model) for clip in several]
            if "caption" in model.profile.skills:
                for clip, caption in zip(several, _captions(model, prepared), strict=True):
                    counts.append(caption_counts(caption.events, _caption_of(clip)))
            asked = [(number, text) for number, clip in enumerate(several) for text in _true_spans(clip)]
            for (number, sentence), reading in zip(asked, _finds(model, prepared, asked), strict=True):
                predictions[first + number, sentence] = list(reading.spans)
                truths[first + number, sentence] = _true_spans(several[number])[sentence]
            if model.capabilities.multi_span:
                absent += [reading.absent for reading in _finds(model, prepared, _elsewhere(several))]
            report("captioning and asking", first + len(several), clips)
    if not truths:
        raise UsageError(
            "Nothing happens in the clips drawn.", hint="Draw more of them, or take another seed."
        )
    total = reduce(add, counts, Counts(0, 0, 0))
    captioned = {"caption_recall": round(total.recall, 4), "caption_precision": round(total.precision, 4)}
    return {
        **(captioned if counts else {}),
        **(_figures_of_several(predictions, truths, absent) if model.capabilities.multi_span else {}),
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


def _figures_of_several(
    predictions: Mapping[tuple[int, str], list[Span]],
    truths: Mapping[tuple[int, str], list[Span]],
    absent: Sequence[bool],
) -> Scores:
    """How many of all spans are named, how many named ones are right, and what is said to be absent."""
    total = reduce(add, (occurrence_counts(predictions[key], truths[key]) for key in truths))
    figures = {"find_recall": round(total.recall, 4), "find_precision": round(total.precision, 4)}
    return {**figures, "find_absent": share(absent)} if absent else figures


def _elsewhere(clips: Sequence[SyntheticClip]) -> list[tuple[int, str]]:
    """What happens in some clips, each asked about the next clip in which it does not happen."""
    asked = []
    for number, clip in enumerate(clips):
        other = (number + 1) % len(clips)
        asked += [(other, text) for text in _true_spans(clip) if text not in _true_spans(clips[other])]
    return asked


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
    model: VideoModel, prepared: Sequence[Prepared], asked: Sequence[tuple[int, str]]
) -> list[SpanReading]:
    """What a model names for each (number of the window, sentence)."""
    answers = _run(
        model,
        [(prepared[n], find_prompt(sentence.removesuffix("."), model.profile)) for n, sentence in asked],
    )
    return [
        read_span(answer, prepared[number].span, model.profile)
        for (number, _), answer in zip(asked, answers, strict=True)
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
