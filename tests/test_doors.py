"""Every door gives the same answers: commands print what operations give; what operations do and refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from command_runner import CommandRunner
from door_library import Library, prepared
from doors import DOORS, Door, lines, normalised
from fastapi import FastAPI
from mcp.client.client import Client
from standin_library import loaders
from standin_model import write_levels
from waiting import wait_until

from footage.core.errors import FootageError, UsageError
from service.cancellation import CancelToken
from service.events import Indexed
from service.media_links import MediaSigner
from service.moment_media import MomentMedia
from service.operations import OPERATIONS, Operation
from ui.api.access import LOCAL_KEY
from ui.api.app import create_app
from ui.api.guard import PREFIX
from ui.api.jobs import background
from ui.api.links import LinkMaker
from ui.api.mcp.calls import McpCaller, OperationRunner
from ui.api.mcp.catalogue import generated
from ui.api.mcp.server import McpHost, McpTools
from ui.api.mcp.tools import McpOptions
from ui.api.operations import OperationRoutes
from ui.cli.main import app

MAY_BE_EMPTY = {"review", "jobs list", "tokens list", "alerts list", "alerts history"}
"""Operations whose answer is empty for one of their doors: nothing is there, or nothing new was found."""
JOB_METHODS = {"jobs list": "GET", "jobs show": "GET", "jobs cancel": "POST", "jobs retry": "POST"}
JOB_PATHS = {
    "jobs list": "",
    "jobs show": "/{id}",
    "jobs cancel": "/{id}/cancel",
    "jobs retry": "/{id}/retry",
}
"""Operations with routes of their own."""
TOOLS = generated(OPERATIONS.values())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with pytest.MonkeyPatch.context() as patch:
        made = prepared(tmp_path_factory.mktemp("doors"), patch)
        made.reset()
        global API
        API = create_app(made.service())
        yield made


API: FastAPI
"""The application, made once: making it takes a second. Each request gets a service of its own."""
Answer = tuple[list[dict[str, Any]], dict[str, str] | None]
"""Records, and the error that ended them."""


def by_operation(library: Library, door: Door) -> Answer:
    """What an operation gives."""
    operation = OPERATIONS[door.operation]
    try:
        request = operation.request.model_validate_json(json.dumps(door.request))
        records = operation(library.service_of(door), request)
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


def by_http(library: Library, door: Door) -> Answer:
    """What the API answers on the Unix socket; a job is followed to its end."""
    state = replace(API.state.api, service=library.service_of(door))
    API.state.api = state

    async def talk() -> Answer:
        transport = httpx2.ASGITransport(app=_on_unix_socket)
        async with httpx2.AsyncClient(transport=transport, base_url="http://footage") as client:
            return await _talk(client, OPERATIONS[door.operation], door)

    with background(state) if OPERATIONS[door.operation].work == "job" else nullcontext():
        return anyio.run(talk)


async def _on_unix_socket(scope: Any, receive: Any, send: Any) -> None:
    await API({**scope, LOCAL_KEY: True, "server": ("/socket", None), "client": None}, receive, send)


async def _talk(client: httpx2.AsyncClient, operation: Operation, door: Door) -> Answer:
    if operation.work == "job":
        asked = await client.post(f"{PREFIX}/jobs/{operation.name.replace(' ', '/')}", json=door.request)
        return _read(asked) if asked.is_error else await _followed(client, asked.headers["Location"])
    if (method := JOB_METHODS.get(operation.name)) is not None:
        path = f"{PREFIX}/jobs{JOB_PATHS[operation.name]}".format(**door.request)
        return _read(await client.request(method, path))
    return _read(await client.post(PREFIX + OperationRoutes(operation).address, json=door.request))


async def _followed(client: httpx2.AsyncClient, job: str) -> Answer:
    """What a job comes to: its stream of events ends when it does."""
    await client.get(f"{job}/events", headers={"Accept": "text/event-stream"}, timeout=120)
    [ended] = (await client.get(job)).json()["records"]
    if problem := ended["problem"]:
        return [], {"error": problem["message"], "hint": problem["hint"]}
    return ended["records"], None


def _read(answer: httpx2.Response) -> Answer:
    """The records of an answer, or its problem."""
    body = answer.json()
    if answer.is_error:
        return [], {"error": body["detail"], "hint": body["hint"]}
    return body["records"], None


def by_mcp(library: Library, door: Door) -> Answer:
    """What a tool answers to the SDK's own client."""
    service = library.service_of(door)
    links = LinkMaker("", "", MediaSigner(b"k" * 32))
    host = McpHost(
        OperationRunner(service),
        McpOptions(show_paths=True),
        MomentMedia(service),
        lambda _: McpCaller("agent", "admin"),
        lambda _: links,
    )
    [name] = [name for name, tool in TOOLS.items() if tool.operation.name == door.operation]

    async def call() -> Any:
        async with Client(McpTools(host, tools=TOOLS).server("1.0")) as client:
            return await client.call_tool(name, dict(door.request))

    answer = anyio.run(call)
    if answer.is_error:
        return [], {"sentences": answer.content[0].text}
    return answer.structured_content["records"], None


def same_error(expected: dict[str, str] | None, given: dict[str, str] | None) -> bool:
    """Whether two errors have the same words; a tool gives the sentence and the hint in one text."""
    if expected and given and "sentences" in given:
        return given["sentences"] == " ".join(f"{expected['error']} {expected['hint']}".split())
    return expected == given


@pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])
def test_every_door_gives_the_same_answer(
    door: Door, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = door.filled(library.places)
    for name, value in door.environment.items():
        monkeypatch.setenv(name, value)
    library.reset_after(door)
    records, error = by_operation(library, door)
    assert (error is not None) == door.fails
    assert records or door.fails or door.operation in MAY_BE_EMPTY
    for answer in (by_command, by_http, by_mcp):
        library.reset_after(door)
        given, given_error = answer(library, door)
        if answer is by_http and door.not_by_job:
            assert given == [] and given_error and door.not_by_job in given_error["error"]
            continue
        assert normalised(given) == normalised(records), answer.__name__
        assert same_error(error, given_error), (answer.__name__, given_error)
    library.left_by(door)


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
