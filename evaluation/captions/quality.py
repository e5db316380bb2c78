"""Figures of judged captions: by category and over all, with intervals, agreement and the video's view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from evaluation.captions import autodq
from evaluation.captions.carebench import RECALL_AT, CaptionRetrievalScores, rebias
from evaluation.captions.prompts import RELATIONS_TO_CAPTION, claims_prompt
from evaluation.captions.relations import Aspect, Basis, JudgedClip, JudgedItem, Side
from evaluation.intervals import DRAWS
from evaluation.judging.agreement import krippendorff_alpha
from evaluation.judging.budget import JudgeCost
from evaluation.judging.prompts import prompt_stamps
from evaluation.schemas.caption_quality import (
    AspectFigureFields,
    CaptionClipRecord,
    CaptionQualityRecord,
    CaptionRetrievalFields,
    ClaimVoteFields,
    JudgeCostFields,
    JudgedClaimFields,
    JudgePromptFields,
    QualityIntervalFields,
    QualityScoreFields,
    RelationShareFields,
    SideBySideFields,
    VideoBasisFields,
)

DECIMALS = 3
"""Of all shares, as in DREAM-1K."""


@dataclass(frozen=True, slots=True)
class CaptionQuality:
    """Captions, judged."""

    format: str
    """Format of the references."""
    source: str
    """Where the captions come from."""
    aspects: tuple[Aspect, ...]
    """What was judged."""
    clips: tuple[JudgedClip, ...]
    """Every clip and aspect."""
    judges: tuple[str, ...]
    """Names of the judges of texts."""
    video_judges: tuple[str, ...] = ()
    """Names of the judges of videos."""
    retrieval: Mapping[str, CaptionRetrievalScores] = field(default_factory=dict)
    """Retrieval by "general", "spatial" and "temporal" captions."""
    costs: Mapping[str, JudgeCost] = field(default_factory=dict)
    """What each judge of texts took, by its name."""

    def of(self, aspect: Aspect) -> list[JudgedClip]:
        """The clips of one aspect."""
        return [clip for clip in self.clips if clip.aspect == aspect]


def quality_record(quality: CaptionQuality, *, draws: int = DRAWS) -> CaptionQualityRecord:
    """All figures, as the last line of `eval captions --json`."""
    retrieval = quality.retrieval
    bias = rebias(retrieval["temporal"], retrieval["spatial"]) if len(retrieval) > 1 else None
    used = [claims_prompt(aspect) for aspect in quality.aspects] + [RELATIONS_TO_CAPTION]
    return CaptionQualityRecord(
        type="figures",
        format=quality.format,
        captions=quality.source,
        clips=len({clip.id for clip in quality.clips}),
        judges=list(quality.judges),
        video_judges=list(quality.video_judges),
        prompts=[JudgePromptFields(**asdict(stamp)) for stamp in prompt_stamps(used)],
        aspects={aspect: _aspect(quality, aspect, draws) for aspect in quality.aspects},
        retrieval={name: _retrieval(scores) for name, scores in retrieval.items()},
        rebias=None if bias is None else _rounded(bias),
        costs={name: cost_fields(cost) for name, cost in quality.costs.items()},
    )


def clip_record(clip: JudgedClip) -> CaptionClipRecord:
    """One clip and aspect, as a line of `eval captions --json`."""
    scores = None if clip.problem else autodq.clip_scores(clip)
    return CaptionClipRecord(
        type="clip",
        clip=clip.id,
        category=clip.category,
        aspect=clip.aspect,
        recall=None if scores is None else _rounded(scores.recall),
        precision=None if scores is None else _rounded(scores.precision),
        reference=[_claim(item) for item in clip.reference],
        predicted=[_claim(item) for item in clip.predicted],
        problem=clip.problem,
    )


def cost_fields(cost: JudgeCost) -> JudgeCostFields:
    """Calls and tokens as fields of a line."""
    return JudgeCostFields(
        calls=cost.calls,
        kept=cost.kept,
        prompt_tokens=cost.prompt_tokens,
        answer_tokens=cost.answer_tokens,
    )


def agreement(clips: Sequence[JudgedClip]) -> float | None:
    """Krippendorff's alpha of the judges over all claims; None for one judge, or without variation."""
    alpha = krippendorff_alpha([item.votes for clip in clips for item in (*clip.reference, *clip.predicted)])
    return None if math.isnan(alpha) else alpha


def _aspect(quality: CaptionQuality, aspect: Aspect, draws: int) -> AspectFigureFields:
    clips = quality.of(aspect)
    judged = [clip for clip in clips if not clip.problem]
    alpha = agreement(judged)
    return AspectFigureFields(
        overall=_scores(autodq.overall_scores(clips)),
        intervals=_intervals(clips, "text", draws),
        categories={name: _some(scores) for name, scores in autodq.category_scores(clips).items()},
        judged=len(judged),
        failed=len(clips) - len(judged),
        reference_claims=sum(len(clip.reference) for clip in judged),
        predicted_claims=sum(len(clip.predicted) for clip in judged),
        reference_relations=_shares(clips, "reference"),
        predicted_relations=_shares(clips, "predicted"),
        alpha=None if alpha is None else _rounded(alpha),
        video=_by_video(clips, draws) if quality.video_judges else None,
    )


def _by_video(clips: Sequence[JudgedClip], draws: int) -> VideoBasisFields:
    return VideoBasisFields(
        overall=_scores(autodq.overall_scores(clips, "video")),
        intervals=_intervals(clips, "video", draws),
        predicted=SideBySideFields.model_validate(autodq.side_by_side(clips, "predicted")),
        reference=SideBySideFields.model_validate(autodq.side_by_side(clips, "reference")),
        better_than_reference=len(autodq.better_than_reference(clips)),
        wrong_references=len(autodq.wrong_references(clips)),
    )


def _intervals(clips: Sequence[JudgedClip], basis: Basis, draws: int) -> QualityIntervalFields | None:
    if all(clip.problem for clip in clips):
        return None
    intervals = autodq.overall_intervals(clips, basis, draws=draws)
    ends = {name: (_rounded(each.low), _rounded(each.high)) for name, each in intervals.items()}
    return QualityIntervalFields.model_validate(ends)


def _shares(clips: Sequence[JudgedClip], side: Side) -> RelationShareFields | None:
    shares = autodq.relation_shares(clips, side)
    rounded = {name: _rounded(share) for name, share in shares.items()}
    return RelationShareFields.model_validate(rounded) if shares else None


def _claim(item: JudgedItem) -> JudgedClaimFields:
    return JudgedClaimFields(
        text=item.text,
        relation=item.relation,
        votes=list(item.votes),
        ruling=item.ruling,
        seen=[
            ClaimVoteFields(
                judge=vote.judge,
                ruling=vote.ruling,
                instead=vote.instead,
                evidence=list(vote.evidence),
                frames=list(vote.frames),
                problem=vote.problem,
            )
            for vote in item.seen
        ],
    )


def _retrieval(scores: CaptionRetrievalScores) -> CaptionRetrievalFields:
    return CaptionRetrievalFields(
        text_to_video={f"R@{k}": _rounded(scores.text_to_video[k]) for k in RECALL_AT},
        video_to_text={f"R@{k}": _rounded(scores.video_to_text[k]) for k in RECALL_AT},
    )


def _scores(scores: autodq.CaptionScores | None) -> QualityScoreFields | None:
    return None if scores is None else _some(scores)


def _some(scores: autodq.CaptionScores) -> QualityScoreFields:
    return QualityScoreFields(
        f1=_rounded(scores.f1), recall=_rounded(scores.recall), precision=_rounded(scores.precision)
    )


def _rounded(value: float) -> float:
    return round(value, DECIMALS)
