"""Carries captions over between windows of a fixed camera in which nothing changes; knows no model.

A window's caption is carried over when three things are true: nothing changes inside the window, no patch of
any frame differs from what an earlier captioned window shows all the time (``footage.media.stillness``), and
that window was captioned under the same settings. The earlier window, the *reference*, was itself looked at
by the model: what is carried over is never carried on, so that small changes add up until they are seen.

What is decided about a window depends on the windows before it alone, in the order of files and times, not on
batches: an index of a killed and resumed run equals that of an unbroken one.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from footage.core.corrections import standing
from footage.core.errors import WindowError
from footage.core.timecode import overlap_seconds
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import File, Frames, Provenance, Span, Video, Window, WindowRecord
from footage.media.stillness import StillPicture, is_same, patch_levels, still_picture
from footage.objects.paths import media_path
from footage.store import Store
from footage.store.records import StillRow, window_id
from footage.vlm.captioning import FIRST_STAGE_ONLY
from footage.vlm.contract import LOOP, TRUNCATED, UNREADABLE
from indexer.growing_files import is_provisional
from indexer.prefetch import DecodedWindow

if TYPE_CHECKING:
    import numpy as np

REFERENCES = 8
"""Captioned windows that a window is compared with, the latest ones first: a camera has few looks that come
back (day and night, a door open or closed, a car parked or not), and each comparison takes time."""
FILES_BEFORE = 8
"""Files of the same camera whose windows may be references: with hourly files, those of a working day."""
_KEPT_CONTENTS = 64  # contents whose references are kept in memory, at most 230 kB each
_ROUNDING_SECONDS = 0.001
_UNFIT = frozenset({TRUNCATED, UNREADABLE, LOOP, FIRST_STAGE_ONLY})

Reuse = Literal["no", "yes", "undo"]
"""What a run does about windows in which nothing changes: the model captions them all, a caption is carried
over, or the model captions those, too, that carry one over from earlier runs."""
MakeCaptions = Callable[[Sequence[DecodedWindow]], Sequence[WindowRecord | WindowError]]
"""Captions some windows with the model: a record or an error for each, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenWindow:
    """One window, looked at."""

    window: Window
    """Which."""
    levels: np.ndarray | None = None
    """Levels of the patches of all frames (see ``footage.media.stillness``); None where nothing is reused."""
    picture: StillPicture | None = None
    """What it shows all the time; None where something changes, or nothing is reused."""


@dataclass(slots=True, eq=False)
class _Reference:
    """A captioned window that shows one picture all the time."""

    window: Window
    picture: StillPicture
    record: WindowRecord | None
    """Its caption; None while the model is yet to make it."""


@dataclass(slots=True)
class _Content:
    """One content: its references, the latest one last, and the size of its picture."""

    size: tuple[int, int]
    references: list[_Reference]


class CaptionReuse:
    """Decides for the windows of a run whether they are captioned or carry a caption over."""

    def __init__(
        self,
        store: Store,
        provenance: Provenance,
        *,
        files: Mapping[str, File],
        committed: Mapping[str, Mapping[int, Span]],
        enabled: bool,
    ) -> None:
        """Take an index that is locked for writing.

        Args:
            store: The index.
            provenance: Under what this run captions: only such captions are carried over.
            files: The files that the index knows, by path.
            committed: Spans of the windows that it held when the run began, by content id and index.
            enabled: Whether captions are carried over at all.
        """
        self._store = store
        self._provenance = provenance
        self._committed = committed
        self.enabled = enabled
        """Whether captions are carried over at all."""
        self._files = FilesOfCameras(files.values() if enabled else ())
        self._before: dict[str, tuple[str, ...]] = {}
        self._lanes: dict[str, Hashable] = {}
        self._seen: dict[Window, SeenWindow] = {}
        self._contents: OrderedDict[str, _Content] = OrderedDict()

    def begin(self, file: File, video: Video) -> None:
        """Note that windows of a content come next."""
        if not self.enabled:
            return
        content_id = file.content_id
        self._files.add(file)
        self._before[content_id] = self._files.before(file)
        self._lanes[content_id] = _camera(file)
        held = self._references_in_store(content_id) if content_id in self._committed else []
        self._contents[content_id] = _Content((video.width, video.height), held)
        while len(self._contents) > _KEPT_CONTENTS:
            self._contents.popitem(last=False)

    def look(self, decoded: DecodedWindow) -> SeenWindow:
        """What a window shows; kept until ``caption`` is called with it."""
        window = decoded.window
        if window not in self._seen:
            self._seen[window] = seen(window, decoded.frames, looks=self.enabled)
        return self._seen[window]

    def caption(self, batch: Sequence[DecodedWindow], make: MakeCaptions) -> list[WindowRecord | WindowError]:
        """Caption a batch, as far as captions are not carried over.

        References are written to the index before this returns; they count once their windows are committed.

        Args:
            batch: Windows in order, of contents that ``begin`` was called with.
            make: Called for the windows that the model has to look at; again where a caption that others of
                the batch were to carry over turns out to be unfit.

        Returns:
            One for each window, in order.
        """
        queue = CaptionQueue(self)
        queue.add([self.look(each) for each in batch])
        for each in batch:
            del self._seen[each.window]
        by_window = {each.window: each for each in batch}
        while due := queue.due():
            for window, result in zip(due, make([by_window[window] for window in due]), strict=True):
                queue.made(window, result)
        return [result for _, result in queue.ready()]

    def lane(self, content_id: str) -> Hashable:
        """With what the windows of a content are decided in order: all of a camera, or the content alone."""
        return self._lanes.get(content_id, content_id)

    def _candidates(
        self, window: Window, new: Sequence[_Reference], doubted: Collection[str]
    ) -> Iterator[_Reference]:
        """The references that a window may be compared with, the latest first."""
        size = self._content(window.content_id).size
        for content_id in (window.content_id, *self._before[window.content_id]):
            content = self._content(content_id)
            if content.size != size:
                continue
            added = [each for each in new if each.window.content_id == content_id]
            before = [
                each
                for each in (*content.references, *added)
                if content_id != window.content_id or each.window.index < window.index
            ]
            yield from (each for each in reversed(_latest(before)) if _id(each.window) not in doubted)

    def _content(self, content_id: str) -> _Content:
        """A content of the run or of a file before; read from the index where it is not at hand."""
        if content_id not in self._contents:
            video = self._store.videos.of([content_id]).get(content_id)
            size = (video.width, video.height) if video else (0, 0)
            self._contents[content_id] = _Content(size, self._references_in_store(content_id))
        self._contents.move_to_end(content_id)
        return self._contents[content_id]

    def _references_in_store(self, content_id: str) -> list[_Reference]:
        """The last references of a content in the index: still pictures whose windows are fit for it."""
        stills = {still.window_index: still for still in self._store.stills.of([content_id])}
        places = [(content_id, index) for index in stills]
        records = self._store.windows.some(places, track=CAPTION_TRACK) if places else {}
        found = [
            _Reference(record.window, _picture(stills[index].levels), record)
            for (_, index), record in sorted(records.items())
            if record.provenance == self._provenance and is_fit(record)
        ]
        return found[-REFERENCES:]

    def doubted(self, content_ids: Collection[str]) -> set[str]:
        """Ids of windows whose caption a person corrected, there or where it was carried over to."""
        near = set(content_ids).union(*(self._before[content_id] for content_id in content_ids))
        said = standing(self._store.annotations.corrections.all(near))
        doubted: set[str] = set()
        for content_id in {each.content_id for each in said}:
            spans = [each.original_span for each in said if each.content_id == content_id]
            for record in self._store.windows.of(content_id):
                if any(overlap_seconds(span, record.window.span) > 0 for span in spans):
                    doubted |= {_id(record.window), record.reused_from}
        return doubted

    def source(
        self, window: SeenWindow, new: Sequence[_Reference], doubted: Collection[str]
    ) -> _Reference | None:
        """The reference whose caption a window carries over; None where the model looks."""
        if window.picture is None:
            return None
        candidates = islice(self._candidates(window.window, new, doubted), REFERENCES)
        return next((one for one in candidates if _shows_the_same(one, window)), None)

    def write(self, new: Sequence[_Reference], windows: Sequence[Window]) -> None:
        """Write references among some windows, and remove those of windows that are none any more."""
        self._store.stills.put(
            StillRow(each.window.content_id, each.window.index, _levels(each.picture)) for each in new
        )
        kept = {(each.window.content_id, each.window.index) for each in new}
        for content_id, indexes in _replaced(windows, self._committed).items():
            gone = [index for index in indexes if (content_id, index) not in kept]
            if gone:
                self._store.stills.remove(content_id, gone)
        for each in new:
            content = self._content(each.window.content_id)
            content.references = _latest([*content.references, each])


class CaptionQueue:
    """Windows in order while their captions are made or carried over; it gives them out in that order.

    Where a caption is not made yet, it is taken for one that can be carried over; once it turns out to be
    unfit, the windows behind it are decided anew.
    """

    def __init__(self, reuse: CaptionReuse) -> None:
        """Begin empty."""
        self._reuse = reuse
        self._seen: list[SeenWindow] = []
        self._sources: list[_Reference | None] = []
        self._new: list[_Reference] = []
        self._results: dict[Window, WindowRecord | WindowError] = {}
        self._asked: set[Window] = set()
        self._doubted: set[str] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, windows: Sequence[SeenWindow]) -> None:
        """Take the next windows, of contents that ``CaptionReuse.begin`` was called with."""
        if self._reuse.enabled:
            self._doubted |= self._reuse.doubted({each.window.content_id for each in windows})
        for each in windows:
            self._seen.append(each)
            self._decide(each)

    def due(self) -> list[Window]:
        """The windows that the model has to look at, each given out once."""
        places = zip(self._seen, self._sources, strict=True)
        due = [each.window for each, source in places if source is None and each.window not in self._asked]
        self._asked.update(due)
        return due

    def ask(self, window: Window) -> None:
        """Note that the model looks at a window already, before its turn: something changes in it."""
        self._asked.add(window)

    def made(self, window: Window, result: WindowRecord | WindowError) -> None:
        """Take what the model says of a window, or why it says nothing."""
        self._results[window] = result
        reference = next((each for each in self._new if each.window == window), None)
        if reference is None:
            return
        if is_fit(result):
            assert isinstance(result, WindowRecord)
            reference.record = result
        else:
            self._sources, self._new = [], []
            for each in self._seen:
                self._decide(each)

    def ready(self) -> list[tuple[Window, WindowRecord | WindowError]]:
        """Take out the windows at the front whose captions are certain, in order.

        Their references are written to the index before this returns; they count once the windows are
        committed.
        """
        given: list[WindowRecord | WindowError] = []
        for each, source in zip(self._seen, self._sources, strict=True):
            if source is None and each.window in self._results:
                given.append(self._results[each.window])
            elif source is not None and source.record is not None:
                given.append(carried_over(source.record, each.window))
            else:
                break
        windows = [each.window for each in self._seen[: len(given)]]
        del self._seen[: len(given)], self._sources[: len(given)]
        out = set(windows)
        self._reuse.write([each for each in self._new if each.window in out], windows)
        self._new = [each for each in self._new if each.window not in out]
        self._asked -= out
        for window in windows:
            self._results.pop(window, None)
        return list(zip(windows, given, strict=True))

    def _decide(self, window: SeenWindow) -> None:
        """Decide about the window behind those that are decided."""
        source = self._reuse.source(window, self._new, self._doubted)
        self._sources.append(source)
        result = self._results.get(window.window)
        if source is None and window.picture is not None and (result is None or is_fit(result)):
            record = result if isinstance(result, WindowRecord) else None
            self._new.append(_Reference(window.window, window.picture, record))


class FilesOfCameras:
    """Files in the order in which a camera wrote them; of one folder where no camera is known."""

    def __init__(self, files: Iterable[File]) -> None:
        """Take the files that are known."""
        self._paths: dict[tuple[str, str, str], list[str]] = {}
        self._contents: dict[str, str] = {}
        for file in files:
            self.add(file)

    def add(self, file: File) -> None:
        """Note a file; one that is gone, or still being written, comes before no other."""
        if not file.content_id or file.state == "gone" or is_provisional(file.content_id):
            return
        if file.path not in self._contents:
            bisect.insort(self._paths.setdefault(_camera(file), []), file.path)
        self._contents[file.path] = file.content_id

    def before(self, file: File) -> tuple[str, ...]:
        """The contents of the files before one, by path, the nearest first; at most ``FILES_BEFORE``."""
        paths = self._paths.get(_camera(file), [])
        found: dict[str, None] = {}
        for path in reversed(paths[: bisect.bisect_left(paths, file.path)]):
            if len(found) == FILES_BEFORE:
                break
            if self._contents[path] != file.content_id:
                found[self._contents[path]] = None
        return tuple(found)


def moved_stills(store: Store, earlier: str, kept: Sequence[WindowRecord]) -> list[StillRow]:
    """The still pictures of a growing file, as those of the windows that are kept of it."""
    indexes = {record.window.index for record in kept}
    return [
        replace(still, content_id=kept[0].window.content_id)
        for still in store.stills.of([earlier])
        if still.window_index in indexes
    ]


def carried_over(record: WindowRecord, window: Window) -> WindowRecord:
    """The caption of a window as that of another one that shows the same and is no longer.

    Its events keep their place in the window; what would lie beyond the window's end is cut off.
    """
    shift = window.span.start_seconds - record.window.span.start_seconds
    events = []
    for event in record.caption.events:
        start = event.span.start_seconds + shift
        end = min(event.span.end_seconds + shift, window.span.end_seconds)
        if start < window.span.end_seconds:
            events.append(replace(event, span=Span(start, max(start, end))))
    caption = replace(record.caption, events=tuple(events))
    return replace(record, window=window, caption=caption, reused_from=_id(record.window))


def is_fit(result: WindowRecord | WindowError) -> bool:
    """Whether others may carry a caption over: it is the model's own for that window, and whole."""
    if isinstance(result, WindowError) or result.reused_from:
        return False
    return result.caption.finish_reason == "stop" and _UNFIT.isdisjoint(result.caption.notes)


def seen(window: Window, frames: Frames, *, looks: bool) -> SeenWindow:
    """A window with what its frames show; without ``looks`` nothing is reused, and nothing looked at."""
    if not looks:
        return SeenWindow(window)
    levels = patch_levels(frames.pixels)
    picture = still_picture(levels) if len(levels) > 1 else None  # of one frame nothing can be said
    return SeenWindow(window, levels, None if picture is None else _picture(_levels(picture)))


def _latest(references: Iterable[_Reference]) -> list[_Reference]:
    """The last references of a content, by index; of two of one window the later one."""
    by_index = {each.window.index: each for each in references}
    return [by_index[index] for index in sorted(by_index)][-REFERENCES:]


def _shows_the_same(reference: _Reference, window: SeenWindow) -> bool:
    assert window.levels is not None
    longer = reference.window.span.duration_seconds - window.window.span.duration_seconds
    return longer > -_ROUNDING_SECONDS and is_same(reference.picture, window.levels)


def _levels(picture: StillPicture) -> np.ndarray:
    """A picture as the index holds it: whole levels, so that a run compares with what a later one reads."""
    import numpy as np

    levels: np.ndarray = np.rint(picture.levels).astype(np.uint8)
    return levels


def _picture(levels: np.ndarray) -> StillPicture:
    return StillPicture(levels.astype("float32"))


def _replaced(windows: Sequence[Window], committed: Mapping[str, Mapping[int, Span]]) -> dict[str, list[int]]:
    """Those of some windows that the index held when the run began, by content."""
    found: dict[str, list[int]] = {}
    for window in windows:
        if window.index in committed.get(window.content_id, {}):
            found.setdefault(window.content_id, []).append(window.index)
    return found


def _camera(file: File) -> tuple[str, str, str]:
    return file.collection, file.camera, "" if file.camera else str(media_path(file.path).parent)


def _id(window: Window) -> str:
    return window_id(window.content_id, window.index)
