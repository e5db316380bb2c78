"""What the tables hold, as dataclasses and plain dictionaries; knows neither LanceDB nor Arrow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from footage.core.image_hit import ImageHit
from footage.core.track_events import events_from_json
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import (
    Caption,
    CaptionEvent,
    Event,
    File,
    Hit,
    Provenance,
    Run,
    Span,
    Video,
    Window,
    WindowRecord,
)

if TYPE_CHECKING:
    import numpy as np

SCHEMA_VERSION = 14
"""Raised whenever a table changes shape, with a migration (see ``migrations``) from the one before."""

VECTOR_TABLES, IMAGE_TABLES = "vectors_", "images_"
"""What the names of the tables of embedders begin with: those of texts, and those of pictures."""
ANNOTATION_TABLES = ("marks", "corrections", "searches", "groundings", "audits")
"""Names of the tables that people write to, at any time, under a lock of their own."""

PASSAGE_WORDS = 150
"""Most words of a passage: what the bundled embedder reads of one text (256 word pieces)."""

PROVENANCE_COLUMNS = tuple(each.name for each in fields(Provenance))
"""The columns of ``windows`` that say under what a window was captioned."""

OwnerKind = Literal["event", "scene", "passage", "video"]


@dataclass(frozen=True, slots=True)
class TextRow:
    """One searchable text: what happens, how a window looks, or a passage of a video.

    A row of kind "video" has no text. It says how far the projection has come, and in a vector table holds
    the mean of the video's vectors.
    """

    owner_kind: OwnerKind
    """What the text describes."""
    owner_id: str
    """Id of the event; "content_id/window index" for a scene, "content_id/passage/number" for a passage; the
    content id for a video. Of another track than captions, the track follows the content id."""
    content_id: str
    """The video."""
    window_indexes: tuple[int, ...]
    """The windows it comes from, ascending; for a video, every window committed when it was written."""
    span: Span
    """When, in video time."""
    text: str
    """The text; empty for a video."""
    track: str = CAPTION_TRACK
    """The track that it was derived from."""
    confidence: float | None = None
    """How sure the recogniser is of an event's text, 0 to 1; None where nothing says so."""
    language: str = ""
    """Language of an event's text; empty while unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorRow:
    """One searchable text with its vector."""

    owner_kind: OwnerKind
    """What the text describes."""
    owner_id: str
    """As that of the text."""
    content_id: str
    """The video."""
    window_indexes: tuple[int, ...]
    """The windows it comes from, ascending; for a video, every window committed when it was written."""
    span: Span
    """When, in video time."""
    text: str
    """The text the vector was made from; empty for a video."""
    vector: np.ndarray
    """float32 array of shape (dimension,), L2-normalised."""
    track: str = CAPTION_TRACK
    """The track that the text was derived from."""
    confidence: float | None = None
    """As that of the text."""
    language: str = ""
    """As that of the text."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageVectorRow:
    """The vector of one picture, and the time that the picture stands for."""

    content_id: str
    """The video."""
    window_index: int
    """The window of the image track that it belongs to; it counts once that window is committed."""
    span: Span
    """The time that it stands for, in video time: until the next picture that differs, or the window ends."""
    at_seconds: float
    """Time of the frame itself, inside the span."""
    vector: np.ndarray
    """float array of shape (dimension,), L2-normalised; stored with 16 bits a number."""


@dataclass(frozen=True, slots=True)
class StillRow:
    """What a captioned window shows, where nothing changes in it; later windows are compared with it."""

    content_id: str
    """The video."""
    window_index: int
    """Index of the captioned window."""
    levels: np.ndarray
    """Mean colour of each patch, uint8 (rows, columns, 3); see ``footage.media.stillness``."""


def text_rows(
    content_id: str,
    events: Iterable[Event],
    records: Sequence[WindowRecord],
    *,
    track: str = CAPTION_TRACK,
) -> tuple[TextRow, ...]:
    """Lay out every searchable text of one track of a video: events, windows' scenes, passages; itself.

    Captions alone have passages.
    """
    rows = [
        TextRow(
            "event",
            event.id,
            content_id,
            event.window_indexes,
            event.span,
            event.text,
            track,
            event.confidence,
            event.language,
        )
        for event in events
    ]
    records = sorted(records, key=lambda record: record.window.index)
    for record in records:
        window = record.window
        if record.caption.scene.strip():
            owner_id, scene = window_id(content_id, window.index, track), record.caption.scene
            rows.append(TextRow("scene", owner_id, content_id, (window.index,), window.span, scene, track))
    if not records:
        return tuple(rows)
    span = Span(
        min(record.window.span.start_seconds for record in records),
        max(record.window.span.end_seconds for record in records),
    )
    indexes = tuple(record.window.index for record in records)
    whole = TextRow("video", track_key(content_id, track), content_id, indexes, span, "", track)
    passages = _passages(rows) if track == CAPTION_TRACK else []
    return (*rows, *passages, whole)


def _passages(rows: Sequence[TextRow]) -> list[TextRow]:
    """The texts of a video in the order of time, cut into passages of at most ``PASSAGE_WORDS`` words.

    A scene that several windows describe in the same words occurs once. An event's passage is what it
    happens among: a sentence alone says "he sits down", its passage says who.
    """
    seen: set[str] = set()
    groups: list[list[TextRow]] = []
    words = 0
    for row in sorted(
        rows, key=lambda row: (row.span.start_seconds, row.owner_kind != "scene", row.owner_id)
    ):
        text = row.text.strip()
        if not text or (row.owner_kind == "scene" and text in seen):
            continue
        seen.add(text)
        length = len(text.split())
        if not groups or words + length > PASSAGE_WORDS:
            groups.append([])
            words = 0
        groups[-1].append(row)
        words += length
    return [
        TextRow(
            "passage",
            f"{group[0].content_id}/passage/{number}",
            group[0].content_id,
            tuple(sorted({index for row in group for index in row.window_indexes})),
            Span(min(row.span.start_seconds for row in group), max(row.span.end_seconds for row in group)),
            " ".join(row.text.strip() for row in group),
        )
        for number, group in enumerate(groups)
    ]


def window_id(content_id: str, index: int, track: str = CAPTION_TRACK) -> str:
    """Name one track's record of a window, and the scene it shows."""
    return f"{track_key(content_id, track)}/{index}"


def image_id(content_id: str, window_index: int, at_seconds: float) -> str:
    """Name the vector of one frame."""
    return f"{content_id}/{window_index}/{at_seconds:.6f}"


def track_key(content_id: str, track: str) -> str:
    """Name one track of a video; captions keep the ids that they had before there were tracks."""
    return content_id if track == CAPTION_TRACK else f"{content_id}/{track}"


def track_of(row: Mapping[str, Any]) -> str:
    """The track of a row; tables of a version before 11 hold captions alone."""
    return row.get("track") or CAPTION_TRACK


# Rows are plain dictionaries; a span becomes the two columns start_seconds and end_seconds.


def file_to_row(file: File) -> dict[str, Any]:
    """Lay a file out as a row of ``files``."""
    return asdict(file)


def file_from_row(row: Mapping[str, Any]) -> File:
    """Read a row of ``files``."""
    return File(**row)


def video_to_row(video: Video) -> dict[str, Any]:
    """Lay a video out as a row of ``videos``."""
    gaps = [seconds for gap in video.gaps for seconds in (gap.start_seconds, gap.end_seconds)]
    return {**asdict(video), "warnings": list(video.warnings), "gaps": gaps}


def video_from_row(row: Mapping[str, Any]) -> Video:
    """Read a row of ``videos``."""
    ends = row.get("gaps") or ()  # an index of before has none
    gaps = tuple(map(Span, ends[::2], ends[1::2]))
    return Video(**{**row, "warnings": tuple(row["warnings"] or ()), "gaps": gaps})


def window_to_row(record: WindowRecord) -> dict[str, Any]:
    """Lay a captioned window out as a row of ``windows``."""
    window, caption = record.window, record.caption
    row = {
        "id": window_id(window.content_id, window.index, record.track),
        "content_id": window.content_id,
        "window_index": window.index,
        **span_columns(window.span),
        "raw": caption.raw,
        "draft": caption.draft,
        "finish_reason": caption.finish_reason,
        "scene": caption.scene,
        "events": [{**span_columns(event.span), "text": event.text} for event in caption.events],
        "notes": list(caption.notes),
        **asdict(record.provenance),
        "track": record.track,
        "reused_from": record.reused_from,
    }
    return {**row, "checksum": window_checksum(row)}


def window_checksum(row: Mapping[str, Any]) -> str:
    """Digest of all that a row of ``windows`` says (BLAKE2b, 32 hex digits): other values, another digest.

    It is written with the row; ``footage db check`` computes it anew from the row as it is read.
    """
    spelled = [row["id"], row["content_id"], row["window_index"], *_spelled(row)]
    spelled += [row[name] for name in ("raw", "draft", "finish_reason", "scene", *PROVENANCE_COLUMNS)]
    spelled.append([[*_spelled(event), event["text"]] for event in row["events"] or ()])
    spelled.append(list(row["notes"] or ()))
    if (track := track_of(row)) != CAPTION_TRACK:  # checksums from before there were tracks stay valid
        spelled.append(track)
    if reused := row.get("reused_from"):  # those from before captions were reused, too
        spelled.append(["reused", reused])
    text = json.dumps(spelled)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _spelled(row: Mapping[str, Any]) -> list[str]:
    """The two times of a row, every bit of them."""
    return [float(row[name]).hex() for name in ("start_seconds", "end_seconds")]


def window_from_row(row: Mapping[str, Any]) -> WindowRecord:
    """Read a row of ``windows``.

    Raises:
        ValueError: its times are no spans, or its events cannot be read.
    """
    events = tuple(CaptionEvent(span_from_row(event), event["text"]) for event in row["events"] or ())
    if track_of(row) != CAPTION_TRACK:  # the column has spans and texts alone
        events = events_from_json(row["raw"])
    return WindowRecord(
        Window(row["content_id"], row["window_index"], span_from_row(row)),
        Caption(
            row["scene"], events, row["raw"], row["finish_reason"], tuple(row["notes"] or ()), row["draft"]
        ),
        provenance_from_row(row),
        track_of(row),
        row.get("reused_from") or "",
    )


def provenance_from_row(row: Mapping[str, Any]) -> Provenance:
    """Read under what a row of ``windows`` was captioned."""
    return Provenance(*(row[column] for column in PROVENANCE_COLUMNS))


def run_to_row(run: Run) -> dict[str, Any]:
    """Lay a run out as a row of ``runs``."""
    stages = [{"stage": stage, "seconds": seconds} for stage, seconds in run.stage_seconds]
    return {**asdict(run), "paths": list(run.paths), "stage_seconds": stages}


def run_from_row(row: Mapping[str, Any]) -> Run:
    """Read a row of ``runs``."""
    stages = tuple((stage["stage"], stage["seconds"]) for stage in row["stage_seconds"] or ())
    return Run(**{**row, "paths": tuple(row["paths"] or ()), "stage_seconds": stages})


def text_to_row(text: TextRow | VectorRow) -> dict[str, Any]:
    """Lay a text out as a row of ``events``, or of a vector table without its vector."""
    return {
        "owner_id": text.owner_id,
        "owner_kind": text.owner_kind,
        "content_id": text.content_id,
        "window_indexes": list(text.window_indexes),
        **span_columns(text.span),
        "text": text.text,
        "track": text.track,
        "confidence": text.confidence,
        "language": text.language,
    }


def text_from_row(row: Mapping[str, Any]) -> TextRow:
    """Read a row of ``events``."""
    return TextRow(
        row["owner_kind"],
        row["owner_id"],
        row["content_id"],
        tuple(row["window_indexes"]),
        span_from_row(row),
        row["text"],
        track_of(row),
        row.get("confidence"),
        row.get("language") or "",
    )


def vector_from_row(row: Mapping[str, Any]) -> VectorRow:
    """Read a row of a vector table."""
    import numpy as np

    text = text_from_row(row)
    return VectorRow(
        text.owner_kind,
        text.owner_id,
        text.content_id,
        text.window_indexes,
        text.span,
        text.text,
        np.asarray(row["vector"], dtype=np.float32),
        text.track,
        text.confidence,
        text.language,
    )


def image_to_row(image: ImageVectorRow) -> dict[str, Any]:
    """Lay an image vector out as a row of an image table."""
    import numpy as np

    return {
        "id": image_id(image.content_id, image.window_index, image.at_seconds),
        "content_id": image.content_id,
        "window_index": image.window_index,
        **span_columns(image.span),
        "at_seconds": image.at_seconds,
        "vector": np.asarray(image.vector, np.float16),
    }


def image_from_row(row: Mapping[str, Any]) -> ImageVectorRow:
    """Read a row of an image table."""
    import numpy as np

    vector = np.asarray(row["vector"], np.float32)
    return ImageVectorRow(
        row["content_id"], row["window_index"], span_from_row(row), row["at_seconds"], vector
    )


def image_hit_from_row(row: Mapping[str, Any], similarity: float) -> ImageHit:
    """Read a row of an image table as something that retrieval brought back."""
    return ImageHit(row["content_id"], row["window_index"], span_from_row(row), row["at_seconds"], similarity)


def still_to_row(still: StillRow) -> dict[str, Any]:
    """Lay a still picture out as a row of ``stills``."""
    rows, columns, _ = still.levels.shape
    return {
        "id": window_id(still.content_id, still.window_index),
        "content_id": still.content_id,
        "window_index": still.window_index,
        "rows": rows,
        "columns": columns,
        "levels": still.levels.tobytes(),
    }


def still_from_row(row: Mapping[str, Any]) -> StillRow:
    """Read a row of ``stills``.

    Raises:
        ValueError: its levels are not as many as its rows and columns say.
    """
    import numpy as np

    levels = np.frombuffer(row["levels"], np.uint8).reshape(row["rows"], row["columns"], 3)
    return StillRow(row["content_id"], row["window_index"], levels)


def event_from_row(row: Mapping[str, Any]) -> Event:
    """Read a row of ``events`` whose owner kind is event."""
    return event_from_text(text_from_row(row))


def event_from_text(text: TextRow) -> Event:
    """Read an event off a text of kind event."""
    return Event(
        text.owner_id,
        text.content_id,
        text.span,
        text.text,
        text.window_indexes,
        text.track,
        text.confidence,
        text.language,
    )


def hit_from_row(row: Mapping[str, Any], score: float) -> Hit:
    """Read a row of ``events`` or of a vector table as something that retrieval brought back."""
    text = text_from_row(row)
    indexes = () if text.owner_kind == "video" else text.window_indexes
    return Hit(
        text.owner_kind,
        text.owner_id,
        text.content_id,
        indexes,
        text.span,
        text.text,
        score,
        track=text.track,
        confidence=text.confidence,
        language=text.language,
    )


def span_columns(span: Span) -> dict[str, float]:
    """Lay a span out as two columns."""
    return {"start_seconds": span.start_seconds, "end_seconds": span.end_seconds}


def span_from_row(row: Mapping[str, Any]) -> Span:
    """Read the two columns of a span."""
    return Span(row["start_seconds"], row["end_seconds"])
