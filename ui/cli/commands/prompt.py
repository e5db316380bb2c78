"""`footage models prompt`: give the model a prompt of one's own about a video, and print what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from service import locators
from ui.cli import console, options, progress
from ui.cli.setting_options import FRAMES, MODEL, SAMPLING, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.inference.responses import AskResponse

EXAMPLES = options.examples(
    'footage models prompt gate.mp4 "Describe the video in detail."',
    'footage models prompt match.mkv@12:30-13:00 "Describe the video in detail." --max-new-tokens 200',
    "footage models prompt match.mkv@12:30-13:00 --prompt-file mine.txt --do-sample --seed 1",
    'footage models prompt gate.mp4 "Describe the video in detail." --json | jq -r .text',
)


@takes_settings(*MODEL, "window_seconds", "overlap_seconds", *FRAMES, *SAMPLING)
def run(
    place: Annotated[
        str, typer.Argument(metavar="VIDEO[@START-END]", help="The video file, and what of it.")
    ],
    text: Annotated[str | None, typer.Argument(help="The prompt, as it is.", show_default=False)] = None,
    prompt_file: Annotated[
        Path | None, typer.Option("--prompt-file", metavar="FILE", help="Read the prompt from a file.")
    ] = None,
    max_new_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-new-tokens", metavar="N", min=1, help="Longest answer, in tokens. That of a caption."
        ),
    ] = None,
    do_sample: Annotated[
        bool, typer.Option("--do-sample", help="Draw the answer's tokens, at temperature 1 unless given.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the draw.")] = 0,
    keep_think: Annotated[
        bool, typer.Option("--keep-think", help="Print what the model says while thinking, too.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Give the model a prompt as it is written, and print its answer as it is.

    What is longer than a window is shown window by window: one answer each, with the window's times above it.
    Times within an answer count from its window's start. What Marlin was not trained to answer it answers as
    best it can.
    """
    from service.prompt import PromptRequest
    from service.prompt import prompt as ask_as_written

    request = PromptRequest(
        place=place,
        text=text,
        prompt_file=prompt_file,
        max_new_tokens=max_new_tokens,
        do_sample=do_sample,
        seed=seed,
        keep_think=keep_think,
    )
    with progress.shown() as display:
        answers = ask_as_written(options.service_for(settings), request, on_event=display)
    _show(answers, str(locators.parse_locator(place).path), json=json)


def _show(answers: AskResponse, video: str, *, json: bool) -> None:
    """The answers, each window's under its times where there are several."""
    for problem in answers["problems"]:
        times = f"{format_time(problem['start'])} - {format_time(problem['end'])}"
        console.notes().print(f"Not seen: {times}, {console.plain(problem['reason'])}", soft_wrap=True)
    for window in answers["windows"]:
        if json:
            from service.schemas.answers import PromptRecord

            record = PromptRecord(
                type="answer",
                video=video,
                start_seconds=window["start"],
                end_seconds=window["end"],
                text=window["text"],
                raw=window["raw"],
                finish_reason=window["finish_reason"],
                **answers["provenance"],
            )
            console.emit_record(record)
            continue
        if len(answers["windows"]) > 1:
            console.results().print(f"{format_time(window['start'])} - {format_time(window['end'])}")
        for line in window["text"].split("\n"):
            console.results().print(console.plain(line), soft_wrap=True)
