"""Builds what the service functions work with, once, and keeps it: index, embedders, models, search engine.

Everything is built when it is first needed, and only once even when several threads ask for it. A surface
holds one ``Service`` as long as its settings last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from footage.core.endpoint import shown_address
from footage.core.errors import FootageError, StoreMissingError
from footage.objects.blocks import use_cache
from service import factories
from service.events import IndexingFailed, Listener, ServiceEvent, busy, ignore
from service.kept import Kept as _Kept

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Provenance
    from footage.embed.protocol import ImageEmbedder, TextEmbedder
    from footage.store import Store
    from footage.store.state.database import StateDatabase
    from footage.vlm.deferred import DeferredModel
    from footage.vlm.profile import Skill
    from footage.vlm.protocol import VideoModel
    from indexer.executors.protocol import Executor
    from indexer.tracks.images import ImageMaker
    from indexer.tracks.protocol import TrackMaker
    from search.engine import Engine
    from search.grounding.options import GroundingOptions
    from search.retrieval.images import ImageRetriever
    from search.retrieval.rerank import Reranker
    from service.remote import RemoteService
    from service.work_queue import WorkQueue

T = TypeVar("T")
LOCAL_EXECUTOR = "local"
"""The setting ``executor`` for runs in this process."""
LoadModel: TypeAlias = "Callable[[Settings], VideoModel]"
"""Makes the vision-language model that some settings name."""
LoadEmbedder: TypeAlias = "Callable[[Settings], TextEmbedder]"
"""Makes the text embedder that some settings name."""


@dataclass(frozen=True, slots=True)
class Loaders:
    """How models are made; a caller that has a model already, such as a test, gives its own."""

    model: LoadModel = factories.load_model
    """Makes the vision-language model that the settings name."""
    embedder: LoadEmbedder = factories.load_embedder
    """Makes the text embedder that the settings name."""
    image_embedder: Callable[[Settings, str], ImageEmbedder] = factories.load_image_embedder
    """Makes the image embedder of a name."""
    reranker: Callable[[Settings], Reranker | None] = factories.load_reranker
    """Makes the re-ranker that the settings name; None where they name none."""
    track_maker: Callable[[str, Settings], TrackMaker] = factories.load_track_maker
    """Makes the maker of a track other than captions."""
    fits: Callable[[Settings], bool] = factories.fits
    """Whether the model that the settings name fits into memory beside the one that is loaded."""


class Service:
    """What the functions of this package work with, under one set of settings; safe to use from threads."""

    def __init__(self, settings: Settings, *, loaders: Loaders | None = None) -> None:
        """Nothing is opened or loaded yet.

        Args:
            settings: Where everything is, and which models.
            loaders: How models are made; as the settings say when None.
        """
        self.settings = settings
        use_cache(settings.blocks, on=settings.object_cache_gb > 0)
        self._observers: tuple[Listener, ...] = ()
        self._loaders = loaders or Loaders()
        self._stores: _Kept[Store] = _Kept()
        self._states: _Kept[StateDatabase] = _Kept()
        self._models: _Kept[VideoModel] = _Kept()
        self._deferred: _Kept[DeferredModel | None] = _Kept()
        self._embedders: _Kept[TextEmbedder] = _Kept()
        self._image_embedders: _Kept[ImageEmbedder] = _Kept()
        self._image_makers: _Kept[ImageMaker] = _Kept()
        self._image_retrievers: _Kept[ImageRetriever] = _Kept()
        self._rerankers: _Kept[Reranker | None] = _Kept()
        self._track_makers: _Kept[TrackMaker] = _Kept()
        self._executors: _Kept[Executor] = _Kept()
        self._engines: _Kept[Engine] = _Kept()
        self._asked_under: Provenance | None = None
        self._queue: WorkQueue | None = None
        self.remote: RemoteService | None = None
        """A running service to ask first; None in that service itself, and in a command."""

    def observe(self, observer: Listener) -> None:
        """Report searches and index runs of all callers to an observer, beside their own listeners."""
        self._observers = (*self._observers, observer)

    def notice(self, event: ServiceEvent) -> None:
        """Pass an event to the observers."""
        for observer in self._observers:
            observer(event)

    @contextmanager
    def noticing_failures(self) -> Iterator[None]:
        """Report an error of an index run to the observers, and pass it on."""
        try:
            yield
        except FootageError as error:
            self.notice(IndexingFailed(error))
            raise

    def store(self) -> Store:
        """The index; an index made anew in the same place is opened anew.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        from footage.store import Store

        return self._keep(lambda: Store.open(self.settings.db))

    def existing_store(self) -> Store | None:
        """The index, or None where there is none yet; none is made.

        Raises:
            StoreError: what is there cannot be read as an index.
        """
        try:
            return self.store()
        except StoreMissingError:
            return None

    def created_store(self) -> Store:
        """The index, made if there is none.

        Raises:
            StoreError: it cannot be made or read.
        """
        from footage.store import Store

        store = Store.open(self.settings.db, create=True)
        return self._keep(lambda: store)

    def state(self) -> StateDatabase:
        """Jobs, alerts and tokens of the index; their folder is made if there is none yet, but no index.

        Raises:
            StoreError: it cannot be made or read.
        """
        from footage.core.index_place import state_folder
        from footage.core.private_files import private_folder
        from footage.store.location import IndexLocation
        from footage.store.state.database import StateDatabase

        IndexLocation.of(self.settings.db).prepare()
        folder = state_folder(self.settings.db)
        private_folder(folder)
        return self._states.get(folder.stat().st_ino, lambda: StateDatabase(folder), only=True)

    def _keep(self, opened: Callable[[], Store]) -> Store:
        def make() -> Store:
            self._engines = _Kept()  # those there are search an index that is gone
            return opened()

        return self._stores.get(self._edition(), make, only=True)

    def model(self, on_event: Listener = ignore) -> VideoModel:
        """The model that captions and answers questions.

        Raises:
            FootageError: there is no such model, or its weights are unavailable or cannot run.
        """
        return self._model("caption", self.settings, on_event)

    def model_when_needed(self, on_event: Listener = ignore) -> VideoModel | DeferredModel:
        """The model as ``model``; one that is not loaded yet, and known from its files, is not loaded now.

        It is loaded now for an index that is yet to be made, so that none is left behind empty.

        Raises:
            FootageError: as ``model``, but for what shows in loading alone.
        """
        own = self._loaders.model is not factories.load_model
        if own or self._models.has("caption") or self.existing_store() is None:
            return self.model(on_event)

        def load() -> VideoModel:
            self.embedder(on_event)  # it would be missed after the first captions
            return self.model(on_event)

        return self._deferred.get("", lambda: factories.deferred_model(self.settings, load)) or self.model(
            on_event
        )

    def embedder_when_needed(self, on_event: Listener = ignore) -> TextEmbedder:
        """The embedder of the settings, as ``model_when_needed``.

        Raises:
            FootageError: as ``embedder``.
        """
        from footage.embed.deferred import DeferredEmbedder

        own = self._loaders.embedder is not factories.load_embedder
        if own or self._embedders.has(self.settings.embedder) or self.existing_store() is None:
            return self.embedder(on_event)
        return DeferredEmbedder(self.settings.embedder, lambda: self.embedder(on_event))

    def find_model(self, on_event: Listener = ignore) -> VideoModel:
        """The model that finds events: that of the setting ``find_model``, else the one that captions.

        Raises:
            FootageError: as ``model``.
        """
        if (settings := self.settings.for_finds) is self.settings:
            return self.model(on_event)
        return self._model("find", settings, on_event)

    def judge_model(self, name: str, on_event: Listener = ignore) -> VideoModel:
        """A further model that judges captions, named as by ``model``; errors as ``factories.judging``."""
        return self._model(f"judge {name}", factories.judging(self.settings, name), on_event)

    def use_queue(self, queue: WorkQueue) -> None:
        """Have the models take turns for those that share them; call it before one is loaded.

        A process that works for one caller alone needs none.
        """
        self._queue = queue

    @property
    def queue(self) -> WorkQueue | None:
        """What the models take turns in; None where nobody shares them."""
        return self._queue

    def _model(self, role: str, settings: Settings, on_event: Listener) -> VideoModel:
        """The model of a role; the other one stays in memory only if both fit."""

        def load() -> VideoModel:
            with busy(f"loading {shown_address(settings.model)}", on_event):
                if self._models.all() and not self._loaders.fits(settings):
                    self._release_models()
                model = self._loaders.model(settings)
            if self._queue is None:
                return model
            from service.queued_model import queued

            return queued(model, self._queue)

        return self._models.get(role, load)

    def executor(self, on_event: Listener = ignore, *, captions: bool) -> Executor | None:
        """What decodes and captions on a cluster, if the settings name one; its models stay loaded.

        Args:
            on_event: Receives that it is being started.
            captions: Whether captions are made.

        Raises:
            FootageError: the cluster does not answer, or the model cannot be loaded there.
        """
        if self.settings.executor == LOCAL_EXECUTOR:
            return None

        def start() -> Executor:
            from service.cluster import start_executor

            with busy(f"starting on {self.settings.executor}", on_event):
                return start_executor(self.settings, self._loaders, captions=captions)

        return self._executors.get(captions, start)

    def loaded_models(self) -> list[VideoModel]:
        """The models that are in memory now; none is loaded for it."""
        return self._models.all()

    def _release_models(self) -> None:
        """Forget the models that are loaded, and the engines that hold them; a later call loads them again.

        Their memory is free once no search, index run or question uses them any more.
        """
        self._models.clear()
        self._engines = _Kept()
        factories.free_memory()

    def embedder(self, on_event: Listener = ignore, *, name: str | None = None) -> TextEmbedder:
        """The text embedder of a name; the one that the settings name when None.

        Raises:
            FootageError: it cannot be loaded.
        """
        name = name or self.settings.embedder

        def load() -> TextEmbedder:
            with busy(f"loading {name}", on_event):
                return self._loaders.embedder(self.settings.model_copy(update={"embedder": name}))

        return self._embedders.get(name, load)

    def embedders(self, on_event: Listener = ignore) -> list[TextEmbedder]:
        """The embedder that the index's timeline was made with, then the one that the settings name.

        Raises:
            FootageError: one cannot be loaded, or the index cannot be read.
        """
        named = self.settings.embedder
        names = dict.fromkeys([self.store().embedders.timeline() or named, named])
        return [self.embedder(on_event, name=name) for name in names]

    def image_embedder(self, on_event: Listener = ignore) -> ImageEmbedder | None:
        """The image embedder to search the index with: the one that the settings name, or that of the index.

        Returns:
            None where the index holds no image vectors of it; of several in the index, "auto" takes the one
            that covers most footage.

        Raises:
            FootageError: it cannot be loaded, or the index cannot be read.
        """
        named = self.searched_image_embedder()
        return None if named is None else self._image_embedder(named, on_event)

    def searched_image_embedder(self) -> str | None:
        """The name of the embedder whose image vectors are searched; None as of ``image_embedder``.

        Raises:
            StoreError: the index cannot be read.
        """
        named = self.settings.image_embedder
        if named == "auto":
            named = self.indexed_image_embedder() or ""
        return named if named in self.store().images.embedders() else None

    def _image_embedder(self, name: str, on_event: Listener = ignore) -> ImageEmbedder:
        def load() -> ImageEmbedder:
            with busy(f"loading {name}", on_event):
                return self._loaders.image_embedder(self.settings, name)

        return self._image_embedders.get(name, load)

    def indexed_image_embedder(self) -> str | None:
        """The name of the image embedder whose vectors cover most footage of the index; None for none.

        Raises:
            StoreError: the index cannot be read.
        """
        store = self.existing_store()
        held = store.status().images if store else {}
        return max(sorted(held), key=lambda name: held[name].track.seconds, default=None)

    def image_retriever(self, on_event: Listener = ignore) -> ImageRetriever | None:
        """What searches the index by pictures; None as, and errors as, of ``image_embedder``."""
        from search.retrieval.images import ImageRetriever

        embedder = self.image_embedder(on_event)
        if embedder is None:
            return None
        key = (self._edition(), embedder.name)
        return self._image_retrievers.get(key, lambda: ImageRetriever(self.store(), embedder), only=True)

    def track_maker(self, track: str) -> TrackMaker:
        """The maker of a track other than captions; its model is loaded when it is first needed.

        Raises:
            FootageError: its recogniser or model is unavailable.
        """
        return self._track_makers.get(track, lambda: self._loaders.track_maker(track, self.settings))

    def image_maker(self, name: str) -> ImageMaker:
        """The maker of the vectors of an image embedder, which is loaded when it is first needed.

        Raises:
            FootageError: the embedder is unavailable.
        """

        def make() -> ImageMaker:
            return factories.load_image_maker(self.settings, name, lambda: self._image_embedder(name))

        return self._image_makers.get(name, make)

    def reranker(self, on_event: Listener = ignore) -> Reranker | None:
        """The re-ranker that the settings name, if they name one.

        Raises:
            FootageError: it cannot be loaded.
        """
        if self.settings.rerank is None:
            return None

        def load() -> Reranker | None:
            with busy(f"loading {self.settings.rerank}", on_event):
                return self._loaders.reranker(self.settings)

        return self._rerankers.get("", load)

    def engine(self, on_event: Listener = ignore, *, embed: bool = True) -> Engine:
        """The search engine; embedder and re-ranker are loaded now, the model when it is first asked.

        Args:
            on_event: Receives what is being loaded.
            embed: Whether it needs an embedder; without, it searches by words alone.

        Raises:
            FootageError: the index cannot be read, or the embedder or the re-ranker cannot be loaded.
        """
        from search.engine import Engine

        store = self.store()

        def asked() -> VideoModel:
            model = self.find_model()
            self._asked_under = model.provenance
            return model

        def make() -> Engine:
            images, notes = self._pictures(on_event) if embed else (None, ())
            return Engine(
                store,
                self.embedder(on_event) if embed else None,
                asked,
                reranker=self.reranker(on_event),
                images=images,
                looking=self.looking(),
                notes=notes,
            )

        return self._engines.get(embed, make)

    def _pictures(self, on_event: Listener) -> tuple[ImageRetriever | None, tuple[str, ...]]:
        """What searches by pictures, if it can be had; else a note on why not, for the answers."""
        try:
            return self.image_retriever(on_event), ()
        except FootageError as error:
            return None, (f"The pictures of the index are not searched: {error}",)

    @property
    def asked_under(self) -> Provenance | None:
        """Under what the model answers searches; None as long as no search asked it."""
        return self._asked_under

    def looking(
        self, *, fresh: bool = False, exhaustive: bool = False, budget_seconds: float | None = None
    ) -> GroundingOptions:
        """Grounding options from the settings; arguments as ``search.grounding.options.GroundingOptions``.

        Raises:
            FileError: the calibration that the settings name cannot be read.
        """
        return factories.looking(
            self.settings, fresh=fresh, exhaustive=exhaustive, budget_seconds=budget_seconds
        )

    def check_skill(self, skill: Skill) -> None:
        """Check by its name that the model for a skill, if it is a known one, has it.

        Raises:
            UsageError: it has not.
        """
        factories.check_skill(self._settings_for(skill), skill)

    def _settings_for(self, skill: Skill | None) -> Settings:
        """The settings that name the model for a skill."""
        return self.settings.for_finds if skill == "find" else self.settings

    def check_model(
        self,
        skill: Skill | None = None,
        *,
        store: Store | None = None,
        instead: str = "",
        on_event: Listener = ignore,
    ) -> None:
        """Make sure, before slow loading, that the model for a skill has it and its weights are here.

        Args:
            skill: What it is to do; None for anything that the model that captions can do.
            store: The index that is worked on; an error says which model captioned it.
            instead: A sentence on what can be done without the model, for the error's hint.
            on_event: Receives that the weights are looked for.

        Raises:
            UsageError: the model is a known one that cannot.
            ModelUnavailableError: its weights are unavailable.
            WrongCheckpointError: the folder holds something else.
        """
        looking_for = partial(busy, on_event=on_event)
        settings = self._settings_for(skill)
        factories.check_model(settings, skill, store=store, instead=instead, announce=looking_for)

    def _edition(self) -> int:
        """Tells an index made anew in the same folder from the one before; on object storage it cannot."""
        place = self.settings.db
        return place.stat().st_ino if isinstance(place, Path) and place.is_dir() else 0
