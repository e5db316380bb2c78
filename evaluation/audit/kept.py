"""Keeps what judges said of a video, by content, entries and judges, so that no question is asked twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from footage import __version__
from footage.core.atomic import whole_file
from search.claims.records import CheckedVideo, TextEntry

logger = logging.getLogger(__name__)
VERSION = 1
"""Part of every key: raised when videos have to be checked anew."""
_CHECKED = TypeAdapter(CheckedVideo)


class KeptChecks:
    """A folder with one file for each video that was checked."""

    def __init__(self, folder: Path, *, setup: str = "") -> None:
        """Take a folder; it is made when the first result is put into it.

        Args:
            folder: Where.
            setup: What else the rulings of the judges depend on, such as their options.
        """
        self.folder, self._setup = folder, setup

    def get(
        self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str]
    ) -> CheckedVideo | None:
        """What these judges said of these entries of this content; None where they were not asked.

        A file that cannot be read is logged, and its video is checked again.
        """
        place = self._place(content_id, entries, judges)
        try:
            return _CHECKED.validate_python(json.loads(place.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("the kept check %s cannot be read: %s", place, type(error).__name__)
            return None

    def put(
        self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str], checked: CheckedVideo
    ) -> None:
        """Keep what the judges said, whole or not at all.

        Raises:
            FootageError: the folder cannot be written.
        """
        with whole_file(self._place(content_id, entries, judges)) as draft:
            # Not dump_json: the path of a file may hold bytes that are no UTF-8.
            draft.write_text(json.dumps(_CHECKED.dump_python(checked, mode="json")), encoding="utf-8")

    def _place(self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str]) -> Path:
        asked = json.dumps(
            [VERSION, __version__, self._setup, content_id, list(judges), [asdict(each) for each in entries]]
        )
        return self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()}.json"
