"""`footage ask`: a question about videos, segments, moments or images; needs no index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, moments, options, progress
from ui.cli.setting_options import DOWNLOADS, MODEL, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Answer, Span
    from footage.inference.segment_queries import Segment
    from service.events import ServiceEvent
    from service.scenes import SceneAnswers

EXAMPLES = options.examples(
    'footage ask zoo.mp4 "Which animal appears?"',
    'footage ask match.mkv@12:30-13:00 "Who has the ball?" --json',
    'footage ask gate.mp4@12.5 yard.mp4@1:40 "Is this the same car?" --model molmo2-4b',
    'footage ask before.jpg after.jpg "What changed?" --model molmo2-4b',
    'footage ask talk.mkv "What does she announce?" --subtitles embedded --model molmo2-4b',
    'footage ask https://example.org/zoo.mp4 "Which animal appears?" --fetch',
)


@takes_settings("service", *MODEL, "window_seconds", *DOWNLOADS)
def run(
    place: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE[@TIME|@START-END]...",
            help="Video files, each with an optional moment or segment, and image files.",
        ),
    ],
    question: Annotated[str, typer.Argument(help="The question, as the last argument.")],
    subtitles: Annotated[
        str,
        typer.Option(
            "--subtitles",
            metavar="FILE",
            help="Subtitles for the model: a .srt, .vtt or .ass file, or embedded for the video's own track.",
        ),
    ] = "",
    fetch: options.Fetch = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask a question about videos, segments, moments or images.

    A longer segment is split into windows, with one answer per window. Several images and moments become one
    question if the model can compare images: they are Image 1, Image 2 and so on. Otherwise, each is a
    separate question. Of the subtitles, the model reads those of each window.
    """
    from service.ask import AskRequest, ask
    from service.events import SceneAnswered

    request = AskRequest(places=tuple(place), question=question, subtitles=subtitles, fetch=fetch)
    with progress.shown() as display:

        def on_event(event: ServiceEvent) -> None:
            if isinstance(event, SceneAnswered):
                display.close()
                _show(event.answers, json=json, several=len(request.places) > 1)
            else:
                display(event)

        ask(options.service_for(settings), request, on_event=on_event)


def _show(answers: SceneAnswers, *, json: bool, several: bool) -> None:
    """Print the answers about one scene or several moments; on stderr the unreadable parts."""
    if json:
        from service.operations.asking import answer_records

        moments.note_unseen(answers.unseen)
        console.emit_records(answer_records(answers))
        return
    if answers.together is not None:
        _print([(scene, scene.span) for scene in answers.scenes], answers.together, headed=False)
        return
    [scene] = answers.scenes
    moments.note_unseen(answers.unseen)
    headed = several or len(answers.windows) > 1
    for window in answers.windows:
        _print([(scene, window.shown.span)], window.answer, headed=headed)


def _print(seen: list[tuple[Segment, Span]], answer: Answer, *, headed: bool) -> None:
    """One answer, and what it is about."""
    from service.scenes import answer_text

    if headed:
        [(scene, span)] = seen
        console.results().print(
            moments.name_and_times(scene.path.name, span, is_image=scene.video.is_image), soft_wrap=True
        )
    for line in answer_text(answer).split("\n"):
        console.results().print(console.plain(line), soft_wrap=True)
