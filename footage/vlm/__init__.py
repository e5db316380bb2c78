"""Vision-language models behind one small protocol; importing it loads nothing heavy.

model = load_model("demo")
prepared = model.prepare(frames)
[answer] = model.run([(prepared, contract.caption_prompt(model.profile))])
caption = contract.read_caption(answer, prepared.span)
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import get_args

from footage.core.disk_cache import Shelf
from footage.core.endpoint import Access, is_address
from footage.core.errors import DependencyError, UsageError
from footage.vlm.changes import Changes, changed, check_prompts
from footage.vlm.profile import Profile
from footage.vlm.protocol import Precision, Recalling, VideoModel
from footage.vlm.weights import locate

logger = logging.getLogger(__name__)
_noticed: set[str] = set()


def load_model(
    name_or_folder: str,
    *,
    device: str = "auto",
    model_path: Path | None = None,
    revision: str | None = None,
    offline: bool = False,
    changes: Changes | None = None,
    shelf: Shelf | None = None,
    access: Access | None = None,
    dtype: Precision | None = None,
) -> VideoModel:
    """Loads a model by name or from a folder, or connects to the server that runs it.

    Args:
        name_or_folder: a name of ``footage.vlm.profiles.PROFILES``, the path of a model folder, or the
            address of a server (see ``footage.core.endpoint``), to which no device applies.
        device: "auto" (CUDA, then Apple's MPS, then CPU), "cuda", "cuda:N", "mps" or "cpu".
        model_path: folder with the named model's weights, instead of the hub.
        revision: commit of the repository, instead of the profile's.
        offline: fetch nothing.
        changes: changes to the model's profile.
        shelf: disk cache for the features of windows, which saves another run the vision tower.
        access: how servers may be used; None for this machine's alone.
        dtype: number format of weights and computation; None for bfloat16 on CUDA and on
            MPS from macOS 14, float32 elsewhere.

    Raises:
        UsageError: no such model, device or number format, a server that may not be used, or changes that
            make no sense.
        ModelUnavailableError: weights missing, gated, or no hub or server in reach.
        WrongCheckpointError: the folder holds something else.
        DependencyError: torch, torchvision or transformers is missing or does not fit.
    """
    check_prompts(changes or {})
    if dtype not in (None, *get_args(Precision)):
        raise UsageError(f"there is no dtype {dtype!r} here", hint="Use bfloat16 or float32.")
    if is_address(name_or_folder):
        if model_path is not None or revision is not None or dtype is not None:
            raise UsageError(
                "a server has its own weights; use a model path, a revision or a dtype only with a model name"
            )
        from footage.vlm.backends.server import client

        served = client.load(name_or_folder, access=access or Access(), changes=changes)
        _notice(served.profile)
        return served
    weights = locate(name_or_folder, model_path=model_path, revision=revision, offline=offline)
    _notice(weights.profile)
    weights = replace(weights, profile=changed(weights.profile, changes or {}))
    try:
        family = importlib.import_module(f"footage.vlm.backends.{weights.profile.family}")
    except (ImportError, RuntimeError, OSError) as exc:
        raise dependency_error(exc) from exc
    try:
        model: VideoModel = family.load(weights, device=device, dtype=dtype)
    except ImportError as exc:  # as of quantised builds with a format of their own
        reason = str(exc).strip().splitlines()[0]
        raise DependencyError(
            f"{weights.folder} needs a missing library ({reason})",
            hint="Install it, or use the original weights.",
        ) from exc
    if isinstance(model, Recalling):
        model.shelf = shelf
    return model


def _notice(profile: Profile) -> None:
    """Log a profile's notice, once."""
    if profile.notice and profile.name not in _noticed:
        _noticed.add(profile.name)
        logger.warning(profile.notice)


def dependency_error(exc: BaseException) -> DependencyError:
    """The error for a failed import of the model libraries, with what to do about it."""
    while (cause := exc.__cause__ or exc.__context__) is not None:  # transformers wraps the cause
        exc = cause
    reason = str(exc).strip().splitlines()[-1] if str(exc).strip() else type(exc).__name__
    if "torchvision" in reason:
        return DependencyError(
            f"torchvision is incompatible with the installed torch ({reason})",
            hint="Install both from the same index, as in: "
            "pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu",
        )
    return DependencyError(
        f"the model libraries cannot be imported ({reason})",
        hint="Install the locked dependencies: make setup (or pip install torch torchvision transformers).",
    )
