"""What is known of one model: origin, prompts, budget, and how its answers are read; loads nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from footage.vlm.sampling import LIKELIEST, Sampling

Skill = Literal["caption", "find", "ask", "point", "track"]
"""A task that a model can do."""

VideoForm = Literal["template", "bare", "stamped"]
"""Form of a video in the prompt. "template": as the checkpoint's chat template and processor write it.
"bare": without the vision_start and vision_end that Qwen's templates write around the whole video; each pair
of frames has its own, after its time stamp. "stamped": the same for a processor that writes no times; this
project writes them."""

FindForm = Literal["from-to", "seconds", "pairs"]
"""Form of a find answer. "from-to": "From 3.0 to 4.0.". "seconds": "The event happens in 3.0 - 4.0 seconds.".
"pairs": a JSON array of [start, end] pairs, "[[3.0, 4.0], [8.5, 9.0]]"; empty where the event is absent."""

CAPTION_PROMPT = (
    "Provide a spatial description of this clip followed by time-ranged events.\n"
    "For each event, give the time range as <start - end> and a short description."
)
"""The training-time caption prompt of NemoStation/Marlin-2B; a paraphrase makes it answer in other forms."""

FIND_TEMPLATE = (
    'Identify the timestamps during which "{event}" takes place. '
    'Output the time range as "From <start> to <end>." (numbers in seconds).'
)
"""The training-time grounding prompt of NemoStation/Marlin-2B."""


CAPTION_PLACE = "{caption}"
"""Stands for the first answer in a second prompt."""
CURATOR_PLACE = "user_prompt"
"""Does the same in a second prompt without the other; NVIDIA NeMo Curator puts its second stage in place of
the last of these words (``nemo_curator/models/qwen_vl.py``)."""


class FrameBudget(TypedDict):
    """The frames sampled from a window; arguments of ``footage.media.video.sample``."""

    fps: float
    min_frames: int
    max_frames: int
    pixels_per_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One known model. The budget fields are part of its training contract: change none of them for speed."""

    name: str
    """Name on the command line."""
    repository: str
    """Repository on the model hub; empty for a model that exists as a local folder only."""
    revision: str | None
    """Commit to fetch. None: the hub's main branch at first use; that commit stays
    (``footage.vlm.weights.FIRST_USED``)."""
    licence: str
    """Licence of the weights, as an SPDX identifier; "see its page" where none has been verified."""
    gated: bool = False
    """True when the hub asks for an accepted form and a token."""
    family: str = "qwen35"
    """Module of ``footage.vlm.backends`` that runs it."""
    model_type: str = "qwen3_5"
    """The "model_type" of its config.json."""
    vision_config: str = "vision_config"
    """Key of the vision tower in config.json."""
    billions: float = 0.0
    """Parameters, in billions."""
    skills: tuple[Skill, ...] = ("caption", "find", "ask")
    """The tasks that it can do."""
    caption_prompt: str = CAPTION_PROMPT
    """The question for a scene and its events."""
    second_prompt: str = ""
    """A second question about the same window, in which {caption}, or the word ``user_prompt``, stands for
    the answer to the first; its answer is the caption. Empty for none."""
    find_template: str = FIND_TEMPLATE
    """The question when an event takes place, with {event} where the event goes."""
    find_form: FindForm = "from-to"
    """How its answer is read."""
    multi_span: bool = False
    """Whether one find answer may hold several spans."""
    says_absent: bool = False
    """Whether a find answer without spans is evidence that the event is absent."""
    prompt_version: str = "marlin-2"
    """Goes up with any change to a prompt, its video form, how a query is cleaned, or how an answer is read.
    marlin-1: the video was wrapped."""
    video_form: VideoForm = "template"
    """The form in the model's own reference code."""
    prose: bool = False
    """Whether a caption without a timed line counts as one event of the whole window."""
    sampling: Sampling = LIKELIEST
    """Sampling of captions and free answers; find answers take the likeliest tokens."""
    folder: Path | None = None
    """Folder of weights that come with the project, otherwise None."""
    fps: float = 2.0
    """Frames sampled per second of video."""
    min_frames: int = 4
    """Fewest frames sampled from a window; even."""
    max_frames: int = 240
    """Most frames sampled from a window; even."""
    pixels_per_frame: int = 200_704
    """Upper bound of a frame's area, in pixels."""
    min_pixels_per_frame: int = 0
    """Frames of a smaller area, in pixels, are enlarged to about this."""
    pixels_per_clip: int | None = None
    """Upper bound of the area of all frames of a window together, in pixels; None for no such bound."""
    window_seconds: float = 30.0
    """Length of the windows a video is cut into."""
    overlap_seconds: float = 5.0
    """Overlap of neighbouring windows."""
    caption_tokens: int = 2048
    """Cap on a caption's length, in tokens."""
    find_tokens: int = 64
    """Cap on a find answer's length, in tokens."""
    ask_tokens: int = 512
    """Cap on the answer to a free question, in tokens."""
    end_ids: tuple[int, ...] = ()
    """Tokens that end an answer, for servers: those of all its configs, which may disagree."""
    vllm: tuple[tuple[str, str], ...] = ()
    """Options of vLLM, with their values, beside those that all models need."""
    notice: str = ""
    """One sentence to show once when the model is loaded; empty for none."""

    def __post_init__(self) -> None:
        if self.min_frames % 2 or self.max_frames % 2 or not 2 <= self.min_frames <= self.max_frames:
            raise ValueError(
                f"frames must be even and 2 <= min <= max, got {self.min_frames}..{self.max_frames}"
            )
        if not (0 < self.fps < math.inf and self.pixels_per_frame > 0 and self.caption_tokens > 0):
            raise ValueError(
                "frames a second, pixels of a frame and tokens of a caption must be more than 0, "
                f"got {self.fps}, {self.pixels_per_frame} and {self.caption_tokens}"
            )
        if not 0 <= self.overlap_seconds < self.window_seconds:
            raise ValueError(
                f"the overlap must be at least 0 s and shorter than the window ({self.window_seconds} s), "
                f"got {self.overlap_seconds} s"
            )
        if "{event}" not in self.find_template:
            raise ValueError(f"{{event}} is missing in the find prompt {self.find_template!r}")

    @property
    def is_served(self) -> bool:
        """Whether a model server can show it its prompts; none writes the times of "stamped" videos."""
        return self.video_form != "stamped"

    @property
    def frame_budget(self) -> FrameBudget:
        """The frames sampled from its windows."""
        return FrameBudget(
            fps=self.fps,
            min_frames=self.min_frames,
            max_frames=self.max_frames,
            pixels_per_frame=self.pixels_per_frame,
        )
