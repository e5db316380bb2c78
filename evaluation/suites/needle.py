"""Measures the search for one moment in hours of drawn footage, by length; words nothing for people.

Every length is one real file, indexed and searched as any other. A run can be killed at any time: with a
folder to keep, the next one goes on where it ended. Processor time is that of this process and its decoders.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.intervals import FigureInterval, bootstrap, share_interval
from evaluation.metrics import best_iou
from evaluation.own_library import RIGHT_IOU, confidence_of
from evaluation.suites.haystack import Haystack, HaystackQuery, draw_haystack, write_haystack
from evaluation.suites.scoring import OnProgress, nobody, work_folder
from footage.core.atomic import whole_file
from footage.core.errors import FootageError, UsageError
from footage.core.timecode import overlap_seconds
from search.grounding.options import DEFAULT

if TYPE_CHECKING:
    from footage.core.types import Match, Span
    from footage.embed.protocol import ImageEmbedder, TextEmbedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.progress import Progress
    from indexer.tracks.protocol import TrackMaker
    from search.engine import Engine
    from search.grounding.options import GroundingOptions

HOURS = (0.17, 1.0, 2.0, 4.0, 8.0)
"""Lengths of the haystacks by default."""
NEEDLE_ARMS = ("captions", "images", "all")
"""What a search may be led by."""
SHOWN_SHARE = 0.5
"""The model was shown a needle when windows that it was asked about hold this share of it."""

_PICTURES, _CAPTIONS = "pictures.lancedb", "captions.lancedb"
LISTED = 5
"""Matches asked for."""


@dataclass(frozen=True, slots=True)
class NeedleModels:
    """What indexes and searches a haystack."""

    captioner: VideoModel
    """Captions the windows."""
    finder: VideoModel
    """Grounds the queries."""
    embedder: TextEmbedder
    """Embeds captions and queries."""
    image_embedder: ImageEmbedder
    """Embeds queries for pictures."""
    image_maker: TrackMaker
    """Makes the image vectors of an index run, with the same embedder."""

    @property
    def names(self) -> dict[str, str]:
        """What tells a run with these models from a run with others."""
        return {
            "model": str(self.captioner.provenance.model),
            "find_model": str(self.finder.provenance.model),
            "embedder": self.embedder.name,
            "image_embedder": self.image_embedder.name,
        }


@dataclass(frozen=True, slots=True)
class NeedleAnswer:
    """The answer to one question, by one arm."""

    arm: str
    """One of ``NEEDLE_ARMS``."""
    number: int
    """Which query of the haystack."""
    present: bool
    """Whether it happens."""
    ious: tuple[float, ...]
    """IoU of each match with the needle, best match first; at most five."""
    index_iou: float
    """IoU of the first match of the index alone, before a model was asked."""
    found: bool
    """Whether something is called "found"."""
    found_rightly: bool
    """Whether the needle is (IoU 0.5 or more)."""
    shown: bool
    """Whether the find model was shown the needle."""
    confidence: float
    """That of the surest match."""
    windows: int
    """Windows that the find model was asked about."""
    seconds: float
    """How long the search took."""

    @property
    def iou(self) -> float:
        """IoU of the first match; 0 without one."""
        return next(iter(self.ious), 0.0)


def evaluate_needle(
    models: NeedleModels,
    *,
    seed: int,
    hours: Sequence[float] = HOURS,
    arms: Sequence[str] = NEEDLE_ARMS,
    needles: int,
    looking: GroundingOptions = DEFAULT,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Draw footage of each length, index it, and search it for what happens in it once and for what does not.

    Args:
        models: What indexes and searches.
        seed: Which cameras, needles and absent events.
        hours: Lengths.
        arms: What the searches are led by.
        needles: Questions for what happens once, and as many for what never does.
        looking: How far a search looks.
        folder: Where footage, indexes and answers are kept, and found again; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``lengths``: for each length the figures of ``needle_figures`` and the cost of the index.

    Raises:
        UsageError: the folder holds the run of other models or another seed.
        FootageError: a haystack cannot be indexed, or a model fails.
    """
    report = on_progress or nobody
    lengths: dict[str, Any] = {}
    with work_folder(folder) as name:
        root = Path(name)
        _claim(root, {**models.names, "seed": seed, "needles": needles})
        for length in sorted(hours):
            place = root / f"{length:g}h"
            place.mkdir(parents=True, exist_ok=True)
            # 1. Draw the haystack and index it, by pictures and by captions.
            haystack = draw_haystack(seed, hours=length, needles=needles)
            _draw(haystack, place, report)
            _index(models, place, arms, report)
            # 2. Ask, where an earlier run has not.
            for arm in arms:
                _ask(models, haystack, place, arm, looking, report)
            # 3. Score.
            answers = [answer for answer in read_answers(place) if answer.arm in arms]
            lengths[f"{length:g} h"] = {
                "seconds": haystack.duration_seconds,
                "events": haystack.events,
                "near_misses": round(float(np.mean([q.near_misses for q in haystack.queries])), 1),
                **needle_figures(answers),
                **_costs(place),
            }
    return {"lengths": lengths, "needles": needles, "seed": seed}


def needle_figures(answers: Sequence[NeedleAnswer]) -> dict[str, dict[str, Any]]:
    """The figures of each arm, and of the index alone that leads it, with 95 % intervals.

    ================ =======================================================================================
    R@1              share of the needles whose first match has an IoU of 0.5 or more
    mIoU             mean IoU of the first match
    listed           share of the needles of which one of the matches listed (five at most) has such an IoU
    shown            share of the needles that the find model was shown at least half of
    found_recall     share of the needles called "found"
    found_precision  of the questions with something called "found": share of those where it is the needle
    windows          windows that the find model is asked about for a question, on average
    ================ =======================================================================================

    "captions, no model" and its like are what the index answers before the find model is asked.
    """
    figures: dict[str, dict[str, Any]] = {}
    for arm in dict.fromkeys(answer.arm for answer in answers):
        mine = [answer for answer in answers if answer.arm == arm]
        needles = [answer for answer in mine if answer.present]
        claimed = [answer for answer in mine if answer.found]
        figures[arm] = {
            **_grounding([answer.iou for answer in needles]),
            "listed": _written(
                share_interval(sum(max(a.ious, default=0.0) >= RIGHT_IOU for a in needles), len(needles))
            ),
            "shown": _written(share_interval(sum(a.shown for a in needles), len(needles))),
            "found_recall": _written(share_interval(sum(a.found_rightly for a in needles), len(needles))),
            "found_precision": _written(share_interval(sum(a.found_rightly for a in claimed), len(claimed))),
            "found_absent": sum(answer.found and not answer.present for answer in mine),
            "windows": round(float(np.mean([answer.windows for answer in mine])), 2),
            "query_p50_seconds": round(float(np.median([answer.seconds for answer in mine])), 3),
            "needles": len(needles),
            "absent": len(mine) - len(needles),
        }
        figures[f"{arm}, no model"] = _grounding([answer.index_iou for answer in needles])
    return figures


def read_answers(place: Path) -> list[NeedleAnswer]:
    """The answers that are kept in a folder, those of a line that was being written left out."""
    return [NeedleAnswer(**{**line, "ious": tuple(line["ious"])}) for line in _lines(place / "answers.jsonl")]


def _grounding(ious: Sequence[float]) -> dict[str, Any]:
    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    return {
        "R@1": _written(share_interval(sum(value >= RIGHT_IOU for value in ious), len(ious))),
        "mIoU": _written(bootstrap(ious, mean)),
    }


def _written(interval: FigureInterval) -> list[float]:
    """Value, lower and upper end."""
    return [round(float(value), 4) for value in (interval.value, interval.low, interval.high)]


def _claim(root: Path, about: dict[str, Any]) -> None:
    """Refuse a folder that holds the run of something else: figures would mix."""
    file = root / "run.json"
    root.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        with whole_file(file) as part:
            part.write_text(json.dumps(about))
        return
    if (held := json.loads(file.read_text())) != about:
        name = next(name for name in about if held.get(name) != about[name])
        raise UsageError(
            f"{root} holds a run with {name} {held.get(name)}, not {about[name]}.",
            hint="Give another folder to keep.",
        )


def _draw(haystack: Haystack, place: Path, report: OnProgress) -> None:
    file = place / "footage" / "haystack.mp4"
    if file.exists():
        return
    file.parent.mkdir(exist_ok=True)
    total = int(haystack.duration_seconds)
    with _spending(place, "drawing") as spent:
        write_haystack(haystack, file, progress=lambda s: report(f"{place.name}: drawing", int(s), total))
        spent["units"] = total


def _index(models: NeedleModels, place: Path, arms: Sequence[str], report: OnProgress) -> None:
    """Index a haystack by pictures, and a copy of this index by captions: each is paid for once."""
    pictures, captions = place / _PICTURES, place / _CAPTIONS
    if set(arms) - {"captions"}:
        _run_index(models, place, pictures, report, captioned=False)
        if "all" in arms and not captions.exists():
            partial = captions.with_suffix(".part")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(pictures, partial)
            os.replace(partial, captions)
    if set(arms) - {"images"}:
        _run_index(models, place, captions, report, captioned=True)


def _run_index(models: NeedleModels, place: Path, db: Path, report: OnProgress, *, captioned: bool) -> None:
    from footage.store import Store
    from indexer.pipeline import index

    stage = "captions" if captioned else "images"
    done = place / f"{stage}.done"
    if done.exists():
        return
    store = Store.open(db, create=True)
    with _spending(place, f"index {stage}") as spent:
        ran = index(
            [place / "footage"],
            store=store,
            model=models.captioner if captioned else None,
            embedder=models.embedder,
            makers=[] if captioned else [models.image_maker],
            on_progress=lambda reading: report(f"{place.name}: indexing {stage}", *_read_seconds(reading)),
        )
        read = sum(track.seconds for track in ran.tracks.values())
        spent["units"] = ran.seconds_captioned if captioned else read
    if unread := [file.reason for file in ran.files if file.state != "indexed"]:
        raise FootageError(f"The haystack of {place.name} could not be indexed: {unread[0]}")
    done.touch()


def _read_seconds(reading: Progress) -> tuple[int, int]:
    """Footage seconds read of captions and all other tracks, and of how many."""
    tracks = reading.tracks
    done = reading.seconds_done + sum(track.seconds_done for track in tracks)
    return int(done), int(reading.seconds_total + sum(track.seconds_total for track in tracks))


def _ask(
    models: NeedleModels,
    haystack: Haystack,
    place: Path,
    arm: str,
    looking: GroundingOptions,
    report: OnProgress,
) -> None:
    """Ask every question that has no answer yet, and write each answer down as it comes."""
    answered = {answer.number for answer in read_answers(place) if answer.arm == arm}
    left = [n for n in range(len(haystack.queries)) if n not in answered]
    if not left:
        return
    engine = _engine(models, place, arm, looking)
    with _spending(place, f"ask {arm}") as spent, (place / "answers.jsonl").open("a") as file:
        for number in left:
            answer = _answer(engine, haystack.queries[number], arm, number)
            file.write(f"\n{json.dumps(asdict(answer))}")  # first a new line: the last one may be broken
            file.flush()
            spent["units"] += 1
            report(f"{place.name}: asking {arm}", number + 1, len(haystack.queries))


def _engine(models: NeedleModels, place: Path, arm: str, looking: GroundingOptions) -> Engine:
    from footage.store import Store
    from search.engine import Engine
    from search.retrieval.images import ImageRetriever

    store: Store = Store.open(place / (_PICTURES if arm == "images" else _CAPTIONS))
    # Without a retriever of pictures, an index that has some is searched like one that has none.
    images = None if arm == "captions" else ImageRetriever(store, models.image_embedder)
    return Engine(store, models.embedder, models.finder, looking=looking, images=images)


def _answer(engine: Engine, query: HaystackQuery, arm: str, number: int) -> NeedleAnswer:
    indexed: list[list[Match]] = []
    began = time.perf_counter()
    result = engine.search(query.text, limit=LISTED, on_hits=indexed.append)
    seconds = time.perf_counter() - began - result.timings.load_seconds
    found = [match for match in result.matches if match.verdict == "found"]
    truth = [] if query.span is None else [query.span]
    shown = [window for windows in result.looked.shown.values() for window in windows]
    return NeedleAnswer(
        arm=arm,
        number=number,
        present=bool(truth),
        ious=tuple(round(best_iou(match.span, truth), 6) for match in result.matches[:LISTED]),
        index_iou=_first_iou(indexed[0], truth),
        found=bool(found),
        found_rightly=any(best_iou(match.span, truth) >= RIGHT_IOU for match in found),
        shown=any(
            overlap_seconds(window, span) >= SHOWN_SHARE * span.duration_seconds
            for span in truth
            for window in shown
        ),
        confidence=round(confidence_of(result.matches), 6),
        windows=result.looked.windows,
        seconds=round(seconds, 4),
    )


def _first_iou(matches: Sequence[Match], truth: Sequence[Span]) -> float:
    return round(best_iou(matches[0].span, truth), 6) if matches else 0.0


@contextmanager
def _spending(place: Path, stage: str) -> Iterator[dict[str, float]]:
    """Write down what the block costs, also where it is interrupted; it sets ``units``, what it did."""
    from footage.media.sandbox.pool import end_children

    spent = {"units": 0.0}
    end_children()  # what decoders spent before does not count
    processor, began = _processor_seconds(), time.perf_counter()
    try:
        yield spent
    finally:
        end_children()  # the time of a child counts once it has ended
        line = {
            "stage": stage,
            "processor_seconds": round(_processor_seconds() - processor, 2),
            "wall_seconds": round(time.perf_counter() - began, 2),
            **spent,
        }
        with (place / "costs.jsonl").open("a") as file:
            file.write(f"\n{json.dumps(line)}")


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _costs(place: Path) -> dict[str, Any]:
    """Processor and wall seconds for an hour of footage, or a question; of runs that were not killed."""
    costs: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(place / "costs.jsonl"):
        if line["units"]:
            costs.setdefault(line["stage"], []).append(line)
    figures: dict[str, Any] = {}
    for stage, lines in costs.items():
        units = sum(line["units"] for line in lines)
        scale, unit = (1, "query") if stage.startswith("ask ") else (3600, "hour")
        for clock in ("processor", "wall"):
            value = scale * sum(line[f"{clock}_seconds"] for line in lines) / units
            figures[f"{stage}, {clock} seconds a {unit}"] = round(value, 2)
    return figures


def _lines(file: Path) -> list[dict[str, Any]]:
    """The lines of JSON of a file; one that a killed run left half written is left out."""
    lines = []
    for line in file.read_text().split("\n") if file.exists() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines
