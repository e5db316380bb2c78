"""Files that are still being written: how their captions are kept when they are finished.

A file is known by its content, and the content of a file that grows changes with every byte. So while it
grows its windows are kept under a provisional id, made of the coded pictures of its first window, beside a
digest of the coded pictures of each window. Once it is finished its pictures are compared with these digests,
and what is equal is kept under the id of the whole content. Only pictures count: recorders rewrite headers at
the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from footage.core.types import File, Span, Window, WindowRecord
from footage.media import decode, sandbox
from footage.store import Store
from footage.store.records import window_id

GUARD_SECONDS = 1.0
"""How far a file has to reach past a window for the window to be complete: frames are stored out of order,
and the end of a file that grows may be cut anywhere."""
_PROVISIONAL = "growing-"
_ID_DIGITS = 32


def is_provisional(content_id: str) -> bool:
    """Whether an id is that of a file that was still being written."""
    return content_id.startswith(_PROVISIONAL)


def provisional_id(digest: str) -> str:
    """The id of a file that is being written, from the digest of its first window."""
    return _PROVISIONAL + digest[:_ID_DIGITS]


def sentence(count: int) -> str:
    """Why a file that is being written is waiting, as the reason in its row."""
    return f"it is still being written: {count} of its windows are indexed"


def complete(plan: Sequence[Window], duration_seconds: float) -> tuple[Window, ...]:
    """The windows of a growing file that will not change any more; the last one of the plan never is.

    Args:
        plan: All windows at its present length.
        duration_seconds: That length.
    """
    return tuple(window for window in plan if window.span.end_seconds + GUARD_SECONDS <= duration_seconds)


def expected_seconds(before: File, now: File) -> float:
    """An estimate of the length of a growing file, without reading it.

    It grows in real time, as a recording does, or by its bytes, as a copy does; the longer counts.

    Args:
        before: Its row when it was last scanned.
        now: Its size and modification time now.
    """
    by_clock = before.duration_seconds + now.modified_at - before.modified_at
    by_size = before.duration_seconds * now.size_bytes / max(1, before.size_bytes)
    return max(by_clock, by_size)


def digests(source: decode.Source, windows: Sequence[Window], *, timeout_seconds: float) -> dict[int, str]:
    """A digest of the coded pictures of some windows, by index; none for one that cannot be read through.

    Raises:
        VideoError: The file cannot be opened, or hangs.
    """
    found = sandbox.digests(source, [window.span for window in windows], timeout_seconds=timeout_seconds)
    return {window.index: digest for window, digest in zip(windows, found, strict=True) if digest}


def kept_from(
    source: decode.Source,
    plan: Sequence[Window],
    *,
    store: Store,
    followed: Mapping[str, Mapping[int, str]],
    committed: Mapping[str, Mapping[int, Span]],
    timeout_seconds: float,
) -> tuple[str, list[WindowRecord]]:
    """The captions of a growing file as windows of the finished file.

    Args:
        source: The finished file.
        plan: Its windows.
        store: The index.
        followed: Digests of windows, by provisional id and index.
        committed: Spans of the captioned windows, by content id and index.
        timeout_seconds: Give up on the file after this long without progress.

    Returns:
        The provisional id, empty where there is none like it, and the windows whose pictures are the same.

    Raises:
        VideoError: The file cannot be read.
    """
    if not plan or not followed:
        return "", []
    first = digests(source, plan[:1], timeout_seconds=timeout_seconds)
    earlier = provisional_id(first.get(0, ""))
    if earlier not in followed:
        return "", []
    spans = committed.get(earlier, {})
    same = [window for window in plan if spans.get(window.index) == window.span]
    now = digests(source, same, timeout_seconds=timeout_seconds)
    equal = {index for index, digest in now.items() if followed[earlier].get(index) == digest}
    ids = {window_id(earlier, index): window_id(plan[0].content_id, index) for index in equal}
    return earlier, [
        replace(
            record,
            window=replace(record.window, content_id=plan[0].content_id),
            reused_from=ids.get(record.reused_from, record.reused_from),
        )
        for record in store.windows.of(earlier)
        if record.window.index in equal
        # A caption that was carried over from a window that is not the same any more is made anew.
        and (not record.reused_from.startswith(f"{earlier}/") or record.reused_from in ids)
    ]
