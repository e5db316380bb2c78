"""Every setting of the project in one typed place: default, environment variable, config key.

It knows what the settings are called and which values make sense, and nothing of what they switch.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from footage.core.disk_cache import Shelf
from footage.core.errors import FileError, UsageError
from footage.core.index_place import IndexPlace, index_place
from footage.core.setting_sources import CARD_VARIABLES as CARD_VARIABLES
from footage.core.setting_sources import CONFIG_VARIABLE as CONFIG_VARIABLE
from footage.core.setting_sources import ENV_PREFIX as ENV_PREFIX
from footage.core.setting_sources import TEST_PREFIX as TEST_PREFIX
from footage.core.setting_sources import card_variables, explained, warn_of_variable
from footage.core.setting_values import UserPath, known_device, known_executor, known_tracks, paths
from footage.core.sound_choice import checked_sound
from footage.core.text_files import read_text
from footage.core.tracks import RUN_TRACKS
from footage.core.verdicts import FOUND_FROM

OPTION_NAMES = {
    "window_seconds": ("--window", "--window-seconds"),
    "overlap_seconds": ("--overlap", "--overlap-seconds"),
}
"""Options of the command line whose name is not the setting's."""
CAPTION_SETTINGS = (
    *("prompt", "prompt_file", "stage2_prompt", "caption_tokens"),
    *("temperature", "top_p", "repetition_penalty"),
)
"""Settings of captions and free answers; they change no find."""
PROFILE_SETTINGS = (*CARD_VARIABLES, *CAPTION_SETTINGS)
"""Settings that change what a model is shown and asked; see ``footage.vlm.changes.Changes``."""


class Settings(BaseSettings):
    """All settings: from the command line, then the environment, then the config file."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, protected_namespaces=()
    )

    file_values: ClassVar[dict[str, Any]] = {}
    """What the config file says."""

    db: Annotated[IndexPlace, BeforeValidator(index_place)] = Field(
        default=Path("~/.footage/index.lancedb"),
        validate_default=True,
        description="Folder of the index, or its address on object storage (s3://, gs://, az://).",
    )
    service: Literal["auto", "never", "always"] = Field(
        default="auto",
        description=(
            "Use of the running service of the index (`footage serve`), which keeps models loaded: auto (if "
            "one runs), never, or always (an error without one)."
        ),
    )
    model: str = Field(
        default="marlin-2b",
        min_length=1,
        description=(
            "Vision-language model: a profile (see `footage models`), a folder of weights, or the address "
            "of a server and a model name, as in http://localhost:8000/v1#marlin-2b."
        ),
    )
    model_path: UserPath | None = Field(
        default=None,
        description="Folder with the weights of the profile, instead of the model hub.",
    )
    find_model: str = Field(
        default="",
        description=(
            "Model that finds the times of events, in the forms of --model; unset: the model that captions."
        ),
    )
    find_model_path: UserPath | None = Field(
        default=None,
        description="Folder with the weights of the find model's profile, instead of the model hub.",
    )
    device: Annotated[str, AfterValidator(known_device)] = Field(
        default="auto", description="Device of the model: auto, cuda, cuda:1, mps or cpu."
    )
    allow_remote: bool = Field(
        default=False,
        description="Allow a model server on another machine, which receives parts of the videos.",
    )
    fetch_private: bool = Field(
        default=False,
        description="Allow downloads from this machine and from private networks (with --fetch).",
    )
    fetch_max_gb: float = Field(
        default=4, gt=0, description="Maximum size of a download, in gigabytes (with --fetch)."
    )
    webhook_private: bool = Field(
        default=False,
        description="Allow alerts to webhooks on this machine and in private networks.",
    )
    accept_server_sampling: bool = Field(
        default=False,
        description="Accept a model server that changes the frames or times before the model sees them.",
    )
    server_requests: int = Field(
        default=8, ge=1, le=256, description="Maximum number of concurrent requests to a model server."
    )
    server_timeout_seconds: float = Field(
        default=600,
        gt=0,
        description="Time limit for a request to a model server, in seconds.",
    )
    server_patience_seconds: float = Field(
        default=600,
        ge=0,
        description="Waiting time for an unavailable model server, for example during a restart, in seconds.",
    )
    embedder: str = Field(
        default="minilm",
        min_length=1,
        description=(
            "Text embedder: minilm (installed with footage), or a sentence-transformers name or folder."
        ),
    )
    rerank: str | None = Field(
        default=None,
        min_length=1,
        description="Cross-encoder for re-ranking the best texts of a search: a folder or a hub name.",
    )
    window_seconds: float | None = Field(
        default=None,
        gt=0,
        le=120,
        description="Length of a window, in seconds; unset: the value of the profile.",
    )
    overlap_seconds: float | None = Field(
        default=None,
        ge=0,
        lt=120,
        description="Overlap of neighbouring windows, in seconds; unset: the value of the profile.",
    )
    grounding_window_seconds: float | None = Field(
        default=None,
        gt=0,
        le=120,
        description="Length of a window during a search, in seconds; unset: the value of the profile.",
    )
    found_from: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description='Minimum confidence for "found", 0 to 1; unset: as the calibration promises, else 0.7.',
    )
    not_found_below: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description='Confidence limit for the verdict "not found": below this value, 0 to 1.',
    )
    calibration: UserPath | None = Field(
        default=None,
        description="Calibration file from `footage calibrate`; unset: the calibration of the profile, if "
        "any.",
    )
    fps: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description=(
            "Frames per second of video; unset: the value of the profile. The vendor's caption() and find() "
            "ignore this variable."
        ),
    )
    min_frames: int | None = Field(
        default=None,
        ge=2,
        description="Minimum number of frames per window, even; unset: the value of the profile.",
    )
    max_frames: int | None = Field(
        default=None,
        ge=2,
        description=(
            "Maximum number of frames per window, even; longer windows use fewer frames per second. Unset: "
            "the value of the profile."
        ),
    )
    max_pixels: int | None = Field(
        default=None,
        ge=1024,
        description=(
            "Maximum number of pixels per frame; larger frames are scaled down. Unset: the value of the "
            "profile."
        ),
    )
    prompt: str | None = Field(
        default=None,
        description=(
            "Prompt for captions; unset: the prompt of the profile. Marlin writes times only for its own "
            "prompt."
        ),
    )
    prompt_file: UserPath | None = Field(default=None, description="File with the prompt for captions.")
    stage2_prompt: str | None = Field(
        default=None,
        description=(
            "Second prompt, with {caption} (or the word user_prompt) as placeholder for the first answer; "
            "the second answer becomes the caption. Unset: the prompt of the profile."
        ),
    )
    caption_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Maximum length of a caption, in tokens; unset: the value of the profile.",
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description=(
            "Sampling temperature for captions and free answers, not for times; 0: always the most likely "
            "token. Unset: the value of the profile."
        ),
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description=(
            "Top-p sampling: use only the most likely tokens with this total probability; unset: the value "
            "of the profile."
        ),
    )
    repetition_penalty: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Repetition penalty, above 1; unset: the value of the profile.",
    )
    tracks: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(known_tracks)] = Field(
        default=None,
        description=(
            f"Tracks of the index: {', '.join(RUN_TRACKS)}, separated by commas; unset: all that can be made "
            "here, captions only if the model is available."
        ),
    )
    image_embedder: str = Field(
        default="auto",
        min_length=1,
        description=(
            "Image embedder: siglip2-base, clip-base, qwen3-vl-embedding-2b, demo-clip, a folder or a name "
            "on the hub. auto: the one of the index; for a new index demo-clip beside the demo model, else "
            "siglip2-base if it is available and there is a GPU or --image-vectors is set."
        ),
    )
    image_vectors: bool | None = Field(
        default=None,
        description="Make image vectors without a GPU, too; no: never make any. Unset: with a GPU, with the "
        "demo model, with an image embedder that is named, and where the index has some.",
    )
    reuse: bool = Field(
        default=True,
        description="Carry a caption over to later windows of a fixed camera in which nothing changes.",
    )
    speech_model: str = Field(
        default="auto",
        min_length=1,
        description=(
            "Speech recogniser: a Whisper model by name (tiny, base, small, medium, large-v3, "
            "large-v3-turbo, tiny.en) or a folder of CTranslate2 files. auto: large-v3-turbo on a GPU, small "
            "on a CPU, tiny.en (installed with footage, English only) without a network."
        ),
    )
    speech_sound: Annotated[str, AfterValidator(checked_sound)] = Field(
        default="main",
        description="Sound tracks whose speech is recognised: main, all, or their numbers as in 1,3.",
    )
    subtitle_offset_seconds: float = Field(
        default=0,
        ge=-86400,
        le=86400,
        description="Time added to subtitle files beside a video, in seconds; negative: earlier.",
    )
    batch_size: int = Field(default=8, ge=1, le=256, description="Number of windows per batch.")
    queue_windows: int = Field(
        default=4, ge=1, le=256, description="Maximum number of decoded windows in memory."
    )
    decode_timeout_seconds: float = Field(
        default=120, gt=0, description="Time limit for decoding, in seconds."
    )
    executor: Annotated[str, AfterValidator(known_executor)] = Field(
        default="local",
        description=(
            "Where index runs decode and caption: local, ray (Ray on this machine, or the cluster in "
            "RAY_ADDRESS), or the head of a Ray cluster, as in ray://10.0.0.5:6379."
        ),
    )
    cluster_models: int | None = Field(
        default=None,
        ge=1,
        description=(
            "Number of models that caption on a cluster; unset: as many as its GPUs hold, without GPUs one "
            "for each node."
        ),
    )
    cluster_gpus: float | None = Field(
        default=None,
        ge=0,
        description=(
            "GPUs of each model on a cluster, such as 0.5 for two models on one GPU; unset: 1 if the cluster "
            "has GPUs and the model runs on its nodes, else 0."
        ),
    )
    cluster_track_gpus: float = Field(
        default=0,
        ge=0,
        description="GPUs of each worker of a cluster that reads speech and screen text or embeds pictures.",
    )
    export_dir: UserPath = Field(
        default_factory=lambda: platformdirs.user_videos_path() / "footage",
        description="Folder for clips and reels written by the app.",
    )
    allow_indexing_from_app: bool | None = Field(
        default=None,
        description="Allow the app to start index runs; unset: only if no other machine can reach it, or if "
        "it asks for a token.",
    )
    library_roots: Annotated[tuple[UserPath, ...], NoDecode, BeforeValidator(paths)] = Field(
        default=(),
        description="Additional folders that the app may index, with all subfolders; in the environment "
        "variable separated as in PATH.",
    )
    app_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        description="Address of the app as browsers reach it, such as https://footage.example.org; alerts "
        "link to it.",
    )
    audit_log: UserPath = Field(
        default_factory=lambda: platformdirs.user_state_path("footage") / "audit.jsonl",
        description="Audit log of changes made through the app and the service, as JSON Lines.",
    )
    token_file: UserPath | None = Field(
        default=None,
        description="File with the owner's token of the service over TCP, made by its first start; unset: a "
        "file for each index in the state folder of the user.",
    )
    traces: bool | None = Field(
        default=None,
        description="Send OpenTelemetry traces of the service, times and counts without texts, to the "
        "collector in OTEL_EXPORTER_OTLP_ENDPOINT. Unset: if that is set and the extra otel is installed.",
    )
    cache_dir: UserPath = Field(
        default_factory=lambda: platformdirs.user_cache_path("footage"),
        description="Folder for previews and thumbnails; safe to delete.",
    )
    object_cache_gb: float = Field(
        default=10.0,
        ge=0,
        allow_inf_nan=False,
        description="Cache size in cache_dir for parts of videos that are read from object storage, in "
        "gigabytes; 0: no cache.",
    )
    keep_jobs_days: float = Field(
        default=30.0,
        ge=0,
        allow_inf_nan=False,
        description="Days after which the service removes jobs that have ended.",
    )
    keep_seen_gb: float = Field(
        default=0,
        ge=0,
        description="Cache size in cache_dir for the model state of each window, in gigabytes. Later "
        "questions about a cached window need no decoding. Marlin needs 22 MB for 30 s of video; 0: no "
        "cache.",
    )

    @property
    def for_finds(self) -> Settings:
        """These settings with the find model as the model; the same where one model does both.

        Frames are set for both models; prompts, lengths and sampling of captions are not for finds.
        """
        if not self.find_model or (self.find_model, self.find_model_path) == (self.model, self.model_path):
            return self
        finds: dict[str, Any] = {"model": self.find_model, "model_path": self.find_model_path}
        return self.model_copy(update={**finds, **dict.fromkeys(CAPTION_SETTINGS)})

    @property
    def shelf(self) -> Shelf | None:
        """The cache of windows as the model sees them, if it is on."""
        return self.seen if self.keep_seen_gb else None

    @property
    def seen(self) -> Shelf:
        """The folder of the cache of windows, whether the cache is on or not."""
        return Shelf(self.cache_dir / "seen", int(self.keep_seen_gb * 1e9))

    @property
    def blocks(self) -> Shelf:
        """The cache of parts of objects, whether it is on or not."""
        return Shelf(self.cache_dir / "objects", int(self.object_cache_gb * 1e9))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of sources: the caller, our variables, those of the model's card, then the file."""
        card = {name: os.environ[variable] for name, variable in card_variables().items()}
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, card),
            InitSettingsSource(settings_cls, cls.file_values),
        )


def default_config_file() -> Path:
    """The config file that is read when none is named and this one exists."""
    return platformdirs.user_config_path("footage") / "config.toml"


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.

    Args:
        config: TOML file; None means the one in ``FOOTAGE_CONFIG``, else the user's own if there is one.
        overrides: Settings by name, stronger than everything else; those that are None count as not given.

    Raises:
        UsageError: in one sentence, when the file cannot be read, a key is unknown or a value makes no sense.
    """
    for name in sorted(os.environ):
        warn_of_variable(name, tuple(Settings.model_fields))
    file = _config_file(config)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:

        class FileSettings(Settings):
            file_values = tomllib.loads(read_text(file)) if file else {}

        settings = FileSettings(**given)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"The config file {file} is not valid TOML: {exc}.") from exc
    except OSError as exc:
        raise FileError(f"The config file {file} cannot be read: {exc.strerror or exc}.") from exc
    except ValidationError as exc:
        raise explained(exc, given, file, tuple(Settings.model_fields)) from exc
    if settings.find_model_path is not None and not settings.find_model:
        raise UsageError(
            f"find_model_path ({settings.find_model_path}) needs find_model, the name of its profile.",
            hint="For example: --find-model timelens2-4b --find-model-path FOLDER",
        )
    found_from = FOUND_FROM if settings.found_from is None else settings.found_from
    if settings.not_found_below >= found_from:
        raise UsageError(
            f"not_found_below ({settings.not_found_below:g}) must be smaller than found_from "
            f"({found_from:g})."
        )
    for one, other in (("prompt", "prompt_file"), ("prompt_file", "prompt")):
        if one in given and other not in given:
            settings = settings.model_copy(update={other: None})
    if settings.prompt is not None and settings.prompt_file is not None:
        raise UsageError("prompt and prompt_file exclude each other: set only one.")
    window, overlap = settings.window_seconds, settings.overlap_seconds
    if window is not None and overlap is not None and overlap >= window:
        raise UsageError(f"overlap_seconds ({overlap:g}) must be smaller than window_seconds ({window:g}).")
    return settings


def _config_file(config: Path | None) -> Path | None:
    """The file to read, or None when there is none to read."""
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        usual = default_config_file()
        return usual if usual.is_file() else None
    named = named.expanduser()
    if not named.is_file():
        raise FileError(
            f"There is no config file {named}.",
            hint=f"Name another file with --config or {CONFIG_VARIABLE}, or none to use the defaults.",
        )
    return named
