"""Reads truth files as they are written, wrong times included; knows no video.

The readers of ``evaluation.readers`` refuse or clamp what cannot be true. An audit needs exactly that, so
times stay numbers here. What is not of its format at all is one sentence with the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from evaluation.data_files import lines_of, text_of
from evaluation.json_text import NO_OBJECT, parsed_json, whole_text
from footage.core.errors import UsageError
from footage.core.timecode import parse_time

_WHAT = "truth file"
_HINT = "Check the file and --format."
Pair = tuple[float, float]
"""Start and end as written, seconds; in any order, anywhere."""


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """An entry of a truth file: a text about a video, and when it is true."""

    video: str
    """Name of the video, as written."""
    id: str
    """Name of the entry, unique in its video."""
    text: str
    """What happens."""
    pairs: tuple[Pair, ...]
    """When, as written; empty where the format has no times, or says that it does not happen."""
    duration_seconds: float | None = None
    """Length of the video according to the file."""
    absent: bool = False
    """Whether the entry says that it does not happen in the video."""
    place: tuple[str | int, ...] = ()
    """Where the entry stands in the file's JSON; empty where that is of no use."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A truth file."""

    path: Path
    """The file."""
    format: str
    """Name of its format."""
    entries: tuple[WrittenEntry, ...]
    """The entries, in their order."""
    proposals: int = 0
    """Entries left out because they are marked ``to_check``: nobody has said that they are true."""

    def by_video(self) -> dict[str, list[WrittenEntry]]:
        """Entries by the name of their video, in the order of the file."""
        found: dict[str, list[WrittenEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.video, []).append(entry)
        return found


def read_written(path: Path, form: str) -> WrittenFile:
    """Read a truth file of one of ``WRITTEN_FORMATS``.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when it is not of the format, or holds no entry.
    """
    entries = list(WRITTEN_FORMATS[form](path))
    proposals = sum(entry is None for entry in entries)
    whole = [replace(entry, text=whole_text(entry.text)) for entry in entries if entry is not None]
    kept = tuple(_with_names_of_their_own(whole))
    if not kept and not proposals:
        raise UsageError(
            f"{path} holds no entry to audit.",
            hint=_HINT,
        )
    return WrittenFile(path, form, kept, proposals)


# --- the formats --------------------------------------------------------------------------------------------

_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Text = Annotated[str, Field(strict=True)]
_Name = Annotated[int, Field(strict=True)] | _Text
_Pairs = list[tuple[_Number, _Number]]


class _OwnEvent(BaseModel):
    id: _Name | None = None
    query: _Text
    spans: list[tuple[_Number | _Text, _Number | _Text]]
    to_check: Annotated[bool, Field(strict=True)] = False


class _OwnVideo(BaseModel):
    duration: _Number | None = None
    events: list[_OwnEvent]


class _OwnFile(BaseModel):
    videos: dict[str, _OwnVideo]


class _MomentLine(BaseModel):
    qid: _Name
    vid: _Text
    query: _Text
    duration: _Number | None = None
    relevant_windows: _Pairs


class _Timestamps(BaseModel):
    duration: _Number
    timestamps: _Pairs
    sentences: list[_Text]


class _TimeLens(BaseModel):
    duration: _Number
    spans: _Pairs
    queries: list[_Text]


class _DreamContent(BaseModel):
    reference: _Text | None = None


class _DreamMessage(BaseModel):
    role: _Text = ""
    content: list[_DreamContent]


class _DreamExtra(BaseModel):
    duration: _Number | None = None
    events: list[_Text] = []


class _DreamLine(BaseModel):
    idx: _Name
    dataset: _Text = ""
    video_file: _Text = ""
    messages: list[_DreamMessage] = []
    extra_info: _DreamExtra = _DreamExtra()


def _own(path: Path) -> Iterator[WrittenEntry | None]:
    """This project's own ground truth; None for each entry marked ``to_check``."""
    content = _checked(_OwnFile, _json(path), str(path))
    for name, video in content.videos.items():
        for number, event in enumerate(video.events):
            where = f'{path}, video "{name}", event {number}'
            pairs = tuple((_seconds(start, where), _seconds(end, where)) for start, end in event.spans)
            if event.to_check:
                yield None
                continue
            yield WrittenEntry(
                name,
                f"{number}" if event.id is None else f"{event.id}",
                event.query.strip(),
                pairs,
                video.duration,
                place=("videos", name, "events", number),
            )


def _moments(path: Path, *, with_absent: bool) -> Iterator[WrittenEntry]:
    """QVHighlights, and Soccer-GMR in the same form, where a line without windows says "not here"."""
    for where, number, line in _json_lines(path):
        entry = _checked(_MomentLine, line, where)
        pairs = tuple(entry.relevant_windows)
        yield WrittenEntry(
            entry.vid,
            str(entry.qid),
            entry.query.strip(),
            pairs,
            entry.duration,
            absent=with_absent and not pairs,
            place=(number,),
        )


def _charades(path: Path) -> Iterator[WrittenEntry]:
    for where, number, line in lines_of(path, text_of(path, _WHAT)):
        head, mark, sentence = line.partition("##")
        parts = head.split()
        try:
            video, start, end = parts
            pair = (_finite(start), _finite(end))
        except ValueError as error:
            raise UsageError(f'{where}: expected "VIDEO START END##SENTENCE", got {line[:80]!r}.') from error
        if not mark:
            raise UsageError(f'{where}: "##" between times and sentence is missing.')
        yield WrittenEntry(video, str(number), sentence.strip(), (pair,))


def _activitynet(path: Path) -> Iterator[WrittenEntry]:
    videos = _checked(dict[str, _Timestamps], _json(path), str(path))
    for name, video in videos.items():
        yield from _parallel(path, name, video.timestamps, video.sentences, video.duration)


def _timelens(path: Path) -> Iterator[WrittenEntry]:
    videos = _checked(dict[str, _TimeLens], _json(path), str(path))
    for name, video in videos.items():
        yield from _parallel(path, name, video.spans, video.queries, video.duration)


def _parallel(
    path: Path, name: str, pairs: _Pairs, texts: list[str], duration: float
) -> Iterator[WrittenEntry]:
    if len(pairs) != len(texts):
        raise UsageError(f'{path}, video "{name}": {len(pairs)} times but {len(texts)} texts.')
    for number, (pair, text) in enumerate(zip(pairs, texts, strict=True)):
        yield WrittenEntry(name, str(number), text.strip(), (pair,), duration)


def _dream1k(path: Path) -> Iterator[WrittenEntry]:
    """DREAM-1K: the reference events of each clip; the whole reference where there are none.

    The published file names no video: clip ``idx`` is looked for as "video_IDX" and "IDX".
    """
    for where, _, line in _json_lines(path):
        clip = _checked(_DreamLine, line, where)
        name = clip.video_file or f"video_{clip.idx}"
        texts = clip.extra_info.events or [
            part.reference
            for message in clip.messages
            if message.role == "assistant"
            for part in message.content
            if part.reference
        ]
        for number, text in enumerate(texts):
            yield WrittenEntry(name, f"{clip.idx}/{number}", text.strip(), (), clip.extra_info.duration)


WRITTEN_FORMATS: dict[str, Callable[[Path], Iterator[WrittenEntry | None]]] = {
    "footage": _own,
    "qvhighlights": partial(_moments, with_absent=False),
    "charades": _charades,
    "activitynet": _activitynet,
    "timelens": _timelens,
    "dream1k": _dream1k,
    "gmr": partial(_moments, with_absent=True),
}
"""Reader by the name of a format; of entries that are only proposals it gives None."""


# --- their parts --------------------------------------------------------------------------------------------


def _with_names_of_their_own(entries: list[WrittenEntry]) -> Iterator[WrittenEntry]:
    """Entries with a number behind a name that another entry of the video has already."""
    used: dict[tuple[str, str], int] = {}
    for entry in entries:
        key = (entry.video, entry.id)
        used[key] = used.get(key, 0) + 1
        yield entry if used[key] == 1 else replace(entry, id=f"{entry.id} ({used[key]})")


def _checked(kind: Any, content: Any, where: str) -> Any:
    """Content as the format has it.

    Raises:
        UsageError: it is not; the sentence names the first place.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = " > ".join(str(part) for part in first["loc"])
        message = NO_OBJECT.get(first["type"], first["msg"].lower())
        raise UsageError(f"{where}{f', at {place}' if place else ''}: {message}.", hint=_HINT) from error


def _seconds(time: float | str, where: str) -> float:
    if not isinstance(time, str):
        return time
    try:
        return parse_time(time)
    except UsageError as error:
        raise UsageError(f"{where}: {error}.", hint=error.hint) from error


def _finite(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _json(path: Path) -> Any:
    return parsed_json(text_of(path, _WHAT), str(path), hint=_HINT, lines=True)


def _json_lines(path: Path) -> Iterator[tuple[str, int, Any]]:
    for where, number, line in lines_of(path, text_of(path, _WHAT)):
        yield where, number, parsed_json(line, where, hint=_HINT)
