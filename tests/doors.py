"""What can be asked for, as the request of an operation and as a command line; and how two answers compare.

Every surface must answer each line alike. Texts in braces stand for places, such as "{videos}" for a folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from standin_library import BRIGHT, GATE, MODEL, YARD

VOLATILE = {
    # how long something took, or will take
    *("retrieve_seconds", "load_seconds", "ground_seconds", "wall_seconds", "stage_seconds", "seconds_saved"),
    *("speed", "takes_seconds"),
    # when something was done
    *("started_at", "ended_at", "made_at", "looked_at", "found_at", "decided_at", "undone_at", "audited_at"),
    *("tried_at", "created_at", "token"),
    # sizes on disk, which times of day change by some bytes
    *("size_bytes", "bytes_per_hour", "new_bytes"),
}
"""Keys whose values differ from one run of the same request to the next."""
NAMED_BY_CHANCE = {"alert", "correction", "search"}
"""Types of records whose ``id`` is drawn anew when they are made."""


@dataclass(frozen=True)
class Door:
    """Something that can be asked for through every door."""

    operation: str
    """Name of the operation."""
    argv: tuple[str, ...]
    """The command line, without ``--json``."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """The request, as JSON."""
    fails: bool = False
    """Whether it is refused, in the same words."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings of this line alone."""
    not_by_job: str = ""
    """A part of the sentence that refuses it as a job of a service; empty where it is one like any other."""

    @property
    def name(self) -> str:
        """Names the case of a test."""
        return f"{self.operation}: {' '.join(self.argv)}"[:70]

    def filled(self, places: Mapping[str, str]) -> Door:
        """With places instead of the texts in braces."""

        def fill(value: Any) -> Any:
            if isinstance(value, str):
                for name, place in places.items():
                    value = value.replace(f"{{{name}}}", place)
                return value
            if isinstance(value, Mapping):
                return {key: fill(each) for key, each in value.items()}
            return type(value)(map(fill, value)) if isinstance(value, list | tuple) else value

        return replace(
            self, argv=fill(self.argv), request=fill(self.request), environment=fill(self.environment)
        )


def normalised(record: Any) -> Any:
    """A record without what differs from run to run."""
    if isinstance(record, list):
        return [normalised(each) for each in record]
    if not isinstance(record, dict):
        return record
    volatile = VOLATILE | ({"id"} if record.get("type") in NAMED_BY_CHANCE else set())
    # `id` of a run, which has no type, is the time when it began
    volatile |= {"id"} if "windows_captioned" in record and "started_at" in record else set()
    return {key: "…" if key in volatile else normalised(value) for key, value in record.items()}


def lines(text: str) -> list[dict[str, Any]]:
    """Lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


_BRIGHT_ANSWER = {
    "type": "match",
    "rank": 1,
    "video": "{videos}/yard.mp4",
    "content_id": "{yard}",
    "start_seconds": 0.0,
    "end_seconds": 2.0,
    "verdict": "found",
    "confidence": None,
    "score": 0.5,
    "grounded": False,
    "text": BRIGHT,
}
DOORS = (
    # searching
    Door("search", ("search", BRIGHT), {"query": BRIGHT}),
    Door(
        "search",
        ("search", BRIGHT, "--no-ground", "-n", "1", "--page", "2", "--group", "video"),
        {"query": BRIGHT, "ground": False, "page_size": 1, "page": 2, "group": "video"},
    ),
    Door("search", ("search", BRIGHT, "--page", "900"), {"query": BRIGHT, "page": 900}, fails=True),
    Door("search", ("search", '"open the gate"'), {"query": '"open the gate"'}),
    Door(
        "search",
        ("search", f"{BRIGHT} THEN the picture is dark", "--no-ground"),
        {"query": f"{BRIGHT} THEN the picture is dark", "ground": False},
    ),
    Door("search", ("search", "x after:never"), {"query": "x after:never"}),
    Door(
        "search pictures",
        ("search", "--like", f"{GATE}@0:04", "--by", "picture", "-n", "2"),
        {"picture": {"moment": f"{GATE}@0:04"}, "page_size": 2},
    ),
    Door(
        "search pictures",
        ("search", "--like", f"{GATE}@0:04", "--by", "picture", "--box", "0,0,0.5,0.5", "--group", "scene"),
        {"picture": {"moment": f"{GATE}@0:04", "box": [0, 0, 0.5, 0.5]}, "group": "scene"},
    ),
    Door("similar", ("search", "--like", f"{GATE}@0:04"), {"moment": f"{GATE}@0:04"}),
    Door(
        "similar",
        ("search", "--like", "talk.mp4@0:25", "--by", "caption"),
        {"moment": "talk.mp4@0:25", "captions_only": True},
        fails=True,
    ),
    Door("find", ("find", "{videos}/yard.mp4", BRIGHT), {"video": "{videos}/yard.mp4", "query": BRIGHT}),
    Door(
        "find",
        ("find", "{videos}/yard.mp4", BRIGHT, "--from", "0:01", "--to", "3", "-n", "1"),
        {
            "video": "{videos}/yard.mp4",
            "query": BRIGHT,
            "start_seconds": 1.0,
            "end_seconds": 3.0,
            "limit": 1,
        },
    ),
    Door(
        "find", ("find", "{videos}/none.mp4", "x"), {"video": "{videos}/none.mp4", "query": "x"}, fails=True
    ),
    # asking
    Door(
        "ask",
        ("ask", "{videos}/yard.mp4", "{videos}/gate.mp4@1-3", "What is it?"),
        {"places": ["{videos}/yard.mp4", "{videos}/gate.mp4@1-3"], "question": "What is it?"},
    ),
    Door(
        "ask moment",
        ("ask", "{videos}/yard.mp4@1-3", "What is it?"),
        {"video": YARD, "start_seconds": 1, "end_seconds": 3, "question": "What is it?"},
    ),
    Door(
        "point",
        ("point", "{videos}/yard.mp4@1", "the wall"),
        {"places": ["{videos}/yard.mp4@1"], "what": "the wall"},
    ),
    Door(
        "track",
        ("track", "{videos}/yard.mp4@1-3", "the wall"),
        {"places": ["{videos}/yard.mp4@1-3"], "what": "the wall"},
    ),
    Door(
        "track",
        ("track", "{videos}/yard.mp4@1", "the wall"),
        {"places": ["{videos}/yard.mp4@1"], "what": "the wall"},
        fails=True,
    ),
    Door(
        "models prompt",
        ("models", "prompt", "{videos}/yard.mp4@0-4", "Describe it.", "--seed", "1"),
        {"place": "{videos}/yard.mp4@0-4", "text": "Describe it.", "seed": 1},
    ),
    # the library
    Door("status", ("status",)),
    Door("files", ("status", "--files")),
    Door("files", ("status", "--failed"), {"which": "failed"}),
    Door("duplicates", ("status", "--duplicates")),
    Door("videos", ("videos",)),
    Door("videos", ("videos", "-n", "1", "--after", "{yard}"), {"limit": 1, "after": "{yard}"}),
    Door("video", ("video", YARD), {"video": YARD}),
    Door("video", ("video", "{yard}", "--part", "events"), {"video": "{yard}", "parts": ["events"]}),
    Door("video", ("video", "content-talk"), {"video": "content-talk"}),
    Door("video", ("video", "none.mp4"), {"video": "none.mp4"}, fails=True),
    Door("events", ("events", GATE), {"video": GATE}),
    Door(
        "events",
        ("events", GATE, "--from", "4", "--to", "0:07", "-n", "1"),
        {"video": GATE, "start_seconds": 4, "end_seconds": 7, "limit": 1},
    ),
    Door(
        "events",
        ("events", "talk.mp4", "--track", "screen-text"),
        {"video": "talk.mp4", "track": "screen-text"},
    ),
    Door("transcript", ("transcript", "talk.mp4"), {"video": "talk.mp4"}),
    Door(
        "transcript",
        ("transcript", "talk.mp4", "--track", "speech", "--language", "en", "--to", "5"),
        {"video": "talk.mp4", "tracks": ["speech"], "language": "en", "end_seconds": 5},
    ),
    # reviewing
    Door("saved searches", ("review",)),
    Door("recent searches", ("review", "--recent")),
    Door(
        "save",
        ("save", "cars", "a red car", "--closely"),
        {"name": "cars", "query": "a red car", "closely": True},
    ),
    Door("save", ("save", " ", "a red car"), {"name": " ", "query": "a red car"}, fails=True),
    Door("remove search", ("save", "bright", "--remove"), {"name": "bright"}),
    Door("review", ("review", "bright"), {"name": "bright"}),
    Door(
        "review",
        ("review", "bright", "--state", "all", "--closely"),
        {"name": "bright", "state": "all", "closely": True},
    ),
    Door("items", ("review", "bright", "--found"), {"name": "bright"}),
    Door(
        "decide",
        ("review", "--mark", "{item}", "flagged", "--note", "again", "--author", "Ann"),
        {"item": "{item}", "state": "flagged", "note": "again", "author": "Ann"},
    ),
    # correcting
    Door(
        "correct",
        ("correct", f"{GATE}@0:04", "A lamp is on.", "--to", "6", "--author", "Ann"),
        {"moment": f"{GATE}@0:04", "text": "A lamp is on.", "end_seconds": 6, "author": "Ann"},
    ),
    Door("correct", ("correct", f"{YARD}@0:01", "--undo"), {"moment": f"{YARD}@0:01", "undo": True}),
    Door("correct", ("correct", f"{YARD}@0:01"), {"moment": f"{YARD}@0:01"}, fails=True),
    Door("corrections", ("corrections",)),
    Door("corrections", ("corrections", GATE), {"video": GATE}),
    Door("undo correction", ("corrections", "--undo", "{correction}"), {"id": "{correction}"}),
    Door(
        "label",
        ("label", GATE, "a lamp", "--from", "1", "--to", "2.5", "--wrong"),
        {"video": GATE, "query": "a lamp", "start_seconds": 1, "end_seconds": 2.5, "right": False},
    ),
    Door("marks", ("label", YARD, "--list"), {"video": YARD}),
    Door("audit", ("audit", "--worst", "2"), {"worst": 2}),
    Door("audit", ("audit", "--sample", "1", "--again"), {"sample": 1, "again": True}),
    Door("captions to check", ("audit", "--list")),
    Door("captions to check", ("audit", "--list", "--state", "all"), {"state": "all"}),
    Door("captions to check", ("audit", "--list", "--state", "odd"), {"state": "odd"}, fails=True),
    Door(
        "keep caption",
        ("audit", "--keep", "{wrong}", "--author", "Ann"),
        {"event": "{wrong}", "author": "Ann"},
    ),
    Door("keep caption", ("audit", "--reopen", "{wrong}"), {"event": "{wrong}", "keep": False}),
    Door("keep caption", ("audit", "--keep", "none"), {"event": "none"}, fails=True),
    # exporting
    Door(
        "export",
        ("export", BRIGHT, "--out", "{out}/clips", "--uncertain", "--format", "csv", "--format", "edl"),
        {"query": BRIGHT, "folder": "{out}/clips", "verdicts": "uncertain", "formats": ["csv", "edl"]},
    ),
    Door(
        "export",
        ("export", "--results", "{results}", "--out", "{out}/clips", "--format", "csv"),
        {"answers": [_BRIGHT_ANSWER], "folder": "{out}/clips", "formats": ["csv"]},
    ),
    Door(
        "reel",
        ("reel", BRIGHT, "--out", "{out}/reel.mp4", "--max", "3s", "--uncertain"),
        {"query": BRIGHT, "out": "{out}/reel.mp4", "max_seconds": 3, "verdicts": "uncertain"},
    ),
    Door("verify", ("verify", "{out}/none.json"), {"manifest": "{out}/none.json"}, fails=True),
    Door("captions export", ("captions", "export")),
    Door(
        "captions export",
        ("captions", "export", "--format", "srt", "--track", "speech"),
        {"form": "srt", "tracks": ["speech"]},
    ),
    Door(
        "subtitle files",
        ("captions", "export", "--format", "vtt", "--out", "{out}/subtitles"),
        {"form": "vtt", "folder": "{out}/subtitles"},
    ),
    Door("captions import", ("captions", "import", "{captions}"), {"file": "{captions}"}),
    # indexing
    Door("index", ("index", "{videos}", "--exclude", "gate*"), {"paths": ["{videos}"], "exclude": ["gate*"]}),
    Door("index", ("index", "{out}/none"), {"paths": ["{out}/none"]}, fails=True),
    Door("forecast", ("index", "{videos}", "--dry-run"), {"paths": ["{videos}"]}),
    Door("retry", ("retry",)),
    Door("db recaption", ("db", "recaption", "--reused")),
    Door("db reembed", ("db", "reembed")),
    # removing
    Door("forget", ("forget", "{yard}", "--dry-run"), {"video": "{yard}", "dry_run": True}),
    Door("forget", ("forget", "{videos}/yard.mp4", "--yes"), {"video": "{videos}/yard.mp4"}),
    Door("forget", ("forget", "{videos}/none.mp4"), {"video": "{videos}/none.mp4"}, fails=True),
    Door("prune", ("prune", "--dry-run"), {"dry_run": True}),
    Door("prune", ("prune", "--yes")),
    # the database
    Door("db check", ("db", "check")),
    Door("db check", ("db", "check", "--repair"), {"repair": True}),
    Door("db upgrade", ("db", "upgrade")),
    Door("db backup", ("db", "backup", "{out}/copy"), {"folder": "{out}/copy"}),
    Door(
        "db restore",
        ("db", "restore", "{copy}"),
        {"folder": "{copy}"},
        environment={"FOOTAGE_DB": "{out}/restored.lancedb"},
        not_by_job="already exists",  # a service keeps its jobs where the index is to be
    ),
    Door("db restore", ("db", "restore", "{copy}"), {"folder": "{copy}"}, fails=True),
    # models
    Door("models list", ("models", "list")),
    Door("models show", ("models", "show", "marlin-2b"), {"name": "marlin-2b"}),
    Door("models show", ("models", "show", "none"), {"name": "none"}, fails=True),
    Door("models download", ("models", "download", "demo"), {"name": "demo"}, fails=True),
    Door(
        "models serve-command",
        ("models", "serve-command", "marlin-2b", "--port", "9000"),
        {"name": "marlin-2b", "port": 9000},
    ),
    # the service
    Door("jobs list", ("jobs", "list")),
    Door("jobs show", ("jobs", "show", "none"), {"id": "none"}, fails=True),
    Door("jobs cancel", ("jobs", "cancel", "none"), {"id": "none"}, fails=True),
    Door("jobs retry", ("jobs", "retry", "none"), {"id": "none"}, fails=True),
    Door("tokens list", ("tokens", "list")),
    Door("tokens create", ("tokens", "create", "desk"), {"name": "desk"}),
    Door("tokens revoke", ("tokens", "revoke", "none"), {"name": "none"}, fails=True),
    Door("alerts list", ("alerts", "list")),
    Door(
        "alerts add",
        ("alerts", "add", "lamps", "--query", BRIGHT, "--cool-down", "60"),
        {"name": "lamps", "query": BRIGHT, "cool_down_seconds": 60},
    ),
    Door("alerts add", ("alerts", "add", "lamps"), {"name": "lamps"}, fails=True),
    *(
        Door(f"alerts {what}", ("alerts", what, "none"), {"name": "none"}, fails=True)
        for what in ("show", "remove", "enable", "disable", "test")
    ),
    Door("alerts history", ("alerts", "history")),
    Door("alerts run", ("alerts", "run")),
    Door("alerts retry", ("alerts", "retry")),
)
"""What is asked for through every door."""
WITHOUT_DOOR = {"watch": "runs until it is cancelled: a test of its own cancels it"}
"""Operations that are in no line, each with the reason."""
__all__ = ["DOORS", "MODEL", "WITHOUT_DOOR", "Door", "lines", "normalised"]
