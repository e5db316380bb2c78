"""`footage ui`: open the app in a browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui import console, options

if TYPE_CHECKING:
    from footage.config import Settings

EXAMPLES = options.examples(
    "footage ui",
    "footage ui --db cameras.lancedb --model demo",
    "footage ui --host 0.0.0.0 --port 8080",
)
OPEN = (
    "warning: everybody who reaches {host} sees the videos and everything said of them. The app asks for no "
    "password: put a proxy that does in front of it, and let the app listen on localhost. "
    "docs/serve.md shows how."
)
"""Said where others reach the app."""


def run(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; anyone who reaches it sees your videos.")
    ] = "localhost",
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Open the app: search, play what was found, see what is indexed. Ctrl-C ends it."""
    from footage.vlm.address import shown_address
    from ui.runs import on_this_machine_alone
    from ui.serving import serve

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    if not on_this_machine_alone(host):
        console.notes().print(OPEN.format(host=console.plain(host)), soft_wrap=True)
    _note_missing_weights(settings)
    os.environ.update(environment(settings, config=config))
    address = f"http://{host}:{port}"
    if json:
        console.emit(address=address, db=settings.db, model=shown_address(settings.model))
    else:
        console.results().print(f"The app is at {address} (Ctrl-C ends it).", soft_wrap=True)
    sys.stdout.flush()
    serve(host=host, port=port)


def _note_missing_weights(settings: Settings) -> None:
    """Say before the app opens that the model's weights are not here, and what the app does without them."""
    from footage.errors import ModelUnavailableError
    from footage.vlm.address import is_address
    from footage.vlm.weights import locate

    if is_address(settings.model):
        return
    try:
        locate(settings.model, model_path=settings.model_path, offline=True)
    except ModelUnavailableError as error:
        console.notes().print(
            f"note: {console.plain(str(error))}. Without the model the app searches the captions alone. "
            f"{console.plain(error.hint)}",
            soft_wrap=True,
        )


def environment(settings: Settings, *, config: Path | None = None) -> dict[str, str]:
    """What the app reads its settings from, as the options named them.

    Args:
        settings: What the app works with.
        config: Config file for every other setting.
    """
    told = {}
    for name in ("db", "model", "model_path", "device", "allow_remote", "embedder"):
        value = getattr(settings, name)
        if value is not None:
            told[f"FOOTAGE_{name.upper()}"] = str(value)
    if config is not None:
        told["FOOTAGE_CONFIG"] = str(config.expanduser().absolute())
    return told
