"""`footage doctor`: check this machine and suggest fixes for problems."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from footage.core.errors import FootageError
from footage.core.index_place import state_folder
from footage.core.timecode import format_time, iou
from footage.core.types import Span
from ui.cli import console, formatting, options
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.synthetic.clips import SyntheticClip
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import VideoModel
    from service.model_check import ModelTest

EXAMPLES = options.examples(
    "footage doctor",
    "footage doctor --model demo",
    "footage doctor --model http://localhost:8000/v1#marlin-2b",
    "footage doctor --device cuda --json",
)

_KERNELS = {"flash-linear-attention": "fla", "causal-conv1d": "causal_conv1d"}
"""Packages with faster CUDA kernels, and their import names."""
_LOW_DISK_BYTES = 2 << 30
_CLIP_SECONDS = 16.0
_EVENT = Span(8.0, 13.0)
_NEEDED_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    """Name of the check."""
    state: Literal["ok", "warn", "fail"]
    """"ok"; "warn": the main functions work without it; "fail": they do not."""
    detail: str
    """What was seen."""
    hint: str = ""
    """What to do next; empty without a problem."""


@takes_settings("db", *FINDS, "embedder")
def run(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check this machine and suggest fixes for problems.

    The model is tested on a synthetic clip with known times, if its weights are on this machine or its
    server responds. Nothing is downloaded. Exit code 0 if all required checks pass, 1 otherwise.
    """
    from service.schemas.setup import DiagnosisRecord

    healthy = True
    for check in examine(settings):
        healthy = healthy and check.state != "fail"
        if json:
            console.emit_record(DiagnosisRecord(**asdict(check)))
        else:
            _print(check)
    if not healthy:
        raise typer.Exit(console.EXIT_FAILED)


def examine(settings: Settings) -> Iterator[Check]:
    """Run all checks and yield their results; a failing check raises nothing."""
    with tempfile.TemporaryDirectory(prefix="footage-doctor-") as folder:
        clip = Path(folder) / "clip.mp4"
        looks: list[tuple[str, Callable[[], Check | None]]] = [
            ("Python", _python),
            ("torch", lambda: _torch(settings)),
            ("video", lambda: _video(clip)),
            ("model", lambda: _model(settings, "model")),
            ("model test", lambda: _model_test(settings, Path(folder), "model test")),
            *_find_model_looks(settings, Path(folder)),
            ("verdicts", lambda: _verdicts(settings)),
            ("captions", lambda: _captions(settings, clip)),
            ("embedder", lambda: _embedder(settings)),
            ("database", lambda: _database(Path(folder) / "index.lancedb")),
            ("index", lambda: _index(settings)),
            ("disk", lambda: _disk(settings)),
        ]
        for name, look in looks:
            try:
                check = look()
                if check is not None:
                    yield check
            except FootageError as exc:
                yield Check(name, "fail", str(exc), exc.hint)
            except (
                Exception
            ) as exc:  # a broken installation can raise anything; the other checks still matter
                yield Check(name, "fail", f"{type(exc).__name__}: {exc}", "Run make setup again.")
    yield from _installation(settings)


def _installation(settings: Settings) -> Iterator[Check]:
    """The checks of what runs beside the commands."""
    from service.installation_checks import examine_installation

    for found in examine_installation(settings):
        yield Check(found.name, found.state, found.detail, found.hint)


def _find_model_looks(settings: Settings, folder: Path) -> list[tuple[str, Callable[[], Check | None]]]:
    """The checks of a find model of its own; each loads it alone."""
    finds = settings.for_finds
    if finds is settings:
        return []
    return [
        ("find model", lambda: _find_model(finds)),
        ("find test", lambda: _model_test(finds, folder, "find test")),
    ]


def _find_model(finds: Settings) -> Check:
    """As ``_model``, for a model that must be able to find."""
    options.service_for(finds).check_skill("find")
    return _model(finds, "find model")


def _python() -> Check:
    return Check("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def _torch(settings: Settings) -> Check:
    import torch

    wanted = settings.device
    if torch.cuda.is_available():
        index = int(wanted.partition(":")[2] or 0) if wanted.startswith("cuda") else 0
        if index >= torch.cuda.device_count():
            hint = f"Use a card from cuda:0 to cuda:{torch.cuda.device_count() - 1}."
            return Check("torch", "fail", f"there is no {wanted}", hint)
        card = torch.cuda.get_device_properties(index)
        detail = f"{torch.__version__}, {card.name} with {card.total_memory / 2**30:.0f} GiB"
        missing = [name for name, module in _KERNELS.items() if find_spec(module) is None]
        slower = f"; faster with {' and '.join(missing)}" if missing else ""
        return Check("torch", "ok", detail + slower)
    if wanted.startswith("cuda"):
        hint = "Check the driver with nvidia-smi, or use --device auto."
        return Check("torch", "fail", f"{torch.__version__} sees no CUDA device", hint)
    if torch.backends.mps.is_available() and wanted in ("auto", "mps"):
        return Check("torch", "ok", f"{torch.__version__}, mps")
    if wanted == "mps":
        return Check("torch", "fail", f"{torch.__version__} sees no MPS device", "Use --device auto.")
    detail = f"{torch.__version__}, CPU with {torch.get_num_threads()} threads"
    return Check("torch", "ok", f"{detail}; a large model is slow without a GPU")


def _video(clip: Path) -> Check:
    """Write a clip and read it back."""
    from footage.media.sandbox import probe, sample
    from footage.synthetic.clips import write_clip

    drawn = self_test_clip()
    write_clip(drawn, clip)
    video = probe(clip)
    frames = sample(clip, Span(0.0, _CLIP_SECONDS), pixels_per_frame=96 * 64)
    expected = round(2 * _CLIP_SECONDS)
    if len(frames.times_seconds) != expected or abs(video.duration_seconds - _CLIP_SECONDS) > 0.1:
        detail = (
            f"{len(frames.times_seconds)} of {expected} frames of a clip of {_CLIP_SECONDS:g} s were read"
        )
        return Check("video", "fail", detail, "Run make setup again.")
    if frames.decoder == "pyav":
        hint = (
            "Install FFmpeg's shared libraries: apt-get install ffmpeg (Debian, Ubuntu), brew install ffmpeg."
        )
        return Check(
            "video", "warn", f"torchcodec cannot decode here, {frames.decoder} does, more slowly", hint
        )
    return Check("video", "ok", f"wrote and read a clip of {_CLIP_SECONDS:g} s with {frames.decoder}")


def _model(settings: Settings, name: str) -> Check:
    """Whether the weights of the selected model are on this machine or can be downloaded."""
    from footage.core.endpoint import is_address, shown_address
    from footage.core.errors import ModelUnavailableError
    from footage.vlm.profiles import PROFILES
    from footage.vlm.weights import locate

    if is_address(settings.model):
        try:
            model = options.service_for(settings).model()
        except FootageError as exc:
            return Check(name, "fail", str(exc), exc.hint)
        sees = getattr(model, "sees", "")
        detail = f"{shown_address(settings.model)} answers as {model.provenance.model}; the model sees {sees}"
        return Check(name, "ok", detail)
    try:
        weights = locate(settings.model, model_path=settings.model_path, offline=True)
    except ModelUnavailableError as exc:
        profile = PROFILES.get(settings.model.casefold())
        if profile is None or not profile.repository or settings.model_path is not None:
            return Check(name, "fail", str(exc), exc.hint)
        return _fetchable(profile, name)
    return Check(name, "ok", f"the weights of {weights.model} are here")


def _fetchable(profile: Profile, name: str) -> Check:
    from huggingface_hub import get_token

    from footage.vlm.weights import how_to_get

    repository = profile.repository
    if profile.gated and get_token() is None:
        detail = f"{repository} is gated and there is no token"
    else:
        access = "a token is set" if profile.gated else "no token is needed"
        detail = f"the weights of {repository} are not here yet; {access}"
    return Check(name, "warn", f"{detail}; model not tested", how_to_get(profile))


def _model_test(settings: Settings, folder: Path, name: str) -> Check | None:
    """Test the selected model on a synthetic clip; None without its weights."""
    from footage.core.endpoint import is_address, shown_address
    from footage.core.errors import ModelUnavailableError
    from footage.vlm.weights import locate
    from service.model_check import examine_model, peak_memory

    served = is_address(settings.model)
    if not served:
        try:
            locate(settings.model, model_path=settings.model_path, offline=True)
        except ModelUnavailableError:
            return None
    began = time.perf_counter()
    model = options.service_for(settings).model()
    loaded = f"{'connected' if served else 'loaded'} in {time.perf_counter() - began:.1f} s"
    with console.notes().status(f"testing {console.plain(shown_address(settings.model))}"):
        tested = examine_model(model, folder)
    costs = loaded if served else f"{loaded}, {peak_memory(settings.device)}"
    speed = "" if tested.tokens_per_second is None else f", {tested.tokens_per_second:.0f} tokens a second"
    detail = f"{costs}; first answer after {tested.first_seconds:.1f} s{speed}; {_times(tested)}"
    return _judged(tested, model, detail, name)


def _times(tested: ModelTest) -> str:
    """Compare the times given by the model with those of the synthetic clip."""
    named = {"asked when": tested.find, "captions": tested.caption}
    return "; ".join(f"{name}: {times}" for name, times in named.items() if times is not None) or "no times"


def _judged(tested: ModelTest, model: VideoModel, detail: str, name: str) -> Check:
    """The result of the test; only the demo model must find every event of synthetic footage."""
    timelines = [times for times in (tested.find, tested.caption) if times is not None]
    if all(times.is_right for times in timelines):
        return Check(name, "ok", detail)
    if model.profile.name == "demo":
        hint = "Times are not reliable with this setup. Run make setup again, or set up the server again."
        return Check(name, "fail", detail, hint)
    hint = (
        "This compares the model's times with a synthetic clip, which may differ from its training data. On "
        "real footage, expect a scale of 1 and an offset of 0 s: check with `footage find` on a clip with "
        "an event at a known time."
    )
    return Check(name, "warn", detail, hint)


def self_test_clip() -> SyntheticClip:
    """A clip with one event, late enough to reveal a wrong time scale."""
    from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene

    scene = SyntheticScene("street", "tree", "left", "day", seed=0)
    event = SyntheticEvent(
        "car", "red", "drives", "from left to right", _EVENT.start_seconds, _EVENT.end_seconds, seed=0
    )
    return SyntheticClip(scene, (event,), _CLIP_SECONDS, seed=0)


def _captions(settings: Settings, clip: Path) -> Check:
    """Caption the clip with the demo model, and check text and times."""
    from footage.media.sandbox import sample
    from footage.vlm import load_model
    from footage.vlm.contract import caption_prompt, read_caption

    model = load_model("demo", device=settings.device, offline=True)
    profile = model.profile
    frames = sample(
        clip,
        Span(0.0, _CLIP_SECONDS),
        **profile.frame_budget,
    )
    [answer] = model.run([(model.prepare(frames), caption_prompt(profile))])
    events = read_caption(answer, frames.span).events
    best = max((event.span for event in events), key=lambda span: iou(span, _EVENT), default=None)
    if best is None:
        return Check(
            "captions", "fail", "the demo model found nothing in a clip of a red car", "Please report this."
        )
    seen = f"{format_time(best.start_seconds)} to {format_time(best.end_seconds)}"
    true = f"{format_time(_EVENT.start_seconds)} to {format_time(_EVENT.end_seconds)}"
    detail = f"the demo model found an event from {seen}; the true times are {true} (IoU "
    f"{iou(best, _EVENT):.2f})"
    if iou(best, _EVENT) < _NEEDED_IOU:
        return Check(
            "captions", "fail", detail, "Times are not reliable with this setup. Run make setup again."
        )
    return Check("captions", "ok", detail)


def _embedder(settings: Settings) -> Check:
    from footage.embed.text_embedder import load_embedder

    embedder = load_embedder(settings.embedder)
    car, vehicle, song = embedder.embed(
        ["a red car drives by", "a red vehicle passes", "somebody plays the piano"]
    )
    if not car @ vehicle > car @ song:
        detail = f"{embedder.name} rates a car as more similar to a piano than to a vehicle"
        return Check("embedder", "fail", detail, "Choose another --embedder.")
    return Check("embedder", "ok", f"{embedder.name}, {embedder.dimension} numbers a text")


def _database(scratch: Path) -> Check:
    from footage.core.types import File
    from footage.store import Store

    store = Store.open(scratch, create=True)
    store.files.put([File(path="/clip.mp4", content_id="1", state="new")])
    if [file.path for file in store.files.all()] != ["/clip.mp4"]:
        return Check("database", "fail", "the rows read are not the rows written", "Run make setup again.")
    return Check("database", "ok", "LanceDB writes and reads")


def _index(settings: Settings) -> Check:
    from footage.core.errors import StoreMissingError
    from footage.store import Store

    try:
        status = Store.open(settings.db).status()
    except StoreMissingError:
        return Check("index", "ok", f"none yet at {settings.db}")
    return Check("index", "ok", f"{formatting.count(status.videos, 'video')} in {settings.db}")


def _verdicts(settings: Settings) -> Check:
    """What stands behind the confidence of verdicts; no warning: searches work without a fit."""
    from service.verdict_standing import verdict_standing

    return Check("verdicts", "ok", verdict_standing(settings))


def _disk(settings: Settings) -> Check:
    place = state_folder(settings.db)
    there = next(folder for folder in (place, *place.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    detail = f"{free / 2**30:.1f} GiB free at {there}"
    if free < _LOW_DISK_BYTES:
        return Check("disk", "warn", detail, "Free some space, or choose another folder with --db.")
    return Check("disk", "ok", detail)


def _print(check: Check) -> None:
    out = console.results()
    style = {"ok": "green", "warn": "yellow", "fail": "red"}[check.state]
    table = console.table("", "", "")
    table.show_header = False
    table.columns[0].width, table.columns[1].width, table.columns[0].style = 4, 10, style
    table.add_row(check.state, check.name, console.plain(check.detail))
    if check.hint:
        table.add_row("", "", console.plain(check.hint))
    out.print(table)
