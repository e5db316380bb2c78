"""`footage ask`: a question about videos, or stretches and moments of them; needs no index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import asking, console, options

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Answer, Span
    from footage.inference.segment_queries import Segment
    from footage.vlm.protocol import PictureModel, Prompt

EXAMPLES = options.examples(
    'footage ask zoo.mp4 "Which animal appears?"',
    'footage ask match.mkv@12:30-13:00 "Who has the ball?" --json',
    'footage ask gate.mp4@12.5 yard.mp4@1:40 "Is this the same car?" --model molmo2-4b',
)


def run(
    place: Annotated[
        list[str], typer.Argument(metavar="VIDEO[@TIME|@START-END]...", help="Files, and what of them.")
    ],
    question: Annotated[str, typer.Argument(help="What you want to know; the last argument.")],
    window_seconds: options.WindowSeconds = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask a question about videos, or about stretches and moments of them.

    What is longer than the model's window is shown window by window, and each is answered. Several moments go
    to a model that compares pictures in one question, where they are Image 1, Image 2 and so on; of any other
    model, and of stretches, each is asked on its own.
    """
    from footage.vlm.contract import ask_prompt
    from footage.vlm.protocol import PictureModel

    # 1. What is wrong with a file or the question is told before anything is loaded.
    scenes = [asking.scene_of(text) for text in place]
    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        window_seconds=window_seconds,
    )
    video_model, prompt = asking.load_model(settings, lambda profile: ask_prompt(question, profile))
    # 2. Ask, and show what is answered.
    if len(scenes) > 1 and all(scene.is_moment for scene in scenes) and isinstance(video_model, PictureModel):
        _together(video_model, scenes, prompt, settings, json=json)
        return
    for scene in scenes:
        every = asking.answers(video_model, scene, prompt, settings)
        headed = len(scenes) > 1 or len(every) > 1
        for told in every:
            assert told.answer is not None
            _show([(scene, told.shown.span)], told.answer, json=json, headed=headed)


def _together(
    model: PictureModel, scenes: list[Segment], prompt: Prompt, settings: Settings, *, json: bool
) -> None:
    """One question about all the moments."""
    from footage.inference.segment_queries import ask_moments

    with console.notes().status(f"asking about {len(scenes)} pictures"):
        answer = ask_moments(model, scenes, prompt, timeout_seconds=settings.decode_timeout_seconds)
    _show([(scene, scene.span) for scene in scenes], answer, json=json, headed=False)


def _show(seen: list[tuple[Segment, Span]], answer: Answer, *, json: bool, headed: bool) -> None:
    """An answer, and what it is about."""
    from footage.vlm.contract import read_text

    text = read_text(answer)
    if json:
        about = [{"video": str(scene.path), **asking.span_fields(span)} for scene, span in seen]
        console.emit(
            type="answer", about=about, text=text, raw=answer.raw, finish_reason=answer.finish_reason
        )
        return
    if headed:
        [(scene, span)] = seen
        console.results().print(f"{console.plain(scene.path.name)} {asking.times(span)}", soft_wrap=True)
    for line in text.split("\n"):
        console.results().print(console.plain(line), soft_wrap=True)
