"""Groups the chunks of a segment into requests of a multichunk prompt, and words the answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from footage.core.types import Answer, Span, Window
from footage.inference.responses import ChunkTime, MultichunkWindow
from footage.inference.windows import cut_segment
from footage.vlm import multichunk
from footage.vlm.profile import Profile


def chunk_groups(
    span: Span, profile: Profile, *, chunk_seconds: float | None = None, gaps: Iterable[Span] = ()
) -> list[tuple[Span, ...]]:
    """Equal chunks of a segment, in groups that the profile's frame budget shows at its full frame rate.

    Args:
        span: The segment, in video time.
        profile: Of the model.
        chunk_seconds: Longest chunk; None for the profile's window.
        gaps: Where the video has no frames: a group lies between two of them.

    Raises:
        UsageError: when a chunk has no length.
    """
    longest = profile.max_frames / profile.fps
    windows = cut_segment(span, profile, layout="separate", window_seconds=chunk_seconds, gaps=gaps)
    groups: list[list[Span]] = []
    for chunk in (window.span for window in windows):
        if groups and _goes_on(groups[-1], chunk, longest):
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
    return [tuple(group) for group in groups]


def _goes_on(group: Sequence[Span], chunk: Span, longest: float) -> bool:
    touches = group[-1].end_seconds == chunk.start_seconds
    return touches and chunk.end_seconds - group[0].start_seconds <= longest + 1e-6


def group_windows(groups: Sequence[Sequence[Span]]) -> tuple[Window, ...]:
    """Each group as one window."""
    return tuple(
        Window("", number, Span(group[0].start_seconds, group[-1].end_seconds))
        for number, group in enumerate(groups)
    )


def multichunk_window(window: Span, chunks: Sequence[Span], answer: Answer) -> MultichunkWindow:
    """The answer about one group as a dictionary."""
    reading = multichunk.read_multichunk(answer, chunks)
    return {
        "start": window.start_seconds,
        "end": window.end_seconds,
        "text": reading.text,
        "think": reading.think,
        "raw": answer.raw,
        "finish_reason": answer.finish_reason,
        "chunks": [(chunk.start_seconds, chunk.end_seconds) for chunk in chunks],
        "times": [_chunk_time(moment) for moment in reading.moments],
        "unknown_chunks": reading.unknown_chunks,
    }


def _chunk_time(moment: multichunk.ChunkMoment) -> ChunkTime:
    span = moment.span
    return {
        "chunk": moment.chunk,
        "chunk_start": moment.chunk_start_seconds,
        "chunk_end": moment.chunk_end_seconds,
        "span": (span.start_seconds, span.end_seconds) if span else None,
        "clamped": moment.clamped,
        "written": moment.written,
        "agrees": moment.agrees,
        "thinking": moment.thinking,
    }
