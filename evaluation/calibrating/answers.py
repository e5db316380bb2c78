"""Keeps the answers of a search as measures, so that any calibration can weigh them again; asks nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.metrics import Moment, moment_iou
from evaluation.own_library import RIGHT_IOU, Asked
from footage.core.atomic import whole_file
from footage.core.errors import FileError
from footage.core.text_files import read_text
from search.grounding.calibration import Calibration
from search.grounding.matches import NEVER_FOUND_MARGIN
from search.grounding.verdict import CAUTIOUS


class KeptMatch(BaseModel):
    """One match of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    measures: dict[str, float]
    """The evidence as numbers; empty for a match without any."""
    grounded: bool
    """Whether the model named the span: only then it can be "found"."""
    right: bool
    """Whether the span is a true one (IoU >= 0.5)."""


class KeptAnswer(BaseModel):
    """One labelled query and the matches that a search listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    text: str
    """The query."""
    kind: str
    """What kind of query; the same for all where there are no kinds."""
    present: bool
    """Whether something truly answers it."""
    matches: tuple[KeptMatch, ...]
    """What was listed."""

    def confidence(self, calibration: Calibration, *, found_from: float = CAUTIOUS.found) -> float:
        """The highest confidence of its matches by a calibration; 0 where nothing was weighed."""
        cap = found_from - NEVER_FOUND_MARGIN
        sure = (
            (calibration.confidence(match.measures), match.grounded)
            for match in self.matches
            if match.measures
        )
        return max((value if grounded else min(value, cap) for value, grounded in sure), default=0.0)

    def finding(self, calibration: Calibration) -> float:
        """The highest confidence of a match that can be "found"; 0 where there is none."""
        return max(
            (calibration.confidence(match.measures) for match in self.matches if match.grounded), default=0.0
        )


class _KeptFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    about: dict[str, str | int | float]
    answers: tuple[KeptAnswer, ...]


def kept(asked: Sequence[Asked], kinds: Sequence[str] | None = None) -> list[KeptAnswer]:
    """The answers of a search with ``GroundingOptions.everything``, as measures.

    Args:
        asked: The answers.
        kinds: What kind of query each is.
    """
    return [
        KeptAnswer(
            text=answer.text,
            kind=kind,
            present=bool(answer.truths),
            matches=tuple(
                KeptMatch(
                    measures=dict(match.measures),
                    grounded=match.grounded,
                    right=moment_iou(Moment(match.video.content_id, match.span, match.score), answer.truths)
                    >= RIGHT_IOU,
                )
                for match in answer.matches
            ),
        )
        for answer, kind in zip(asked, kinds or [""] * len(asked), strict=True)
    ]


def labelled_matches(
    answers: Sequence[KeptAnswer],
) -> tuple[list[dict[str, float]], list[bool], list[str]]:
    """What a calibration is fitted on, as ``evaluation.own_library.labelled``: measures, right, query."""
    rows = [
        (match.measures, match.right, answer.text)
        for answer in answers
        for match in answer.matches
        if match.grounded
    ]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def write_answers(path: Path, answers: Sequence[KeptAnswer], about: Mapping[str, str | int | float]) -> None:
    """Keep answers in a file, with what they are answers to.

    Raises:
        FootageError: when it cannot be written.
    """
    text = _KeptFile(about=dict(about), answers=tuple(answers)).model_dump_json()
    with whole_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_answers(path: Path, about: Mapping[str, str | int | float]) -> list[KeptAnswer] | None:
    """Kept answers; None where there is no file, or one about something else.

    Raises:
        FileError: when the file is there and is no such file.
    """
    if not path.is_file():
        return None
    try:
        held = _KeptFile.model_validate_json(read_text(path))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise FileError(f"The kept answers {path} cannot be read.", hint="Remove the file.") from error
    return list(held.answers) if held.about == dict(about) else None
