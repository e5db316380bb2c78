"""A judge of captions by shared words, and drawn texts for it: what a language model would do, made plain.

``answer`` reads a question as it reaches a server and answers as a model would: sentences of the description
are its events, "a red car" in it is an object, and a statement follows from a sentence with all its words. A
statement that differs from a sentence in a colour or a direction alone is contradicted.
"""

from __future__ import annotations

import json
import re

COLOURS = {"red", "blue", "green", "yellow", "white", "black", "orange", "purple"}
WAYS = {"left", "right", "up", "down"}
VERB = r"\b(?!is\b)[a-z]+s\b"
"""What an event has and a scene has not, in the plain sentences of tests and drawn clips."""
LITTLE = {"a", "an", "the", "is", "there", "are", "to", "from", "of", "and", "in", "it", "by"}


def data_of(text: str, label: str) -> str:
    """The JSON value after a label at the start of a line."""
    place = re.search(rf"^{label}: ", text, re.MULTILINE).end()
    return json.JSONDecoder().raw_decode(text[place:])[0]


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower())) - LITTLE


def sentences_of(description: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", description.strip())


def events_of(description: str) -> list[str]:
    """Its sentences with a verb, ten at most."""
    return list(dict.fromkeys(each for each in sentences_of(description) if re.search(VERB, each)))[:10]


def objects_of(description: str) -> list[str]:
    """Every colour with the word after it."""
    found = re.findall(rf"\b(?:{'|'.join(sorted(COLOURS))})\s+[a-z]+", description)
    return [f"There is a {each}." for each in dict.fromkeys(found)][:10]


def relation_of(description: str, statement: str) -> str:
    """Entailed by a sentence with all its words, contradicted by one with another colour or way."""
    wanted = words_of(statement)
    sentences = [words_of(each) for each in sentences_of(description)]
    if any(wanted <= each for each in sentences):
        return "entailment"
    details = COLOURS | WAYS
    if any(wanted - details <= each and wanted & details and each & details for each in sentences):
        return "contradiction"
    return "neutral"


def answer(text: str, schema: dict | None = None) -> dict:
    """The answer to one of the project's questions about captions."""
    description = data_of(text, "Description")
    if "\nStatements: " in text:
        statements = data_of(text, "Statements")
        return {
            "relations": [
                {
                    "number": int(number),
                    "reason": "shared words",
                    "relation": relation_of(description, statement),
                }
                for number, statement in statements.items()
            ]
        }
    take = objects_of if 'begins with "There is"' in text else events_of
    return {"claims": take(description)}
