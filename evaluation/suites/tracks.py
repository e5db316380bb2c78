"""Indexes drawn clips by what is said and written, asks for words that are there and words that are not.

Here because only commands may both index and search. No captions are made and no grounding model is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.own_library import Asked, figures_of, indexed_contents
from evaluation.suites.scoring import OnProgress, Scores, TruthQuery, nobody, work_folder
from evaluation.text_errors import edit_distance, equal_places, spoken_words, written_letters
from footage.core.errors import UsageError
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK
from footage.core.types import CaptionEvent, Span
from footage.synthetic import narration, signs
from footage.synthetic.track_clips import TrackClip, random_track_clip, write_track_clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from footage.core.types import File
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from search.engine import Engine

    MakeIndex = Callable[[Sequence[Path], Path], Store]
    """Indexes files with both tracks into a folder."""

Kind = Literal["said", "shown"]

LISTED = 8
"""Matches of an answer that count."""
PHRASE_WORDS = (3, 5)
"""Shortest and longest piece of a sentence that is asked for."""
RIGHT_SHARE = 0.5
"""Part of the shorter of the true span and the first match's that both have in common, at least. The search
answers with whole utterances, of which the words asked for are a part."""
SAME_SIGN = 0.5
"""From this letter error rate on, a text that was read is not taken for a sign."""

_STREAM = 0x7AC5


@dataclass(frozen=True, slots=True)
class WordQuery:
    """A question about words."""

    question: TruthQuery
    """What is asked, and what truly answers it; nothing for an absent one."""
    kind: Kind
    """Whether the words are said or shown."""


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Errors of one recogniser, summed over clips."""

    errors: int
    """Words or letters."""
    true: int
    """True words or letters."""
    span_errors: tuple[float, ...]
    """Errors of starts and ends, in seconds."""


def evaluate_tracks(
    embedder: TextEmbedder,
    make_index: MakeIndex,
    *,
    seed: int,
    videos: int = 24,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Scores, list[tuple[Kind, Asked]]]:
    """Draw clips, index their words, and hold texts, times, clocks and answers against the truth.

    Args:
        embedder: Embeds texts and queries.
        make_index: Indexes the clips.
        seed: Which clips and queries.
        videos: How many clips.
        folder: Where clips and index are kept afterwards; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``speech_wer`` and ``screen_cer`` over all words and letters; ``..._span_error_seconds``, the mean
        error of starts and ends of what was recognised; ``clock_error_seconds_max`` over the clocks that were
        read, ``clocks_missed`` of ``clocks``, ``clocks_invented``; ``said_R@1`` and ``shown_R@1``, the shares
        of present queries with a right first match; precision and recall of "found" over all queries.

    Raises:
        UsageError: too few clips to ask anything.
        FootageError: espeak-ng is missing, or a clip cannot be indexed.
    """
    from search.engine import Engine

    began = time.perf_counter()
    report = on_progress or nobody
    with work_folder(folder) as root:
        # 1. Draw the clips and index them.
        clips = drawn_clips(Path(root) / "clips", seed=seed, videos=videos, on_progress=report)
        drawn_at = time.perf_counter()
        report("indexing", 0, videos)
        store = make_index([Path(path) for path in clips], Path(root))
        indexed_at = time.perf_counter()

        # 2. What was heard, read, and taken for a clock.
        figures = {**_recognised(store, clips), **_clocks(store, clips)}

        # 3. Ask for words that are there, and for as many that are not.
        queries = word_queries(clips, seed=seed)
        asked = _ask(Engine(store, embedder), store, queries, report)
    seconds = sum(clip.duration_seconds for clip in clips.values())
    return {
        **figures,
        **answer_figures(asked),
        "queries": sum(bool(answer.truths) for _, answer in asked),
        "absent_queries": sum(not answer.truths for _, answer in asked),
        "seed": seed,
        "videos": videos,
        "footage_seconds": round(seconds, 1),
        "draw_seconds": round(drawn_at - began, 1),
        "index_seconds": round(indexed_at - drawn_at, 1),
        "search_seconds": round(time.perf_counter() - indexed_at, 1),
    }, asked


def drawn_clips(
    folder: Path, *, seed: int, videos: int, on_progress: OnProgress = nobody
) -> dict[str, TrackClip]:
    """Write the clips of a seed into a folder; by resolved path."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {}
    for number in range(videos):
        clip = random_track_clip(np.random.default_rng([_STREAM, seed, number]))
        path = folder / f"{number:03d}.mp4"
        if not path.exists():
            write_track_clip(clip, path)
        clips[str(path.resolve())] = clip
        on_progress("drawing", number + 1, videos)
    return clips


# What was recognised


def speech_errors(clip: TrackClip, events: Sequence[CaptionEvent]) -> ErrorSums:
    """Words that were misheard in a clip, and by how much the ends of its sentences are off.

    The ends of a sentence count where its first, or last, word was heard.
    """
    heard: list[tuple[str, Span]] = []
    for event in sorted(events, key=lambda event: event.span):
        for word in event.words:
            heard += [(each, word.span) for each in spoken_words(word.text)]
        if not event.words:
            heard += [(each, event.span) for each in spoken_words(event.text)]
    words = [word for word, _ in heard]
    sentences = clip.narration.sentences if clip.narration else ()
    true: list[str] = []
    ends: list[tuple[int, int]] = []
    for each in sentences:
        first = len(true)
        true += spoken_words(each.sentence.text)
        ends.append((first, len(true) - 1))
    places = equal_places(true, words)
    errors = []
    for (first, last), each in zip(ends, sentences, strict=True):
        if first in places:
            errors.append(abs(heard[places[first]][1].start_seconds - each.start_seconds))
        if last in places:
            errors.append(abs(heard[places[last]][1].end_seconds - each.end_seconds))
    return ErrorSums(edit_distance(true, words), len(true), tuple(errors))


def sign_errors(clip: TrackClip, events: Sequence[CaptionEvent]) -> ErrorSums:
    """Letters that were misread on the signs of a clip, and by how much their times are off.

    Each sign is held against the text nearest to it among those that are on show at its time; one that was
    not read counts with all its letters.
    """
    errors, letters, spans = 0, 0, list[float]()
    for sign in clip.signs:
        true = written_letters(sign.text)
        letters += len(true)
        best, event = len(true), None
        for each in events:
            if each.span.end_seconds <= sign.start_seconds or each.span.start_seconds >= sign.end_seconds:
                continue
            distance = edit_distance(true, written_letters(each.text))
            if distance < best and distance < SAME_SIGN * len(true):
                best, event = distance, each
        errors += best
        if event is not None:
            spans.append(abs(event.span.start_seconds - sign.start_seconds))
            spans.append(abs(event.span.end_seconds - sign.end_seconds))
    return ErrorSums(errors, letters, tuple(spans))


def _recognised(store: Store, clips: Mapping[str, TrackClip]) -> Scores:
    contents = indexed_contents((), store)
    said = [speech_errors(clip, _events(store, contents[path], SPEECH_TRACK)) for path, clip in clips.items()]
    shown = [
        sign_errors(clip, _events(store, contents[path], SCREEN_TEXT_TRACK)) for path, clip in clips.items()
    ]
    return {**_rates(said, "speech_wer", "speech"), **_rates(shown, "screen_cer", "screen")}


def _rates(sums: Sequence[ErrorSums], rate: str, track: str) -> Scores:
    spans = [error for each in sums for error in each.span_errors]
    true = sum(each.true for each in sums)
    scores = {rate: round(sum(each.errors for each in sums) / max(1, true), 4)}
    if spans:
        scores[f"{track}_span_error_seconds"] = round(float(np.mean(spans)), 3)
    return scores


def _events(store: Store, content_id: str, track: str) -> list[CaptionEvent]:
    """The events of a track as its windows hold them, joined where windows cut them."""
    from indexer.tracks.merging import merge_of

    records = store.windows.of(content_id, track=track)
    events = sorted(
        (event for record in records for event in record.caption.events),
        key=lambda event: (event.span, event.text),
    )
    cuts = tuple(record.window.span for record in records)
    merge = merge_of(track)
    return list(merge(content_id, tuple(events), cuts)) if merge else events


def _clocks(store: Store, clips: Mapping[str, TrackClip]) -> Scores:
    """How well the clocks in the pictures were read."""
    files: dict[str, File] = {str(Path(file.path).resolve()): file for file in store.files.all()}
    errors, missed, invented = [], 0, 0
    for path, clip in clips.items():
        file = files[path]
        read = file.recorded_at if file.clock_source == "burned-in" else ""
        if clip.clock is None:
            invented += bool(read)
        elif not read:
            missed += 1
        else:
            moment = datetime.fromisoformat(read).replace(tzinfo=None)
            errors.append(abs((moment - clip.clock.starts_at).total_seconds()))
    scores: Scores = {"clocks": len(errors) + missed, "clocks_missed": missed, "clocks_invented": invented}
    if errors:
        scores["clock_error_seconds_max"] = round(max(errors), 3)
    return scores


# Questions and answers


def word_queries(clips: Mapping[str, TrackClip], *, seed: int) -> list[WordQuery]:
    """A query for every sentence and every sign, and as many whose words nobody says or shows.

    Present: three to five words of a sentence in a row, one from a list among them; the text of a sign.
    Absent: half of them the same with another word of the same list, half made anew.

    Raises:
        UsageError: nothing is said, or nothing written.
    """
    rng = np.random.default_rng([_STREAM, seed, 1 << 20])
    said, shown = _SaidWords(clips), _ShownWords(clips)
    if not said.sentences or not shown.signs:
        raise UsageError("Too few clips to ask for words in them.", hint="Draw more of them.")
    queries: dict[str, WordQuery] = {}
    for words in (said, shown):
        present = words.present(rng)
        absent = words.absent(rng, len(present))
        for text, truths in [*present.items(), *((text, {}) for text in absent)]:
            queries[text] = WordQuery(TruthQuery(text, truths), words.kind)
    return list(queries.values())


Truths = dict[str, tuple[Span, ...]]


class _SaidWords:
    """What is said in some clips, as material for queries."""

    kind: Kind = "said"

    def __init__(self, clips: Mapping[str, TrackClip]) -> None:
        self.sentences = [
            (path, each)
            for path, clip in clips.items()
            for each in (clip.narration.sentences if clip.narration else ())
        ]

    def present(self, rng: np.random.Generator) -> dict[str, Truths]:
        found = {}
        for _, each in self.sentences:
            first, count = _piece(each.sentence, rng)
            words = each.sentence.words[first : first + count]
            found[_typed("said", words, rng)] = self._truths(words)
        return found

    def absent(self, rng: np.random.Generator, count: int) -> list[str]:
        found: dict[str, None] = {}
        for turn in range(100 * count):
            if len(found) == count:
                break
            sentence = narration.random_sentence(rng)
            if turn % 2 == 0:
                sentence = self.sentences[int(rng.integers(len(self.sentences)))][1].sentence
            first, length = _piece(sentence, rng)
            words = list(sentence.words[first : first + length])
            if turn % 2 == 0:
                place, name = _one_of_list(sentence.lists[first : first + length], rng)
                others = [each for each in narration.LISTS[name] if each != words[place]]
                words[place] = others[int(rng.integers(len(others)))]
            if not self._truths(words):
                found[_typed("said", words, rng)] = None
        return list(found)

    def _truths(self, words: Sequence[str]) -> Truths:
        wanted = spoken_words(" ".join(words))
        truths: dict[str, list[Span]] = {}
        for path, each in self.sentences:
            said = spoken_words(each.sentence.text)
            if any(said[n : n + len(wanted)] == wanted for n in range(len(said))):
                truths.setdefault(path, []).append(Span(each.start_seconds, each.end_seconds))
        return {path: tuple(spans) for path, spans in truths.items()}


class _ShownWords:
    """What is written in some clips, as material for queries."""

    kind: Kind = "shown"

    def __init__(self, clips: Mapping[str, TrackClip]) -> None:
        self.signs = [(path, sign) for path, clip in clips.items() for sign in clip.signs]

    def present(self, rng: np.random.Generator) -> dict[str, Truths]:
        return {f'shows:"{sign.what.text.lower()}"': self._truths(sign.what.text) for _, sign in self.signs}

    def absent(self, rng: np.random.Generator, count: int) -> list[str]:
        found: dict[str, None] = {}
        for turn in range(100 * count):
            if len(found) == count:
                break
            text = signs.random_text(rng)
            if turn % 2 == 0:
                near = self.signs[int(rng.integers(len(self.signs)))][1].what
                place = int(rng.integers(len(near.filled)))
                name, word = near.filled[place]
                others = [each for each in signs.LISTS[name] if each != word]
                filled = list(near.filled)
                filled[place] = (name, others[int(rng.integers(len(others)))])
                text = signs.filled_in(near.pattern, filled)
            if not self._truths(text.text):
                found[f'shows:"{text.text.lower()}"'] = None
        return list(found)

    def _truths(self, text: str) -> Truths:
        wanted = spoken_words(text)
        truths: dict[str, list[Span]] = {}
        for path, sign in self.signs:
            shown = spoken_words(sign.text)
            if any(shown[n : n + len(wanted)] == wanted for n in range(len(shown))):
                truths.setdefault(path, []).append(Span(sign.start_seconds, sign.end_seconds))
        return {path: tuple(spans) for path, spans in truths.items()}


def _piece(sentence: narration.Sentence, rng: np.random.Generator) -> tuple[int, int]:
    """Some words of a sentence in a row, one from a list among them: the first, and how many."""
    while True:
        count = min(int(rng.integers(PHRASE_WORDS[0], PHRASE_WORDS[1] + 1)), len(sentence.words))
        first = int(rng.integers(0, len(sentence.words) - count + 1))
        if any(sentence.lists[first : first + count]):
            return first, count


def _one_of_list(lists: Sequence[str], rng: np.random.Generator) -> tuple[int, str]:
    places = [place for place, name in enumerate(lists) if name]
    place = places[int(rng.integers(len(places)))]
    return place, lists[place]


def _typed(kind: str, words: Sequence[str], rng: np.random.Generator) -> str:
    """The query as somebody types it: numbers as words or, half of the time, as digits."""
    digits = rng.random() < 0.5
    typed = [spoken_words(word)[0] if digits else word.lower() for word in words]
    return f'{kind}:"{" ".join(typed)}"'


def _ask(
    engine: Engine, store: Store, queries: Sequence[WordQuery], on_progress: OnProgress
) -> list[tuple[Kind, Asked]]:
    contents = indexed_contents((), store)
    asked: list[tuple[Kind, Asked]] = []
    for number, query in enumerate(queries, start=1):
        began = time.perf_counter()
        result = engine.search(query.question.text, limit=LISTED, ground=False)
        truths = {contents[path]: spans for path, spans in query.question.truths.items()}
        seconds = time.perf_counter() - began
        asked.append(
            (query.kind, Asked(query.question.text, truths, result.matches, seconds, result.matches))
        )
        on_progress("asking", number, len(queries))
    return asked


def answer_figures(asked: Sequence[tuple[Kind, Asked]]) -> Scores:
    """Shares of right first matches by kind, and precision and recall of "found"."""
    scores: Scores = {}
    for kind in ("said", "shown"):
        right = [first_is_right(answer) for each, answer in asked if each == kind and answer.truths]
        scores[f"{kind}_R@1"] = round(float(np.mean(right)), 4)
    figures = figures_of([answer for _, answer in asked])
    return {
        **scores,
        **{name: figures[name] for name in ("found_precision", "found_recall") if name in figures},
    }


def first_is_right(answer: Asked) -> bool:
    """Whether the first match is at a true place (see ``RIGHT_SHARE``)."""
    if not answer.matches:
        return False
    span = answer.matches[0].span
    for true in answer.truths.get(answer.matches[0].video.content_id, ()):
        shared = min(span.end_seconds, true.end_seconds) - max(span.start_seconds, true.start_seconds)
        if shared >= RIGHT_SHARE * min(span.duration_seconds, true.duration_seconds):
            return True
    return False
