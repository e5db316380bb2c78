"""Every door gives the same answers: commands print what operations give; what operations do and refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_runner import CommandRunner
from door_library import Library, prepared
from doors import DOORS, Door, lines, normalised
from standin_library import loaders
from standin_model import write_levels
from waiting import wait_until

from footage.core.errors import FootageError, UsageError
from service.cancellation import CancelToken
from service.events import Indexed
from service.operations import OPERATIONS
from ui.cli.main import app

MAY_BE_EMPTY = {"review"}
"""Operations whose answer is empty for one of their doors: nothing new was found."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with pytest.MonkeyPatch.context() as patch:
        yield prepared(tmp_path_factory.mktemp("doors"), patch)


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
