"""Alerts while a service runs: what another process indexes is reported by itself."""

from __future__ import annotations

import json

import pytest
from standin_model import BRIGHT
from test_alerts_cli import program
from test_alerts_moments import B, D, Place
from waiting import wait_until

from footage.core.errors import UsageError
from service.alerts import manage
from service.alerts.manage import AddAlertRequest, SinkRequest
from service.alerts.while_indexing import IndexingAlerts
from service.callers import Caller, acting_for
from ui.api.app import create_app

COMMAND = SinkRequest(kind="command", arguments=("/bin/true",))


async def lifespan(app, inside):
    async with app.router.lifespan_context(app):
        await inside()


def test_a_running_service_reports_what_another_process_indexes(tmp_path):
    import anyio
    from anyio import to_thread

    place = Place(tmp_path)
    taken = tmp_path / "taken"
    sink = SinkRequest(kind="command", arguments=(str(program(tmp_path)),))
    place.add(sinks=(sink,))
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D])

    def index_elsewhere():
        from standin_model import StandinEmbedder

        from footage.store import Store
        from indexer.pipeline import index

        store = Store.open(place.service.settings.db)
        index([place.library], store=store, model=place.model, embedder=StandinEmbedder())
        wait_until(lambda: taken.is_file() and taken.read_text().endswith("}\n"))

    app = create_app(place.service)
    anyio.run(lifespan, app, lambda: to_thread.run_sync(index_elsewhere))
    [notification] = [json.loads(line) for line in taken.read_text().splitlines()]
    assert notification["moments"][0]["id"] == place.moments()[0].id


def test_over_the_network_nobody_makes_a_sink_that_runs_a_program_or_reads_a_file(tmp_path):
    place = Place(tmp_path)
    secret = SinkRequest(
        kind="webhook", target="https://hooks.example.org", options={"secret": "file:/etc/shadow"}
    )
    for sink in (COMMAND, secret):
        request = AddAlertRequest(name="bright", query=BRIGHT, sinks=(sink,))
        with acting_for(Caller("phone", is_remote=True)), pytest.raises(UsageError, match="here"):
            manage.add(place.service, request)
    manage.add(place.service, AddAlertRequest(name="bright", query=BRIGHT, sinks=(COMMAND,)))


def test_an_index_without_alerts_gets_no_state_from_a_run(tmp_path):
    place = Place(tmp_path)
    place.record("gate_2026-03-01_08-00-00", [D, B])
    with IndexingAlerts(place.service) as alerts:
        alerts.continues("growing-1", "2")
        alerts.committed([])
    place.index()
    assert not list(place.service.settings.db.glob("state.sqlite*"))
