"""The search by picture: real drawn clips, their vectors of the demo image embedder, and what users give."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from command_runner import CommandRunner
from PIL import Image

from footage.core.config import load_settings
from footage.core.errors import DecodeError, FileError, NotAVideoError, SchemaMismatchError, UsageError
from footage.core.timecode import iou
from footage.core.tracks import IMAGE_TRACK
from footage.core.types import Caption, CaptionEvent, Provenance, Span, Window, WindowRecord
from footage.embed.image_embedder import DEMO, load_image_embedder
from footage.store import Store
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene, render, write_clip
from indexer.events import Projector
from search.picture_queries import PictureQueries, QueryPicture
from search.picture_verdict import ALMOST_SAME, UNFITTED, PictureCalibration, load_picture_calibration
from search.query.parser import parse_query
from service.index import index_paths
from service.picture_search import PictureSearchRequest, PictureSource, search_like, search_pictures
from service.session import Loaders, Service
from ui.cli.main import app

RED_CAR = ("car", "red", "drives", "from left to right")
BLUE_DOG = ("dog", "blue", "runs", "from right to left")
YELLOW_BALL = ("ball", "yellow", "bounces", "in the middle")
SCENES = {
    "street.mp4": (SyntheticScene("street", "bench", "left", "day", 1), [(RED_CAR, 3.0, 7.0)]),
    "park.mp4": (
        SyntheticScene("park", "tree", "right", "day", 2),
        [(BLUE_DOG, 1.0, 5.0), (RED_CAR, 8.0, 12.0)],
    ),
    "beach.mp4": (SyntheticScene("beach", "house", "left", "dusk", 3), [(BLUE_DOG, 6.0, 10.0)]),
}
SECONDS = 14.0
CARS = {"street.mp4": Span(3, 7), "park.mp4": Span(8, 12)}


def drawn(scene, events, seconds=SECONDS):
    made = [SyntheticEvent(*what, start, end, seed=n) for n, (what, start, end) in enumerate(events)]
    return SyntheticClip(scene, tuple(made), seconds, 0)


def picture(what, *, backdrop="yard"):
    """A picture of a thing in a scene that no clip has, and the box about it."""
    scene = SyntheticScene(backdrop, "lamp post", "right", "day", 5)
    frame, empty = render(drawn(scene, [(what, 0.0, 4.0)]), [1.8, 6.0])
    differs = np.abs(frame.astype(int) - empty).max(axis=2) > 30
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    height, width = frame.shape[:2]
    box = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    return frame, tuple(map(float, box))


def saved(path, pixels):
    Image.fromarray(pixels).save(path, quality=90)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for name, (scene, events) in SCENES.items():
        write_clip(drawn(scene, events), root / name)
    saved(root / "car.jpg", picture(RED_CAR)[0])
    saved(root / "ball.jpg", picture(YELLOW_BALL)[0])
    return root


@pytest.fixture(scope="module")
def embedder():
    return load_image_embedder()


@pytest.fixture(scope="module")
def service(folder, embedder):
    settings = load_settings(None, model="demo", db=folder / "index.lancedb")
    service = Service(settings, loaders=Loaders(image_embedder=lambda _, name: embedder))
    index_paths(
        [folder / name for name in SCENES],
        settings,
        store=service.created_store(),
        model=None,
        embedder=service.embedder(),
        makers=[service.image_maker(DEMO)],
    )
    return service


def search(service, given, words="", **options):
    source = given if isinstance(given, PictureSource) else PictureSource(path=given)
    return search_pictures(service, PictureSearchRequest(picture=source, words=words, **options))


def boxed(folder, what, name):
    frame, box = picture(what)
    return PictureSource(path=saved(folder / name, frame), box=box)


def names(result):
    return [Path(match.path).name for match in result.matches]


def test_a_boxed_picture_finds_the_thing_in_other_scenes_with_its_times(service, folder):
    result = search(service, boxed(folder, RED_CAR, "boxed.png"))
    assert set(names(result)[:2]) == set(CARS)
    for match in result.matches[:2]:
        event = CARS[Path(match.path).name]
        assert iou(match.span, event) > 0.5
        at_seconds = dict(match.measures)["at_seconds"]
        assert event.start_seconds <= at_seconds < event.end_seconds
        assert match.track == IMAGE_TRACK and not match.grounded and match.evidence
        assert match.calibrated and match.confidence is not None
    sure = [match.confidence for match in result.matches]
    assert sure == sorted(sure, reverse=True)
    assert max(sure[2:]) < min(sure[:2])
    assert result.picture == "boxed.png" and result.outcome == "found"


def test_a_thing_that_is_nowhere_is_not_found(service, folder):
    result = search(service, boxed(folder, YELLOW_BALL, "absent.png"))
    assert result.outcome == "not found"
    assert all(match.verdict != "found" for match in result.matches)
    assert next(iter(result.coverage.tracks.values())).seconds == pytest.approx(3 * SECONDS, abs=0.5)


def test_filters_stand_beside_a_picture_with_and_without_words(service, folder):
    car = boxed(folder, RED_CAR, "filtered.png")
    assert set(names(search(service, car, "path:*park.mp4"))) == {"park.mp4"}
    assert not search(service, car, "longer:1h").matches
    long = search(service, car, "event-longer:3s").matches
    assert long and all(match.span.duration_seconds >= 3 for match in long)
    assert search(service, car, "camera:nowhere").notes == (
        'There is no camera "nowhere"; the index has no camera.',
    )


def test_words_beside_a_picture_must_fit_too(service, folder):
    car = boxed(folder, RED_CAR, "words.png")
    alone = search(service, car).matches
    with_words = search(service, car, "a blue dog").matches
    assert "words_similarity" in dict(with_words[0].measures)
    best = {match.span: match.confidence for match in alone}
    assert all(
        match.confidence <= best[match.span] + 1e-9 for match in with_words if match.span in best
    )  # words only take away
    assert with_words[0].confidence < alone[0].confidence
    assert "Movement was not looked at." in " ".join(with_words[0].evidence)


@pytest.mark.parametrize("words", ["a car THEN a dog", "said:hello", "in:speech a car", "a car AND a dog"])
def test_what_no_picture_shows_is_refused(service, folder, words):
    with pytest.raises(UsageError, match="one thing that is seen"):
        search(service, folder / "car.jpg", words)


def test_moments_that_look_like_an_excluded_picture_are_left_out(service, folder):
    car = boxed(folder, RED_CAR, "wanted.png")
    street = PictureSource(moment="street.mp4@0:05")
    left = search(service, car, exclude=(street,)).matches
    assert not any(
        Path(match.path).name == "street.mp4" and iou(match.span, CARS["street.mp4"]) > 0.3 for match in left
    )
    assert left


def test_the_moment_itself_is_no_answer_and_an_unreachable_file_is_searched_by_its_vector(
    service, folder, embedder
):
    moment = PictureSource(moment="street.mp4@0:05")
    there = search(service, moment)
    assert there.matches and not any(
        Path(match.path).name == "street.mp4" and match.span.start_seconds <= 5 < match.span.end_seconds
        for match in there.matches
    )
    away = folder / "away.mp4"
    shutil.move(folder / "street.mp4", away)
    try:
        stored = search(service, moment)
        assert {match.span for match in stored.matches[:3]} == {match.span for match in there.matches[:3]}
        with pytest.raises(FileError, match="cannot be reached"):
            search(service, PictureSource(moment="street.mp4@0:05", box=(0, 0, 0.5, 0.5)))
    finally:
        shutil.move(away, folder / "street.mp4")
    with pytest.raises(UsageError, match="which lasts"):
        search(service, PictureSource(moment="street.mp4@1:05"))


def test_bytes_are_as_good_as_a_file_and_leave_none_behind(service, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = (folder / "car.jpg").read_bytes()
    given, read = search(service, PictureSource(data=data)), search(service, folder / "car.jpg")
    assert [(match.span, match.confidence) for match in given.matches] == [
        (match.span, match.confidence) for match in read.matches
    ]
    with pytest.raises(NotAVideoError, match="no image"):
        search(service, PictureSource(data=b"<script>alert(1)</script>"))
    with pytest.raises(DecodeError, match="cannot be decoded"):
        search(service, PictureSource(data=data[:300]))
    assert not list(tmp_path.iterdir())


def test_a_box_is_the_part_that_is_cut_out(service, folder, embedder):
    pixels = np.array(Image.open(folder / "car.jpg"))
    height, width = pixels.shape[:2]
    part = pixels[: height // 2, width // 2 :]
    buffer = io.BytesIO()
    Image.fromarray(part).save(buffer, "PNG")
    cut = search(service, PictureSource(path=folder / "car.jpg", box=(0.5, 0.0, 1.0, 0.5)))
    same = search(service, PictureSource(data=buffer.getvalue()))
    assert [match.measures for match in cut.matches] == [match.measures for match in same.matches]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "one of"),
        ({"path": Path("a.jpg"), "moment": "a.mp4@1"}, "one of"),
        ({"data": b""}, "0 bytes"),
        ({"path": Path("a.jpg"), "box": (0.5, 0, 0.5, 1)}, "not inside"),
        ({"path": Path("a.jpg"), "box": (-0.1, 0, 0.5, 1)}, "not inside"),
        ({"path": Path("a.jpg"), "box": (0, 0, float("nan"), 1)}, "not inside"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(fields, says):
    with pytest.raises(UsageError, match=says):
        PictureSource(**fields)


def test_a_tiny_box_a_video_and_a_missing_file_are_refused_in_a_sentence(service, folder):
    with pytest.raises(UsageError, match="at least 8 a side"):
        search(service, PictureSource(path=folder / "car.jpg", box=(0, 0, 0.01, 0.01)))
    with pytest.raises(UsageError, match=r"street\.mp4 is a video") as refused:
        search(service, folder / "street.mp4")
    assert "--like" in refused.value.hint


def test_an_index_without_image_vectors_says_how_to_make_them(tmp_path, folder, service):
    Store.open(tmp_path / "empty", create=True)
    empty = Service(load_settings(None, db=tmp_path / "empty"))
    with pytest.raises(SchemaMismatchError, match="no image vectors") as missing:
        search(empty, folder / "car.jpg")
    assert "--tracks image" in missing.value.hint
    other = Service(service.settings.model_copy(update={"image_embedder": "clip-base"}))
    with pytest.raises(SchemaMismatchError, match="'clip-base', but of demo-clip"):
        search(other, folder / "car.jpg")


def test_without_a_fit_only_the_same_picture_is_found(service, folder, embedder):
    queries = PictureQueries(service.store(), service.image_retriever(), UNFITTED)
    rows = service.store().images.of(DEMO, _content(service, "beach.mp4"))
    middle = next(row for row in rows if row.span.start_seconds <= 2 < row.span.end_seconds)

    def ask(vector):
        return queries.search(
            QueryPicture(vector, "it"),
            parse_query("", wordless=True),
            thresholds=service.looking().thresholds,
        ).matches

    same = ask(middle.vector.astype(np.float32))[0]
    assert same.verdict == "found" and ALMOST_SAME <= same.confidence <= 1
    assert same.span.start_seconds <= 2 < same.span.end_seconds
    other = ask(embedder.embed_pictures([picture(RED_CAR)[0]])[0])
    assert other and all(match.verdict != "found" and not match.calibrated for match in other)
    assert "No verdict was fitted" in " ".join(other[0].evidence)


def _content(service, name):
    return next(file.content_id for file in service.store().files.all() if file.path.endswith(name))


def test_the_fit_that_comes_with_the_project_separates(tmp_path):
    fit = load_picture_calibration(DEMO)
    for each in (fit.picture, fit.text):
        assert each.card is not None and each.card.auroc > 0.95
        low, high = ({"similarity": x, "height": x, "standing": 0.0} for x in (0.1, 0.9))
        assert each.confidence(low) < 0.2 and each.confidence(high) > 0.9
    assert load_picture_calibration("another") is UNFITTED
    (tmp_path / "odd.json").write_text('{"embedder": "odd"}')
    with pytest.raises(UsageError, match="invalid"):
        load_picture_calibration("odd", folder=tmp_path)
    assert PictureCalibration.model_validate_json(fit.model_dump_json()) == fit


def test_captions_at_that_time_are_shown_and_excluded_words_leave_moments_out(
    service, folder, embedder, tmp_path
):
    shutil.copytree(folder / "index.lancedb", tmp_path / "index")
    store = Store.open(tmp_path / "index")
    content_id, span = _content(service, "park.mp4"), Span(0, SECONDS)
    lines = (
        CaptionEvent(Span(1, 5), "A blue dog runs."),
        CaptionEvent(Span(8, 12), "A truck drives through the park."),
    )
    store.windows.commit(
        [
            WindowRecord(
                Window(content_id, 0, span), Caption("", lines, "", "stop"), Provenance("demo", "", "", "")
            )
        ]
    )
    Projector(store, service.embedder()).project(content_id)
    captioned = Service(
        service.settings.model_copy(update={"db": tmp_path / "index"}),
        loaders=Loaders(image_embedder=lambda _, name: embedder),
    )
    car = boxed(folder, RED_CAR, "captioned.png")
    texts = {Path(match.path).name: match.text for match in reversed(search(captioned, car).matches)}
    assert texts["park.mp4"] == "A truck drives through the park."
    without = search(captioned, car, "-truck").matches
    assert without and not any("truck" in match.text for match in without)
    assert search(service, car, "-truck").notes == (
        "No captions are indexed there, so nothing is left out by its words.",
    )


def run(folder, *arguments):
    return CommandRunner().invoke(app, ["search", "--db", str(folder / "index.lancedb"), *arguments])


def test_the_command_prints_answers_and_what_was_searched(service, folder):
    found = run(folder, "--image", str(folder / "car.jpg"), "--json")
    assert found.exit_code == 0 and '"picture":"car.jpg"' in found.stdout.replace(": ", ":")
    absent = run(folder, "--image", str(folder / "ball.jpg"), "path:*beach.mp4")
    assert "Nothing in the library looks like ball.jpg" in absent.stderr
    assert "Understood: path:*beach.mp4" in absent.stderr


def test_like_takes_the_picture_where_nothing_is_captioned(service, folder):
    result = search_like(service, "street.mp4@0:05")
    assert result.matches and result.notes == (
        "Nothing is captioned at street.mp4@0:05, so its picture was searched for.",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--image", "a.jpg", "--like", "b.mp4@1"], "either --image or --like"),
        (["a dog", "--exclude-image", "a.jpg"], "--exclude-image is for searches by picture"),
        (["a dog", "--box", "0,0,1,1"], "--box is for searches by picture"),
        (["a dog", "--by", "picture"], "there is no --like"),
        (["--like", "b.mp4@1", "--by", "caption", "--box", "0,0,1,1"], "--by caption"),
        (["--image", "a.jpg", "--exhaustive"], "--exhaustive cannot be used"),
        (["--image", "a.jpg", "--box", "left"], "'left' is no box"),
        ([], "needs a query"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path, arguments, says):
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2 and says in result.stderr
