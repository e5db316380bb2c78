"""The table of known models."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from footage.core.errors import UsageError
from footage.vlm.changes import changed
from footage.vlm.profiles import DEMO, MARLIN_2B, PROFILES, VIDEO_SCAN, fitted_as, get_profile, require
from footage.vlm.sampling import Sampling


def test_marlin_is_pinned_to_a_commit_and_has_the_budget_of_its_card():
    assert MARLIN_2B.repository == "NemoStation/Marlin-2B"
    assert MARLIN_2B.revision == "fd111fca4fc7897876fb0d7e9df22ca5ac8ab965"
    assert (MARLIN_2B.fps, MARLIN_2B.min_frames, MARLIN_2B.max_frames) == (2.0, 4, 240)
    assert MARLIN_2B.pixels_per_frame == 200_704
    assert (MARLIN_2B.window_seconds, MARLIN_2B.overlap_seconds) == (30.0, 5.0)
    assert (MARLIN_2B.licence, MARLIN_2B.gated, MARLIN_2B.notice) == ("Apache-2.0", True, "")


def test_the_other_licence_comes_with_a_notice():
    assert VIDEO_SCAN.licence == "BUSL-1.1"
    for said in (
        "Business Source License 1.1",
        "production use is allowed",
        "hosted or embedded",
        "two years",
    ):
        assert said in VIDEO_SCAN.notice
    assert "Apache-2.0" in VIDEO_SCAN.notice and "NOTICE" in VIDEO_SCAN.notice


def test_the_demo_model_lies_in_the_project():
    assert DEMO.folder is not None and DEMO.folder.parts[-2:] == ("data", "demo-model")
    assert DEMO.pixels_per_frame == 96 * 64


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_profile_can_be_found_and_fetched(profile):
    assert get_profile(profile.name) is profile
    assert profile.revision is None or re.fullmatch("[0-9a-f]{40}", profile.revision)
    assert profile.repository or profile.folder


@pytest.mark.parametrize(
    "name", ["MARLIN-2B", " marlin-2b ", "NemoStation/Marlin-2B", "nemostation/marlin-2b"]
)
def test_names_and_repositories_find_a_profile_in_any_case(name):
    assert get_profile(name) is MARLIN_2B


def test_an_unknown_name_is_answered_with_the_known_ones_and_a_guess():
    with pytest.raises(UsageError, match="'marlin2b'; known models: marlin-2b, video-scan, ") as caught:
        get_profile("marlin2b")
    assert "Did you mean marlin-2b?" in caught.value.hint


def test_the_empty_name_finds_nothing():
    with pytest.raises(UsageError, match="no model ''"):
        get_profile("")


@pytest.mark.parametrize(
    "change",
    [
        {"max_frames": 241},
        {"min_frames": 0},
        {"max_frames": 2},
        {"overlap_seconds": 30.0},
        {"overlap_seconds": -1},
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match="got"):
        replace(MARLIN_2B, **change)


def test_a_changed_prompt_is_another_version_and_an_impossible_change_is_refused():
    other = changed(MARLIN_2B, {"caption_prompt": "Tell me all."})
    assert other.prompt_version.startswith("own-") and other.caption_prompt == "Tell me all."
    assert changed(MARLIN_2B, {"fps": 1.0}).prompt_version == MARLIN_2B.prompt_version
    assert changed(MARLIN_2B, {"caption_tokens": 64}).prompt_version.startswith("own-")
    later = replace(MARLIN_2B, prompt_version="marlin-later")  # as when answers are read in another way
    assert changed(later, {"caption_prompt": "Tell me all."}).prompt_version != other.prompt_version
    assert changed(MARLIN_2B, {}) is MARLIN_2B
    with pytest.raises(UsageError, match="even"):
        changed(MARLIN_2B, {"max_frames": 7})
    for nothing in ({"fps": 0}, {"fps": math.nan}, {"pixels_per_frame": 0}, {"caption_tokens": 0}):
        with pytest.raises(UsageError, match="must be more than 0"):
            changed(MARLIN_2B, nothing)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fps": 60.0}, "at fps=60.0, on which"),
        ({"min_frames": 6, "pixels_per_frame": 2048000}, "at min_frames=6, pixels_per_frame=2048000,"),
        ({"caption_prompt": "Tell."}, "another prompt"),
        ({"second_prompt": "{caption}"}, "another prompt"),
        ({"fps": 2.0, "temperature": 0.5, "caption_tokens": 9}, ""),
    ],
)
def test_what_leaves_the_training_is_said_once(change, said, caplog):
    changed(MARLIN_2B, change)
    assert [said in record.message for record in caplog.records] == [True] * bool(said)


def test_drawing_is_changed_one_by_one_and_captions_so_drawn_are_another_version():
    base = replace(MARLIN_2B, sampling=Sampling(0.1, 0.001, 1.05))
    other = changed(base, {"temperature": 0.5})
    assert other.sampling == Sampling(0.5, 0.001, 1.05)
    assert other.prompt_version.startswith("own-")
    assert changed(base, {"temperature": 0.1}).prompt_version == base.prompt_version
    assert other.prompt_version != changed(base, {"temperature": 0.6}).prompt_version
    with pytest.raises(UsageError, match="top_p"):
        changed(base, {"top_p": 2.0})


def test_what_a_model_cannot_do_is_refused_with_those_that_can():
    blind = replace(MARLIN_2B, skills=("ask",))
    with pytest.raises(UsageError, match="cannot find") as refused:
        require(blind, "find")
    assert "marlin-2b" in refused.value.hint


def test_another_budget_has_a_fit_of_its_own():
    assert fitted_as(MARLIN_2B) == "marlin-2b"
    assert fitted_as(changed(MARLIN_2B, {"temperature": 0.5})) == "marlin-2b"
    other = changed(MARLIN_2B, {"fps": 1.0})
    assert fitted_as(other) == "marlin-2b fps=1.0 min_frames=4 max_frames=240 pixels_per_frame=200704"
