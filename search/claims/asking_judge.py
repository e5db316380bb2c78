"""A judge that shows a model the claimed moment and asks about each claim in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from footage.core.errors import FootageError, ModelError
from footage.core.types import Answer, Span, Video
from footage.inference.runner import WindowedRunner, WindowSource
from footage.inference.windows import cut_segment
from footage.vlm.contract import raw_prompt, read_text
from footage.vlm.profiles import require
from footage.vlm.protocol import Prompt, VideoModel
from search.claims.records import Claim, ClaimKind, Ruling, Vote

MOST_CLAIMS = 12
"""Most claims in one question."""
MARGIN_SECONDS = 0.5
"""How much is shown before and after the claimed time: what begins there is cut off otherwise."""
MOST_WINDOWS = 8
"""Most windows of one claimed time; of a longer one, windows spread evenly over it are shown."""
TOKENS_PER_CLAIM = 60
"""Tokens of the answer for each claim."""
PROMPT_VERSION = "asking-1"
"""Changes with every change of the prompt."""
TIME_PROBLEM = "This judge sees the claimed time alone; times are checked by grounding."

_ASPECTS: dict[ClaimKind, str] = {
    "object": "the thing",
    "attribute": "the look or place of something",
    "action": "what happens, or which way something moves",
    "count": "how many there are",
    "order": "what comes first",
    "text": "what is written or said",
}
_HEAD = (
    "Watch the clip and check each statement against what can be seen in it. Check only the words in square "
    "brackets; the rest of the statement says what they belong to.\n"
    "Rulings: supported (the clip shows it), contradicted (the clip shows something else in its place, or no "
    "such thing or action at all), not visible (it may be so, but is hidden, too small, too dark or outside "
    "the picture).\n"
)
_TAIL = (
    'Answer with a JSON array and nothing else, one object for each statement: {"number": 1, "ruling": '
    '"supported", "instead": "", "confidence": 0.9}. "instead" holds the words that should stand in the '
    'square brackets, if the clip shows something else. "confidence" is between 0 and 1.'
)
_RULINGS: tuple[tuple[re.Pattern[str], Ruling], ...] = (
    (
        re.compile(
            r"\bnot[ _-]?(?:visible|shown|seen|clear|enough|sure)|\bcan ?(?:not|'t)\b|\bunclear\b|"
            r"\bunsure\b|\bneutral\b|\bunknown\b|\bundetermined\b"
        ),
        "not visible",
    ),
    (
        re.compile(
            r"\bcontradict\w*|\brefuted?\b|\bfalse\b|\bno\b|\bincorrect\b|\bwrong\b|"
            r"\bnot (?:supported|correct|true|right)\b"
        ),
        "contradicted",
    ),
    (re.compile(r"\bsupport\w*|\bentail\w*|\btrue\b|\byes\b|\bcorrect\b|\bright\b"), "supported"),
)
_INSTEAD = re.compile(
    r"(?:\b(?:it|this|that|he|she|there) (?:is|was|are|were)|\bthe (?:clip|video) shows|"
    r"\binstead(?: it is)?:?|\bshows)\s+(?P<words>[^.;\n]+)",
    re.IGNORECASE,
)
_LINE = re.compile(r"^\s*(?:statement\s*)?(?P<number>\d{1,2})\s*[.):\-]\s*(?P<rest>.+)$", re.IGNORECASE)


class AskingJudge:
    """Judges claims by questions about the clip at the claimed time."""

    def __init__(self, model: VideoModel, *, timeout_seconds: float = 120) -> None:
        """Take a loaded model.

        Args:
            model: The model, in this process or on a server.
            timeout_seconds: Give up on a window's decoding after this long without progress.

        Raises:
            UsageError: the model answers no questions.
        """
        require(model.profile, "ask")
        self._model = model
        self._runner = WindowedRunner(model, timeout_seconds=timeout_seconds)

    @property
    def name(self) -> str:
        """Model and revision, and the version of the prompt."""
        made_by = self._model.provenance
        return f"{made_by.model}@{made_by.revision[:12]} ({PROMPT_VERSION})"

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """As ``ClaimJudge``: claims about one time are asked about together, times not at all."""
        votes: dict[int, Vote] = {}
        groups: dict[Span | None, list[int]] = {}
        for number, claim in enumerate(claims):
            if claim.kind == "time":
                votes[number] = Vote(self.name, None, problem=TIME_PROBLEM)
            else:
                groups.setdefault(claim.span, []).append(number)
        questions = [
            (span, numbers[first : first + MOST_CLAIMS])
            for span, numbers in groups.items()
            for first in range(0, len(numbers), MOST_CLAIMS)
        ]
        for span, numbers in questions:
            asked = self._ask(video, path, span, [claims[number] for number in numbers])
            votes |= dict(zip(numbers, asked, strict=True))
        return [votes[number] for number in range(len(claims))]

    def _ask(self, video: Video, path: str, span: Span | None, claims: Sequence[Claim]) -> list[Vote]:
        """The votes on some claims about one time."""
        windows = windows_on(span, video, self._model)
        if not windows:
            problem = f"The video has nothing at the claimed time: it lasts {video.duration_seconds:.1f} s."
            return [Vote(self.name, None, problem=problem) for _ in claims]
        prompt = claims_prompt(claims, self._model)
        batches = self._runner.batches(
            [WindowSource(Path(path), video, window) for window in windows],
            lambda _, prepared: self._model.run([(each, prompt) for each in prepared]),
        )
        views = []
        for result in (result for batch in batches for result in batch):
            if result.result is None:
                if result.error is not None and not isinstance(result.error, FootageError):
                    raise ModelError(
                        f"{path} could not be shown to {self._model.profile.name}: {result.error}"
                    ) from result.error
                views.append([Vote(self.name, None, problem=str(result.error)) for _ in claims])
                continue
            window = result.source.span
            views.append(
                [
                    replace(
                        vote,
                        judge=self.name,
                        span=window if vote.ruling == "supported" else None,
                        frames=_frames(result.frame_times_seconds) if vote.ruling is not None else (),
                    )
                    for vote in read_votes(result.result, claims)
                ]
            )
        return [_together([view[n] for view in views]) for n in range(len(claims))]


def windows_on(span: Span | None, video: Video, model: VideoModel) -> list[Span]:
    """The windows that show a time with a margin, or a whole video."""
    whole = Span(0, video.duration_seconds)
    if span is None:
        shown = whole
    else:
        shown = Span.clamped(
            span.start_seconds - MARGIN_SECONDS, span.end_seconds + MARGIN_SECONDS, within=whole
        )
    if shown.duration_seconds == 0:
        return []
    cut = cut_segment(shown, model.profile, layout="separate", gaps=video.gaps)
    spans = [window.span for window in cut]
    if len(spans) <= MOST_WINDOWS:
        return spans
    return [spans[round(n * (len(spans) - 1) / (MOST_WINDOWS - 1))] for n in range(MOST_WINDOWS)]


def claims_prompt(claims: Sequence[Claim], model: VideoModel) -> Prompt:
    """The question about some claims.

    Raises:
        UsageError: the model answers no questions.
    """
    require(model.profile, "ask")
    lines = [
        f"{number}. {_marked(claim)} (check: {_ASPECTS[claim.kind]})"
        for number, claim in enumerate(claims, start=1)
    ]
    text = f"{_HEAD}Statements:\n" + "\n".join(lines) + f"\n{_TAIL}"
    return raw_prompt(text, model.profile, max_new_tokens=40 + TOKENS_PER_CLAIM * len(claims))


def read_votes(answer: Answer, claims: Sequence[Claim]) -> list[Vote]:
    """The votes in an answer: JSON, or prose with a ruling in each line, or one for a single claim.

    A claim for which the answer has no ruling gets a vote with a ``problem``; no text raises.
    """
    text = read_text(answer)
    found: dict[int, Vote] = {}
    for place, each in enumerate(_objects(text)):
        number = _number(each.get("number"), place)
        ruling = read_ruling(str(each.get("ruling", each.get("verdict", ""))))
        if ruling is not None and number < len(claims):
            instead = each.get("instead") if ruling == "contradicted" else None
            found.setdefault(number, _vote(ruling, each.get("confidence"), instead, text))
    if not found:
        found = _prose(text, len(claims))
    short = " ".join(text.split())[:120]
    unread = Vote("", None, problem=f'The answer has no ruling on this: "{short}".')
    return [found.get(number, unread) for number in range(len(claims))]


def read_ruling(text: str) -> Ruling | None:
    """The ruling in a few words, such as "Supported" or "No, it is blue"; None without one."""
    plain = text.casefold().replace("’", "'")  # noqa: RUF001 - the typographic apostrophe is meant
    places = [
        (match.start(), -len(match.group()), ruling)
        for pattern, ruling in _RULINGS
        if (match := pattern.search(plain)) is not None
    ]
    return min(places)[2] if places else None


def _marked(claim: Claim) -> str:
    """The sentence, with the words to check in brackets."""
    if not claim.part or claim.part not in claim.text:
        return f"[{claim.text}]"
    return claim.text.replace(claim.part, f"[{claim.part}]", 1)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a text with a ruling, wherever they stand; what is no JSON is passed over."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            at += 1
            continue
        if isinstance(value, dict) and ("ruling" in value or "verdict" in value):
            yield cast("Mapping[str, Any]", value)
            at = end
        else:
            at += 1


def _number(value: object, place: int) -> int:
    """The place of a claim, from its number in an answer; that of the object where it has none."""
    if isinstance(value, bool):
        return place
    try:
        number = int(cast("Any", value)) - 1
    except (TypeError, ValueError, OverflowError):
        return place
    return number if number >= 0 else place


def _prose(text: str, count: int) -> dict[int, Vote]:
    found: dict[int, Vote] = {}
    for line in text.splitlines():
        if (match := _LINE.match(line)) and 0 < int(match["number"]) <= count:
            vote = _said(match["rest"])
            if vote is not None:
                found.setdefault(int(match["number"]) - 1, vote)
    if not found and count == 1 and (vote := _said(text)) is not None:
        found[0] = vote
    return found


def _said(text: str) -> Vote | None:
    """The vote in a sentence, such as "No, it is a blue car."; None without one."""
    ruling = read_ruling(text)
    if ruling is None:
        return None
    instead = _INSTEAD.search(text) if ruling == "contradicted" else None
    return _vote(ruling, None, instead["words"] if instead else None, text)


def _vote(ruling: Ruling, confidence: object, instead: object, text: str) -> Vote:
    sure: float | None = None
    if isinstance(confidence, int | float) and not isinstance(confidence, bool):
        sure = float(confidence) / (100 if confidence > 1 else 1)
        sure = sure if 0 <= sure <= 1 else None
    words = " ".join(str(instead).split()).strip(" .\"'") if isinstance(instead, str) else ""
    return Vote("", ruling, sure, words, evidence=(f'The model answered "{" ".join(text.split())[:300]}".',))


def _together(votes: Sequence[Vote]) -> Vote:
    """The vote of all windows on one claim: what one window shows holds; then what one contradicts."""
    for ruling in ("supported", "contradicted", "not visible"):
        some = [vote for vote in votes if vote.ruling == ruling]
        if some:
            return max(some, key=lambda vote: vote.confidence or 0.0)
    return votes[0]


def _frames(times: Sequence[float]) -> tuple[float, ...]:
    """At most three of the frames shown, spread evenly."""
    if len(times) <= 3:
        return tuple(times)
    return (times[len(times) // 4], times[len(times) // 2], times[3 * len(times) // 4])
