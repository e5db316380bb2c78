"""Which speech model serves, and what is refused; nothing is fetched here."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from footage.core.config import load_settings
from footage.core.errors import ModelUnavailableError, UsageError, WrongCheckpointError
from footage.core.sound_choice import sound_choice
from indexer.tracks.speech_model import (
    MODEL_NAMES,
    PACKAGED,
    PACKAGED_DIGESTS,
    Recogniser,
    find,
    locate,
)


def packaged_folder() -> Path:
    folder = find(PACKAGED).folder
    assert folder is not None
    return folder


def copy_of(folder: Path, place: Path, *, weights: bytes | None = None) -> Path:
    place.mkdir()
    for name in PACKAGED_DIGESTS:
        if name != "model.bin":
            shutil.copy(folder / name, place / name)
    if weights is None:
        (place / "model.bin").symlink_to(folder / "model.bin")
    else:
        (place / "model.bin").write_bytes(weights)
    return place


def test_the_packaged_model_has_the_published_bytes_and_says_which_it_is() -> None:
    model = locate(find(PACKAGED, device="cpu"))
    assert model.english_only and model.folder is not None and model.compute_type == "float32"
    assert model.revision == "0d3d19a32d3338f10357c0889762bd8d64bbdeba"


@pytest.mark.parametrize("name", sorted(PACKAGED_DIGESTS))
def test_packaged_weights_that_differ_or_are_missing_are_refused(name: str, tmp_path: Path) -> None:
    folder = copy_of(packaged_folder(), tmp_path / "model", weights=b"other")
    model = replace(find(PACKAGED), folder=folder)
    with pytest.raises(WrongCheckpointError, match=r"not the published one: model\.bin has the SHA-256"):
        locate(model)
    (folder / name).unlink()
    with pytest.raises(WrongCheckpointError, match=r"is incomplete: |is not the published one: "):
        locate(model)


def test_without_a_hub_the_packaged_model_serves_and_others_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert find("auto", device="cpu", offline=True).name == PACKAGED
    known = find("small", device="cpu")
    assert known.folder is None and not known.may_fall_back and len(known.revision) == 40
    assert find("auto", device="cpu").name in ("small", PACKAGED)
    with pytest.raises(ModelUnavailableError, match="the speech model small is not on this machine") as error:
        find("small", device="cpu", offline=True)
    assert f"--speech-model {PACKAGED}" in error.value.hint


def test_a_model_in_the_hubs_cache_is_found_by_its_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    wanted = find("small", device="cpu")
    place = tmp_path / "models--Systran--faster-whisper-small" / "snapshots" / wanted.revision
    place.parent.mkdir(parents=True)
    copy_of(packaged_folder(), place)
    import huggingface_hub

    real = huggingface_hub.try_to_load_from_cache
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda *args, **options: real(*args, **options, cache_dir=tmp_path),
    )
    assert find("small", device="cpu", offline=True).folder == place
    assert find("auto", device="cpu", offline=True).name == "small"
    (place / "model.bin").unlink()
    assert find("auto", device="cpu", offline=True).name == PACKAGED


def test_a_folder_of_ones_own_is_known_by_its_content(tmp_path: Path) -> None:
    folder = copy_of(packaged_folder(), tmp_path / "mine")
    model = find(str(folder))
    assert (model.name, model.folder, model.english_only) == ("mine", folder, True)
    assert model.revision.startswith("sha256:") and model.repository == ""
    other = copy_of(packaged_folder(), tmp_path / "other", weights=b"other")
    assert find(str(other)).revision != model.revision
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    for token in tokenizer["added_tokens"]:
        token["id"] += token["id"] >= 50257  # models of several languages have one token more
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert not find(str(other)).english_only


def test_what_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no speech model 'huge'") as error:
        find("huge")
    assert all(name in error.value.hint for name in MODEL_NAMES)
    with pytest.raises(WrongCheckpointError, match=r"holds no speech model: config\.json is missing"):
        find(str(tmp_path))
    folder = copy_of(packaged_folder(), tmp_path / "mine", weights=b"no weights")
    with pytest.raises(WrongCheckpointError, match="cannot be loaded") as refused:
        Recogniser(locate(find(str(folder), device="cpu")))._loaded()
    assert "Traceback" not in str(refused.value)
    (folder / "tokenizer.json").write_text('{"added_tokens": []}')
    with pytest.raises(WrongCheckpointError, match="holds another model than Whisper"):
        find(str(folder))
    (folder / "tokenizer.json").write_text("[")
    with pytest.raises(WrongCheckpointError, match=r"no readable tokenizer\.json"):
        find(str(folder))


@pytest.mark.parametrize(
    ("text", "tracks"), [("main", "main"), ("all", "all"), ("2", (2,)), ("3,1, 1", (1, 3))]
)
def test_sound_tracks_are_chosen_by_a_setting(text: str, tracks: object) -> None:
    assert sound_choice(load_settings(speech_sound=text).speech_sound) == tracks


@pytest.mark.parametrize("text", ["0", "first", "1,,2", "-1", "1.5", "9999", ""])
def test_other_sound_tracks_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="speech"):
        load_settings(speech_sound=text)
