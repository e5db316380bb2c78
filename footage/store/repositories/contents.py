"""Everything that the index holds of a content, in all tables: whether there is anything, and its removal."""

from __future__ import annotations

from collections.abc import Collection

from footage.store import forgetting
from footage.store.repositories.files import FileRepository
from footage.store.repositories.images import ImageRepository
from footage.store.repositories.vector_tables import EmbedderRepository
from footage.store.tables import Tables


class ContentRepository:
    """The contents of an index; got from ``Store.contents``."""

    def __init__(
        self,
        tables: Tables,
        files: FileRepository,
        embedders: EmbedderRepository,
        images: ImageRepository,
    ) -> None:
        self._tables = tables
        self._files = files
        self._embedders = embedders
        self._images = images

    def prune(self) -> tuple[int, int]:
        """Remove the files that are gone, and every content that no file holds any more.

        Image vectors without a committed window, as a killed run may leave them, go with these.

        Returns:
            How many files and how many contents were removed.
        """
        gone, unheld = self.prunable()
        self._files.remove(gone)
        self._remove(unheld)
        self._images.remove_unowned()
        return len(gone), len(unheld)

    def prunable(self) -> tuple[list[str], set[str]]:
        """What ``prune`` removes now: paths of files that are gone, and contents held by no other file."""
        files = self._files.all()
        held = {file.content_id for file in files if file.state != "gone"}
        return [file.path for file in files if file.state == "gone"], self._known() - held

    def drop_unheld(self, content_id: str) -> None:
        """Remove what was kept of a file while it was being written, unless a file still holds it."""
        if not self._files.paths_of(content_id):
            self._remove({content_id})

    def forget(self, content_id: str) -> int:
        """Remove a content and its files for good: no file of the index names it any more.

        Killed at any point, it goes on when the index is next opened for writing.

        Returns:
            How many files were removed.

        Raises:
            StoreError: something of it could not be removed; the next run that writes tries again.
        """
        return forgetting.forget(self._tables, content_id)

    def knows(self, content_id: str) -> bool:
        """Whether the index holds anything about a content, or has not finished forgetting it."""
        if content_id in forgetting.pending(self._tables.path):
            return True
        wanted = {"content_id": [content_id]}
        return any(
            self._tables.read(name, wanted, columns=["content_id"], limit=1)
            for name in self._tables.names()
            if "content_id" in self._tables.table(name).schema.names
        )

    def _known(self) -> set[str]:
        """Every content that the videos or the windows know."""
        return {
            row["content_id"]
            for table in ("videos", "windows")
            for row in self._tables.read(table, columns=["content_id"])
        }

    def _remove(self, content_ids: Collection[str]) -> None:
        """Remove contents, the video's own row last: what is left of a removal cut short is removed later."""
        keys = [forgetting.FOLLOWED + content_id for content_id in content_ids]
        self._tables.delete("meta", {"key": keys})
        derived = (*self._embedders.tables(), *self._images.tables())
        for table in (*derived, "stills", "passages", "events", "windows", "videos"):
            self._tables.delete(table, {"content_id": content_ids})
