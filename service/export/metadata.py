"""A cut as plain fields, the same in the manifest, in JSON Lines, in CSV and in OpenTimelineIO's metadata."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from footage.core.types import Provenance, Span
from footage.media.audio_tracks import AudioTrack
from footage.media.frame_grid import shown
from service.export.cuts import Cut
from service.export.names import as_text


def fields_of(cut: Cut) -> dict[str, Any]:
    """What was asked for, what is written of it, and what led there; JSON types only, times in seconds.

    ``span`` is what was asked for and ``written_span`` what whole frames give, both in video time;
    ``timecode_in`` and ``timecode_out`` (exclusive) count from the video's own start timecode. ``scan`` is
    that of the source: "progressive" or "interlaced". ``audio`` has the audio tracks that are wanted.
    ``media`` is the file of a package that holds the cut; it is there only in lists that link to one.
    """
    clip = cut.clip
    first, past = cut.timecodes
    media = {"media": cut.linked.file} if cut.linked else {}
    return {
        **media,
        "source": as_text(clip.path),
        "content_id": clip.video.content_id,
        "title": as_text(clip.title),
        "span": span_fields(clip.span),
        "written_span": span_fields(cut.span),
        "frame_rate": shown(cut.counting.rate),
        "drop_frame": cut.counting.drop,
        "scan": "interlaced" if cut.stretch.table.interlacing else "progressive",
        "frame_in": cut.in_frame,
        "frame_out": cut.out_frame,
        "timecode_in": first,
        "timecode_out": past,
        "audio": [audio_fields(track) for track in cut.tracks],
        "query": as_text(clip.query),
        "text": as_text(clip.text),
        "verdict": clip.verdict,
        "confidence": clip.confidence,
        "grounded": clip.grounded,
        "captioned_by": _provenance(clip.captioned_by),
        "carried_over_from": as_text(clip.carried_over_from),
        "grounded_by": _provenance(clip.grounded_by),
        "warnings": list(cut.warnings),
    }


def audio_fields(track: AudioTrack) -> dict[str, Any]:
    """An audio track of a source, as its container names it; ``track`` counts from 1."""
    return {
        "track": track.number,
        "stream_index": track.stream_index,
        "language": as_text(track.language),
        "title": as_text(track.title),
        "channels": track.channels,
        "default": track.default,
    }


def span_fields(span: Span) -> dict[str, float]:
    """A span, to the microsecond."""
    return {"start_seconds": round(span.start_seconds, 6), "end_seconds": round(span.end_seconds, 6)}


def _provenance(known: Provenance | None) -> dict[str, str] | None:
    """Model, revision and prompt version; None where that is not known."""
    if known is None:
        return None
    fields = asdict(known)
    return {name: fields[name] for name in ("model", "revision", "prompt_version")}
