"""Checks the entries of one video: takes them apart, has judges vote, and reads errors from the votes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from footage.core.timecode import iou
from footage.core.types import CaptionEvent, Span, Video
from search.claims.extract import ExtractDetails, claims_of
from search.claims.records import (
    CheckedClaim,
    CheckedEntry,
    CheckedVideo,
    Claim,
    ClaimError,
    ClaimJudge,
    ErrorKind,
    SeenVideo,
    Severity,
    TextEntry,
    Vote,
    WatchingJudge,
)
from search.claims.variants import same_event
from search.grounding.evidence import format_span

RIGHT_IOU = 0.5
"""IoU below which a wrong time shows a viewer another moment; the field's usual bar for a right span."""
_ARTICLE = re.compile(r"(?:an?|the)\s+", re.IGNORECASE)
_OPEN_PHRASE = re.compile(
    r"\b(?:an?|the|this|that|his|her|its|their|one|two|three|four|five|some)\s+"
    r"(?:(?!(?:in|on|at|of|to|by|from|near|with|past|into|onto|over|under|behind|beside|and)\b)\w+\s+){0,2}$",
    re.IGNORECASE,
)
"""The beginning of a phrase that has its article or number already, as in "a white ..."."""
_VOWEL = re.compile(r"(?!one\b|eu)(?:[aeio]|u(?!ni|s[ei]))", re.IGNORECASE)
_NAMES: dict[ErrorKind, str] = {
    "object": "thing",
    "attribute": "detail",
    "action": "action",
    "count": "number",
    "order": "order",
    "time": "time",
    "text": "text",
}


def check_video(
    video: Video,
    path: str,
    entries: Sequence[TextEntry],
    judges: Sequence[ClaimJudge],
    *,
    seen: Sequence[CaptionEvent] | None = None,
    extract: ExtractDetails | None = None,
) -> CheckedVideo:
    """Check what some entries claim about a video.

    Args:
        video: The video.
        path: A file that holds it.
        entries: The entries, each with an id of its own.
        judges: Each votes on every claim.
        seen: Captioned events that were made without the entries, for judges that can use them (see
            ``WatchingJudge``). None to have such judges caption the video themselves; so it must be where the
            entries are the captions.
        extract: Takes a sentence apart; None for ``search.claims.extract.details``.

    Raises:
        ModelError: when a judge fails as a whole.
    """
    # 1. Take the entries apart.
    claims = [claim for entry in entries for claim in claims_of(entry, extract=extract)]
    # 2. Let every judge vote, and see what no entry has.
    views = [_watch(judge, video, path, claims, seen) for judge in judges]
    checked = [
        CheckedClaim(claim, tuple(view.votes[number] for view in views))
        for number, claim in enumerate(claims)
    ]
    # 3. Read errors from the votes.
    made = []
    for entry in entries:
        own = tuple(each for each in checked if each.claim.entry == entry.id)
        made.append(CheckedEntry(entry, own, errors_of(entry, own), _problem(own)))
    watching = [view for judge, view in zip(judges, views, strict=True) if isinstance(judge, WatchingJudge)]
    return CheckedVideo(video, path, tuple(made), missing_of(watching))


def severity_of(kind: ErrorKind, *, claimed: Span | None = None, seen: Span | None = None) -> Severity:
    """How bad an error is: the one rule.

    Major is what leads a viewer to another event or another moment: a wrong thing or action, an event that
    does not take place or is left out, a wrong order, and a time with an IoU below ``RIGHT_IOU``, or nowhere.
    Minor are details, numbers, texts, and times that still show most of the event.
    """
    if kind == "time":
        return "minor" if claimed and seen and iou(claimed, seen) >= RIGHT_IOU else "major"
    return "minor" if kind in ("attribute", "count", "text") else "major"


def errors_of(entry: TextEntry, claims: Sequence[CheckedClaim]) -> tuple[ClaimError, ...]:
    """The errors of an entry, those that most judges see first.

    A judge that supports nothing of an entry, contradicts something, and sees nothing in its place has it as
    invented; its votes on the single claims are no further errors.

    Args:
        entry: The entry.
        claims: Its claims with their votes, those of one judge at the same place in each.
    """
    count = len(claims[0].votes) if claims else 0
    nothing = [n for n in range(count) if _supports_nothing([each.votes[n] for each in claims])]
    errors = []
    # 1. The event as a whole.
    if nothing:
        against = [each.votes[n] for each in claims for n in nothing]
        rulers = sum(any(each.votes[n].ruling is not None for each in claims) for n in range(count))
        at = f" at {', '.join(map(format_span, entry.spans))}" if entry.spans else " in the video"
        errors.append(
            ClaimError(
                "invented",
                severity_of("invented"),
                f'No sign of "{entry.text}"{at}.',
                len(nothing),
                rulers,
                entry.spans[0] if entry.spans else None,
                frames=_frames(against),
            )
        )
    # 2. Its details and times.
    for each in claims:
        against = [
            vote for n, vote in enumerate(each.votes) if vote.ruling == "contradicted" and n not in nothing
        ]
        if against:
            rulers = sum(vote.ruling is not None for vote in each.votes)
            errors.append(_claim_error(each.claim, against, rulers))
    return tuple(
        sorted(errors, key=lambda error: (-error.votes_for / error.votes, error.severity != "major"))
    )


def missing_of(views: Sequence[SeenVideo]) -> tuple[ClaimError, ...]:
    """The events that judges see and no entry has, by time; those of several judges that agree are one."""
    groups: list[list[CaptionEvent]] = []
    for view in views:
        fresh = []
        for event in view.unnamed:
            group = next((some for some in groups if _is_one(some[0], event)), None)
            if group is None:
                fresh.append([event])
            else:
                group.append(event)
        groups += fresh
    groups.sort(key=lambda group: (group[0].span, group[0].text))
    return tuple(
        ClaimError(
            "missing",
            severity_of("missing"),
            f'Nothing says that "{group[0].text}" happens at {format_span(group[0].span)}.',
            len(group),
            len(views),
            group[0].span,
            group[0].text,
            (round(group[0].span.middle_seconds, 3),),
        )
        for group in groups
    )


def _watch(
    judge: ClaimJudge, video: Video, path: str, claims: list[Claim], seen: Sequence[CaptionEvent] | None
) -> SeenVideo:
    if isinstance(judge, WatchingJudge):
        return judge.watch(video, path, claims, seen=seen)
    return SeenVideo(tuple(judge.check(video, path, claims)) if claims else (), ())


@dataclass(frozen=True, slots=True)
class _Winner:
    """What most of the judges that contradict a claim see."""

    instead: str
    span: Span | None


def _claim_error(claim: Claim, against: Sequence[Vote], rulers: int) -> ClaimError:
    """The error of a claim that some judges contradict."""
    winner = _winner(against)
    if claim.kind == "time":
        seen = winner.span
        suggestion = format_span(seen) if seen else ""
        said = format_span(claim.span)
        sentence = f"It happens at {suggestion}, not at {said}." if seen else f"It does not happen at {said}."
        severity = severity_of("time", claimed=claim.span, seen=seen)
        return ClaimError(
            "time", severity, sentence, len(against), rulers, claim.span, suggestion, _frames(against)
        )
    part = claim.part or claim.text
    sentence = f'The {_NAMES[claim.kind]} "{part}" is not what the video shows'
    sentence += f': it shows "{winner.instead}".' if winner.instead else "."
    return ClaimError(
        claim.kind,
        severity_of(claim.kind),
        sentence,
        len(against),
        rulers,
        claim.span,
        _suggestion(claim, winner.instead),
        _frames(against),
    )


def _winner(against: Sequence[Vote]) -> _Winner:
    counted = Counter(vote.instead.casefold() for vote in against if vote.instead)
    if not counted:
        return _Winner("", next((vote.span for vote in against if vote.span), None))
    best = counted.most_common(1)[0][0]
    vote = next(vote for vote in against if vote.instead.casefold() == best)
    return _Winner(vote.instead, vote.span)


def _suggestion(claim: Claim, instead: str) -> str:
    """The sentence with other words for the wrong part; the other words alone where they are longer."""
    if not instead or not claim.part or len(instead.split()) > len(claim.part.split()) + 1:
        return instead
    return _in_place(claim.text, claim.part, instead)


def _in_place(text: str, part: str, instead: str) -> str:
    """A sentence with other words in place of a part: whole words, one article, and "a" or "an" to suit."""
    found = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text)
    if found is None:
        return instead
    before, after = text[: found.start()], text[found.end() :]
    if _OPEN_PHRASE.search(before):
        instead = _ARTICLE.sub("", instead, count=1) if _ARTICLE.match(instead) else instead
    if article := re.search(r"\b([Aa])n?(\s+)$", before):
        suits = "n" if _VOWEL.match(instead) else ""
        before = f"{before[: article.start()]}{article[1]}{suits}{article[2]}"
    return f"{before}{instead}{after}"


def _supports_nothing(votes: Sequence[Vote]) -> bool:
    """Whether one judge's votes on an entry say that nothing of it is there."""
    rulings = {vote.ruling for vote in votes}
    elsewhere = any(vote.instead or vote.span for vote in votes)
    return "contradicted" in rulings and "supported" not in rulings and not elsewhere


def _frames(votes: Sequence[Vote]) -> tuple[float, ...]:
    return tuple(sorted({time for vote in votes for time in vote.frames}))


def _problem(claims: Sequence[CheckedClaim]) -> str:
    """Why an entry could not be checked: the first reason, where no judge gave a ruling."""
    votes = [vote for each in claims for vote in each.votes]
    if any(vote.ruling is not None for vote in votes):
        return ""
    return next((vote.problem for vote in votes if vote.problem), "No judge gave a ruling.")


def _is_one(one: CaptionEvent, other: CaptionEvent) -> bool:
    return iou(one.span, other.span) >= RIGHT_IOU and same_event(one.text, other.text)
