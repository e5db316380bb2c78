"""Where clips lie on the frame grids of their videos: what is written, and how an editor counts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from footage.core.errors import UsageError, VideoError
from footage.core.timecode import format_time
from footage.core.types import Span
from footage.media.audio_tracks import AudioChoice, AudioTrack, choose
from footage.media.containers import display_name
from footage.media.frame_grid import FrameGrid
from footage.media.sandbox import read_grid
from footage.media.segment import Stretch, stretch_in
from footage.objects.paths import absolute, media_path
from service.export.clips import Clip
from service.export.smpte import Counting, counting


@dataclass(frozen=True, slots=True)
class TrimmedFile:
    """A file that holds a part of a source, with the source's timecode; a cut may link to it instead."""

    file: str
    """Its path as lists name it: relative to the folder that they lie in, with "/"."""
    first: int
    """Number of the source's frame that it begins with, as ``Cut.in_frame`` counts."""
    frames: int
    """Its length in frames."""
    tracks: tuple[AudioTrack, ...]
    """The source's audio tracks that it holds, mono or stereo."""
    size: tuple[int, int]
    """Width and height of its pictures."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A clip to the frame: from the first at or after its start to the last that begins before its end."""

    clip: Clip
    """What was asked for."""
    stretch: Stretch
    """The frames."""
    grid: FrameGrid
    """How the frames of the file are counted."""
    counting: Counting
    """Rate, and whether labels are dropped."""
    source_start: int
    """Timecode of the video's first frame, as a number of frames."""
    audio: AudioChoice = "all"
    """Which audio tracks of the file are wanted."""
    warnings: tuple[str, ...] = ()
    """Where it is not exact, a sentence each."""
    linked: TrimmedFile | None = None
    """The file that lists link to; the source itself when None."""

    @property
    def span(self) -> Span:
        """What is written, in video time."""
        return self.stretch.span

    @property
    def name(self) -> str:
        """The source file's own name, printable."""
        return display_name(self.clip.path)

    @property
    def tracks(self) -> tuple[AudioTrack, ...]:
        """The audio tracks that are wanted, as far as the file has them."""
        return choose(self.grid.tracks, self.audio)

    @property
    def in_frame(self) -> int:
        """Number of the first frame, from 0 for the video's first, at the counting's rate."""
        return self.grid.frame(self.stretch.begin)

    @property
    def out_frame(self) -> int:
        """Number of the frame after the last."""
        past = self.grid.frame(self.stretch.end)
        if self.linked is not None:  # the last frame of uneven ones may be rounded away
            past = min(past, self.linked.first + self.linked.frames)
        return max(self.in_frame + 1, past)

    @property
    def frames(self) -> int:
        """Length in frames of the counting."""
        return self.out_frame - self.in_frame

    @property
    def source_frames(self) -> int:
        """Length of the whole video in frames of the counting."""
        table = self.stretch.table
        return max(self.out_frame, self.grid.frame(int(table.pts[-1] + table.durations[-1])))

    @property
    def link_key(self) -> str:
        """Tells the files apart that lists link to."""
        return self.linked.file if self.linked else self.clip.path

    @property
    def link_name(self) -> str:
        """The own name of the file that lists link to, printable."""
        return self.linked.file.rsplit("/", 1)[-1] if self.linked else self.name

    @property
    def link_path(self) -> str:
        """The path of the file that lists link to."""
        return self.linked.file if self.linked else self.clip.path

    @property
    def link_url(self) -> str:
        """The address of the file that lists link to: relative to the list, or a file URL."""
        return f"./{quote(self.linked.file)}" if self.linked else absolute(self.clip.path).as_uri()

    @property
    def link_frames(self) -> tuple[int, int]:
        """First frame and length of the file that lists link to, as frames of the source."""
        return (self.linked.first, self.linked.frames) if self.linked else (0, self.source_frames)

    @property
    def link_tracks(self) -> tuple[AudioTrack, ...]:
        """The audio tracks of the file that lists link to."""
        if self.linked is None:
            return self.grid.tracks
        return tuple(replace(track, channels=min(2, max(1, track.channels))) for track in self.linked.tracks)

    @property
    def link_size(self) -> tuple[int, int]:
        """Width and height of the pictures of the file that lists link to."""
        return self.linked.size if self.linked else (self.clip.video.width, self.clip.video.height)

    @property
    def timecodes(self) -> tuple[str, str]:
        """In and out (exclusive) in the source's timecode."""
        start = self.source_start
        return self.counting.label(start + self.in_frame), self.counting.label(start + self.out_frame)

    def frames_at(self, counting: Counting) -> int:
        """Frames of a sequence of some counting that it fills at its own speed, at least one."""
        return max(1, int(self.frames / self.counting.rate * counting.rate))

    def at_most(self, seconds: float) -> Cut:
        """The same from its first frame on, no longer than this, but for a single frame."""
        return replace(self, stretch=self.stretch.at_most(seconds))


def cut(clip: Clip, *, drop: bool = True, audio: AudioChoice = "all", timeout_seconds: float = 120) -> Cut:
    """Find the frames of a clip.

    Args:
        clip: What is wanted.
        drop: Whether 29.97 and 59.94 are counted with drop frame where the video does not say.
        audio: Which audio tracks are wanted; one that the file does not have is a warning.
        timeout_seconds: Give up on the file after this long without progress.

    Raises:
        VideoError: The file is gone, cannot be read, ends before the clip, or is another than was indexed.
    """
    grid = read_grid(clip.path, timeout_seconds=timeout_seconds)
    if clip.video.size_bytes and media_path(clip.path).stat().st_size != clip.video.size_bytes:
        raise VideoError(
            f"{display_name(clip.path)} differs from the indexed file: another size",
            hint="Index the file again, then repeat the search.",
        )
    stretch = stretch_in(grid.table, clip.span)
    timecode = clip.timecode or grid.timecode
    counted, warnings = counting(grid.rate, timecode=timecode, drop=drop), list(grid.warnings)
    for gap in grid.table.gaps:
        if gap.start_seconds < clip.span.end_seconds and gap.end_seconds > clip.span.start_seconds:
            warnings.append(
                f"{display_name(clip.path)} has no frames from {format_time(gap.start_seconds)} to "
                f"{format_time(gap.end_seconds)}; the clip ends at this gap"
            )
    try:
        start = counted.frame(timecode) if timecode else 0
    except UsageError:
        start = 0
        name = display_name(clip.path)
        warnings.append(f"{name} has an invalid timecode for {counted.name} fps; timecodes start from 0")
    missing = [number for number in audio if number > len(grid.tracks)] if isinstance(audio, tuple) else []
    for number in missing:
        count = len(grid.tracks)
        warnings.append(f"{display_name(clip.path)} has no audio track {number}; it has {count or 'none'}")
    return Cut(clip, stretch, grid, counted, start, audio, tuple(warnings))


def by_counting(cuts: Sequence[Cut]) -> dict[Counting, list[Cut]]:
    """Cuts that one list of edits can hold together, in order: a list has one rate and one way to count."""
    groups: dict[Counting, list[Cut]] = defaultdict(list)
    for each in cuts:
        groups[each.counting].append(each)
    return dict(groups)


def by_source(cuts: Sequence[Cut]) -> dict[str, list[Cut]]:
    """Cuts by the path of their source, in order of first appearance."""
    groups: dict[str, list[Cut]] = defaultdict(list)
    for each in cuts:
        groups[each.clip.path].append(each)
    return dict(groups)


def by_link(cuts: Sequence[Cut]) -> dict[str, list[Cut]]:
    """Cuts by the file that lists link to (``Cut.link_key``), in order of first appearance."""
    groups: dict[str, list[Cut]] = defaultdict(list)
    for each in cuts:
        groups[each.link_key].append(each)
    return dict(groups)
