"""``python -m evaluation.suites NAME``: measures this project on drawn footage and public sentences.

Figures go to stdout, with ``--json`` as one JSON object; progress goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.suites.suite_options import (
    add_audit_options,
    add_images_options,
    add_retrieval_options,
    add_tracks_options,
    positive,
)
from footage.core.errors import FootageError
from footage.core.process import settle
from service.session import Service

if TYPE_CHECKING:
    from evaluation.suites.scoring import Scores
    from footage.store import Store
    from footage.vlm.protocol import VideoModel

FINDS = ("model", "model_path", "find_model", "find_model_path", "device", "allow_remote")
"""Settings that options set."""
Suite = Callable[[argparse.Namespace, Service], Mapping[str, Any]]


def demo_model(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Captions and spans of a model on unseen drawn clips of one window."""
    from evaluation.suites.scoring import evaluate_demo_model

    return evaluate_demo_model(service.model(), seed=given.seed, clips=given.clips, on_progress=_progress)


def end_to_end(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Index unseen drawn clips, search for what happens in them and for what does not, score the answers."""
    from evaluation.suites.drawn import evaluate_end_to_end

    scores, _ = evaluate_end_to_end(
        service.model(),
        service.embedder(),
        seed=given.seed,
        find_model=_find_model(service),
        videos=given.videos,
        max_queries=given.queries or 100,
        paraphrased=given.paraphrased,
        looking=service.looking(fresh=True),
        folder=given.keep,
        on_progress=_progress,
    )
    return scores


def verdicts(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Verdicts on what is there, nearly there and not there, in wordings that the fit has not seen."""
    from evaluation.suites.drawn_verdicts import evaluate_verdicts

    queries = given.queries or 200
    scores, curve = evaluate_verdicts(
        service.model(),
        service.embedder(),
        seed=given.seed,
        find_model=_find_model(service),
        present=queries,
        absent=queries,
        looking=service.looking(fresh=True),
        folder=given.keep,
        on_progress=_progress,
    )
    return {**scores, "reliability": [asdict(row) for row in curve]}


def calibration(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """`footage calibrate` in another style of drawn footage: by number of labels; or, are promises kept?"""
    from evaluation.calibrating.own import PromiseWanted
    from evaluation.suites.drawn_calibration import evaluate_calibration
    from footage.synthetic.styles import STYLES

    count = given.libraries or (20 if given.promise else 3)
    return evaluate_calibration(
        service.model(),
        service.embedder(),
        seeds=given.seeds or range(given.seed, given.seed + count),
        style=STYLES[given.style],
        find_model=_find_model(service),
        queries=given.queries or 80,
        labels=given.labels,
        resamples=given.resamples,
        promises=[PromiseWanted(precision, given.confidence) for precision in given.promise or ()],
        folder=given.keep,
        on_progress=_progress,
    )


def occurrences(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Events that happen two to five times in a drawn video: is every one found, also without captions?"""
    from evaluation.suites.drawn import evaluate_occurrences

    return evaluate_occurrences(
        service.model(),
        service.embedder(),
        seed=given.seed,
        find_model=_find_model(service),
        videos=given.videos,
        looking=service.looking(fresh=True),
        on_progress=_progress,
    )


def audit(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Plant errors in the true entries of drawn clips, and audit them: what is found, and what falsely?"""
    from evaluation.suites.audit import ACCURACY, evaluate_audit

    return evaluate_audit(
        service.model(),
        service.embedder(),
        seed=given.seed,
        find_model=_find_model(service),
        videos=given.videos,
        rate=given.rate,
        accuracy=ACCURACY.get((service.settings.model, service.settings.for_finds.model)),
        options=service.looking(),
        anew=given.anew,
        folder=given.keep,
        on_progress=_progress,
    )


def images(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Pictures beside captions, on unseen drawn clips: what no caption has, search by picture, reuse."""
    figures: dict[str, Any] = {"image_embedder": given.image_embedder}
    for part in given.parts:
        figures |= _IMAGE_PARTS[part](given, service)
    return {**figures, "seed": given.seed}


def _image_verdicts(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    from evaluation.suites.uncaptioned import PictureModels, evaluate_uncaptioned
    from service import factories

    embedder = factories.load_image_embedder(service.settings, given.image_embedder)
    maker = factories.load_image_maker(service.settings, given.image_embedder, lambda: embedder)
    queries = given.queries or 120
    scores, _ = evaluate_uncaptioned(
        service.model(),
        service.embedder(),
        PictureModels(embedder, maker),
        seed=given.seed,
        find_model=_find_model(service),
        libraries=given.libraries,
        present=queries,
        absent=queries,
        looking=service.looking(fresh=True),
        folder=_folder(given.keep, "verdicts"),
        on_progress=_progress,
    )
    return _about(scores, "verdicts")


def _image_queries(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    from evaluation.suites.picture_search import evaluate_picture_search

    scores, _ = evaluate_picture_search(
        service,
        given.image_embedder,
        seed=given.seed,
        videos=given.videos,
        folder=_folder(given.keep, "images"),
        on_progress=_progress,
    )
    return _about(scores, "images")


def _image_reuse(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    from evaluation.suites.reuse import evaluate_reuse

    scores = evaluate_reuse(
        service.model(),
        service.embedder(),
        seed=given.seed,
        hours=given.hours,
        activity=given.activity,
        compare=not given.without_comparison,
        folder=_folder(given.keep, "reuse"),
        on_progress=_progress,
    )
    return {
        name if name.startswith("reuse_") else f"reuse_{name}": value
        for name, value in scores.items()
        if name != "seed"
    }


def _image_vectors(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    from evaluation.suites.images import evaluate_pictures
    from footage.embed.image_embedder import load_image_embedder

    scores = evaluate_pictures(
        load_image_embedder(given.image_embedder),
        seed=given.seed,
        videos=given.videos,
        folder=_folder(given.keep, "vectors"),
        on_progress=_progress,
    )
    return {f"vector_{name}": value for name, value in scores.items() if name != "seed"}


_IMAGE_PARTS: dict[str, Suite] = {
    "verdicts": _image_verdicts,
    "images": _image_queries,
    "reuse": _image_reuse,
    "vectors": _image_vectors,
}
"""Parts of ``images`` by name."""


def _about(scores: Scores, part: str) -> Scores:
    """The figures of a part, with its name before those that every part has."""
    own = {f"{part}_{name}": scores[name] for name in ("videos", "seconds")}
    return {name: value for name, value in scores.items() if name not in ("videos", "seconds", "seed")} | own


def _folder(keep: Path | None, part: str) -> Path | None:
    """Where a part of a suite keeps its clips and indexes."""
    return None if keep is None else keep / part


def long_file(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """One long drawn file against the same events in short clips: what is lost, doubled or late?"""
    from evaluation.suites.long_file import evaluate_long_file

    return evaluate_long_file(service.settings, seed=given.seed, minutes=given.minutes, on_progress=_progress)


def needle(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """One moment in hours of drawn footage, among near misses: found at any length, and at what cost?"""
    from evaluation.suites.needle_options import run_needle

    return run_needle(given, service, find_model=_find_model(service), on_progress=_progress)


def tracks(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Words said and written in drawn clips, and clocks: errors, answers to words there and not there."""
    from evaluation.suites.tracks import evaluate_tracks
    from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK
    from footage.store import Store as Index
    from service.index import index_paths

    def make_index(paths: Sequence[Path], folder: Path) -> Store:
        store = Index.open(folder / "index.lancedb", create=True)
        report = index_paths(
            paths,
            service.settings,
            store=store,
            model=None,
            embedder=service.embedder(),
            makers=[service.track_maker(track) for track in (SPEECH_TRACK, SCREEN_TEXT_TRACK)],
        )
        unread = [file.reason for file in report.files if file.state != "indexed" and file.reason]
        if unread:
            raise FootageError(f"{len(unread)} of the drawn clips could not be read: {unread[0]}")
        return store

    scores, _ = evaluate_tracks(
        service.embedder(),
        make_index,
        seed=given.seed,
        videos=given.videos,
        folder=given.keep,
        on_progress=_progress,
    )
    return scores


def retrieval(given: argparse.Namespace, service: Service) -> Mapping[str, Any]:
    """Index one annotator's sentences, ask another's; per cent, 95 % intervals from 1,000 bootstrap draws."""
    from evaluation.readers import read_activitynet
    from evaluation.suites.retrieval import evaluate_retrieval
    from search.retrieval.retriever import ARMS

    scores = evaluate_retrieval(
        read_activitynet(given.corpus),
        read_activitynet(given.queries),
        service.embedder(),
        reranker=service.reranker(),
        arms=ARMS if given.arm == "all" else (given.arm,),
        cache_dir=service.settings.cache_dir,
        limit_queries=given.limit_queries,
        on_progress=_progress,
    )
    return asdict(scores)


def _find_model(service: Service) -> VideoModel | None:
    """The model that finds, where it is not the one that captions."""
    return None if service.settings.for_finds is service.settings else service.find_model()


def main(arguments: list[str] | None = None) -> int:
    """Run one suite; returns the exit code."""
    from footage.core.config import load_settings

    settle()
    given = _parser().parse_args(arguments)
    names = (*FINDS, "embedder", "rerank", "speech_model")
    try:
        service = Service(load_settings(given.config, **{name: getattr(given, name, None) for name in names}))
        figures = given.suite(given, service)
    except FootageError as error:
        print(" ".join(filter(None, [str(error), error.hint])), file=sys.stderr)  # noqa: T201
        return 1
    about = {} if given.suite in (tracks, retrieval) else {"model": service.settings.model}
    if service.settings.find_model:
        about["find_model"] = service.settings.find_model
    _print({**about, **figures}, as_json=given.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation.suites", description=__doc__)
    suites = parser.add_subparsers(required=True, metavar="NAME")
    for suite in (
        demo_model,
        end_to_end,
        verdicts,
        calibration,
        occurrences,
        audit,
        images,
        long_file,
        needle,
        tracks,
        retrieval,
    ):
        one = suites.add_parser(
            suite.__name__.replace("_", "-"), help=suite.__doc__, description=suite.__doc__
        )
        one.set_defaults(suite=suite)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
        if suite is not demo_model:
            one.add_argument("--embedder", metavar="NAME", help="text embedder")
        if suite is retrieval:
            add_retrieval_options(one)
        elif suite is tracks:
            add_tracks_options(one)
        else:
            _add_drawn(one, suite)
        if suite is images:
            add_images_options(one)
        if suite is needle:
            from evaluation.suites.needle_options import add_needle_options

            add_needle_options(one)
        if suite is audit:
            add_audit_options(one)
        if suite is calibration:
            from evaluation.suites.drawn_calibration import add_options

            add_options(one)
    return parser


def _add_drawn(parser: argparse.ArgumentParser, suite: Suite) -> None:
    parser.add_argument("--seed", type=int, default=0, help="seed of the drawn clips")
    parser.add_argument(
        "--model", default="demo", metavar="NAME", help="a profile, a folder of weights or a server"
    )
    parser.add_argument("--model-path", type=Path, metavar="FOLDER", help="folder with the profile's weights")
    parser.add_argument("--device", help="auto, cuda, cuda:1, mps or cpu")
    parser.add_argument(
        "--allow-remote", action="store_true", default=None, help="allow a model server on another machine"
    )
    if suite in (end_to_end, verdicts, calibration, occurrences, audit, images, needle):
        parser.add_argument(
            "--find-model",
            metavar="NAME",
            default="demo-find" if suite is audit else None,
            help="another model that finds",
        )
        parser.add_argument(
            "--find-model-path", type=Path, metavar="FOLDER", help="folder with its profile's weights"
        )
    if suite is demo_model:
        parser.add_argument("--clips", type=positive, default=60, metavar="N", help="clips to draw")
    if suite in (end_to_end, occurrences):
        parser.add_argument(
            "--videos",
            type=positive,
            default=40 if suite is end_to_end else 20,
            metavar="N",
            help="clips to draw",
        )
    if suite in (end_to_end, verdicts, calibration, images):
        parser.add_argument(
            "--queries",
            type=positive,
            metavar="N",
            help="queries for what is there, and as many for what is not",
        )
        parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep clips and indexes here")
    if suite is end_to_end:
        parser.add_argument(
            "--paraphrased", action="store_true", help="ask in other words than the captions use"
        )
    if suite is long_file:
        parser.add_argument("--minutes", type=float, default=60, help="length of the drawn file")


def _progress(stage: str, done: int, total: int, detail: str = "") -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{stage}: {done} of {total or '?'} {detail}\033[K", end=end, file=sys.stderr, flush=True)  # noqa: T201


def _print(figures: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_without_nan(figures), default=str))  # noqa: T201
        return
    for name, value in figures.items():
        if isinstance(value, list):
            print(f"{name}:", *value, sep="\n  ")  # noqa: T201
        elif isinstance(value, Mapping):
            _print({f"{name} {inner}": each for inner, each in value.items()}, as_json=False)
        else:
            print(f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}")  # noqa: T201


def _without_nan(value: Any) -> Any:
    """Null in place of each figure that cannot be computed: NaN is no JSON."""
    if isinstance(value, Mapping):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
