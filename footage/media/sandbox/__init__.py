"""The door to video files: what ``footage.media.video`` and the writers of clips do, done in child processes.

Everything that opens a file whose content is not trusted comes through here; what it does, and what may go
wrong, is said at the function of the same name in ``footage.media.video``, ``footage.media.clip``,
``footage.media.concat``, ``footage.media.animation``, ``footage.media.frame_grid``,
``footage.media.images``, ``footage.media.audio`` and ``footage.media.subtitles``. A crash, a hang, a false
answer or a hunger for memory of a decoder is a DecodeError of that one file.
"""

from footage.media.sandbox.reading import (
    WHOLE,
    SandboxSampler,
    cut_start,
    digests,
    embedded_subtitles,
    frame_at,
    open_sound,
    probe,
    probe_image,
    read_grid,
    read_image,
    read_sound,
    read_subtitles,
    recorded_tag_of,
    sample,
    scan,
    subtitle_tracks,
)
from footage.media.sandbox.writing import (
    copy_clip,
    painted_picture,
    write_animation,
    write_clip,
    write_picture,
    write_preview,
    write_reel,
    write_thumbnail,
)

__all__ = [
    "WHOLE",
    "SandboxSampler",
    "copy_clip",
    "cut_start",
    "digests",
    "embedded_subtitles",
    "frame_at",
    "open_sound",
    "painted_picture",
    "probe",
    "probe_image",
    "read_grid",
    "read_image",
    "read_sound",
    "read_subtitles",
    "recorded_tag_of",
    "sample",
    "scan",
    "subtitle_tracks",
    "write_animation",
    "write_clip",
    "write_picture",
    "write_preview",
    "write_reel",
    "write_thumbnail",
]
