"""The nouns of the project as frozen dataclasses; standard library only, no behaviour but checks.

Times are video time throughout: seconds of presentation time since the first frame of the video stream. All
of them are put on one grid of whole microseconds (``on_grid``) when a type here takes them, so that a time
that was rounded and one that was not never meet in a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from footage.core.tracks import CAPTION_TRACK

if TYPE_CHECKING:
    import numpy as np

FileState = Literal["new", "waiting", "indexed", "partial", "failed", "skipped", "offline", "gone"]
ClockSource = Literal["", "container", "file name", "burned-in", "guessed"]
FinishReason = Literal["stop", "length"]
Verdict = Literal["found", "uncertain", "not checked", "not found"]

IMAGE = "image"
"""``Video.container`` of an image file, which is asked about as a moment without a time."""


def on_grid(seconds: float) -> float:
    """The nearest whole microsecond, in seconds. Container clocks are coarser (1/90000 s is 11 microseconds).

    What is not finite stays as it is.
    """
    return round(seconds, 6)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open interval of video time, ``start_seconds <= t < end_seconds``; its ends are put on the grid.

    Raises:
        ValueError: The ends are not finite, the start is negative, or the end lies before the start.
    """

    start_seconds: float
    """First instant inside, in seconds; never negative."""
    end_seconds: float
    """First instant after, in seconds; never before the start."""

    def __post_init__(self) -> None:
        _put_on_grid(self, "start_seconds", "end_seconds")
        if not (math.isfinite(self.start_seconds) and math.isfinite(self.end_seconds)):
            raise ValueError(f"a span needs finite ends, got {self.start_seconds} and {self.end_seconds}")
        if not 0 <= self.start_seconds <= self.end_seconds:
            raise ValueError(
                f"a span needs 0 <= start <= end, got {self.start_seconds} and {self.end_seconds}"
            )

    @property
    def middle_seconds(self) -> float:
        """The moment halfway."""
        return (self.start_seconds + self.end_seconds) / 2

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return on_grid(self.end_seconds - self.start_seconds)

    @classmethod
    def clamped(cls, start_seconds: float, end_seconds: float, *, within: Span | None = None) -> Span:
        """The span between two times that may lie outside ``within`` (None: before 0) or in the wrong order.

        Both ends are moved to the nearest time inside; an end before the start becomes the start.

        Raises:
            ValueError: A time is not finite.
        """
        first, last = (0.0, math.inf) if within is None else (within.start_seconds, within.end_seconds)
        start = min(max(on_grid(start_seconds), first), last)
        return cls(start, max(start, min(on_grid(end_seconds), last)))


def footage_seconds(duration_seconds: float, gaps: Iterable[Span]) -> float:
    """The length of a video without its gaps."""
    return on_grid(duration_seconds - sum(gap.duration_seconds for gap in gaps))


def _put_on_grid(record: object, *names: str) -> None:
    """Put some times of a frozen dataclass on the grid."""
    for name in names:
        object.__setattr__(record, name, on_grid(getattr(record, name)))


@dataclass(frozen=True, slots=True)
class File:
    """A place on disk. Several files may hold the same content."""

    path: str
    """Absolute path."""
    content_id: str
    """Identity of the bytes (see ``indexer.library``); empty while unknown (an unreadable file)."""
    size_bytes: int = 0
    """Size when last seen."""
    modified_at: float = 0.0
    """Modification time when last seen, seconds since the epoch."""
    fingerprint: str = ""
    """Hash of size and sampled bytes; equal fingerprints are candidates for equal content, no more."""
    collection: str = ""
    """Name of the library folder the file was found under, or the one that was given."""
    root: str = ""
    """Absolute path of the folder (or file) that was asked for and led here."""
    duration_seconds: float = 0.0
    """Length of the video in it; 0 while unknown."""
    camera: str = ""
    """Camera name, where known."""
    recorded_at: str = ""
    """Wall-clock time of the first frame, ISO 8601, where known."""
    clock_source: ClockSource = ""
    """Where ``recorded_at`` comes from: "container", "file name", "burned-in", "guessed" or empty."""
    state: FileState = "new"
    """What the index holds of it: all ("indexed"), some ("partial") or nothing of its video; "new" while it
    is being captioned, "waiting" while it is still being written, only other tracks of it are being read, or
    its turn has not come, "skipped" when it was left out on request, "offline" when its root cannot be
    reached, "gone" when it is no longer there."""
    reason: str = ""
    """One sentence saying why, for every state but "new", "indexed" and "gone"."""
    tries: int = 0
    """Runs that failed on these bytes, in whole or in part."""
    tried_at: float = 0.0
    """When the last of them did, seconds since the epoch."""

    def __post_init__(self) -> None:
        _put_on_grid(self, "duration_seconds")


@dataclass(frozen=True, slots=True)
class Video:
    """A content: what the bytes hold, wherever they lie."""

    content_id: str
    """Identity of the bytes; empty when only probed."""
    duration_seconds: float
    """From the first frame's presentation time to the end of the last frame."""
    width: int
    """Display width in pixels, rotation applied."""
    height: int
    """Display height in pixels, rotation applied."""
    fps: float
    """Average frames per second; an indication, never used to compute times."""
    codec: str
    """Name of the video codec, as FFmpeg spells it."""
    container: str = ""
    """Container format, as FFmpeg spells it."""
    rotation_degrees: int = 0
    """Rotation that was applied: 0, 90, 180 or 270."""
    start_pts_seconds: float = 0.0
    """Presentation time of the first frame in the container's own clock; video time 0."""
    variable_frame_rate: bool = False
    """True when frame times are not evenly spaced."""
    stream_index: int = 0
    """Which stream of the container was chosen."""
    decoder: str = ""
    """What reads it: "pyav sparse", "torchcodec", "torchcodec exact" or "pyav"."""
    size_bytes: int = 0
    """Size of the file."""
    created_at: str = ""
    """When it was recorded according to the container, as written there; empty where it says nothing."""
    warnings: tuple[str, ...] = ()
    """What is known to be wrong with it, a sentence each (for example: truncated at 13.6 s)."""
    gaps: tuple[Span, ...] = ()
    """Where it has no frames for so long that nothing is looked at (see
    ``footage.media.discontinuities.GAP_SECONDS``), in order, in video time."""

    def __post_init__(self) -> None:
        _put_on_grid(self, "duration_seconds", "start_pts_seconds")

    @property
    def is_image(self) -> bool:
        """Whether it is an image file, a single picture without a length."""
        return self.container == IMAGE

    @property
    def gap_seconds(self) -> float:
        """Length of its gaps together."""
        return on_grid(sum(gap.duration_seconds for gap in self.gaps))

    @property
    def footage_seconds(self) -> float:
        """Its length without its gaps."""
        return footage_seconds(self.duration_seconds, self.gaps)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a video that the model sees at once."""

    content_id: str
    """The video."""
    index: int
    """Number of the window in its video, from 0."""
    span: Span
    """Where it lies, in video time."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The pictures of one window, in memory for the length of a call and never stored."""

    pixels: np.ndarray
    """uint8 array of shape (frames, height, width, 3), RGB, display orientation."""
    times_seconds: tuple[float, ...]
    """Presentation time of each frame, in video time, ascending; same length as ``pixels``."""
    span: Span
    """The window these were asked for, in video time."""
    decoder: str = ""
    """What decoded them: "pyav sparse", "torchcodec", "torchcodec exact" or "pyav"."""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.shape[3] != 3:
            raise ValueError(f"frames must be (frames, height, width, 3), got {self.pixels.shape}")
        if len(self.times_seconds) != len(self.pixels):
            raise ValueError(f"{len(self.pixels)} frames need as many times, got {len(self.times_seconds)}")
        object.__setattr__(self, "times_seconds", tuple(map(on_grid, self.times_seconds)))


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of speech."""

    span: Span
    """When it is said, in video time."""
    text: str
    """The word with its punctuation, without spaces around it."""
    confidence: float
    """Probability that the recogniser gives it, 0 to 1."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """Where in the picture a text is at one time, as shares of the picture's width and height, 0 to 1."""

    at_seconds: float
    """When it was seen there, in video time."""
    left: float
    """Distance of its left edge from the left edge of the picture."""
    top: float
    """Distance of its upper edge from the upper edge of the picture."""
    right: float
    """Distance of its right edge from the left edge of the picture."""
    bottom: float
    """Distance of its lower edge from the upper edge of the picture."""
    text: str = ""
    """What is read there at that time, where it differs from the event's text: the readings of a clock."""

    def __post_init__(self) -> None:
        _put_on_grid(self, "at_seconds")
        if not (0 <= self.left <= self.right <= 1 and 0 <= self.top <= self.bottom <= 1):
            raise ValueError(
                f"a text box needs 0 <= left <= right <= 1 and 0 <= top <= bottom <= 1, got {self.left}, "
                f"{self.top}, {self.right}, {self.bottom}"
            )


@dataclass(frozen=True, slots=True)
class CaptionEvent:
    """One line of a caption, or one event of another track: an utterance, a subtitle, a text on screen."""

    span: Span
    """When, in video time, inside the window."""
    text: str
    """What happens, is said or is written."""
    confidence: float | None = None
    """How sure the recogniser is of the text, 0 to 1; None where nothing says so."""
    language: str = ""
    """Its language as ISO 639-1 ("en"), or as the file has it; empty while unknown."""
    words: tuple[SpokenWord, ...] = ()
    """The words with their times; speech alone has them."""
    boxes: tuple[TextBox, ...] = ()
    """Where it is in the picture, by time; text in the picture alone has them."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The model's caption of one window."""

    scene: str
    """The scene paragraph; may be empty."""
    events: tuple[CaptionEvent, ...]
    """The timed lines in the order written, in video time."""
    raw: str
    """The model's answer, untouched."""
    finish_reason: FinishReason
    """"stop", or "length" when the token cap cut the answer."""
    notes: tuple[str, ...] = ()
    """What had to be done to read it, a few words each: "unreadable", "truncated", "3 repeats left out"."""
    draft: str = ""
    """The first answer, untouched, of a model that captions in two stages; otherwise empty."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Under what a window was captioned; captions with unequal provenance mix only on request."""

    model: str
    """Repository or folder name of the model."""
    revision: str
    """Commit, or content hash for a local folder."""
    prompt_version: str
    """Version of the prompt contract."""
    budget: str
    """Pixel and frame budget, spelled out."""
    cutting: str = ""
    """How videos were cut into windows, such as "30 s, 5 s shared"; filled in by the indexer."""


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """The row that commits one captioned window: the single source of truth for its events and vectors."""

    window: Window
    """Which window."""
    caption: Caption
    """What the model said, parsed and raw."""
    provenance: Provenance
    """Under what."""
    track: str = CAPTION_TRACK
    """Which kind of description it is."""
    reused_from: str = ""
    """Id of the captioned window whose caption was carried over, because the picture is the same (see
    ``footage.media.stillness``); empty for a caption of its own."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the indexer, from start to end."""

    id: str
    """Names it; later runs sort after earlier ones."""
    started_at: float
    """Seconds since the epoch."""
    ended_at: float = 0.0
    """Seconds since the epoch; 0 for a run that goes on, or was killed."""
    paths: tuple[str, ...] = ()
    """What it was asked to index, absolute."""
    outcome: str = ""
    """"done", or why it stopped; empty while it goes on."""
    windows_captioned: int = 0
    """Windows that the model saw."""
    seconds_captioned: float = 0.0
    """Footage seconds of those, overlaps counted once."""
    stage_seconds: tuple[tuple[str, float], ...] = ()
    """Where the time went, by stage; stages run side by side, so the sum may exceed the whole."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in a video, as the index holds it."""

    id: str
    """Deterministic: the same content, span and text give the same id."""
    content_id: str
    """The video."""
    span: Span
    """When, in video time."""
    text: str
    """What, in the model's words."""
    window_indexes: tuple[int, ...]
    """The windows that saw it, ascending."""
    track: str = CAPTION_TRACK
    """The track that it was derived from."""
    confidence: float | None = None
    """How sure the recogniser is of the text, 0 to 1; None where nothing says so."""
    language: str = ""
    """Language of the text; empty while unknown."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One row that retrieval brought back, before anything is grouped or grounded."""

    owner_kind: Literal["event", "scene", "passage", "video"]
    """What the text describes: one event, the scene of one window, a passage of a video, or all of it."""
    owner_id: str
    """Id of the event; "content_id/window index" for a scene, "content_id/passage/number" for a passage; the
    content id for a video."""
    content_id: str
    """The video."""
    window_indexes: tuple[int, ...]
    """The windows concerned; empty for a whole video."""
    span: Span
    """When, in video time."""
    text: str
    """The text that was matched."""
    score: float
    """Higher is better; only comparable within one result list."""
    similarity: float = 0.0
    """How near the text comes to the query, 0 to 1, whatever else there is; filled in by retrieval."""
    track: str = CAPTION_TRACK
    """The track that the text belongs to."""
    confidence: float | None = None
    """How sure the recogniser is of the text, 0 to 1; None where nothing says so."""
    language: str = ""
    """Language of the text; empty while unknown."""
    wrong: str = ""
    """What an audit found wrong in the caption, one sentence; empty for nothing, and without an audit."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video worth asking the model about."""

    video: Video
    """The video."""
    hits: tuple[Hit, ...]
    """What retrieval found there, best first."""
    score: float
    """Fused retrieval score; higher is better."""


@dataclass(frozen=True, slots=True)
class Match:
    """One answer."""

    video: Video
    """The video."""
    path: str
    """A file that holds it."""
    span: Span
    """When, in video time."""
    text: str
    """The indexed text that led there; empty when a file was searched without an index."""
    score: float
    """How near the indexed text comes to the query, 0 to 1; without an index, how sure the model was."""
    grounded: bool
    """True when the model was asked about this very window and its answer is the span."""
    verdict: Verdict
    """What the evidence says; "not checked" where the model did not look."""
    confidence: float | None = None
    """How sure the evidence makes, 0 to 1; None where the model was not asked, or named something else."""
    calibrated: bool = False
    """True when the confidence was fitted on labelled answers of this model."""
    measures: tuple[tuple[str, float], ...] = ()
    """The evidence in numbers, by name (see ``search.grounding.evidence``)."""
    raw: str = ""
    """The model's answer, untouched; empty without grounding."""
    window: Window | None = None
    """The window the model was asked about."""
    evidence: tuple[str, ...] = field(default=())
    """Why the verdict is what it is, a short sentence each."""
    offline: bool = False
    """True when none of the files that hold it can be reached now."""
    parts: tuple[Match, ...] = ()
    """The answers to the events of a combined query ("A THEN B"), in its order; for "without" that to the
    first alone. Empty for a query about one event."""
    track: str = CAPTION_TRACK
    """The track that answers: captions for what is seen, another for what is said or written."""
    marks: tuple[tuple[int, int], ...] = ()
    """Where in ``text`` the wanted words are: first character and the one after the last, ascending."""
    language: str = ""
    """Language of the text; empty while unknown."""
    boxes: tuple[TextBox, ...] = ()
    """Where the text is in the picture, by time; of text in the picture alone."""
    similar: tuple[Match, ...] = ()
    """Answers that show the same scene and are listed under this one, best first; of answers that are grouped
    by scene alone."""
    carried_over_from: str = ""
    """Where the caption was carried over from, because the picture is the same: a time such as "0:30.0", of
    another video with its file; empty for a caption of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said."""

    raw: str
    """Decoded text without special tokens, otherwise untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""
    token_logprobs: tuple[float, ...] | None = None
    """Natural log of each generated token's probability, or None where the backend does not tell."""
    token_texts: tuple[str, ...] | None = None
    """What each of those tokens spells, the end token as ""; None where the backend does not tell."""


@dataclass(frozen=True, slots=True)
class Point:
    """One place at one moment."""

    time_seconds: float
    """When, in video time."""
    object_id: int
    """Which object: points with the same number are of one."""
    x: float
    """Pixels from the left edge of the source's frame, 0 to its width."""
    y: float
    """Pixels from the top, 0 to its height."""
