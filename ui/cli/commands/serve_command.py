"""`footage models serve-command`: print the command line of a model server; runs nothing."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from ui.cli import console, options

EXAMPLES = options.examples(
    "footage models serve-command marlin-2b",
    "footage models serve-command marlin-2b --port 9000 --mm-cache-gb 4",
)


def run(
    name: Annotated[str, typer.Argument(help="Name of the model, or its repository on the hub.")],
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8000,
    mm_cache_gb: Annotated[
        float,
        typer.Option(
            "--mm-cache-gb",
            metavar="N",
            min=0,
            max=1024,
            help="Size of vLLM's cache of processed clips, in GiB: useful if several questions are asked "
            "about the same windows; 0: no cache.",
        ),
    ] = 0,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print the vLLM command and the --model for a served model.

    Nothing is started: run the printed command on the machine with the GPU.
    """
    from footage.vlm.vllm_command import REASONS
    from service.models import ServeCommandRequest, serve_command

    made = serve_command(ServeCommandRequest(name=name, port=port, mm_cache_gb=mm_cache_gb))
    if json:
        from service.operations.models import serve_command_record

        console.emit_record(serve_command_record(made))
        return
    lines = [shlex.join(made.command), *(shlex.join(pair) for pair in made.options)]
    typer.echo(" \\\n    ".join(lines))
    notes = console.notes()
    for option, _ in made.options:
        if option in REASONS:
            notes.print(f"{option}: {REASONS[option]}", soft_wrap=True)
    use = next(use for skill, use in _USES.items() if skill in made.profile.skills)
    notes.print(f"Then: footage {use} --model {made.address}", soft_wrap=True)


_USES = {"caption": "index VIDEOS", "ask": "ask VIDEO QUESTION", "find": "find VIDEO EVENT"}
"""What a served model is for, by its first skill of these."""
