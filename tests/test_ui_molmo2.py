"""What Molmo2 does beside single answers: pictures, subtitles, captions, tracks through windows, downloads.

The model is tiny and was taught what to answer.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from standin_model import write_levels
from test_ui_commands import bare_environment, lines  # noqa: F401
from tiny_molmo2 import teach, write_tiny_model
from typer.testing import CliRunner

from footage.core.types import Frames, Span
from footage.media.annotate import COLOURS
from footage.media.sandbox import read_image
from footage.media.video import WHOLE, frame_at, sample
from footage.vlm.profiles import MOLMO2_4B
from footage.vlm.protocol import Prompt
from ui.cli.main import app

runner = CliRunner()
SIZE = (160, 120)
BLACK, WHITE = 0, 255
BOATS = 'Two <points coords="1 1 250 500\t2 2 500 250 3 750 250;3 4 100 100">boats</points>'
FIRST = '<tracks coords="1.5 1 300 500 2 900 250">dogs</tracks>'
SECOND = '<tracks coords="0.0 1 890 250 2 310 500;1.0 2 500 500 3 100 100">dogs</tracks>'
CAPTION = "A grey wall brightens."
SRT = "1\n00:00:00,500 --> 00:00:01,500\n<i>Left</i>\n\n2\n00:00:03,500 --> 00:00:03,900\nRight\n"


def ask(*arguments: str | Path, **options: Any) -> Any:
    return runner.invoke(app, [str(argument) for argument in arguments], **options)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of two black and two white seconds, two images and subtitles."""
    folder = tmp_path_factory.mktemp("media")
    write_levels(folder / "yard.mp4", [BLACK, BLACK, WHITE, WHITE], size=SIZE)
    for name, level, size in (("a.png", BLACK, (200, 100)), ("b.jpg", WHITE, (80, 120))):
        Image.new("RGB", size, (level, level, level)).save(folder / name)
    (folder / "yard.srt").write_text(SRT)
    return folder


def window(media: Path, start: float, end: float) -> Frames:
    return sample(media / "yard.mp4", Span(start, end), **MOLMO2_4B.frame_budget)


def still(media: Path, name: str) -> Frames:
    return Frames(read_image(media / name).pixels[None], (0.0,), Span(0, 0))


@pytest.fixture(scope="module")
def model(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    a, b = still(media, "a.png"), still(media, "b.jpg")
    halves = window(media, 0, 2), window(media, 2, 4)
    said = Prompt("ask", "What is said?", 1, subtitles="subtitle\n0.5 - 1.5 Left\n")
    lessons = [
        ([a, b], "Point to the boats.", BOATS),
        ([a, b], "Compare these images.", "The second."),
        (a, "Which one?", "Dark."),
        (b, "Which one?", "Bright."),
        (halves[0], "Which one?", "Film."),
        (halves[0], "Track the dogs.", FIRST),
        (halves[1], "Track the dogs.", SECOND),
        (halves[0], said, "Left"),
        (halves[0], "What is said?", "Nothing."),
        (halves[0], MOLMO2_4B.caption_prompt, CAPTION),
        (halves[1], MOLMO2_4B.caption_prompt, CAPTION),
    ]
    return teach(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"), lessons)


# --- tracks -------------------------------------------------------------------------------------------------


def test_an_object_keeps_its_number_in_the_next_window(media: Path, model: Path) -> None:
    result = ask("track", media / "yard.mp4", "the dogs", "--model", model, "--window", "2", "--json")
    assert result.exit_code == 0, result.stderr
    first, second = lines(result.stdout)
    assert (first["raw"], second["raw"]) == (FIRST, SECOND)
    assert {p["object"]: p["x"] for p in first["points"]} == {1: 48.0, 2: 144.0}
    assert [(p["time_seconds"], p["object"], round(p["x"], 1)) for p in second["points"]] == [
        (2.0, 1, 49.6),
        (2.0, 2, 142.4),
        (3.0, 1, 80.0),
        (3.0, 3, 16.0),
    ]
    assert (first["count"], second["count"]) == (2, 3)


def test_a_drawn_track_goes_on_in_the_next_window(media: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "dogs.mp4"
    arguments = ("the dogs", "--model", model, "--window", "2", "--draw", out)
    result = ask("track", media / "yard.mp4", *arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.replace("\n", "").endswith(f"Drawn: {out}")
    pixels = frame_at(out, 2.5, max_width=WHOLE)
    # Object 1, the second one in the second answer, half way from 49.6 to 80, in its colour of the first.
    assert np.abs(pixels[60, 65].astype(int) - COLOURS[0]).max() < 60


# --- images -------------------------------------------------------------------------------------------------


def test_several_images_are_pointed_at_in_one_question(media: Path, model: Path) -> None:
    arguments = ("point", media / "a.png", media / "b.jpg", "the boats", "--model", model)
    result = ask(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    one, two = lines(result.stdout)
    assert [(each["picture"], each["video"], each["count"]) for each in (one, two)] == [
        (1, str(media / "a.png"), 1),
        (2, str(media / "b.jpg"), 2),
    ]
    assert [(p["object"], p["x"], p["y"]) for p in one["points"]] == [(1, 50.0, 50.0)]
    assert [(p["object"], p["x"], p["y"]) for p in two["points"]] == [(2, 40.0, 30.0), (3, 60.0, 30.0)]
    assert (one["width"], one["height"], two["width"], two["height"]) == (200, 100, 80, 120)
    assert (one["dropped"], two["dropped"], one["raw"]) == (1, 0, BOATS)
    shown = " ".join(ask(*arguments).stdout.split())
    assert shown.startswith("a.png 1 object: Two boats") and "b.jpg 2 objects: Two boats" in shown


def test_images_are_compared_and_asked_about(media: Path, model: Path) -> None:
    both = ask("ask", media / "a.png", media / "b.jpg", "Compare these images.", "--model", model)
    assert (both.exit_code, both.stdout) == (0, "The second.\n"), both.stderr
    alone = ask("ask", media / "b.jpg", "Which one?", "--model", model, "--json")
    [answer] = lines(alone.stdout)
    assert answer["text"] == "Bright." and answer["about"] == [
        {"video": str(media / "b.jpg"), "start_seconds": 0.0, "end_seconds": 0.0}
    ]


def test_images_and_videos_may_be_mixed(media: Path, model: Path) -> None:
    places = (media / "a.png", f"{media / 'yard.mp4'}@0-2", media / "b.jpg")
    result = ask("ask", *places, "Which one?", "--model", model)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "a.png",
        "Dark.",
        "yard.mp4 0:00.0 - 0:02.0",
        "Film.",
        "b.jpg",
        "Bright.",
    ]


def test_what_an_image_cannot_do_is_said(media: Path, tmp_path: Path) -> None:
    model = ("--model", "molmo2-4b")
    image = media / "a.png"
    for arguments, sentence in (
        (("track", image, "the dog"), "is an image, but tracking needs a video"),
        (("ask", f"{image}@1", "What?"), "is an image: it has no times"),
        (("point", image, "it", "--draw", tmp_path / "a.mp4"), "An image needs an output file with .png"),
        (("point", image, media / "b.jpg", "it", "--draw", tmp_path / "a.png"), "--draw draws one picture"),
        (("ask", image, "What?", "--subtitles", media / "yard.srt"), "Subtitles belong to one video"),
    ):
        result = ask(*arguments, *model)
        assert result.exit_code == 2 and sentence in " ".join(result.stderr.split()), result.stderr
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff" + bytes(100))
    result = ask("ask", broken, "What?", *model, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"].startswith("broken.jpg cannot be decoded: ")


# --- subtitles ----------------------------------------------------------------------------------------------


def test_each_window_is_shown_with_its_own_subtitles(media: Path, model: Path) -> None:
    arguments = ("ask", media / "yard.mp4", "What is said?", "--model", model, "--window", "2")
    result = ask(*arguments, "--subtitles", media / "yard.srt", "--json")
    assert result.exit_code == 0, result.stderr
    assert lines(result.stdout)[0]["text"] == "Left"
    without = ask("ask", f"{media / 'yard.mp4'}@0-2", "What is said?", "--model", model)
    assert without.stdout == "Nothing.\n"


@pytest.mark.parametrize(
    ("subtitles", "sentence"),
    [("embedded", "yard.mp4 has no subtitle track"), ("gone.srt", "gone.srt does not exist")],
)
def test_subtitles_that_are_not_there_are_one_sentence(subtitles: str, sentence: str, media: Path) -> None:
    result = ask("ask", media / "yard.mp4", "What?", "--subtitles", subtitles, "--model", "molmo2-4b")
    assert result.exit_code == 1 and sentence in result.stderr


# --- captions -----------------------------------------------------------------------------------------------


def test_an_index_can_be_made_with_it_and_is_searched_without_asking_it(
    media: Path, model: Path, tmp_path: Path
) -> None:
    db = ("--db", tmp_path / "index")
    indexed = ask("index", media / "yard.mp4", "--model", model, "--window", "2", *db, "--json")
    assert indexed.exit_code == 0, indexed.stderr
    assert lines(indexed.stdout)[-1]["windows_captioned"] == 2
    found = ask("search", "a grey wall", "--no-ground", *db, "--json")
    assert found.exit_code == 0, found.stderr
    match = lines(found.stdout)[0]
    assert match["text"] == CAPTION and match["start_seconds"] == 0.0
    asked = ask("search", "a grey wall", "--model", "molmo2-4b", *db)
    assert asked.exit_code == 2 and "molmo2-4b cannot find" in asked.stderr


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.fixture
def site(media: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(media)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses_are_asked_about_pointed_at_and_tracked(site: str, model: Path) -> None:
    allowed = {"env": {"FOOTAGE_FETCH_PRIVATE": "true"}}
    asked = ask(
        "ask", f"{site}/yard.mp4?token=x@0-2", "Which one?", "--model", model, "--fetch", "--json", **allowed
    )
    [answer] = lines(asked.stdout)
    assert answer["text"] == "Film." and answer["about"][0]["video"] == f"{site}/yard.mp4"
    pointed = ask(
        "point",
        f"{site}/a.png",
        f"{site}/b.jpg",
        "the boats",
        "--model",
        model,
        "--fetch",
        "--json",
        **allowed,
    )
    assert [each["video"] for each in lines(pointed.stdout)] == [f"{site}/a.png", f"{site}/b.jpg"]
    arguments = ("the dogs", "--model", model, "--window", "2", "--fetch", "--json")
    tracked = ask("track", f"{site}/yard.mp4", *arguments, **allowed)
    assert [each["count"] for each in lines(tracked.stdout)] == [2, 3]


@pytest.mark.parametrize("command", ["ask", "point", "track", "find"])
def test_an_address_needs_the_flag_and_this_machine_one_more(command: str, site: str) -> None:
    model = "demo" if command == "find" else "molmo2-4b"
    plain = ask(command, f"{site}/yard.mp4", "the dogs", "--model", model)
    assert plain.exit_code == 2 and "nothing is downloaded unasked" in plain.stderr
    fetched = ask(command, f"{site}/yard.mp4", "the dogs", "--model", model, "--fetch")
    assert fetched.exit_code == 2 and "in a private network" in " ".join(fetched.stderr.split())


def test_a_bad_question_or_model_is_refused_before_the_download() -> None:
    for arguments, sentence in (
        (("ask", " ", "--model", "demo"), "is not a question"),
        (("point", "the dogs", "--model", "demo"), "demo cannot point"),
        (("track", "the dogs", "--model", "demo"), "demo cannot track"),
        (("find", "", "--model", "demo"), "query is empty"),
        (("find", "a dog", "--model", "molmo2-4b"), "molmo2-4b cannot find"),
    ):
        command, *rest = arguments
        result = ask(command, "https://videos.example/a.mp4", *rest, "--fetch")
        assert result.exit_code == 2 and sentence in result.stderr


def test_find_looks_into_a_download(site: str) -> None:
    arguments = ("a dog runs", "--model", "demo", "--fetch", "--fetch-private", "--json")
    result = ask("find", f"{site}/yard.mp4", *arguments)
    assert result.exit_code == 0, result.stderr
    *matches, last = lines(result.stdout)
    assert last["seconds_total"] == 4.0
    assert {each["video"] for each in matches} <= {f"{site}/yard.mp4"}
    timed = ask("find", f"{site}/yard.mp4@1-2", "a dog runs", "--model", "demo", "--fetch", "--fetch-private")
    assert timed.exit_code == 2 and "--from" in timed.stderr
