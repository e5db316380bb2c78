"""A model for Python programs: captions, spans and answers about a video of any length, as dictionaries.

m = open_model("marlin-2b")
m.caption("video.mp4")["events"]
m.find("video.mp4", event="a dog runs")["span"]

It cuts the video into windows, asks about each and puts what was said together in video time. It knows no
index, and weighs nothing: whether a span is right is ``search``'s business.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Unpack

from footage import vlm
from footage.core.endpoint import Access
from footage.core.errors import DecodeError, UsageError, VideoError
from footage.core.timeline import merge_events, merge_spans
from footage.core.types import Answer, Caption, Span, Video, Window, WindowRecord
from footage.core.windows import plan_windows
from footage.inference.responses import (
    Answered,
    AnsweredWindow,
    Captioned,
    Found,
    FoundWindow,
    Problem,
    TimedEvent,
    Told,
)
from footage.media.sandbox import Sampler, probe
from footage.vlm import contract
from footage.vlm.captioning import captions
from footage.vlm.profiles import Changes, require
from footage.vlm.protocol import Prepared, Prompt, Sampling, VideoModel

Progress = Callable[[int, int], None]
"""Called with (windows done, windows in all)."""


def open_model(
    name_or_folder: str,
    *,
    device: str = "auto",
    model_path: Path | None = None,
    revision: str | None = None,
    offline: bool = False,
    access: Access | None = None,
    **changes: Unpack[Changes],
) -> OpenModel:
    """Loads a model for use on video files.

    Args:
        name_or_folder: A name of ``footage models``, the path of a model folder, or the address of a server.
        device: "auto", "cuda", "cuda:N", "mps" or "cpu".
        model_path: Folder with the named model's weights.
        revision: Commit of its repository, instead of the pinned one.
        offline: Fetch nothing.
        access: How servers may be used; None for this machine's alone.
        **changes: What is to differ from its profile, such as ``fps=1.0`` or ``caption_prompt="…"``.

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
        )
    )


class OpenModel:
    """A model that is asked about video files.

    Every method takes ``start`` and ``end`` in seconds of video time, the lengths of windows where the
    profile's are not wanted, and ``on_progress``. All of them raise a ``VideoError`` when the file cannot be
    read or none of its windows can, a ``UsageError`` when there is nothing between ``start`` and ``end``, the
    windows cannot be cut so or the model cannot do it, and a ``ModelError`` when the model fails.
    """

    def __init__(self, model: VideoModel, *, timeout_seconds: float = 120) -> None:
        """Take a model that is loaded.

        Args:
            model: Whom to ask.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        self.model = model
        self._timeout_seconds = timeout_seconds

    def caption(
        self,
        video: str | os.PathLike[str],
        *,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> Captioned:
        """Says what happens, and when."""
        require(self.model.profile, "caption")
        asking = self._asking(video, start, end, window_seconds, overlap_seconds)
        records = [
            WindowRecord(window, caption, self.model.provenance)
            for windows, prepared in asking.batches(on_progress)
            for window, caption in zip(windows, self._captions(windows, prepared), strict=True)
        ]
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
            "windows": [
                {
                    "start": record.window.span.start_seconds,
                    "end": record.window.span.end_seconds,
                    "raw": record.caption.raw,
                    "scene": record.caption.scene,
                    "finish_reason": record.caption.finish_reason,
                    "notes": list(record.caption.notes),
                }
                for record in records
            ],
            **asking.told(),
        }

    def find(
        self,
        video: str | os.PathLike[str],
        *,
        event: str,
        start: float | None = None,
        end: float | None = None,
        window_seconds: float | None = None,
        overlap_seconds: float | None = None,
        on_progress: Progress | None = None,
    ) -> Found:
        """Says when ``event`` takes place."""
        prompt = contract.find_prompt(event, self.model.profile)
        asking = self._asking(video, start, end, window_seconds, overlap_seconds)
        windows = [_found(window, answer) for window, answer in asking.answers(prompt, on_progress)]
        best = max(windows, key=lambda each: (each["span"] is not None, each["probability"] or 0.0))
        named = [Span(*each["span"]) for each in windows if each["span"] is not None]
        return {
            "raw": best["raw"],
            "span": best["span"],
            "format_ok": best["format_ok"],
            "spans": [(span.start_seconds, span.end_seconds) for span in merge_spans(named)],
            "windows": windows,
            **asking.told(),
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
    ) -> Answered:
        """Answers a free question, for each window."""
        prompt = contract.ask_prompt(question, self.model.profile)
        asking = self._asking(video, start, end, window_seconds, overlap_seconds)
        return _answered(asking, prompt, on_progress)

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
    ) -> Answered:
        """Gives the model a prompt as it is written (see ``contract.raw_prompt``), for each window."""
        profile = self.model.profile
        prompt = contract.raw_prompt(text, profile, max_new_tokens=max_new_tokens, sampling=sampling)
        asking = self._asking(video, start, end, window_seconds, overlap_seconds)
        return _answered(asking, prompt, on_progress, keep_think=keep_think)

    def _captions(self, windows: Sequence[Window], prepared: Sequence[Prepared]) -> list[Caption]:
        seeds = [window.index for window in windows]
        told = captions(prepared, seeds=seeds, profile=self.model.profile, run=self.model.run)
        return [each for each in told if isinstance(each, Caption)]  # what does not fit was raised

    def _asking(
        self,
        path: str | os.PathLike[str],
        start: float | None,
        end: float | None,
        window_seconds: float | None,
        overlap_seconds: float | None,
    ) -> _Asking:
        profile = self.model.profile
        video = probe(path, timeout_seconds=self._timeout_seconds)
        first = float(start or 0)
        last = min(math.inf if end is None else end, video.duration_seconds)
        if not 0 <= first < last:
            raise UsageError(
                f"There is nothing from {first:g} to {last:g} s in {Path(path).name}, "
                f"which lasts {video.duration_seconds:.1f} s."
            )
        length = profile.window_seconds if window_seconds is None else window_seconds
        windows = plan_windows(
            "",
            last,
            start_seconds=first,
            gaps=video.gaps,
            window_seconds=length,
            overlap_seconds=min(profile.overlap_seconds, length / 2)
            if overlap_seconds is None
            else overlap_seconds,
        )
        if not windows:
            raise UsageError(f"{Path(path).name} has no frames from {first:g} to {last:g} s.")
        return _Asking(self.model, path, video, Span(first, last), windows, self._timeout_seconds)


class _Asking:
    """One prompt's way through the windows of one file."""

    def __init__(
        self,
        model: VideoModel,
        path: str | os.PathLike[str],
        video: Video,
        span: Span,
        windows: Sequence[Window],
        timeout_seconds: float,
    ) -> None:
        self._model, self._video, self._span, self._windows = model, video, span, windows
        self._problems: list[Problem] = []
        profile = model.profile
        self._sampler = Sampler(
            path,
            [window.span for window in windows],
            **profile.frame_budget,
            video=video,
            timeout_seconds=timeout_seconds,
        )

    def batches(self, on_progress: Progress | None) -> Iterator[tuple[list[Window], list[Prepared]]]:
        """The windows that can be seen, in order, some at a time, ready for the model.

        Raises:
            DecodeError: when none can.
        """
        numbers, done = iter(range(len(self._windows))), 0
        can = self._model.capabilities
        size = max(1, min(can.windows_ahead, can.max_batch))
        while batch := list(islice(numbers, size)):
            ready = {n: prepared for n in batch if (prepared := self._prepare(n)) is not None}
            if ready:
                yield [self._windows[n] for n in ready], list(ready.values())
            done += len(batch)
            if on_progress:
                on_progress(done, len(self._windows))
        if len(self._problems) == len(self._windows):
            raise DecodeError(self._problems[0]["reason"])

    def answers(self, prompt: Prompt, on_progress: Progress | None) -> Iterator[tuple[Window, Answer]]:
        """The windows that can be seen, with the model's answers; errors as ``batches``."""
        for windows, prepared in self.batches(on_progress):
            yield from zip(windows, self._model.run([(each, prompt) for each in prepared]), strict=True)

    def told(self) -> Told:
        """What was asked about, once it was."""
        return {
            "start": self._span.start_seconds,
            "end": self._span.end_seconds,
            "duration": self._video.duration_seconds,
            "problems": self._problems,
            "provenance": {
                name: value
                for name, value in asdict(self._model.provenance).items()
                if name != "cutting"  # the windows say it
            },
        }

    def _prepare(self, number: int) -> Prepared | None:
        try:
            return self._model.prepare(self._sampler.take(number))
        except VideoError as error:
            span = self._windows[number].span
            self._problems.append(
                {"start": span.start_seconds, "end": span.end_seconds, "reason": str(error)}
            )
            return None


def _found(window: Window, answer: Answer) -> FoundWindow:
    reading = contract.read_span(answer, window.span)
    logprobs = answer.token_logprobs
    return {
        "start": window.span.start_seconds,
        "end": window.span.end_seconds,
        "raw": answer.raw,
        "span": (reading.span.start_seconds, reading.span.end_seconds) if reading.span else None,
        "format_ok": reading.format_ok,
        "probability": math.exp(sum(logprobs) / len(logprobs)) if logprobs else None,
    }


def _answered(
    asking: _Asking, prompt: Prompt, on_progress: Progress | None, *, keep_think: bool = False
) -> Answered:
    windows: list[AnsweredWindow] = [
        {
            "start": window.span.start_seconds,
            "end": window.span.end_seconds,
            "text": answer.raw if keep_think else contract.read_text(answer),
            "raw": answer.raw,
            "finish_reason": answer.finish_reason,
        }
        for window, answer in asking.answers(prompt, on_progress)
    ]
    return {"text": "\n\n".join(each["text"] for each in windows), "windows": windows, **asking.told()}
