"""The manifest that lies beside every export: what each file shows, what led there, and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from footage.core.errors import FileError, FootageError, UsageError
from footage.core.text_files import read_text
from footage.core.types import Span
from footage.media.audio_tracks import AudioTrack
from footage.media.containers import display_name, open_regular
from service.export.cuts import Cut
from service.export.metadata import audio_fields, fields_of, span_fields

FORMAT = "footage export"
FORMAT_VERSION = 1
ENDING = ".manifest.json"
MEDIA_FOLDER = "media"
"""The one folder below a manifest's that its files may lie in."""
_READ_BYTES = 4 * 1024 * 1024
Identify = Callable[[str], str]
"""Says the content id of the file at a path; raises a FootageError where it cannot."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was written."""

    path: Path
    """Where it lies."""
    format: str
    """What it is, such as "mp4" or "edl"."""
    cuts: tuple[Cut, ...]
    """What it shows or lists."""
    written: tuple[Span, ...] = ()
    """What it shows of each, in video time, where that is not the cut itself: a copy begins at a keyframe."""
    placed: tuple[Span, ...] = ()
    """When each is on in it, in its own seconds, where several are joined."""
    encoded: bool = False
    """Whether its pictures were encoded again, which deinterlaces those that are interlaced."""
    audio: tuple[tuple[AudioTrack, ...], ...] | None = None
    """The audio tracks that it holds of each, where those are not all that are wanted of the cut."""
    subfolder: str = ""
    """The folder below the manifest's that it lies in; empty where it lies beside the manifest."""

    @property
    def file(self) -> str:
        """Its path as the manifest names it, with "/"."""
        return f"{self.subfolder}/{self.path.name}" if self.subfolder else self.path.name


@dataclass(frozen=True, slots=True)
class ManifestProblem:
    """Something that is not as the manifest has it."""

    file: str
    """Which file."""
    sentence: str
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of comparing files with a manifest."""

    outputs: int
    """Files that were looked at."""
    sources: int
    """Sources that were looked at."""
    problems: tuple[ManifestProblem, ...] = field(default=())
    """What is missing or changed."""


def manifest(
    outputs: Sequence[Output],
    *,
    settings: Mapping[str, Any],
    warnings: Sequence[str] = (),
    failures: Sequence[tuple[str, str]] = (),
) -> str:
    """A manifest as JSON.

    Args:
        outputs: The files, as they lie on disk now.
        settings: How they were made.
        warnings: Where they are not exact.
        failures: Sources that could not be used, each with the reason.

    Raises:
        FootageError: A file cannot be read.
    """
    made = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "footage_version": version("footage"),
        "settings": dict(settings),
        "warnings": list(warnings),
        "failures": [{"source": path, "reason": reason} for path, reason in failures],
        "entries": [_entry(output) for output in outputs],
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def verify(
    path: Path, *, identify: Identify | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Verified:
    """Compare the files beside a manifest with it.

    Args:
        path: The manifest.
        identify: Computes content ids anew; sources are compared, too, where it is given.
        on_progress: Called with (files done, files in all).

    Raises:
        UsageError: It is no manifest of an export, or one that this version does not know.
    """
    entries = _entries(path)
    sources: dict[str, str] = {}
    if identify is not None:
        for entry in entries:
            sources |= {clip["source"]: clip["content_id"] for clip in entry["clips"]}
    total, problems = len(entries) + len(sources), []
    for done, entry in enumerate(entries):
        if on_progress:
            on_progress(done, total)
        sentence = _compared(path.parent / entry["file"], entry)
        if sentence:
            problems.append(ManifestProblem(entry["file"], sentence))
    for done, (source, content_id) in enumerate(sources.items(), len(entries)):
        if on_progress:
            on_progress(done, total)
        try:
            same = identify is not None and identify(source) == content_id
        except FootageError as exc:
            problems.append(ManifestProblem(source, f"{str(exc).rstrip('.')}."))
            continue
        if not same:
            problems.append(ManifestProblem(source, f"{display_name(source)} has changed since the export."))
    if on_progress:
        on_progress(total, total)
    return Verified(len(entries), len(sources), tuple(problems))


def _entry(output: Output) -> dict[str, Any]:
    clips = []
    for number, cut in enumerate(output.cuts):
        fields = fields_of(cut)
        if output.written:
            fields["written_span"] = span_fields(output.written[number])
        if output.encoded and fields["scan"] == "interlaced":
            fields["scan"] = "deinterlaced"
        if output.audio is not None:
            fields["audio"] = [audio_fields(track) for track in output.audio[number]]
        if output.placed:
            fields["placed"] = span_fields(output.placed[number])
        clips.append(fields)
    digest, size = _hashed(output.path)
    return {
        "file": output.file,
        "format": output.format,
        "sha256": digest,
        "size_bytes": size,
        "clips": clips,
    }


def _compared(path: Path, entry: Mapping[str, Any]) -> str:
    """What is wrong with a file, as a sentence; empty when nothing is."""
    if not path.is_file():
        return f"{display_name(path)} is missing."
    try:
        digest, size = _hashed(path)
    except FootageError as exc:
        return f"{exc}."
    if size != entry["size_bytes"]:
        return f"{display_name(path)} has changed: it has {size} bytes, not {entry['size_bytes']}."
    return "" if digest == entry["sha256"] else f"{display_name(path)} has changed: the SHA-256 differs."


def _hashed(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        with open_regular(path) as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as exc:
        raise FootageError(f"{display_name(path)} cannot be read: {exc.strerror}") from exc
    return digest.hexdigest(), size


def _entries(path: Path) -> list[dict[str, Any]]:
    """The entries of a manifest, each with what is needed to compare it."""
    try:
        content = json.loads(read_text(path))
    except OSError as exc:
        raise FileError(f"{path} cannot be read: {exc.strerror}.", hint="Name a manifest file.") from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{path} is not a manifest: not valid JSON.", hint=f"Name a {ENDING} file.") from exc
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a manifest of an export.", hint=f"Name a {ENDING} file.")
    if content.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{path} is a manifest of version {content.get('format_version')!r}, but this program reads "
            f"version {FORMAT_VERSION}.",
            hint="Use the version of footage that wrote it.",
        )
    entries = content.get("entries")
    if not (isinstance(entries, list) and all(map(_whole, entries))):
        raise UsageError(f"{path} is damaged: its entries are unreadable.", hint="Export again.")
    return entries


def _whole(entry: Any) -> bool:
    """Whether an entry has what it needs, and names a file beside the manifest or in the folder of media."""
    if not isinstance(entry, dict):
        return False
    file, clips = entry.get("file"), entry.get("clips")
    return (
        isinstance(file, str)
        and _is_below(file)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size_bytes"), int)
        and isinstance(clips, list)
        and all(
            isinstance(clip, dict)
            and isinstance(clip.get("source"), str)
            and isinstance(clip.get("content_id"), str)
            for clip in clips
        )
    )


def _is_below(file: str) -> bool:
    """Whether it is the name of a file, or of one in the folder of media."""
    name = file.removeprefix(f"{MEDIA_FOLDER}/")
    return name not in ("", ".", "..") and not any(char in name for char in "/\\\0")
