"""`footage models prompt`: a raw prompt about a video, and the model's raw words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_runner import CommandRunner
from standin_model import StandinModel, write_levels

from footage.core.config import CARD_VARIABLES, Settings
from footage.core.types import Answer
from footage.vlm.sampling import LIKELIEST, Sampling
from service.session import Loaders
from ui.cli.main import app

runner = CommandRunner()


class Speaker(StandinModel):
    """Says in two lines what it was asked, after some thinking."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts = []

    def run(self, requests):
        self.prompts += [prompt for _, prompt in requests]
        said = "<think>Hm.</think>\n\nYou said:\n{}\x1b[2J"
        return [Answer(said.format(prompt.text), "stop") for _, prompt in requests]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(f"FOOTAGE_{name}", raising=False)
    for name in CARD_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> Speaker:
    made = Speaker()
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: made))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here
    return made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six seconds; the stand-in's windows are of four and share one."""
    return str(write_levels(tmp_path_factory.mktemp("clip") / "wall.mp4", [20, 230] * 3))


def test_one_window_is_answered_with_the_text_alone(speaker: Speaker, clip: str) -> None:
    result = runner.invoke(app, ["models", "prompt", f"{clip}@1-3", "What\nis <this>?"])
    assert (result.exit_code, result.stdout) == (
        0,
        "You said:\nWhat\nis < this>?\N{REPLACEMENT CHARACTER}[2J\n",
    )
    [prompt] = speaker.prompts
    assert (prompt.kind, prompt.sampling, prompt.max_new_tokens) == ("raw", LIKELIEST, 320)
    assert speaker.log == []


def test_a_longer_span_has_one_answer_a_window_under_its_times(speaker: Speaker, clip: str) -> None:
    result = runner.invoke(app, ["models", "prompt", clip, "Say."])
    lines = result.stdout.splitlines()
    assert [lines[0], lines[3]] == ["0:00.0 - 0:04.0", "0:03.0 - 0:06.0"] and len(lines) == 6
    whole = runner.invoke(app, ["models", "prompt", clip, "Say.", "--window", "6"])
    assert len(whole.stdout.splitlines()) == 2 and len(speaker.prompts) == 3


def test_as_json_with_thinking_and_provenance(speaker: Speaker, clip: str) -> None:
    result = runner.invoke(app, ["models", "prompt", clip, "Say.", "--json", "--keep-think"])
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["start_seconds"], first["end_seconds"], second["start_seconds"]) == (0, 4, 3)
    assert first["text"] == first["raw"] == "<think>Hm.</think>\n\nYou said:\nSay.\x1b[2J"
    assert (first["type"], first["finish_reason"], first["model"]) == ("answer", "stop", "standin")
    stripped = json.loads(runner.invoke(app, ["models", "prompt", f"{clip}@0-2", "Say.", "--json"]).stdout)
    assert stripped["text"].startswith("You said:") and stripped["raw"] == first["raw"]


@pytest.mark.parametrize(
    ("option", "sampling", "tokens"),
    [
        (["--do-sample"], Sampling(temperature=1.0), 320),
        (["--seed", "7", "--max-new-tokens", "5"], Sampling(seed=7), 5),
    ],
)
def test_how_an_answer_is_written_can_be_chosen(
    option: list[str], sampling: Sampling, tokens: int, speaker: Speaker, clip: str
) -> None:
    assert runner.invoke(app, ["models", "prompt", f"{clip}@0-2", "Say.", *option]).exit_code == 0
    assert (speaker.prompts[0].sampling, speaker.prompts[0].max_new_tokens) == (sampling, tokens)


def test_the_prompt_may_come_from_a_file(speaker: Speaker, clip: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("Give <start - end>.\n  As lines.\n")
    assert runner.invoke(app, ["models", "prompt", f"{clip}@0-2", "--prompt-file", str(file)]).exit_code == 0
    assert speaker.prompts[0].text == "Give <start - end>.\n  As lines."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{clip}"], "A prompt is required"),
        (["{clip}", "Say.", "--prompt-file", "a.txt"], "A prompt is required"),
        (["{clip}", " \n"], "The prompt is empty"),
        (["{clip}@0:05", "Say."], "is a moment, but this command needs a segment"),
        (["{clip}@7-9", "Say."], "there is no video at 0:07.0"),
        (["{clip}", "Say.", "--do-sample", "--temperature", "0"], "Temperature 0 allows no sampling"),
        (["{clip}", "Say.", "--temperature", "-1"], "--temperature cannot be -1"),
        (["{clip}", "Say.", "--max-new-tokens", "0"], ""),
    ],
)
def test_bad_usage_is_one_sentence(
    arguments: list[str], sentence: str, speaker: Speaker, clip: str, tmp_path: Path
) -> None:
    result = runner.invoke(app, ["models", "prompt", *(part.replace("{clip}", clip) for part in arguments)])
    assert (result.exit_code, result.stdout, speaker.prompts) == (2, "", [])
    assert sentence in result.stderr.splitlines()[0]


def test_a_file_that_is_no_video_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    result = runner.invoke(app, ["models", "prompt", str(tmp_path / "notes.mp4"), "Say."])
    assert result.exit_code == 1 and "notes.mp4" in result.stderr


# --- several chunks at once ---------------------------------------------------------------------------------


class Reasoner(Speaker):
    """Thinks about chunk 1, answers about chunk 2, and gets a sum wrong."""

    def run(self, requests):
        self.prompts += [prompt for _, prompt in requests]
        think = "<think>chunk 1: 0.5, source 0.5\x1b[2J</think>\n"
        said = f"{think}chunk 2: 0.5 - 9.0, source 3.5 - 4.0\nchunk 7: 1.0"
        return [Answer(said, "stop") for _ in requests]


@pytest.fixture
def reasoner(monkeypatch: pytest.MonkeyPatch) -> Reasoner:
    made = Reasoner()
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: made))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    return made


def test_chunks_are_asked_about_at_once_and_their_times_are_video_time(reasoner: Reasoner, clip: str) -> None:
    result = runner.invoke(app, ["models", "prompt", clip, "When?", "--multichunk", "--window", "2"])
    assert result.exit_code == 0, result.output
    [prompt] = reasoner.prompts
    assert "chunk 3: 4.0 - 6.0 of this clip, 4.0 - 6.0 of the source video" in prompt.text
    assert "When?" in prompt.text.split("\n")
    assert result.stdout.splitlines() == [
        "chunk 2: 0.5 - 9.0, source 3.5 - 4.0",
        "chunk 7: 1.0",
        "chunk 2, 0.5 - 9 s: 0:02.5 - 0:04.0 (cut at the end of the chunk; the model computed 3.5 - 4 s)",
    ]
    assert "chunks that do not exist: 1" in result.stderr
    arguments = ["models", "prompt", clip, "When?", "--multichunk", "--window", "2", "--keep-think"]
    kept = runner.invoke(app, arguments)
    assert kept.stdout.splitlines()[0] == "chunk 1: 0.5, source 0.5\N{REPLACEMENT CHARACTER}[2J"
    assert "chunk 1, 0.5 - 0.5 s: 0:00.5 - 0:01.0" in kept.stdout


def test_chunks_as_json(reasoner: Reasoner, clip: str) -> None:
    arguments = ["models", "prompt", f"{clip}@2-6", "When?", "--multichunk", "--window", "2", "--json"]
    [line] = map(json.loads, runner.invoke(app, arguments).stdout.splitlines())
    assert (line["type"], line["prompt_version"], line["unknown_chunks"]) == ("multichunk", "multichunk-1", 1)
    assert line["chunks"] == [[2, 4], [4, 6]] and line["think"].startswith("chunk 1")
    thought, answered = line["times"]
    assert (thought["thinking"], thought["agrees"], thought["start_seconds"]) == (True, False, 2.5)
    assert (answered["end_seconds"], answered["clamped"], answered["written"]) == (6, True, [3.5, 4.0])


def test_groups_of_chunks_are_separate_requests(reasoner: Reasoner, clip: str) -> None:
    reasoner.profile = replace(reasoner.profile, fps=2.0, min_frames=2, max_frames=8)  # 4 s a request
    result = runner.invoke(app, ["models", "prompt", clip, "When?", "--multichunk", "--window", "2"])
    assert [prompt.text.count("of this clip") for prompt in reasoner.prompts] == [2, 1], result.output
    assert "0:00.0 - 0:04.0" in result.stdout and "0:04.0 - 0:06.0" in result.stdout
