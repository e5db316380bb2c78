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
APP = Path(__file__).resolve().parents[1] / "app.py"


def run(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; anyone who reaches it sees your videos.")
    ] = "localhost",
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Open the app: search, play what was found, see what is indexed. Ctrl-C ends it."""
    from ui.runs import on_this_machine_alone

    settings = options.settings_from(
        config, db=db, model=model, model_path=model_path, device=device, embedder=embedder
    )
    if not on_this_machine_alone(host):
        console.notes().print(OPEN.format(host=console.plain(host)), soft_wrap=True)
    arguments, environment = app_process(settings, port=port, host=host, config=config)
    address = f"http://{host}:{port}"
    if json:
        console.emit(address=address, db=settings.db, model=settings.model)
    else:
        console.results().print(f"The app is at {address} (Ctrl-C ends it).", soft_wrap=True)
    sys.stdout.flush()
    os.execve(sys.executable, arguments, environment)  # it takes this process over, signals included


def app_process(
    settings: Settings, *, port: int, host: str, config: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of the app's own process.

    Args:
        settings: What the app works with; handed over through the environment.
        port: Port to listen on.
        host: Address to listen on.
        config: Config file for every other setting.
    """
    arguments = [
        sys.executable,
        "-m",
        "ui.serving",
        "run",
        str(APP),
        f"--server.port={port}",
        f"--server.address={host}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    ]
    environment = dict(os.environ)
    for name in ("db", "model", "model_path", "device", "embedder"):
        value = getattr(settings, name)
        if value is not None:
            environment[f"FOOTAGE_{name.upper()}"] = str(value)
    if config is not None:
        environment["FOOTAGE_CONFIG"] = str(config.expanduser().absolute())
    return arguments, environment
