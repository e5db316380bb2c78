"""Creates models, embedders and re-rankers from the settings, without caching (see ``service.session``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from footage.core.errors import FileError
from footage.core.text_files import read_text

_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/dxg", "/dev/kfd")
"""NVIDIA's, those of its boards, that of Windows' Linux, and AMD's."""

if TYPE_CHECKING:
    from pathlib import Path

    from footage.core.config import Settings
    from footage.core.endpoint import Access
    from footage.core.errors import ModelUnavailableError
    from footage.embed.protocol import ImageEmbedder, TextEmbedder
    from footage.store import Store
    from footage.vlm.changes import Changes
    from footage.vlm.deferred import DeferredModel
    from footage.vlm.profile import Skill
    from footage.vlm.protocol import VideoModel
    from indexer.tracks.images import ImageMaker
    from indexer.tracks.protocol import TrackMaker
    from search.grounding.options import GroundingOptions
    from search.retrieval.rerank import Reranker


def load_model(settings: Settings) -> VideoModel:
    """The vision-language model that the settings name.

    Raises:
        FootageError: when there is no such model, or its weights are unavailable or cannot run.
    """
    from footage import vlm
    from footage.media.sandbox import pool

    pool.start_early()  # what is decoded for the model is not waited for twice
    return vlm.load_model(
        settings.model,
        device=settings.device,
        model_path=settings.model_path,
        changes=changes(settings),
        shelf=settings.shelf,
        access=server_access(settings),
    )


def deferred_model(settings: Settings, load: Callable[[], VideoModel]) -> DeferredModel | None:
    """The model that the settings name, to be loaded later; None for a server, which alone knows its model.

    Args:
        settings: Name the model.
        load: Loads it.

    Raises:
        FootageError: when there is no such model, or its weights are unavailable.
    """
    from footage.core.endpoint import is_address
    from footage.vlm.changes import changed, check_prompts
    from footage.vlm.deferred import DeferredModel
    from footage.vlm.weights import locate

    if is_address(settings.model):
        return None
    given = changes(settings)
    check_prompts(given)
    weights = locate(settings.model, model_path=settings.model_path)
    weights = replace(weights, profile=changed(weights.profile, given, warn=False))
    return DeferredModel(weights.profile, weights.provenance, load)


def fits(settings: Settings) -> bool:
    """Whether the model that the settings name fits into memory beside what is loaded, as far as is known.

    Memory of a GPU if the model is for one; of this machine otherwise. It takes the size of its weights,
    twice that on a CPU, where bfloat16 becomes float32, and half as much again for its work. Marlin-2B: 5.4
    GB of weights, 14.5 GB at most on a CPU. A model on a server takes none.
    """
    from footage.core.endpoint import is_address
    from footage.core.process import available_memory
    from footage.vlm.weights import locate

    if is_address(settings.model):
        return True
    folder = locate(settings.model, model_path=settings.model_path).folder
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    import torch

    if torch.cuda.is_available() and settings.device.partition(":")[0] in ("auto", "cuda"):
        card = int(settings.device.partition(":")[2] or 0)
        return weights * 1.5 < torch.cuda.mem_get_info(card)[0]
    return weights * 3 < available_memory()


def has_gpu(settings: Settings) -> bool:
    """Whether models run on a GPU with these settings."""
    kind = settings.device.partition(":")[0]
    if kind != "auto":
        return kind != "cpu"
    if not _may_have_gpu():  # importing torch to ask it takes seconds
        return False
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _may_have_gpu() -> bool:
    """Whether a driver is there that torch could use: without the device of one on Linux it finds no GPU."""
    return sys.platform != "linux" or any(map(os.path.exists, _GPU_DEVICES))


def free_memory() -> None:
    """Return the memory of models that are no longer used."""
    import gc

    gc.collect()
    torch = sys.modules.get("torch")  # what was never imported holds no memory
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def check_skill(settings: Settings, skill: Skill) -> None:
    """Check by its name that a known model has a skill.

    Raises:
        UsageError: when it cannot.
    """
    from footage.vlm.profiles import find_profile, require

    profile = find_profile(settings.model)
    if profile is not None:
        require(profile, skill)


def judging(settings: Settings, name: str) -> Settings:
    """Settings of a further model, which judges captions; its weights are looked for now.

    Args:
        settings: The others.
        name: The model, as the setting ``model`` takes it.

    Raises:
        UsageError: the model is a known one that answers no questions.
        ModelUnavailableError: its weights are unavailable.
    """
    from footage.core.config import CAPTION_SETTINGS

    changed = {"model": name, "model_path": None, "find_model": None, "find_model_path": None}
    judge = settings.model_copy(update={**changed, **dict.fromkeys(CAPTION_SETTINGS)})
    check_model(judge, "ask")
    return judge


def check_model(
    settings: Settings,
    skill: Skill | None = None,
    *,
    store: Store | None = None,
    instead: str = "",
    announce: Callable[[str], AbstractContextManager[None]] = nullcontext,  # type: ignore[assignment]
) -> None:
    """Check that a model has a skill and that its weights are available, before slow loading.

    Weights that are on the hub alone are fetched. Of a server only the profile is looked at: whether it
    answers is seen when it is loaded. Takes neither torch nor transformers.

    Args:
        settings: Name the model.
        skill: What it is to do; None for anything.
        store: The index that is worked on; an error says which model captioned it.
        instead: A sentence on what can be done without the model, for the error's hint.
        announce: Entered, with what is going on in words, while the weights are looked for.

    Raises:
        UsageError: when it is a known one that cannot.
        ModelUnavailableError: when its weights are unavailable.
        WrongCheckpointError: when the folder holds something else.
    """
    from footage.core.endpoint import is_address
    from footage.core.errors import ModelUnavailableError
    from footage.vlm.profiles import require
    from footage.vlm.weights import locate

    if skill is not None:
        check_skill(settings, skill)
    if is_address(settings.model):
        return
    try:
        with announce(f"looking for the weights of {settings.model}"):
            weights = locate(settings.model, model_path=settings.model_path)
    except ModelUnavailableError as error:
        raise without_model(error, settings, store=store, instead=instead) from error
    if skill is not None:
        require(weights.profile, skill)


def without_model(
    error: ModelUnavailableError, settings: Settings, *, store: Store | None, instead: str
) -> ModelUnavailableError:
    """An error about an unavailable model, with a hint for this index."""
    from footage.core.errors import ModelUnavailableError
    from footage.vlm.profiles import PROFILES, find_profile

    made = store.status().model if store is not None else None
    sentence, hints = str(error), [instead, error.hint]
    if made is not None:
        sentence = f"{sentence}; this index was captioned by {made.model}"
        own = find_profile(made.model) or next(
            (each for each in PROFILES.values() if each.folder and each.folder.name == made.model), None
        )
        if own is not None and own.name != settings.model.casefold():
            option = "--find-model" if settings.find_model == settings.model else "--model"
            hints.insert(1, f"To use the model of this index: {option} {own.name}.")
    return ModelUnavailableError(sentence, hint=" ".join(filter(None, hints)))


def changes(settings: Settings) -> Changes:
    """The overrides of a model profile by the settings.

    Raises:
        FileError: when a prompt cannot be read.
    """
    prompt = read_prompt(settings.prompt_file) if settings.prompt_file else settings.prompt
    second = settings.stage2_prompt
    given = {
        "fps": settings.fps,
        "min_frames": settings.min_frames,
        "max_frames": settings.max_frames,
        "pixels_per_frame": settings.max_pixels,
        "caption_prompt": prompt,
        "second_prompt": second,
        "caption_tokens": settings.caption_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "repetition_penalty": settings.repetition_penalty,
    }
    return cast("Changes", {name: value for name, value in given.items() if value is not None})


def read_prompt(path: Path) -> str:
    """A prompt from a file, without trailing line breaks.

    Raises:
        FileError: when it cannot be read, or is no text.
    """
    try:
        return read_text(path).rstrip("\n")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise FileError(f"The prompt file {path} cannot be read: {reason}.") from exc


def server_access(settings: Settings) -> Access:
    """Access rules for model servers, from the settings."""
    from footage.core.endpoint import Access

    return Access(
        settings.allow_remote,
        settings.server_requests,
        settings.server_timeout_seconds,
        settings.server_patience_seconds,
        settings.accept_server_sampling,
    )


def load_track_maker(track: str, settings: Settings) -> TrackMaker:
    """The maker of a track other than captions.

    Raises:
        FootageError: when its recogniser or model is unavailable.
    """
    from indexer.tracks.factories import maker_of

    return maker_of(track, settings)


def load_embedder(settings: Settings) -> TextEmbedder:
    """The text embedder that the settings name.

    Raises:
        FootageError: when it cannot be loaded.
    """
    from footage.embed import text_embedder

    return text_embedder.load_embedder(settings.embedder)


def load_image_embedder(settings: Settings, name: str) -> ImageEmbedder:
    """The image embedder of a name.

    Raises:
        FootageError: when it cannot be loaded.
    """
    from footage.embed import image_embedder

    device = None if settings.device == "auto" else settings.device
    return image_embedder.load_image_embedder(name, device=device)


def load_image_maker(settings: Settings, name: str, load: Callable[[], ImageEmbedder]) -> ImageMaker:
    """The maker of the vectors of an image embedder, which is loaded when it is first needed.

    Raises:
        FootageError: when the embedder is unavailable.
    """
    from indexer.tracks.factories import image_maker

    return image_maker(name, settings, load)


def load_reranker(settings: Settings) -> Reranker | None:
    """The re-ranker that the settings name, if they name one.

    Raises:
        FootageError: when it cannot be loaded.
    """
    if settings.rerank is None:
        return None
    from search.retrieval import rerank

    return rerank.load_reranker(settings.rerank, device=settings.device)


def looking(
    settings: Settings,
    *,
    fresh: bool = False,
    exhaustive: bool = False,
    budget_seconds: float | None = None,
) -> GroundingOptions:
    """The limits of a search, from the settings.

    Raises:
        FileError: when the calibration they name cannot be read.
    """
    from search.grounding.calibration import read_calibration
    from search.grounding.options import GroundingOptions
    from search.grounding.verdict import CAUTIOUS, Thresholds

    return GroundingOptions(
        fresh=fresh,
        exhaustive=exhaustive,
        budget_seconds=budget_seconds,
        window_seconds=settings.grounding_window_seconds,
        calibration=read_calibration(settings.calibration) if settings.calibration else None,
        thresholds=Thresholds(
            CAUTIOUS.found if settings.found_from is None else settings.found_from, settings.not_found_below
        ),
        promised=settings.found_from is None,
    )
