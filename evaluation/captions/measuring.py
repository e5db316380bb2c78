"""Measures captions from start to end: references and captions in, judged claims and figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.captions.carebench import CaptionRetrievalScores, caption_retrieval
from evaluation.captions.drafts import CaptionedClip
from evaluation.captions.judged import OnClips, judge_captions
from evaluation.captions.quality import CaptionQuality
from evaluation.captions.readers import REFERENCE_FORMATS, captions_for, read_captions
from evaluation.captions.relations import Aspect, ReferenceClip
from evaluation.captions.sources import indexed_captions, places_beside, places_in
from evaluation.captions.watched import watch_clips
from footage.core.errors import UsageError
from footage.core.types import Video

if TYPE_CHECKING:
    from evaluation.judging.server_judge import ServerJudge
    from footage.core.config import Settings
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from search.claims.records import ClaimJudge

ASPECTS: Mapping[str, tuple[Aspect, ...]] = {
    "dream1k": ("events",),
    "carebench": ("events", "objects"),
    "footage": ("events",),
}
"""What is judged, by the format of the references."""
LEAST_TO_RETRIEVE = 2
"""Clips from which on retrieval among them says anything."""


@dataclass(frozen=True, slots=True)
class CaptionMeasurement:
    """What is to be measured."""

    format: str
    """Format of the references."""
    clips: tuple[CaptionedClip, ...]
    """References and captions."""
    source: str
    """Where the captions come from."""
    places: Mapping[str, Path] = field(default_factory=dict)
    """Video file of each clip, by the clip's id, as far as it is known."""

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """What is judged."""
        return ASPECTS[self.format]

    @property
    def watchable(self) -> list[CaptionedClip]:
        """The clips whose video file is known."""
        return [clip for clip in self.clips if clip.reference.id in self.places]


def read_task(
    references: Path,
    form: str,
    *,
    captions: Path | None = None,
    store: Store | None = None,
    videos: Path | None = None,
    no_index: str = "",
) -> CaptionMeasurement:
    """Read references and captions, and find the video files.

    Args:
        references: The references.
        form: Their format: a key of ``REFERENCE_FORMATS``.
        captions: File of captions; None to take those of the index, or of the references' own file.
        store: The index with the captions; None without one.
        videos: Folder of the videos; None to look beside a truth file.
        no_index: Where an index was looked for and is none, for the message; empty where none was.

    Raises:
        FileError: when a file cannot be read.
        UsageError: when a file is malformed, or a clip has no caption.
        StoreError: when the index cannot be read.
    """
    clips = REFERENCE_FORMATS[form](references)
    # 1. The video files.
    beside = places_beside(references, clips) if form == "footage" else {}
    places = places_in(videos, clips) if videos is not None else beside
    # 2. The captions: of a file, of the references' own file, or of the index.
    if captions is not None:
        source, texts = str(captions), read_captions(captions)
    elif has_own_captions(clips):
        source, texts = str(references), {clip.id: clip.predicted or "" for clip in clips}
    elif store is not None:
        source, texts = str(store.path), indexed_captions(store)
    else:
        raise UsageError(
            f"There are no captions to measure{f', and no index at {no_index}' if no_index else ''}.",
            hint="Give a file with --captions, or an index with --db.",
        )
    found = captions_for(clips, texts, where=source, places=places)
    captioned = tuple(CaptionedClip(clip, found[clip.id]) for clip in clips)
    return CaptionMeasurement(form, captioned, source, places)


def has_own_captions(clips: Sequence[ReferenceClip]) -> bool:
    """Whether the references' file holds captions to be measured as well."""
    return any(clip.predicted is not None for clip in clips)


def open_text_judges(
    settings: Settings,
    addresses: Sequence[str],
    *,
    runs: int = 1,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    must_answer: bool = True,
) -> list[ServerJudge]:
    """Connect to judges of texts; their answers are kept in the cache folder of the settings.

    Args:
        settings: How servers may be used, and the cache folder.
        addresses: Of the servers, with a model.
        runs: How often each judge is asked.
        max_calls: Bound on the calls of all judges together; None for none.
        max_tokens: Bound on the tokens of those calls; None for none.
        must_answer: Whether the servers must be there now; False for a plan.

    Raises:
        UsageError: when an address, the number of runs or a bound makes no sense.
        ModelUnavailableError: when a server cannot be reached, refuses the key, or has no such model.
    """
    from evaluation.judging.budget import JudgeBudget
    from evaluation.judging.panel import open_judges
    from service.factories import server_access

    return open_judges(
        addresses,
        access=server_access(settings),
        folder=settings.cache_dir / "judges",
        runs=runs,
        budget=JudgeBudget(max_calls=max_calls, max_tokens=max_tokens),
        must_answer=must_answer,
    )


def measure_captions(
    task: CaptionMeasurement,
    judges: Sequence[ServerJudge],
    *,
    video_judges: Sequence[ClaimJudge] = (),
    embedder: TextEmbedder | None = None,
    on_progress: OnClips | None = None,
) -> CaptionQuality:
    """Judge all captions by text and, with judges of videos, by what the clips show.

    Args:
        task: What is to be measured.
        judges: Judges of texts, at least one.
        video_judges: Judges of videos.
        embedder: For CaReBench's retrieval; None to leave that out.
        on_progress: Called with (stage, clips done, clips in all).

    Raises:
        ModelError: when a judge cannot be used at all.
        UsageError: when a budget does not allow another question; what was answered is kept.
    """
    # 1. Text against text.
    clips = judge_captions(task.clips, judges, task.aspects, on_progress=on_progress)
    # 2. Each claim against the video.
    if video_judges:
        clips = watch_clips(clips, task.places, video_judges, probe=probe_content, on_progress=on_progress)
    # 3. Retrieval among the clips.
    retrieval = {} if embedder is None else _retrieval(task, embedder)
    return CaptionQuality(
        format=task.format,
        source=task.source,
        aspects=task.aspects,
        clips=tuple(clips),
        judges=tuple(judge.name for judge in judges),
        video_judges=tuple(judge.name for judge in video_judges),
        retrieval=retrieval,
        costs={judge.name: judge.cost for judge in judges},
    )


def probe_content(path: Path) -> Video:
    """What a file is, with the identity of its content: answers are kept by it.

    Raises:
        VideoError: when the file cannot be used.
    """
    from footage.media.sandbox import probe
    from indexer.library import content_id

    return probe(path, content_id=content_id(path))


def _retrieval(task: CaptionMeasurement, embedder: TextEmbedder) -> dict[str, CaptionRetrievalScores]:
    """By the captions of the references and, where all clips have them, by those of one kind alone."""
    if len(task.clips) < LEAST_TO_RETRIEVE:
        return {}
    captions = [clip.caption for clip in task.clips]
    by_kind = {
        "general": [clip.reference.caption for clip in task.clips],
        "spatial": [clip.reference.spatial for clip in task.clips],
        "temporal": [clip.reference.temporal for clip in task.clips],
    }
    return {
        kind: caption_retrieval(texts, captions, embedder) for kind, texts in by_kind.items() if all(texts)
    }
