"""What the index holds of one track when a run begins, and what of a video is missing; reads no file."""

from __future__ import annotations

from footage.core.types import Provenance, Span, Window, WindowRecord
from footage.store import Store


class HeldTrack:
    """The windows of one track; no other process writes to them during the run."""

    def __init__(self, store: Store | None, track: str, *, anew: bool = False) -> None:
        """Read what the index holds.

        Args:
            store: The index; None before there is any.
            track: The track.
            anew: Whether windows that were read in any other way are read again.
        """
        self.spans: dict[str, dict[int, Span]] = store.windows.spans(track=track) if store else {}
        self._under = store.windows.provenance_by_index(track=track) if store else {}
        self._anew = anew

    def missing(self, windows: tuple[Window, ...], provenance: Provenance | None) -> tuple[Window, ...]:
        """The windows of a video that are still to be read.

        Those read by another model are kept; those read under another revision of the same model are not: the
        source of a subtitle is part of it.

        Args:
            windows: All windows of the video.
            provenance: Under what it would be read now; None counts windows read under any as done.
        """
        content_id = windows[0].content_id if windows else ""
        spans, under = self.spans.get(content_id, {}), self._under.get(content_id, {})
        return tuple(
            window
            for window in windows
            if spans.get(window.index) != window.span
            or (provenance is not None and self._is_outdated(under[window.index], provenance))
        )

    def add(self, record: WindowRecord) -> None:
        """Count a window that was just committed."""
        content_id, index = record.window.content_id, record.window.index
        self.spans.setdefault(content_id, {})[index] = record.window.span
        self._under.setdefault(content_id, {})[index] = record.provenance

    def stale(self, content_id: str, windows: tuple[Window, ...]) -> tuple[int, ...]:
        """Indexes of windows that the video is no longer cut into."""
        return tuple(sorted(self.spans.get(content_id, {}).keys() - {window.index for window in windows}))

    def others(
        self, windows: tuple[Window, ...], missing: tuple[Window, ...], now: Provenance
    ) -> frozenset[str]:
        """Models, other than that of now, whose windows of a video are kept."""
        under = self._under.get(windows[0].content_id, {}) if windows else {}
        again = {window.index for window in missing}
        kept = {under[each.index].model for each in windows if each.index in under.keys() - again}
        return frozenset(kept - {now.model})

    def _is_outdated(self, held: Provenance, now: Provenance) -> bool:
        if self._anew:
            return held != now
        return held.model == now.model and held.revision != now.revision
