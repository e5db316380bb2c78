"""The request to a judge in a form that its server accepts: structured output, optional fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from evaluation.judging.protocol import JudgeQuestion

Structure = Literal["json_schema", "json_object", "text"]
"""How an answer is made to be JSON: held to the schema, held to JSON, or asked for in words alone."""

OPTIONAL_FIELDS = ("seed", "chat_template_kwargs", "temperature", "max_tokens")
"""Fields that some servers refuse. Instead of ``max_tokens``, ``max_completion_tokens`` is sent."""
RUN_TEMPERATURE = 0.7
"""Least temperature of all runs but the first: at 0, all runs would be one."""
RETRY_TEMPERATURE = 0.4
"""Least temperature of all tries but the first, for the same reason."""
SEED_STEP = 10_007
"""Distance of the seeds of two tries, above any number of runs."""
_NEXT: dict[Structure, Structure | None] = {
    "json_schema": "json_object",
    "json_object": "text",
    "text": None,
}


@dataclass(frozen=True, slots=True)
class JudgeDialect:
    """The form of requests that a server accepts."""

    structure: Structure = "json_schema"
    """How an answer is made to be JSON."""
    without: frozenset[str] = frozenset()
    """Those of ``OPTIONAL_FIELDS`` that the server refuses."""

    def after(self, refusal: str) -> JudgeDialect | None:
        """The form to try next; None where there is no other.

        Args:
            refusal: The server's sentence; fields that it names are left out first.
        """
        if named := {name for name in OPTIONAL_FIELDS if name in refusal} - self.without:
            return replace(self, without=self.without | named)
        if (structure := _NEXT[self.structure]) is not None:
            return replace(self, structure=structure)
        if self.without < frozenset(OPTIONAL_FIELDS):
            return replace(self, without=frozenset(OPTIONAL_FIELDS))
        return None


@dataclass(frozen=True, slots=True)
class JudgeSampling:
    """How answers are drawn; part of what a kept answer belongs to."""

    seed: int = 0
    """Seed of the first try; later tries count on from it."""
    temperature: float = 0.0
    """Temperature of the first try; 0 for the likeliest answer."""
    max_answer_tokens: int = 2048
    """Most tokens of an answer; an answer that is cut off is asked for again with twice as many."""

    def of_run(self, number: int) -> JudgeSampling:
        """The sampling of one of several runs: the first is this one, others have other seeds."""
        if not number:
            return self
        drawn = max(self.temperature, RUN_TEMPERATURE)
        return replace(self, seed=self.seed + number, temperature=drawn)

    def of_try(self, number: int, *, cut_off: bool) -> JudgeSampling:
        """The sampling of a later try: another seed, and a temperature that makes another answer possible."""
        if not number:
            return self
        most = self.max_answer_tokens * (2 if cut_off else 1)
        drawn = max(self.temperature, RETRY_TEMPERATURE)
        return JudgeSampling(self.seed + SEED_STEP * number, drawn, most)


def request_of(
    model: str,
    question: JudgeQuestion,
    dialect: JudgeDialect,
    sampling: JudgeSampling,
    *,
    fault: str = "",
) -> tuple[bytes, str]:
    """The body of a chat completion request.

    Args:
        model: Name of the model on its server.
        question: What is asked.
        dialect: What the server accepts.
        sampling: How the answer is drawn.
        fault: Why the last answer could not be used; empty with the first try.

    Returns:
        The JSON, and all text of it that the model reads.
    """
    schema = question.prompt.schema
    text = readable(question.text)
    if dialect.structure != "json_schema":
        form = _compact(schema)
        text += f"\n\nAnswer with one JSON object that fits this JSON schema, and nothing else:\n{form}"
    if fault:
        text += f"\n\nYour last answer could not be used: {fault}. Answer with one JSON object that fits."
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "max_tokens": sampling.max_answer_tokens,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    body = {name: value for name, value in body.items() if name not in dialect.without}
    if "max_tokens" in dialect.without:
        body["max_completion_tokens"] = sampling.max_answer_tokens
    read = text
    if dialect.structure == "json_schema":
        held = {"name": _word(question.prompt.name), "schema": schema, "strict": _is_strict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": held}
        read += _compact(schema)  # some servers put it into the prompt
    elif dialect.structure == "json_object":
        body["response_format"] = {"type": "json_object"}
    return json.dumps(body).encode(), read


def readable(text: str) -> str:
    """A text without control characters, except line ends and tabs, and without halves of characters."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(c if c in "\n\t" or (ord(c) >= 32 and ord(c) != 127) else " " for c in whole)


def _compact(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _word(name: str) -> str:
    """A name as ``response_format`` allows it: letters, digits, - and _, 64 at most."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)[:64] or "answer"


def _is_strict(schema: Any) -> bool:
    """Whether every object requires all its properties and allows no others, as strict mode wants."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != names:
            return False
    return all(map(_is_strict, schema.values()))
