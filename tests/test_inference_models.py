"""A model for Python programs: the card's dictionaries, on videos of any length, in video time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from standin_model import BRIGHT, DARK, StandinModel, write_levels

from footage import open_model
from footage.core.errors import DecodeError, UsageError, VideoNotFoundError
from footage.core.timecode import iou
from footage.core.types import Answer, Span
from footage.inference.models import OpenModel
from footage.vlm.profile import FIND_TEMPLATE
from footage.vlm.profiles import DEMO, MARLIN_2B
from footage.vlm.sampling import Sampling

CLIPS = Path(__file__).resolve().parents[1] / "data" / "footage"
TRUTH = json.loads((CLIPS / "ground_truth.json").read_text())["videos"]

needs_demo_model = pytest.mark.skipif(
    not any((DEMO.folder or Path()).glob("*.safetensors")), reason="needs the weights in data/demo-model"
)


@pytest.fixture(scope="module")
def demo() -> OpenModel:
    return open_model("demo", device="cpu", offline=True)


class Talker(StandinModel):
    """Answers every prompt with the same words; notes what it was asked."""

    def __init__(self, raw="From 1.0 to 2.0.", *, blind_from=float("inf"), **profile):
        super().__init__()
        self.profile = replace(self.profile, **profile)
        self.raw, self.blind_from = raw, blind_from
        self.prompts = []

    def prepare(self, frames):
        if frames.span.start_seconds >= self.blind_from:
            raise DecodeError(f"too dark at {frames.span.start_seconds:g} s")
        return super().prepare(frames)

    def run(self, requests):
        self.prompts += [prompt for _, prompt in requests]
        return [Answer(self.raw, "stop") for _ in requests]


@pytest.fixture(scope="module")
def levels(tmp_path_factory) -> Path:
    """Ten seconds: four dark ones, three bright, three dark."""
    return write_levels(tmp_path_factory.mktemp("levels") / "levels.mp4", [20] * 4 + [230] * 3 + [20] * 3)


def test_the_package_itself_loads_nothing():
    heavy = {"torch", "transformers", "numpy", "torchcodec", "pydantic_settings"}
    code = f"import sys, footage; print(sorted(set(sys.modules) & {heavy!r}), footage.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] ")
    with pytest.raises(ImportError, match="opne_model"):
        from footage import opne_model  # noqa: F401


# --- with the demo model, on the sample clips ---------------------------------------------------------------


@needs_demo_model
@pytest.mark.demo_model
@pytest.mark.parametrize("name", ["park_dusk.mp4", "gate_cam1.mp4"])
def test_a_caption_of_several_windows_is_one_timeline(demo, name):
    result = demo.caption(CLIPS / name)
    assert {"caption", "scene", "events"} <= result.keys() and result["problems"] == []
    assert len(result["windows"]) > 1 and result["windows"][-1]["end"] == result["end"] == result["duration"]
    assert result["scene"] == TRUTH[name]["scene"]
    assert result["events"] == sorted(result["events"], key=lambda event: (event["start"], event["end"]))
    hits = [
        any(
            event["description"] == true["text"]
            and iou(Span(event["start"], event["end"]), Span(true["start"], true["end"])) > 0.5
            for event in result["events"]
        )
        for true in TRUTH[name]["timeline"]
    ]
    assert sum(hits) >= 0.8 * len(hits)
    first = result["events"][0]
    line = f"<{first['start']:.1f} - {first['end']:.1f}> {first['description']}"
    assert result["caption"].startswith(f"Scene: {result['scene']}\n\nEvents:\n{line}")


@needs_demo_model
@pytest.mark.demo_model
def test_a_part_is_told_in_the_videos_time(demo):
    result = demo.caption(CLIPS / "gate_cam1.mp4", start=24, end=40)
    assert (result["start"], result["end"], result["duration"]) == (24, 40, 60)
    [window] = result["windows"]
    assert (window["start"], window["end"], window["finish_reason"]) == (24, 40, "stop")
    assert result["events"][0]["description"] == "A yellow car drives from right to left."
    assert all(24 <= event["start"] < event["end"] <= 40 for event in result["events"])
    assert result["provenance"] == {
        "model": "demo-model",
        "revision": demo.model.provenance.revision,
        "prompt_version": "marlin-2",
        "budget": "fps=2 frames=4..240 pixels=6144",
    }


@needs_demo_model
@pytest.mark.demo_model
def test_find_names_the_windows_answer_it_is_surest_of(demo):
    true = next(e for e in TRUTH["gate_cam1.mp4"]["timeline"] if e["start"] > 16 and "yellow" in e["text"])
    done = []
    result = demo.find(CLIPS / "gate_cam1.mp4", event=true["text"], on_progress=lambda *n: done.append(n))
    assert iou(Span(*result["span"]), Span(true["start"], true["end"])) > 0.5
    assert result["format_ok"] and result["raw"].startswith("From ")
    surest = max(result["windows"], key=lambda window: window["probability"])
    assert (surest["span"], surest["raw"]) == (result["span"], result["raw"])
    assert all(w["start"] <= w["span"][0] < w["span"][1] <= w["end"] for w in result["windows"] if w["span"])
    ends = [second for span in result["spans"] for second in span]
    assert ends == sorted(set(ends)) and any(
        start <= result["span"][0] < result["span"][1] <= end for start, end in result["spans"]
    )
    assert done[-1] == (len(result["windows"]),) * 2


@needs_demo_model
@pytest.mark.demo_model
def test_the_contracts_own_prompts_say_the_same_when_given_raw(demo):
    where = {"start": 0, "end": 16}
    clip = CLIPS / "gate_cam1.mp4"
    [captioned] = demo.caption(clip, **where)["windows"]
    [result] = demo.prompt(clip, DEMO.caption_prompt, **where)["windows"]
    assert result["raw"] == captioned["raw"]
    event = "A white car drives from right to left"
    asked = demo.prompt(clip, FIND_TEMPLATE.replace("{event}", event), **where)
    assert asked["text"] == demo.find(clip, event=event, **where)["raw"]


@needs_demo_model
@pytest.mark.demo_model
def test_drawn_answers_differ_by_seed_and_are_cut_at_the_cap(demo):
    def say(seed: int, tokens: int = 24) -> str:
        hot = Sampling(temperature=5.0, seed=seed)
        result = demo.prompt(CLIPS / "gate_cam1.mp4", "Say.", sampling=hot, max_new_tokens=tokens, end=8)
        return result["windows"][0]["raw"]

    assert say(1) == say(1) != say(2)
    [window] = demo.prompt(CLIPS / "gate_cam1.mp4", "Say.", max_new_tokens=2, end=8)["windows"]
    assert window["finish_reason"] == "length"


@needs_demo_model
@pytest.mark.demo_model
def test_a_free_question_is_answered_for_each_window(demo):
    result = demo.ask(CLIPS / "gate_cam1.mp4", "What moves?", end=28)
    assert [(w["start"], w["end"]) for w in result["windows"]] == [(0, 16), (12, 28)]
    assert result["text"] == "\n\n".join(window["text"] for window in result["windows"])


@needs_demo_model
@pytest.mark.demo_model
def test_changes_go_to_the_profile_and_into_the_provenance():
    model = open_model("demo", device="cpu", fps=1.0, max_frames=8, caption_prompt="Tell.", temperature=0.5)
    profile = model.model.profile
    assert (profile.fps, profile.max_frames, profile.caption_prompt) == (1.0, 8, "Tell.")
    assert profile.sampling == Sampling(temperature=0.5)
    result = model.model.provenance
    assert result.budget == "fps=1 frames=4..8 pixels=6144" and result.prompt_version.startswith("own-")


# --- what surrounds the model -------------------------------------------------------------------------------


def test_windows_overlap_and_what_both_saw_is_one(levels):
    result = OpenModel(StandinModel()).caption(levels)
    assert [(w["start"], w["end"]) for w in result["windows"]] == [(0, 4), (3, 7), (6, 10)]
    assert [event["description"] for event in result["events"]] == [DARK, BRIGHT, DARK]
    edges = [second for event in result["events"] for second in (event["start"], event["end"])]
    assert edges == pytest.approx([0, 4, 4, 7, 7, 10], abs=0.5)  # half a second from frame to frame
    assert result["scene"].count("A plain wall") == len(set(result["scene"].split("\n\n"))) > 1
    longer = OpenModel(StandinModel()).caption(levels, window_seconds=10, overlap_seconds=0)
    assert [(w["start"], w["end"]) for w in longer["windows"]] == [(0, 10)]


def test_short_windows_share_no_more_than_half(levels):
    result = OpenModel(StandinModel(overlap_seconds=3.0)).caption(levels, window_seconds=2)
    assert [w["start"] for w in result["windows"]][:3] == [0, 1, 2]


def test_without_probabilities_the_earliest_span_is_the_answer(levels):
    result = OpenModel(StandinModel()).find(levels, event="a bright wall", start=2)
    assert result["span"] == result["windows"][0]["span"] == pytest.approx((4, 6), abs=0.5)
    assert result["spans"][0] == pytest.approx((4, 7), abs=0.5)
    assert {window["probability"] for window in result["windows"]} == {None}


def test_an_answer_without_a_time_gives_no_span(levels):
    result = OpenModel(Talker("I cannot tell.")).find(levels, event="a dog")
    assert (result["span"], result["spans"], result["format_ok"], result["raw"]) == (
        None,
        [],
        False,
        "I cannot tell.",
    )


def test_thinking_is_left_out_unless_it_is_wanted(levels):
    model = OpenModel(Talker("<think>Hm.</think>\n\nA wall."))
    assert model.prompt(levels, "Say.", end=3)["text"] == "A wall."
    kept = model.prompt(levels, "Say.", end=3, keep_think=True)
    assert kept["text"] == kept["windows"][0]["raw"] == "<think>Hm.</think>\n\nA wall."


def test_a_model_of_two_stages_is_asked_twice_and_the_second_answer_counts(levels):
    talker = Talker("A wall.", second_prompt="Again: {caption}", prose=True)
    result = OpenModel(talker).caption(levels, end=4)
    assert [prompt.text for prompt in talker.prompts] == [DEMO.caption_prompt, "Again: A wall."]
    assert result["events"] == [{"start": 0, "end": 4, "description": "A wall."}]


def test_windows_that_cannot_be_seen_are_told_and_the_others_answered(levels):
    result = OpenModel(Talker(blind_from=3)).find(levels, event="a dog")
    assert [(w["start"], w["span"]) for w in result["windows"]] == [(0, (1.0, 2.0))]
    assert [(p["start"], p["end"], p["reason"]) for p in result["problems"]] == [
        (3, 7, "too dark at 3 s"),
        (6, 10, "too dark at 6 s"),
    ]
    with pytest.raises(DecodeError, match="too dark at 0 s"):
        OpenModel(Talker(blind_from=0)).find(levels, event="a dog")


@pytest.mark.parametrize("part", [{"start": 10}, {"start": 5, "end": 5}, {"start": -1}, {"end": 0}])
def test_a_part_that_is_not_there_is_refused(levels, part):
    with pytest.raises(UsageError, match=r"no video from .*levels\.mp4, which lasts 10\.0 s"):
        OpenModel(StandinModel()).caption(levels, **part)


def test_what_cannot_be_is_refused_before_the_model_is_asked(levels, tmp_path):
    talker = Talker(skills=("caption",))
    model = OpenModel(talker)
    with pytest.raises(UsageError, match="cannot find"):
        model.find(levels, event="a dog")
    with pytest.raises(UsageError, match="cannot ask"):
        model.ask(levels, "What?")
    with pytest.raises(UsageError, match="the prompt is empty"):
        model.prompt(levels, " \n")
    with pytest.raises(UsageError, match="cannot overlap"):
        model.caption(levels, window_seconds=2, overlap_seconds=2)
    with pytest.raises(VideoNotFoundError):
        model.caption(tmp_path / "none.mp4")
    assert talker.prompts == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fps": 0}, "more than 0"),
        ({"caption_prompt": " "}, "The prompt is empty"),
        ({"second_prompt": "Shorter."}, "no placeholder for the first answer"),
    ],
)
def test_changes_that_make_no_sense_are_refused(change, sentence):
    with pytest.raises(UsageError, match=sentence):
        open_model("demo", **change)


def test_an_empty_second_prompt_leaves_the_second_stage_out():
    assert open_model("demo", second_prompt="").model.profile.second_prompt == ""


# --- the keyword arguments of Marlin's card -----------------------------------------------------------------

CLIP = CLIPS / "gate_cam1.mp4"
FIRST = {"start": 0, "end": 16}
EVENT = "A white car drives from right to left"


def test_the_cards_defaults_are_marlins(levels):
    tokens = {name: getattr(MARLIN_2B, name) for name in ("caption_tokens", "find_tokens")}
    talker = Talker("Scene: A wall.", **tokens)
    OpenModel(talker).caption(levels, end=4)
    OpenModel(talker).find(levels, event="a dog", end=4)
    captioning, finding = talker.prompts
    assert (captioning.text, captioning.max_new_tokens) == (MARLIN_2B.caption_prompt, 2048)
    assert (finding.text, finding.max_new_tokens) == (FIND_TEMPLATE.replace("{event}", "a dog"), 64)
    assert captioning.sampling == finding.sampling == Sampling(temperature=0, top_p=1)


def test_the_cards_arguments_go_into_the_prompt(levels):
    talker = Talker("Scene: A wall.")
    model = OpenModel(talker)
    drawn = {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "seed": 3}
    model.caption(levels, end=4, prompt="Tell.", max_new_tokens=9, **drawn)
    model.find(
        levels, event='the "dog"', end=4, prompt="When does {event} happen?", max_new_tokens=5, **drawn
    )
    model.caption(levels, end=4, do_sample=True)
    captioning, finding, plain = talker.prompts
    assert (captioning.text, captioning.max_new_tokens) == ("Tell.", 9)
    assert (finding.text, finding.max_new_tokens) == ("When does the dog happen?", 5)
    assert captioning.sampling == finding.sampling == Sampling(temperature=0.7, top_p=0.9, seed=3)
    assert plain.sampling == Sampling(temperature=1.0, top_p=1.0)


def test_without_do_sample_nothing_is_drawn(levels, caplog):
    for do_sample in (None, False):
        talker = Talker("Scene: A wall.")
        OpenModel(talker).caption(levels, end=4, do_sample=do_sample, temperature=0.7, top_p=0.9, seed=3)
        OpenModel(talker).find(levels, event="a dog", end=4, do_sample=do_sample, temperature=0.0, top_p=1.0)
        assert {prompt.sampling for prompt in talker.prompts} == {Sampling()}
    assert caplog.text.count("have no effect without do_sample=True") == 2
    own = Talker("Scene: A wall.", sampling=Sampling(temperature=0.1, top_p=0.5, repetition_penalty=1.05))
    OpenModel(own).caption(levels, end=4)
    OpenModel(own).caption(levels, end=4, do_sample=False)
    assert [prompt.sampling for prompt in own.prompts] == [
        own.profile.sampling,
        Sampling(repetition_penalty=1.05),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_new_tokens": 0}, "an answer cannot have 0 tokens"),
        ({"do_sample": True, "temperature": 0}, "Temperature 0 allows no sampling"),
        ({"do_sample": True, "temperature": -1.0}, "These sampling options are invalid"),
        ({"do_sample": True, "top_p": 0.0}, "These sampling options are invalid"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(levels, arguments, sentence):
    talker = Talker()
    with pytest.raises(UsageError, match=sentence):
        OpenModel(talker).caption(levels, **arguments)
    with pytest.raises(UsageError, match=sentence):
        OpenModel(talker).find(levels, event="a dog", **arguments)
    with pytest.raises(UsageError, match="no placeholder for the event"):
        OpenModel(talker).find(levels, event="a dog", prompt="When?")
    with pytest.raises(UsageError, match="The prompt is empty"):
        OpenModel(talker).caption(levels, prompt=" ")
    assert talker.prompts == []


def test_what_differs_from_the_profile_is_in_the_provenance(levels):
    def version(method: str, **arguments) -> str:
        model = OpenModel(Talker("Scene: A wall."))
        more = {"event": "a dog"} if method == "find" else {}
        return getattr(model, method)(levels, end=4, **more, **arguments)["provenance"]["prompt_version"]

    own = {"caption": DEMO.caption_prompt, "find": FIND_TEMPLATE}
    tokens = {"caption": DEMO.caption_tokens, "find": DEMO.find_tokens}
    for method in ("caption", "find"):
        same = {"prompt": own[method], "max_new_tokens": tokens[method], "do_sample": False, "top_p": 1.0}
        assert version(method) == version(method, **same) == DEMO.prompt_version
        others = [
            version(method, max_new_tokens=9),
            version(method, do_sample=True),
            version(method, do_sample=True, temperature=0.5),
            version(method, prompt="What of {event}?"),
        ]
        assert len(set(others)) == 4 and all(each.startswith("own-") for each in others)


@needs_demo_model
@pytest.mark.demo_model
def test_the_demo_model_is_capped_drawn_and_prompted_as_asked(demo):
    [plain] = demo.caption(CLIP, **FIRST)["windows"]
    card = {"prompt": DEMO.caption_prompt, "max_new_tokens": 320, "do_sample": False, "temperature": 0.0}
    [same] = demo.caption(CLIP, **FIRST, **card)["windows"]
    assert same == plain and plain["finish_reason"] == "stop"
    [short] = demo.caption(CLIP, **FIRST, max_new_tokens=8)["windows"]
    assert short["finish_reason"] == "length" and plain["raw"].startswith(short["raw"])

    def drawn(seed: int) -> str:
        result = demo.find(CLIP, event=EVENT, **FIRST, do_sample=True, temperature=5.0, seed=seed)
        assert result["windows"][0]["probability"] is None
        return result["raw"]

    assert drawn(1) == drawn(1) != drawn(2)
    found = demo.find(CLIP, event=EVENT, **FIRST)
    again = demo.find(CLIP, event=EVENT, **FIRST, prompt=FIND_TEMPLATE, max_new_tokens=32, do_sample=False)
    assert again == found and found["span"] is not None
    # At a tiny top_p, or a temperature near 0, the draw takes the likeliest token.
    nearly = demo.find(CLIP, event=EVENT, **FIRST, do_sample=True, temperature=0.01, top_p=0.01)
    assert nearly["raw"] == found["raw"]
