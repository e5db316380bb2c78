"""The bell and the alerts of the review page: what they show, what they change, and who may."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from app_pages import page, press, whole
from screenshot_app import ROOT, browser_page, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest
from test_alerts_webhook import Receiver, serving

from footage.core.config import Settings
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from search import saved_searches
from service.alerts import manage
from service.alerts.running import AlertRunner
from service.session import Loaders, Service

QUERY = "a green car drives from left to right"
HOSTILE = "<script>alert(1)</script> **b** :red[d] `c`"


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """An index of two samples with a saved search."""
    folder = tmp_path_factory.mktemp("alerts")
    for sample in ("beach_dusk.mp4", "park_dusk.mp4"):
        shutil.copy(SAMPLES / sample, folder)
    store = Store.open(folder.with_suffix(".lancedb"), create=True)
    index([folder], store=store, model=TruthModel(), embedder=load_embedder())
    saved_searches.save(store.annotations, "Green cars", QUERY)
    return folder


@pytest.fixture
def db(first, tmp_path) -> Path:
    shutil.copytree(first.with_suffix(".lancedb"), tmp_path / "index.lancedb")
    return tmp_path / "index.lancedb"


@pytest.fixture
def settings(db, tmp_path) -> dict[str, object]:
    return {
        "db": db,
        "model": "demo",
        "device": "cpu",
        "cache_dir": tmp_path / "cache",
        "audit_log": tmp_path / "audit.jsonl",
        "webhook_private": "true",
    }


@pytest.fixture
def service(settings) -> Service:
    return Service(Settings(**settings), loaders=Loaders(model=lambda _: TruthModel()))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as found:
        yield found


def ring(service: Service, *addresses: str, name: str = "Cars", query: str = QUERY) -> None:
    """An alert that has found what is in the index, and sent it."""
    sinks = tuple(manage.SinkRequest(kind="webhook", target=address) for address in addresses)
    manage.add(
        service,
        manage.AddAlertRequest(
            name=name, query=query, sinks=sinks, least_verdict="not checked", from_start=True
        ),
    )
    AlertRunner(service).run_once()


@pytest.fixture
def open_page(settings, monkeypatch) -> Callable[..., AppTest]:
    """Opens the review page."""
    for name, value in settings.items():
        monkeypatch.setenv(f"FOOTAGE_{name.upper()}", str(value))
    monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)

    def start(view: str) -> AppTest:
        app = AppTest.from_function(review_page, default_timeout=120)
        app.query_params["view"] = view
        return whole(app.run())

    return start


def review_page() -> None:
    from standin_truth import TruthModel

    from footage.core.config import load_settings
    from ui.web.components import resources
    from ui.web.views import review

    review.show(resources.Desk(load_settings(), lambda settings: TruthModel()))


def audit(settings) -> list[dict[str, object]]:
    return [json.loads(line) for line in settings["audit_log"].read_text().splitlines()]


# -- The bell --------------------------------------------------------------


def test_the_bell_makes_an_alert_of_the_saved_search(open_page, service, settings, receiver):
    app = open_page("queue")
    app.text_input(key="bell_name").set_value("Cars at dusk")
    app.text_input(key="bell_webhook").set_value(receiver.at())
    app.text_input(key="bell_quiet").set_value("22:00-06:30")
    app.number_input(key="bell_cool_down").set_value(5)
    press(app, "Make alert")
    [status] = manage.statuses(service)
    alert = status.alert
    assert (alert.name, alert.query, alert.quiet_hours, alert.cool_down_seconds) == (
        "Cars at dusk",
        QUERY,
        "22:00-06:30",
        300,
    )
    assert [(sink.kind, sink.target) for sink in alert.sinks] == [("webhook", receiver.at())]
    assert not alert.from_start and alert.least_verdict == "found"
    assert "Alerts of this search: Cars at dusk" in [each.value for each in app.caption]
    [line] = audit(settings)
    assert (line["action"], line["outcome"]) == ("add alert", "done")
    # A second alert may go where the first goes.
    app.text_input(key="bell_name").set_value("Cars again")
    app.multiselect(key="bell_places").set_value([alert.sinks[0].key])
    press(app, "Make alert")
    assert manage.named(service, "cars again").sinks == alert.sinks


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bell_webhook", "ftp://example.org"),
        ("bell_webhook", "file:/etc/shadow"),
        ("bell_webhook", "env:HOME"),
        ("bell_quiet", "at night"),
    ],
)
def test_a_wrong_value_is_a_sentence_and_no_alert(open_page, service, field, value):
    app = open_page("queue")
    app.text_input(key=field).set_value(value)
    press(app, "Make alert")
    assert page(app).count("fx-problem") == 1
    assert manage.statuses(service) == []


# -- The alerts ------------------------------------------------------------


def test_without_alerts_the_page_says_how_to_make_one(open_page):
    assert "No alerts yet" in page(open_page("alerts"))


def test_the_history_says_what_was_delivered_and_what_failed(open_page, service, receiver):
    with serving(Receiver(status=404)) as broken, serving(Receiver(status=503)) as busy:
        ring(service, receiver.at(), broken.at(), busy.at("/secret-path"))
        app = open_page("alerts")
        number = len(receiver.got)
        assert number > 0
        text = page(app)
        assert text.count("fx-state-delivered") == text.count("fx-state-failed") == min(number, 8)
        assert f"webhook 127.0.0.1 answered with {broken.status}" in text
        assert "answered with 503" in text
        assert "secret-path" not in text
        assert "gate" in text or "beach_dusk.mp4" in text
        whole(app.segmented_control(key="history_filter").set_value("Delivered").run())
        assert "Nothing delivered here." in page(app)  # each failed somewhere
        broken.status = 204
        press(app, "Send failed again")
        AlertRunner(service).run_once()
        assert len(broken.got) == 2 * number
        assert len({headers["webhook-id"] for _, headers, _ in broken.got}) == number  # the same ids


def test_a_moment_is_played(open_page, service):
    ring(service)
    app = open_page("alerts")
    assert "shown here only" in page(app)
    press(app, "Show moment 1")
    assert app.get("bidi_component")


def test_a_test_says_what_came_back(open_page, service, settings, receiver):
    with serving(Receiver(status=403)) as broken:
        ring(service, receiver.at(), broken.at(), query="nothing like this happens")
        sent = len(receiver.got)
        app = press(open_page("alerts"), "Test")
    assert "the test arrived" in page(app)
    assert "answered with 403" in page(app)
    kinds = [json.loads(body)["kind"] for _, _, body in receiver.got[sent:]]
    assert kinds == ["test"]
    assert audit(settings)[-1]["action"] == "test alert"
    assert "the test arrived" not in page(whole(app.run()))  # sent once


def test_an_alert_is_turned_off_and_on_and_removed(open_page, service):
    ring(service)
    app = open_page("alerts")
    [toggle] = app.toggle
    whole(toggle.set_value(False).run())
    assert not manage.named(service, "Cars").enabled and "fx-state-off" in page(app)
    whole(app.toggle[0].set_value(True).run())
    assert manage.named(service, "Cars").enabled and "fx-state-on" in page(app)
    press(app, "Remove alert")
    assert manage.statuses(service) == [] and "No alerts yet" in page(app)


def test_hostile_names_are_text(open_page, service):
    ring(service, name=HOSTILE, query="a <script>alert(2)</script> car")
    app = open_page("alerts")
    assert "<script" not in page(app)
    press(app, "Remove alert")


# -- In a browser ----------------------------------------------------------


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_from_the_bell_to_the_history(settings, service, receiver, tmp_path):
    """An editor makes an alert, tests it, and finds in the history what a run sends."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    with ExitStack() as stack:
        app = ROOT / "ui" / "web" / "app.py"
        address = stack.enter_context(running_app(app, cwd=tmp_path, **settings))
        page = stack.enter_context(browser_page(f"{address}/review?view=queue"))
        page.get_by_role("button", name="Alert", exact=True).click()
        page.get_by_role("textbox", name="New webhook").fill(receiver.at())
        page.get_by_role("button", name="Make alert").click()
        page.get_by_text("is on").first.wait_for()
        assert [status.alert.name for status in manage.statuses(service)] == ["Green cars"]
        ring(service, receiver.at())
        page.goto(f"{address}/review?view=alerts")
        page.wait_for_selector(".fx-state-delivered")
        page.locator(".fx-alert-name").nth(1).wait_for(state="attached")
        assert page.locator(".fx-alert-name").all_text_contents() == ["Cars", "Green cars"]
        delivered = len(receiver.got)
        page.get_by_role("button", name="Test").first.click()
        page.get_by_text("the test arrived").wait_for()
        assert len(receiver.got) == delivered + 1
        page.locator(".st-key-card_0 button").click()
        page.wait_for_selector("video")
        assert page.alerts == [] and page.refused == []
