"""Edit decision lists in the CMX 3600 form, and lists of markers as DaVinci Resolve reads them; pure text.

An event's line has its number, the reel, the channels, "C" for cut, then in and out of the source and of the
record, out exclusive. All four count at one rate, so clips of different rates need a list each
(``cuts.by_counting``). Drop-frame timecode has a semicolon before the frames, and "FCM: DROP FRAME" says so.
The writer of OpenTimelineIO's CMX 3600 adapter (1.0.0) leaves that line out and takes any 29.97 for drop
frame, so lists are written here; its reader reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from footage.core.errors import UsageError
from footage.media.audio_tracks import AudioTrack
from service.export.cuts import Cut
from service.export.names import one_line
from service.export.overlaps import Marker, apart
from service.export.smpte import Counting

MOST_EVENTS = 999
"""An event's number has three digits."""
_FOUND, _OTHER = "ResolveColorBlue", "ResolveColorYellow"


def edl(cuts: Sequence[Cut], *, title: str, start: str, reels: Mapping[str, str]) -> str:
    """A list of cuts, one after the other on the record side.

    Args:
        cuts: All of one counting; at least one.
        title: Of the list.
        start: Timecode at which the record side begins.
        reels: A reel name for each file, by ``Cut.link_key`` (``names.reel_names``).

    Raises:
        UsageError: There are more cuts than a list can hold, or no such timecode.
    """
    counting = cuts[0].counting
    if len(cuts) > MOST_EVENTS:
        raise UsageError(f"An EDL holds at most {MOST_EVENTS} events, not {len(cuts)}.", hint="Export fewer.")
    record = counting.frame(start)
    lines = _head(title, counting)
    for number, each in enumerate(cuts, 1):
        channels = "AA/V" if each.tracks else "V"
        times = *each.timecodes, counting.label(record), counting.label(record + each.frames)
        record += each.frames
        lines += [
            f"{number:03d}  {reels[each.link_key]:<8} {channels:<5} C        {' '.join(times)}",
            *_more_channels(each.tracks),
            f"* FROM CLIP NAME: {one_line(each.link_name)}",
            f"* SOURCE FILE: {one_line(each.link_path)}",
            f"* COMMENT: {one_line(f'{each.clip.verdict}: {each.clip.title}')}",
            *(f"* AUDIO TRACK {one_line(str(track))}" for track in each.tracks),
            "",
        ]
    return "\n".join(lines)


def _more_channels(tracks: Sequence[AudioTrack]) -> list[str]:
    """The line that adds channels 3 and 4, the last that CMX 3600 has, where tracks need them."""
    count = min(sum(max(1, track.channels) for track in tracks), 4) if len(tracks) > 1 else 0
    return [f"AUD  {'  '.join(map(str, range(3, count + 1)))}"] if count > 2 else []


def marker_edl(cuts: Sequence[Cut], *, title: str, start: str) -> str:
    """Markers for a timeline that holds one video from its first frame on.

    Args:
        cuts: All of one video; at least one.
        title: Of the list.
        start: Timecode at which the timeline begins; the video's own where it is empty.

    Raises:
        UsageError: There is no such timecode.
    """
    counting = cuts[0].counting
    begin = counting.frame(start) if start else cuts[0].source_start
    moments = [
        Marker(each.in_frame, each.out_frame, (each.clip.title,), each.clip.verdict == "found")
        for each in cuts
    ]
    lines = _head(title, counting)
    for number, moment in enumerate(apart(moments), 1):
        first, second = counting.label(begin + moment.start), counting.label(begin + moment.start + 1)
        name = one_line(" / ".join(moment.names).replace("|", "/"))
        colour = _FOUND if moment.sure else _OTHER
        lines += [
            f"{number:03d}  001      V     C        {first} {second} {first} {second}",
            f" |C:{colour} |M:{name} |D:{moment.end - moment.start}",
            "",
        ]
    return "\n".join(lines)


def _head(title: str, counting: Counting) -> list[str]:
    mode = "DROP FRAME" if counting.drop else "NON-DROP FRAME"
    return [f"TITLE: {one_line(title)}", f"FCM: {mode}", ""]
