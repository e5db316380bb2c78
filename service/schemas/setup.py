"""Lines of JSON about models, this machine and the app: of models, serve-command, doctor and ui."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from footage.core.index_place import IndexPlace
from service.schemas.base import Record

if TYPE_CHECKING:
    from footage.vlm.profile import Profile


class SamplingFields(Record):
    """How the tokens of an answer are chosen."""

    temperature: float
    """Divides the logits before a token is drawn; 0 takes the likeliest token."""
    top_p: float
    """Tokens are drawn from the likeliest ones that have this probability together."""
    repetition_penalty: float
    """Divides the logits of tokens that came before."""
    seed: int
    """Seed of the sampling."""


class ModelRecord(Record):
    """A known model, of `models list`."""

    name: str
    """Name on the command line."""
    repository: str
    """Repository on the model hub; empty for a model that comes with the project."""
    revision: str | None
    """Commit that is fetched; null where the one that is fetched first stays."""
    licence: str
    """Licence of the weights, as an SPDX identifier."""
    gated: bool
    """Whether the hub asks for an accepted form and a token."""
    family: str
    """Module of `footage.vlm.backends` that runs it."""
    model_type: str
    """The "model_type" of its config.json."""
    vision_config: str
    """Key of the vision tower in config.json."""
    billions: float
    """Parameters, in billions."""
    skills: list[str]
    """What it can do: "caption", "find", "ask", "point", "track"."""
    caption_prompt: str
    """The question for a scene and its events."""
    second_prompt: str
    """A second question, in which {caption} stands for the first answer; empty for none."""
    find_template: str
    """The question when an event takes place, with {event} where the event goes."""
    find_form: Literal["from-to", "seconds", "pairs"]
    """Form of a find answer: "From 3.0 to 4.0.", "3.0 - 4.0 seconds", or a JSON array of pairs."""
    multi_span: bool
    """Whether one find answer may hold several spans."""
    says_absent: bool
    """Whether a find answer without spans is evidence that the event is absent."""
    prompt_version: str
    """Version of its prompts and of how its answers are read."""
    video_form: Literal["template", "bare", "stamped"]
    """Form of a video in the prompt: as the chat template writes it, without the tokens around it, or the
    same with times that footage writes between the frames."""
    prose: bool
    """Whether a caption without a timed line counts as one event of the whole window."""
    sampling: SamplingFields
    """Sampling of captions and free answers."""
    fps: float
    """Frames sampled per second of video."""
    min_frames: int
    """Fewest frames sampled from a window."""
    max_frames: int
    """Most frames sampled from a window."""
    pixels_per_frame: int
    """Upper bound of a frame's area, in pixels."""
    min_pixels_per_frame: int
    """Frames of a smaller area, in pixels, are enlarged to about this."""
    pixels_per_clip: int | None
    """Upper bound of the area of all frames of a window together, in pixels; null for no such bound."""
    window_seconds: float
    """Length of the windows a video is cut into."""
    overlap_seconds: float
    """Overlap of neighbouring windows."""
    caption_tokens: int
    """Most tokens of a caption."""
    find_tokens: int
    """Most tokens of a find answer."""
    ask_tokens: int
    """Most tokens of the answer to a free question."""
    end_ids: list[int]
    """Tokens that end an answer on a server."""
    vllm: list[tuple[str, str]]
    """Options of vLLM, with their values, beside those that all models need."""
    notice: str
    """One sentence that is shown when the model is loaded; empty for none."""
    runs: list[Literal["here", "server"]]
    """Where it can run: in this process, or on a model server."""
    selected_for: list[Literal["captions", "finds"]]
    """What the settings select it for."""
    weights_local: bool
    """Whether its weights are on this machine."""

    @classmethod
    def of(cls, profile: Profile, **more: Any) -> Self:
        """A model of the table without its folder, and the other fields."""
        known = asdict(profile)
        del known["folder"]
        return cls(**known, **more)


class CapabilityFields(Record):
    """One promise of a model's own card."""

    capability: str
    """The promise."""
    ours: Literal["yes", "partly", "no"]
    """Whether it is available here."""
    reason: str
    """What is missing and why; empty for "yes"."""
    tests: list[str]
    """Tests that hold what is available, as "tests/test_x.py::test_name"."""


class ModelCardRecord(ModelRecord):
    """One known model with the capabilities of its card, of `models show`."""

    capabilities: list[CapabilityFields]
    """What its card promises, and what of it is available here."""


class DownloadRecord(Record):
    """The weights that `models download` fetched or found."""

    name: str
    """Name of the model."""
    repository: str
    """Its repository on the hub."""
    revision: str
    """Commit of the weights."""
    folder: str
    """Where they are."""
    licence: str
    """Licence of the weights, as an SPDX identifier."""


class ServeCommandRecord(Record):
    """How to serve a model, of `models serve-command`."""

    command: list[str]
    """The vLLM command, word by word."""
    model: str
    """What --model is then."""


class DiagnosisRecord(Record):
    """The result of one check of `doctor`."""

    name: str
    """What was checked."""
    state: Literal["ok", "warn", "fail"]
    """"ok"; "warn": the main functions work without it; "fail": they do not."""
    detail: str
    """What was seen."""
    hint: str
    """What to do next; empty without a problem."""


class AppRecord(Record):
    """Where the app of `ui` is; printed when it starts."""

    address: str
    """Its address, with the token for searching and editing if it asks for tokens."""
    view_address: str = ""
    """Its address with the token for searching alone; only if it asks for tokens."""
    db: IndexPlace
    """The index."""
    model: str
    """The model, as in --model."""
