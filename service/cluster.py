"""Starts index runs on a Ray cluster: what travels to its nodes, and how they are shared out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.config import Settings
from footage.core.tracks import image_embedder_of, is_image_track
from service import factories

if TYPE_CHECKING:
    from footage.vlm.protocol import VideoModel
    from indexer.executors.protocol import Executor
    from indexer.tracks.protocol import TrackMaker
    from service.session import Loaders


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """Makes models and makers on a node from the settings of the driver; those of the node do not count."""

    values: Mapping[str, Any]
    """Every setting, by name."""
    loaders: Loaders
    """How models are made."""

    @property
    def settings(self) -> Settings:
        """The settings of the driver."""
        return Settings.model_construct(**self.values)

    def model(self) -> VideoModel:
        """As ``WorkerParts.model``."""
        return self.loaders.model(self.settings)

    def maker(self, track: str) -> TrackMaker:
        """As ``WorkerParts.maker``."""
        settings = self.settings
        if not is_image_track(track):
            return self.loaders.track_maker(track, settings)
        name = image_embedder_of(track)
        return factories.load_image_maker(settings, name, lambda: self.loaders.image_embedder(settings, name))


def start_executor(settings: Settings, loaders: Loaders, *, captions: bool) -> Executor:
    """Connect to the cluster that the settings name, and start the workers.

    Raises:
        DependencyError: Ray is not installed, or the cluster does not answer.
        FootageError: The model cannot be loaded there.
    """
    from indexer.executors.cluster import Cluster, cluster_address
    from indexer.executors.on_ray import ClusterShares, RayExecutor

    cluster = Cluster(cluster_address(settings.executor))
    shares = ClusterShares(settings.cluster_models, _gpus_per_model(settings), settings.cluster_track_gpus)
    parts = ServiceParts(travelling(settings), loaders)
    executor = RayExecutor(cluster, parts, captions=captions, batch_size=settings.batch_size, shares=shares)
    if captions:
        assert executor.facts is not None  # waits for the first model
    return executor


def travelling(settings: Settings) -> dict[str, Any]:
    """The settings as a node needs them: files are read here, folders named from the root, choices made.

    Raises:
        FileError: A prompt cannot be read.
    """
    values = settings.model_dump()
    if settings.prompt_file is not None:
        values |= {"prompt": factories.read_prompt(settings.prompt_file), "prompt_file": None}
    for name in ("model", "speech_model", "image_embedder"):
        if Path(values[name]).is_dir():
            values[name] = str(Path(values[name]).absolute())
    if settings.model_path is not None:
        values["model_path"] = settings.model_path.absolute()
    return values | {"speech_model": _speech_model(settings, values["speech_model"])}


def _speech_model(settings: Settings, named: str) -> str:
    """The speech model that this machine would use, so that all nodes use the same."""
    from footage.core.errors import FootageError
    from indexer.tracks.speech_model import AUTO, find

    if named != AUTO:
        return named
    try:
        found = find(named, device=settings.device)
    except FootageError:  # no speech is recognised then
        return named
    return named if found.may_fall_back else found.name


def _gpus_per_model(settings: Settings) -> float | None:
    """GPUs of each model: none for a model on a server, or on CPUs."""
    from footage.core.endpoint import is_address

    if settings.cluster_gpus is not None:
        return settings.cluster_gpus
    return 0.0 if is_address(settings.model) or settings.device == "cpu" else None
