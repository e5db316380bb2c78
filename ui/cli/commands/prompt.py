"""`footage models prompt`: send a custom prompt about a video, and print the answer."""

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
    from footage.inference.responses import AskResponse, ChunkTime, MultichunkResponse, WindowProblem

EXAMPLES = options.examples(
    'footage models prompt gate.mp4 "Describe the video in detail."',
    'footage models prompt match.mkv@12:30-13:00 "Describe the video in detail." --max-new-tokens 200',
    "footage models prompt match.mkv@12:30-13:00 --prompt-file mine.txt --do-sample --seed 1",
    'footage models prompt gate.mp4 "Describe the video in detail." --json | jq -r .text',
    'footage models prompt match.mkv@0-90 "When is a goal scored?" --multichunk --window 30 --keep-think',
)


@takes_settings(*MODEL, "window_seconds", "overlap_seconds", *FRAMES, *SAMPLING)
def run(
    place: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO[@START-END]", help="The video file, with an optional moment or segment."
        ),
    ],
    text: Annotated[
        str | None, typer.Argument(help="The prompt, sent without change.", show_default=False)
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option("--prompt-file", metavar="FILE", help="Read the prompt from a file.")
    ] = None,
    max_new_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-new-tokens",
            metavar="N",
            min=1,
            help="Maximum length of the answer, in tokens; unset: the limit for captions.",
        ),
    ] = None,
    do_sample: Annotated[
        bool,
        typer.Option(
            "--do-sample", help="Sample the answer, at temperature 1 unless --temperature is given."
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the sampling.")] = 0,
    keep_think: Annotated[
        bool, typer.Option("--keep-think", help="Print the thinking part of the answer, too.")
    ] = False,
    multichunk: Annotated[
        bool,
        typer.Option(
            "--multichunk",
            help="Ask about all chunks of the segment at once, with their times in the prompt, and convert "
            "chunk times to video time; --window is the length of a chunk. Limited: outside the training "
            "of the models.",
        ),
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Send a prompt to the model and print the raw answer.

    A longer segment is split into windows, with one answer per window. Times in an answer are relative to
    the start of its window. Answers to prompts outside the training of the model may be poor.
    """
    from service import prompt as asking

    request = asking.PromptRequest(
        place=place,
        text=text,
        prompt_file=prompt_file,
        max_new_tokens=max_new_tokens,
        do_sample=do_sample,
        seed=seed,
        keep_think=keep_think,
    )
    service, video = options.service_for(settings), str(locators.parse_locator(place).path)
    with progress.shown() as display:
        if not multichunk:
            answers = asking.prompt(service, request, on_event=display)
        else:
            grouped = asking.multichunk(service, request, on_event=display)
    if not multichunk:
        _show(answers, video, json=json)
    else:
        _show_chunks(grouped, video, keep_think=keep_think, json=json)


def _show(answers: AskResponse, video: str, *, json: bool) -> None:
    """Print the answers; with several windows, each under its times."""
    _show_problems(answers["problems"])
    if json:
        from service.operations.asking import prompt_records

        console.emit_records(prompt_records(answers, video))
        return
    for window in answers["windows"]:
        if len(answers["windows"]) > 1:
            console.results().print(f"{format_time(window['start'])} - {format_time(window['end'])}")
        for line in window["text"].split("\n"):
            console.results().print(console.plain(line), soft_wrap=True)


def _show_chunks(answers: MultichunkResponse, video: str, *, keep_think: bool, json: bool) -> None:
    """Print the answer about each group of chunks, then its times in video time."""
    _show_problems(answers["problems"])
    if json:
        from service.operations.asking import multichunk_records

        console.emit_records(multichunk_records(answers, video))
        return
    out = console.results()
    for window in answers["windows"]:
        if len(answers["windows"]) > 1:
            out.print(f"{format_time(window['start'])} - {format_time(window['end'])}")
        said = [window["think"], ""] if keep_think and window["think"] else []
        for line in [*said, *window["text"].split("\n")]:
            out.print(console.plain(line), soft_wrap=True)
        for time in window["times"]:
            if keep_think or not time["thinking"]:
                out.print(_time_line(time), soft_wrap=True)
        if window["unknown_chunks"]:
            console.notes().print(f"Times in chunks that do not exist: {window['unknown_chunks']}, left out.")


def _time_line(time: ChunkTime) -> str:
    """One time of a multichunk answer, with what is wrong with it."""
    written = f"chunk {time['chunk']}, {time['chunk_start']:g} - {time['chunk_end']:g} s"
    if time["span"] is None:
        return f"{written}: not in the chunk"
    notes = []
    if time["clamped"]:
        notes.append("cut at the end of the chunk")
    if time["written"] is not None and not time["agrees"]:
        notes.append(f"the model computed {time['written'][0]:g} - {time['written'][1]:g} s")
    start, end = map(format_time, time["span"])
    return f"{written}: {start} - {end}" + (f" ({'; '.join(notes)})" if notes else "")


def _show_problems(problems: list[WindowProblem]) -> None:
    for problem in problems:
        times = f"{format_time(problem['start'])} - {format_time(problem['end'])}"
        console.notes().print(f"Not read: {times}, {console.plain(problem['reason'])}", soft_wrap=True)
