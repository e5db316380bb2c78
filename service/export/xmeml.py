"""Sequences in the XML of Final Cut Pro 7 (xmeml, version 5), which Premiere Pro and Resolve read; pure text.

The elements and what their times count are those of Apple's "Final Cut Pro XML Interchange Format": ``start``
and ``end`` are frames of the sequence, ``in`` and ``out`` frames of the file from its first one. Adobe names
this format for interchange with Premiere Pro (OpenTimelineIO, "Adapters").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from service.export.cuts import Cut
from service.export.names import one_line
from service.export.smpte import Counting, usual

MOST_CHANNELS = 16
"""Most audio channels of a sequence, a track each."""


def xmeml(cuts: Sequence[Cut], *, title: str, start: str) -> str:
    """A sequence that shows the clips one after the other, with a track for each audio channel.

    The sequence takes the rate that most of its time has; clips of other rates keep their speed.

    Args:
        cuts: What it shows; at least one.
        title: Its name.
        start: Timecode at which it begins.

    Raises:
        UsageError: There is no such timecode.
    """
    counting = usual([(each.counting, each.span.duration_seconds) for each in cuts])
    root = ET.Element("xmeml", version="5")
    sequence = ET.SubElement(root, "sequence", id="sequence-1")
    lengths = [each.frames_at(counting) for each in cuts]
    _add(sequence, "name", one_line(title))
    _add(sequence, "duration", sum(lengths))
    _add_rate(sequence, counting)
    _add_timecode(sequence, counting, counting.frame(start))
    media = ET.SubElement(sequence, "media")

    # 1. One track of pictures.
    video = ET.SubElement(media, "video")
    shape = ET.SubElement(ET.SubElement(video, "format"), "samplecharacteristics")
    _add_rate(shape, counting)
    width, height = Counter(each.link_size for each in cuts).most_common(1)[0][0]
    _add(shape, "width", width)
    _add(shape, "height", height)
    files: set[str] = set()
    pictures, begin = ET.SubElement(video, "track"), 0
    for number, (each, length) in enumerate(zip(cuts, lengths, strict=True), 1):
        _add_clip(pictures, each, f"video-{number}", (begin, begin + length), files, cuts)
        begin += length

    # 2. A track for each channel, as many as the clip with most has.
    channels = [_channels(each) for each in cuts]
    audio = ET.SubElement(media, "audio")
    for place in range(max(map(len, channels))):
        track, begin = ET.SubElement(audio, "track"), 0
        for number, (each, length) in enumerate(zip(cuts, lengths, strict=True), 1):
            if place < len(channels[number - 1]):
                name = f"audio-{place + 1}-{number}"
                clip = _add_clip(track, each, name, (begin, begin + length), files, cuts)
                source = ET.SubElement(clip, "sourcetrack")
                _add(source, "mediatype", "audio")
                _add(source, "trackindex", channels[number - 1][place])
            begin += length
    _link(root, channels)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{body}\n'


def _add_clip(
    track: ET.Element,
    cut: Cut,
    name: str,
    place: tuple[int, int],
    files: set[str],
    cuts: Sequence[Cut],
) -> ET.Element:
    """A clip on a track; its file is written out where it comes first."""
    clip = ET.SubElement(track, "clipitem", id=name)
    first, length = cut.link_frames
    _add(clip, "name", one_line(cut.clip.title) or one_line(cut.link_name))
    _add(clip, "duration", length)
    _add_rate(clip, cut.counting)
    _add(clip, "start", place[0])
    _add(clip, "end", place[1])
    _add(clip, "in", cut.in_frame - first)
    _add(clip, "out", cut.in_frame - first + cut.frames)
    number = list(dict.fromkeys(each.link_key for each in cuts)).index(cut.link_key) + 1
    file = ET.SubElement(clip, "file", id=f"file-{number}")
    if cut.link_key not in files:
        files.add(cut.link_key)
        _describe(file, cut)
    if cut.clip.query or cut.clip.verdict:
        notes = ET.SubElement(clip, "comments")
        _add(notes, "mastercomment1", one_line(f"{cut.clip.verdict}: {cut.clip.query}"))
    return clip


def _describe(file: ET.Element, cut: Cut) -> None:
    first, length = cut.link_frames
    _add(file, "name", one_line(cut.link_name))
    _add(file, "pathurl", cut.link_url.removeprefix("./"))
    _add_rate(file, cut.counting)
    _add(file, "duration", length)
    _add_timecode(file, cut.counting, cut.source_start + first)
    media = ET.SubElement(file, "media")
    shape = ET.SubElement(ET.SubElement(media, "video"), "samplecharacteristics")
    _add_rate(shape, cut.counting)
    _add(shape, "width", cut.link_size[0])
    _add(shape, "height", cut.link_size[1])
    if cut.link_tracks:
        count = sum(max(1, track.channels) for track in cut.link_tracks)
        _add(ET.SubElement(media, "audio"), "channelcount", count)


def _link(root: ET.Element, channels: Sequence[Sequence[int]]) -> None:
    """Tie the sound of each clip to its pictures."""
    for number, own in enumerate(channels, 1):
        names = [f"video-{number}", *(f"audio-{place + 1}-{number}" for place in range(len(own)))]
        if len(names) == 1:
            continue
        for name in names:
            clip = root.find(f".//clipitem[@id='{name}']")
            assert clip is not None
            for other in names:
                _add(ET.SubElement(clip, "link"), "linkclipref", other)


def _channels(cut: Cut) -> list[int]:
    """The numbers of the wanted channels of a cut's file, counted from 1 through all of its tracks."""
    wanted = {track.number for track in cut.tracks}
    numbers: list[int] = []
    channel = 1
    for track in cut.link_tracks:
        count = max(1, track.channels)
        if track.number in wanted:
            numbers += range(channel, channel + count)
        channel += count
    return numbers[:MOST_CHANNELS]


def _add(parent: ET.Element, name: str, value: str | int) -> None:
    ET.SubElement(parent, name).text = str(value)


def _add_rate(parent: ET.Element, counting: Counting) -> None:
    rate = ET.SubElement(parent, "rate")
    _add(rate, "timebase", counting.nominal)
    _add(rate, "ntsc", "FALSE" if counting.rate.denominator == 1 else "TRUE")


def _add_timecode(parent: ET.Element, counting: Counting, frame: int) -> None:
    timecode = ET.SubElement(parent, "timecode")
    _add_rate(timecode, counting)
    _add(timecode, "string", counting.label(frame))
    _add(timecode, "frame", frame)
    _add(timecode, "displayformat", "DF" if counting.drop else "NDF")
