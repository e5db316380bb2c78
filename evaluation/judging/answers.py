"""Reads what a judge returned: the completion, the JSON in it, and whether that fits; opens no connection.

Nothing in an answer is trusted. An answer counts when it fits the schema of its prompt, whatever the judged
texts say, and a fault is worded without the words of the answer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

    from evaluation.judging.protocol import JudgeQuestion

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>", re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_MOST_OBJECTS = 1_000
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class JudgeCompletion:
    """A chat completion."""

    text: str
    """What the judge wrote."""
    whole: bool
    """Whether it ended by itself, not at the token limit."""
    refused: bool
    """Whether the judge or a filter of the server refused to answer."""
    prompt_tokens: int | None
    """Tokens of the question; None where the server does not count."""
    answer_tokens: int | None
    """Tokens of the answer; None where the server does not count."""


def read_judged(data: Any) -> JudgeCompletion:
    """Read the JSON of a chat completion.

    Raises:
        ValueError: when it is none.
    """
    choices = data.get("choices") if isinstance(data, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ValueError("no chat completion")
    ended = choice.get("finish_reason")
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return JudgeCompletion(
        text=_text(message.get("content")),
        whole=ended != "length",
        refused=ended == "content_filter" or bool(message.get("refusal")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        answer_tokens=_count(usage.get("completion_tokens")),
    )


def answer_in(text: str, question: JudgeQuestion) -> tuple[Any, str]:
    """The answer in a judge's text, or why there is none.

    The answer is the whole text, or else the last JSON object in it that fits, so that neither thoughts nor
    quotations before it count.

    Returns:
        The answer and "", or None and a few words without a quotation.
    """
    first = ""
    for value in reversed(list(_objects(text))):
        fault = fault_of(value, question)
        if not fault:
            return value, ""
        first = first or fault
    return None, first or "no JSON object"


def fault_of(value: Any, question: JudgeQuestion) -> str:
    """Why a value does not answer a question, in a few words without a quotation; empty where it does."""
    schema = question.prompt.schema
    try:
        error = next(_validator(json.dumps(schema, sort_keys=True)).iter_errors(value), None)
    except RecursionError:
        return "JSON that is too deep"
    if error is not None:
        place = _named(schema, error.absolute_path) or "the top"
        return f"JSON that does not fit the schema ({error.validator} at {place})"
    if question.items is not None:
        name = list_name(schema)
        found = len(value[name]) if name in value and isinstance(value[name], list) else 0
        if found != question.items:
            return f"{found} items instead of {question.items}"
    return ""


def list_name(schema: Mapping[str, Any]) -> str:
    """The name of the list in an answer: the first property at the top that is an array; empty for none."""
    for name, part in schema.get("properties", {}).items():
        if part.get("type") == "array":
            return str(name)
    return ""


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has: four ASCII characters or one other character each; at least 1."""
    plain = sum(character.isascii() for character in text)
    return max(1, math.ceil(plain / 4) + len(text) - plain)


def most_tokens(text: str) -> int:
    """An upper bound of the tokens of a text: no byte-level vocabulary has more than one a byte."""
    return len(text.encode("utf-8", "replace"))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in a text, in order, thoughts left out."""
    text = _THOUGHTS.sub(" ", text)
    if ends := list(_END_OF_THOUGHT.finditer(text)):  # the opening mark may be part of the prompt's template
        text = text[ends[-1].end() :]
    elif _OPEN_THOUGHT.match(text):
        return
    decoder = json.JSONDecoder(parse_constant=_no_constant, strict=False)
    place = 0
    for _ in range(_MOST_OBJECTS):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
                return  # an object that was cut off: its parts are no answers
            place += 1
            continue
        except (ValueError, RecursionError):
            place += 1
            continue
        if _depth(value) <= _DEEPEST:
            yield value


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, counted to just above the deepest that is read."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level, depth = inner, depth + 1
    return depth


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text(content: Any) -> str:
    """The text of a message: a string, or the text parts of a list."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(each for each in texts if isinstance(each, str))
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _named(schema: Mapping[str, Any], path: Any) -> str:
    """A path in an answer, without names that the schema does not know: the judge may have made them up."""
    text = json.dumps(schema)
    known = [str(part) if isinstance(part, int) or json.dumps(part) in text else "…" for part in path]
    return "/".join(known)


@lru_cache(64)
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    read = json.loads(schema)
    Draft202012Validator.check_schema(read)
    return Draft202012Validator(read)
