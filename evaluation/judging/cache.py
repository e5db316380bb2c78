"""Keeps the answers of judges in a folder, by what was asked of which model; knows no server.

An answer that cannot be read or does not fit its question counts as absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.judging.answers import fault_of
from evaluation.judging.dialect import JudgeSampling, readable
from evaluation.judging.protocol import JudgeQuestion
from evaluation.kept_files import KeptFiles, key_of

FORM = 1
"""Raised when the parts of a key, or the content of a file, change."""


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
        self._files = KeptFiles(folder)

    def get(self, key: str, question: JudgeQuestion) -> KeptJudgement | None:
        """The answer under a key, if it is there and still answers the question."""
        content = self._files.get(key)
        if content is None:
            return None
        try:
            data = json.loads(content)
            kept = KeptJudgement(data["answer"], int(data["prompt_tokens"]), int(data["answer_tokens"]))
        except (ValueError, KeyError, TypeError, RecursionError):
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
        self._files.put(key, json.dumps(data, sort_keys=True).encode() + b"\n")

    def keys(self) -> Iterator[str]:
        """The keys of all answers in the folder."""
        return self._files.keys()


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
    return key_of(FORM, identity, asked, drawn)
