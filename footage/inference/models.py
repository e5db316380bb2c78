"""A model for Python programs: captions, spans and answers about a video of any length, as dictionaries.

m = open_model("marlin-2b")
m.caption("video.mp4")["events"]
m.find("video.mp4", event="a dog runs")["span"]

It cuts the video into windows, runs the model on each and merges the answers in video time. It knows no
index, and does not judge whether a span is right: that is the business of ``search``.
"""

from __future__ import annotations

import math
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

from footage import vlm
from footage.core.endpoint import Access
from footage.core.errors import UsageError
from footage.core.timeline import merge_events, merge_spans
from footage.core.types import Answer, Caption, Span, Video, Window, WindowRecord
from footage.core.windows import runs
from footage.inference.card_arguments import caption_profile, find_version, sampling_for
from footage.inference.file_job import FileJob, Progress
from footage.inference.multichunk import chunk_groups, group_windows, multichunk_window
from footage.inference.responses import (
    AskResponse,
    CaptionResponse,
    FindResponse,
    MultichunkResponse,
    TimedEvent,
    WindowCaption,
    WindowSpan,
    WindowText,
)
from footage.inference.windows import cut_segment
from footage.media.sandbox import probe
from footage.vlm import contract
from footage.vlm.captioning import captions
from footage.vlm.changes import Changes
from footage.vlm.multichunk import MULTICHUNK_VERSION, multichunk_text
from footage.vlm.profiles import require
from footage.vlm.protocol import Precision, Prompt, RawModel, VideoModel
from footage.vlm.sampling import LIKELIEST, Sampling


def open_model(
    name_or_folder: str,
    *,
    device: str = "auto",
    model_path: Path | None = None,
    revision: str | None = None,
    offline: bool = False,
    access: Access | None = None,
    dtype: Precision | None = None,
    **changes: Unpack[Changes],
) -> OpenModel:
    """Load a model for use on video files.

    Args:
        name_or_folder: A name of ``footage models``, the path of a model folder, or the address of a server.
        device: "auto", "cuda", "cuda:N", "mps" or "cpu".
        model_path: Folder with the named model's weights.
        revision: Commit of its repository, instead of the pinned one.
        offline: Fetch nothing.
        access: How servers may be used; None for this machine's alone.
        dtype: "bfloat16" or "float32"; None for the device's own, see ``footage.vlm.load_model``.
        **changes: Changes to its profile, such as ``fps=1.0`` or ``caption_prompt="…"``.

    Raises:
        FootageError: As ``footage.vlm.load_model``.
    """
    return OpenModel(
        vlm.load_model(
            name_or_folder,
            device=device,
            model_path=model_path,
            revision=revision,
            offline=offline,
            changes=changes,
            access=access,
            dtype=dtype,
        )
    )


class OpenModel:
    """A model that answers about video files.

    Every method takes ``start`` and ``end`` in seconds of video time, the window length and overlap where the
    profile's are not wanted, and ``on_progress``. All of them raise a ``VideoError`` when the file cannot be
    read or none of its windows can, a ``UsageError`` when there is nothing between ``start`` and ``end``, the
    options make no sense or the model lacks the skill, and a ``ModelError`` when the model fails.

    ``caption`` and ``find`` take the keyword arguments of the helpers on Marlin's card, with the meaning that
    they have in transformers:

    - ``max_new_tokens``: cap on the answer about one window, in tokens (Marlin: 2048 and 64).
    - ``prompt``: replaces the prompt that the model was trained with.
    - ``do_sample``: False takes the likeliest token at every step, True draws tokens. None: as the profile
      says, which for Marlin and the demo model is False.
    - ``temperature`` and ``top_p``: of the draw, 1.0 unless given; without effect unless ``do_sample=True``.
    - ``seed``: of the draw (not on the card, where torch's global state decides; servers draw by themselves).
    """

    def __init__(self, model: VideoModel, *, timeout_seconds: float = 120) -> None:
        """Take a model that is loaded.

        Args:
            model: The model.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        self.model = model
        self._timeout_seconds = timeout_seconds

    def caption(
        self,
        video: str | os.PathLike[str],
        *,
        max_new_tokens: int | None = None,
        prompt: str | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int = 0,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> CaptionResponse:
        """Describe the scene and its events, with their times.

        ``prompt`` must ask for the same form of answer; what is not in that form ends up in ``scene``.
        """
        require(self.model.profile, "caption")
        sampling = sampling_for(self.model.profile.sampling, do_sample, temperature, top_p, seed)
        profile = caption_profile(self.model.profile, sampling, max_new_tokens, prompt)
        job = self._job(video, start, end, window_seconds, overlap_seconds)
        results = job.results(
            lambda numbers, prepared: captions(
                prepared, seeds=[job.windows[n].index for n in numbers], profile=profile, run=self.model.run
            ),
            on_progress,
        )
        records = [WindowRecord(window, caption, self.model.provenance) for window, caption in results]
        events: list[TimedEvent] = [
            {"start": event.span.start_seconds, "end": event.span.end_seconds, "description": event.text}
            for event in merge_events("", records)
        ]
        scene = "\n\n".join(dict.fromkeys(record.caption.scene for record in records if record.caption.scene))
        lines = [f"<{each['start']:.1f} - {each['end']:.1f}> {each['description']}" for each in events]
        return {
            "caption": "\n".join([f"Scene: {scene}", "", "Events:", *lines]),
            "scene": scene,
            "events": events,
            "windows": [_window_caption(record.window.span, record.caption) for record in records],
            **job.response(profile.prompt_version),
        }

    def find(
        self,
        video: str | os.PathLike[str],
        *,
        event: str,
        max_new_tokens: int | None = None,
        prompt: str | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int = 0,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> FindResponse:
        """Find when ``event`` takes place.

        ``prompt`` has {event} where the event goes, and must ask for the form of answer that the model's own
        prompt asks for (Marlin's: "From 3.0 to 4.0."). Tokens that were drawn have no ``probability``.
        """
        template = self.model.profile.find_template if prompt is None else prompt
        question = contract.find_prompt(
            event,
            self.model.profile,
            template=template,
            max_new_tokens=max_new_tokens,
            sampling=sampling_for(LIKELIEST, do_sample, temperature, top_p, seed),
        )
        version = find_version(self.model.profile, question, template)
        job = self._job(video, start, end, window_seconds, overlap_seconds)
        answers = list(job.answers(question, on_progress))
        readings = [contract.read_span(answer, window.span, self.model.profile) for window, answer in answers]
        windows = [
            _window_span(window, answer, reading)
            for (window, answer), reading in zip(answers, readings, strict=True)
        ]
        best = max(windows, key=lambda each: (each["span"] is not None, each["probability"] or 0.0))
        named = merge_spans(span for reading in readings for span in reading.spans)
        return {
            "raw": best["raw"],
            "span": best["span"],
            "format_ok": best["format_ok"],
            "spans": [(span.start_seconds, span.end_seconds) for span in named],
            "windows": windows,
            **job.response(version),
        }

    def ask(
        self,
        video: str | os.PathLike[str],
        question: str,
        *,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> AskResponse:
        """Answer a free question, for each window."""
        prompt = contract.ask_prompt(question, self.model.profile)
        job = self._job(video, start, end, window_seconds, overlap_seconds)
        return _ask_response(job, prompt, on_progress)

    def prompt(
        self,
        video: str | os.PathLike[str],
        text: str,
        *,
        max_new_tokens: int | None = None,
        sampling: Sampling | None = None,
        keep_think: bool = False,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> AskResponse:
        """Give the model a prompt exactly as written (see ``contract.raw_prompt``), for each window."""
        profile = self.model.profile
        prompt = contract.raw_prompt(text, profile, max_new_tokens=max_new_tokens, sampling=sampling)
        job = self._job(video, start, end, window_seconds, overlap_seconds)
        return _ask_response(job, prompt, on_progress, keep_think=keep_think)

    def multichunk(
        self,
        video: str | os.PathLike[str],
        text: str,
        *,
        chunk_seconds: float | None = None,
        max_new_tokens: int | None = None,
        sampling: Sampling | None = None,
        start: float | None = None,
        end: float | None = None,
        on_progress: Progress | None = None,
    ) -> MultichunkResponse:
        """Ask one question about several chunks at once, with their times in the prompt.

        Limited: Marlin's card gives no prompt for it, so the wording is this project's
        (``footage.vlm.multichunk``) and outside the model's training. Chunks that together fit into the frame
        budget, 120 s for Marlin, are one request.

        Args:
            video: The file.
            text: The question.
            chunk_seconds: Longest chunk; None for the profile's window.
            max_new_tokens: Cap on the answer about one group, in tokens; None for that of a caption.
            sampling: How the answer is written; None for the profile's way.
            start: Of the segment, in seconds of video time.
            end: Its end.
            on_progress: Called with (requests done, requests in all).
        """
        profile = self.model.profile
        contract.raw_prompt(text, profile)  # an empty one is refused before the file is read
        source, span = self._segment(video, start, end)
        groups = chunk_groups(span, profile, chunk_seconds=chunk_seconds, gaps=source.gaps)
        prompts = [
            contract.raw_prompt(
                multichunk_text(text, chunks), profile, max_new_tokens=max_new_tokens, sampling=sampling
            )
            for chunks in groups
        ]
        job = FileJob(self.model, video, source, span, group_windows(groups), self._timeout_seconds)
        results = job.results(
            lambda numbers, prepared: self.model.run(
                [(window, prompts[n]) for n, window in zip(numbers, prepared, strict=True)]
            ),
            on_progress,
        )
        windows = [multichunk_window(window.span, groups[window.index], answer) for window, answer in results]
        text = "\n\n".join(window["text"] for window in windows)
        return {"text": text, "windows": windows, **job.response(MULTICHUNK_VERSION)}

    # -- Raw use -------------------------------------------------------------------------------------------

    @cached_property
    def processor(self) -> Any:
        """The checkpoint's processor of transformers, for ``generate``.

        It differs from what the other methods do in two points. Given a file, it samples frames by its own
        budget (Marlin: 2 a second, at most 768, 25,165,824 pixels for the whole clip) and needs torchcodec;
        the profile's budget is another (``footage models --json``). And since transformers 5.12 it leaves a
        start and an end token around the whole video, which Marlin was not trained with and which the other
        methods leave out.

        Raises:
            UsageError: The model runs on a server.
        """
        return self._raw_model().new_processor()

    @property
    def device(self) -> Any:
        """The torch device that the model is on.

        Raises:
            UsageError: As ``processor``.
        """
        return self._raw_model().device

    def generate(
        self,
        *,
        max_new_tokens: int | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **inputs: Any,
    ) -> Any:
        """Call ``generate`` of transformers on inputs from ``processor``, for prompts of any form.

        Runs under the model's lock, and leaves windows that it has read as they are. Both tokens that end an
        answer of Marlin do so. Nothing is cut, merged or parsed.

        Args:
            max_new_tokens: Cap on the answer's length; None for transformers' default, which is short.
            do_sample: Whether tokens are drawn; None for the checkpoint's ``generation_config.json``.
            temperature: Of the draw; None as above.
            top_p: Of the draw; None as above.
            **inputs: Outputs of the processor, and further arguments of transformers' ``generate``.

        Returns:
            Token ids, int64, (rows, length): the prompt's, then the answer's.

        Raises:
            UsageError: As ``processor``.
        """
        options = {
            "max_new_tokens": max_new_tokens,
            "do_sample": do_sample,
            "temperature": temperature,
            "top_p": top_p,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return self._raw_model().generate(**inputs, **given)

    def compile(self) -> None:
        """Compile parts of each layer with ``torch.compile``, for answers that are equal within rounding.

        Compiled are norms and feed-forward parts, for all lengths at once; attention and caches stay as they
        are. The first answers afterwards take longer.

        Raises:
            UsageError: As ``processor``.
            DependencyError: torch cannot compile here, as without a C++ compiler.
        """
        self._raw_model().compile()

    def _raw_model(self) -> RawModel:
        if not isinstance(self.model, RawModel):
            raise UsageError(
                f"{self.model.profile.name} does not run in this process: there is no processor and no raw "
                "generate() for it",
                hint="Use prompt(), or open the model by its name or folder.",
            )
        return self.model

    # -- Windows -------------------------------------------------------------------------------------------

    def _segment(
        self, path: str | os.PathLike[str], start: float | None, end: float | None
    ) -> tuple[Video, Span]:
        """The file's probe, and what of it is meant."""
        video = probe(path, timeout_seconds=self._timeout_seconds)
        first = float(start or 0)
        last = min(math.inf if end is None else end, video.duration_seconds)
        if not 0 <= first < last:
            raise UsageError(
                f"There is no video from {first:g} to {last:g} s in {Path(path).name}, "
                f"which lasts {video.duration_seconds:.1f} s."
            )
        span = Span(first, last)
        if not runs(span, video.gaps):
            raise UsageError(f"{Path(path).name} has no frames from {first:g} to {last:g} s.")
        return video, span

    def _job(
        self,
        path: str | os.PathLike[str],
        start: float | None,
        end: float | None,
        window_seconds: float | None,
        overlap_seconds: float | None,
    ) -> FileJob:
        video, span = self._segment(path, start, end)
        windows = cut_segment(
            span,
            self.model.profile,
            layout="overlapping",
            window_seconds=window_seconds,
            overlap_seconds=overlap_seconds,
            gaps=video.gaps,
        )
        return FileJob(self.model, path, video, span, windows, self._timeout_seconds)


def _window_caption(span: Span, caption: Caption) -> WindowCaption:
    return {
        "start": span.start_seconds,
        "end": span.end_seconds,
        "raw": caption.raw,
        "scene": caption.scene,
        "finish_reason": caption.finish_reason,
        "notes": list(caption.notes),
    }


def _window_span(window: Window, answer: Answer, reading: contract.SpanReading) -> WindowSpan:
    logprobs = answer.token_logprobs
    return {
        "start": window.span.start_seconds,
        "end": window.span.end_seconds,
        "raw": answer.raw,
        "span": (reading.span.start_seconds, reading.span.end_seconds) if reading.span else None,
        "format_ok": reading.format_ok,
        "probability": math.exp(sum(logprobs) / len(logprobs)) if logprobs else None,
    }


def _ask_response(
    job: FileJob, prompt: Prompt, on_progress: Progress | None, *, keep_think: bool = False
) -> AskResponse:
    windows: list[WindowText] = [
        {
            "start": window.span.start_seconds,
            "end": window.span.end_seconds,
            "text": answer.raw if keep_think else contract.read_text(answer),
            "raw": answer.raw,
            "finish_reason": answer.finish_reason,
        }
        for window, answer in job.answers(prompt, on_progress)
    ]
    text = "\n\n".join(each["text"] for each in windows)
    return {"text": text, "windows": windows, **job.response(job.model.provenance.prompt_version)}
