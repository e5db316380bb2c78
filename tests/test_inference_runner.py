"""The windowed runner: decoding ahead, batches, failures, held windows and stopping, on real clips."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from standin_model import StandinModel, write_levels

from footage.core.errors import DecodeError, ModelError, VideoError, VideoNotFoundError, WindowError
from footage.core.types import Answer, Span
from footage.inference.runner import WindowedRunner, WindowSource
from footage.media.sandbox import probe, sample
from footage.vlm.protocol import Capabilities, Prepared


class Model(StandinModel):
    """Notes which windows it prepares and runs; answers with the brightness of each."""

    def __init__(self, *, max_batch=2, windows_ahead=4, **options):
        super().__init__(**options)
        self.capabilities = Capabilities(max_batch=max_batch, windows_ahead=windows_ahead)
        self.prepared: list[Span] = []
        self.batches: list[list[Span]] = []

    def prepare(self, frames):
        self.prepared.append(frames.span)
        return Prepared(frames.span, frames, nbytes=frames.pixels.nbytes)

    def run(self, requests):
        self.batches.append([prepared.span for prepared, _ in requests])
        return [Answer(f"{prepared.payload.pixels.mean():.0f}", "stop") for prepared, _ in requests]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_levels(tmp_path_factory.mktemp("levels") / "levels.mp4", range(10, 250, 20))


def sources(path: Path, *spans: tuple[float, float]) -> list[WindowSource]:
    video = probe(path)
    return [WindowSource(path, video, Span(*span)) for span in spans]


def results(runner: WindowedRunner, windows, **options):
    model = runner.model
    batches = runner.batches(
        windows, lambda _, prepared: model.run([(each, None) for each in prepared]), **options
    )
    return [result for batch in batches for result in batch]


def test_batches_are_as_large_as_the_model_takes_and_in_order(clip):
    windows = sources(clip, *((n, n + 2) for n in range(5)))
    model = Model(max_batch=2)
    found = results(WindowedRunner(model), windows)
    assert [result.number for result in found] == [0, 1, 2, 3, 4]
    assert [result.source for result in found] == windows
    assert [len(batch) for batch in model.batches] == [2, 2, 1]
    few = Model(max_batch=8, windows_ahead=3)
    results(WindowedRunner(few), windows)
    assert [len(batch) for batch in few.batches] == [3, 2]
    assert results(WindowedRunner(model), []) == []


def test_the_next_batch_is_decoded_while_one_runs(clip):
    class Waiting(Model):
        """Runs a batch only once a window of the next one is prepared."""

        ahead = threading.Event()

        def prepare(self, frames):
            if frames.span.start_seconds == 2:
                self.ahead.set()
            return super().prepare(frames)

        def run(self, requests):
            assert self.ahead.wait(60)
            return super().run(requests)

    found = results(WindowedRunner(Waiting(max_batch=2)), sources(clip, *((n, n + 1) for n in range(4))))
    assert all(result.error is None for result in found)


def test_an_eager_batch_begins_with_the_windows_that_are_ready(clip):
    class Waiting(Model):
        """Prepares the second window only once the first one has been run."""

        ran = threading.Event()

        def prepare(self, frames):
            assert frames.span.start_seconds == 0 or self.ran.wait(60)
            return super().prepare(frames)

        def run(self, requests):
            self.ran.set()
            return super().run(requests)

    model = Waiting(max_batch=4)
    found = results(WindowedRunner(model), sources(clip, (0, 1), (1, 2), (2, 3)), eager=True)
    assert [result.number for result in found] == [0, 1, 2]
    assert all(result.error is None for result in found)
    assert model.batches[0] == [Span(0, 1)]


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 4), (3, 7), (6, 10)],  # one pass
        [(6, 10), (0, 4), (3, 7), (2, 4)],  # in any order
        [(0, 4), (0, 4), (1.5, 1.5), (3, 7)],  # the same window twice, and a moment
    ],
)
def test_frames_are_those_of_each_window_by_itself(clip, spans):
    model = Model(max_batch=1)
    shown = []
    runner = WindowedRunner(model)
    for batch in runner.batches(sources(clip, *spans), lambda _, prepared: prepared):
        shown += batch
    assert [result.source.span for result in shown] == [Span(*span) for span in spans]
    for result in shown:
        frames, span = result.result.payload, result.source.span
        if span.duration_seconds == 0:
            assert frames.pixels.shape == (1, 48, 64, 3) and result.frame_times_seconds == (1.5,)
            continue
        alone = sample(clip, span, **model.profile.frame_budget)
        np.testing.assert_array_equal(frames.pixels, alone.pixels)
        assert result.frame_times_seconds == tuple(dict.fromkeys(alone.times_seconds))


def test_windows_that_cannot_be_decoded_are_errors_and_the_others_go_on(clip, tmp_path):
    gone = WindowSource(tmp_path / "gone.mp4", probe(clip), Span(0, 2))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:200])
    windows = [
        gone,
        *sources(clip, (0, 2), (20, 22), (4, 6)),
        WindowSource(broken, probe(clip), Span(0, 2)),
    ]
    model = Model(max_batch=1)
    found = results(WindowedRunner(model), windows)
    assert [type(result.error) for result in found[:2]] == [VideoNotFoundError, type(None)]
    assert isinstance(found[2].error, DecodeError) and "ends at 12.0 s" in str(found[2].error)
    assert isinstance(found[4].error, VideoError)
    assert [result.result is None for result in found] == [True, False, True, False, True]
    assert model.batches == [[Span(0, 2)], [Span(4, 6)]], "never an empty batch"


def test_refusals_and_unexpected_errors_are_results_and_model_errors_end_the_run(clip):
    class Odd(Model):
        def prepare(self, frames):
            if frames.span.start_seconds == 2:
                raise ZeroDivisionError("half a frame")
            return super().prepare(frames)

    windows = sources(clip, (0, 1), (1, 2), (2, 3))
    model = Odd(max_batch=3)

    def refuse_second(numbers, prepared):
        assert list(numbers) == [0, 1]
        return [model.run([(prepared[0], None)])[0], WindowError("too much")]

    [batch] = WindowedRunner(model).batches(windows, refuse_second)
    assert [type(result.error) for result in batch] == [type(None), WindowError, ZeroDivisionError]
    assert batch[1].result is None

    class Gone(Model):
        def prepare(self, frames):
            raise ModelError("the model is gone")

    with pytest.raises(ModelError, match="gone"):
        results(WindowedRunner(Gone()), windows)


def test_windows_are_held_within_the_bound_and_only_where_asked_for(clip):
    windows = sources(clip, (0, 2), (2, 4), (4, 6))
    model = Model()
    runner = WindowedRunner(model, keep_bytes=1 << 30)
    first, again = results(runner, windows), results(runner, windows)
    assert model.prepared == [window.span for window in windows]
    assert [result.result for result in again] == [result.result for result in first]
    assert all(result.frame_times_seconds for result in first)
    assert not any(result.frame_times_seconds for result in again)
    # Only the last one fits.
    small = Model(max_batch=1)
    runner = WindowedRunner(small, keep_bytes=1)
    results(runner, windows)
    results(runner, [windows[2], windows[0]])
    assert small.prepared == [window.span for window in [*windows, windows[0]]]
    # Without a bound, nothing is held.
    plain = Model()
    runner = WindowedRunner(plain)
    results(runner, windows)
    results(runner, windows)
    assert len(plain.prepared) == 6


def test_a_run_stops_when_asked_to_and_when_the_iterator_is_closed(clip):
    windows = sources(clip, *((n, n + 1) for n in range(8)))
    model = Model(max_batch=2)
    found = results(WindowedRunner(model), windows, should_stop=lambda: len(model.batches) == 2)
    assert [result.number for result in found] == [0, 1, 2, 3]
    assert len(model.batches) == 2
    closed = Model(max_batch=2)
    batches = WindowedRunner(closed).batches(
        windows, lambda _, prepared: closed.run([(each, None) for each in prepared])
    )
    assert [result.number for result in next(batches)] == [0, 1]
    batches.close()
    assert len(closed.batches) == 1 and len(closed.prepared) <= 4


def test_held_windows_between_others_change_nothing(clip):
    model = Model(max_batch=1)
    runner = WindowedRunner(model, keep_bytes=1 << 30)
    overlapping = sources(clip, (0, 4), (3, 7), (6, 10))
    results(runner, overlapping[1:2])
    found = results(runner, overlapping)
    assert [bool(result.frame_times_seconds) for result in found] == [True, False, True]
    assert [result.result for result in found] == [
        result.result for result in results(WindowedRunner(Model()), overlapping)
    ]
