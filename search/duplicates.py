"""Finds near-identical videos and stretches by their image vectors; reads the index, asks no model.

Videos are not compared all with all. Some pictures of each video, those in which most moves, are searched for
in the whole index; where several lead from one video to another at one offset, the two are aligned there
(``search.retrieval.alignment``). The cost grows with the number of videos, and what was left out is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from footage.core.tracks import image_track
from footage.core.types import Span
from search.retrieval.alignment import (
    CELL_SECONDS,
    LEAST_SECONDS,
    SAMPLE,
    Aligned,
    Alignment,
    PictureSequence,
    align,
    movement,
    scene_distance,
)

if TYPE_CHECKING:
    from footage.core.types import Video
    from footage.store import Store

COPY_SHARE = 0.8
"""Share of a video that another one must show for the first to be a copy of it, as a whole or of a part."""
_KEPT_SEQUENCES = 64
"""Videos whose vectors are kept in memory: of an hour each, with 768 numbers a vector, 700 MB."""
_LEAST_EVIDENCE = 0.5
"""Evidence from which an offset is tried; one neighbour that stands out from all others gives 1."""
_AROUND, _CLOSE = (-0.5, 0.0, 0.5), (-0.25, 0.25)
"""Offsets that are tried around the one that votes lead to, and then around the best one, in seconds."""
_OVERLAP = 0.5
"""Share of their union that two stretches of a video must have in common to be one place."""

Step = Callable[[int, int], None]
"""Called with steps done, and steps in all."""


@dataclass(frozen=True, slots=True)
class DuplicateLimits:
    """How much is compared."""

    probe_seconds: float = 5.0
    """A picture of every so many seconds is searched for, as far as the limits below allow."""
    video_probes: int = 64
    """Most pictures of one video that are searched for."""
    edge_probes: int = 12
    """Of these, most that lie ``probe_seconds`` apart at its beginning, and at its end."""
    library_probes: int = 40_000
    """Most pictures that are searched for in all; with more videos, fewer of each."""
    neighbours: int = 100
    """Pictures that each is compared with: the nearest of the whole index."""
    offsets: int = 8
    """Most offsets at which two videos are aligned."""
    alignments: int = 20_000
    """Most alignments in all, those with most evidence first."""


@dataclass(frozen=True, slots=True)
class CopiedVideo:
    """A video that shows, nearly from start to end, what another one shows."""

    content_id: str
    """The copy."""
    original_id: str
    """What it is a copy of: the longer one, then that with more pixels."""
    span: Span
    """What of the copy is in the original, from the first such second to the last."""
    original_span: Span
    """Where that is in the original."""
    share: float
    """Share of the copy that ``span`` is, 0 to 1; at least half of it was found to agree."""
    agreement: float
    """How far the movement agrees, see ``Alignment``."""


@dataclass(frozen=True, slots=True, order=True)
class StretchPlace:
    """A stretch of a video."""

    content_id: str
    """The video."""
    span: Span
    """When, in video time."""


@dataclass(frozen=True, slots=True)
class RepeatedStretch:
    """A stretch that is shown in several places, of one video or of several."""

    places: tuple[StretchPlace, ...]
    """Where, by video and time; no two overlap."""
    agreement: float
    """How far the movement agrees at least, see ``Alignment``."""

    @property
    def seconds(self) -> float:
        """Length of the longest place."""
        return max(place.span.duration_seconds for place in self.places)


@dataclass(frozen=True, slots=True)
class DuplicateCoverage:
    """What was compared, and what was not."""

    videos: int
    """Videos with image vectors, all of which were compared."""
    videos_without: tuple[str, ...]
    """Content ids of videos that have no image vectors."""
    probes: int
    """Pictures that were searched for."""
    least_seconds: float
    """Stretches shorter than this may be missed: the shortest that is listed, or the longest time between two
    of these pictures."""
    alignments: int
    """Alignments that were computed."""
    alignments_left_out: int
    """Those that the limits left out."""
    alike_pairs: int
    """Pairs of videos that show one scene without being one recording, such as two days of a fixed camera."""
    alike_seconds: float
    """How long they do, at the offsets that were tried."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What an index holds more than once, by its pictures."""

    copies: tuple[CopiedVideo, ...]
    """Videos that are copies, by share."""
    stretches: tuple[RepeatedStretch, ...]
    """Stretches that are repeated, longest first; those that follow from the copies are left out."""
    coverage: DuplicateCoverage
    """What was compared."""


Offsets = dict[tuple[str, str], dict[float, float]]
"""By two videos, the offset of the second to the first, and the evidence for it."""


def find_duplicates(
    store: Store,
    embedder: str,
    *,
    limits: DuplicateLimits | None = None,
    on_probe: Step = lambda done, total: None,
    on_alignment: Step = lambda done, total: None,
) -> Duplicates:
    """Find near-identical videos and stretches of an index.

    Args:
        store: The index.
        embedder: Name of the image embedder whose vectors are compared.
        limits: How much is compared.
        on_probe: Called while pictures are searched for.
        on_alignment: Called while videos are aligned.

    Raises:
        SchemaMismatchError: the index holds no vectors of this embedder.
        StoreError: the index cannot be read.
    """
    limits = limits or DuplicateLimits()
    gone = store.videos.without_files()
    videos = {
        key: video for key, video in store.videos.all().items() if key not in gone and not video.is_image
    }
    covered = store.windows.covered(track=image_track(embedder))
    ids = sorted(videos.keys() & covered.keys())
    unrelated = scene_distance(store.images.sample(embedder, SAMPLE)[1])

    @lru_cache(_KEPT_SEQUENCES)
    def sequence(content_id: str) -> PictureSequence:
        spans, vectors = store.images.arrays(embedder, content_id)
        return PictureSequence(content_id, spans[:, 0], spans[:, 1], vectors)

    # 1. Search for some pictures of each video: which offsets of which videos do they lead to?
    each = max(4, min(limits.video_probes, limits.library_probes // max(1, len(ids))))
    votes: Offsets = defaultdict(lambda: defaultdict(float))
    probes, gap = 0, 0.0
    for number, content_id in enumerate(ids):
        on_probe(number, len(ids))
        places, apart = probe_places(sequence(content_id), limits, most=each)
        probes, gap = probes + len(places), max(gap, apart)
        with store.at_once():
            _vote(store, embedder, sequence(content_id), places, limits.neighbours, votes)
    on_probe(len(ids), len(ids))

    # 2. Align them there.
    tries = [
        (weight, pair, offset)
        for pair, offsets in votes.items()
        if pair[0] in videos and pair[1] in videos
        for offset, weight in peaks(offsets, limits.offsets)
        if weight >= _LEAST_EVIDENCE
    ]
    kept = sorted(tries, key=lambda one: -one[0])[: limits.alignments]
    found: dict[tuple[str, str], list[Alignment]] = defaultdict(list)
    alike: dict[tuple[str, str], float] = defaultdict(float)
    for number, (_, pair, offset) in enumerate(sorted(kept, key=lambda one: (one[1], -one[0]))):
        on_alignment(number, len(kept))
        best = _refined(sequence(pair[0]), sequence(pair[1]), offset, unrelated)
        found[pair] = apart_from(found[pair], best.same)
        alike[pair] = max(alike[pair], best.alike_seconds)
    on_alignment(len(kept), len(kept))

    # 3. What these come to.
    coverage = DuplicateCoverage(
        videos=len(ids),
        videos_without=tuple(sorted(videos.keys() - covered.keys())),
        probes=probes,
        least_seconds=max(gap, LEAST_SECONDS),
        alignments=len(kept),
        alignments_left_out=len(tries) - len(kept),
        alike_pairs=sum(seconds > 0 and not found[pair] for pair, seconds in alike.items()),
        alike_seconds=sum(seconds for pair, seconds in alike.items() if not found[pair]),
    )
    copies = copied_videos(found, {content_id: videos[content_id] for content_id in ids})
    return Duplicates(copies, repeated_stretches(found, copies), coverage)


def probe_places(sequence: PictureSequence, limits: DuplicateLimits, *, most: int) -> tuple[list[int], float]:
    """Which pictures of a video to search for: in each slot of time the one in which most moves.

    Returns:
        Their places in the sequence, ascending, and the length of the longest slot in seconds.
    """
    import numpy as np

    if not len(sequence):
        return [], 0.0
    end = sequence.end_seconds
    slot, edges = limits.probe_seconds, np.arange(0.0, end, limits.probe_seconds)
    if len(edges) > most:
        dense = min(limits.edge_probes, most // 4)
        ends = np.arange(dense) * limits.probe_seconds
        slot = end / (most - 2 * dense)
        edges = np.unique(np.concatenate([np.arange(0.0, end, slot), ends, end - ends[1:]]))
    lively = (movement(sequence.vectors) ** 2).sum(axis=1)
    slots = np.searchsorted(edges, sequence.starts, side="right")
    order = np.lexsort((-lively, slots))
    firsts = np.flatnonzero(np.diff(slots[order], prepend=-1))
    return sorted(order[firsts].tolist()), float(min(slot, end))


def _vote(
    store: Store,
    embedder: str,
    sequence: PictureSequence,
    places: Iterable[int],
    neighbours: int,
    votes: Offsets,
) -> None:
    """Search for pictures of a video, and note the offsets that the nearest ones lead to.

    A neighbour counts by how far it stands out from the last one: where a hundred are as near, as in a scene
    that does not change, none says anything.
    """
    own = sequence.content_id
    for place in places:
        hits, _ = store.images.nearest(embedder, sequence.vectors[place], limit=neighbours)
        if not hits:
            continue
        at = float(sequence.starts[place])
        floor = hits[-1].similarity
        for hit in hits:
            offset = hit.span.start_seconds - at
            weight = (hit.similarity - floor) / max(1.0 - floor, 1e-6)
            if weight <= 0 or (hit.content_id == own and abs(offset) < LEAST_SECONDS):
                continue
            forward = (own, hit.content_id) < (hit.content_id, own) or (hit.content_id == own and offset > 0)
            pair = (own, hit.content_id) if forward else (hit.content_id, own)
            votes[pair][round(offset if forward else -offset) * 1.0] += weight


def peaks(votes: Mapping[float, float], most: int) -> list[tuple[float, float]]:
    """The offsets with most evidence, and the evidence; none a second or less from a better one."""
    best: list[tuple[float, float]] = []
    joined = {offset: sum(votes.get(offset + by, 0.0) for by in (-1.0, 0.0, 1.0)) for offset in votes}
    for offset in sorted(joined, key=lambda one: (-joined[one], -votes[one], one)):
        if len(best) == most:
            break
        if all(abs(offset - other) > CELL_SECONDS for other, _ in best):
            best.append((offset, joined[offset]))
    return best


def _refined(one: PictureSequence, other: PictureSequence, offset: float, unrelated: float) -> Aligned:
    """The best alignment at an offset or near it."""

    def tried(offsets: Iterable[float]) -> list[tuple[float, Aligned, float]]:
        made = [
            (each, align(one, other, each, unrelated=unrelated))
            for each in offsets
            if one is not other or each >= LEAST_SECONDS
        ]
        return [(sum(map(_weight, aligned.same)), aligned, each) for each, aligned in made]

    best = max(tried(offset + by for by in _AROUND), key=lambda each: each[0], default=None)
    if best is None:
        return Aligned((), 0.0)
    if best[0]:
        best = max([best, *tried(best[2] + by for by in _CLOSE)], key=lambda each: each[0])
    return best[1]


def apart_from(kept: Sequence[Alignment], more: Iterable[Alignment]) -> list[Alignment]:
    """Alignments of two videos that are kept, and more of them, in the order of time.

    Of two that overlap in both videos the better one is kept: in a scene that repeats itself other offsets
    agree too.
    """
    result = list(kept)
    for one in more:
        clashing = [
            other
            for other in result
            if min(_common(one.span, other.span), _common(one.other, other.other)) > LEAST_SECONDS / 2
        ]
        if all(_weight(other) < _weight(one) for other in clashing):
            result = [other for other in result if other not in clashing] + [one]
    return sorted(result, key=lambda each: (each.span, each.offset_seconds))


def _weight(one: Alignment) -> float:
    return one.agreement * one.span.duration_seconds


def _common(one: Span, other: Span) -> float:
    """Seconds that two spans have in common."""
    return max(0.0, min(one.end_seconds, other.end_seconds) - max(one.start_seconds, other.start_seconds))


def copied_videos(
    found: Mapping[tuple[str, str], Sequence[Alignment]], videos: Mapping[str, Video]
) -> tuple[CopiedVideo, ...]:
    """Which videos are copies, each of the best original that it has; largest share first.

    Args:
        found: Alignments by the two videos, as long as neither is the other.
        videos: Those videos by content id.
    """

    def rank(content_id: str) -> tuple[float, int, int, str]:
        video = videos[content_id]
        return (
            -round(video.footage_seconds),
            -video.width * video.height,
            -video.size_bytes,
            content_id,
        )

    best: dict[str, CopiedVideo] = {}
    for (one, other), alignments in found.items():
        parts = _largest_at_one_offset(alignments)
        if one == other or not parts:
            continue
        original, copy = sorted((one, other), key=rank)
        here, there = _hull(part.span for part in parts), _hull(part.other for part in parts)
        if sum(part.span.duration_seconds for part in parts) < here.duration_seconds / 2:
            continue
        share = min(1.0, here.duration_seconds / max(videos[copy].footage_seconds, CELL_SECONDS))
        span, original_span = (here, there) if copy == one else (there, here)
        made = CopiedVideo(copy, original, span, original_span, share, min(part.agreement for part in parts))
        if share >= COPY_SHARE and (copy not in best or rank(original) < rank(best[copy].original_id)):
            best[copy] = made
    return tuple(sorted(best.values(), key=lambda each: (-each.share, each.content_id)))


def _largest_at_one_offset(alignments: Sequence[Alignment]) -> list[Alignment]:
    """Of alignments, those at about one offset that together last longest."""
    groups = [
        [each for each in alignments if abs(each.offset_seconds - one.offset_seconds) <= 2 * CELL_SECONDS]
        for one in alignments
    ]
    return max(groups, key=lambda group: sum(each.span.duration_seconds for each in group), default=[])


def _hull(spans: Iterable[Span]) -> Span:
    """From the first start to the last end."""
    given = list(spans)
    return Span(min(span.start_seconds for span in given), max(span.end_seconds for span in given))


def repeated_stretches(
    found: Mapping[tuple[str, str], Sequence[Alignment]], copies: Sequence[CopiedVideo]
) -> tuple[RepeatedStretch, ...]:
    """What is shown in several places, longest first.

    A place in a copy counts as the place in its original, so that nothing is listed again for every copy.

    Args:
        found: Alignments by the two videos; the same one twice for repeats inside it.
        copies: What ``copied_videos`` made of them.
    """
    by_copy = {copy.content_id: copy for copy in copies}
    links: list[tuple[list[StretchPlace], float]] = []
    for (one, other), alignments in found.items():
        for each in alignments:
            places = [StretchPlace(one, each.span), StretchPlace(other, each.other)]
            if one == other and each.offset_seconds < each.span.duration_seconds:
                places = _turns(one, each)
            places = sorted({_in_original(place, by_copy) for place in places})
            if len(places) > 1:
                links.append((places, each.agreement))
    groups = [(joined(places), agreement) for places, agreement in _components(links)]
    return tuple(
        sorted(
            (RepeatedStretch(places, agreement) for places, agreement in groups if len(places) > 1),
            key=lambda stretch: (-stretch.seconds, stretch.places),
        )
    )


def _turns(content_id: str, loop: Alignment) -> list[StretchPlace]:
    """The turns of a loop: what agrees with itself a turn later is cut into turns."""
    first, past, turn = loop.span.start_seconds, loop.other.end_seconds, loop.offset_seconds
    count = int((past - first) / turn + 0.5)
    starts = [first + number * turn for number in range(max(2, count))]
    return [
        StretchPlace(content_id, Span.clamped(start, min(start + turn, past)))
        for start in starts
        if start < past
    ]


def _in_original(place: StretchPlace, copies: Mapping[str, CopiedVideo]) -> StretchPlace:
    """A place in the original of its video, where its video is a copy and has it from there."""
    copy = copies.get(place.content_id)
    if copy is None or _common(place.span, copy.span) < _OVERLAP * place.span.duration_seconds:
        return place
    by = copy.original_span.start_seconds - copy.span.start_seconds
    moved = Span.clamped(place.span.start_seconds + by, place.span.end_seconds + by)
    return _in_original(StretchPlace(copy.original_id, moved), copies)


def _components(
    links: Sequence[tuple[Sequence[StretchPlace], float]],
) -> list[tuple[list[StretchPlace], float]]:
    """Links whose places are about the same stretches, together; with the least agreement of each group."""
    places = sorted((place, number) for number, (each, _) in enumerate(links) for place in each)
    parent = list(range(len(links)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    open_places: list[tuple[StretchPlace, int]] = []
    for place, number in places:
        open_places = [
            (other, owner)
            for other, owner in open_places
            if other.content_id == place.content_id and other.span.end_seconds > place.span.start_seconds
        ]
        for other, owner in open_places:
            if one_place(place.span, other.span):
                parent[root(number)] = root(owner)
        open_places.append((place, number))
    groups: dict[int, tuple[list[StretchPlace], float]] = {}
    for number, (each, agreement) in enumerate(links):
        kept, least = groups.get(root(number), ([], agreement))
        groups[root(number)] = [*kept, *each], min(least, agreement)
    return list(groups.values())


def one_place(one: Span, other: Span) -> bool:
    """Whether two stretches of a video are about the same."""
    common = _common(one, other)
    return common >= _OVERLAP * (one.duration_seconds + other.duration_seconds - common) and common > 0


def joined(places: Iterable[StretchPlace]) -> tuple[StretchPlace, ...]:
    """Places in the order of videos and time, none of which overlap: those that are one place are made one.

    Of two others the later one begins where the earlier ends.
    """
    result: list[StretchPlace] = []
    for place in sorted(places):
        last = result[-1] if result else None
        if last is None or last.content_id != place.content_id:
            result.append(place)
            continue
        start = max(last.span.start_seconds, place.span.start_seconds)
        end = max(last.span.end_seconds, place.span.end_seconds)
        if one_place(last.span, place.span):
            result[-1] = StretchPlace(place.content_id, Span(last.span.start_seconds, end))
        elif end > last.span.end_seconds:
            result.append(StretchPlace(place.content_id, Span(max(start, last.span.end_seconds), end)))
    return tuple(result)
