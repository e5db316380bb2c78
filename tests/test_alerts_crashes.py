"""Alerts of a drawn day: exactly the matching moments, each once, however often the process is killed."""

from __future__ import annotations

import os
import random
import signal
import statistics
import sys

import pytest
from alerting import (
    DRIVES,
    WALKS,
    Receiver,
    expected,
    index_and_send,
    index_day,
    reported,
    service_of,
    write_day,
)
from killing import processes
from test_crashes import runner

from service.alerts import manage
from service.alerts.delivery import Outbox, sink_of
from service.alerts.manage import AddAlertRequest, AlertHistoryRequest, RetryAlertsRequest, SinkRequest
from service.alerts.running import AlertRunner

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))

pytestmark = pytest.mark.timeout(400 + 60 * KILLS)
ALERTS = {"walks": (WALKS, ""), "drives at the door": (DRIVES, "door")}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day") / "library"
    write_day(folder)
    return folder


def add_alerts(service, receiver):
    service.created_store()
    sink = SinkRequest(kind="webhook", target=receiver.url)
    for name, (query, camera) in ALERTS.items():
        cameras = (camera,) if camera else ()
        manage.add(service, AddAlertRequest(name=name, query=query, cameras=cameras, sinks=(sink,)))


def check(receiver, service):
    """Every matching moment came once, and nothing else; the history says the same."""
    for name, (query, camera) in ALERTS.items():
        moments = receiver.moments(name)
        assert reported(moments) == sorted(expected(query, camera=camera)), name
        assert {moment["verdict"] for moment in moments} == {"found"}
        assert all(moment["poster_jpeg"] for moment in moments)
        history = manage.history(service, AlertHistoryRequest(name=name))
        assert sorted(each.moment.id for each in history) == sorted(moment["id"] for moment in moments)
        assert {delivery.state for each in history for delivery in each.deliveries} == {"delivered"}


def test_alerts_of_a_day_come_once_each_across_kills_at_random_moments(tmp_path, library, capsys):
    run = runner(index_and_send, library)
    with Receiver().running() as receiver:  # without a kill, and without a refusal
        service = service_of(tmp_path / "unbroken")
        add_alerts(service, receiver)
        seconds = run(tmp_path / "unbroken")
        check(receiver, service)
        assert not receiver.repeats
        moments = [each.moment for each in manage.history(service, AlertHistoryRequest())]
        delays = [moment.delay_seconds for moment in moments]
        assert all(delay is not None and 0 <= delay < seconds for delay in delays)

    rng = random.Random(SEED)
    with Receiver(refuse_share=0.3, seed=SEED).running() as receiver:
        service = service_of(tmp_path / "killed")
        add_alerts(service, receiver)
        for _ in range(KILLS):
            run(tmp_path / "killed", kill_after=rng.uniform(0.1, 0.9) * seconds)
        run(tmp_path / "killed")
        check(receiver, service)
        figures = (
            f"{KILLS} kills: {len(receiver.taken)} notifications, each moment once; "
            f"{sum(receiver.repeats.values())} came again under their id, {receiver.refused} were refused. "
            f"Delay without kills: median {statistics.median(delays):.1f} s, at most {max(delays):.1f} s "
            f"of {seconds:.1f} s."
        )
        with capsys.disabled():
            sys.stdout.write(f"\n{figures}\n")


def die_when_sent(library, database):
    """Body of a process that dies when the receiver has taken a notification, before it can note that."""
    service = service_of(database)

    class Dying:
        def __init__(self, config):
            self.inner = sink_of(service, config)
            self.name = self.inner.name

        def send(self, notification):
            self.inner.send(notification)
            os.kill(os.getpid(), signal.SIGKILL)

    Outbox(service, make_sink=Dying).send_due()


def test_what_was_sent_when_the_process_died_comes_again_under_the_same_id(tmp_path, library):
    database = tmp_path / "index"
    with Receiver(refuse_share=1.0).running() as receiver:
        service = service_of(database)
        add_alerts(service, receiver)
        index_day(service, library)
        assert not receiver.taken and receiver.refused
        receiver.refuse_share = 0.0
        manage.retry(service, RetryAlertsRequest())
        child = processes().Process(target=die_when_sent, args=(library, database))
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        assert len(receiver.taken) == 1 and not receiver.repeats
        AlertRunner(service).run_once()
        assert sum(receiver.repeats.values()) == 1
        check(receiver, service)
