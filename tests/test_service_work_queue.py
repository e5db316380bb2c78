"""The queue in front of the model: order, fairness, limits and cancellation, with threads and fake steps."""

from __future__ import annotations

import contextvars
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.errors import FootageError, WaitStoppedError
from footage.core.types import Span
from footage.inference.runner import WindowedRunner, WindowSource
from footage.media.sandbox import probe
from footage.store import Store
from footage.vlm.contract import find_prompt
from footage.vlm.protocol import (
    CountsWork,
    ModelWork,
    PictureModel,
    RawModel,
    Recalling,
    RunsEach,
    TakesTurns,
    VideoModel,
    Waits,
)
from indexer.pipeline import index
from service.callers import Caller, acting_for, current_caller
from service.cancellation import Cancelled, CancelToken
from service.queued_model import queued
from service.work_queue import OverloadedError, WorkQueue


class ManualClock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Arrivals:
    """Threads that wait for turns, started one after the other while the turn is held."""

    def __init__(self, queue, clock=None):
        self.queue, self.clock = queue, clock
        self.order = []
        self.errors = []
        self.threads = []

    def add(self, client, priority="interactive", *, step_seconds=0.0, cancel=None):
        before = sum(self.queue.depths()[name] for name in ("interactive", "batch"))

        def wait():
            try:
                with self.queue.turn(client=client, priority=priority, cancel=cancel):
                    self.order.append((client, priority))
                    if self.clock:
                        self.clock.now += step_seconds
            except FootageError as error:
                self.errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        self.threads.append(thread)
        wait_until(
            lambda: (
                sum(self.queue.depths()[name] for name in ("interactive", "batch")) > before
                or not thread.is_alive()
            )
        )

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


def test_interactive_turns_come_first_and_clients_take_turns():
    queue = WorkQueue()
    arrivals = Arrivals(queue)
    with queue.turn(client="holder"):
        for client, priority in [
            ("indexer", "batch"),
            ("ann", "interactive"),
            ("ann", "interactive"),
            ("ann", "interactive"),
            ("bob", "interactive"),
            ("cyd", "interactive"),
            ("bob", "interactive"),
        ]:
            arrivals.add(client, priority)
        assert queue.depths() == {"interactive": 6, "batch": 1, "running": 1}
    arrivals.join()
    assert [client for client, _ in arrivals.order] == ["ann", "bob", "cyd", "ann", "bob", "ann", "indexer"]
    assert queue.depths() == {"interactive": 0, "batch": 0, "running": 0}


@given(
    arriving=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["interactive", "batch"])), min_size=1, max_size=24
    ),
    turns=st.integers(1, 4),
)
def test_the_order_of_any_arrivals_is_fair(arriving, turns):
    queue = WorkQueue(most_waiting=100, most_per_client=100, interactive_turns=turns)
    arrivals = Arrivals(queue)
    with queue.turn(client="holder"):
        for client, priority in arriving:
            arrivals.add(client, priority)
    arrivals.join()
    order = arrivals.order
    # 1. Each has one turn.
    assert Counter(order) == Counter(arriving)
    # 2. A batch turn comes before an interactive one only where it is due, and then at once.
    left = Counter(priority for _, priority in arriving)
    in_a_row = 0
    for _, priority in order:
        due = left["batch"] and (in_a_row >= turns or not left["interactive"])
        assert (priority == "batch") == bool(due)
        in_a_row = 0 if priority == "batch" else in_a_row + bool(left["batch"])
        left[priority] -= 1
    # 3. Within a priority no client has two turns more than another one that still waits.
    for priority in ("interactive", "batch"):
        waiting = Counter(client for client, each in arriving if each == priority)
        had = Counter()
        for client, each in order:
            if each == priority:
                had[client] += 1
                assert all(had[client] - had[other] <= 1 for other in waiting if had[other] < waiting[other])


def test_batch_work_that_has_waited_long_enough_gets_a_turn_and_only_one():
    clock = ManualClock()
    queue = WorkQueue(interactive_turns=1000, batch_wait_seconds=30, clock=clock)
    arrivals = Arrivals(queue, clock)
    with queue.turn(client="holder"):
        for _ in range(3):
            arrivals.add("indexer", "batch")
        for number in range(8):
            arrivals.add(f"client {number}", step_seconds=10.0)
    arrivals.join()
    kinds = "".join(priority[0] for _, priority in arrivals.order)
    assert kinds == "iiibiiibiib"


def test_threads_that_come_again_and_again_share_the_turns():
    queue = WorkQueue(most_waiting=1000, most_per_client=1000, interactive_turns=4)
    clients = [("greedy", "interactive")] * 8 + [("modest", "interactive"), ("indexer", "batch")]
    had, running, overlaps = Counter(), [], []
    stop = threading.Event()

    def others_wait():
        depths = queue.depths()
        return stop.is_set() or depths["interactive"] + depths["batch"] == len(clients) - 1

    def work(client, priority):
        while not stop.is_set():
            with queue.turn(client=client, priority=priority):
                running.append(client)
                if len(running) > 1:
                    overlaps.append(tuple(running))
                wait_until(others_wait)  # a step is long enough for all others to come again
                had[client] += not stop.is_set()
                running.remove(client)
                if sum(had.values()) >= 100:
                    stop.set()

    threads = [threading.Thread(target=work, args=each) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not overlaps
    assert abs(had["modest"] - had["greedy"]) <= 2
    assert had["indexer"] >= 15  # one of six: the four that it waits for, and the one begun before


def test_overload_is_refused_with_the_time_that_the_turns_took():
    clock = ManualClock()
    queue = WorkQueue(most_waiting=3, most_per_client=2, clock=clock)
    for _ in range(40):
        with queue.turn(client="ann"):
            clock.now += 7.0
    assert queue.mean_turn_seconds == pytest.approx(7.0, abs=0.1)
    arrivals = Arrivals(queue)
    with queue.turn(client="holder"):
        arrivals.add("ann")
        arrivals.add("ann")
        with pytest.raises(OverloadedError, match="2 requests of this client") as refused:
            queue.check_room("ann")
        assert refused.value.retry_after_seconds == pytest.approx(14, abs=1)
        arrivals.add("bob")
        arrivals.add("cyd")
        arrivals.add("ann")
        [total, own] = map(str, arrivals.errors)
        assert "3 requests are waiting" in total
        assert "2 requests of this client" in own
    arrivals.join()
    assert Counter(arrivals.order) == {("ann", "interactive"): 2, ("bob", "interactive"): 1}
    queue.check_room("ann")


def test_a_cancelled_waiter_leaves_and_the_turn_goes_on():
    queue = WorkQueue()
    arrivals = Arrivals(queue)
    token = CancelToken()
    with queue.turn(client="holder"):
        arrivals.add("ann", cancel=token)
        arrivals.add("bob", cancel=CancelToken())
        token.cancel()
        wait_until(lambda: arrivals.errors)
        assert queue.depths()["interactive"] == 1
    arrivals.join()
    assert [type(error) for error in arrivals.errors] == [Cancelled]
    assert arrivals.order == [("bob", "interactive")]
    with pytest.raises(Cancelled), queue.turn(client="ann", cancel=token):
        pass
    assert queue.depths()["running"] == 0


@given(st.lists(st.booleans(), min_size=1, max_size=16))
def test_no_turn_is_lost_where_cancellation_and_turn_meet(cancelled):
    queue = WorkQueue(most_per_client=100)
    arrivals = Arrivals(queue)
    tokens = [CancelToken() for _ in cancelled]
    with queue.turn(client="holder"):
        for token in tokens:
            arrivals.add("ann", cancel=token)
        for token, now in zip(tokens, cancelled, strict=True):
            if now:
                token.cancel()
    arrivals.join()
    assert len(arrivals.order) + len(arrivals.errors) == len(cancelled)
    assert len(arrivals.order) >= cancelled.count(False)
    assert queue.depths() == {"interactive": 0, "batch": 0, "running": 0}


def test_an_error_inside_a_turn_ends_it():
    queue = WorkQueue()
    with pytest.raises(ValueError, match="step"), queue.turn(client="ann"):
        raise ValueError("step")
    assert queue.depths()["running"] == 0


def test_a_turn_inside_a_turn_is_the_same_one():
    queue = WorkQueue()
    with queue.turn(client="ann"), queue.turn(client="ann"):
        assert queue.depths()["running"] == 1
    assert queue.depths()["running"] == 0


# -- The model that takes turns -----------------------------------------------


class WaitingModel(StandinModel):
    """A stand-in that runs elsewhere: it can be away, refuse a window, and keep windows."""

    on_wait = None
    shelf = None
    sees = "every second frame"
    work = ModelWork(batches=3)

    def run_each(self, requests):
        if self.on_wait is not None and not self.on_wait("the server is away"):
            raise WaitStoppedError("the wait was ended")
        return self.run(requests)

    def recall(self, content_id, span):
        return None

    def keep(self, content_id, prepared):
        self.kept = content_id


def test_a_queued_model_has_the_abilities_of_the_model_and_no_others():
    queue = WorkQueue()
    plain, rich = queued(StandinModel(), queue), queued(WaitingModel(), queue)
    for ability in (VideoModel, TakesTurns):
        assert isinstance(plain, ability)
        assert isinstance(rich, ability)
    for ability in (CountsWork, Recalling, RunsEach, Waits):
        assert not isinstance(plain, ability)
        assert isinstance(rich, ability)
    assert not isinstance(rich, RawModel | PictureModel)
    assert (plain.sees, rich.sees) == ("", "every second frame")
    assert rich.profile.name == "standin"
    assert rich.work.batches == 3
    assert rich.provenance.model == "standin"
    rich.keep("content", None)
    assert rich.recall("content", Span(0, 1)) is None


def test_a_wait_for_the_server_is_reported_to_its_caller_and_ends_with_its_token():
    model = WaitingModel()
    turned = queued(model, WorkQueue())
    reasons = []

    def by(caller, on_wait):
        with acting_for(caller):
            turned.on_wait = on_wait
            turned.run_each([])
            turned.on_wait = None

    contextvars.copy_context().run(by, Caller(), lambda reason: reasons.append(reason) or True)
    assert reasons == ["the server is away"]
    assert model.on_wait is None
    token = CancelToken()
    turned_away = []

    def cancelled_meanwhile(reason):
        turned_away.append(reason)
        token.cancel()
        return True

    with pytest.raises(WaitStoppedError):
        contextvars.copy_context().run(by, Caller(cancel=token), cancelled_meanwhile)
    assert turned_away == ["the server is away"]


def test_a_search_between_the_steps_of_an_index_run(tmp_path):
    """Every batch of the run takes one turn; a search that comes meanwhile has the next one."""
    queue = WorkQueue()
    order = []
    held = threading.Event()

    class Recorded(StandinModel):
        def run(self, requests):
            order.append(current_caller().client)
            if len(order) == 2:
                held.set()
                wait_until(lambda: queue.depths()["interactive"] == 1)
            return super().run(requests)

    model = queued(Recorded(max_batch=1), queue)
    clip = write_levels(tmp_path / "clips" / "clip.mp4", [0, 255] * 10)

    def run_index():
        with acting_for(Caller("indexer", "batch", admitted=True)):
            store = Store.open(tmp_path / "index", create=True)
            index([clip], store=store, model=model, embedder=StandinEmbedder())

    def run_search():
        with acting_for(Caller("ann")):
            held.wait(60)
            model.run([])

    threads = [threading.Thread(target=run_index), threading.Thread(target=run_search)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert order[:3] == ["indexer", "indexer", "ann"]
    assert set(order[3:]) == {"indexer"}


def test_the_first_step_of_a_request_may_be_refused_and_no_later_one():
    queue = WorkQueue(most_waiting=0)
    model = queued(StandinModel(), queue)
    begun, new, errors = Caller("ann"), Caller("bob"), []

    def step(caller):
        with acting_for(caller):
            try:
                model.run([])
            except OverloadedError as error:
                errors.append((caller.client, error))

    step(begun)
    threads = [threading.Thread(target=step, args=(caller,)) for caller in (begun, new)]
    with queue.turn(client="holder"):
        for thread in threads:
            thread.start()
        wait_until(lambda: errors and queue.depths()["interactive"] == 1)
    for thread in threads:
        thread.join(60)
    assert [client for client, _ in errors] == ["bob"]


def test_a_runner_leaves_the_order_of_its_threads_to_the_queue(tmp_path):
    """Two threads that share a runner meet in the queue, where one can be cancelled, and not at a lock."""
    queue = WorkQueue()
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 4)
    video = probe(clip)
    source = WindowSource(clip, video, Span(0.0, 4.0))
    model = queued(StandinModel(), queue)
    runner = WindowedRunner(model)
    prompt = find_prompt("the wall is bright", model.profile)
    outcomes = {}

    def ask(name, token):
        def run_batch(_, prepared):
            return model.run([(window, prompt) for window in prepared])

        with acting_for(Caller(name, cancel=token)):
            try:
                outcomes[name] = [len(batch) for batch in runner.batches([source], run_batch)]
            except Cancelled as error:
                outcomes[name] = error

    tokens = {"ann": CancelToken(), "bob": CancelToken()}
    threads = [threading.Thread(target=ask, args=each) for each in tokens.items()]
    with queue.turn(client="holder"):
        for thread in threads:
            thread.start()
        wait_until(lambda: queue.depths()["interactive"] == 2)
        tokens["bob"].cancel()
        wait_until(lambda: "bob" in outcomes)
    for thread in threads:
        thread.join(60)
    assert outcomes["ann"] == [1]
    assert isinstance(outcomes["bob"], Cancelled)
