"""The state of alerts: what is written in one transaction, and what comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.alerts import Alert, AlertMoment, Delivery, SinkConfig, digest_of
from footage.core.types import Span
from footage.store.state.alert_deliveries import AttemptResult, DeliveryRepository
from footage.store.state.alerts import AlertRepository, Examined, Extent, packed, unpacked
from footage.store.state.database import FILE_NAME, StateDatabase, copy_state

SINK = SinkConfig("webhook", "https://hooks.example.org/a", options=(("secret", "env:A"),))
ALERT = Alert("a1", "Parcels", "a parcel", sinks=(SINK,), cool_down_seconds=30, created_at=5.0)


def moment(name="m1", start=1.0, **about):
    fields = {
        "id": name,
        "alert_id": "a1",
        "kind": "moment",
        "content_id": "video",
        "path": "/v.mp4",
        "span": Span(start, start + 2),
        "starts_at": "2026-03-01T08:00:01+00:00",
        "ends_at": "2026-03-01T08:00:03+00:00",
        "camera": "door",
        "verdict": "found",
        "confidence": 0.9,
        "text": "A parcel is left.",
        "evidence": ("One.", "Two."),
        "committed_at": 10.0,
        "recorded_at": 12.5,
    }
    return AlertMoment(**{**fields, **about})


def delivery(of, **about):
    return Delivery(digest_of(of.id, SINK.key), "a1", of.id, SINK.key, made_at=1.0, **about)


@pytest.fixture
def database(tmp_path):
    return StateDatabase(tmp_path)


@pytest.fixture
def alerts(database):
    found = AlertRepository(database)
    assert found.add(ALERT, {("video", "caption"): {0, 1, 2}})
    return found


@given(st.sets(st.integers(0, 400)))
def test_sets_of_windows_come_back_from_their_ranges(indexes):
    assert unpacked(packed(indexes)) == indexes


def test_ranges_are_short():
    assert packed([5, 3, 4, 9, 0]) == "0,3-5,9"
    assert packed(range(100_000)) == "0-99999"
    assert unpacked("") == set()


def test_a_definition_comes_back_as_it_was_and_its_name_is_taken_in_any_case(alerts):
    assert alerts.all() == [ALERT] and alerts.named("  PARCELS ") == ALERT
    assert not alerts.add(replace(ALERT, id="a2", name="parcels"), {})
    assert alerts.set_enabled(ALERT, False, {("video", "caption"): {7}}) == replace(ALERT, enabled=False)
    assert alerts.examined("a1") == {("video", "caption"): {0, 1, 2, 7}}


def test_a_moment_its_windows_and_its_deliveries_are_written_together_or_not_at_all(database, alerts):
    found = moment()
    whole = Examined({("video", "caption"): {3}}, (("video", found),), (), (delivery(found),))
    broken = replace(whole, deliveries=(replace(delivery(found), moment_id="no such moment"),))
    with pytest.raises(Exception, match="FOREIGN KEY"):
        alerts.record("a1", broken)
    assert (alerts.moments(), alerts.examined("a1")) == ([], {("video", "caption"): {0, 1, 2}})

    for _ in range(2):  # a killed process records the same again
        assert alerts.record("a1", whole)
    assert alerts.moments() == [found] and alerts.examined("a1") == {("video", "caption"): {0, 1, 2, 3}}
    assert DeliveryRepository(database).pending() == [delivery(found)]
    assert found.delay_seconds == 2.5 and alerts.some(["m1", "m2"]) == {"m1": found}


def test_the_time_of_a_moment_grows_and_its_record_stays(alerts):
    alerts.record("a1", Examined(moments=[("video", moment())]))
    alerts.record("a1", Examined(extents=[Extent("m1", Span(1.0, 9.0))]))
    assert alerts.extents("a1", "video") == [Extent("m1", Span(1.0, 9.0))]
    assert alerts.moments()[0].span == Span(1.0, 3.0)


def test_an_alert_that_is_removed_takes_everything_with_it(database, alerts):
    alerts.record("a1", Examined(moments=[("video", moment())], deliveries=[delivery(moment())]))
    alerts.remove("a1")
    assert not alerts.record("a1", Examined(moments=[("video", moment("m2"))]))
    assert not (alerts.all() or alerts.moments() or DeliveryRepository(database).of(["m1"]))


def test_deliveries_go_from_pending_to_delivered_or_to_dead_letters_and_back(database, alerts):
    found = [moment(f"m{n}", start=10.0 * n) for n in range(3)]
    alerts.record(
        "a1", Examined(moments=[("video", each) for each in found], deliveries=map(delivery, found))
    )
    outbox = DeliveryRepository(database)
    first, second, third = outbox.pending()
    outbox.begin([first.id, second.id], "together")
    outbox.end(AttemptResult((first.id, second.id), "delivered", 50.0))
    outbox.begin([third.id], third.moment_id)
    outbox.end(AttemptResult((third.id,), "failed", 51.0, error="It is gone."))
    assert outbox.pending() == [] and outbox.counts() == {"a1": {"delivered": 2, "failed": 1}}
    states = outbox.of([each.id for each in found])
    assert [(s.state, s.attempts, s.notification_id, s.delivered_at) for [s] in states.values()] == [
        ("delivered", 1, "together", 50.0),
        ("delivered", 1, "together", 50.0),
        ("failed", 1, "m2", 0.0),
    ]
    assert outbox.retry(60.0, "another") == 0 and outbox.retry(60.0, "a1") == 1
    [again] = outbox.pending()
    assert (again.attempts, again.notification_id, again.made_at) == (0, "m2", 60.0)


def test_nothing_is_sent_to_a_sink_that_is_postponed_or_of_an_alert_that_is_off(database, alerts):
    alerts.record("a1", Examined(moments=[("video", moment())], deliveries=[delivery(moment())]))
    outbox = DeliveryRepository(database)
    outbox.postpone("a1", SINK.key, 99.0)
    assert [each.next_attempt_at for each in outbox.pending()] == [99.0]
    alerts.set_enabled(ALERT, False, {})
    assert outbox.pending() == []


def test_a_content_that_continues_another_has_its_earliest_id(alerts):
    alerts.note_alias("growing", "first end")
    alerts.note_alias("first end", "second end")
    assert alerts.aliases() == {"first end": "growing", "second end": "growing"}


def test_commits_are_noted_once_and_dropped_after_a_day(alerts):
    alerts.note_commits([("video", "caption", 0)], 100.0)
    alerts.note_commits([("video", "caption", 0), ("video", "speech", 4)], 200.0)
    assert alerts.commits("video") == {("caption", 0): 100.0, ("speech", 4): 200.0}
    alerts.note_commits([("another", "caption", 1)], 100.0 + 86_401)
    assert alerts.commits("video") == {("speech", 4): 200.0}


def test_a_forgotten_video_leaves_no_byte_in_the_file(tmp_path, alerts):
    found = moment(content_id="1234567890abcdef", text="a very secret parcel")
    alerts.note_alias("growing-7", "1234567890abcdef")
    alerts.note_commits([("1234567890abcdef", "caption", 0)], 1.0)
    alerts.record("a1", Examined({("growing-7", "caption"): {0}}, (("growing-7", found),)))
    assert b"secret parcel" in (tmp_path / FILE_NAME).read_bytes()
    alerts.forget(["1234567890abcdef"])
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(each in left for each in (b"1234567890abcdef", b"growing-7", b"secret parcel"))
    assert alerts.all() == [ALERT]


def test_a_copy_of_the_state_is_whole_and_private_while_another_writes(tmp_path, database, alerts):
    target = tmp_path / "copy"
    target.mkdir()
    assert not copy_state(tmp_path / "nowhere", target)
    with database.transaction() as rows:
        rows.execute("UPDATE alerts SET definition = '{}'")  # not committed: no part of the copy
        assert copy_state(tmp_path, target)
    assert AlertRepository(StateDatabase(target)).all() == [ALERT]
    assert (target / FILE_NAME).stat().st_mode & 0o077 == 0


def test_secrets_are_kept_as_places_alone(tmp_path, alerts):
    with StateDatabase(tmp_path).transaction() as rows:
        [row] = rows.execute("SELECT definition FROM alerts").fetchall()
    assert json.loads(row["definition"])["sinks"][0]["options"] == [["secret", "env:A"]]
