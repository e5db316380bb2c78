"""The audio tracks of a file, as its header has them, and which of them are wanted; decodes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from footage.media.creation_time import plain_tag

AudioChoice = Literal["all", "main"] | tuple[int, ...]
"""Which tracks of each file are wanted: all, the one that players play unasked, or those with these numbers,
counted from 1; none for an empty tuple."""


MOST_TRACKS = 100
"""Most audio tracks of a file; further ones are passed over."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio track of a file."""

    number: int
    """Counted from 1 among the audio tracks of its file."""
    stream_index: int
    """Index of the stream in the container."""
    codec: str
    """FFmpeg's name of the codec; empty where no decoder is known."""
    channels: int
    """Number of channels; 0 where that is not known."""
    language: str = ""
    """Three letters, as written in the container; empty where it says nothing, or "und"."""
    title: str = ""
    """As written in the container."""
    default: bool = False
    """Whether players play it unasked."""

    @property
    def layout(self) -> str:
        """As it is encoded again: "mono" or "stereo"."""
        return "mono" if self.channels == 1 else "stereo"

    def __str__(self) -> str:
        """In words, such as "2 (eng, Commentary, 1 channel)"."""
        channels = f"{self.channels} channel{'' if self.channels == 1 else 's'}"
        return f"{self.number} ({', '.join(filter(None, (self.language, self.title, channels)))})"


def audio_tracks(container: Any) -> tuple[AudioTrack, ...]:
    """The audio tracks of an open PyAV container, in its order."""
    import av

    tracks = []
    for number, stream in enumerate(container.streams.audio[:MOST_TRACKS], 1):
        context, language = stream.codec_context, plain_tag(stream.metadata, "language")
        tracks.append(
            AudioTrack(
                number,
                stream.index,
                context.name if context is not None else "",
                context.channels if context is not None else 0,
                "" if language == "und" else language,
                plain_tag(stream.metadata, "title") or plain_tag(stream.metadata, "name"),
                bool(stream.disposition & av.stream.Disposition.default),
            )
        )
    return tuple(tracks)


def choose(tracks: Sequence[AudioTrack], choice: AudioChoice) -> tuple[AudioTrack, ...]:
    """The tracks that are wanted, in the order of the file; numbers that there are not are left out."""
    if choice == "all":
        return tuple(tracks)
    if choice == "main":
        return tuple([track for track in tracks if track.default] or tracks)[:1]
    return tuple(track for track in tracks if track.number in choice)


def keep_names(stream: Any, track: AudioTrack) -> None:
    """Note in a new PyAV stream the language and title of the track it holds, and whether players play it."""
    import av

    if track.language:
        stream.metadata["language"] = track.language
    if track.title:
        stream.metadata["title"] = stream.metadata["handler_name"] = track.title  # players read one or other
    stream.disposition = av.stream.Disposition.default if track.default else 0
