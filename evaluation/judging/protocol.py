"""Questions to a judge of texts and its answers; knows no server."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A prompt with its name and version; what is recorded beside every figure."""

    name: str
    """What it is for, as in "events-of-caption"."""
    version: int
    """Raised with every change of the text or the schema."""
    template: str
    """The text, with {placeholders}."""
    schema: Mapping[str, Any]
    """JSON schema of the answer; always an object at the top."""

    @property
    def hash(self) -> str:
        """SHA-256 of template and schema, the first 12 hex digits."""
        text = json.dumps([self.template, self.schema], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def question(self, **values: str) -> JudgeQuestion:
        """The question with the placeholders filled in; braces in the values stay as they are.

        Raises:
            KeyError: a placeholder has no value.
        """
        text = re.sub(r"\{(\w+)\}", lambda place: values[place[1]], self.template)
        return JudgeQuestion(self, text)


@dataclass(frozen=True, slots=True)
class JudgeQuestion:
    """A filled-in prompt."""

    prompt: JudgePrompt
    """The prompt that it was made of."""
    text: str
    """The text for the judge."""
    items: int | None = None
    """How many items the list in the answer must have; None where any number will do."""


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """The answer to one question."""

    value: Any
    """The answer, valid against the schema of the prompt; None where there is none."""
    prompt_tokens: int = 0
    """Tokens of the question, by the server's count, all tries together; 0 where the answer was kept."""
    answer_tokens: int = 0
    """Tokens of the answer, in the same way."""
    kept: bool = False
    """Whether the answer was kept from an earlier run, so that nothing was asked."""
    problem: str = ""
    """Why there is no answer, in one sentence; empty where there is one."""


class TextJudge(Protocol):
    """A language model that answers structured questions about texts."""

    @property
    def name(self) -> str:
        """Name for reports: model and server, without secrets."""
        ...

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[JudgeReply]:
        """Answer questions, in order. A question that gets no valid answer gets a reply with a ``problem``.

        Raises:
            ModelError: when the server cannot be used at all.
            UsageError: when the budget does not allow another question.
        """
        ...
