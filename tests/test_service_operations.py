"""The operations: what their table promises, and that commands print what they give."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from doors import DOORS, WITHOUT_DOOR
from test_docs_reference import reference

from evaluation.schemas import COMMANDS as ALL_COMMANDS
from footage.core.errors import UsageError
from service.operations import OPERATIONS
from service.roles import ROLES, allows
from service.schemas import COMMANDS

WITHOUT_OPERATION = {
    "ui": "starts the app",
    "serve": "starts the service",
    "doctor": "examines this machine, not the index",
    "demo": "shows the project on its samples",
    "calibrate": "evaluation of the user's own library",
    "eval init": "evaluation",
    "eval run": "evaluation",
    "eval grounding": "evaluation",
    "eval captions": "evaluation",
    "eval benchmark": "evaluation",
    "eval audit": "evaluation",
    "eval compare": "evaluation",
}
"""Commands with --json that stand for no operation, each with the reason."""
READS_ANY_FILE = {"find", "ask", "point", "track", "models prompt", "verify", "index", "forecast", "watch"}
"""Operations whose request names files that need not be in the index, and which are read."""


# --- the table ----------------------------------------------------------------------------------------------


def test_every_command_with_json_is_an_operation_or_says_why_not() -> None:
    printing = {
        name
        for name, command in reference.all_commands()
        if any("--json" in parameter.opts for parameter in command.params)
    } - {"models"}
    commands = {operation.command for operation in OPERATIONS.values()}
    assert printing - commands == set(WITHOUT_OPERATION)
    assert commands <= printing


def test_the_records_of_an_operation_are_those_of_its_command() -> None:
    printed: dict[str, set[type]] = {}
    for operation in OPERATIONS.values():
        assert set(operation.records) <= set(COMMANDS[operation.command]), operation.name
        printed.setdefault(operation.command, set()).update(operation.records)
    assert {name: set(records) for name, records in COMMANDS.items() if name in printed} == printed
    assert set(ALL_COMMANDS) >= set(COMMANDS)


def test_names_and_options_are_those_of_commands() -> None:
    commands = dict(reference.all_commands())
    for name, operation in OPERATIONS.items():
        assert name == operation.name
        _, _, option = operation.printed_by.partition(" --")
        options = {opt for parameter in commands[operation.command].params for opt in parameter.opts}
        assert not option or f"--{option}" in options, operation.printed_by


def test_every_request_is_described_as_json() -> None:
    for operation in OPERATIONS.values():
        schema = operation.request.model_json_schema()
        for name, field in schema.get("properties", {}).items():
            assert field.get("description"), f"{operation.name}.{name}"
        assert "without_model" not in schema.get("properties", {})
        assert json.loads(json.dumps(schema)) == schema
        assert operation.summary.endswith(".")


def test_who_may_do_what() -> None:
    roles = {name: operation.role for name, operation in OPERATIONS.items()}
    assert {name for name in READS_ANY_FILE if not allows("edit", roles[name])} == set()
    assert {name for name in READS_ANY_FILE if allows("view", roles[name])} == set()
    admin = {"forget", "prune", "models download", "alerts add", "alerts remove"}
    admin |= {name for name in OPERATIONS if name.startswith(("db ", "tokens "))}
    assert {name for name, role in roles.items() if role == "admin"} == admin
    assert set(roles.values()) == set(ROLES)


def test_long_work_is_a_job() -> None:
    jobs = {name for name, operation in OPERATIONS.items() if operation.work == "job"}
    wanted = {"index", "watch", "retry", "export", "reel", "audit", "captions import", "models download"}
    assert jobs == wanted | {name for name in OPERATIONS if name.startswith("db ")}


def test_the_table_loads_no_model_and_no_database() -> None:
    heavy = {"torch", "lancedb", "transformers", "streamlit", "sentence_transformers", "pyarrow"}
    code = f"""
        import sys, service.operations
        assert "service.search" not in sys.modules  # the package alone loads nothing
        service.operations.OPERATIONS["search"].request.model_json_schema()
        print(sorted(set(sys.modules) & {heavy!r}))
    """
    code = "\n".join(line.strip() for line in code.strip().splitlines())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_there_is_a_door_for_every_operation() -> None:
    assert set(OPERATIONS) - {door.operation for door in DOORS} == set(WITHOUT_DOOR)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("name", ["search", "video", "ask"])
def test_a_text_that_nothing_can_hold_is_refused(name: str, text: str) -> None:
    field = {"search": "query", "video": "video", "ask": "question"}[name]
    request = {field: text} | ({"places": [text]} if name == "ask" else {})
    with pytest.raises(UsageError, match="NUL or half of a character"):
        OPERATIONS[name].request.model_validate(request)


def test_a_picture_is_one_of_two_things() -> None:
    request = OPERATIONS["search pictures"].request
    for picture in ({}, {"moment": "gate.mp4@1", "image_base64": "AAAA"}):
        with pytest.raises(UsageError, match="one of"):
            request.model_validate({"picture": picture})
