"""`footage models download`: fetch the weights of a model ahead of its first use."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.cli import console, options, progress

EXAMPLES = options.examples(
    "footage models download marlin-2b",
    "footage models download video-scan --revision main",
    "footage models download qwen2.5-vl-7b --json | jq -r .folder",
)


def run(
    name: Annotated[str, typer.Argument(help="Name of the model, or its repository on the hub.")],
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision",
            metavar="COMMIT",
            help="Commit or branch to fetch; unset: the pinned commit. A model without a pinned commit stays "
            "at it.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Download the weights of a model, and print their folder and commit.

    A broken connection continues where it stopped; after a run that was stopped, whole files stay. Nothing
    is loaded. To use another commit than the pinned one, name its folder with --model-path.
    """
    from service.download import DownloadRequest, download

    with progress.shown() as display:
        weights = download(DownloadRequest(name=name, revision=revision), on_event=display)
    if json:
        from service.operations.models import download_record

        console.emit_record(download_record(weights))
        return
    console.results().print(f"{weights.model} {weights.revision}", soft_wrap=True)
    console.results().print(console.plain(str(weights.folder)), soft_wrap=True)
    if weights.profile.notice:
        console.notes().print(weights.profile.notice, soft_wrap=True)
