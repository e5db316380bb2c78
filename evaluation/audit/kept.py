"""Keeps the results of judges by content, entries and judges, so that no question is asked twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from evaluation.kept_files import KeptFiles, key_of
from footage import __version__
from search.claims.records import CheckedVideo, TextEntry

logger = logging.getLogger(__name__)
VERSION = 1
"""Part of every key: raised when videos have to be checked anew."""
_CHECKED = TypeAdapter(CheckedVideo)


class KeptChecks:
    """A folder with one file for each video that was checked."""

    def __init__(self, folder: Path, *, setup: str = "") -> None:
        """Take a folder; it is made with the first result, for its owner alone.

        Args:
            folder: The folder.
            setup: Everything else that the rulings of the judges depend on, such as their options.
        """
        self._files, self._setup = KeptFiles(folder), setup

    def get(
        self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str]
    ) -> CheckedVideo | None:
        """The results of these judges for these entries of this content; None where there are none.

        A damaged file is logged, and its video is checked again.
        """
        key = self._key(content_id, entries, judges)
        content = self._files.get(key)
        try:
            return None if content is None else _CHECKED.validate_python(json.loads(content))
        except (ValueError, RecursionError):
            logger.warning("the kept check %s cannot be read: its video is checked again", key)
            return None

    def put(
        self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str], checked: CheckedVideo
    ) -> None:
        """Keep the results of judges.

        Raises:
            FootageError: the folder cannot be written.
        """
        # Not dump_json: the path of a file may hold bytes that are no UTF-8.
        content = json.dumps(_CHECKED.dump_python(checked, mode="json")).encode()
        self._files.put(self._key(content_id, entries, judges), content)

    def _key(self, content_id: str, entries: Sequence[TextEntry], judges: Sequence[str]) -> str:
        asked = [asdict(each) for each in entries]
        return key_of(VERSION, __version__, self._setup, content_id, list(judges), asked)
