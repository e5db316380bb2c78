"""The table of known models: origin, licence, prompts and frame budget of each; loads nothing."""

from __future__ import annotations

import difflib
from dataclasses import replace

from footage.core.bundled import bundled_folder
from footage.core.errors import UsageError
from footage.vlm.profile import Profile, Skill
from footage.vlm.sampling import Sampling

_QWEN35_ENDS = (248046, 248044)  # <|im_end|> and <|endoftext|>
_QWEN3_ENDS = (151645, 151643)
_AS_QWEN35 = (("--hf-overrides", '{"architectures":["Qwen3_5ForConditionalGeneration"]}'),)

MARLIN_2B = Profile(
    name="marlin-2b",
    billions=2.2,
    repository="NemoStation/Marlin-2B",
    revision="fd111fca4fc7897876fb0d7e9df22ca5ac8ab965",
    licence="Apache-2.0",
    gated=True,
    video_form="bare",
    end_ids=_QWEN35_ENDS,
    vllm=_AS_QWEN35,
)
"""The model the contract was written for; its card serves 200,704 pixels a frame, 2 fps, 4 to 240 frames. Its
makers ran it with transformers 5.7, whose Qwen3-VL processor (since 4.57) put the pairs of frames in place of
the template's vision_start, video_pad and vision_end: the bare form. Later releases keep the outer two."""

VIDEO_SCAN = Profile(
    name="video-scan",
    billions=2.2,
    repository="cudabenchmarktest/video-scan",
    revision=None,
    licence="BUSL-1.1",
    video_form="bare",
    end_ids=_QWEN35_ENDS,
    vllm=_AS_QWEN35,
    notice=(
        "video-scan is licensed under the Business Source License 1.1: production use is allowed, except in "
        "a hosted or embedded offer that competes with the licensor's. Each version becomes Apache-2.0 after "
        "two years. Keep its NOTICE file, and mind its trademark."
    ),
)
"""No commit of it is known here: the one that is fetched first stays. What the notice says is a summary; the
licence on its model page counts."""

_FORM = (
    'Write "Scene:" and one paragraph on the place, the people and the things in view. Then write "Events:" '
    "and, in the order in which they happen, one line for each event:\n"
    "<start - end> What happens, in one sentence.\n"
    "start and end are seconds from the beginning of the video, such as 2.0 and 5.5. "
    "Tell only what can be seen."
)

QWEN25_VL_7B = Profile(
    name="qwen2.5-vl-7b",
    family="qwen25vl",
    model_type="qwen2_5_vl",
    billions=8.3,
    repository="Qwen/Qwen2.5-VL-7B-Instruct",
    revision="cc594898137f460bfe9f0759e9844b3ce807cfb5",
    licence="Apache-2.0",
    caption_prompt=f"Describe this video so that it can be found again by what happens in it.\n{_FORM}",
    second_prompt=(
        "This is a first description of the video:\n\n{caption}\n\n"
        "Watch the video again and write a better description: correct what is wrong, above all the times, "
        f"add what is missing, and leave out what cannot be seen.\n{_FORM}"
    ),
    prompt_version="qwen2.5-vl-1",
    prose=True,
    sampling=Sampling(temperature=0.1, top_p=0.001, repetition_penalty=1.05),
    min_pixels_per_frame=128 * 28 * 28,
    caption_tokens=512,
    vllm=(("--quantization", "fp8"), ("--gpu-memory-utilization", "0.85")),
)
"""NVIDIA NeMo Curator's captioner (``nemo_curator/models/qwen_vl.py``): its sampling, its 512 tokens, its two
stages and its 2 frames a second, with prompts of this project. 200,704 pixels are 256 tokens a pair of
frames, between the 128 and the 768 of qwen_vl_utils: 30 s take 7,680 of the context's 32,768. The video
stays within the template's vision_start and vision_end, as Qwen2_5_VLProcessor leaves it since 4.49."""

_TIMELENS_TEMPLATE = (
    "Please find the visual event described by the sentence '{event}', determining its starting and ending "
    "times. The format should be: 'The event happens in <start time> - <end time> seconds'."
)
_TIMELENS_NOTICE = (
    "The licence of TimeLens's weights has not been verified here; its code is BSD-3-Clause. "
    "Read the licence on its model page before you rely on it."
)

QWEN3_VL_8B = Profile(
    name="qwen3-vl-8b",
    family="qwen3vl",
    model_type="qwen3_vl",
    billions=8.8,
    repository="Qwen/Qwen3-VL-8B-Instruct",
    revision="0c351dd01ed87e9c1b53cbc748cba10e6187ff3b",
    licence="Apache-2.0",
    caption_prompt=QWEN25_VL_7B.caption_prompt,
    second_prompt=QWEN25_VL_7B.second_prompt,
    find_template=_TIMELENS_TEMPLATE,
    find_form="seconds",
    prompt_version="qwen3-vl-1",
    video_form="bare",
    prose=True,
    sampling=QWEN25_VL_7B.sampling,
    min_pixels_per_frame=128 * 32 * 32,
    caption_tokens=512,
    end_ids=_QWEN3_ENDS,
    vllm=QWEN25_VL_7B.vllm,
)
"""The captioner of newer releases of NVIDIA NeMo Curator (``nemo_curator/models/qwen_vl.py``, which pins
0c351dd): its sampling, 512 tokens, two stages and 2 frames a second, with prompts of this project. 200,704
pixels are 196 tokens a pair of frames, between the 128 and the 768 of qwen_vl_utils. It is asked for spans
with TimeLens's prompt, with which TimeLens's makers measured it. The video is bare, as in transformers 4.57,
with which it was published."""

TIMELENS_8B = Profile(
    name="timelens-8b",
    family="qwen3vl",
    model_type="qwen3_vl",
    billions=8.8,
    repository="TencentARC/TimeLens-8B",
    revision=None,
    licence="see its page",
    skills=("find",),
    find_template=_TIMELENS_TEMPLATE,
    find_form="seconds",
    prompt_version="timelens-1",
    video_form="bare",
    max_frames=768,
    pixels_per_frame=768 * 32 * 32,
    min_pixels_per_frame=64 * 32 * 32,
    pixels_per_clip=2 * 14_336 * 32 * 32,
    window_seconds=60.0,
    find_tokens=512,
    end_ids=_QWEN3_ENDS,
    notice=_TIMELENS_NOTICE,
)
"""A grounding model on Qwen3-VL-8B. The budget is that of its own evaluation (``eval_timelens_bench.sh``,
``evaluation/utils.py``): 2 frames a second, at least 64 tokens a pair of frames and 14,336 a video, of 32 x
32 pixels in two frames each, and answers of 512 tokens; 768 frames and 768 tokens a pair are the bounds of
qwen_vl_utils 0.0.14. It saw whole videos of some minutes; the window is ours. Not pinned: no commit of it has
been verified here."""

TIMELENS_7B = replace(
    TIMELENS_8B,
    name="timelens-7b",
    family="qwen25vl",
    model_type="qwen2_5_vl",
    billions=8.3,
    repository="TencentARC/TimeLens-7B",
    find_template=(
        "You are given a video with multiple frames. The numbers before each video frame indicate its "
        f"sampling timestamp (in seconds). {_TIMELENS_TEMPLATE}"
    ),
    prompt_version="timelens-7b-1",
    video_form="stamped",
    pixels_per_frame=768 * 28 * 28,
    min_pixels_per_frame=64 * 28 * 28,
    pixels_per_clip=2 * 14_336 * 28 * 28,
    end_ids=(),
)
"""As TimeLens-8B, on Qwen2.5-VL-7B, whose tokens cover 28 x 28 pixels, with times as text between the frames;
how exactly is a reading of ours (``footage.vlm.backends.qwen25vl``)."""

TIMELENS2_4B = Profile(
    name="timelens2-4b",
    family="qwen3vl",
    model_type="qwen3_vl",
    billions=4.4,
    repository="MCG-NJU/TimeLens2-4B",
    revision=None,
    licence="Apache-2.0",
    skills=("find",),
    find_template=(
        "When does '{event}' happen in the video?\n"
        "Return the result strictly as a JSON array of [start, end] pairs, where each value is a timestamp "
        "in seconds. Example: [[0.0, 3.5]] for one segment, or [[0.0, 3.5], [10.0, 12.0]] for multiple."
    ),
    find_form="pairs",
    multi_span=True,
    says_absent=True,
    prompt_version="timelens2-1",
    video_form="bare",
    max_frames=2048,
    pixels_per_frame=480 * 480,
    min_pixels_per_frame=32 * 32,
    pixels_per_clip=2 * 128_000 * 32 * 32,
    window_seconds=60.0,
    find_tokens=1024,
    end_ids=_QWEN3_ENDS,
    vllm=(("--max-model-len", "32768"), ("--max-num-batched-tokens", "32768")),
)
"""A grounding model on Qwen3-VL-4B that lists every occurrence. The prompt is its repository's default. The
budget is that of its evaluation on MomentSeeker and Ego4D (``vlmeval/dataset/video_dataset_config.py``): 2
frames a second, at most 2,048 of 480 x 480 pixels, 128,000 tokens of 32 x 32 pixels in two frames each; on
Charades, ActivityNet and QVHighlights it is 4 frames a second of 640 x 640. 1,024 new tokens are those of its
rollouts. Its training gave a penalty for empty arrays: one counts as evidence of absence, but is rare. The
window is ours; a server reads 32,768 tokens, which is twice that. Not pinned: no commit of it has been
verified here."""

TIMELENS2_8B = replace(TIMELENS2_4B, name="timelens2-8b", billions=8.8, repository="MCG-NJU/TimeLens2-8B")
"""As TimeLens2-4B, on Qwen3-VL-8B."""

MOLMO2_4B = Profile(
    name="molmo2-4b",
    repository="allenai/Molmo2-4B",
    revision="042abfa7a38879a376cec03d949eff0aefaa0600",
    licence="Apache-2.0",
    family="molmo2",
    model_type="molmo2",
    vision_config="vit_config",
    billions=4.85,
    skills=("caption", "ask", "point", "track"),
    caption_prompt="Describe this video in detail",
    prompt_version="molmo2-1",
    prose=True,
    min_frames=2,
    max_frames=384,
    pixels_per_frame=2 * 378 * 378,
    overlap_seconds=0.0,
    ask_tokens=2048,
    vllm=(
        ("--max-model-len", "36864"),
        ("--max-num-batched-tokens", "36864"),
        ("--limit-mm-per-prompt", '{"video":1,"image":16}'),
    ),
)
"""Captions, answers, points and tracks. The caption prompt is one of those of its training (allenai/molmo2,
olmo/preprocessing/data_formatter.py, "video_long_caption"); the answer is prose without times. 2 fps, at most
384 frames of 378 x 378 pixels and 2,048 new tokens are those of its card and its
video_preprocessor_config.json; frames come twice as large, so that one of up to 2:1 keeps 378 pixels on its
shorter side before it is made square. The window is ours: a track of two objects through
30 s still fits into the new tokens. The weights are float32, 19.4 GB to fetch. A server may read 36,864
positions, the default of transformers' Molmo2TextConfig."""

DEMO = Profile(
    name="demo",
    billions=0.002,
    repository="",
    revision=None,
    licence="Apache-2.0",
    video_form="bare",
    folder=bundled_folder("demo-model"),
    pixels_per_frame=96 * 64,
    window_seconds=16.0,
    overlap_seconds=4.0,
    caption_tokens=320,
    find_tokens=32,
    ask_tokens=64,
    vllm=(
        ("--max-model-len", "4096"),
        ("--max-num-batched-tokens", "4096"),
        ("--dtype", "bfloat16"),
        *_AS_QWEN35,
    ),
)
"""The small model that comes with the project; it knows what ``footage.synthetic.clips`` draws, no more."""

DEMO_FIND = replace(
    DEMO,
    name="demo-find",
    skills=("find",),
    find_template=TIMELENS2_4B.find_template,
    find_form="pairs",
    multi_span=True,
    says_absent=True,
    prompt_version="demo-find-1",
    folder=bundled_folder("demo-find-model"),
    find_tokens=64,
)
"""The demo model, trained on TimeLens2's prompt: it names all spans of a window, or none."""

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        *(MARLIN_2B, VIDEO_SCAN, QWEN25_VL_7B, QWEN3_VL_8B),
        *(TIMELENS_8B, TIMELENS_7B, TIMELENS2_4B, TIMELENS2_8B),
        *(MOLMO2_4B, DEMO, DEMO_FIND),
    )
}
"""Known models by name."""


def fitted_as(profile: Profile) -> str:
    """Name of a model's calibration: the profile's name, and its budget where that was changed."""
    known = PROFILES.get(profile.name)
    if known is None or known.frame_budget == profile.frame_budget:
        return profile.name
    return " ".join([profile.name, *(f"{name}={value}" for name, value in profile.frame_budget.items())])


def require(profile: Profile, skill: Skill) -> None:
    """Check that a model can do a task.

    Raises:
        UsageError: when it cannot; names those that can.
    """
    if skill not in profile.skills:
        able = [each.name for each in PROFILES.values() if skill in each.skills]
        option = "--model, or for finds alone with --find-model" if skill == "find" else "--model"
        raise UsageError(
            f"{profile.name} cannot {skill}; it can {', '.join(profile.skills)}",
            hint=f"Choose another with {option}: {', '.join(able) or 'none that is known can'}.",
        )


def require_served(profile: Profile) -> None:
    """Check that a model server can show a model its prompts.

    Raises:
        UsageError: when none can.
    """
    if not profile.is_served:
        raise UsageError(
            f"{profile.name} reads times as text between its frames, which no server writes",
            hint="Use it without a server, or use another model.",
        )


def profile_of_type(model_type: str) -> Profile | None:
    """The first known model with this "model_type" in config.json; None where there is none."""
    return next((each for each in PROFILES.values() if each.model_type == model_type), None)


def find_profile(name: str) -> Profile | None:
    """Looks a model up by its name or its repository, ignoring case; None where there is none."""
    wanted = name.strip().casefold()
    named = (
        each for each in PROFILES.values() if wanted in (each.name.casefold(), each.repository.casefold())
    )
    return next(named, None) if wanted else None


def get_profile(name: str) -> Profile:
    """As ``find_profile``.

    Raises:
        UsageError: when there is none; names the known ones and the nearest.
    """
    if (profile := find_profile(name)) is not None:
        return profile
    near = difflib.get_close_matches(name.strip().casefold(), PROFILES, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(
        f"there is no model {name!r}; known models: {', '.join(PROFILES)}",
        hint=f"{guess}The path of a model folder works, too, as does a server address that starts with "
        f"http:// or https://.",
    )
