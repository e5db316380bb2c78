"""Settings: who wins, what is refused, and in which words."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footage.core.config import CARD_VARIABLES, PROFILE_SETTINGS, Settings, load_settings
from footage.core.errors import FileError, UsageError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(f"FOOTAGE_{name}", raising=False)
    for name in CARD_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def written(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_are_those_the_readme_lists(tmp_path: Path) -> None:
    chosen = load_settings()
    assert chosen.db == tmp_path / "home" / ".footage" / "index.lancedb"
    assert (chosen.model, chosen.model_path, chosen.device, chosen.embedder) == (
        "marlin-2b",
        None,
        "auto",
        "minilm",
    )
    assert (chosen.window_seconds, chosen.overlap_seconds) == (None, None)
    assert (chosen.batch_size, chosen.queue_windows, chosen.decode_timeout_seconds) == (8, 4, 120)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_command_line_beats_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 'model = "from-file"\nembedder = "from-file"\nbatch_size = 7')
    monkeypatch.setenv("FOOTAGE_MODEL", "from-environment")
    monkeypatch.setenv("FOOTAGE_BATCH_SIZE", "8")
    chosen = load_settings(file, batch_size=9)
    assert (chosen.embedder, chosen.model, chosen.batch_size) == ("from-file", "from-environment", 9)


def test_the_cards_variables_come_between_ours_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "fps = 1\nmin_frames = 6\nmax_frames = 8\nmax_pixels = 2048")
    monkeypatch.setenv("FPS", "2.5")
    monkeypatch.setenv("FPS_MAX_FRAMES", "20")
    monkeypatch.setenv("FPS_MIN_FRAMES", "")
    monkeypatch.setenv("VIDEO_MAX_PIXELS", "4096")
    monkeypatch.setenv("FOOTAGE_MAX_FRAMES", "30")
    chosen = load_settings(file, max_pixels=8192)
    assert (chosen.fps, chosen.min_frames, chosen.max_frames, chosen.max_pixels) == (2.5, 6, 30, 8192)
    assert load_settings(file).max_pixels == 4096


@pytest.mark.parametrize(
    ("variable", "value"), [("FPS", "fast"), ("FPS_MAX_FRAMES", "2.5"), ("VIDEO_MAX_PIXELS", "9")]
)
def test_a_wrong_value_in_a_variable_of_the_card_names_it(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"^{variable} cannot be '{value}'"):
        load_settings()


def test_unset_a_profiles_own_values_stand() -> None:
    assert {getattr(load_settings(), name) for name in PROFILE_SETTINGS} == {None}
    assert set(PROFILE_SETTINGS) <= set(Settings.model_fields)


def test_one_prompt_is_enough(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        load_settings(prompt="Tell.", prompt_file=tmp_path / "tell.txt")


def test_a_prompt_of_the_command_line_is_stronger_than_the_config_files(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('prompt_file = "mine.txt"\n')
    settings = load_settings(config, prompt="Tell.")
    assert (settings.prompt, settings.prompt_file) == ("Tell.", None)
    config.write_text('prompt = "Tell."\n')
    settings = load_settings(config, prompt_file=tmp_path / "tell.txt")
    assert (settings.prompt, settings.prompt_file) == (None, tmp_path / "tell.txt")


def test_none_and_an_empty_variable_count_as_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTAGE_DB", "")
    chosen = load_settings(written(tmp_path, 'db = "/videos/index"'), db=None)
    assert chosen.db == Path("/videos/index")


def test_variables_of_other_programs_parts_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTAGE_TEST_DATA", "/somewhere")
    assert load_settings().model == "marlin-2b"


def test_the_users_own_file_is_read_when_none_is_named(tmp_path: Path) -> None:
    usual = platformdirs.user_config_path("footage")
    usual.mkdir(parents=True)
    (usual / "config.toml").write_text('embedder = "mine"')
    assert load_settings().embedder == "mine"
    assert load_settings(written(tmp_path, "")).embedder == "minilm"


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTAGE_CONFIG", str(written(tmp_path, 'embedder = "named"')))
    assert load_settings().embedder == "named"


def test_home_is_expanded_everywhere(tmp_path: Path) -> None:
    chosen = load_settings(written(tmp_path, 'db = "~/a"\nmodel_path = "~/b"\ncache_dir = "~/c"'))
    home = tmp_path / "home"
    assert (chosen.db, chosen.model_path, chosen.cache_dir) == (home / "a", home / "b", home / "c")


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"])
def test_devices_that_exist(device: str) -> None:
    assert load_settings(device=device).device == device


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", "", "cuda:1 "])
def test_devices_that_do_not(device: str) -> None:
    with pytest.raises(UsageError, match=r"--device cannot be .*use auto, cpu, mps, cuda"):
        load_settings(device=device)


def test_an_unknown_key_is_named_with_its_nearest_kin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown setting 'batchsize' in .*settings.toml") as caught:
        load_settings(written(tmp_path, "batchsize = 3"))
    assert caught.value.hint == "Did you mean batch_size?"


def test_a_key_like_no_other_gets_the_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(written(tmp_path, "[colours]\nred = 1"))
    assert all(name in caught.value.hint for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("batch_size = 0", "batch_size"),
        ("batch_size = 'many'", "batch_size"),
        ("window_seconds = -1", "window_seconds"),
        ("window_seconds = 121", "window_seconds"),
        ("window_seconds = nan", "window_seconds"),
        ("overlap_seconds = -0.1", "overlap_seconds"),
        ("model = ''", "model"),
        ("decode_timeout_seconds = 0", "decode_timeout_seconds"),
        ("device = 7", "device"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_sentence(tmp_path: Path, line: str, key: str) -> None:
    file = written(tmp_path, line)
    with pytest.raises(UsageError) as caught:
        load_settings(file)
    assert str(caught.value).startswith(f"{key} in {file} cannot be ")
    assert "\n" not in str(caught.value)


def test_a_wrong_value_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTAGE_QUEUE_WINDOWS", "lots")
    with pytest.raises(UsageError, match=r"^FOOTAGE_QUEUE_WINDOWS cannot be 'lots'"):
        load_settings()


def test_windows_are_longer_than_their_overlap() -> None:
    assert load_settings(window_seconds=10, overlap_seconds=9.5).overlap_seconds == 9.5
    with pytest.raises(UsageError, match="smaller than window_seconds"):
        load_settings(window_seconds=10, overlap_seconds=10)


def test_a_file_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(FileError, match="There is no config file"):
            load_settings(path)


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.toml"
    file.write_bytes(content)
    try:
        load_settings(file)
    except UsageError as error:
        assert str(file) in str(error)


def test_a_misspelled_variable_is_named_with_the_setting_it_may_mean(monkeypatch, caplog):
    monkeypatch.setenv("FOOTAGE_MODLE", "demo")
    monkeypatch.setenv("FOOTAGE_TEST_ANYTHING", "1")
    monkeypatch.setenv("FOOTAGE_API_KEY", "secret")
    load_settings()
    load_settings()
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings == [
        "The environment variable FOOTAGE_MODLE is not a setting and is ignored. Did you mean FOOTAGE_MODEL?"
    ]


def test_library_roots_are_separated_as_in_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTAGE_LIBRARY_ROOTS", os.pathsep.join(["/a b", "~/c", ""]))
    assert load_settings().library_roots == (Path("/a b"), Path("~/c").expanduser())
    monkeypatch.delenv("FOOTAGE_LIBRARY_ROOTS")
    (tmp_path / "config.toml").write_text('library_roots = ["/d", "/e"]')
    assert load_settings(tmp_path / "config.toml").library_roots == (Path("/d"), Path("/e"))
    assert load_settings(library_roots=[Path("/f")]).library_roots == (Path("/f"),)
