"""`footage models`: known models, their skills, and their state on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.cli import console, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.vlm.profiles import Profile

HELP = "List, test and serve models."
EXAMPLES = options.examples(
    "footage models list", "footage models list --json | jq 'select(.skills | index(\"find\")) | .name'"
)


@takes_settings("model", "find_model")
def run(*, settings: Settings, json: options.Json = False, debug: options.Debug = False) -> None:
    """List the known models and their skills.

    The list shows size, licence, skills, device, the state of the weights, and which models the settings
    select. Other builds of these models work, too: give --model the path of the folder.
    """
    from footage.vlm.profiles import PROFILES
    from service.schemas.setup import ModelRecord

    table = console.table(
        "name",
        "kind",
        "size",
        "licence",
        "can",
        "runs",
        "weights",
        "selected for",
        right=("size",),
        whole=("name", "kind", "licence"),
    )
    for profile in PROFILES.values():
        here = _is_here(profile.name)
        if json:
            record = ModelRecord.of(
                profile,
                runs=_places(profile),
                weights_local=here,
                selected_for=_uses(profile, settings),
            )
            console.emit_record(record)
        table.add_row(
            profile.name,
            profile.model_type,
            _size(profile.billions),
            profile.licence,
            ", ".join(profile.skills),
            ", ".join(_places(profile)),
            "here" if here else "gated, not here" if profile.gated else "not here",
            ", ".join(_uses(profile, settings)),
        )
    if not json:
        console.results().print(table)


def _uses(profile: Profile, settings: Settings) -> list[str]:
    """What the settings select a model for."""
    from footage.vlm.profiles import find_profile

    named = {"captions": settings.model, "finds": settings.for_finds.model}
    return [use for use, name in named.items() if find_profile(name) is profile]


def _places(profile: Profile) -> list[str]:
    """Where a model runs: in this process, or on a server that downloads it from the hub."""
    return ["here", "server"] if profile.repository and profile.is_served else ["here"]


def _size(billions: float) -> str:
    """Parameters, as "2.2B" or "2M"."""
    if not billions:
        return "?"
    return f"{billions:g}B" if billions >= 0.1 else f"{1000 * billions:g}M"


def _is_here(name: str) -> bool:
    """Whether the weights of a profile are on this machine."""
    from footage.core.errors import ModelError
    from footage.vlm.weights import locate

    try:
        locate(name, offline=True)
    except ModelError:
        return False
    return True
