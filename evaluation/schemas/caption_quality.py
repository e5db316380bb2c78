"""Lines of JSON of `eval captions`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evaluation.captions.relations import Aspect, Relation
from search.claims.records import Ruling
from service.schemas.base import Record


class ClaimVoteFields(Record):
    """What one judge of videos found about a claim."""

    judge: str
    """The judge."""
    ruling: Ruling | None
    """Its ruling; null where it gave none."""
    instead: str
    """What it sees in place of what is claimed; empty where it does not say."""
    evidence: list[str]
    """Its reasons."""
    frames: list[float]
    """Moments that show it, in seconds of video time."""
    problem: str
    """Why there is no ruling; empty where there is one."""


class JudgedClaimFields(Record):
    """One claim of a reference or of a caption."""

    text: str
    """The claim."""
    relation: Relation | None
    """How the other text relates to it, by the majority of the judges; without a majority "neutral"."""
    votes: list[Relation | None]
    """The same by each judge, in the order of `judges`; null where a judge gave no answer."""
    ruling: Ruling | None
    """What the video shows, by the majority of the judges of videos; null without a ruling."""
    seen: list[ClaimVoteFields]
    """The same by each judge of videos."""


class CaptionClipRecord(Record):
    """One clip of `eval captions`, and what its reference and its caption claim about one aspect."""

    type: Literal["clip"] = Field(default="clip")
    """What the line is."""
    clip: str
    """Id of the clip."""
    category: str
    """Its category; "all" where the format has none."""
    aspect: Aspect
    """What the claims are about."""
    recall: float | None
    """Share of the reference's claims that the caption entails, 0 to 1; null for a clip with a problem."""
    precision: float | None
    """Share of the caption's claims that the reference entails, 0 to 1; null for a clip with a problem."""
    reference: list[JudgedClaimFields]
    """Claims of the reference, held against the caption."""
    predicted: list[JudgedClaimFields]
    """Claims of the caption, held against the reference."""
    problem: str
    """Why the clip was left out of the figures; empty where it was not."""


class QualityScoreFields(Record):
    """Recall, precision and F1, as shares with three decimals."""

    f1: float
    """Harmonic mean of recall and precision."""
    recall: float
    """Share of the reference that the captions say."""
    precision: float
    """Share of the captions that is right."""


class QualityIntervalFields(Record):
    """95 % bootstrap intervals over clips: lower and upper ends."""

    f1: tuple[float, float]
    """Of F1."""
    recall: tuple[float, float]
    """Of recall."""
    precision: tuple[float, float]
    """Of precision."""


class RelationShareFields(Record):
    """Share of each relation among claims, 0 to 1."""

    entailment: float
    """Claims that the other text entails."""
    neutral: float
    """Claims that the other text neither entails nor contradicts."""
    contradiction: float
    """Claims that the other text contradicts."""


class RulingCountFields(Record):
    """How many claims the video supports, contradicts, or does not decide."""

    supported: int
    """The video shows it."""
    contradicted: int
    """The video shows otherwise."""
    not_visible: int = Field(alias="not visible")
    """The video shows neither."""
    no_ruling: int = Field(alias="no ruling")
    """No judge of videos could answer."""


class SideBySideFields(Record):
    """Claims by relation of the texts (keys) and by what the video shows."""

    entailment: RulingCountFields
    """Claims that the other text entails."""
    neutral: RulingCountFields
    """Claims that the other text neither entails nor contradicts."""
    contradiction: RulingCountFields
    """Claims that the other text contradicts."""


class VideoBasisFields(Record):
    """The figures with the video's ruling, beside those from the texts alone."""

    overall: QualityScoreFields | None
    """Precision with the video's ruling where it has one; recall of the reference without what the video
    contradicts. Null where no clip could be judged."""
    intervals: QualityIntervalFields | None
    """Intervals of those."""
    predicted: SideBySideFields
    """Claims of the captions."""
    reference: SideBySideFields
    """Claims of the references."""
    better_than_reference: int
    """Claims of captions that the reference lacks or contradicts, and the video supports."""
    wrong_references: int
    """Claims of references that the video contradicts."""


class AspectFigureFields(Record):
    """The figures of one aspect: events or objects."""

    overall: QualityScoreFields | None
    """From the unweighted means over the categories; null where no clip could be judged."""
    intervals: QualityIntervalFields | None
    """Intervals of those."""
    categories: dict[str, QualityScoreFields]
    """The figures by category."""
    judged: int
    """Clips that were judged."""
    failed: int
    """Clips that were left out, because no judge gave a valid answer."""
    reference_claims: int
    """Claims of references."""
    predicted_claims: int
    """Claims of captions."""
    reference_relations: RelationShareFields | None
    """How the captions relate to the references' claims; null without claims."""
    predicted_relations: RelationShareFields | None
    """How the references relate to the captions' claims; null without claims."""
    alpha: float | None
    """Krippendorff's alpha of the judges' relations; null for one judge, or without variation."""
    video: VideoBasisFields | None
    """The figures with the video; null where no judge of videos was asked."""


class CaptionRetrievalFields(Record):
    """Retrieval among the clips, each represented by its caption, as shares."""

    text_to_video: dict[str, float]
    """Share of references with their clip among the first k, by "R@k"."""
    video_to_text: dict[str, float]
    """Share of clips with their reference among the first k, by "R@k"."""


class JudgePromptFields(Record):
    """A prompt of the judges of texts."""

    name: str
    """Its name."""
    version: int
    """Its version."""
    hash: str
    """SHA-256 of text and schema, the first 12 digits."""


class JudgeCostFields(Record):
    """Calls and tokens of one judge of texts."""

    calls: int
    """Requests to the server."""
    kept: int
    """Questions that were answered by an earlier run."""
    prompt_tokens: int
    """Tokens of the questions."""
    answer_tokens: int
    """Tokens of the answers."""


class CaptionQualityRecord(Record):
    """The last line of `eval captions`: the figures."""

    type: Literal["figures"] = Field(default="figures")
    """What the line is."""
    format: str
    """Format of the references."""
    captions: str
    """Source of the captions."""
    clips: int
    """Clips."""
    judges: list[str]
    """Judges of texts; the first one took the claims out of the captions."""
    video_judges: list[str]
    """Judges of videos."""
    prompts: list[JudgePromptFields]
    """Prompts of the judges of texts."""
    aspects: dict[Aspect, AspectFigureFields]
    """The figures of events and, for CaReBench, of objects."""
    retrieval: dict[str, CaptionRetrievalFields]
    """By the references' captions: "general", "spatial" and "temporal"; empty but for CaReBench."""
    rebias: float | None
    """|1 - mean recall with temporal captions / mean recall with spatial captions|; null without both."""
    costs: dict[str, JudgeCostFields]
    """What each judge of texts took."""


class CaptionPlanRecord(Record):
    """What `eval captions --dry-run` prints: what a run would ask."""

    type: Literal["plan"] = Field(default="plan")
    """What the line is."""
    clips: int
    """Clips."""
    calls: int
    """Requests to all judges of texts; at most, while `guessed` is not 0."""
    guessed: int
    """Captions whose claims are not known yet; each that has none saves every judge one call."""
    costs: dict[str, JudgeCostFields]
    """Calls and estimated tokens of each judge of texts."""
    videos_to_watch: int
    """Clips that each judge of videos would be shown."""
