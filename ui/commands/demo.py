"""`footage demo`: the whole job on the sample clips, with the answers beside the truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.errors import SchemaMismatchError
from footage.timecode import format_time
from footage.types import Span
from ui import console, options, shown
from ui.commands.index import index_paths
from ui.commands.search import open_engine

if TYPE_CHECKING:
    from footage.config import Settings
    from footage.types import Match
    from indexer.pipeline import IndexReport

EXAMPLES = options.examples("footage demo", "footage demo --json", "footage demo --queries 10 --fresh")

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT / "data" / "footage"
INDEX = ROOT / ".demo" / "index.lancedb"


@dataclass(frozen=True, slots=True)
class Answered:
    """A query, what truly answers it, and what the search said."""

    query: str
    """What was asked."""
    truths: Mapping[str, tuple[Span, ...]]
    """Path of each video where it happens, and when."""
    match: Match | None
    """The first match; None when there was none."""

    @property
    def video_ok(self) -> bool:
        """Whether it happens in the video of the match."""
        return self.match is not None and self.match.path in self.truths

    @property
    def iou(self) -> float:
        """IoU with the best fitting true span; 0 in a wrong video."""
        from search.evaluation.metrics import best_iou

        return best_iou(self.match.span, self.truths.get(self.match.path, ())) if self.match else 0.0

    @property
    def true_spans(self) -> tuple[Span, ...]:
        """When it happens in the video of the match, or in the first true video when that one is wrong."""
        path = self.match.path if self.match is not None and self.video_ok else next(iter(self.truths))
        return self.truths[path]


def run(
    queries: Annotated[
        int | None, typer.Option("--queries", min=1, metavar="N", help="Ask only so many, spread evenly.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the demo's index first.")] = False,
    device: options.Device = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Index the sample clips with the demo model, ask what their truth file asks, and compare.

    The index stays beside the project (.demo), so a second run captions nothing again.
    """
    # 1. Index the clips, unless that is done.
    settings = _settings(device)
    if fresh:
        shutil.rmtree(INDEX, ignore_errors=True)
    report = _index(settings)
    # 2. Ask, and hold every answer against the truth.
    answers = list(_ask(_questions(queries), settings))
    # 3. Show it.
    summary = _summary(answers, videos=len(report.files))
    if json:
        _print_json(answers, summary)
    else:
        _print_table(answers, summary)


def _settings(device: str | None) -> Settings:
    """The demo's own settings; of the user's, those that change no answer."""
    from footage.config import load_settings

    settings = load_settings(db=INDEX, model="demo", embedder="minilm", device=device)
    return settings.model_copy(update={"model_path": None, "window_seconds": None, "overlap_seconds": None})


def _index(settings: Settings) -> IndexReport:
    """Index the clips; an index of another state of the demo model is made anew."""
    try:
        return index_paths([CLIPS], settings)
    except SchemaMismatchError:
        shutil.rmtree(INDEX)
        return index_paths([CLIPS], settings)


def _questions(wanted: int | None) -> dict[str, dict[str, tuple[Span, ...]]]:
    """Every distinct query of the truth file with its true spans by video path; at most ``wanted``, spread evenly."""
    from search.evaluation.readers import read_ground_truth

    truths: dict[str, dict[str, tuple[Span, ...]]] = {}
    for video in read_ground_truth(CLIPS / "ground_truth.json").videos:
        for event in video.events:
            truths.setdefault(event.query, {})[str(CLIPS / video.name)] = event.spans
    texts = list(truths)
    count = min(wanted or len(texts), len(texts))
    return {text: truths[text] for text in (texts[n * len(texts) // count] for n in range(count))}


def _ask(questions: Mapping[str, Mapping[str, tuple[Span, ...]]], settings: Settings) -> Iterator[Answered]:
    """Search for every question with one engine, with progress on stderr."""
    engine = open_engine(settings, ground=True)
    with console.steps("asking") as step:
        for done, (query, truths) in enumerate(questions.items(), 1):
            matches = engine.search(query, limit=1).matches
            step(done, len(questions))
            yield Answered(query, truths, matches[0] if matches else None)


def _summary(answers: Sequence[Answered], *, videos: int) -> dict[str, float]:
    """The figures of the summary line, by the names the field gives them."""
    asked = len(answers)
    return {
        "videos": videos,
        "queries": asked,
        "video_R@1": round(sum(answer.video_ok for answer in answers) / asked, 3),
        "span_R@1@0.5": round(sum(answer.iou >= 0.5 for answer in answers) / asked, 3),
        "mIoU": round(sum(answer.iou for answer in answers) / asked, 3),
    }


def _print_table(answers: Sequence[Answered], summary: Mapping[str, float]) -> None:
    table = console.table("query", "video", "ok", "answered", "true", "IoU", right=("IoU",))
    for answer in answers:
        match = answer.match
        table.add_row(
            console.plain(answer.query),
            console.plain(Path(match.path).name) if match else "none",
            "yes" if answer.video_ok else "no",
            _clock(match.span) if match else "none",
            ", ".join(_clock(span) for span in answer.true_spans),
            f"{answer.iou:.2f}",
        )
    out = console.results()
    out.print(table)
    out.print()
    out.print("demo: " + " ".join(f"{name}={value:g}" for name, value in summary.items()), soft_wrap=True)
    out.print(f"Open the app: .venv/bin/footage ui --db {shown.short_path(str(INDEX))} --model demo", soft_wrap=True)


def _print_json(answers: Sequence[Answered], summary: Mapping[str, float]) -> None:
    for answer in answers:
        match = answer.match
        console.emit(
            type="answer",
            query=answer.query,
            video=Path(match.path).name if match else None,
            video_ok=answer.video_ok,
            start_seconds=round(match.span.start_seconds, 3) if match else None,
            end_seconds=round(match.span.end_seconds, 3) if match else None,
            true_spans=[[span.start_seconds, span.end_seconds] for span in answer.true_spans],
            true_videos=[Path(path).name for path in answer.truths],
            iou=round(answer.iou, 3),
        )
    console.emit(type="demo", **summary)


def _clock(span: Span) -> str:
    return f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)}"
