"""Names that people type, compared with names as they are stored."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.names import composed, exact_names, fits, folded, is_at_end, is_glob, on_disk

NFC, NFD = "T\u00fcr K\u00dcCHE.mp4", "Tu\u0308r KU\u0308CHE.mp4"


def test_a_name_is_the_same_in_any_unicode_form_and_case():
    assert NFC != NFD and folded(NFC) == folded(NFD) == folded(NFC.upper()) == folded(NFD.lower())
    assert composed(NFD) == NFC
    assert folded("stra\u00dfe") == folded("STRASSE")
    assert folded("gate") != folded("gates")


@given(st.text(max_size=30))
def test_every_form_of_a_text_is_folded_to_one(text):
    forms = {folded(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1 and folded(forms.pop()) == folded(text)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/films/garden/a.mp4", "a.mp4"),
        ("/films/garden/a.mp4", "A.MP4"),
        ("/films/garden/a.mp4", "garden/a.mp4"),
        ("/films/garden/a.mp4", "/films/garden/a.mp4"),
        ("/films/garden/a.mp4", "*.mp4"),
        ("/films/garden/a.mp4", "garden/*"),
        ("/films/garden/a.mp4", "[ab].mp4"),
        (f"/films/{NFD}", NFC),
        (f"/films/{NFC}", NFD),
        (f"/films/{NFD}", "t\u00fcr*"),
        ("/films/[2024-05-01] Home vs Away.mp4", "[2024-05-01] Home vs Away.mp4"),
        ("/films/[2024-05-01] Home vs Away.mp4", "[[]2024-05-01] Home*"),
        ("/films/what?.mp4", "what[?].mp4"),
    ],
)
def test_what_fits(path, pattern):
    assert fits(path, pattern)


@pytest.mark.parametrize("pattern", ["garden", "b.mp4", "arden/a.mp4", "*.mov", "[!a].mp4"])
def test_what_does_not_fit(pattern):
    assert not fits("/films/garden/a.mp4", pattern)


def test_an_exact_name_is_no_glob():
    paths = ["/films/[ab].mp4", "/films/a.mp4"]
    exact = exact_names(["[ab].mp4", "[cd].mp4", "a.mp4"], paths)
    assert exact == {"[ab].mp4"}
    assert [path for path in paths if fits(path, "[ab].mp4", exact)] == ["/films/[ab].mp4"]
    assert exact_names(["[ab].mp4"], ["/films/a.mp4"]) == frozenset()
    assert exact_names(["films/[AB].mp4"], paths) == {"films/[AB].mp4"}
    assert is_glob("a*") and is_glob("a?") and is_glob("[a") and not is_glob("a]")


def test_the_end_of_a_path_is_whole_names():
    assert is_at_end("/films/garden/a.mp4", "garden/a.mp4")
    assert not is_at_end("/films/garden/a.mp4", "den/a.mp4")


def test_a_path_is_found_in_the_spelling_it_has_on_disk(tmp_path):
    folder = tmp_path / "Tu\u0308r" / "Cam"
    folder.mkdir(parents=True)
    (folder / NFD).touch()
    typed = tmp_path / "t\u00fcr" / "cam" / NFC
    assert on_disk(typed) == folder / NFD
    assert on_disk(folder / NFD) == folder / NFD
    assert on_disk(tmp_path / "lost" / NFC) == tmp_path / "lost" / NFC
    assert on_disk(typed / "inside") == typed / "inside"


def test_a_spelling_that_could_be_two_files_is_taken_for_neither(tmp_path):
    for name in ("Gate.mp4", "gaTE.mp4"):
        (tmp_path / name).touch()
    assert on_disk(tmp_path / "gate.mp4") == tmp_path / "gate.mp4"
    assert on_disk(tmp_path / "gaTE.mp4") == tmp_path / "gaTE.mp4"
