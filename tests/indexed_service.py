"""A service over real clips that a stand-in model captioned: a plain wall that is dark, then bright."""

from __future__ import annotations

from pathlib import Path

from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.config import load_settings
from service.index import IndexRequest, index
from service.session import Loaders, Service

BRIGHT_FROM_SECONDS, LENGTH_SECONDS = 4, 12


def indexed_service(folder: Path, *, names: tuple[str, ...] = ("hall.mp4",)) -> Service:
    """Write clips and index them; each has grey levels of its own, so that none is a copy of another."""
    library = folder / "library"
    for number, name in enumerate(names):
        dark, bright = 40 + 5 * number, 200 + 5 * number
        length = LENGTH_SECONDS - BRIGHT_FROM_SECONDS
        write_levels(library / name, [dark] * BRIGHT_FROM_SECONDS + [bright] * length)
    service = service_over(folder)
    index(service, IndexRequest(paths=(library,)))
    return service


def service_over(folder: Path) -> Service:
    """A new service over an index that ``indexed_service`` made, with nothing opened yet."""
    settings = load_settings(
        db=folder / "index.lancedb",
        cache_dir=folder / "cache",
        audit_log=folder / "audit.jsonl",
        tracks=("caption",),
        model="demo",
    )
    loaders = Loaders(
        model=lambda _: StandinModel(), embedder=lambda asked: StandinEmbedder(name=asked.embedder)
    )
    return Service(settings, loaders=loaders)
