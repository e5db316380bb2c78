"""Asking, pointing and tracking from the command line; the model is tiny and was taught what to answer."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_ui_commands import bare_environment, lines, needs_demo_model  # noqa: F401
from tiny_clips import index_of, write_clip
from tiny_molmo2 import teach, write_tiny_model
from typer.testing import CliRunner

from footage.core.types import Frames, Span
from footage.media.annotate import COLOURS
from footage.media.video import WHOLE, frame_at, probe, sample
from footage.vlm.profiles import MOLMO2_4B
from ui.cli.commands import ask as ask_command
from ui.cli.commands import point, track
from ui.cli.main import app

SIZE = (160, 120)
CAR, COUNT, BALL = "the red car", "count the people", "the ball"
ANSWERS = {
    "Point to the red car.": '<points coords="1 1 250 500 2 750 500 3 1200 100">cars</points>',
    "Count the people.": 'Counting <points coords="1 1 500 500">people</points> shows 1.',
    "Which is it?": "The second one.",
}
TRACK = (
    '<tracks coords="0.0 1 100 500;0.5 1 300 500;1.0 1 500 500 2 800 250;'
    '1.5 1 700 500 2 900 250;9.0 1 100 100">ball</tracks>'
)
runner = CliRunner()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 10 frames a second."""
    return write_clip(tmp_path_factory.mktemp("clips") / "street.mp4", count=40, size=SIZE)


@pytest.fixture(scope="module")
def model(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    moment = Frames(frame_at(clip, 1.0, max_width=WHOLE)[None], (1.0,), Span(1, 1))
    profile = MOLMO2_4B
    stretch = sample(
        clip,
        Span(1, 3),
        **profile.frame_budget,
    )
    return teach(
        folder,
        [*((moment, asked, said) for asked, said in ANSWERS.items()), (stretch, "Track the ball.", TRACK)],
    )


def ask(*arguments: str | Path) -> Any:
    return runner.invoke(app, [str(argument) for argument in arguments])


def words(text: str) -> str:
    return " ".join(text.split())


def has(pixels: np.ndarray, place: tuple[float, float], colour: tuple[int, int, int], *, within: int) -> bool:
    """Whether a pixel there has a colour, but for what compression takes."""
    x, y = (round(part) for part in place)
    return bool(np.abs(pixels[y, x].astype(int) - colour).max() <= within)


# --- point --------------------------------------------------------------------------------------------------


def test_points_are_listed_in_source_pixels_and_losses_noted(clip, model):
    result = ask("point", f"{clip}@1.0", CAR, "--model", model)
    assert result.exit_code == 0, result.stderr
    shown = words(result.stdout)
    assert shown.startswith("0:01.0 2 objects: cars time object x y")
    assert shown.endswith("0:01.0 1 40 60 0:01.0 2 120 60")
    assert "1 point was skipped" in result.stderr


def test_points_as_json(clip, model):
    result = ask("point", f"{clip}@1.0", CAR, "--model", model, "--json")
    [response] = lines(result.stdout)
    assert response["points"] == [
        {"time_seconds": 1.0, "object": 1, "x": 40.0, "y": 60.0},
        {"time_seconds": 1.0, "object": 2, "x": 120.0, "y": 60.0},
    ]
    assert (
        response["type"],
        response["count"],
        response["dropped"],
        response["width"],
        response["height"],
    ) == (
        "points",
        2,
        1,
        *SIZE,
    )
    assert (response["start_seconds"], response["end_seconds"], response["raw"]) == (
        1.0,
        1.0,
        ANSWERS["Point to the red car."],
    )


def test_counting_says_how_many(clip, model):
    result = ask("point", f"{clip}@1.0", COUNT, "--model", model)
    assert words(result.stdout).startswith("0:01.0 1 object: Counting people shows 1.")


def test_points_are_drawn_onto_the_picture_of_the_moment(clip, model, tmp_path):
    from PIL import Image

    out = tmp_path / "drawn.png"
    result = ask("point", f"{clip}@1.0", CAR, "--model", model, "--draw", out)
    assert result.exit_code == 0 and f"Drawn: {out}" in result.stderr.replace("\n", "")
    with Image.open(out) as image:
        drawn = np.asarray(image)
    plain = frame_at(clip, 1.0, max_width=WHOLE)
    assert drawn.shape == (120, 160, 3)
    assert has(drawn, (40, 60), COLOURS[0], within=0) and has(drawn, (120, 60), COLOURS[1], within=0)
    changed = np.argwhere((drawn != plain).any(axis=2))
    assert 50 < len(changed) < 400  # two dots and two numbers, and nothing else
    assert changed[:, 0].min() > 50 and changed[:, 0].max() < 70


# --- track --------------------------------------------------------------------------------------------------


def test_tracks_are_paths_in_video_time(clip, model):
    result = ask("track", f"{clip}@1-3", BALL, "--model", model, "--json")
    assert result.exit_code == 0, result.stderr
    [response] = lines(result.stdout)
    assert (response["type"], response["count"], response["dropped"]) == ("tracks", 2, 1)
    assert [(p["time_seconds"], p["x"], p["y"]) for p in response["points"] if p["object"] == 1] == [
        (1.0, 16.0, 60.0),
        (1.5, 48.0, 60.0),
        (2.0, 80.0, 60.0),
        (2.5, 112.0, 60.0),
    ]
    table = words(ask("track", f"{clip}@1-3", BALL, "--model", model).stdout)
    assert "1 4 16, 60 0:01.0 112, 60 0:02.5 2 2 128, 30 0:02.0 144, 30 0:02.5" in table


def test_a_track_is_drawn_onto_the_clip_where_it_moves(clip, model, tmp_path):
    out = tmp_path / "drawn.mp4"
    result = ask("track", f"{clip}@1-3", BALL, "--model", model, "--draw", out)
    assert result.exit_code == 0, result.stderr
    made = probe(out)
    assert (made.width, made.height) == SIZE and made.duration_seconds == pytest.approx(2.0)
    first, middle, late = (frame_at(out, seconds, max_width=WHOLE) for seconds in (0.0, 0.7, 1.9))
    assert has(first, (16, 60), COLOURS[0], within=60)
    assert not has(first, (80, 60), COLOURS[0], within=60)
    # between the points of 1.5 and 2.0 s: at 1.7 s two fifths of the way from 48 to 80
    assert has(middle, (48 + 0.4 * 32, 60), COLOURS[0], within=60)
    assert has(middle, (30, 60), COLOURS[0], within=90)  # the way it came
    assert index_of(frame_at(clip, 1.7, max_width=WHOLE)) == 17
    # 0.4 s after the last point nothing is shown
    assert np.abs(late.astype(int) - frame_at(clip, 2.9, max_width=WHOLE)).max() < 40


def test_a_moment_cannot_be_tracked_nor_a_stretch_drawn_as_a_picture(clip, model, tmp_path):
    result = ask("track", f"{clip}@1.0", BALL, "--model", model)
    assert result.exit_code == 2 and "is a moment, but tracking needs a segment" in result.stderr
    for command, place, out in (("track", "@1-3", "a.png"), ("point", "@1.0", "a.mp4"), ("point", "", "a")):
        result = ask(command, f"{clip}{place}", BALL, "--model", model, "--draw", tmp_path / out)
        assert result.exit_code == 2 and "needs an output file with" in result.stderr


def test_nothing_is_drawn_over_what_is_there(clip, model, tmp_path):
    out = tmp_path / "drawn.png"
    out.write_bytes(b"mine")
    arguments = ("point", f"{clip}@1.0", CAR, "--model", model, "--draw", out)
    result = ask(*arguments)
    assert result.exit_code == 2 and "already exists" in result.stderr and out.read_bytes() == b"mine"
    assert ask(*arguments, "--overwrite").exit_code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_the_video_itself_is_never_drawn_over(clip, model, tmp_path):
    own = Path(shutil.copy(clip, tmp_path / "own.mp4"))
    result = ask("track", f"{own}@1-3", BALL, "--model", model, "--draw", own, "--overwrite")
    assert result.exit_code == 2 and "must not be overwritten" in result.stderr
    assert own.read_bytes() == clip.read_bytes()


# --- ask ----------------------------------------------------------------------------------------------------


def test_a_question_about_a_moment_is_answered(clip, model):
    result = ask("ask", f"{clip}@1.0", "Which is it?", "--model", model)
    assert (result.exit_code, result.stdout) == (0, "The second one.\n"), result.stderr


def test_several_moments_are_one_question_to_a_model_that_compares(clip, model):
    result = ask("ask", f"{clip}@1.0", f"{clip}@2.0", "Which is it?", "--model", model, "--json")
    assert result.exit_code == 0, result.stderr
    [response] = lines(result.stdout)
    assert [each["start_seconds"] for each in response["about"]] == [1.0, 2.0]


def test_a_long_stretch_is_answered_window_by_window(clip, model):
    result = ask("ask", clip, "Which is it?", "--model", model, "--window", "1.5", "--json")
    spans = [response["about"][0] for response in lines(result.stdout)]
    assert [(s["start_seconds"], s["end_seconds"]) for s in spans] == [
        (0.0, 1.333333),
        (1.333333, 2.666667),
        (2.666667, 4.0),
    ]
    headed = ask("ask", clip, "Which is it?", "--model", model, "--window", "2").stdout
    assert re.findall(r"street\.mp4 ([0-9:.]+ - [0-9:.]+)", headed) == ["0:00.0 - 0:02.0", "0:02.0 - 0:04.0"]


@needs_demo_model
def test_the_demo_model_answers_too_each_place_by_itself(clip):
    result = ask("ask", f"{clip}@1.0", f"{clip}@2-4", "What is that?", "--model", "demo", "--json")
    assert result.exit_code == 0, result.stderr
    response = lines(result.stdout)
    assert [each["about"][0]["end_seconds"] for each in response] == [1.0, 4.0]
    assert all(len(each["about"]) == 1 for each in response)


# --- what is written about it -------------------------------------------------------------------------------

DOCS = (Path(__file__).resolve().parents[1] / "docs" / "how-to" / "models-molmo2.md").read_text("utf-8")
COMMANDS = re.findall(
    r"^(?:    |\$ )footage ((?:ask|point|track) .+)$",
    "\n".join([DOCS, ask_command.EXAMPLES, point.EXAMPLES, track.EXAMPLES]),
    re.M,
)


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_the_commands_of_the_docs_and_the_help_are_commands(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    result = runner.invoke(app, [word for word in words if word != "--fetch"])  # nothing leaves the machine
    if "--fetch" in words:
        assert result.exit_code == 2 and "nothing is downloaded unasked" in result.stderr
    else:
        assert result.exit_code == 1 and "does not exist" in result.stderr  # none of the videos is here


def test_the_docs_say_what_the_profile_says():
    assert f"`{MOLMO2_4B.revision}`" in DOCS and MOLMO2_4B.licence in DOCS
    assert f"{MOLMO2_4B.billions} billion" in DOCS and f"{MOLMO2_4B.ask_tokens:,} tokens" in DOCS


# --- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["point", "track"])
def test_a_model_that_cannot_says_so_before_it_is_loaded(command, clip):
    result = ask(command, f"{clip}@{'1' if command == 'point' else '1-2'}", "it", "--json")
    response = json.loads(result.stderr)
    assert result.exit_code == 2 and response["error"].startswith(f"marlin-2b cannot {command}")
    assert "molmo2-4b" in response["hint"]


@pytest.mark.parametrize(
    ("place", "what", "said"),
    [
        ("@9", "the car", "there is no video at 0:09.0"),
        ("@3-1", "the car", "ends before it starts"),
        ("@1", "  ", "names no object"),
        ("@1", "?", "names no object"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(place, what, said, clip):
    result = ask("point", f"{clip}{place}", what, "--model", "molmo2-4b")
    assert result.exit_code == 2 and said in result.stderr


def test_a_missing_or_broken_file_is_told_before_the_model_is_looked_for(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all" * 99)
    for path in (broken, tmp_path / "gone.mp4"):
        result = ask("ask", path, "What is it?", "--model", "molmo2-4b")
        assert result.exit_code == 1 and path.name in result.stderr


def test_weights_that_are_not_here_are_told(clip):
    result = ask("point", f"{clip}@1", "the car", "--model", "molmo2-4b")
    assert result.exit_code == 1 and "weights of molmo2-4b are not on this machine" in result.stderr
