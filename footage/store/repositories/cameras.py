"""Clock settings of cameras, as people set them; kept in ``meta``."""

from __future__ import annotations

from collections.abc import Mapping

from footage.core.names import folded
from footage.store.tables import Tables

_OFFSET = "clock_offset"


class CameraRepository:
    """Settings of cameras; got from ``Store.cameras``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def clock_offsets(self) -> dict[str, float]:
        """Seconds to add to the clock of each camera."""
        return {camera: float(value) for camera, value in self.settings(_OFFSET).items()}

    def put_clock_offsets(self, offsets: Mapping[str, float]) -> None:
        """Keep what is to be added to the clocks of some cameras, in seconds; 0 takes it back."""
        self.put_settings(_OFFSET, {camera: repr(seconds) for camera, seconds in offsets.items()})
        none = [camera for camera, seconds in self.clock_offsets().items() if not seconds]
        self._tables.delete("meta", {"key": [f"{_OFFSET}/{camera}" for camera in none]})

    def settings(self, name: str) -> dict[str, str]:
        """One setting of cameras, such as "clock_from", by camera; "" stands for all other cameras."""
        return {
            row["key"].removeprefix(f"{name}/"): row["value"]
            for row in self._tables.read("meta")
            if row["key"].startswith(f"{name}/")
        }

    def put_settings(self, name: str, values: Mapping[str, str]) -> None:
        """Keep one setting of some cameras, in place of what was kept under any spelling of their names."""
        cameras = set(map(folded, values))
        held = self.settings(name)
        old = [camera for camera in held if camera not in values and folded(camera) in cameras]
        self._tables.delete("meta", {"key": [f"{name}/{camera}" for camera in old]})
        rows = [{"key": f"{name}/{camera}", "value": value} for camera, value in values.items()]
        self._tables.upsert("meta", rows)
