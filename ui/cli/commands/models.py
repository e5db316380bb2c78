"""`footage models`: known models, their skills, and their state on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.vlm.profile import Profile

HELP = "List, test and serve models."
SHOW_EXAMPLES = options.examples("footage models show marlin-2b", "footage models show video-scan --json")
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


@takes_settings("model", "find_model")
def show(
    name: Annotated[str, typer.Argument(help="Name of the model, or its repository on the hub.")],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show one known model: origin, licence, and which capabilities of its card are available here."""
    from footage.vlm.cards import capabilities_of
    from footage.vlm.profiles import get_profile
    from service.schemas.setup import CapabilityFields, ModelCardRecord

    profile = get_profile(name)
    rows = capabilities_of(profile.name)
    if json:
        capabilities = [
            CapabilityFields(
                capability=row.capability, ours=row.ours, reason=row.reason, tests=list(row.tests)
            )
            for row in rows
        ]
        record = ModelCardRecord.of(
            profile,
            runs=_places(profile),
            weights_local=_is_here(profile.name),
            selected_for=_uses(profile, settings),
            capabilities=capabilities,
        )
        console.emit_record(record)
        return
    out = console.results()
    source = profile.repository or "comes with the project"
    out.print(f"{profile.name}: {source}", soft_wrap=True)
    out.print(f"commit: {profile.revision or 'the one that is fetched first'}" if profile.repository else "")
    out.print(f"licence: {profile.licence}{', gated' if profile.gated else ''}")
    if profile.notice:
        out.print(profile.notice, soft_wrap=True)
    table = console.table("capability", "here", "reason", whole=("here",))
    for row in rows:
        table.add_row(row.capability, row.ours, row.reason)
    out.print(table)


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
