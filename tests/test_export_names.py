"""Whatever a file or a query is called, what is made of it can be written anywhere."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.export.names import MOST_BYTES, free_name, one_line, reel_names, safe_stem

ANY = st.text(st.characters(), max_size=300)


@given(ANY)
def test_a_stem_is_allowed_everywhere(text):
    stem = safe_stem(text)
    assert stem and stem == stem.strip() and len(stem.encode()) <= MOST_BYTES + 1
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', stem)
    assert not stem.startswith((".", "-")) and not stem.endswith(".")
    assert stem.split(".")[0].casefold() not in ("con", "nul", "aux", "prn", "com1", "lpt9")


@given(ANY)
def test_one_line_is_one_line(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert all(char.isprintable() for char in line)


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "clip"),
        ("", "clip"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("COM¹", "_COM¹"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("- -. --help", "help"),
        ("---", "clip"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("gpj\u202e.exe", "gpj .exe"),
        ("trailing. . .", "trailing"),
        ('a "dog" runs?', "a _dog_ runs_"),
    ],
)
def test_known_stems(text, stem):
    assert safe_stem(text) == stem


def test_long_names_are_cut_between_letters():
    assert safe_stem("é" * 200) == "é" * (MOST_BYTES // 2)
    taken = ["é" * 50 + ".mp4"]
    assert free_name("é" * 50, ".mp4", taken) == "é" * 49 + "_2.mp4"


def test_a_taken_name_is_numbered_whatever_its_case():
    assert free_name("gate", ".mp4", []) == "gate.mp4"
    assert free_name("gate", ".mp4", ["Gate.MP4", "gate_2.mp4"]) == "gate_3.mp4"


@given(st.lists(ANY, max_size=40))
def test_reels_have_eight_letters_or_digits_and_differ(paths):
    reels = reel_names(paths)
    assert set(reels) == set(paths)
    assert len(set(reels.values())) == len(reels)
    assert all(re.fullmatch(r"[A-Z0-9]{1,8}", reel) and reel not in ("AX", "BL") for reel in reels.values())


def test_files_of_one_name_have_reels_of_their_own():
    assert reel_names(["/a/gate.mp4", "/b/gate.mp4", "/c/gate_camera_1.mp4", "/d/gate_camera_2.mp4"]) == {
        "/a/gate.mp4": "GATE",
        "/b/gate.mp4": "GATE2",
        "/c/gate_camera_1.mp4": "GATECAME",
        "/d/gate_camera_2.mp4": "GATECAM2",
    }
