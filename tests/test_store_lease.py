"""The lease of an index on object storage: one holder at a time, while clocks disagree and networks fail."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import StoreError
from footage.store.lease import (
    Lease,
    LeaseBody,
    LeaseHeldError,
    LeaseLostError,
    LeaseTimes,
    WrittenLease,
    decoded,
    encoded,
)

TIMES = LeaseTimes(duration_seconds=60.0, margin_seconds=10.0)


@dataclass
class Storage:
    """One object, its clock in whole seconds, and what happens to the next requests."""

    seconds: float = 1000.0
    body: bytes | None = None
    modified: float = 0.0
    answers: list[str] = field(default_factory=list)
    """Of the next writes: "yes", "refused" (not carried out) or "unanswered" (carried out)."""

    def write(self, body: LeaseBody, expected: str | None) -> str | None:
        answer = self.answers.pop(0) if self.answers else "yes"
        if answer == "refused":
            raise StoreError("the storage cannot be reached")
        if self.tag != expected:
            return None
        self.body, self.modified = encoded(body), self.seconds // 1
        if answer == "unanswered":
            raise StoreError("the storage cannot be reached")
        return self.tag

    @property
    def tag(self) -> str | None:
        return None if self.body is None else str(hash(self.body))  # as S3 does: from the content alone


class Cell:
    """A client of the storage."""

    def __init__(self, storage: Storage):
        self.storage = storage

    def read(self):
        storage = self.storage
        if storage.body is None:
            return None
        return WrittenLease(decoded(storage.body), storage.tag, storage.modified)

    def create(self, body):
        return self.storage.write(body, None)

    def replace(self, body, tag):
        return self.storage.write(body, tag)

    def now_seconds(self):
        return self.storage.seconds // 1


class Machine:
    """A machine whose clock begins anywhere and runs up to 1 % too fast or too slow."""

    def __init__(self, storage: Storage, name: str, *, rate: float = 1.0):
        self.storage, self.name, self.rate = storage, name, rate
        self.lease = self.fresh()

    def fresh(self) -> Lease:
        return Lease(Cell(self.storage), holder=self.name, times=TIMES, clock=self.clock)

    def clock(self) -> float:
        return 17 + self.rate * self.storage.seconds


def test_a_second_holder_is_refused_until_the_first_releases():
    storage = Storage()
    first, second = Machine(storage, "first").lease, Machine(storage, "second").lease
    first.acquire()
    with pytest.raises(LeaseHeldError) as error:
        second.acquire()
    assert error.value.held.holder == "first" and error.value.ends_in_seconds == 70
    first.release()
    second.acquire()
    assert (second.epoch, second.is_fence_due) == (2, False)
    with pytest.raises(LeaseLostError):
        first.check()


def test_a_lease_that_nobody_renews_is_taken_over_after_its_time_and_the_margin_only():
    storage = Storage()
    dead, next_one = Machine(storage, "dead").lease, Machine(storage, "next").lease
    dead.acquire()
    storage.seconds += 70
    with pytest.raises(LeaseHeldError):
        next_one.acquire()
    storage.seconds += 1
    next_one.acquire()
    assert next_one.epoch == 2 and next_one.is_fence_due
    for _ in range(2):
        with pytest.raises(LeaseLostError):
            dead.check()
    dead.release()  # of what is not its own any more: nothing happens
    next_one.check()


def test_a_holder_that_slept_goes_on_if_nobody_came_and_a_renewal_moves_the_end():
    storage = Storage()
    lease, other = Machine(storage, "one").lease, Machine(storage, "other").lease
    lease.acquire()
    storage.seconds += 10_000
    lease.check()
    storage.seconds += 50
    lease.renew()
    storage.seconds += 50
    with pytest.raises(LeaseHeldError):
        other.acquire()
    lease.check()


@pytest.mark.parametrize("step", ["acquire", "renew", "release"])
def test_a_write_that_came_through_without_an_answer_is_found_to_be_ours(step):
    storage = Storage()
    lease = Machine(storage, "one").lease
    if step != "acquire":
        lease.acquire()
    storage.answers = ["unanswered"]
    if step == "release":
        lease.release()
        assert decoded(storage.body).is_released
        return
    with pytest.raises(StoreError, match="cannot be reached"):
        getattr(lease, step)()
    if step == "renew":
        lease.renew()
        lease.check()
    else:  # it has no lease; the object is that of nobody, and ends by itself
        storage.seconds += 71
        Machine(storage, "other").lease.acquire()


def test_a_holder_that_dies_while_it_shuts_others_out_leaves_that_to_the_next_one():
    storage = Storage()
    Machine(storage, "dead").lease.acquire()
    storage.seconds += 71
    second = Machine(storage, "second").lease
    second.acquire()
    second.release()  # with an error, before ``note_fenced``
    third = Machine(storage, "third").lease
    third.acquire()
    assert third.is_fence_due
    third.note_fenced()
    third.release()
    fourth = Machine(storage, "fourth").lease
    fourth.acquire()
    assert not fourth.is_fence_due


def test_a_renewal_just_before_a_take_over_is_not_overwritten():
    storage = Storage()
    holder = Machine(storage, "holder").lease

    class LateCell(Cell):
        def now_seconds(self):
            now = super().now_seconds()
            holder.renew()
            return now

    other = Lease(LateCell(storage), holder="other", times=TIMES, clock=lambda: 0.0)
    holder.acquire()
    storage.seconds += 71
    with pytest.raises(LeaseHeldError):
        other.acquire()
    holder.check()


STEPS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["acquire", "renew", "check", "check", "release", "die"]),
    st.sampled_from([0.0, 0.3, 5.0, 29.0, 60.0, 69.5, 71.0, 500.0]),
    st.sampled_from(["yes", "yes", "yes", "refused", "unanswered"]),
)


@given(st.lists(STEPS, max_size=60), st.lists(st.floats(0.99, 1.01), min_size=3, max_size=3))
def test_no_holder_may_commit_after_a_later_one_has_begun(steps, rates):
    storage = Storage()
    machines = [Machine(storage, str(number), rate=rate) for number, rate in enumerate(rates)]
    begun = 0  # the highest epoch that anybody has
    for number, step, passed, answer in steps:
        machine = machines[number]
        storage.seconds += passed
        storage.answers = [answer]
        if step == "die" or (step == "acquire" and machine.lease.epoch):
            machine.lease = machine.fresh()
        if step == "die":
            continue
        try:
            getattr(machine.lease, step)()
        except StoreError:
            continue
        if step == "acquire":
            assert machine.lease.epoch > begun
            begun = machine.lease.epoch
        elif step in ("check", "renew"):
            assert machine.lease.epoch == begun
