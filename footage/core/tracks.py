"""Names of the tracks: kinds of description of a video, each with windows of its own; no behaviour."""

from __future__ import annotations

CAPTION_TRACK = "caption"
"""The track of what a model writes about the pictures. A track is one kind of description of a video; others
stand beside it with windows, events and vectors of their own."""
SPEECH_TRACK = "speech"
"""The track of what is said, as a speech recogniser heard it."""
SCREEN_TEXT_TRACK = "screen-text"
"""The track of what is written in the picture, as a text recogniser read it."""
SUBTITLE_TRACK = "subtitles"
"""The track of subtitles: those in files beside the video, and those inside it."""
TRACKS = (CAPTION_TRACK, SPEECH_TRACK, SCREEN_TEXT_TRACK, SUBTITLE_TRACK)
"""Every track with a text, in the order in which they are shown."""
IMAGE_TRACK = "image"
"""The track of image vectors, as settings name it. It has no texts, and one track of windows for each image
embedder: see ``image_track``."""
RUN_TRACKS = (*TRACKS, IMAGE_TRACK)
"""Every track that an index run can make."""


def image_track(embedder: str) -> str:
    """The track of windows whose image vectors of one embedder are committed, such as "image:demo-clip"."""
    return f"{IMAGE_TRACK}:{embedder}"


def is_image_track(track: str) -> bool:
    """Whether a track of windows is one of image vectors."""
    return track.startswith(f"{IMAGE_TRACK}:")


def image_embedder_of(track: str) -> str:
    """The image embedder of an image track."""
    return track.removeprefix(f"{IMAGE_TRACK}:")
