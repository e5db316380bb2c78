"""`footage models`: known models, their skills, and their state on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

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
    from service.models import ModelsRequest
    from service.models import models as known_models

    known = known_models(settings, ModelsRequest())
    if json:
        from service.operations.models import model_records

        console.emit_records(model_records(known))
        return
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
    for each in known:
        profile = each.profile
        away = "gated, not here" if profile.gated else "not here"
        table.add_row(
            profile.name,
            profile.model_type,
            _size(profile.billions),
            profile.licence,
            ", ".join(profile.skills),
            ", ".join(each.runs),
            "here" if each.weights_local else away,
            ", ".join(each.selected_for),
        )
    console.results().print(table)


@takes_settings("model", "find_model")
def show(
    name: Annotated[str, typer.Argument(help="Name of the model, or its repository on the hub.")],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show one known model: origin, licence, and which capabilities of its card are available here."""
    from service.models import ModelRequest, model

    known, rows = model(settings, ModelRequest(name=name))
    if json:
        from service.operations.models import card_record

        console.emit_record(card_record(known, rows))
        return
    out, profile = console.results(), known.profile
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


def _size(billions: float) -> str:
    """Parameters, as "2.2B" or "2M"."""
    if not billions:
        return "?"
    return f"{billions:g}B" if billions >= 0.1 else f"{1000 * billions:g}M"
