"""Makes matches from the hits of the index and the spans that the model named; asks no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from footage.core.timecode import format_time, iou, overlap_seconds
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import Candidate, Hit, Match, Span
from footage.objects.paths import media_path
from search.grounding.calibration import Calibration
from search.grounding.evidence import (
    AGREEMENT_IOU,
    WHOLE_WINDOW_SHARE,
    audited_sentence,
    confirmed,
    evidence_for,
    format_span,
    share,
)
from search.grounding.options import GroundingOptions
from search.grounding.pictures import LIKELY_EVIDENCE, PictureLead, VideoPictures, likeliness
from search.grounding.span_merge import NamedSpan, merge_replies
from search.grounding.verdict import MATCHES_PER_VIDEO, NEAR, rank
from search.grounding.video_state import VideoState, Weighed, best_hits
from search.grounding.window_queries import Reply
from search.query.parser import Query

AGREEMENT_BONUS = 0.02
"""Added to a score for full agreement (IoU 1) of model and caption when matches are ordered: enough to decide
between videos of (almost) the same words; with ``SIGHTINGS_BONUS`` still too little to lift "from right to
left" above "from left to right" (0.04 apart)."""
SIGHTINGS_BONUS = 0.01
"""Added for a second window that captioned the same event: each window is captioned on its own."""
BEHIND_TEXTS = 0.01
"""How far a match of pictures stands behind the best text of its video when matches are ordered."""
_SOURCES = {
    CAPTION_TRACK: "The captions have",
    SPEECH_TRACK: "The recognised speech has",
    SUBTITLE_TRACK: "The subtitles have",
    SCREEN_TEXT_TRACK: "The picture shows the text",
}
NEVER_FOUND_MARGIN = 0.0001
"""Distance from the threshold of "found" that the confidence of an unconfirmed caption keeps at least."""
UNCHANGED_SHARE = 0.9
"""Up to this share of the most that an unconfirmed caption can get, its confidence stays as it is."""


def text_matches(
    candidates: Sequence[Candidate],
    *,
    paths: Mapping[str, str],
    query: Query | None = None,
    pictures: Mapping[str, VideoPictures] | None = None,
    limit: int = 5,
    per_video: int = MATCHES_PER_VIDEO,
) -> list[Match]:
    """The matches of the index alone, best first: each candidate's best text and its further occurrences.

    Where pictures come near and none of these texts is, the pictures are a match as well, in the place of
    their video. Every verdict is "not checked": the model was not asked.

    Args:
        candidates: The videos.
        paths: A file that holds each, by content id; empty where there is none.
        query: What was looked for; None where its filters are of no matter.
        pictures: What pictures say to it, by content id; None without image vectors.
        limit: Most matches.
        per_video: Most matches of one video.
    """
    found: list[tuple[Match, float]] = []
    for candidate in candidates:
        path = paths[candidate.video.content_id]
        hits = best_hits(candidate)
        found += [(_index_match(candidate, hit, path), hit.score + _bonus(hit)) for hit in hits]
        seen = (pictures or {}).get(candidate.video.content_id)
        for lead in seen.leads if seen else ():
            near = lead.evidence >= LIKELY_EVIDENCE
            fits = query is None or query.filters.fits_event(lead.span)
            if near and fits and not any(_about(hit, lead.span) for hit in hits):
                found.append((_picture_match(candidate, lead, path), candidate.score - BEHIND_TEXTS))
    return rank(found, limit=limit, per_video=per_video)


@dataclass(frozen=True, slots=True)
class MatchMaker:
    """Makes the matches of a query from the state of each video."""

    query: Query
    """The query."""
    options: GroundingOptions
    """The options of the search."""
    calibration: Calibration
    """Turns measures into confidence."""
    floor: float
    """Below the score of every hit: matches without a hit are ordered after those with one."""

    def matches_of(self, state: VideoState) -> list[tuple[Match, float]]:
        """The matches of one video with the numbers that they are ordered by.

        Of a video that could not be checked, the matches of its captions.
        """
        if not state.fault:
            matches = state.contain(partial(self._matches, state))
            if not state.fault:
                return matches
        return [
            (_index_match(state.candidate, hit, state.path, None, [state.fault]), hit.score + _bonus(hit))
            for hit in best_hits(state.candidate)
        ]

    def weighed(self, state: VideoState) -> list[Weighed]:
        """The spans the model named in a video so far, each once, with evidence and confidence."""
        if state.weighed is None:
            spans = merge_replies(state.replies)
            rivals = confirmed(spans)
            state.weighed = []
            for named in spans:
                evidence = evidence_for(
                    named,
                    state.replies,
                    self.query,
                    state.captions,
                    rivals=rivals,
                    pictures=state.pictures,
                )
                measures = evidence.measures()
                state.weighed.append(Weighed(evidence, measures, self.calibration.confidence(measures)))
        return state.weighed

    def _matches(self, state: VideoState) -> Iterator[tuple[Match, float]]:
        # 1. The spans the model named; one over the whole window is no evidence where captions have some.
        hits = {hit.owner_id: hit for hit in state.candidate.hits}
        leads = best_hits(state.candidate)
        met: list[Span] = []
        for each in self.weighed(state):
            span, evidence, shown = each.named.span, each.evidence, each.evidence.shown
            covers_window = share(span, shown.seen) >= WHOLE_WINDOW_SHARE
            if covers_window and any(overlap_seconds(hit.span, shown.seen) > 0 for hit in leads):
                continue
            if evidence.excluded:
                continue
            match, hit = self._named_match(state, each), None
            if evidence.caption is not None:
                hit = hits.get(evidence.caption.owner_id)
            if hit is not None:
                met.append(span)
                yield replace(match, score=hit.similarity), hit.score + _bonus(hit, iou(hit.span, span))
            elif not self.query.filters.fits_event(span):
                continue
            elif match.verdict != "not found" or state.captions is None or self.options.everything:
                if wrong := [hits[other.owner_id] for other in evidence.wrong if other.owner_id in hits]:
                    met.append(span)  # the wrong caption there is listed with this match, not once more
                    yield match, max(_bonus(other) + other.score for other in wrong)
                else:
                    yield match, self._order(state, each)

        # 2. Captioned events that the model did not name.
        for hit in leads:
            if hit.owner_kind != "event" or all(iou(hit.span, span) < AGREEMENT_IOU for span in met):
                yield self._caption_match(state, hit), hit.score + _bonus(hit)

        # 3. Pictures that come near where the model did not look, and no caption is listed.
        for lead in state.pictures.leads if state.pictures else ():
            looked = any(reply.answer and overlap_seconds(reply.seen, lead.span) for reply in state.replies)
            near = lead.evidence >= LIKELY_EVIDENCE and self.query.filters.fits_event(lead.span)
            if near and not looked and not any(_about(hit, lead.span) for hit in leads):
                reason = _why_not(state, _reply_about(state, lead.span))
                match = _picture_match(state.candidate, lead, state.path, [reason])
                yield match, self.floor + likeliness(lead.evidence)

    def _order(self, state: VideoState, weighed: Weighed) -> float:
        """What a span without a captioned event is ordered by: behind all texts, or by its pictures.

        Where its pictures come near and it may be right, it stands right behind the best text of its video.
        """
        pictured = weighed.measures.get("pictured", 0.0) >= likeliness(LIKELY_EVIDENCE)
        if pictured and self.options.thresholds.verdict(weighed.confidence) != "not found":
            return state.candidate.score - BEHIND_TEXTS
        return self.floor + weighed.confidence

    def _named_match(self, state: VideoState, weighed: Weighed) -> Match:
        """The match for a span that the model named."""
        evidence, confidence = weighed.evidence, weighed.confidence
        shown, caption = evidence.shown, evidence.caption
        verdict, promise = self.options.thresholds.verdict(confidence), self.calibration.promise
        sentences = evidence.sentences()
        if verdict == "found" and promise is not None and self.options.promised:
            sentences += (promise.short,)
        return Match(
            video=state.video,
            path=state.path,
            span=weighed.named.span,
            text=caption.text if caption else "",
            score=confidence if state.captions is None else caption.similarity if caption else 0.0,
            grounded=True,
            verdict=verdict,
            confidence=confidence,
            calibrated=self.calibration.card is not None,
            measures=tuple(weighed.measures.items()),
            raw=shown.answer.raw if shown.answer else "",
            window=shown.question.window,
            evidence=sentences,
        )

    def _caption_match(self, state: VideoState, hit: Hit) -> Match:
        """The match for a caption that the model did not confirm: never "found"."""
        reply = _reply_about(state, hit.span)
        if reply is None or reply.answer is None:
            return _index_match(state.candidate, hit, state.path, None, [_why_not(state, reply)])
        reply = reply.nearest(hit.span)
        match = _index_match(state.candidate, hit, state.path, reply)
        calibrated = self.calibration.card is not None
        if state.captions is None or hit.owner_kind != "event":
            # A scene has no moment to compare: its similarity decides.
            if hit.similarity >= NEAR:
                return match
            return replace(match, verdict="not found", confidence=0.0, calibrated=calibrated)
        # Weighed as if the model had named it: all that it named instead is evidence against it.
        caption = next((other for other in state.captions if other.owner_id == hit.owner_id), hit)
        evidence = evidence_for(
            NamedSpan(hit.span, (reply,)), state.replies, self.query, [caption], pictures=state.pictures
        )
        measures = evidence.measures() | {"shift": 0.0}
        most = self.options.thresholds.found - NEVER_FOUND_MARGIN
        confidence = _kept_below(self.calibration.confidence(measures), most)
        return replace(
            match,
            verdict=self.options.thresholds.verdict(confidence),
            confidence=confidence,
            calibrated=calibrated,
            measures=tuple(measures.items()),
        )


def _kept_below(confidence: float, most: float) -> float:
    """A confidence of at most ``most``, in the same order: high ones move together below it."""
    knee = UNCHANGED_SHARE * most
    if confidence <= knee:
        return confidence
    return round(knee + (most - knee) * (confidence - knee) / (1 - knee), 4)


def _bonus(hit: Hit, overlap: float = 0.0) -> float:
    """Added to a score when matches are ordered, for evidence beside the words."""
    agreed = AGREEMENT_BONUS * overlap if overlap >= AGREEMENT_IOU else 0.0
    return agreed + SIGHTINGS_BONUS * (len(hit.window_indexes) > 1)


def _reply_about(state: VideoState, span: Span) -> Reply | None:
    """The reply about the window that shows most of a span; None where the model was not asked."""
    return max(
        (reply for reply in state.replies if overlap_seconds(reply.seen, span) > 0),
        key=lambda reply: (not reply.problem, overlap_seconds(reply.seen, span)),
        default=None,
    )


def _why_not(state: VideoState, reply: Reply | None) -> str:
    """Why the model did not answer about a caption."""
    if reply is not None:
        return reply.problem
    if state.reachable:
        return "The model was not asked about this window."
    return (
        f"The file {state.path} cannot be reached now." if state.path else "The video has no file any more."
    )


def _index_match(
    candidate: Candidate, hit: Hit, path: str, reply: Reply | None = None, reasons: Sequence[str] = ()
) -> Match:
    """A match that rests on the index alone; ``reply`` is the model's answer about its window, if any."""
    where = f"at {format_span(hit.span)}" if hit.owner_kind == "event" else "as a scene"
    sentences = [f'{_SOURCES.get(hit.track, hit.track)} "{hit.text}" {where}.']
    if hit.wrong:
        sentences.append(audited_sentence(hit))
    answer = reply.answer if reply else None
    if reply is not None and answer is not None:
        named = "that it does not happen there" if reply.absent else format_span(reply.span)
        sentences.append(f"Asked about {format_span(reply.seen)}, the model returned {named}.")
        if reply.span is not None and share(reply.span, reply.seen) >= WHOLE_WINDOW_SHARE:
            sentences.append("The span covers the whole window, which is weak evidence.")
        elif reply.span is not None and hit.owner_kind == "event":
            sentences.append(f"The two disagree: IoU {iou(reply.span, hit.span):.2f}.")
    return Match(
        video=candidate.video,
        path=path,
        span=hit.span,
        text=hit.text,
        score=hit.similarity,
        grounded=False,
        verdict="uncertain" if answer else "not checked",
        raw=answer.raw if answer else "",
        window=reply.question.window if reply else None,
        evidence=(*sentences, *reasons),
        offline=not media_path(path).is_file(),
        track=hit.track,
        language=hit.language,
    )


def _about(hit: Hit, span: Span) -> bool:
    """Whether a text is about an event that shares time with a span; a scene has no moment to compare."""
    return hit.owner_kind == "event" and overlap_seconds(hit.span, span) > 0


def _picture_match(candidate: Candidate, lead: PictureLead, path: str, reasons: Sequence[str] = ()) -> Match:
    """A match that rests on pictures alone; it has no text."""
    at, others = format_time(lead.at_seconds), 1 - lead.chance
    return Match(
        video=candidate.video,
        path=path,
        span=lead.span,
        text="",
        score=round(likeliness(lead.evidence), 6),
        grounded=False,
        verdict="not checked",
        evidence=(
            f"The picture at {at} comes near the query: nearer than any picture comes to {others:.0%} of "
            "unrelated queries.",
            *reasons,
        ),
        offline=not media_path(path).is_file(),
        track=IMAGE_TRACK,
    )
