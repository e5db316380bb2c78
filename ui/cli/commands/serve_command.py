"""`footage models serve-command`: print the command line of a model server; runs nothing."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from ui.cli import console, options

EXAMPLES = options.examples(
    "footage models serve-command marlin-2b",
    "footage models serve-command marlin-2b --port 9000",
)


def run(
    name: Annotated[str, typer.Argument(help="Name of the model, or its repository on the hub.")],
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8000,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print the vLLM command and the --model for a served model.

    Nothing is started: run the printed command on the machine with the GPU.
    """
    from footage.vlm.profiles import get_profile
    from footage.vlm.vllm_command import REASONS, serving
    from service.schemas.setup import ServeCommandRecord

    profile = get_profile(name)
    command, values = serving(profile, port=port)
    address = f"http://localhost:{port}/v1#{profile.name}"
    if json:
        words = [*command, *(word for pair in values for word in pair)]
        console.emit_record(ServeCommandRecord(command=words, model=address))
        return
    lines = [shlex.join(command), *(shlex.join(pair) for pair in values)]
    typer.echo(" \\\n    ".join(lines))
    notes = console.notes()
    for option, _ in values:
        if option in REASONS:
            notes.print(f"{option}: {REASONS[option]}", soft_wrap=True)
    use = next(use for skill, use in _USES.items() if skill in profile.skills)
    notes.print(f"Then: footage {use} --model {address}", soft_wrap=True)


_USES = {"caption": "index VIDEOS", "ask": "ask VIDEO QUESTION", "find": "find VIDEO EVENT"}
"""What a served model is for, by its first skill of these."""
