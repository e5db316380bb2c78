"""Readers of references and of captions to be measured; knows no index.

Each raises one sentence with the file and the line or entry when something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from evaluation.captions.relations import ONE_CATEGORY, ReferenceClip
from evaluation.data_files import lines_of, text_of
from evaluation.json_text import NO_OBJECT, parsed_json, whole_text
from evaluation.readers import read_ground_truth
from footage.core.errors import UsageError

NO_CAPTION = "<error>"
"""What the inference script of DREAM-1K writes for a clip that its model failed on."""

Entry = TypeVar("Entry", bound=BaseModel)


def _name(value: Any) -> Any:
    """A number as a name; benchmarks number their clips."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, BeforeValidator(_name)]


class _DreamInfo(BaseModel):
    events: list[str] | None = None


class _DreamContent(BaseModel):
    reference: str | None = None


class _DreamMessage(BaseModel):
    role: str
    content: list[_DreamContent]


class _DreamLine(BaseModel):
    idx: Name
    vid: Name = ""
    dataset: str
    messages: list[_DreamMessage]
    extra_info: _DreamInfo = _DreamInfo()


class _CareEntry(BaseModel):
    id: Name = Field("", validation_alias=AliasChoices("id", "idx", "video", "video_id"))
    video: Name = ""
    gt: str = Field(validation_alias=AliasChoices("gt", "caption"))
    pred: str | None = None
    events: list[str] | None = None
    objects: list[str] | None = None
    category: str = ""
    spatial: str = Field("", validation_alias=AliasChoices("spatial", "spatial_caption"))
    temporal: str = Field("", validation_alias=AliasChoices("temporal", "temporal_caption"))


class _DreamText(BaseModel):
    prediction: str


class _CaptionLine(BaseModel):
    id: Name = Field(validation_alias=AliasChoices("id", "idx", "video", "path"))
    caption: str | _DreamText = Field(validation_alias=AliasChoices("caption", "prediction", "pred", "text"))


def read_dream1k(path: Path) -> list[ReferenceClip]:
    """Read the references of DREAM-1K: JSON Lines with idx, dataset, messages and extra_info.events.

    The category is the last part of ``dataset``, the id is ``idx``, and the video file is named by ``vid``.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when a line is malformed.
    """
    clips = []
    for where, content in _entries(path):
        line = _checked(_DreamLine, content, where)
        texts = [
            part.reference
            for message in line.messages
            if message.role == "assistant"
            for part in message.content
            if part.reference
        ]
        if not texts:
            raise UsageError(f"{where}: there is no reference caption in the messages.")
        events = line.extra_info.events
        clips.append(
            ReferenceClip(
                id=line.idx,
                caption=whole_text(" ".join(texts)),
                category=line.dataset.rpartition("/")[2] or ONE_CATEGORY,
                events=None if events is None else _texts(events),
                video=line.vid,
            )
        )
    return _unique(clips, path)


def read_carebench(path: Path) -> list[ReferenceClip]:
    """Read CaReBench's input: a JSON list, or JSON Lines, of gt, events, objects and, if it is there, pred.

    An id is ``id``, ``idx`` or ``video``, else the number of the entry. ``spatial_caption`` and
    ``temporal_caption`` are wanted for ReBias; ``category`` for figures by category.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when an entry is malformed.
    """
    clips = []
    for number, (where, content) in enumerate(_entries(path), start=1):
        entry = _checked(_CareEntry, content, where)
        clips.append(
            ReferenceClip(
                id=entry.id or str(number),
                caption=whole_text(entry.gt),
                category=entry.category or ONE_CATEGORY,
                events=None if entry.events is None else _texts(entry.events),
                objects=None if entry.objects is None else _texts(entry.objects),
                spatial=whole_text(entry.spatial),
                temporal=whole_text(entry.temporal),
                video=entry.video,
                predicted=None if entry.pred is None else whole_text(entry.pred),
            )
        )
    return _unique(clips, path)


def read_truth_captions(path: Path) -> list[ReferenceClip]:
    """Read this project's truth file (see ``evaluation.readers.read_ground_truth``) as references.

    The events of a video are its reference, in the order in which they begin; unchecked ones are left out,
    and with them videos that have no other.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when it is not of this form.
    """
    clips = []
    for video in read_ground_truth(path).videos:
        checked = sorted((e for e in video.events if not e.to_check), key=lambda e: min(e.spans))
        first = {event.query: min(event.spans) for event in reversed(checked)}
        events = tuple(dict.fromkeys(event.query for event in checked))
        if events or not video.events:
            clips.append(
                ReferenceClip(
                    id=video.name,
                    caption=" ".join(_sentence(event) for event in events),
                    events=events,
                    spans=tuple(first[event] for event in events),
                    video=video.name,
                )
            )
    return clips


REFERENCE_FORMATS: dict[str, Callable[[Path], list[ReferenceClip]]] = {
    "dream1k": read_dream1k,
    "carebench": read_carebench,
    "footage": read_truth_captions,
}
"""Reader of references by the name of a format."""


def read_captions(path: Path) -> dict[str, str]:
    """Read captions to be measured, by clip: a JSON list, or JSON Lines.

    Each entry has the clip (id, idx, video or path) and the caption (caption, prediction or pred; or text
    with a prediction in it, as DREAM-1K's inference script writes it).

    Raises:
        FileError: when the file cannot be read.
        UsageError: when an entry is malformed, or two are about the same clip.
    """
    captions: dict[str, str] = {}
    for where, content in _entries(path):
        line = _checked(_CaptionLine, content, where)
        if line.id in captions:
            raise UsageError(f'{where}: the clip "{line.id}" has a caption already.')
        text = line.caption if isinstance(line.caption, str) else line.caption.prediction
        captions[line.id] = "" if text.strip() == NO_CAPTION else whole_text(text)
    return captions


def captions_for(
    clips: Sequence[ReferenceClip],
    captions: Mapping[str, str],
    *,
    where: str,
    places: Mapping[str, Path] | None = None,
) -> dict[str, str]:
    """The caption of each clip, by the clip's id; captions may name the clip's video file instead.

    Args:
        clips: The references.
        captions: Captions by id, or by file name with or without folder and ending.
        places: Video file of each clip, by the clip's id, where it is known.
        where: What holds the captions, for the message.

    Raises:
        UsageError: when a clip has no caption: leaving it out would flatter the figures.
    """
    by_stem: dict[str, list[str]] = {}
    for name in captions:
        by_stem.setdefault(Path(name).stem, []).append(name)
    found = {}
    missing = []
    for clip in clips:
        place = str((places or {}).get(clip.id, ""))
        stems = by_stem.get(Path(clip.video or clip.id).stem, [])
        names = [name for name in (place, clip.id, clip.video) if name in captions] or stems
        if not names:
            missing.append(clip.id)
        elif len(names) > 1 and names == stems:
            raise UsageError(f'{where} has captions of several files for the clip "{clip.id}": {names[:2]}.')
        else:
            found[clip.id] = captions[names[0]]
    if missing:
        raise UsageError(
            f"{len(missing):,} of {len(clips):,} clips have no caption in {where}, "
            f'the first is "{missing[0]}".',
            hint="For a clip that a model failed on, give an empty caption.",
        )
    return found


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """(place for messages, content) of each entry of a JSON list, or each line of JSON Lines."""
    text = text_of(path, "file", hint="Name a file of JSON Lines.")
    if text.lstrip().startswith("["):
        for number, entry in enumerate(parsed_json(text, str(path), lines=True), start=1):
            yield f"{path}, entry {number}", entry
        return
    if not text.strip():
        raise UsageError(f"{path} is empty.")
    for where, _, line in lines_of(path, text):
        yield where, parsed_json(line, where)


def _checked(kind: type[Entry], content: Any, where: str) -> Entry:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the entry"
        message = NO_OBJECT.get(first["type"], first["msg"].lower())
        raise UsageError(f"{where}: {field}: {message}.") from error


def _unique(clips: list[ReferenceClip], path: Path) -> list[ReferenceClip]:
    seen: set[str] = set()
    for clip in clips:
        if clip.id in seen:
            raise UsageError(f'{path}: the clip "{clip.id}" occurs twice.')
        seen.add(clip.id)
    if not clips:
        raise UsageError(f"{path} holds no clips.")
    return clips


def _texts(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(whole_text(text.strip()) for text in texts if text.strip())


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
