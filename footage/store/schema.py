"""The tables' columns as Arrow schemas; imported only once a database is opened, because Arrow is heavy."""

from __future__ import annotations

import hashlib
import re

import pyarrow as pa

from footage.store.records import IMAGE_TABLES, VECTOR_TABLES

SINCE = {"stills": 13}
"""The first version of the tables that has a table; tables that are not named here are in every version."""


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


# Added to older tables by the migration to version 11, with "caption" in every row.
_TRACK = pa.field("track", pa.string())
# Added by the migration to version 12; nothing in rows of captions.
_HEARD = [pa.field("confidence", pa.float64()), pa.field("language", pa.string())]
_TEXT = [
    _required("owner_id", pa.string()),
    _required("owner_kind", pa.string()),
    _required("content_id", pa.string()),
    _required("window_indexes", pa.list_(pa.int32())),
    _required("start_seconds", pa.float64()),
    _required("end_seconds", pa.float64()),
    _required("text", pa.string()),
    _TRACK,
    *_HEARD,
]

# The first column of every table is its key.
TABLES: dict[str, pa.Schema] = {
    "files": pa.schema(
        [
            _required("path", pa.string()),
            _required("content_id", pa.string()),
            _required("size_bytes", pa.int64()),
            _required("modified_at", pa.float64()),
            _required("fingerprint", pa.string()),
            _required("collection", pa.string()),
            _required("root", pa.string()),
            _required("duration_seconds", pa.float64()),
            _required("camera", pa.string()),
            _required("recorded_at", pa.string()),
            _required("clock_source", pa.string()),
            _required("state", pa.string()),
            _required("reason", pa.string()),
            _required("tries", pa.int32()),
            _required("tried_at", pa.float64()),
        ]
    ),
    "videos": pa.schema(
        [
            _required("content_id", pa.string()),
            _required("duration_seconds", pa.float64()),
            _required("width", pa.int32()),
            _required("height", pa.int32()),
            _required("fps", pa.float64()),
            _required("codec", pa.string()),
            _required("container", pa.string()),
            _required("rotation_degrees", pa.int32()),
            _required("start_pts_seconds", pa.float64()),
            _required("variable_frame_rate", pa.bool_()),
            _required("stream_index", pa.int32()),
            _required("decoder", pa.string()),
            _required("size_bytes", pa.int64()),
            _required("created_at", pa.string()),
            _required("warnings", pa.list_(pa.string())),
            # Start, end, start, end, …; nothing in the rows that were there before the column was.
            pa.field("gaps", pa.list_(pa.float64())),
        ]
    ),
    "windows": pa.schema(
        [
            _required("id", pa.string()),
            _required("content_id", pa.string()),
            _required("window_index", pa.int32()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("raw", pa.string()),
            _required("draft", pa.string()),
            _required("finish_reason", pa.string()),
            _required("scene", pa.string()),
            _required(
                "events",
                pa.list_(
                    pa.struct(
                        [
                            _required("start_seconds", pa.float64()),
                            _required("end_seconds", pa.float64()),
                            _required("text", pa.string()),
                        ]
                    )
                ),
            ),
            _required("model", pa.string()),
            _required("revision", pa.string()),
            _required("prompt_version", pa.string()),
            _required("budget", pa.string()),
            _required("cutting", pa.string()),
            _required("notes", pa.list_(pa.string())),
            # See ``records.window_checksum``; nothing only until the migration to version 10 is done.
            pa.field("checksum", pa.string()),
            _TRACK,
            # Added by the migration to version 13; nothing in the rows that were there before.
            pa.field("reused_from", pa.string()),
        ]
    ),
    # Captioned windows in which nothing changes; made by the migration to version 13.
    "stills": pa.schema(
        [
            _required("id", pa.string()),
            _required("content_id", pa.string()),
            _required("window_index", pa.int32()),
            _required("rows", pa.int32()),
            _required("columns", pa.int32()),
            _required("levels", pa.binary()),
        ]
    ),
    "events": pa.schema(_TEXT),
    # Apart from the events: what a word is worth depends on the texts it is counted in.
    "passages": pa.schema(_TEXT),
    "runs": pa.schema(
        [
            _required("id", pa.string()),
            _required("started_at", pa.float64()),
            _required("ended_at", pa.float64()),
            _required("paths", pa.list_(pa.string())),
            _required("outcome", pa.string()),
            _required("windows_captioned", pa.int32()),
            _required("seconds_captioned", pa.float64()),
            _required(
                "stage_seconds",
                pa.list_(pa.struct([_required("stage", pa.string()), _required("seconds", pa.float64())])),
            ),
        ]
    ),
    "marks": pa.schema(
        [
            _required("id", pa.string()),
            _required("kind", pa.string()),
            _required("content_id", pa.string()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("state", pa.string()),
            _required("query", pa.string()),
            _required("text", pa.string()),
            _required("author", pa.string()),
            _required("made_at", pa.float64()),
            _required("search_id", pa.string()),
            _required("found_at", pa.float64()),
            _required("found_text", pa.string()),
        ]
    ),
    "corrections": pa.schema(
        [
            _required("id", pa.string()),
            _required("content_id", pa.string()),
            _required("original_start_seconds", pa.float64()),
            _required("original_end_seconds", pa.float64()),
            _required("original_text", pa.string()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("text", pa.string()),
            _required("author", pa.string()),
            _required("made_at", pa.float64()),
            _required("undone_at", pa.float64()),
        ]
    ),
    "searches": pa.schema(
        [
            _required("id", pa.string()),
            _required("name", pa.string()),
            _required("query", pa.string()),
            _required("mode", pa.string()),
            _required("author", pa.string()),
            _required("made_at", pa.float64()),
            _required("looked_at", pa.float64()),
        ]
    ),
    "groundings": pa.schema(
        [
            _required("key", pa.string()),
            _required("content_id", pa.string()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("query", pa.string()),
            _required("model", pa.string()),
            _required("revision", pa.string()),
            _required("prompt_version", pa.string()),
            _required("budget", pa.string()),
            _required("raw", pa.string()),
            _required("finish_reason", pa.string()),
            pa.field("token_logprobs", pa.list_(pa.float64())),
            pa.field("token_texts", pa.list_(pa.string())),
        ]
    ),
    "audits": pa.schema(
        [
            _required("event_id", pa.string()),
            _required("content_id", pa.string()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("text", pa.string()),
            pa.field("found_start_seconds", pa.float64()),
            pa.field("found_end_seconds", pa.float64()),
            _required("agreement", pa.float64()),
            _required("model", pa.string()),
            _required("revision", pa.string()),
            _required("audited_at", pa.float64()),
            # Added by the migration to version 14; nothing in the rows that were there before.
            pa.field("judges", pa.list_(pa.string())),
            pa.field("ruling", pa.string()),
            pa.field("support", pa.float64()),
            pa.field("errors", pa.string()),
            pa.field("decision", pa.string()),
            pa.field("decided_by", pa.string()),
            pa.field("decided_at", pa.float64()),
        ]
    ),
    # Last on purpose: once it is there, with its schema_version, the index is whole.
    "meta": pa.schema([_required("key", pa.string()), _required("value", pa.string())]),
}


def vector_schema(dimension: int) -> pa.Schema:
    """Columns of a vector table: those of ``events`` and a float32 vector of ``dimension`` numbers."""
    return pa.schema([*_TEXT, _required("vector", pa.list_(pa.float32(), dimension))])


def image_schema(dimension: int) -> pa.Schema:
    """Columns of an image table: its time, and a float16 vector of ``dimension`` numbers."""
    return pa.schema(
        [
            _required("id", pa.string()),
            _required("content_id", pa.string()),
            _required("window_index", pa.int32()),
            _required("start_seconds", pa.float64()),
            _required("end_seconds", pa.float64()),
            _required("at_seconds", pa.float64()),
            _required("vector", pa.list_(pa.float16(), dimension)),
        ]
    )


def image_table(embedder: str) -> str:
    """Name the image table of an image embedder: letters a file name may have, and a hash.

    No two names share a table, whatever characters they are of.
    """
    return f"{IMAGE_TABLES}{_slug(embedder)}_{_digest(embedder)}"


def vector_table(embedder: str) -> str:
    """Name the vector table of an embedder: letters a file name may have, and a hash where some were lost."""
    slug = _slug(embedder)
    return VECTOR_TABLES + (slug if slug == embedder else f"{slug}_{_digest(embedder)}")


def _slug(embedder: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", embedder.lower()).strip("_")[:40]


def _digest(embedder: str) -> str:
    return hashlib.blake2b(embedder.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
