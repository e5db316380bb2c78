"""A stand-in that finds only, and answers with all spans of a window at once, or with none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from standin_finder import PROFILE, StandinFinder, TestVideo, same

from footage.core.timecode import overlap_seconds
from footage.core.types import Answer, Provenance, Span
from footage.vlm.profile import Profile
from footage.vlm.profiles import TIMELENS2_4B
from footage.vlm.protocol import Capabilities, Prepared, Prompt

SEVERAL = replace(
    TIMELENS2_4B,
    name="standin-several",
    pixels_per_clip=None,
    pixels_per_frame=96 * 64,
    min_pixels_per_frame=0,
    window_seconds=PROFILE.window_seconds,
    overlap_seconds=PROFILE.overlap_seconds,
)


class SeveralFinder(StandinFinder):
    """Names every true span inside the window, in a JSON array."""

    def __init__(
        self,
        videos: Sequence[TestVideo],
        *,
        answers: Mapping[str, str] | None = None,
        profile: Profile = SEVERAL,
        revision: str = "1",
    ) -> None:
        super().__init__(videos, answers=answers)
        self._profile, self._revision = profile, revision

    @property
    def profile(self) -> Profile:
        return self._profile

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            token_logprobs=True,
            max_batch=2,
            multi_span=self._profile.multi_span,
            says_absent=self._profile.says_absent,
        )

    @property
    def provenance(self) -> Provenance:
        return Provenance(self._profile.name, self._revision, self._profile.prompt_version, "test")

    def _answer(self, prepared: Prepared, prompt: Prompt) -> Answer:
        assert prompt.kind == "find", prompt
        video: TestVideo = prepared.payload
        window = prepared.span
        event = prompt.text.split("'")[1]
        self.asked.append((video.name, window, event))
        if video.name in self.answers:
            return Answer(self.answers[video.name], "stop", (-0.1,))
        spans = [Span(*pair) for text, pairs in video.events.items() for pair in pairs if same(text, event)]
        inside = [
            [
                max(0.0, span.start_seconds - window.start_seconds),
                min(window.duration_seconds, span.end_seconds - window.start_seconds),
            ]
            for span in spans
            if overlap_seconds(span, window) > 0
        ]
        return answer_with_tokens(json.dumps(inside))


def answer_with_tokens(text: str, *, sure: float = -0.01) -> Answer:
    """An answer of one token a character, all as sure."""
    return Answer(text, "stop", (sure,) * len(text), tuple(text))
