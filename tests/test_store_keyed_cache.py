"""What is kept of a table equals what a fresh reader makes of it, whatever was written in between."""

import random

import pytest

from footage.store import Store
from footage.store.keyed_cache import KeyedCache


def _counts(rows):
    found = {}
    for row in rows.to_pylist():
        found.setdefault(row["value"], []).append(row["key"])
    return {value: sorted(keys) for value, keys in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_any_writes(tmp_path, seed):
    tables = Store.open(tmp_path / "index", create=True)._tables
    writer = Store.open(tmp_path / "index")._tables
    rng = random.Random(seed)
    held = KeyedCache("meta", "value", ["key"], _counts)
    tables.upsert("meta", [{"key": f"first {n}", "value": f"group {n % 300}"} for n in range(1500)])
    before = held.get(tables)
    for step in range(14):
        by = rng.choice([tables, writer])
        match rng.randrange(6):
            case 0 | 1:
                rows = [{"key": f"{step} {n}", "value": f"group {rng.randrange(310)}"} for n in range(5)]
                by.insert("meta", rows)
            case 2:
                keys = {f"first {rng.randrange(1500)}" for _ in range(4)}
                by.upsert("meta", [{"key": key, "value": f"group {rng.randrange(310)}"} for key in keys])
            case 3:
                by.delete("meta", {"key": {f"first {rng.randrange(1500)}" for _ in range(4)}})
            case 4:
                by.delete("meta", {"value": {f"group {rng.randrange(300)}"}})
            case 5:
                Store(by).tidy()
        if rng.random() < 0.3:
            continue  # several writes before the next look
        now = held.get(tables)
        assert now == KeyedCache("meta", "value", ["key"], _counts).get(writer)
        assert held.get(tables) is now
    assert before is not held.get(tables)


def test_only_what_was_touched_is_made_anew(tmp_path):
    tables = Store.open(tmp_path / "index", create=True)._tables
    tables.upsert("meta", [{"key": f"first {n}", "value": f"group {n % 400}"} for n in range(2000)])
    read = []

    def build(rows):
        read.append(len(rows))
        return _counts(rows)

    held = KeyedCache("meta", "value", ["key"], build)
    every = len(tables.columns("meta", ["key"]))
    held.get(tables)
    tables.insert("meta", [{"key": "new", "value": "group 7"}])
    tables.delete("meta", {"key": ["first 8"]})
    assert "new" in held.get(tables)["group 7"] and "first 8" not in held.get(tables)["group 8"]
    assert read == [every, 6 + 4]
