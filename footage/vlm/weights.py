"""Locates a model's weights: in the project, in a given folder or on the hub; reads no tensor."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footage.core.atomic import whole_file
from footage.core.errors import (
    DecodeError,
    FootageError,
    ModelError,
    ModelUnavailableError,
    UsageError,
    WrongCheckpointError,
)
from footage.core.folder_digest import folder_digest
from footage.core.timeout import supervise
from footage.core.types import Provenance
from footage.vlm import contract
from footage.vlm.profile import Profile
from footage.vlm.profiles import MARLIN_2B, PROFILES, get_profile, profile_of_type

logger = logging.getLogger(__name__)

HUB = "https://huggingface.co"
HUB_TIMEOUT_SECONDS = 10.0
"""How long the hub may take to answer the first request, name resolution included, before it counts as out of
reach."""
FIRST_USED = "footage-first-used"
"""Name of a ref in the hub's cache: the commit of a profile without a revision that was fetched first."""
_HUB_FILES = ("*.json", "*.jinja", "*.txt", "*.safetensors")
_HUB_TEXTS = ("LICENSE*", "NOTICE*")
"""Fetched along, as some licences want them kept; nothing needs them."""
_KINDS = tuple(dict.fromkeys(profile.model_type for profile in PROFILES.values()))


@dataclass(frozen=True, slots=True)
class Weights:
    """A checked folder of weights, and its identity."""

    folder: Path
    """Config, safetensors, tokenizer, processor."""
    profile: Profile
    """The contract it is run under."""
    model: str
    """Repository, or the folder's name."""
    revision: str
    """Commit of the repository, or "sha256:" and a digest of a local folder."""

    @property
    def provenance(self) -> Provenance:
        """What is recorded with every answer of a model of these weights in this process."""
        profile = self.profile
        return Provenance(self.model, self.revision, profile.prompt_version, contract.budget_text(profile))


def locate(
    name_or_folder: str,
    *,
    model_path: Path | None = None,
    revision: str | None = None,
    offline: bool = False,
) -> Weights:
    """Finds the weights of a profile or of a local folder, fetching them when they are on the hub alone.

    Args:
        name_or_folder: a profile's name, its repository, or the path of a folder. A folder is run under the
            profile that its config names as "footage_profile", else under the first one of its kind.
        model_path: a folder that holds the named profile's weights; nothing is fetched.
        revision: commit or branch to fetch instead of the profile's. For a profile without one, the commit
            that was fetched first counts, so that a newer main branch changes nothing by itself.
        offline: use only what is on this machine.

    Raises:
        UsageError: no such model, or options that exclude one another.
        ModelUnavailableError: the weights are not here and cannot be fetched.
        WrongCheckpointError: the folder is not a checkpoint of a known kind that sees, in safetensors, or
            not of the kind that was named.
    """
    named = _profile_named(name_or_folder)
    if named is None and model_path is not None:
        raise UsageError(f"{name_or_folder!r} is already a folder; use a model path only with a model name")
    folder = model_path or (named.folder if named else Path(name_or_folder).expanduser())
    if revision is not None and folder is not None:
        raise UsageError(f"a revision ({revision}) chooses a commit on the hub, not one of {folder}")
    if named is not None and folder is None:
        folder, commit = _fetch(named, revision, offline=offline)
        _check(folder, named)
        return Weights(folder, named, named.repository, commit)
    assert folder is not None
    if not folder.is_dir() or (model_path is None and named and not any(folder.glob("*.safetensors"))):
        hint = "Name the folder with config.json."
        if named and model_path is None:
            hint = f"Train it with: python data/train_{named.name.replace('-', '_')}_model.py"
        raise ModelUnavailableError(f"there are no model weights in {folder}", hint=hint)
    profile = _check(folder, named)
    return Weights(folder, profile, folder.resolve().name, f"sha256:{folder_digest(folder)}")


def download(
    name: str, *, revision: str | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Weights:
    """Fetch a known model's weights ahead; files that are here, whole or in part, are not fetched again.

    A revision given for a profile without one becomes the commit that it stays at.

    Args:
        name: A profile's name, or its repository.
        revision: Commit or branch instead of the profile's.
        on_progress: Called with (bytes here, bytes in all), from several threads.

    Raises:
        UsageError: no such model, or one that is not on the hub.
        ModelUnavailableError: it cannot be fetched.
        WrongCheckpointError: the repository holds something else.
    """
    profile = get_profile(name)
    if not profile.repository:
        raise UsageError(f"{profile.name} comes with the project; there is nothing to download")
    folder, commit = _fetch(profile, revision, offline=False, on_progress=on_progress)
    _check(folder, profile)
    if profile.revision is None:
        keep_as_first_used(profile, commit)
    return Weights(folder, profile, profile.repository, commit)


def _profile_named(name_or_folder: str) -> Profile | None:
    """The profile of that name, None for a folder's path."""
    if name_or_folder.casefold() in PROFILES:
        return get_profile(name_or_folder)
    if Path(name_or_folder).expanduser().is_dir() or name_or_folder.startswith((".", "/", "~")):
        return None
    return get_profile(name_or_folder)


def _check(folder: Path, named: Profile | None = None) -> Profile:
    """The profile for a folder, after checking that it is a complete checkpoint with a vision tower."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise _no_model(folder, exc) from exc
    kind = str(config.get("model_type")) if isinstance(config, dict) else "none"
    like = profile_of_type(kind) or profile_of_type(kind.removesuffix("_text"))
    wanted = f"needed is {named.model_type!r}" if named else f"known are {', '.join(_KINDS)}"
    if like is None or (named is not None and like.model_type != named.model_type):
        raise WrongCheckpointError(
            f"{folder} contains a model of another type (model_type {kind!r}); {wanted} with a vision tower",
            hint=f"Use {MARLIN_2B.repository}, another model of `footage models`, or a fine-tune of one.",
        )
    if kind != like.model_type or not any(
        isinstance(config.get(name), dict) for name in (like.vision_config, "vision_config")
    ):
        raise WrongCheckpointError(
            f"{folder} contains a model without a vision tower (model_type {kind!r}, no "
            f"{like.vision_config})",
            hint=f"Use {like.repository} or a fine-tuned version with the vision tower.",
        )
    if isinstance(config.get("quantization"), dict):
        raise WrongCheckpointError(
            f"{folder} contains weights for MLX, which run only with MLX libraries",
            hint="Use the original weights, or serve these and give the server's address.",
        )
    profile = get_profile(str(config["footage_profile"])) if config.get("footage_profile") else named or like
    shards = _shards(folder)
    others = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth"))
    if others and not shards:
        raise WrongCheckpointError(
            f"{folder} holds its weights as {others[0]}; such files can run code when loaded and are not "
            f"allowed",
            hint="Convert them to safetensors first.",
        )
    needed = [*(shards or [folder / "model.safetensors"]), folder / "tokenizer.json"]
    missing = [path.name for path in needed if not path.is_file()]
    if missing:
        raise ModelUnavailableError(
            f"{folder} is incomplete: {missing[0]} is missing", hint="Download or copy the folder again."
        )
    return profile


def _no_model(folder: Path, exc: Exception) -> WrongCheckpointError:
    """The sentence for a folder without a config that can be read."""
    if (folder / "adapter_config.json").is_file():
        return WrongCheckpointError(
            f"{folder} contains only an adapter (LoRA), without the base model",
            hint="Merge both first (in peft: merge_and_unload), and name the folder of the result.",
        )
    if any(folder.glob("*.gguf")):
        return WrongCheckpointError(
            f"{folder} contains GGUF files, which footage cannot run",
            hint="Serve them, as llama.cpp does, and give the server's address, or use the original weights.",
        )
    return WrongCheckpointError(
        f"{folder} contains no readable config.json and is not a model folder ({type(exc).__name__})",
        hint="Name the folder with config.json, model.safetensors and tokenizer.json.",
    )


def _shards(folder: Path) -> list[Path]:
    """The weight files that a folder lists."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return sorted(folder.glob("*.safetensors"))
    try:
        return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise WrongCheckpointError(f"{index} is not a readable index of weight files") from exc


def _fetch(
    profile: Profile,
    revision: str | None,
    *,
    offline: bool,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, str]:
    """The folder of a snapshot and its commit: the one on this machine, else the hub's."""
    from huggingface_hub import HfApi

    # 1. A pinned commit that is all here leaves nothing to ask the hub.
    stays = revision is None and profile.revision is None
    revision = revision or profile.revision or first_used(profile)
    pinned = re.fullmatch("[0-9a-f]{40}", revision or "") is not None
    if (offline or pinned) and (found := _cached(profile, revision)):
        if stays:
            keep_as_first_used(profile, found[1])
        return found
    if offline:
        raise _not_here(profile)
    # 2. One quick question first: without a network the downloader itself would retry for half a minute.
    try:
        commit = supervise(
            lambda pulse: HfApi().model_info(profile.repository, revision=revision).sha,
            name="the model hub",
            timeout_seconds=HUB_TIMEOUT_SECONDS,
        )
        found = _snapshot(profile, commit, local=False, on_progress=on_progress)
    except Exception as exc:  # the client's errors differ between its releases: all are worded in one place
        if not pinned and (found := _cached(profile, revision)):
            return found
        raise _unavailable(profile, revision, exc) from exc
    if stays:
        keep_as_first_used(profile, found[1])
    return found


def first_used(profile: Profile) -> str | None:
    """The commit of a profile without a revision that was fetched first, by this project or another."""
    for name in (FIRST_USED, "main"):
        try:
            commit = (_refs(profile) / name).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if re.fullmatch("[0-9a-f]{40}", commit):
            return commit
    return None


def keep_as_first_used(profile: Profile, commit: str) -> None:
    """Record the commit that a profile without a revision stays at; it goes away with the cached weights."""
    if (_refs(profile) / FIRST_USED).is_file() and first_used(profile) == commit:
        return
    try:
        with whole_file(_refs(profile) / FIRST_USED) as part:
            part.write_text(commit, encoding="ascii")
    except FootageError as exc:
        logger.warning("The commit of %s cannot be recorded, so that it may change: %s", profile.name, exc)


def _refs(profile: Profile) -> Path:
    """Where the hub's cache records the commits of a repository's branches."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{profile.repository.replace('/', '--')}" / "refs"


def _cached(profile: Profile, revision: str | None) -> tuple[Path, str] | None:
    """The snapshot on this machine, when all of it is."""
    try:
        found = _snapshot(profile, revision, local=True)
        _check(found[0], profile)
    except (OSError, ModelUnavailableError):
        return None
    return found


def _snapshot(
    profile: Profile,
    commit: str | None,
    *,
    local: bool,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download, utils

    hub_log: Any = utils.logging
    hub_log.set_verbosity_error()  # a try that fails is repeated; the last one is worded here
    wanted = _HUB_FILES if local else (*_HUB_FILES, *_HUB_TEXTS)
    path = snapshot_download(
        profile.repository,
        revision=commit,
        allow_patterns=list(wanted),
        local_files_only=local,
        tqdm_class=_reporting(on_progress) if on_progress else None,
    )
    return Path(path), Path(path).name


def _reporting(on_progress: Callable[[int, int], None]) -> type[Any]:
    """A progress bar of the hub's client that draws nothing, and reports the bytes that are here."""
    from huggingface_hub import utils

    bar: Any = utils.tqdm  # type: ignore[attr-defined]

    class Reporting(bar):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.counts_bytes = options.get("unit") == "B"
            super().__init__(*args, **{**options, "file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            if self.counts_bytes:
                on_progress(int(self.n), int(self.total or 0))
            return shown

    made: type[Any] = Reporting
    return made


def _unavailable(profile: Profile, revision: str | None, exc: Exception) -> ModelError:
    """The error for an exception of the hub's client."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page = f"{HUB}/{profile.repository}"
    if isinstance(exc, RevisionNotFoundError):
        return ModelUnavailableError(
            f"{profile.repository} has no revision {revision}", hint=f"Its commits: {page}/commits/main"
        )
    status = (
        exc.response.status_code if isinstance(exc, HfHubHTTPError) and exc.response is not None else None
    )
    if isinstance(exc, RepositoryNotFoundError) or status in (401, 403):
        return ModelUnavailableError(
            f"the hub gives no access to {profile.repository}: it is gated or private, and HF_TOKEN is "
            f"missing or has no access",
            hint=how_to_get(profile),
        )
    if isinstance(exc, OfflineModeIsEnabled):
        reason = "HF_HUB_OFFLINE is set"
    elif isinstance(exc, DecodeError):
        reason = f"no answer within {HUB_TIMEOUT_SECONDS:g} s"
    else:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    return ModelUnavailableError(
        f"the weights of {profile.name} are not on this machine and the model hub cannot be used ({reason})",
        hint=f"Connect to the network once to download them. {how_to_get(profile)}",
    )


def _not_here(profile: Profile) -> ModelUnavailableError:
    """The error where nothing may be fetched."""
    return ModelUnavailableError(
        f"the weights of {profile.name} are not on this machine", hint=how_to_get(profile)
    )


def how_to_get(profile: Profile) -> str:
    """The ways to a model of the hub whose weights are not here, as sentences."""
    form = (
        f"Accept the form at {HUB}/{profile.repository}, create a read token at {HUB}/settings/tokens and "
        "set HF_TOKEN to it; the weights are then fetched when first used. "
        if profile.gated
        else ""
    )
    folder = f"{form}Or point to a folder with the weights (--model-path FOLDER)"
    if not profile.is_served:
        return f"{folder}."
    return f"{folder}, or to a server that runs the model (--model http://HOST:PORT/v1#{profile.name})."
