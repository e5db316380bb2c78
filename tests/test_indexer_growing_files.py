"""Files that are still being written: left alone until they are quiet, or indexed as they come and kept."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from standin_model import BRIGHT, StandinEmbedder, StandinModel
from test_indexer_pipeline import content_of
from typer.testing import CliRunner

from footage.core.types import File, Span
from footage.store import Store
from footage.store.annotations import Mark
from footage.store.tables import Tables
from indexer.growing_files import expected_seconds, is_provisional
from indexer.library import FoundFile
from indexer.pipeline import index
from indexer.unfinished_files import Settling
from service.export import Clip, export
from ui.cli.main import app

KILLS = 1 + int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
NOW = datetime(2026, 5, 1, 12).timestamp()


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


class Recorder:
    """A folder into which a finished recording is written bit by bit, and an index beside it."""

    def __init__(self, folder: Path, whole: Path, *, settle=30.0):
        self.clock = Clock()
        self.settling = Settling(settle, self.clock)
        self.store = Store.open(folder / "index.lancedb", create=True)
        self.model = StandinModel()
        self.library = folder / "library"
        self.library.mkdir()
        self.path = self.library / whole.name
        self.whole = whole.read_bytes()

    def write(self, share: float):
        """Let the first part of the recording be there, written to just now."""
        self.clock.at += 1
        self.path.write_bytes(self.whole[: round(share * len(self.whole))])
        os.utime(self.path, (self.clock.at, self.clock.at))

    def look(self, *, follow=False, model=None, **how):
        """One look of the watcher."""
        self.model = model or self.model
        return index(
            [self.library],
            store=self.store,
            model=self.model,
            embedder=StandinEmbedder(),
            settling=self.settling,
            follow=follow,
            **how,
        )

    def file(self):
        return self.store.files.at(str(self.path))

    def windows(self):
        return [record.window.span for record in self.store.windows.of(self.file().content_id)]


def write_recording(path, levels, *, fps=8, noise=20):
    """A film of one grey level a second, with a keyframe in each."""
    with av.open(str(path), "w") as target:
        options = {
            "bf": "2",
            "x264-params": "threads=1:rc-lookahead=0:mbtree=0",
        }  # bits depend on no later frame
        stream = target.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = fps
        rng = np.random.default_rng(7)
        for level in levels:
            for _ in range(fps):
                grain = rng.integers(0, noise, (48, 64, 3))
                picture = np.clip(grain + level, 0, 255).astype(np.uint8)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode())
    return path


LEVELS = [20, 20, 20, 220, 220, 220, 20, 20, 220, 220, 220, 220, 20, 20, 20, 20, 220, 220, 220, 220]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recordings") / "gate.ts", LEVELS)


@pytest.fixture
def recorder(tmp_path, recording):
    return Recorder(tmp_path, recording)


def unbroken(folder, recorder):
    """What an index says that was made of the finished recording in one go."""
    store = Store.open(folder / "unbroken.lancedb", create=True)
    index([recorder.library], store=store, model=StandinModel(), embedder=StandinEmbedder())
    return content_of(store)


# Quiet files


def test_a_file_that_grows_is_left_alone_until_it_has_been_quiet_for_the_settle_time(recorder):
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        recorder.write(share)
        report = recorder.look()
        assert (report.waiting, report.windows_captioned, recorder.model.log) == (1, 0, [])
        recorder.clock.at += 20
    assert recorder.file().reason == "it is still being written: it changed in the last 30 s"
    recorder.clock.at += 9.9  # 29.9 s after the last change
    assert recorder.look().waiting == 1
    recorder.clock.at += 0.1
    report = recorder.look()
    assert (report.indexed, report.waiting, recorder.file().state) == (1, 0, "indexed")
    assert len(recorder.model.log) == len(set(recorder.model.log)) == 7  # nothing twice


def test_files_that_were_quiet_before_are_not_waited_for(recorder):
    recorder.write(1.0)
    recorder.clock.at += 60
    assert recorder.look().indexed == 1


def test_an_indexed_file_that_is_only_looked_at_stays_indexed(recorder):
    recorder.write(1.0)
    recorder.clock.at += 60
    recorder.look()
    recorder.settling = Settling(1e9, recorder.clock)  # everything counts as just written
    assert (recorder.look().unchanged, recorder.file().state) == (1, "indexed")


def found(path, *, size=1, modified_at=NOW):
    return FoundFile(Path(path), "", "", size, modified_at)


def test_a_change_counts_from_when_it_is_seen_where_the_modification_time_does_not_say(recorder):
    settling = recorder.settling
    old = NOW - 1e6
    assert not settling.waits(found("a.ts", modified_at=old))
    recorder.clock.at += 100
    assert settling.waits(found("a.ts", size=2, modified_at=old))  # grew, and kept its time
    recorder.clock.at += 30
    assert not settling.waits(found("a.ts", size=2, modified_at=old))


def test_a_modification_time_in_the_future_is_not_being_written(recorder):
    years = timedelta(days=3650).total_seconds()
    assert not recorder.settling.waits(found("a.ts", modified_at=NOW + years))
    assert recorder.settling.waits(found("b.ts", modified_at=NOW + 2))  # a clock that is a little ahead
    recorder.clock.at += 60
    assert not recorder.settling.waits(found("b.ts", modified_at=NOW + 2))


def test_half_an_mp4_with_a_time_ten_years_ahead_has_failed_and_is_not_waited_for(tmp_path):
    """Recipe 9: what makes an MP4 readable comes last in it."""
    whole = write_recording(tmp_path / "whole.mp4", LEVELS)
    recorder = Recorder(tmp_path, whole)
    recorder.write(0.5)
    ahead = datetime.now().timestamp() + timedelta(days=3650).total_seconds()
    os.utime(recorder.path, (ahead, ahead))
    report = recorder.look()
    assert (report.failed, report.waiting) == (1, 0)
    assert "cannot be opened" in recorder.file().reason


# Followed files


def test_complete_windows_of_a_growing_file_are_indexed_as_they_come_and_found(recorder):
    recorder.write(0.6)  # 12 of 20 s; windows of 4 s, one every 3 s
    report = recorder.look(follow=True)
    assert (report.waiting, report.failed, report.windows_captioned) == (1, 0, 3)
    assert recorder.windows() == [Span(0, 4), Span(3, 7), Span(6, 10)]
    assert recorder.file().reason == "it is still being written: 3 of its windows are indexed"
    events = [event for event in recorder.store.events.all() if event.text == BRIGHT]
    assert [event.span.start_seconds for event in events] == pytest.approx([3, 8], abs=0.5)
    status = recorder.store.status()
    assert (status.videos, status.windows, status.seconds_indexed) == (1, 3, pytest.approx(10))
    [coverage] = recorder.store.coverage().values()
    assert coverage.seconds["indexed"] == pytest.approx(10)
    assert sum(coverage.seconds.values()) == pytest.approx(recorder.file().duration_seconds)
    recorder.clock.at += 20
    recorder.write(0.8)
    report = recorder.look(follow=True)
    assert recorder.windows() == [Span(0, 4), Span(3, 7), Span(6, 10), Span(9, 13)]
    assert report.windows_captioned == 1


@pytest.mark.parametrize("ending", ["ts", "mkv", "avi"])
def test_what_was_captioned_while_a_file_grew_is_kept_when_it_is_finished(tmp_path, recording, ending):
    whole = recording
    if ending != "ts":
        whole = write_recording(tmp_path / f"gate.{ending}", LEVELS)
    recorder = Recorder(tmp_path, whole)
    for share in (0.4, 0.6, 0.8):
        recorder.write(share)
        recorder.look(follow=True)
        recorder.clock.at += 20
    before = len(recorder.model.log)
    assert before >= 3
    recorder.write(1.0)
    recorder.clock.at += 31
    report = recorder.look(follow=True)
    assert (report.indexed, report.waiting, recorder.file().state) == (1, 0, "indexed")
    assert report.windows_captioned == 7 - before
    assert len(recorder.model.log) == 7  # no window was captioned twice
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)
    assert recorder.store.growing.digests() == {}
    assert not any(is_provisional(content_id) for content_id in recorder.store.windows.spans())


def test_a_header_that_is_written_at_the_end_does_not_matter(tmp_path):
    """A recorder of Matroska puts the length into the header when it closes the file."""
    whole = write_recording(tmp_path / "gate.mkv", LEVELS)
    recorder = Recorder(tmp_path, whole)
    done = recorder.whole
    live = bytearray(done)
    place = live.index(bytes.fromhex("4489"))  # Duration, a double
    live[place + 3 : place + 11] = bytes(8)
    recorder.whole = bytes(live)
    recorder.write(0.7)
    recorder.look(follow=True)
    before = len(recorder.model.log)
    assert before >= 2
    recorder.whole = done
    recorder.write(1.0)
    recorder.clock.at += 31
    assert recorder.look(follow=True).windows_captioned == 7 - before
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_a_growing_file_is_scanned_again_only_when_another_window_should_be_complete(recorder):
    recorder.write(0.6)  # 12 s; the next window is complete at 14 s
    recorder.look(follow=True)
    first = recorder.file()
    recorder.write(0.61)  # a second later
    report = recorder.look(follow=True)
    assert (report.waiting, report.windows_captioned) == (1, 0)
    assert recorder.file() == first
    recorder.clock.at += 1
    recorder.write(0.62)  # three seconds later: by the clock another window may be there
    recorder.look(follow=True)
    assert recorder.file().size_bytes > first.size_bytes


def test_a_window_of_a_long_recording_is_expected_as_soon_as_it_is_complete():
    hour = File("/a.ts", "growing-a", size_bytes=10**9, modified_at=NOW, duration_seconds=3600.0)
    recorded = replace(hour, size_bytes=10**9 + 1, modified_at=NOW + 31)
    copied = replace(hour, size_bytes=2 * 10**9, modified_at=NOW + 1)
    assert expected_seconds(hour, recorded) == 3631
    assert expected_seconds(hour, copied) == 7200


def test_scanning_a_growing_file_takes_at_most_a_tenth_of_the_time(recorder):
    path = recorder.path
    assert recorder.settling.may_scan(path)
    with recorder.settling.scanning(path):
        recorder.clock.at += 3
    assert not recorder.settling.may_scan(path)
    recorder.clock.at += 26.9
    assert not recorder.settling.may_scan(path)
    recorder.clock.at += 0.1
    assert recorder.settling.may_scan(path)


def with_a_pause(folder, levels, *, seconds):
    """A recording of some levels, and after a pause of them once more."""
    first, shifted, whole = folder / "first.ts", folder / "second.ts", folder / "gate.ts"
    write_recording(first, levels)
    with av.open(str(first)) as source, av.open(str(shifted), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts += seconds * 90_000
                packet.dts += seconds * 90_000
                packet.stream = stream
                target.mux(packet)
    whole.write_bytes(first.read_bytes() + shifted.read_bytes())
    return whole


def test_a_pause_in_a_recording_that_is_followed_is_no_footage(tmp_path):
    recorder = Recorder(tmp_path, with_a_pause(tmp_path, LEVELS[:9], seconds=600))
    recorder.write(0.45)  # within the first part
    recorder.look(follow=True)
    assert recorder.windows() == [Span(0, 4), Span(3, 7)]
    recorder.clock.at += 600
    recorder.write(1.0)
    report = recorder.look(follow=True)
    assert recorder.windows()[:3] == [Span(0, 4), Span(3, 7), Span(6, 9)]
    assert recorder.windows()[3:] == [Span(600, 604), Span(603, 607)]
    assert report.windows_captioned == 3
    known = recorder.file()
    recorder.clock.at += 0.5
    os.utime(recorder.path, (recorder.clock.at, recorder.clock.at))
    recorder.look(follow=True)
    assert recorder.file() == known  # not scanned again: no window more can be complete
    recorder.clock.at += 31
    report = recorder.look(follow=True)
    assert (report.indexed, report.windows_captioned) == (1, 1)
    assert len(recorder.model.log) == 6
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_a_recording_that_is_renamed_when_it_is_finished_keeps_its_captions(recorder, tmp_path):
    recorder.write(0.8)
    recorder.look(follow=True)
    before = len(recorder.model.log)
    recorder.path.unlink()
    recorder.path = recorder.library / "2026-05-01_12-00-00.ts"
    recorder.write(1.0)
    recorder.clock.at += 31
    assert recorder.look(follow=True).windows_captioned == 7 - before
    assert recorder.store.contents.prune() == (1, 0)
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_another_recording_under_the_same_name_takes_over_nothing(recorder, tmp_path):
    recorder.write(0.8)
    recorder.look(follow=True)
    recorder.whole = write_recording(tmp_path / "other.ts", LEVELS[::-1]).read_bytes()
    recorder.write(1.0)
    recorder.clock.at += 31
    assert recorder.look(follow=True).windows_captioned == 7
    assert recorder.store.contents.prune()[1] == 1  # the captions of what is no longer there
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_windows_whose_pictures_changed_are_captioned_again(recorder, tmp_path):
    """The same beginning, then other pictures, as of a file that was cut and written on."""
    other = write_recording(tmp_path / "other.ts", [*LEVELS[:8], 100, 100, 100, 100, *LEVELS[12:]])
    recorder.write(0.8)
    recorder.look(follow=True)
    assert recorder.windows() == [Span(0, 4), Span(3, 7), Span(6, 10), Span(9, 13)]
    recorder.whole = other.read_bytes()
    recorder.write(1.0)
    recorder.clock.at += 31
    report = recorder.look(follow=True)
    assert report.windows_captioned == 5  # all but the first two
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_a_run_without_follow_takes_over_what_was_followed(recorder, tmp_path):
    recorder.write(0.8)
    recorder.look(follow=True)
    recorder.clock.at += 5
    assert recorder.look().waiting == 1
    assert len(recorder.windows()) == 4  # still found
    recorder.write(1.0)
    report = index([recorder.library], store=recorder.store, model=recorder.model, embedder=StandinEmbedder())
    assert (report.indexed, report.windows_captioned) == (1, 3)
    assert content_of(recorder.store) == unbroken(tmp_path, recorder)


def test_marks_and_corrections_move_along(recorder):
    recorder.write(0.8)
    recorder.look(follow=True)
    earlier = recorder.file().content_id
    recorder.store.annotations.marks.put([Mark("m", "review", earlier, Span(3, 6), "flagged")])
    recorder.write(1.0)
    recorder.clock.at += 31
    recorder.look(follow=True)
    [mark] = recorder.store.annotations.marks.all()
    assert (mark.content_id, mark.state) == (recorder.file().content_id, "flagged")


class Killed(BaseException):
    """The process dies."""


class DyingTables(Tables):
    """Tables of a process that dies before its write number ``moment``, counted from 1."""

    moment, writes = 0, 0

    def _die(self):
        self.writes += 1
        if self.writes >= self.moment:
            raise Killed

    def upsert(self, name, cells):
        self._die()
        super().upsert(name, cells)

    def insert(self, name, cells):
        self._die()
        super().insert(name, cells)

    def delete(self, name, wanted):
        self._die()
        super().delete(name, wanted)


@pytest.mark.timeout(300 + 20 * KILLS)
@pytest.mark.parametrize("share", [0.8, 1.0], ids=["while it grows", "when it is finished"])
def test_a_kill_loses_nothing_that_was_committed(recorder, tmp_path, share):
    """Whatever write to the index is the last, the next look makes it whole, and no window is seen twice.

    ``make stress`` tries them all; FOOTAGE_TEST_KILLS says how many.
    """
    recorder.write(0.6)
    recorder.look(follow=True)
    before, folder = list(recorder.model.log), recorder.store.path
    recorder.write(share)
    recorder.clock.at += 31 if share == 1 else 0
    shutil.copytree(folder, tmp_path / "before")

    def look_until(moment):
        """Look at the recording from where the index was; how many writes there were."""
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder)
        tables = DyingTables.connect(folder)
        tables.moment = moment
        recorder.store, recorder.model = Store(tables), StandinModel()
        with suppress(Killed):
            recorder.look(follow=True)
        recorder.store = Store.open(folder)
        return tables.writes

    writes = look_until(moment=10_000)
    expected = unbroken(tmp_path, recorder) if share == 1 else content_of(recorder.store)
    for moment in sorted(set(np.linspace(1, writes, KILLS).round().astype(int).tolist())):
        look_until(moment)
        assert 10 <= recorder.store.status().seconds_indexed <= len(LEVELS), moment
        recorder.look(follow=True)
        assert not set(recorder.model.log) & set(before), moment
        recorder.store.contents.prune()
        assert content_of(recorder.store) == expected, moment


def test_clips_are_exported_from_a_file_that_is_still_being_written(recorder, tmp_path):
    recorder.write(0.6)
    recorder.look(follow=True)
    video = recorder.store.videos.all()[recorder.file().content_id]
    recorder.write(0.8)
    exported = export([Clip(str(recorder.path), video, Span(3, 5), "bright")], tmp_path / "out")
    assert [output.written for output in exported.outputs] == [(Span(3, 5),)]


def test_settling_needs_a_watcher():
    answer = CliRunner().invoke(app, ["index", "/nowhere", "--settle", "5"])
    assert answer.exit_code == 2 and "--settle needs --watch or --follow" in answer.output
