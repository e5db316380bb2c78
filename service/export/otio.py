"""Timelines of OpenTimelineIO; the only importer of opentimelineio.

Each clip keeps its own rate, so that clips of any rates go into one timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footage.media.audio_tracks import AudioTrack
from service.export.cuts import Cut
from service.export.metadata import audio_fields, fields_of
from service.export.names import one_line


def otio(cuts: Sequence[Cut], *, title: str, start: str) -> str:
    """A timeline as OTIO JSON: a track of pictures and one for each audio track that any clip has.

    Args:
        cuts: What it shows, one after the other; at least one.
        title: Its name.
        start: Timecode at which it begins, counted as the first clip is.

    Raises:
        UsageError: There is no such timecode.
    """
    from opentimelineio import opentime, schema

    counting = cuts[0].counting
    timeline = schema.Timeline(one_line(title))
    timeline.global_start_time = opentime.RationalTime(counting.frame(start), float(counting.rate))
    pictures = schema.Track("V1", kind=schema.TrackKind.Video)
    pictures.extend([_clip(each) for each in cuts])
    timeline.tracks.append(pictures)
    for number in range(max(len(each.tracks) for each in cuts)):
        sound = schema.Track(f"A{number + 1}", kind=schema.TrackKind.Audio)
        sound.extend(
            [_clip(each, each.tracks[number]) if number < len(each.tracks) else _gap(each) for each in cuts]
        )
        timeline.tracks.append(sound)
    return str(timeline.to_json_string(indent=2)) + "\n"


def _clip(cut: Cut, track: AudioTrack | None = None) -> Any:
    """The pictures of a cut, or one audio track."""
    from opentimelineio import schema

    source = schema.ExternalReference(
        target_url=cut.link_url.removeprefix("./"), available_range=_range(cut, *cut.link_frames)
    )
    source.name = one_line(cut.link_name)
    made = schema.Clip(
        name=one_line(cut.clip.title) or source.name,
        media_reference=source,
        source_range=_range(cut, cut.in_frame, cut.frames),
    )
    made.metadata["footage"] = fields_of(cut)
    if track is not None:
        made.metadata["footage"]["audio_track"] = audio_fields(track)
    return made


def _gap(cut: Cut) -> Any:
    from opentimelineio import opentime, schema

    rate = float(cut.counting.rate)
    return schema.Gap(duration=opentime.RationalTime(cut.frames, rate))


def _range(cut: Cut, first: int, frames: int) -> Any:
    """Frames of a source, in its own timecode."""
    from opentimelineio import opentime

    rate = float(cut.counting.rate)
    begin = opentime.RationalTime(cut.source_start + first, rate)
    return opentime.TimeRange(begin, opentime.RationalTime(frames, rate))
