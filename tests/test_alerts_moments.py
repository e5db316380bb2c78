"""What alerts report: new windows alone, each moment once, at the right time and place."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from standin_model import BRIGHT, StandinEmbedder, StandinModel, write_levels
from test_indexer_growing_files import LEVELS, write_recording

from footage.core.config import Settings
from footage.core.errors import StoreBusyError, UsageError
from footage.store.state.alerts import AlertRepository
from indexer.growing_files import is_provisional
from service.alerts import manage
from service.alerts.absence_check import AbsenceCheck
from service.alerts.delivery import Outbox
from service.alerts.manage import AddAlertRequest, AlertHistoryRequest, AlertNameRequest, SinkRequest
from service.alerts.model import SinkError
from service.alerts.policy import RetryPolicy
from service.alerts.running import AlertRunner
from service.alerts.scan import AlertScanner
from service.forget import ForgetRequest, forget
from service.index import IndexRequest, index
from service.saved import SaveRequest, save
from service.session import Loaders, Service

D, B = 20, 220  # dark and bright seconds
COMMAND = SinkRequest(kind="command", arguments=("/bin/true", "{camera}"))


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at


class Inbox:
    """Makes sinks that keep what they are sent, or fail as they are asked to."""

    def __init__(self):
        self.sent, self.error = [], None

    def __call__(self, config):
        inbox = self

        class Kept:
            name = "inbox"

            def send(self, notification):
                if inbox.error is not None:
                    raise inbox.error
                inbox.sent.append(notification)

        return Kept()


class Place:
    """An index of recordings by camera and time, with a model that tells bright from dark."""

    def __init__(self, folder):
        self.library = folder / "library"
        self.model = StandinModel(window_seconds=4.0, overlap_seconds=1.0)
        settings = Settings(
            db=folder / "index",
            model="demo",
            device="cpu",
            tracks=("caption",),
            window_seconds=4.0,
            overlap_seconds=1.0,
            cache_dir=folder / "cache",
        )
        loaders = Loaders(lambda settings: self.model, lambda settings: StandinEmbedder())
        self.service = Service(settings, loaders=loaders)
        self.service.created_store()

    def record(self, name, levels):
        return write_levels(self.library / f"{name}.mp4", levels)

    def index(self, **how):
        request = {"paths": (self.library,), "camera_from": "{camera}_*", "time_zone": "UTC", **how}
        return index(self.service, IndexRequest(**request))

    def add(self, name="bright", query=BRIGHT, **about):
        return manage.add(self.service, AddAlertRequest(name=name, query=query, **about))

    def moments(self, name=""):
        entries = manage.history(self.service, AlertHistoryRequest(name=name))
        return [each.moment for each in reversed(entries)]

    def spans(self, name=""):
        """Camera, start and end of each moment; the model's times are right to half a second."""
        return [
            (m.camera, round(m.span.start_seconds), round(m.span.end_seconds)) for m in self.moments(name)
        ]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


# Which windows


def test_only_windows_that_come_after_the_alert_are_reported(place):
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D])
    place.index()
    place.add()
    place.add("everything", from_start=True)
    place.record("door_2026-03-01_09-00-00", [D, D, D, D, B, B, D, D])
    place.index()
    assert place.spans("bright") == [("door", 4, 6)]
    assert sorted(place.spans("everything")) == [("door", 4, 6), ("gate", 1, 3)]
    assert place.index() and place.spans("bright") == [("door", 4, 6)]


def test_a_moment_says_where_when_and_why(place):
    place.add()
    path = place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D])
    before = datetime.now().timestamp()
    place.index()
    [moment] = place.moments()
    assert (moment.path, moment.camera, moment.verdict) == (str(path), "gate", "found")
    began = datetime.fromisoformat("2026-03-01T08:00:00+00:00")
    for wall_clock, seconds in zip((moment.starts_at, moment.ends_at), (1, 3), strict=True):
        happened = (datetime.fromisoformat(wall_clock) - began).total_seconds()
        assert happened == pytest.approx(seconds, abs=0.5)
    assert moment.text == BRIGHT and moment.evidence and moment.confidence > 0.7
    assert 0 <= moment.delay_seconds <= datetime.now().timestamp() - before


def test_the_model_sees_only_windows_that_match_in_the_index(place):
    place.add(query="Ships sail slowly.")
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D])
    place.index()
    windows = len(place.model.log)
    assert place.spans() == [] and windows == 2  # captioned, and not asked about
    scanned = AlertScanner(place.service).scan()
    assert scanned.windows == 0 and len(place.model.log) == windows


def test_a_moment_in_two_windows_is_one_and_so_is_one_that_is_captioned_anew(place):
    place.add()
    place.record(
        "gate_2026-03-01_08-00-00", [D, D, B, B, B, B, D, D, D, D]
    )  # seconds 2 to 6: in three windows
    place.index()
    assert len(place.moments()) == 1
    place.model = StandinModel(revision="2", window_seconds=4.0, overlap_seconds=1.0)
    again = Service(
        place.service.settings, loaders=Loaders(lambda s: place.model, lambda s: StandinEmbedder())
    )
    place.service = again
    assert place.index(reindex=True).report.windows_captioned == 3
    assert len(place.moments()) == 1


def test_a_copy_of_a_file_is_no_second_moment(place):
    place.add()
    original = place.record("gate_2026-03-01_08-00-00", [D, B, B, D])
    place.index()
    (place.library / "copy_2026-03-01_08-00-00.mp4").write_bytes(original.read_bytes())
    place.index()
    assert len(place.moments()) == 1


def test_a_file_that_grows_is_reported_as_it_grows_and_not_again_when_it_is_finished(place, tmp_path):
    place.add()
    whole = write_recording(tmp_path / "whole.ts", LEVELS).read_bytes()
    place.library.mkdir()
    path = place.library / "gate_2026-03-01_08-00-00.ts"
    for share in (0.5, 0.8):
        path.write_bytes(whole[: round(share * len(whole))])
        place.index(follow=True)
        assert is_provisional(place.service.store().files.at(str(path)).content_id)
    early = place.spans()
    assert early and early[0][:2] == ("gate", 3)
    path.write_bytes(whole)
    place.index(follow=True, settle_seconds=0.0)
    assert not is_provisional(place.service.store().files.at(str(path)).content_id)
    assert place.spans()[: len(early)] == early and len(place.moments()) == 3
    for moment, (start, end) in zip(place.moments(), [(3, 6), (8, 12), (16, 20)], strict=True):
        assert start - 1 < moment.span.start_seconds < moment.span.end_seconds < end + 1


# Filters, words and verdicts


def test_cameras_and_hours_filter_moments(place):
    place.add("door", cameras=("door",))
    place.add("late", query=f"{BRIGHT} hours:08:00:05-09:00")
    for camera, last in (("gate", D), ("door", D + 5)):  # other bytes, or the two are one video
        place.record(f"{camera}_2026-03-01_08-00-00", [D, B, B, D, D, D, D, B, B, last])
    place.index()
    assert place.spans("door") == [("door", 1, 3), ("door", 7, 9)]
    assert sorted(place.spans("late")) == [("door", 7, 9), ("gate", 7, 9)]  # its video goes on beyond them


def test_a_saved_search_becomes_an_alert(place):
    save(place.service, SaveRequest(name="Bright things", query=f"{BRIGHT} camera:gate"))
    made = manage.add(place.service, AddAlertRequest(name="saved", search="bright THINGS"))
    assert made.query == f"{BRIGHT} camera:gate" and made.search_id
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D])
    place.index()
    assert len(place.moments("saved")) == 1


def test_without_a_model_what_the_index_says_is_reported(place):
    place.add(least_verdict="not checked")
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D])
    place.index()
    asked = [line for line in place.model.log]
    assert len(asked) == 2  # captions alone
    assert [(m.verdict, m.confidence) for m in place.moments()] == [("not checked", None)]


def test_a_match_whose_file_is_gone_is_reported_as_not_checked(place):
    path = place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D])
    place.index()
    place.add(from_start=True)
    path.unlink()
    AlertScanner(place.service).scan()
    [moment] = place.moments()
    assert moment.verdict == "not checked" and "cannot be reached" in " ".join(moment.evidence)


# On and off


def test_an_alert_that_is_off_sees_nothing_also_later(place):
    place.add()
    manage.disable(place.service, AlertNameRequest(name="BRIGHT"))
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D])
    place.index()
    manage.enable(place.service, AlertNameRequest(name="bright"))
    place.record("gate_2026-03-01_09-00-00", [B, B, D, D])
    place.index()
    assert place.spans() == [("gate", 0, 2)]


def test_what_cannot_be_matched_now_is_matched_later(place):
    place.record("gate_2026-03-01_08-00-00", [D, B, B, D])
    place.index()
    place.add(from_start=True)

    class Stopped(UsageError):
        pass

    place.model = StandinModel(stop_at=0, stop_with=Stopped, window_seconds=4.0, overlap_seconds=1.0)
    service = Service(
        place.service.settings, loaders=Loaders(lambda s: place.model, lambda s: StandinEmbedder())
    )
    assert AlertScanner(service).scan().problems == {"bright": "asked to stop"}
    assert place.moments() == []
    assert [m.camera for m in AlertScanner(place.service).scan().moments] == ["gate"]


def test_one_process_examines_at_a_time(place):
    place.add()
    from filelock import FileLock

    from service.alerts.scan import LOCK_NAME

    with (
        FileLock(place.service.settings.db / LOCK_NAME),
        pytest.raises(StoreBusyError, match="another process"),
    ):
        AlertScanner(place.service).scan()


def test_a_forgotten_video_is_no_part_of_the_history(place):
    place.add()
    path = place.record("gate_2026-03-01_08-00-00", [D, B, B, D])
    place.index()
    assert place.moments()
    forget(place.service, ForgetRequest(video=str(path)))
    assert place.moments() == [] and AlertRepository(place.service.state()).all()


# Sending


def sent(place, clock, inbox, **how):
    outbox = Outbox(place.service, make_sink=inbox, clock=clock, chance=lambda: 0.5, **how)
    return outbox.send_due()


@pytest.fixture
def pending(place):
    """A clock and an inbox, and three moments that are to be sent."""

    def make(**about):
        place.record("gate_2026-03-01_08-00-00", [D, B, B, D, D, D, D, B, B, D, D, D, B, B, D])
        place.index()
        place.add(sinks=(COMMAND,), from_start=True, **about)
        clock, inbox = Clock(datetime(2026, 3, 1, 12).astimezone().timestamp()), Inbox()
        AlertScanner(place.service, clock=clock).scan()
        assert len(place.moments()) == 3
        return clock, inbox

    return make


def test_each_moment_is_sent_by_itself_with_a_picture(place, pending):
    clock, inbox = pending()
    report = sent(place, clock, inbox)
    assert (report.delivered, report.next_at) == (3, None)
    assert [n.kind for n in inbox.sent] == ["moment"] * 3
    assert (
        [n.id for n in inbox.sent] == [n.moments[0].id for n in inbox.sent] == [m.id for m in place.moments()]
    )
    assert all(n.posters[n.id].startswith(b"\xff\xd8") for n in inbox.sent)
    assert sent(place, clock, inbox).delivered == 0 and len(inbox.sent) == 3


def test_a_sink_that_fails_is_tried_again_with_growing_waits_then_given_up(place, pending):
    clock, inbox = pending()
    inbox.error = SinkError("It is down.")
    policy = RetryPolicy(first_seconds=10, factor=2, jitter=0.1, most_tries=3)
    waits = []
    for _ in range(2):
        report = sent(place, clock, inbox, retries=policy)
        waits.append(report.next_at - clock.at)
        assert sent(place, clock, inbox, retries=policy).retrying == 0  # not before that
        clock.at = report.next_at
    assert waits == [pytest.approx(10), pytest.approx(20)]
    assert sent(place, clock, inbox, retries=policy).failed == 1
    inbox.error = SinkError("It refuses.", permanent=True)
    clock.at += 3600
    assert sent(place, clock, inbox, retries=policy).failed == 2
    assert {each.failed for each in manage.statuses(place.service)} == {3}

    inbox.error = None
    assert manage.retry(place.service, manage.RetryAlertsRequest(name="bright")) == 3
    clock.at = datetime.now().timestamp()
    assert sent(place, clock, inbox, retries=policy).delivered == 3


def test_a_digest_sends_moments_together_and_a_second_try_sends_the_same(place, pending):
    clock, inbox = pending(digest_seconds=600)
    report = sent(place, clock, inbox)
    assert (report.delivered, report.next_at - clock.at) == (0, 600)
    clock.at += 600
    inbox.error = SinkError("It is down.")
    sent(place, clock, inbox)
    [first] = {
        d.notification_id for e in manage.history(place.service, AlertHistoryRequest()) for d in e.deliveries
    }
    inbox.error = None
    clock.at += 60
    sent(place, clock, inbox)
    [digest] = inbox.sent
    assert (digest.kind, digest.id, len(digest.moments)) == ("digest", first, 3)


def test_quiet_hours_hold_moments_until_they_end(place, pending):
    clock, inbox = pending(quiet_hours="11:00-13:30", time_zone="UTC")
    clock.at = datetime.fromisoformat("2026-03-01T12:00:00+00:00").timestamp()
    report = sent(place, clock, inbox)
    assert inbox.sent == [] and report.next_at - clock.at <= 1.5 * 3600
    clock.at = datetime.fromisoformat("2026-03-02T13:30:00+00:00").timestamp()
    assert sent(place, clock, inbox).delivered == 3


def test_the_cool_down_keeps_near_moments_in_the_history_alone(place, pending):
    clock, inbox = pending(cool_down_seconds=8)
    sent(place, clock, inbox)
    assert [round(n.moments[0].span.start_seconds) for n in inbox.sent] == [1, 12]
    states = [d.state for e in manage.history(place.service, AlertHistoryRequest()) for d in e.deliveries]
    assert sorted(states) == ["delivered", "delivered", "suppressed"]


# Absences


def test_nothing_happened_is_said_once_where_footage_was_examined_and_not_known_where_not(place):
    start = datetime.fromisoformat("2026-03-01T08:00:00+00:00")
    place.record("gate_2026-03-01_08-00-00", [D] * 20)
    place.record("gate_2026-03-01_08-00-20", [D, D, B, B, D, D, D, D, D, D])
    place.index()
    place.add("nothing", absent_for_seconds=18, from_start=True, sinks=(COMMAND,), time_zone="UTC")
    AlertScanner(place.service).scan()
    assert [m.kind for m in place.moments()] == ["moment"]  # kept, and not sent
    clock, inbox = Clock((start + timedelta(seconds=50)).timestamp()), Inbox()
    check = AbsenceCheck(place.service, clock=clock)
    [absence] = check.check()
    assert (absence.kind, absence.verdict, absence.camera) == ("absence", "absent", "gate")
    assert absence.starts_at == "2026-03-01T08:00:00+00:00" and absence.ends_at[17:19] == "18"
    assert check.check() == []
    clock.at += 7200  # from 08:00:24 on: nothing, but the footage ends at 08:00:30
    [unknown] = check.check()
    assert (unknown.kind, unknown.verdict) == ("unknown", "not known")
    assert "No footage of gate from 08:00:30" in unknown.evidence[0]
    sent(place, clock, inbox)
    assert [(n.kind, n.moments[0].verdict) for n in inbox.sent] == [
        ("absence", "absent"),
        ("absence", "not known"),
    ]


def test_a_camera_that_the_index_does_not_know_is_not_known(place):
    place.add("nothing", cameras=("cellar",), absent_for_seconds=60)
    place.record("gate_2026-03-01_08-00-00", [D] * 4)
    place.index()
    clock = Clock(datetime.now().timestamp() + 7200)
    [unknown] = AbsenceCheck(place.service, clock=clock).check()
    assert unknown.kind == "unknown" and "cellar" in unknown.text


# Definitions


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        ({"query": ""}, "needs a query or a saved search"),
        ({"query": "camera:gate"}, "without an event"),
        ({"quiet_hours": "ten to six"}, "no quiet hours"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"absent_between": "18:00"}, "no two times of day"),
        ({"cameras": ('a" b',)}, "cannot be the name of a camera"),
        ({"sinks": (COMMAND, COMMAND)}, "names a sink twice"),
        ({"sinks": (SinkRequest(kind="webhook", target="http://127.0.0.1/"),)}, "private network"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_what_makes_no_sense_is_refused(place, about, problem):
    with pytest.raises(UsageError, match=problem):
        place.add(**about)
    assert manage.statuses(place.service) == []


def test_a_name_is_taken_once_and_the_error_names_what_there_is(place):
    place.add("Gate")
    with pytest.raises(UsageError, match="already an alert 'gate'"):
        place.add("gate")
    with pytest.raises(UsageError, match="no alert 'door'") as error:
        manage.named(place.service, "door")
    assert "Gate" in error.value.hint


def test_a_pass_of_an_index_without_alerts_or_without_anything_does_nothing(place, tmp_path):
    assert AlertRunner(place.service).run_once().is_empty
    nothing = Service(Settings(db=tmp_path / "none", model="demo"))
    assert AlertRunner(nothing).run_once().is_empty
