"""Options that are settings, made from ``footage.core.config.Settings``, which is loaded when first used.

A command names the settings it takes and gets a ``Settings`` object::

    @takes_settings("db", "model")
    def run(query: str, *, settings: Settings) -> None: ...

Name, type, help, environment variable and default of each option come from the field. The options are added
when a command is parsed or its help is shown, so that ``footage --help`` need not load pydantic.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PANEL = "Settings (also lines of the config file and environment variables)"
MODEL_PANEL = "Model (unset: as the model was trained)"

MODEL = ("model", "model_path", "device", "allow_remote")
"""Settings of every command that uses a model."""
DOWNLOADS = ("fetch_private", "fetch_max_gb")
"""Settings of commands with ``--fetch``."""
FINDS = ("model", "model_path", "find_model", "find_model_path", "device", "allow_remote")
"""Settings of every command that asks a model when something happens."""
FRAMES = ("fps", "min_frames", "max_frames", "max_pixels")
"""Settings of the frames for the model."""
CAPTIONS = ("prompt", "prompt_file", "stage2_prompt", "caption_tokens")
"""Settings of caption prompts."""
TRACKS = (
    *("tracks", "speech_model", "speech_sound", "subtitle_offset_seconds"),
    *("image_embedder", "image_vectors"),
)
"""Settings of the tracks of an index."""
CLUSTER = ("executor", "cluster_models", "cluster_gpus", "cluster_track_gpus")
"""Settings of index runs on a cluster."""
SAMPLING = ("temperature", "top_p", "repetition_penalty")
"""Settings of sampling."""

_METAVARS = {
    "db": "INDEX",
    "service": "auto|never|always",
    "model": "NAME",
    "model_path": "FOLDER",
    "find_model": "NAME",
    "find_model_path": "FOLDER",
    "device": "DEVICE",
    "executor": "local|ray|ray://HOST:PORT",
    "embedder": "NAME",
    "image_embedder": "NAME",
    "rerank": "NAME",
    "window_seconds": "SECONDS",
    "overlap_seconds": "SECONDS",
    "prompt_file": "FILE",
    "token_file": "FILE",
    "tracks": "LIST",
    "speech_model": "NAME",
    "speech_sound": "WHICH",
    "subtitle_offset_seconds": "SECONDS",
}

_given: ContextVar[dict[str, Any] | None] = ContextVar("settings given on the command line", default=None)


def takes_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Pass the settings to a command, with an option for each of these names and ``--config``.

    Args:
        names: Fields of ``Settings``, in the order of the help.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(**arguments: Any) -> None:
            from footage.core.config import load_settings

            given = _given.get() or {}
            settings = load_settings(given.get("config"), **{name: given.get(name) for name in names})
            function(**arguments, settings=settings)

        signature = inspect.signature(function, eval_str=True, locals={"Settings": object})
        own = [parameter for name, parameter in signature.parameters.items() if name != "settings"]
        run.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
        run.setting_names = names  # type: ignore[attr-defined]
        return run

    return decorate


def names_of(callback: Callable[..., Any] | None) -> tuple[str, ...]:
    """The settings that a command takes; none for a command without ``takes_settings``."""
    names: tuple[str, ...] = getattr(callback, "setting_names", ())
    return names


def take_from(parameters: dict[str, Any], names: tuple[str, ...]) -> None:
    """Move the values of setting options out of a command's parameters, for ``takes_settings`` to read."""
    _given.set({name: parameters.pop(name) for name in (*names, "config") if name in parameters})


def names_in_use() -> tuple[str, ...]:
    """The settings that the running command takes."""
    return tuple(_given.get() or {})


def config_file() -> Path | None:
    """The ``--config`` file of the running command."""
    file: Path | None = (_given.get() or {}).get("config")
    return file


def is_given(name: str) -> bool:
    """Whether a setting was given on the command line of the running command."""
    return (_given.get() or {}).get(name) is not None


@cache
def verbosity() -> list[Any]:
    """The options ``--quiet`` and ``--verbose``, which every command has."""

    def template(
        quiet: Annotated[
            bool, typer.Option("--quiet", "-q", help="Show no progress and no remarks, only errors.")
        ] = False,
        verbose: Annotated[
            bool, typer.Option("--verbose", "-v", help="Print the log to stderr, from INFO on.")
        ] = False,
    ) -> None:
        """Only its signature is used."""

    return _parameters(template)


@cache
def options(names: tuple[str, ...]) -> list[Any]:
    """The options of some settings, and ``--config``, as parameters of a command."""

    def template(**arguments: Any) -> None:
        """Only its signature is used."""

    hints = {name: _hint(name) for name in names}
    hints["config"] = Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file with settings (FOOTAGE_CONFIG).",
            rich_help_panel=PANEL,
        ),
    ]
    template.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
            for name, hint in hints.items()
        ]
    )
    template.__annotations__ = hints
    return _parameters(template)


def _parameters(template: Callable[..., None]) -> list[Any]:
    """The parameters created by Typer from the signature of a function."""
    app = typer.Typer(add_completion=False)
    app.command()(template)
    return list(typer.main.get_command(app).params)


def _hint(name: str) -> Any:
    """The annotation of an option, for Typer."""
    from footage.core.config import OPTION_NAMES, PROFILE_SETTINGS, Settings

    field = Settings.model_fields[name]
    kind = _plain_type(field.annotation)
    flags = OPTION_NAMES.get(name) or (_flag(name, off=kind is bool and field.default is not False),)
    return Annotated[
        kind | None,
        typer.Option(
            *flags,
            metavar=None if kind is bool else _METAVARS.get(name, "TEXT" if kind is str else "N"),
            help=f"{field.description} {_sources(name, field)}",
            show_default=False,
            rich_help_panel=MODEL_PANEL if name in PROFILE_SETTINGS else PANEL,
        ),
    ]


def _flag(name: str, *, off: bool) -> str:
    """The option of a setting; with ``off``, and one that switches it off."""
    option = name.replace("_", "-")
    return f"--{option}/--no-{option}" if off else f"--{option}"


def _plain_type(annotation: Any) -> Any:
    """``Path`` for ``Annotated[Path, …] | None``, and so on."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [each for each in get_args(annotation) if each is not type(None)]
        [annotation] = kinds if len(kinds) == 1 else [str]  # a path would join the slashes of an address
        return _plain_type(annotation)
    return str if get_origin(annotation) is tuple else annotation  # a list is one text with commas


def _sources(name: str, field: FieldInfo) -> str:
    """Environment variables and default of a setting: "(FOOTAGE_DEVICE; default: auto)"."""
    from footage.core.config import CARD_VARIABLES, ENV_PREFIX

    variables = ", ".join(filter(None, [ENV_PREFIX + name.upper(), CARD_VARIABLES.get(name)]))
    default = field.default
    if default is None:
        return f"({variables})"
    shown = {True: "yes", False: "no"}.get(default, default) if isinstance(default, bool) else default
    return f"({variables}; default: {shown})"
