"""Indexes drawn footage and asks for what is in it, what is nearly in it and what is not.

Here because only commands may both index and search. What a fit may learn from and what tests it are kept
apart three ways: by seed, by wording (``half`` of ``footage.synthetic.paraphrases.reword``), and by what
happens (every third kind of event is kept for tests).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.own_gmr import own_gmr_figures
from evaluation.own_library import RIGHT_IOU, Asked, ask_own, figures_of, indexed_contents
from evaluation.suites.scoring import OnProgress, Scores, TruthQuery, draw_clips, nobody, work_folder
from footage.core.errors import UsageError
from footage.core.timecode import iou
from footage.core.types import Span, WindowRecord
from footage.synthetic.clips import (
    ALL_EVENTS,
    GRID_SECONDS,
    SyntheticClip,
    SyntheticEvent,
    random_scene,
    write_clip,
)
from footage.synthetic.paraphrases import reword
from footage.synthetic.styles import DAY, DrawnStyle
from search.grounding.options import DEFAULT

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.tracks.protocol import TrackMaker
    from search.engine import Engine
    from search.grounding.options import GroundingOptions

Kind = Literal["present", "swapped", "foreign"]
What = tuple[str, str, str, str]

VIDEO_SECONDS = (20.0, 90.0)
"""Shortest and longest clip of an end-to-end run: several windows each."""
LIBRARY_SECONDS = (20.0, 60.0)
"""Shortest and longest clip of the small libraries that verdicts are tested on."""
MAX_QUERIES = 100
"""Most queries of an end-to-end run for what is there, and most for what is not."""
FOREIGN = (
    "a helicopter lands on a roof", "two people shake hands", "a cat sleeps on a sofa",
    "somebody pours coffee",
    "a train arrives at a platform", "snow falls on a mountain", "a child swings in a playground",
    "a man plays the guitar", "an umbrella opens", "a bird flies away", "a bottle breaks on the floor",
    "a woman opens a door", "smoke rises from a chimney", "a bicycle leans on a wall", "a man saws wood",
    "somebody paints a fence", "a boat sails past", "a horse jumps over a hedge", "a telephone rings",
    "a waiter carries plates", "an orchestra plays in a hall", "a referee shows a card", "a cook cuts onions",
    "a surfer rides a wave", "a teacher writes on a board", "a plane takes off", "a nurse takes a pulse",
    "a clown juggles", "rain runs down a window", "a couple dances", "a firework explodes",
    "a cow eats grass",
    "somebody reads a newspaper", "a skier falls", "a carpet is rolled up", "a candle is blown out",
    "a fish swims in a bowl", "a crane lifts a beam", "a judge bangs a hammer", "a baby laughs",
)  # fmt: skip
"""What never happens in drawn footage; one half for fitting, one for tests."""
REPEATS = (2, 5)
"""How often an event happens in a clip of ``evaluate_occurrences``, at least and at most."""

_FPS = 15
_STREAM = 0x5EE4
ALL_MATCHES = 1_000
"""Limit of a search that leaves no match out."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question about drawn footage, and what it is a test of."""

    question: TruthQuery
    """What is asked, and what truly answers it."""
    kind: Kind
    """Something that happens; the same in another colour, direction or place; or something foreign."""
    near: str = ""
    """Path of the video with the event that was swapped, or where it happens."""


def evaluate_end_to_end(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    find_model: VideoModel | None = None,
    videos: int = 40,
    max_queries: int = MAX_QUERIES,
    paraphrased: bool = False,
    clip_seconds: tuple[float, float] = VIDEO_SECONDS,
    looking: GroundingOptions = DEFAULT,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Scores, list[Asked]]:
    """Index unseen drawn clips for real, then search for what happens in them and for what does not.

    Args:
        model: Captions the clips, and grounds the queries unless another model does.
        embedder: Embeds captions and queries.
        seed: Which clips, and which queries where there are more than ``max_queries``.
        find_model: Grounds the queries; the same model when None.
        videos: How many clips.
        max_queries: Most event sentences to search for, and most queries that nothing answers: of those three
            in four have the colour, direction or place of something there changed. There are fewer where
            (almost) everything that can be drawn happens somewhere.
        paraphrased: Ask in other words than captions use.
        clip_seconds: Shortest and longest clip.
        looking: How far a search looks, and what it makes of the evidence.
        folder: Where clips and index are kept afterwards; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        The figures of ``figures_of`` and ``own_gmr_figures`` with counts and seconds, and the answers.

    Raises:
        UsageError: when nothing happens in any of the clips.
        FootageError: when a clip cannot be indexed or the model fails.
    """
    from search.engine import Engine

    began = time.perf_counter()
    report = on_progress or nobody
    with work_folder(folder) as root:
        # 1. Draw the clips and index them.
        drawn = draw_clips(seed, videos, clip_seconds)
        clips = write_clips(drawn, Path(root) / "clips", report)
        store = _indexed(clips, model, embedder, Path(root), report)
        indexed_at = time.perf_counter()

        # 2. Search for what happens in them, and for what does not.
        questions = [
            each.question
            for each in draw_questions(
                clips, seed=seed, present=max_queries, absent=max_queries, half=None, plain=not paraphrased
            )
        ]
        engine = Engine(store, embedder, find_model or model, looking=looking)
        asked = ask_own(engine, store, questions, on_progress=report)
        windows = store.status().windows
    present = sum(bool(answer.truths) for answer in asked)
    return {
        **figures_of(asked),
        **own_gmr_figures(asked),
        "windows_asked": windows_asked(asked),
        "queries": present,
        "absent_queries": len(asked) - present,
        "seed": seed,
        "videos": videos,
        "windows": windows,
        "index_seconds": round(indexed_at - began, 1),
        "search_seconds": round(time.perf_counter() - indexed_at, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }, asked


def evaluate_occurrences(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    find_model: VideoModel | None = None,
    videos: int = 20,
    looking: GroundingOptions = DEFAULT,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Scores:
    """Ask for something that happens two to five times in a video, half of the repeats within 30 s.

    Captions are those of ``model``; ``find_model``, or ``model`` when None, is asked.

    Returns:
        ``occurrence_precision`` and ``occurrence_recall`` at IoU 0.5 of what is called found, and
        ``occurrence_recall_missed``: of those whose captions were taken out of the index, every other one;
        ``occurrence_named_missed`` counts those called "uncertain" as well. ``windows_asked`` and
        ``windows_asked_missed`` are the windows that the model is asked about for a query, on average.

    Raises:
        FootageError: when a clip cannot be indexed or the model fails.
    """
    from search.engine import Engine

    report = on_progress or nobody
    rng = np.random.default_rng([_STREAM, seed, 3])
    repeated = [repeated_clip(rng) for _ in range(videos)]
    with work_folder(folder) as root:
        clips = write_clips([clip for clip, _ in repeated], Path(root) / "clips", report)
        store = _indexed(clips, model, embedder, Path(root), report)
        engine = Engine(store, embedder, find_model or model, looking=looking)
        questions = [
            TruthQuery(_sentence(what), {path: _spans_of(clips[path], what)})
            for path, (_, what) in zip(clips, repeated, strict=True)
        ]
        whole = _ask_each_in_its_video(engine, store, questions, report)
        lost = {path: question.truths[path][::2] for question in questions for path in question.truths}
        lose(store, embedder, lost)
        partly = _ask_each_in_its_video(engine, store, questions, report)
    figures, without = figures_of(whole), figures_of(partly)
    found, named, gone = 0, 0, 0
    for answer, spans in zip(partly, lost.values(), strict=True):
        gone += len(spans)
        found += sum(any(iou(match.span, span) >= RIGHT_IOU for match in answer.found) for span in spans)
        likely = [match for match in answer.matches if match.verdict != "not found"]
        named += sum(any(iou(match.span, span) >= RIGHT_IOU for match in likely) for span in spans)
    return {
        "occurrence_precision": figures.get("occurrence_precision", 0.0),
        "occurrence_recall": figures["occurrence_recall"],
        "occurrence_precision_missed": without.get("occurrence_precision", 0.0),
        "occurrence_recall_missed": round(found / gone, 4),
        "occurrence_named_missed": round(named / gone, 4),
        "windows_asked": windows_asked(whole),
        "windows_asked_missed": windows_asked(partly),
        "occurrences": sum(len(spans) for question in questions for spans in question.truths.values()),
        "occurrences_missed": gone,
        "videos": videos,
        "seed": seed,
    }


def drawn_index(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    videos: int,
    folder: Path,
    makers: Sequence[TrackMaker] = (),
    style: DrawnStyle = DAY,
    on_progress: OnProgress,
) -> tuple[dict[str, SyntheticClip], Store]:
    """Draw clips and index them, by captions and by what the ``makers`` make; the clips by resolved path."""
    drawn = draw_clips(seed, videos, LIBRARY_SECONDS)
    clips = write_clips(drawn, folder / "clips", on_progress, style=style)
    return clips, _indexed(clips, model, embedder, folder, on_progress, makers)


def draw_questions(
    clips: Mapping[str, SyntheticClip],
    *,
    seed: int,
    present: int,
    absent: int,
    half: Literal[0, 1] | None,
    plain: bool = False,
) -> list[Drawn]:
    """Questions about drawn clips, none twice.

    Args:
        clips: The clips by resolved path.
        seed: Which questions.
        present: Most questions for what happens.
        absent: Most questions for what does not: three of four are swaps, the others foreign.
        half: Which half of the events, wordings and foreign queries may be asked for; None for all.
        plain: Ask in the words of captions.

    Raises:
        UsageError: when nothing happens in the clips that may be asked for.
    """
    rng = np.random.default_rng([_STREAM, seed, 2 if half is None else half])

    def words(what: What) -> str:
        return _sentence(what) if plain else reword(*what, rng, half=half)

    happens: dict[What, dict[str, tuple[Span, ...]]] = {}
    for path, clip in clips.items():
        for event in clip.events:
            happens.setdefault(_what(event), {})[path] = _spans_of(clip, _what(event))
    mine = [what for n, what in enumerate(ALL_EVENTS) if half is None or (n % 3 == 0) == (half == 1)]
    there = [what for what in mine if what in happens]
    if not there:
        raise UsageError(
            "Nothing happens in the clips drawn that may be asked for.",
            hint="Draw more of them, or take another seed.",
        )
    drawn: dict[str, Drawn] = {}
    for n in _cycled(len(there), present, rng):
        truths = happens[there[n]]
        text = words(there[n])
        drawn[text] = Drawn(TruthQuery(text, truths), "present", next(iter(truths)))
    foreign = absent // 4
    swaps = [(what, near) for what in mine if what not in happens for near in there if _one_apart(what, near)]
    for n in _cycled(len(swaps), absent - foreign, rng):
        what, near = swaps[n]
        text = words(what)
        drawn[text] = Drawn(TruthQuery(text, {}), "swapped", next(iter(happens[near])))
    others = FOREIGN if half is None else FOREIGN[half::2]
    for n, text in enumerate(others[:foreign]):
        drawn[text] = Drawn(TruthQuery(text, {}), "foreign", list(clips)[n % len(clips)])
    return list(drawn.values())


def _cycled(size: int, count: int, rng: np.random.Generator) -> list[int]:
    """``count`` numbers below ``size`` in random order, all as often as each other."""
    rounds = -(-count // size) if size else 0
    return [int(n) for _ in range(rounds) for n in rng.permutation(size)][:count]


def repeated_clip(rng: np.random.Generator) -> tuple[SyntheticClip, What]:
    """A clip in which one thing happens two to five times, and others in between."""
    what, other = (ALL_EVENTS[int(n)] for n in rng.choice(len(ALL_EVENTS), 2, replace=False))
    times = int(rng.integers(REPEATS[0], REPEATS[1] + 1))
    events, at = [], float(rng.integers(2, 9)) * GRID_SECONDS
    for number in range(times):
        length = float(rng.integers(5, 11)) * GRID_SECONDS
        events.append(SyntheticEvent(*what, at, at + length, int(rng.integers(2**31))))
        at += length
        # Every other repeat follows within the same 30 s, the others later.
        gap = float(rng.integers(4, 16) if number % 2 == 0 else rng.integers(50, 80)) * GRID_SECONDS
        if gap >= 6 and rng.random() < 0.5:
            start = at + 1.5
            events.append(SyntheticEvent(*other, start, start + 3.0, int(rng.integers(2**31))))
        at += gap
    return SyntheticClip(random_scene(rng), tuple(events), at, int(rng.integers(2**31))), what


def write_clips(
    clips: Sequence[SyntheticClip], folder: Path, on_progress: OnProgress, *, style: DrawnStyle = DAY
) -> dict[str, SyntheticClip]:
    """Write clips into a folder, those that are there already left out; by resolved path."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for number, clip in enumerate(clips):
        path = folder / f"{number:03d}.mp4"
        if not path.exists():
            write_clip(clip, path, fps=_FPS, style=style)
        written[str(path.resolve())] = clip
        on_progress("drawing", number + 1, len(clips))
    return written


def _indexed(
    clips: Mapping[str, SyntheticClip],
    model: VideoModel,
    embedder: TextEmbedder,
    folder: Path,
    on_progress: OnProgress,
    makers: Sequence[TrackMaker] = (),
) -> Store:
    from footage.store import Store
    from indexer.pipeline import index

    store = Store.open(folder / "index.lancedb", create=True)
    index(
        [Path(path) for path in clips],
        store=store,
        model=model,
        embedder=embedder,
        makers=makers,
        on_progress=lambda response: on_progress("indexing", response.windows_done, response.windows_total),
    )
    return store


def _ask_each_in_its_video(
    engine: Engine, store: Store, questions: Sequence[TruthQuery], on_progress: OnProgress
) -> list[Asked]:
    contents = indexed_contents((), store)
    asked = []
    for number, question in enumerate(questions, start=1):
        truths = {contents[path]: spans for path, spans in question.truths.items()}
        result = engine.search(question.text, limit=ALL_MATCHES, content_ids=list(truths))
        asked.append(Asked(question.text, truths, result.matches, 0.0, windows_asked=result.looked.windows))
        on_progress("asking", number, len(questions))
    return asked


def windows_asked(asked: Sequence[Asked]) -> float:
    """Windows that the model is asked about for a query, on average; each is one call of the model."""
    return round(sum(answer.windows_asked for answer in asked) / len(asked), 2) if asked else 0.0


def lose(store: Store, embedder: TextEmbedder, lost: Mapping[str, Sequence[Span]]) -> None:
    """Take the captions of some moments out of an index, as if the model had not noticed them."""
    from indexer.events import Projector

    contents = indexed_contents((), store)
    projector = Projector(store, embedder)
    for path, spans in lost.items():
        records = [_without(record, spans) for record in store.windows.of(contents[path])]
        store.windows.commit(records)
        projector.project(contents[path])


def _without(record: WindowRecord, spans: Sequence[Span]) -> WindowRecord:
    kept = tuple(
        event for event in record.caption.events if not any(iou(event.span, span) > 0.1 for span in spans)
    )
    return replace(record, caption=replace(record.caption, events=kept))


def _one_apart(what: What, near: What) -> bool:
    """Whether two events differ in their colour alone, or in their direction or place alone."""
    same_kind = (what[0], what[2]) == (near[0], near[2])
    return same_kind and (what[1] == near[1]) != (what[3] == near[3])


def _what(event: SyntheticEvent) -> What:
    return event.kind, event.colour, event.verb, event.where


def _sentence(what: What) -> str:
    kind, colour, verb, where = what
    return f"a {colour} {kind} {verb} {where}"


def _spans_of(clip: SyntheticClip, what: What) -> tuple[Span, ...]:
    return tuple(Span(e.start_seconds, e.end_seconds) for e in clip.events if _what(e) == what)
