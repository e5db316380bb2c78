"""Which tracks a run makes: those that were named, or all that can be made here."""

from __future__ import annotations

import json

import pytest
from notes_track import NotesMaker, write_notes
from pydantic import ValidationError
from standin_model import StandinEmbedder, StandinModel, write_levels
from typer.testing import CliRunner

from footage.core.config import Settings, load_settings
from footage.core.errors import DependencyError, ModelUnavailableError, UsageError
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK, TRACKS
from service.events import TrackLeftOut
from service.index import IndexRequest, RetryRequest, forecast, index, retry
from service.session import Loaders, Service
from service.tracks import choose_tracks
from ui.cli.main import app


@pytest.fixture
def clip(tmp_path):
    path = write_levels(tmp_path / "library" / "a.mp4", [20, 220, 20, 220])
    write_notes(path, SPEECH_TRACK, "1 2 hello")
    return path


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("FOOTAGE_TRACKS", raising=False)


def service(tmp_path, *, missing=(), **values) -> Service:
    """A service whose caption model is not here, and whose other tracks stand in text files."""

    def track_maker(track, settings):
        if track in missing:
            raise DependencyError(f"no engine for {track}")
        return NotesMaker(track)

    def model(settings):
        raise AssertionError("no caption model is to be loaded")

    settings = Settings(db=tmp_path / "index", model_path=tmp_path / "no-weights", **values)
    loaders = Loaders(model=model, embedder=lambda settings: StandinEmbedder(), track_maker=track_maker)
    return Service(settings, loaders=loaders)


@pytest.mark.parametrize(
    ("given", "tracks"),
    [
        ("speech", (SPEECH_TRACK,)),
        ("Captions, screen_text", (CAPTION_TRACK, SCREEN_TEXT_TRACK)),
        ("subtitle,screen text,caption,caption,", (CAPTION_TRACK, SCREEN_TEXT_TRACK, SUBTITLE_TRACK)),
        (["subtitles", "speech"], (SPEECH_TRACK, SUBTITLE_TRACK)),
        (None, None),
    ],
)
def test_names_of_tracks_are_read_in_any_spelling_and_order(given, tracks):
    assert Settings(tracks=given).tracks == tracks


@pytest.mark.parametrize("given", ["", " , ", "sound", "speech;caption", ["speech", 3], 7])
def test_other_names_are_refused_with_those_there_are(given):
    with pytest.raises(ValidationError, match="caption, speech, screen-text, subtitles"):
        Settings(tracks=given)


def test_the_variable_the_file_and_the_option_name_tracks(tmp_path, monkeypatch):
    file = tmp_path / "config.toml"
    file.write_text('tracks = ["speech", "captions"]\n')
    assert load_settings(file).tracks == (CAPTION_TRACK, SPEECH_TRACK)
    monkeypatch.setenv("FOOTAGE_TRACKS", "screen_text")
    assert load_settings(file).tracks == (SCREEN_TEXT_TRACK,)
    assert load_settings(file, tracks="subtitles").tracks == (SUBTITLE_TRACK,)
    result = CliRunner().invoke(app, ["index", str(tmp_path), "--tracks", "smell"])
    assert result.exit_code == 2
    assert "--tracks cannot be 'smell'" in result.stderr and "screen-text" in result.stderr


def test_by_default_what_can_be_made_is_made_and_the_rest_is_said_once(tmp_path, clip):
    said = []
    ours = service(tmp_path, missing=(SCREEN_TEXT_TRACK,))
    result = index(ours, IndexRequest(paths=(clip,)), on_event=said.append)
    assert result.report.indexed == 1 and not result.report.captions_made
    assert result.left_out.keys() == {CAPTION_TRACK, SCREEN_TEXT_TRACK}
    left = [event.track for event in said if isinstance(event, TrackLeftOut)]
    assert left == [CAPTION_TRACK, SCREEN_TEXT_TRACK]
    assert ours.store().status().tracks.keys() == {SPEECH_TRACK, SUBTITLE_TRACK}


@pytest.mark.parametrize(
    ("tracks", "error"), [("caption,speech", ModelUnavailableError), ("screen-text", DependencyError)]
)
def test_a_track_that_was_named_and_cannot_be_made_is_an_error_and_leaves_no_index(
    tmp_path, clip, tracks, error
):
    ours = service(tmp_path, missing=(SCREEN_TEXT_TRACK,), tracks=tracks)
    with pytest.raises(error):
        index(ours, IndexRequest(paths=(clip,)))
    assert not (tmp_path / "index").exists()


def test_a_speech_model_that_there_is_not_is_an_error_by_default_as_well(tmp_path, clip):
    ours = Service(Settings(db=tmp_path / "index", speech_model="no-such-model", model_path=tmp_path / "no"))
    with pytest.raises(UsageError, match="no-such-model"):
        choose_tracks(ours)


def test_the_forecast_counts_each_track_and_changes_nothing(tmp_path, clip):
    ours = service(tmp_path)
    expected = forecast(ours, IndexRequest(paths=(clip,)))
    assert (expected.windows_new, expected.captions) == (0, False) and expected.files == {"new": 1}
    assert {track: each.windows_new for track, each in expected.tracks.items()} == {
        SUBTITLE_TRACK: 2,
        SPEECH_TRACK: 2,
        SCREEN_TEXT_TRACK: 2,
    }
    assert not (tmp_path / "index").exists()
    index(ours, IndexRequest(paths=(clip,)))
    expected = forecast(ours, IndexRequest(paths=(clip,)))
    assert expected.files == {"indexed": 1}
    assert {each.windows_new for each in expected.tracks.values()} == {0}


def test_a_failed_track_is_tried_again_on_request_without_a_caption_model(tmp_path, clip):
    write_notes(clip, SPEECH_TRACK, "1 damaged")
    ours = service(tmp_path)
    assert index(ours, IndexRequest(paths=(clip,))).report.partial == 1
    write_notes(clip, SPEECH_TRACK, "1 2 fine now")
    assert retry(ours, RetryRequest()).report.indexed == 1


def test_a_model_that_is_here_captions_beside_the_other_tracks(tmp_path, clip):
    settings = Settings(db=tmp_path / "index", model="http://127.0.0.1:9/v1#demo")
    loaders = Loaders(
        model=lambda settings: StandinModel(),
        embedder=lambda settings: StandinEmbedder(),
        track_maker=lambda track, settings: NotesMaker(track),
    )
    result = index(Service(settings, loaders=loaders), IndexRequest(paths=(clip,)))
    assert result.left_out == {} and result.report.captions_made
    assert Service(settings, loaders=loaders).store().status().tracks.keys() == set(TRACKS)


def test_the_command_says_each_kind_of_note_once_and_as_json(tmp_path, clip, monkeypatch):
    monkeypatch.setenv("FOOTAGE_TRACKS", "subtitles")
    write_levels(clip.parent / "b.mp4", [90, 20])
    arguments = ["index", str(clip.parent), "--db", str(tmp_path / "index")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and result.stdout.count("no subtitles") == 1
    assert "Subtitles: no subtitles (2 videos)." in result.stdout
    lines = [json.loads(line) for line in CliRunner().invoke(app, [*arguments, "--json"]).stdout.splitlines()]
    [track] = [line for line in lines if line["type"] == "track"]
    assert (track["track"], track["windows"], track["broken"]) == ("subtitles", 0, "")
    status = CliRunner().invoke(app, ["status", "--db", str(tmp_path / "index")]).stdout
    assert "subtitles" in status and "none captioned" in status
