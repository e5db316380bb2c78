"""A library that every door is asked about: made once, put back before each question."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import DOORS, Door
from standin_library import ENVIRONMENT, YARD, loaders, make_library

from footage.core.config import load_settings
from service.operations import OPERATIONS
from service.session import Service


@dataclass
class Library:
    """A library that a test may change; ``reset`` puts it back."""

    made: Path
    folder: Path
    places: dict[str, str]
    kept: Service | None = None
    """The service of questions that change nothing, until the next reset."""

    def reset(self) -> None:
        """Put everything back as it was made, in the same place."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.made, self.folder, symlinks=True, copy_function=_copied)
        self.kept = None

    def reset_after(self, door: Door) -> None:
        """Put back what an answer through a door may have changed; nothing where it only reads."""
        if OPERATIONS[door.operation].role != "view" or door.environment or self.kept is None:
            self.reset()
            self.kept = self.service()

    def left_by(self, door: Door) -> None:
        """Have the next question put everything back, where this one may have changed something."""
        if OPERATIONS[door.operation].role != "view":
            self.kept = None

    def service(self) -> Service:
        """A service of the settings as they are now."""
        return Service(load_settings(), loaders=loaders())

    def service_of(self, door: Door) -> Service:
        """The service to ask through a door: one for all that only read."""
        kept = self.kept if OPERATIONS[door.operation].role == "view" and not door.environment else None
        return kept or self.service()


def _copied(source: str, target: str) -> None:
    """A copy of one file; a link to one of LanceDB's, which are never changed, only replaced."""
    (os.link if ".lance" + os.sep in source else shutil.copy2)(source, target)


def prepared(root: Path, patch: pytest.MonkeyPatch) -> Library:
    """Make the library, with the files that the requests of ``doors.DOORS`` name.

    Args:
        root: An empty folder.
        patch: Sets the environment variables that all doors read.
    """
    folder, made = root / "library", root / "made"
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    patch.setenv("FOOTAGE_CACHE_DIR", str(folder / "cache"))
    patch.setenv("FOOTAGE_DB", str(folder / "index.lancedb"))
    make_library(folder)
    service = Service(load_settings(), loaders=loaders())
    service.state()  # that of a service that has run: a copy of the index has it
    names = ("captions export", "items", "corrections", "captions to check", "db backup")
    ask = {name: OPERATIONS[name] for name in names}
    rows = ask["captions export"](service, ask["captions export"].request())
    (folder / "captions.jsonl").write_text("".join(json.dumps(row.fields()) + "\n" for row in rows))
    yard = service.store().files.at(str(folder / "videos" / YARD)).content_id
    places = {"videos": str(folder / "videos"), "yard": yard, "out": str(folder / "out")}
    [export] = [door for door in DOORS if "answers" in door.request]
    answer = export.filled(places).request["answers"][0]
    (folder / "results.jsonl").write_text(json.dumps(answer) + "\n")
    places |= {
        "captions": str(folder / "captions.jsonl"),
        "results": str(folder / "results.jsonl"),
        "copy": str(folder / "copy"),
        "item": ask["items"](service, ask["items"].request(name="bright"))[0].fields()["id"],
        "wrong": ask["captions to check"](service, ask["captions to check"].request())[0].fields()[
            "event_id"
        ],
        "correction": ask["corrections"](service, ask["corrections"].request())[0].fields()["id"],
    }
    ask["db backup"](service, ask["db backup"].request(folder=folder / "copy"))
    shutil.move(folder, made)
    return Library(made, folder, places)
