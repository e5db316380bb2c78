"""Loads embedders of texts and of pictures, and re-rankers; the only importer of sentence-transformers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from footage.core.errors import DependencyError, FootageError, ModelUnavailableError

Kind = Literal["embedder", "image embedder", "re-ranker"]
_CLASSES: dict[Kind, str] = {
    "embedder": "SentenceTransformer",
    "image embedder": "SentenceTransformer",
    "re-ranker": "CrossEncoder",
}
_OWNERS: dict[Kind, str] = {
    "embedder": "sentence-transformers",
    "image embedder": "sentence-transformers",
    "re-ranker": "cross-encoder",
}
"""Owner of a model on the hub whose name has none; as in sentence-transformers."""
_HUB_TIMEOUT_SECONDS = 10.0


def load_model(
    kind: Kind,
    name: str,
    *,
    device: str | None,
    hint: str,
    folder: Path | None = None,
    repository: str | None = None,
    revision: str | None = None,
) -> Any:
    """Load a sentence-transformers model from a folder, from what this machine keeps of the hub, or from it.

    No code of a model is run, and only weights in safetensors are read. The hub is asked only for what is not
    on this machine.

    Args:
        kind: Embedders are a ``SentenceTransformer``, a re-ranker is a ``CrossEncoder``.
        name: A folder, or its name on the hub; used in errors.
        device: Where it runs; the best this machine has when None.
        hint: For the error, when it cannot be loaded.
        folder: Its folder, when the name is not that.
        repository: Its name on the hub, when the name is not that.
        revision: Commit on the hub; for a name without one, the main branch.

    Raises:
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: the folder holds no such model, or the hub does not give it.
    """
    place = folder or Path(name).expanduser()
    with naming_errors(kind, name, hint):
        if repository is None and place.is_dir():
            return _load(kind, str(place), device, offline=True)
        if folder is not None or name.startswith((".", "/", "~")):
            raise FileNotFoundError("there is no such folder")
        remote = repository or name
        try:
            return _load(kind, remote, device, offline=True, revision=revision)
        except (OSError, ValueError):  # not all of it is on this machine
            _ask_hub(remote if "/" in remote else f"{_OWNERS[kind]}/{remote}", revision)
            return _load(kind, remote, device, offline=False, revision=revision)


@contextmanager
def naming_errors(kind: Kind, name: str, hint: str) -> Iterator[None]:
    """Turn the errors of libraries that load a model into one that names it.

    Raises:
        ModelUnavailableError: it cannot be loaded.
    """
    try:
        yield
    except FootageError:
        raise
    except Exception as error:  # these libraries have no common base for their errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelUnavailableError(f"the {kind} {name!r} cannot be loaded: {reason}", hint=hint) from error


def find_model(
    kind: Kind,
    name: str,
    *,
    hint: str,
    folder: Path | None = None,
    repository: str | None = None,
    revision: str | None = None,
    offline: bool = False,
) -> None:
    """Make sure that ``load_model`` finds a model, without loading or fetching it; arguments as there.

    Args:
        kind: What it is to be.
        name: A folder, or its name on the hub.
        hint: For the error.
        folder: Its folder, when the name is not that.
        repository: Its name on the hub, when the name is not that.
        revision: Commit on the hub.
        offline: Whether only what is on this machine counts; otherwise the hub is asked for the rest.

    Raises:
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: there is no such folder, or neither this machine nor the hub has it.
    """
    if find_spec("sentence_transformers") is None:
        raise DependencyError(
            "sentence-transformers is not installed", hint="Install it: pip install sentence-transformers"
        )
    place = folder or Path(name).expanduser()
    if folder is not None or (repository is None and place.is_dir()) or name.startswith((".", "/", "~")):
        if not (place / "config.json").is_file() and not (place / "modules.json").is_file():
            raise ModelUnavailableError(f"there is no {kind} in {place}", hint=hint)
        return
    remote = repository or name
    if "/" not in remote:
        remote = f"{_OWNERS[kind]}/{remote}"
    if _is_here(remote, revision):
        return
    if offline:
        raise ModelUnavailableError(f"the {kind} {name!r} is not on this machine", hint=hint)
    try:
        _ask_hub(remote, revision)
    except Exception as error:  # as in ``load_model``
        raise ModelUnavailableError(
            f"the {kind} {name!r} is not on this machine, and the hub does not give it", hint=hint
        ) from error


def _is_here(repository: str, revision: str | None) -> bool:
    """Whether this machine keeps a model of the hub, with its weights."""
    from huggingface_hub import try_to_load_from_cache

    def kept(file: str) -> bool:
        return isinstance(try_to_load_from_cache(repository, file, revision=revision), str)

    return kept("config.json") and (kept("model.safetensors") or kept("model.safetensors.index.json"))


def _load(
    kind: Kind, name_or_folder: str, device: str | None, *, offline: bool, revision: str | None = None
) -> Any:
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
    weights: dict[str, Any] = {"use_safetensors": True}
    if kind == "image embedder":
        weights["dtype"] = "float32" if device == "cpu" else "auto"  # CPUs are slow in 16 bits, or lack them
    model = getattr(sentence_transformers, _CLASSES[kind])(
        name_or_folder,
        device=device,
        local_files_only=offline,
        trust_remote_code=False,
        revision=revision,
        model_kwargs=weights,
    )
    # Without files of its own the library averages all tokens, which language models are not trained for.
    if kind == "image embedder" and len(model) > 1:
        from sentence_transformers.util import is_sentence_transformer_model

        if not is_sentence_transformer_model(name_or_folder, revision=revision, local_files_only=offline):
            raise ModelUnavailableError(
                f"{name_or_folder!r} is no embedder: no modules.json says how its tokens become one vector",
                hint="Use a repository or a folder that was saved with sentence-transformers.",
            )
    return model


def _ask_hub(repository: str, revision: str | None) -> None:
    """Ask the hub one quick question; the downloader itself would retry for a minute without a network."""
    from huggingface_hub import HfApi

    HfApi().model_info(repository, revision=revision, timeout=_HUB_TIMEOUT_SECONDS)
