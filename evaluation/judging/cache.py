"""Keeps the answers of judges in a folder, by what was asked of which model; knows no server.

One file an answer, written whole or not at all, so that a run that was killed goes on without paying again,
and several runs may share a folder. A file that cannot be read or does not fit counts as absent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.judging.answers import fault_of
from evaluation.judging.dialect import JudgeSampling, readable
from evaluation.judging.protocol import JudgeQuestion
from footage.core.atomic import whole_file

FORM = 1
"""Raised when what a key is made of, or what a file holds, changes."""


@dataclass(frozen=True, slots=True)
class KeptJudgement:
    """An answer and what it cost."""

    value: Any
    """The answer."""
    prompt_tokens: int
    """Tokens of the questions, all tries together."""
    answer_tokens: int
    """Tokens of the answers, all tries together."""


class AnswerCache:
    """A folder of answers."""

    def __init__(self, folder: Path) -> None:
        """Take a folder; it is made with the first answer, for its owner alone."""
        self.folder = folder

    def get(self, key: str, question: JudgeQuestion) -> KeptJudgement | None:
        """The answer under a key, if it is there and still answers the question."""
        try:
            data = json.loads(self._place(key).read_bytes())
            kept = KeptJudgement(data["answer"], int(data["prompt_tokens"]), int(data["answer_tokens"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return None if data.get("key") != key or fault_of(kept.value, question) else kept

    def put(self, key: str, kept: KeptJudgement, *, model: str, question: JudgeQuestion) -> None:
        """Keep an answer.

        Raises:
            FootageError: when it cannot be written; to go on would be to pay for answers that are lost.
        """
        data = {
            "key": key,
            "model": model,
            "prompt": question.prompt.name,
            "version": question.prompt.version,
            "hash": question.prompt.hash,
            "answer": kept.value,
            "prompt_tokens": kept.prompt_tokens,
            "answer_tokens": kept.answer_tokens,
        }
        with whole_file(self._place(key)) as partial:
            partial.write_text(json.dumps(data, sort_keys=True) + "\n")

    def keys(self) -> Iterator[str]:
        """The keys of all answers in the folder."""
        return (place.stem for place in sorted(self.folder.glob("??/*.json")))

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def answer_key(identity: str, question: JudgeQuestion, sampling: JudgeSampling) -> str:
    """The key of an answer: SHA-256 over the model, prompt, text and sampling; not over the server's address.

    Args:
        identity: Of the model, wherever it is served.
        question: What is asked.
        sampling: How the answer is drawn.
    """
    prompt = question.prompt
    drawn = [sampling.seed, float(sampling.temperature), sampling.max_answer_tokens]
    asked = [prompt.name, prompt.version, prompt.hash, readable(question.text), question.items]
    return hashlib.sha256(json.dumps([FORM, identity, asked, drawn]).encode()).hexdigest()
