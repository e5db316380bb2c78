"""What is known of models: their profiles, whether their weights are here, how to serve them; loads none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from service.requests import Request

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.vlm.cards import CardCapability
    from footage.vlm.profile import Profile

Use = Literal["captions", "finds"]
RunsAt = Literal["here", "server"]


class ModelsRequest(Request):
    """All known models."""


class ModelRequest(Request):
    """One known model."""

    name: str = Field(min_length=1)
    """Its name, or its repository on the hub."""


class ServeCommandRequest(ModelRequest):
    """A known model, and how it is to be served."""

    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    mm_cache_gb: float = Field(default=0, ge=0, le=1024)
    """Size of vLLM's cache of processed clips, in GiB; 0 for no cache."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A known model, as these settings and this machine have it."""

    profile: Profile
    """What is known of it."""
    runs: tuple[RunsAt, ...]
    """Where it can run: in this process, or on a server that downloads it from the hub."""
    weights_local: bool
    """Whether its weights are on this machine."""
    selected_for: tuple[Use, ...]
    """What the settings select it for."""


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """How to serve a model with vLLM."""

    profile: Profile
    """The model."""
    command: tuple[str, ...]
    """The command, word by word."""
    options: tuple[tuple[str, str], ...]
    """Its options with their values."""
    address: str
    """What --model is then."""

    @property
    def words(self) -> tuple[str, ...]:
        """The whole command line, word by word."""
        return (*self.command, *(word for pair in self.options for word in pair))


def models(settings: Settings, request: ModelsRequest) -> tuple[ListedModel, ...]:
    """All known models, in the order of their table."""
    from footage.vlm.profiles import PROFILES

    return tuple(_known(profile, settings) for profile in PROFILES.values())


def model(settings: Settings, request: ModelRequest) -> tuple[ListedModel, tuple[CardCapability, ...]]:
    """One known model, and the capabilities of its card.

    Raises:
        UsageError: there is no such model.
    """
    from footage.vlm.cards import capabilities_of
    from footage.vlm.profiles import get_profile

    profile = get_profile(request.name)
    return _known(profile, settings), tuple(capabilities_of(profile.name))


def serve_command(request: ServeCommandRequest) -> ServeCommand:
    """The command that serves a model; nothing is started.

    Raises:
        UsageError: there is no such model, or it cannot be served.
    """
    from footage.vlm.profiles import get_profile
    from footage.vlm.vllm_command import serving

    profile = get_profile(request.name)
    command, values = serving(profile, port=request.port, cache_gb=request.mm_cache_gb)
    address = f"http://localhost:{request.port}/v1#{profile.name}"
    return ServeCommand(profile, tuple(command), tuple((name, value) for name, value in values), address)


def _known(profile: Profile, settings: Settings) -> ListedModel:
    runs: tuple[RunsAt, ...] = ("here", "server") if profile.repository and profile.is_served else ("here",)
    return ListedModel(profile, runs, _is_here(profile.name), _uses(profile, settings))


def _uses(profile: Profile, settings: Settings) -> tuple[Use, ...]:
    from footage.vlm.profiles import find_profile

    named: dict[Use, str] = {"captions": settings.model, "finds": settings.for_finds.model}
    return tuple(use for use, name in named.items() if find_profile(name) is profile)


def _is_here(name: str) -> bool:
    from footage.core.errors import ModelError
    from footage.vlm.weights import locate

    try:
        locate(name, offline=True)
    except ModelError:
        return False
    return True
