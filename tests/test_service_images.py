"""Whether a run makes image vectors, and of which embedder; the commands that make, show and renew them."""

from __future__ import annotations

import json

import pytest
from standin_images import StandinImageEmbedder
from standin_model import StandinEmbedder, StandinModel, write_levels
from tiny_image_models import write_clip
from typer.testing import CliRunner

from footage.core.config import Settings
from footage.core.errors import ModelUnavailableError, UsageError
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, RUN_TRACKS, image_track
from footage.embed.image_embedder import find_image_embedder, revision_of
from service.events import TrackLeftOut
from service.index import IndexRequest, forecast, index
from service.ready_tracks import ready_tracks
from service.session import Loaders, Service
from service.tracks import choose_image_embedder, choose_tracks
from ui.cli.main import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("FOOTAGE_TRACKS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def library(tmp_path):
    write_levels(tmp_path / "library" / "a.mp4", [20, 220, 20, 220])
    return tmp_path / "library"


def service(tmp_path, **values) -> Service:
    settings = Settings(db=tmp_path / "index", device="cpu", **values)
    loaders = Loaders(
        model=lambda settings: StandinModel(),
        embedder=lambda settings: StandinEmbedder(),
        image_embedder=lambda settings, name: StandinImageEmbedder(name),
    )
    return Service(settings, loaders=loaders)


# -- which embedder ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "indexed", "name", "made"),
    [
        ({"model": "demo"}, None, "demo-clip", True),
        ({"model": "demo-find"}, None, "demo-clip", True),
        ({"model": "demo", "device": "cpu"}, "siglip2-base", "siglip2-base", True),
        ({"device": "cpu"}, None, "siglip2-base", False),
        ({"device": "cuda"}, None, "siglip2-base", True),
        ({"device": "cpu", "image_vectors": True}, None, "siglip2-base", True),
        ({"device": "cpu", "tracks": "image"}, None, "siglip2-base", True),
        ({"device": "cpu"}, "clip-base", "clip-base", True),
        ({"device": "cpu", "image_embedder": "clip-base"}, None, "clip-base", True),
        ({"device": "cpu", "image_embedder": "clip-base"}, "demo-clip", "clip-base", True),
        ({"model": "demo", "image_vectors": False}, "demo-clip", None, False),
        ({"model": "demo", "tracks": "speech,caption"}, "demo-clip", None, False),
    ],
)
def test_the_settings_and_the_index_say_which_image_embedder_is_used(values, indexed, name, made):
    chosen = choose_image_embedder(Settings(**values), lambda: indexed)
    assert (chosen and chosen.name, bool(chosen and not chosen.why_not)) == (name, made)


def test_image_vectors_that_are_asked_for_and_forbidden_are_an_error():
    with pytest.raises(UsageError, match="image vectors are switched off"):
        choose_image_embedder(Settings(tracks="image", image_vectors=False), lambda: None)


def test_an_embedder_that_is_not_here_is_an_error_where_it_was_named_and_else_left_out(tmp_path):
    nowhere = tmp_path / "nowhere"
    with pytest.raises(ModelUnavailableError, match="no image embedder in"):
        choose_tracks(service(tmp_path, tracks="image", image_embedder=str(nowhere)))
    events = []
    chosen = choose_tracks(service(tmp_path, model="demo", image_embedder=str(nowhere)), events.append)
    assert [event.track for event in events if isinstance(event, TrackLeftOut)] == [IMAGE_TRACK]
    assert chosen.captions and image_track(str(nowhere)) not in [maker.track for maker in chosen.makers]


def test_where_nobody_asked_nothing_is_said(tmp_path):
    events = []
    chosen = choose_tracks(service(tmp_path, model_path=tmp_path / "none"), events.append)
    assert {event.track for event in events if isinstance(event, TrackLeftOut)} == {CAPTION_TRACK}
    assert not [maker for maker in chosen.makers if maker.track.startswith(IMAGE_TRACK)]


def test_a_model_of_the_hub_is_looked_for_without_being_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match="not on this machine"):
        find_image_embedder("clip-base", offline=True)
    find_image_embedder("demo-clip", offline=True)


def test_a_folder_is_known_by_what_is_in_it(tmp_path):
    folder = write_clip(tmp_path / "clip")
    find_image_embedder(str(folder))
    before = revision_of(str(folder))
    config = folder / "config.json"
    config.write_text(config.read_text() + " ")
    assert before.startswith("sha256:") and revision_of(str(folder)) != before
    assert revision_of("siglip2-base") and not revision_of("some/model")


def test_what_a_machine_makes_is_said_before_a_run(tmp_path):
    ready = {each.track: each.why_not for each in ready_tracks(Settings(model="demo"))}
    assert tuple(ready) == RUN_TRACKS and not ready[IMAGE_TRACK]
    ready = {each.track: each for each in ready_tracks(Settings(model="demo", image_vectors=False))}
    assert not ready[IMAGE_TRACK].is_ready and "switched off" in ready[IMAGE_TRACK].why_not


# -- a run, and what it leaves -------------------------------------------------------------------------------


def test_images_alone_need_no_caption_model_and_the_index_keeps_its_embedder(tmp_path, library):
    request = IndexRequest(paths=(library,))
    first = service(tmp_path, model="demo", tracks="image")
    assert forecast(first, request).tracks[image_track("demo-clip")].windows_new == 1
    result = index(first, request)
    assert (result.report.indexed, result.report.captions_made, result.left_out) == (1, False, {})
    again = service(tmp_path, tracks="image")  # with another caption model: the index has an embedder
    assert again.indexed_image_embedder() == "demo-clip"
    assert index(again, request).report.unchanged == 1
    (coverage,) = result.coverage.values()
    assert coverage.seconds["indexed"] == 4


def test_the_commands_make_show_and_renew_image_vectors(tmp_path, library):
    db = ["--db", str(tmp_path / "index")]

    def lines(*arguments):
        result = runner.invoke(app, [*arguments, *db, "--json"])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    made = lines("index", str(library), "--tracks", "image", "--model", "demo")
    (track,) = [line for line in made if line.get("type") == "track"]
    assert (track["track"], track["vectors"], track["windows"]) == ("image:demo-clip", 4, 1)
    (status, *_) = lines("status")
    (held,) = status["images"]
    assert (held["embedder"], held["vectors"], held["dimension"]) == ("demo-clip", 4, 128)
    assert (held["seconds"], held["windows"], status["tracks"]) == (4, 1, [])
    assert held["bytes_per_hour"] == round(held["size_bytes"] * 3600 / 4) > 4 * 256
    shown = runner.invoke(app, ["status", *db], env={"COLUMNS": "200"}).stdout
    assert "image vectors" in shown and "4 vectors" in shown and "demo-clip" in shown
    folder = write_clip(tmp_path / "clip")
    (renewed,) = lines("db", "reembed", "--image-embedder", str(folder), "--device", "cpu")
    assert (renewed["vectors"], renewed["windows"], renewed["away"]) == (4, 1, [])
    (status, *_) = lines("status")
    assert {each["embedder"] for each in status["images"]} == {"demo-clip", str(folder)}
    (library / "a.mp4").rename(tmp_path / "a.mp4")
    other = write_clip(tmp_path / "other")
    (renewed,) = lines("db", "reembed", "--image-embedder", str(other), "--device", "cpu")
    assert (renewed["windows"], renewed["away"]) == (0, [str(library / "a.mp4")])


def test_vectors_of_another_embedder_need_its_name(tmp_path, library):
    db = ["--db", str(tmp_path / "index")]
    assert index(service(tmp_path, tracks="subtitles"), IndexRequest(paths=(library,))).report.indexed == 1
    result = runner.invoke(app, ["db", "reembed", "--image-embedder", "auto", *db])
    assert result.exit_code == 2 and "no image embedder is named" in result.stderr
