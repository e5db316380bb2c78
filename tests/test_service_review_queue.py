"""The queue of saved searches: decisions about many items, undo, counts, and what is kept for each person."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from footage.core.config import Settings
from footage.core.errors import UsageError
from footage.core.types import Span, Video
from footage.store import Mark, Search, Store
from footage.store.state import database
from footage.store.state.item_checks import ItemCheck, ItemCheckRepository
from footage.store.state.people import ReviewPlace
from service import people, review_queue, saved
from service.review_queue import DecideManyRequest
from service.session import Service

SEARCH = Search("s1", "Cars", "a car", "captions", looked_at=100.0)


@pytest.fixture
def service(tmp_path) -> Service:
    """An index with a saved search and four open items."""
    store = Store.open(tmp_path / "index.lancedb", create=True)
    store.videos.put([Video("v", 60.0, 64, 48, 25.0, "h264")])
    store.annotations.searches.put([SEARCH])
    store.annotations.marks.put(
        Mark(f"item{n}", "review", "v", Span(n, n + 1), "open", search_id="s1", found_at=100.0)
        for n in range(4)
    )
    return Service(Settings(db=tmp_path / "index.lancedb", cache_dir=tmp_path / "cache"))


def states(service: Service) -> dict[str, str]:
    return {item.mark.id: item.mark.state for item in saved.items(service, SEARCH)}


def decided(service: Service, *ids: str, state: str = "reviewed", author: str = "Ann"):
    return review_queue.decide_many(service, DecideManyRequest(items=ids, state=state, author=author))


def test_a_decision_about_many_is_one_step_that_can_be_taken_back_and_done_again(service):
    saved.decide(service, saved.DecideRequest(item="item0", note="the van", author="Bob"))
    before = saved.items(service, SEARCH)
    commits = service.store().versions(["marks"])
    done = decided(service, "item0", "item1", "item2")
    assert service.store().versions(["marks"]) == (commits[0] + 1,)
    assert states(service) == {"item0": "reviewed", "item1": "reviewed", "item2": "reviewed", "item3": "open"}
    assert sorted(mark.text for mark in done.after) == ["", "", "the van"]
    back = review_queue.put_back(service, done)
    assert saved.items(service, SEARCH) == before
    review_queue.put_back(service, back)
    assert list(states(service).values()).count("reviewed") == 3


def test_undo_leaves_what_somebody_else_has_changed_since(service):
    done = decided(service, "item0", "item1")
    decided(service, "item1", state="flagged", author="Bob")
    back = review_queue.put_back(service, done)
    assert [mark.id for mark in back.after] == ["item0"]
    assert states(service)["item0"] == "open" and states(service)["item1"] == "flagged"
    with pytest.raises(UsageError, match="Bob"):
        review_queue.put_back(service, review_queue.Decided(done.before[1:], done.after[1:]))


def test_a_wrong_state_or_item_is_a_sentence(service):
    with pytest.raises(UsageError, match="unknown state"):
        decided(service, "item0", state="gone")
    with pytest.raises(UsageError, match="gone"):
        decided(service, "item0", "nothing")
    assert set(states(service).values()) == {"open"}


def test_counts_are_those_of_open_items_of_searches_that_are_there(service):
    version = review_queue.version(service)
    assert review_queue.counts(service, "Ann").open_items == {"s1": 4}
    decided(service, "item0", "item1")
    assert review_queue.version(service) != version
    assert review_queue.counts(service, "Ann").items == 2
    service.store().annotations.searches.remove(["s1"])
    assert review_queue.counts(service, "Ann").items == 0


def test_each_person_has_their_own_visits_and_place(service):
    first = people.visit(service, "Ann", "s1", first_since=50.0, at=1000.0)
    assert first.since == 50.0
    assert people.visit(service, "ann ", "s1", at=1100.0).since == 50.0  # a reload is the same visit
    later = 1100.0 + people.VISIT_GAP_SECONDS + 1
    assert people.visit(service, "Ann", "s1", at=later).since == 1100.0
    assert people.visit(service, "Bob", "s1", first_since=7.0, at=later).since == 7.0
    assert people.look_anew(service, "Ann", "s1", at=later + 5).since == later + 5
    assert people.visit(service, "Ann", "s1", at=later + 6).since == later + 5
    people.stay(service, "Ann", ReviewPlace("s1", "Flagged", "item2"))
    people.stay(service, "Bob", ReviewPlace("s1", "All", "item0"))
    assert people.last_place(service, "ANN") == ReviewPlace("s1", "Flagged", "item2")
    assert people.last_place(service, "Eve") is None


def test_for_nobody_nothing_is_kept(service):
    people.stay(service, " ", ReviewPlace("s1", "All", "item0"))
    assert people.visit(service, "", "s1", first_since=3.0, at=5.0).since == 3.0
    assert people.last_place(service, "") is None and people.last_seen(service, "", "s1") is None


def test_checks_are_kept_and_forgotten_with_their_video(service):
    assert review_queue.checks(service, ["item0"]) == {}
    checks = ItemCheckRepository(service.state())
    checks.put([ItemCheck("item0", "v", "found", 0.9, 5.0), ItemCheck("item1", "w", "not found", 0.1, 5.0)])
    assert review_queue.checks(service, ["item0", "item1", "item2"]).keys() == {"item0", "item1"}
    checks.forget(["v"])
    assert review_queue.checks(service, ["item0", "item1"]).keys() == {"item1"}


@pytest.mark.parametrize("version", range(len(database.MIGRATIONS)))
def test_a_state_of_any_version_before_opens_with_its_rows_and_the_new_tables(tmp_path, version):
    """A file as the version before made it, with its scripts alone."""
    with closing(sqlite3.connect(tmp_path / database.FILE_NAME)) as file:
        for script in database.MIGRATIONS[:version]:
            file.executescript(script)
        file.execute(f"PRAGMA user_version = {version}")
        if version >= 3:
            file.execute("INSERT INTO tokens VALUES ('ann', 'd', 'edit', 1, 0)")
        file.commit()
    for _ in range(2):  # a second opening does nothing again
        with database.StateDatabase(tmp_path).transaction() as rows:
            tables = {row["name"] for row in rows.execute("SELECT name FROM sqlite_master")}
            assert {"jobs", "tokens", "reels", "people_visits", "people_places", "item_checks"} <= tables
            assert rows.execute("SELECT count(*) FROM tokens").fetchone()[0] == int(version >= 3)
