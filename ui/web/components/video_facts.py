"""What is known of one video in human words: its head, its files, under what its captions were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

from footage.core.types import File, Provenance, Video, WindowRecord
from service.library_files import AWAY
from service.transcript import VideoTrack
from ui.text import count, short_path, track_name
from ui.web.components import cards, dates, file_tiles, markup
from ui.web.components.addresses import picture_address

_CLOCKS = {
    "container": "the camera's own clock",
    "file name": "the file name",
    "burned-in": "the clock in the picture",
    "guessed": "a guess from neighbouring files",
}
_CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "av1": "AV1",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "prores": "ProRes",
}


def head(
    video: Video, path: str, files: Sequence[File], tracks: Sequence[VideoTrack], file: File | None
) -> str:
    """The poster, the name and the facts in a line, and what each track covers.

    Args:
        video: The video.
        path: The file that is played.
        files: Every file that holds it.
        tracks: How far each track is indexed.
        file: The file at ``path`` as the index knows it.
    """
    at = file_tiles.POSTER_SHARE * video.duration_seconds
    poster = picture_address(video.content_id, at, file)
    there = [each for each in files if each.state not in AWAY]
    recorded = next((text for each in files if (text := file_tiles.when(each))), "")
    facts = [
        markup.clock(round(video.duration_seconds)),
        *sorted({each.camera for each in files if each.camera}),
        recorded,
        f"{video.width} by {video.height}",
        f"{video.fps:.3g} frames per second",
    ]
    if video.gaps:
        facts.append(f"{markup.clock(round(video.footage_seconds))} of it with frames")
    if len(there) > 1:
        facts.append(f"in {len(there):,} places")
    line = "".join(f"<span>{markup.text(fact)}</span>" for fact in facts if fact)
    covered = f'<p class="fx-tracks">{cards.tracks(tracks)}</p>' if tracks else ""
    image = f'<img src="{markup.text(poster)}" alt="" decoding="async">' if path else ""
    return (
        f'<header class="fx-video-head"><span class="fx-thumb">{image}</span>'
        f"<div><h1>{markup.text(markup.file_name(path or _any_path(files)))}</h1>"
        f'<p class="fx-dots">{line}</p>{covered}</div></header>'
    )


def places(files: Sequence[File], missing: Collection[str]) -> str:
    """Every place of a video: its folder, its state, when it was last written; or that it is missing.

    Args:
        files: The files that hold the video, or did.
        missing: Paths of those that are not there.
    """
    rows = []
    for file in sorted(files, key=lambda each: (each.path in missing, each.path)):
        gone = file.path in missing
        state = "gone" if gone and file.state not in AWAY else file.state
        facts = [f"{file.size_bytes / 1e6:,.1f} MB"] if file.size_bytes else []
        if file.modified_at:
            facts.append(f"written {dates.moment(file.modified_at)}")
        if file.collection:
            facts.append(f"collection {file.collection}")
        said = file_tiles.was_at(file) if gone else file.reason
        rows.append(
            f'<li class="fx-place"><b>{markup.text(PurePath(file.path).name)}</b>'
            f"{cards.state(state, file_tiles.STATE_WORDS[state])}"
            f"<code>{markup.text(short_path(file.path))}</code>"
            f'<p class="fx-dots">{"".join(f"<span>{markup.text(fact)}</span>" for fact in facts)}</p>'
            f"{f'<p>{markup.text(said)}</p>' if said else ''}</li>"
        )
    return f'<ul class="fx-places">{"".join(rows)}</ul>'


def facts(video: Video, files: Sequence[File]) -> str:
    """The technical facts of a video."""
    codec = _CODECS.get(video.codec.lower(), video.codec)
    rows = [
        ("Picture", f"{video.width} by {video.height} pixels, {video.fps:.4g} frames per second"),
        (
            "Format",
            f"{codec} in {video.container or 'an unknown container'}, {video.size_bytes / 1e6:,.1f} MB",
        ),
        ("Length", f"{markup.clock(video.duration_seconds)}"),
    ]
    for file in files:
        if recorded := file_tiles.when(file):
            source = _CLOCKS.get(file.clock_source, "the index")
            rows.append(("Recorded", f"{recorded}, by {source}"))
            break
    rows.append(("Content id", video.content_id))
    return _table(rows)


def provenance(records: Mapping[str, Sequence[WindowRecord]]) -> str:
    """Under what each track was made: model, revision, prompt and settings.

    Args:
        records: The windows of the video by track.
    """
    pieces = []
    for track, made_there in records.items():
        made: Counter[Provenance] = Counter(record.provenance for record in made_there)
        for each, windows in made.most_common():
            rows = [
                ("Model", each.model),
                ("Revision", each.revision[:16]),
                ("Prompt version", each.prompt_version),
                ("Settings", each.budget),
                (
                    "Windows",
                    f"{count(windows, 'window')}{f', cut as {each.cutting}' if each.cutting else ''}",
                ),
            ]
            reused = sum(bool(record.reused_from) for record in made_there if record.provenance == each)
            if reused:
                rows.append(("Reused", f"{count(reused, 'window')}, where the picture does not change"))
            pieces.append(f"<h3>{markup.text(track_name(track))}</h3>{_table(rows)}")
    return f'<div class="fx-provenance">{"".join(pieces)}</div>' if pieces else ""


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{name}</dt><dd>{markup.text(value)}</dd>" for name, value in rows if value)
    return f'<dl class="fx-facts">{cells}</dl>'


def _any_path(files: Sequence[File]) -> str:
    return files[0].path if files else ""
