"""What runs on the nodes of a cluster: decodes windows, captions them, reads other tracks; imports no Ray.

The functions and classes here are plain ones. The driver has Ray run them as tasks and actors (see
``indexer.executors.cluster``), and a test may call them. Everything that they need comes with the call.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from footage.core.code_stamp import code_digest
from footage.core.errors import DecodeError, DependencyError, VideoNotFoundError, WindowError
from footage.core.types import File, Frames, Provenance, Video, Window, WindowRecord
from footage.media.decode import Source
from footage.objects.address import is_object_address
from footage.store.records import ImageVectorRow
from footage.vlm.profile import Profile
from footage.vlm.protocol import VideoModel
from indexer.captioning import CaptionTask, caption_windows
from indexer.executors.protocol import ModelFacts, WorkerParts
from indexer.plan import Job
from indexer.prefetch import DecodedWindow, UndecodedWindow, decoded_windows
from indexer.progress import ProgressTracker
from indexer.reuse import SeenWindow, seen
from indexer.tracks.image_feed import PickedShots, picked
from indexer.tracks.images import ImageMaker
from indexer.tracks.pictures import StandingPicture
from indexer.tracks.protocol import FileReader, TrackMaker, TrackReading


@dataclass(frozen=True, slots=True)
class GroupTask:
    """Consecutive windows of one file that are decoded together."""

    job: Job
    """The file."""
    windows: tuple[Window, ...]
    """Which windows, in order."""
    profile: Profile
    """Says which frames the model sees."""
    timeout_seconds: float
    """Longest silence of the decoder."""
    looks: bool
    """Whether captions are carried over, so that it matters whether anything changes."""
    image_windows: tuple[Window, ...] = ()
    """Image windows to which the frames bring pictures."""
    picture_pixels: int = 0
    """Of how many pixels the image embedder sees a picture."""
    code: str = ""
    """Digest of the code of the driver; empty to compare none."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenFrames:
    """What a decoded window showed, without its frames."""

    seen: SeenWindow
    """What it shows all the time, if it does."""
    shots: tuple[PickedShots, ...]
    """Its pictures for the image track."""
    size_bytes: int
    """Memory of its frames."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedGroup:
    """The outcome of a ``GroupTask``."""

    windows: tuple[SeenFrames | UndecodedWindow, ...]
    """One for each window, in order."""
    seconds: float
    """How long decoding took."""


@dataclass(frozen=True, slots=True, eq=False)
class CaptionedBatch:
    """The outcome of a batch of windows."""

    results: tuple[WindowRecord | WindowError, ...]
    """One for each window, in order."""
    stage_seconds: Mapping[str, float]
    """How long each stage took."""


def check_code(code: str) -> None:
    """See that this node runs the driver's code.

    Raises:
        DependencyError: It does not.
    """
    if code and code != code_digest():
        raise DependencyError(
            f"The cluster node {socket.gethostname()} has another version of footage or of Python than the "
            "machine that plans the run.",
            hint="Install the same version on every node, restart Ray there, and run the command again.",
        )


def check_readable(file: File) -> None:
    """See that a file of the driver can be read on this node; of an address that is seen when it is decoded.

    Raises:
        VideoNotFoundError: It cannot be opened.
        DecodeError: Another file lies at its path.
    """
    if is_object_address(file.path):
        return
    try:
        with Path(file.path).open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
    except OSError as exc:
        raise VideoNotFoundError(
            f"the cluster node {socket.gethostname()} cannot read {file.path}: {exc.strerror or exc}; "
            "every node needs the file at the same path"
        ) from exc
    if size < file.size_bytes:
        raise DecodeError(
            f"the cluster node {socket.gethostname()} has another file at {file.path}: it has {size:,} bytes "
            f"instead of {file.size_bytes:,}"
        )


def decode_group(task: GroupTask, source: Source | None = None) -> tuple[DecodedGroup | Frames | None, ...]:
    """Decode windows of one file.

    Args:
        task: What is to be decoded.
        source: The scan of a file that is still being written.

    Returns:
        The outcome, then the frames of each window; None for one that cannot be decoded.

    Raises:
        DependencyError: The node has other code.
    """
    check_code(task.code)
    began = time.monotonic()
    found: list[SeenFrames | UndecodedWindow] = []
    frames: list[Frames | None] = []
    for message in _decoded(task, source):
        if isinstance(message, UndecodedWindow):
            found.append(message)
            frames.append(None)
            continue
        shots = picked(message.window, message.frames, task.image_windows, most_pixels=task.picture_pixels)
        look = seen(message.window, message.frames, looks=task.looks)
        found.append(SeenFrames(look, tuple(shots), message.frames.pixels.nbytes))
        frames.append(message.frames)
    return DecodedGroup(tuple(found), time.monotonic() - began), *frames


def _decoded(task: GroupTask, source: Source | None) -> list[DecodedWindow | UndecodedWindow]:
    try:
        check_readable(task.job.file)
    except (VideoNotFoundError, DecodeError) as error:
        return [UndecodedWindow(window, str(error)) for window in task.windows]
    return list(
        decoded_windows(
            replace(task.job, growing=source),
            task.windows,
            profile=task.profile,
            timeout_seconds=task.timeout_seconds,
            spent=lambda seconds: None,
        )
    )


class CaptionWorker:
    """One model on a node."""

    def __init__(self, parts: WorkerParts, *, code: str, environment: Mapping[str, str]) -> None:
        """Load nothing yet.

        Args:
            parts: Makes the model.
            code: Digest of the code of the driver; empty to compare none.
            environment: Variables for the model, such as the key of a model server; no log has them.
        """
        self._parts = parts
        self._code = code
        self._model: VideoModel | None = None
        os.environ.update(environment)

    def load(self) -> ModelFacts:
        """Load the model.

        Raises:
            FootageError: It cannot be loaded here, or the node has other code.
        """
        check_code(self._code)
        self._model = self._parts.model()
        return ModelFacts.of(self._model)

    def caption(self, provenance: Provenance, windows: Sequence[Window], *frames: Frames) -> CaptionedBatch:
        """Caption some windows, as ``caption_windows`` does.

        Raises:
            ModelError: The model gave up.
        """
        assert self._model is not None  # ``load`` comes first
        tasks = [
            CaptionTask(window, pictures, provenance)
            for window, pictures in zip(windows, frames, strict=True)
        ]
        meter = ProgressTracker(None)
        results = caption_windows(tasks, model=self._model, timing=meter.timing)
        return CaptionedBatch(tuple(results), meter.stage_seconds)


class TrackReader:
    """The makers of other tracks on a node; one file is open at a time."""

    def __init__(self, parts: WorkerParts, *, code: str) -> None:
        """Make no maker yet; arguments as of ``CaptionWorker``."""
        self._parts = parts
        self._code = code
        self._makers: dict[str, TrackMaker] = {}
        self._reader: FileReader | None = None

    def open(self, track: str, file: File, path: str, video: Video) -> Provenance:
        """Begin a file; one that is open is closed.

        Args:
            track: The track.
            file: The file, as the driver saw it.
            path: The path to read from; that of the file or of a copy.
            video: What is in it.

        Returns:
            Under what it is read.

        Raises:
            FootageError: It cannot be read here.
        """
        check_code(self._code)
        if path == file.path:
            check_readable(file)
        self.close()
        self._reader = self._maker(track).open(path, video)
        return self._reader.provenance

    def read(self, window: Window) -> tuple[TrackReading, Provenance]:
        """Read one window of the file that is open."""
        assert self._reader is not None
        return self._reader.read(window), self._reader.provenance

    def close(self) -> None:
        """Close the file that is open."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def picture_pixels(self, track: str) -> int:
        """Of how many pixels an image embedder sees a picture."""
        return self._image_maker(track).picture_pixels

    def vectors(
        self, track: str, window: Window, pictures: Sequence[StandingPicture]
    ) -> tuple[ImageVectorRow, ...]:
        """Embed the pictures of one window."""
        return self._image_maker(track).vectors(window, pictures)

    def _image_maker(self, track: str) -> ImageMaker:
        maker = self._maker(track)
        assert isinstance(maker, ImageMaker)
        return maker

    def _maker(self, track: str) -> TrackMaker:
        if track not in self._makers:
            self._makers[track] = self._parts.maker(track)
        return self._makers[track]
