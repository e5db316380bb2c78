"""MCP over streamable HTTP through the SDK's own client: the tokens, roles and audit log of the API."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from indexed_service import indexed_service
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from served_api import served


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with served(indexed_service(tmp_path_factory.mktemp("mcp-http"))) as api:
        yield api


@asynccontextmanager
async def connected(api, role: str, *, path: str = "/mcp"):
    headers = {"Authorization": f"Bearer {api.tokens[role]}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(api.address + path, http_client=http)) as client:
            yield client


def talk(api, role: str, conversation, **options):
    async def run():
        async with connected(api, role, **options) as client:
            return await conversation(client)

    return anyio.run(run)


def names(api, role: str, **options) -> set[str]:
    listed = talk(api, role, lambda client: client.list_tools(), **options)
    return {tool.name for tool in listed.tools}


def test_tools_are_those_of_the_role_of_the_token(api):
    assert "export_clips" not in names(api, "view") and "export_clips" in names(api, "edit")
    every = names(api, "view", path="/mcp/all")
    assert "footage_videos" in every and "footage_forget" not in every
    assert "footage_forget" in names(api, "admin", path="/mcp/all")


def test_a_search_answers_with_links_that_this_client_can_open(api):
    progress = []

    async def note(number, total, message):
        progress.append(number)

    async def ask(client):
        return await client.call_tool("search_moments", {"query": "bright"}, progress_callback=note)

    answer = talk(api, "view", ask)
    assert not answer.is_error
    [link, *_] = answer.structured_content["links"]
    assert httpx2.get(link["clip"], timeout=60).headers["content-type"] == "video/mp4"
    assert answer.structured_content["answer"].startswith("Found") and progress == sorted(progress)


def test_without_a_token_there_is_no_answer(api):
    for path in ("/mcp", "/mcp/all"):
        for headers in ({}, {"Authorization": "Bearer " + "x" * 43}):
            response = httpx2.post(api.address + path, headers=headers, json={})
            assert response.status_code == 401


def test_a_viewer_cannot_call_what_it_is_not_offered(api):
    async def ask(client):
        return await client.call_tool("footage_forget", {"video": "hall.mp4"})

    answer = talk(api, "view", ask, path="/mcp/all")
    assert answer.is_error and "There is no tool footage_forget" in answer.content[0].text
    with api.client("admin") as client:
        assert client.get("/api/v1/status").json()["records"][0]["videos"] == 1


def test_changes_are_in_the_audit_log(api):
    async def ask(client):
        return await client.call_tool("footage_save", {"name": "light", "query": "bright"})

    assert not talk(api, "edit", ask, path="/mcp/all").is_error
    lines = [json.loads(line) for line in api.service.settings.audit_log.read_text().splitlines()]
    assert [
        line for line in lines if line["action"] == "save" and line["by"] == "mcp" and line["role"] == "edit"
    ]
