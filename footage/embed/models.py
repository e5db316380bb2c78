"""Loads text models: embedders and re-rankers; the only importer of sentence-transformers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

from footage.core.errors import DependencyError, ModelUnavailableError

Kind = Literal["embedder", "re-ranker"]
_CLASSES: dict[Kind, str] = {"embedder": "SentenceTransformer", "re-ranker": "CrossEncoder"}
_OWNERS: dict[Kind, str] = {"embedder": "sentence-transformers", "re-ranker": "cross-encoder"}
"""Owner of a model on the hub whose name has none; as in sentence-transformers."""
_HUB_TIMEOUT_SECONDS = 10.0


def load_text_model(
    kind: Kind, name: str, *, device: str | None, hint: str, folder: Path | None = None
) -> Any:
    """Load a sentence-transformers model from a folder, from what this machine keeps of the hub, or from it.

    No code of a model is run, and only weights in safetensors are read. The hub is asked only for what is not
    on this machine.

    Args:
        kind: An embedder is a ``SentenceTransformer``, a re-ranker a ``CrossEncoder``.
        name: A folder, or its name on the hub; used in errors.
        device: Where it runs; the best this machine has when None.
        hint: For the error, when it cannot be loaded.
        folder: Its folder, when the name is not that.

    Raises:
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: the folder holds no such model, or the hub does not give it.
    """
    place = folder or Path(name).expanduser()
    try:
        if place.is_dir():
            return _load(kind, str(place), device, offline=True)
        if name.startswith((".", "/", "~")):
            raise FileNotFoundError("there is no such folder")
        try:
            return _load(kind, name, device, offline=True)
        except (OSError, ValueError):  # not all of it is on this machine
            _ask_hub(name if "/" in name else f"{_OWNERS[kind]}/{name}")
            return _load(kind, name, device, offline=False)
    except DependencyError:
        raise
    except Exception as error:  # transformers and the hub's client have no common base for their errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelUnavailableError(f"the {kind} {name!r} cannot be loaded: {reason}", hint=hint) from error


def _load(kind: Kind, name_or_folder: str, device: str | None, *, offline: bool) -> Any:
    try:
        import sentence_transformers
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise DependencyError(
            f"sentence-transformers cannot be imported: {error}",
            hint="Install it: pip install sentence-transformers",
        ) from error
    # The program has its own progress, and says in one sentence what is wrong with a model.
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    return getattr(sentence_transformers, _CLASSES[kind])(
        name_or_folder,
        device=device,
        local_files_only=offline,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )


def _ask_hub(repository: str) -> None:
    """Ask the hub one quick question; the downloader itself would retry for a minute without a network."""
    from huggingface_hub import HfApi

    HfApi().model_info(repository, timeout=_HUB_TIMEOUT_SECONDS)
