"""Projects in Final Cut Pro's XML, version 1.10; pure text.

All times are fractions of a second that fall on whole frames: offsets and lengths on those of the sequence,
starts on those of the source. The FCPXML adapter of OpenTimelineIO (1.0.0) rounds rates to whole numbers
(AcademySoftwareFoundation/OpenTimelineIO issue 1661), so this is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from service.export.cuts import Cut, by_link
from service.export.names import one_line
from service.export.smpte import Counting, usual

VERSION = "1.10"
"""Version of the format, unless another is asked for."""
_RATE_NAMES = {
    Fraction(24_000, 1001): "23.98",
    Fraction(60_000, 1001): "59.94",
    Fraction(30_000, 1001): "29.97",
}


def fcpxml(cuts: Sequence[Cut], *, title: str, start: str, version: str = VERSION) -> str:
    """A library with one project that shows the clips one after the other.

    The sequence takes the rate that most of its time has; clips of other rates keep their speed.

    Args:
        cuts: What it shows; at least one.
        title: Name of the project.
        start: Timecode at which it begins.
        version: Of the format; its elements are the same in 1.9 to 1.11.

    Raises:
        UsageError: There is no such timecode.
    """
    counting = usual([(each.counting, each.span.duration_seconds) for each in cuts])
    root = ET.Element("fcpxml", version=version)
    resources = ET.SubElement(root, "resources")

    # 1. Formats and files, each once.
    formats, assets = _add_resources(resources, cuts)

    # 2. The sequence.
    event = ET.SubElement(ET.SubElement(root, "library"), "event", name=one_line(title))
    lengths = [each.frames_at(counting) for each in cuts]
    sequence = ET.SubElement(
        ET.SubElement(event, "project", name=one_line(title)),
        "sequence",
        format=next(formats[_shape(each)] for each in cuts if each.counting == counting),
        duration=_frames(sum(lengths), counting),
        tcStart=_frames(counting.frame(start), counting),
        tcFormat=_mode(counting),
    )
    spine = ET.SubElement(sequence, "spine")
    offset = counting.frame(start)
    for each, length in zip(cuts, lengths, strict=True):
        clip = ET.SubElement(
            spine,
            "asset-clip",
            ref=assets[each.link_key],
            name=one_line(each.clip.title) or one_line(each.link_name),
            offset=_frames(offset, counting),
            start=_frames(each.source_start + each.in_frame, each.counting),
            duration=_frames(length, counting),
            format=formats[_shape(each)],
            tcFormat=_mode(each.counting),
        )
        offset += length
        ET.SubElement(clip, "note").text = one_line(f"{each.clip.verdict}: {each.clip.query}")
        if each.counting.rate != counting.rate:
            named = _RATE_NAMES.get(each.counting.rate, str(each.counting.nominal))
            ET.SubElement(clip, "conform-rate", scaleEnabled="0", srcFrameRate=named)
        _add_channels(clip, each)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'


def _add_resources(
    resources: ET.Element, cuts: Sequence[Cut]
) -> tuple[dict[tuple[Fraction, int, int], str], dict[str, str]]:
    """Add the formats by shape, and the files by ``Cut.link_key``; what each is called."""
    formats: dict[tuple[Fraction, int, int], str] = {}
    for each in cuts:
        rate, width, height = shape = _shape(each)
        if shape not in formats:
            formats[shape] = f"r{len(formats) + 1}"
            form = ET.SubElement(resources, "format", id=formats[shape], frameDuration=_time(1 / rate))
            form.set("width", str(width))
            form.set("height", str(height))
    assets: dict[str, str] = {}
    for key, of_file in by_link(cuts).items():
        first = of_file[0]
        assets[key] = f"r{len(formats) + len(assets) + 1}"
        asset = ET.SubElement(
            resources,
            "asset",
            id=assets[key],
            name=one_line(first.link_name),
            start=_frames(first.source_start + first.link_frames[0], first.counting),
            duration=_frames(first.link_frames[1], first.counting),
            hasVideo="1",
            format=formats[_shape(first)],
        )
        if first.link_tracks:
            asset.set("hasAudio", "1")
            asset.set("audioSources", str(len(first.link_tracks)))
            asset.set("audioChannels", str(sum(max(1, track.channels) for track in first.link_tracks)))
        ET.SubElement(asset, "media-rep", kind="original-media", src=first.link_url)
    return formats, assets


def _add_channels(clip: ET.Element, cut: Cut) -> None:
    """Name the audio tracks of a clip that has several, and switch those off that are not wanted.

    Channels are numbered through all tracks of the file.
    """
    tracks, wanted = cut.link_tracks, {track.number for track in cut.tracks}
    if len(tracks) == len(cut.tracks) <= 1:
        return
    channel = 1
    for track in tracks:
        count = max(1, track.channels)
        numbers = ", ".join(str(channel + each) for each in range(count))
        named = one_line(" ".join(filter(None, (track.title, track.language)))) or f"Track {track.number}"
        source = ET.SubElement(
            clip, "audio-channel-source", srcCh=numbers, role=f"dialogue.{named.replace('.', ' ')}"
        )
        if track.number not in wanted:
            source.set("enabled", "0")
        channel += count


def _shape(cut: Cut) -> tuple[Fraction, int, int]:
    return cut.counting.rate, *cut.link_size


def _mode(counting: Counting) -> str:
    return "DF" if counting.drop else "NDF"


def _frames(frames: int, counting: Counting) -> str:
    return _time(frames / counting.rate)


def _time(seconds: Fraction) -> str:
    return (
        f"{seconds.numerator}/{seconds.denominator}s" if seconds.denominator > 1 else f"{seconds.numerator}s"
    )
