"""The operations: what their table promises, and that commands print what they give."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_runner import CommandRunner
from doors import DOORS, WITHOUT_DOOR, Door, lines, normalised
from standin_library import ENVIRONMENT, YARD, loaders, make_library
from standin_model import write_levels
from test_docs_reference import reference
from waiting import wait_until

from evaluation.schemas import COMMANDS as ALL_COMMANDS
from footage.core.config import load_settings
from footage.core.errors import FootageError, UsageError
from service.cancellation import CancelToken
from service.events import Indexed
from service.operations import OPERATIONS
from service.roles import ROLES, allows
from service.schemas import COMMANDS
from service.session import Service
from ui.cli.main import app

WITHOUT_OPERATION = {
    "ui": "starts the app",
    "doctor": "examines this machine, not the index",
    "demo": "shows the project on its samples",
    "calibrate": "evaluation of the user's own library",
    "eval init": "evaluation",
    "eval run": "evaluation",
    "eval grounding": "evaluation",
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
    admin = {"forget", "prune", "models download"}
    admin |= {name for name in OPERATIONS if name.startswith("db ")}
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


# --- behaviour ----------------------------------------------------------------------------------------------


@dataclass
class Library:
    """A library that a test may change; ``reset`` puts it back."""

    made: Path
    folder: Path
    places: dict[str, str]

    def reset(self) -> None:
        """Put everything back as it was made, in the same place."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.made, self.folder, symlinks=True)

    def service(self) -> Service:
        """A service of the settings as they are now."""
        return Service(load_settings(), loaders=loaders())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    root = tmp_path_factory.mktemp("doors")
    folder, made = root / "library", root / "made"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("FOOTAGE_CACHE_DIR", str(folder / "cache"))
        patch.setenv("FOOTAGE_DB", str(folder / "index.lancedb"))
        db = make_library(folder)
        service = Service(load_settings(), loaders=loaders())
        ask = {name: OPERATIONS[name] for name in ("captions export", "items", "corrections", "db backup")}
        rows = ask["captions export"](service, ask["captions export"].request())
        written = "".join(json.dumps(row.fields()) + "\n" for row in rows)
        (folder / "captions.jsonl").write_text(written)
        [export] = [door for door in DOORS if "answers" in door.request]
        store = service.store()
        yard = store.files.at(str(folder / "videos" / YARD)).content_id
        places = {"videos": str(folder / "videos"), "yard": yard, "out": str(folder / "out")}
        answer = export.filled(places).request["answers"][0]
        (folder / "results.jsonl").write_text(json.dumps(answer) + "\n")
        items = ask["items"].request(name="bright")
        places |= {
            "captions": str(folder / "captions.jsonl"),
            "results": str(folder / "results.jsonl"),
            "copy": str(folder / "copy"),
            "item": ask["items"](service, items)[0].fields()["id"],
            "correction": ask["corrections"](service, ask["corrections"].request())[0].fields()["id"],
        }
        ask["db backup"](service, ask["db backup"].request(folder=folder / "copy"))
        assert db.is_dir()
        shutil.move(folder, made)
        yield Library(made, folder, places)


Answer = tuple[list[dict[str, Any]], dict[str, str] | None]
"""Records, and the error that ended them."""


def by_operation(library: Library, door: Door) -> Answer:
    """What an operation gives."""
    operation = OPERATIONS[door.operation]
    try:
        request = operation.request.model_validate_json(json.dumps(door.request))
        records = operation(library.service(), request)
    except FootageError as error:
        return [], {"error": str(error), "hint": error.hint}
    assert all(isinstance(record, operation.records) for record in records)
    return [record.fields() for record in records], None


def by_command(library: Library, door: Door) -> Answer:
    """What a command prints."""
    runner = CommandRunner()
    runner.loaders = loaders()
    result = runner.invoke(app, [*door.argv, "--json"])
    error = lines(result.stderr)[-1] if result.exit_code in (1, 2) and result.stderr.strip() else None
    return lines(result.stdout), error


@pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])
def test_a_command_prints_what_the_operation_gives(
    door: Door, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = door.filled(library.places)
    for name, value in door.environment.items():
        monkeypatch.setenv(name, value)
    answers = []
    for answer in (by_operation, by_command):
        library.reset()
        answers.append(normalised([*answer(library, door)]))
    assert answers[0] == answers[1]
    records, error = answers[0]
    assert (error is not None) == door.fails
    assert records or door.fails or door.operation in MAY_BE_EMPTY


MAY_BE_EMPTY = {"review"}
"""Operations whose answer is empty for one of their doors: nothing new was found."""


def test_pages_join_to_the_whole_list(library: Library) -> None:
    library.reset()
    service, operation = library.service(), OPERATIONS["videos"]
    [*whole, last] = operation(service, operation.request())
    assert last.fields() == {"type": "page", "entries": 3, "total": 3, "next_after": None}
    found, after = [], ""
    while after is not None:
        [*some, page] = operation(service, operation.request(after=after, limit=1))
        found += some
        after = page.fields()["next_after"]
    assert found == whole and [each.content_id for each in whole] == sorted(each.content_id for each in whole)


def test_events_go_on_after_the_last_one_and_refuse_another(library: Library) -> None:
    library.reset()
    service, operation = library.service(), OPERATIONS["events"]
    [first, page] = operation(service, operation.request(video="gate.mp4", limit=1))
    assert page.fields() == {"type": "page", "entries": 1, "total": 3, "next_after": first.id}
    [*rest, _] = operation(service, operation.request(video="gate.mp4", after=first.id))
    assert [event.start_seconds for event in rest] == sorted(event.start_seconds for event in rest)
    assert len(rest) == 2 and first not in rest
    with pytest.raises(UsageError, match="no entry 'none'"):
        operation(service, operation.request(video="gate.mp4", after="none"))


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("export", {"query": "a dog", "folder": "clips"}),
        ("export", {"results": "-", "folder": "/tmp/clips"}),
        ("reel", {"query": "a dog", "out": "reel.mp4", "max_seconds": 3}),
        ("verify", {"manifest": "clips.manifest.json"}),
        ("captions import", {"file": "-"}),
        ("db backup", {"folder": "copy"}),
        ("db restore", {"folder": "copy"}),
        ("subtitle files", {"folder": "subtitles"}),
        ("point", {"places": ["gate.mp4@1"], "what": "it", "out": "out.png"}),
    ],
)
def test_a_request_names_files_by_their_whole_path(
    name: str, request_: dict[str, Any], library: Library
) -> None:
    library.reset()
    operation = OPERATIONS[name]
    with pytest.raises(UsageError, match="is not an absolute path"):
        operation(library.service(), operation.request.model_validate(request_))


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


def test_watching_indexes_until_it_is_cancelled(library: Library) -> None:
    library.reset()
    videos = Path(library.places["videos"])
    operation, cancel, ended = OPERATIONS["watch"], CancelToken(), []
    request = operation.request(paths=(videos,), settle_seconds=0)
    records: list[Any] = []

    def work() -> None:
        def note(event: object) -> None:
            if isinstance(event, Indexed):
                ended.append(event.result)

        records.extend(operation(library.service(), request, on_event=note, cancel=cancel))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(lambda: ended, failure="no run ended")
        write_levels(videos / "new.mp4", [20, 230, 20])
        found = lambda: any(Path(each.path).name == "new.mp4" for run in ended for each in run.report.files)  # noqa: E731
        wait_until(found, failure="the new file was not indexed")
    finally:
        cancel.cancel()
        thread.join(60)
    assert not thread.is_alive()
    assert {record.fields()["type"] for record in records} >= {"file", "summary"}
