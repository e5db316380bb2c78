"""The exceptions this project raises on purpose; it does not word them for a terminal or a page.

FootageError                 anything that is not a bug: one sentence (what, why), one hint (what to do next)
├── UsageError               the request makes no sense: empty query, unknown model name, bad option (exit 2)
├── FileError                a file or folder that was named is missing, empty or cannot be used
├── VideoError               one file cannot be used; an index run records it and goes on
│   ├── VideoNotFoundError   no such file, or it may not be read
│   │   └── SourceOfflineError   the store that holds it cannot be reached, or denies access, for now
│   ├── NotAVideoError       the container is not one we open, or there is no video stream in it
│   └── DecodeError          the file is a video, but cannot be decoded (corrupt, hung, too large)
├── ModelError               the model cannot be used
│   ├── ModelUnavailableError  weights missing, gated, or no hub
│   │   └── WaitStoppedError     the caller stopped waiting for a model server that is away
│   ├── WrongCheckpointError   the folder is not a checkpoint this profile can run
│   └── WindowError            one window is too much for it; others are unaffected
│       ├── ModelMemoryError     out of memory even at batch 1
│       └── WindowRefusedError   a server takes the model's other windows, and not this one
├── DependencyError          a library or system package is missing or does not fit
└── StoreError               the index
    ├── StoreMissingError    there is no index there
    ├── StoreCorruptError    there is something there, but it is not a readable index
    ├── SchemaMismatchError  written by another schema version, or for another model
    ├── StoreBusyError       another run is writing to it
    └── StoreFullError       the disk is full or read-only
"""

from __future__ import annotations


class FootageError(Exception):
    """Anything that went wrong and is not a bug.

    ``str(error)`` is one sentence saying what and why; ``error.hint`` says what to do next (may be empty).
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(FootageError):
    """The request makes no sense as given."""


class FileError(FootageError):
    """A file or folder that was named is missing, holds nothing, or cannot be read or written."""


class VideoError(FootageError):
    """One video file cannot be used; other files are unaffected."""


class VideoNotFoundError(VideoError):
    """The path does not exist or may not be read."""


class SourceOfflineError(VideoNotFoundError):
    """What holds the file cannot be reached, or denies access; nothing is known of the file itself."""


class NotAVideoError(VideoError):
    """The file is no container on the allow-list, or holds no video stream."""


class DecodeError(VideoError):
    """The file is a video, but its frames cannot be decoded."""


class ModelError(FootageError):
    """A model cannot be used."""


class ModelUnavailableError(ModelError):
    """The model files are unavailable: missing, gated, or the hub is not reachable."""


class WaitStoppedError(ModelUnavailableError):
    """The caller did not want to wait any longer for a model server that is away."""


class WrongCheckpointError(ModelError):
    """The folder or repository is not a checkpoint that this profile can run."""


class WindowError(ModelError):
    """The model cannot take one window; other windows are unaffected."""


class ModelMemoryError(WindowError):
    """The model ran out of memory even with a single window in the batch."""


class WindowRefusedError(WindowError):
    """A model server refuses a window, and takes others."""


class DependencyError(FootageError):
    """A library or a system package is missing, or does not fit the others."""


class StoreError(FootageError):
    """The index cannot be used."""


class StoreMissingError(StoreError):
    """No index was found at the given path."""


class StoreCorruptError(StoreError):
    """Something is there, but it cannot be read as an index."""


class SchemaMismatchError(StoreError):
    """The index was written by another schema version, or under settings that do not mix with these."""


class StoreBusyError(StoreError):
    """Another run is writing to the index."""


class StoreFullError(StoreError):
    """The disk is full or may not be written."""
