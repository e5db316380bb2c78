"""What the nodes of a test's cluster work with: stand-in models, and one that fails or kills its worker."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from standin_images import StandinImageEmbedder
from standin_model import StandinEmbedder, StandinModel

from footage.core.errors import ModelUnavailableError
from footage.core.tracks import SUBTITLE_TRACK, is_image_track
from footage.store import Store
from indexer.pipeline import index
from indexer.tracks.factories import maker_of
from indexer.tracks.images import ImageMaker


@dataclass(frozen=True)
class StandinParts:
    """Makes stand-ins on a node."""

    window_seconds: float = 4.0
    sleep_seconds: float = 0.0
    stop_at: int | None = None
    """The model gives up at so many windows."""
    dies_once: Path | None = None
    """A worker kills itself at its second batch, unless this file is there; it makes it before."""
    log_path: Path | None = None
    revision: str = "1"

    def model(self):
        made = StandinModel(
            window_seconds=self.window_seconds,
            max_batch=2,
            sleep_seconds=self.sleep_seconds,
            stop_at=self.stop_at,
            stop_with=ModelUnavailableError,
            log_path=self.log_path,
            revision=self.revision,
        )
        if self.dies_once is not None:
            made.run = _dying(made, self.dies_once)
        return made

    def maker(self, track):
        if is_image_track(track):
            return image_maker()
        return maker_of(track, settings())


def run(library, database, *, model=None, executor=None, **options):
    """An index run with stand-ins."""
    store = Store.open(database, create=True)
    return index(
        [library], store=store, model=model, embedder=StandinEmbedder(), executor=executor, **options
    )


def settings():
    from footage.core.config import Settings

    return Settings(speech_model="tiny.en", device="cpu")


def image_maker():
    return ImageMaker("standin", StandinImageEmbedder, revision="1")


def _dying(model, marker):
    run = model.run

    def watched(requests):
        if model.batches and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return run(requests)

    return watched


def main(address, library, database, log):
    """Index a library on a cluster, in a process that may be killed; the log names what was captioned."""
    from indexer.executors.cluster import Cluster
    from indexer.executors.on_ray import RayExecutor

    parts = StandinParts(sleep_seconds=0.2, log_path=Path(log))
    executor = RayExecutor(Cluster(address), parts, batch_size=2)
    makers = [maker_of(SUBTITLE_TRACK, settings()), image_maker()]
    run(Path(library), Path(database), executor=executor, makers=makers, reuse="yes")


if __name__ == "__main__":
    main(*sys.argv[1:])
