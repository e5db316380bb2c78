"""What the models' own cards promise, and what of it this project offers; a table of facts, loads nothing.

``docs/reference/models.md`` and ``footage models show`` print it; a test checks that every named test exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Offered = Literal["yes", "partly", "no"]


@dataclass(frozen=True, slots=True)
class CardCapability:
    """One promise of a model's card."""

    model: str
    """Name of its profile."""
    capability: str
    """The promise, in this project's words."""
    ours: Offered
    """Whether it can be had here."""
    reason: str = ""
    """What is missing and why; empty for "yes"."""
    tests: tuple[str, ...] = ()
    """Tests that hold what is offered, as "tests/test_x.py::test_name"."""

    def __post_init__(self) -> None:
        if (self.ours == "yes") == bool(self.reason):
            raise ValueError(f"{self.model}, {self.capability}: a reason is for what is missing, got {self}")
        if self.ours != "no" and not self.tests:
            raise ValueError(f"{self.model}, {self.capability}: no test holds it")


def _test(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/test_{file}.py::test_{name}" for name in names)


_NO_WEIGHTS = "no weights of it were available here, so nothing was measured with them"

_MARLIN = (
    CardCapability(
        "marlin-2b",
        "caption(): scene and timed events as a dictionary",
        "yes",
        tests=_test("inference_models", "a_caption_of_several_windows_is_one_timeline"),
    ),
    CardCapability(
        "marlin-2b",
        "find(): raw answer, span and format_ok for an event",
        "yes",
        tests=_test("inference_models", "find_names_the_windows_answer_it_is_surest_of"),
    ),
    CardCapability(
        "marlin-2b",
        "max_new_tokens, prompt, do_sample, temperature and top_p of both",
        "yes",
        tests=_test(
            "inference_models", "the_cards_arguments_go_into_the_prompt", "the_cards_defaults_are_marlins"
        ),
    ),
    CardCapability(
        "marlin-2b",
        "the prompts of the training, byte for byte",
        "yes",
        tests=(
            *_test("vlm_contract", "the_caption_prompt_is_the_training_prompt_byte_for_byte"),
            *_test("vlm_golden", "the_prompts_of_the_reference_run_are_ours_to_the_token"),
        ),
    ),
    CardCapability(
        "marlin-2b",
        "raw inference: the processor's chat template and generate()",
        "yes",
        tests=_test("inference_raw", "the_pattern_of_the_card_gives_the_text_of_prompt"),
    ),
    CardCapability(
        "marlin-2b",
        "compile()",
        "partly",
        "norms and feed-forward parts only, as attention changes caches; on a CPU it brings nothing",
        _test("inference_compile", "a_compiled_model_says_the_same_of_windows_of_any_length"),
    ),
    CardCapability(
        "marlin-2b",
        "<think> is stripped from answers",
        "yes",
        tests=_test("vlm_contract", "thinking_is_no_part_of_the_answer_but_stays_in_raw"),
    ),
    CardCapability(
        "marlin-2b",
        "multichunk reasoning, limited in the checkpoint",
        "partly",
        f"no prompt is published, so the wording is this project's; {_NO_WEIGHTS}",
        (
            *_test("ui_prompt", "chunks_are_asked_about_at_once_and_their_times_are_video_time"),
            *_test("vlm_multichunk", "any_text_is_read_and_every_span_is_inside_its_chunk"),
        ),
    ),
    CardCapability(
        "marlin-2b",
        "budget of 200,704 pixels, 2 fps, 4 to 240 frames, set by FPS, FPS_MIN_FRAMES, FPS_MAX_FRAMES and "
        "VIDEO_MAX_PIXELS",
        "yes",
        tests=(
            *_test("core_config", "the_cards_variables_come_between_ours_and_the_file"),
            *_test("vlm_profiles", "marlin_is_pinned_to_a_commit_and_has_the_budget_of_its_card"),
        ),
    ),
    CardCapability(
        "marlin-2b",
        "FORCE_QWENVL_VIDEO_READER chooses the decoder",
        "no",
        "files are decoded in confined processes of this project, which choose the decoder",
    ),
    CardCapability(
        "marlin-2b",
        "bfloat16 on CUDA",
        "yes",
        tests=_test("vlm_qwen35", "a_device_has_its_own_number_format", "on_cuda_it_runs_in_bfloat16"),
    ),
    CardCapability(
        "marlin-2b",
        "trust_remote_code=True runs the repository's own class",
        "no",
        "no code of a repository is run: the same methods run on transformers' own class",
        _test("vlm_qwen35", "a_marlin_folder_loads_without_running_its_code"),
    ),
    CardCapability(
        "marlin-2b",
        "served by vLLM",
        "yes",
        tests=_test("vlm_server", "serve_command_prints_what_vllm_needs"),
    ),
    CardCapability(
        "marlin-2b",
        "served by swift deploy",
        "partly",
        "any server with the OpenAI protocol is accepted and checked, but ms-swift was not run here",
        _test("vlm_server", "frames_that_a_server_leaves_out_are_noticed_before_anything_is_indexed"),
    ),
    CardCapability(
        "marlin-2b",
        "figures on DREAM-1K, CaReBench and TimeLens-Bench",
        "no",
        f"{_NO_WEIGHTS}; footage eval reads benchmark files for your own run",
    ),
)
_VIDEO_SCAN = (
    CardCapability(
        "video-scan",
        "captions, spans and answers as Marlin-2B gives them",
        "partly",
        f"run like Marlin-2B, whose kind it is; {_NO_WEIGHTS}",
        _test("vlm_weights", "a_model_path_goes_with_a_name"),
    ),
    CardCapability(
        "video-scan",
        "BUSL-1.1: what it allows is said when the model is loaded; its NOTICE is kept",
        "yes",
        tests=(
            *_test("vlm_qwen35", "a_licence_notice_is_shown_once"),
            *_test("vlm_profiles", "the_other_licence_comes_with_a_notice"),
        ),
    ),
    CardCapability(
        "video-scan",
        "a fixed commit",
        "partly",
        "none is known here: the one that is fetched first stays",
        _test("vlm_weights", "the_commit_that_was_fetched_first_stays"),
    ),
)
_QWEN25_VL = (
    CardCapability(
        "qwen2.5-vl-7b",
        "describes a video; as in NeMo Curator, in two stages",
        "yes",
        tests=_test("vlm_qwen25vl", "an_index_keeps_both_stages_and_hands_them_on"),
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "answers questions about a video",
        "yes",
        tests=_test("vlm_qwen25vl", "captions_finds_and_questions_are_answered_alike_alone_and_together"),
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "names when an event happens",
        "partly",
        f"it is asked with Marlin's question, on which it was not trained; {_NO_WEIGHTS}",
        _test("vlm_qwen25vl", "captions_finds_and_questions_are_answered_alike_alone_and_together"),
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "videos of over an hour",
        "partly",
        "a long video is cut into windows, and no request holds more than one",
        _test("inference_models", "windows_overlap_and_what_both_saw_is_one"),
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "frame rate and resolution can be chosen; absolute times in the positions of the tokens",
        "yes",
        tests=_test(
            "vlm_qwen25vl",
            "frames_at_uneven_intervals_keep_their_times",
            "grids_follow_the_budget_of_a_frame",
        ),
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "boxes and points around objects, as JSON",
        "no",
        "point and track are built for Molmo2; a raw prompt gives the answer unread",
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "documents, charts and forms; use as an agent on a screen",
        "no",
        "outside of what this project is for",
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "flash_attention_2",
        "no",
        "torch's own attention is used; a server such as vLLM has others",
    ),
    CardCapability(
        "qwen2.5-vl-7b",
        "NeMo Curator's sampling, stages, fp8 and processor cache",
        "yes",
        tests=(
            *_test("vlm_qwen25vl", "the_profile_is_pinned_and_asks_for_what_the_parser_reads"),
            *_test("vlm_contract", "curators_placeholder_stands_for_the_draft_too"),
            *_test("vlm_server", "the_cache_of_processed_clips_has_the_size_that_is_asked_for"),
        ),
    ),
)
_QWEN3_VL = (
    CardCapability(
        "qwen3-vl-8b",
        "describes a video; as in newer NeMo Curator, in two stages",
        "yes",
        tests=_test("vlm_qwen3vl", "an_index_is_made_and_searched"),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "DeepStack: features of earlier vision layers go into the language model",
        "yes",
        tests=(
            *_test("vlm_qwen3vl", "the_features_of_earlier_layers_change_the_answers"),
            *_test("vlm_exact", "a_batch_of_any_size_says_what_one_at_a_time_says"),
        ),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "times as text before the frames",
        "yes",
        tests=_test("vlm_qwen3vl", "the_stamps_of_unevenly_spaced_frames_are_exact"),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "names when an event happens",
        "partly",
        f"asked with TimeLens's question, with which TimeLens's makers measured it; {_NO_WEIGHTS}",
        _test("vlm_find_answers", "timelenss_sentences_are_read_back"),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "context of 256,000 tokens, videos of hours",
        "partly",
        "a long video is cut into windows, and no request holds more than one",
        _test("inference_models", "windows_overlap_and_what_both_saw_is_one"),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "served by vLLM",
        "yes",
        tests=_test(
            "vlm_server",
            "models_of_qwen3_vl_are_asked_in_their_own_way",
            "qwen3_vl_is_served_with_its_own_template_and_budget",
        ),
    ),
    CardCapability(
        "qwen3-vl-8b",
        "boxes, points, code from pictures; use as an agent on a screen",
        "no",
        "point and track are built for Molmo2; the rest is outside of what this project is for",
    ),
)
_TIMELENS = (
    CardCapability(
        "timelens-8b",
        "one span for an event, with its own prompt and budget",
        "yes",
        tests=(
            *_test(
                "vlm_find_answers",
                "timelens_is_asked_with_its_own_prompt",
                "timelenss_sentences_are_read_back",
            ),
            *_test("vlm_qwen3vl", "timelens_shares_a_clips_pixels_between_its_frames"),
        ),
    ),
    CardCapability(
        "timelens-8b",
        "served by vLLM",
        "yes",
        tests=_test("vlm_server", "models_of_qwen3_vl_are_asked_in_their_own_way"),
    ),
    CardCapability(
        "timelens-7b",
        "one span for an event, times as text between the frames",
        "partly",
        f"the form of the times is our reading of its code, and no server writes it; {_NO_WEIGHTS}",
        _test("vlm_qwen25vl", "the_time_of_its_first_frame_stands_before_each_pair"),
    ),
    CardCapability(
        "timelens2-4b",
        "every span of an event in one answer, as a JSON array; an empty one says that it is absent",
        "yes",
        tests=(
            *_test(
                "vlm_find_answers",
                "timelens2_is_asked_with_its_repositorys_prompt",
                "arrays_are_read_with_anything_around_them",
                "thousands_of_spans_and_any_depth_are_read_at_once",
            ),
            *_test("vlm_qwen3vl", "finds_of_a_model_that_lists_spans"),
        ),
    ),
    CardCapability(
        "timelens2-4b",
        "searches an index that another model captioned",
        "yes",
        tests=_test("service_find_model", "a_search_loads_and_asks_only_the_find_model"),
    ),
    CardCapability(
        "timelens2-8b",
        "every span of an event in one answer, as a JSON array; an empty one says that it is absent",
        "yes",
        tests=(
            *_test(
                "vlm_find_answers",
                "timelens2_is_asked_with_its_repositorys_prompt",
                "arrays_are_read_with_anything_around_them",
                "thousands_of_spans_and_any_depth_are_read_at_once",
            ),
            *_test("vlm_qwen3vl", "finds_of_a_model_that_lists_spans"),
        ),
    ),
    CardCapability(
        "timelens2-8b",
        "searches an index that another model captioned",
        "yes",
        tests=_test("service_find_model", "a_search_loads_and_asks_only_the_find_model"),
    ),
)
_MOLMO2 = (
    CardCapability(
        "molmo2-4b",
        "image files, several in one question, and pointing in several",
        "yes",
        tests=_test(
            "ui_molmo2",
            "images_are_compared_and_asked_about",
            "several_images_are_pointed_at_in_one_question",
        ),
    ),
    CardCapability(
        "molmo2-4b",
        "addresses as input",
        "yes",
        tests=(
            *_test(
                "ui_molmo2",
                "addresses_are_asked_about_pointed_at_and_tracked",
                "an_address_needs_the_flag_and_this_machine_one_more",
            ),
            *_test("service_fetch", "a_host_is_asked_at_the_address_that_was_checked"),
        ),
    ),
    CardCapability(
        "molmo2-4b",
        "one number for an object through a long video",
        "partly",
        "windows are linked by place and time; after more than a second out of sight it gets a new one",
        _test("vlm_track_linking", "objects_that_go_on_keep_their_numbers_whatever_the_model_calls_them"),
    ),
    CardCapability(
        "molmo2-4b",
        "questions with subtitles",
        "yes",
        tests=_test("ui_molmo2", "each_window_is_shown_with_its_own_subtitles"),
    ),
    CardCapability(
        "molmo2-4b",
        "long captions",
        "yes",
        tests=_test("ui_molmo2", "an_index_can_be_made_with_it_and_is_searched_without_asking_it"),
    ),
    CardCapability(
        "molmo2-4b",
        "answers questions about a video",
        "yes",
        tests=_test("vlm_molmo2", "a_window_is_a_video_whose_frames_carry_their_exact_times"),
    ),
    CardCapability(
        "molmo2-4b",
        "answers questions about one picture or several",
        "yes",
        tests=_test("ui_pointing", "several_moments_are_one_question_to_a_model_that_compares"),
    ),
    CardCapability(
        "molmo2-4b",
        "points at things and counts them",
        "yes",
        tests=_test(
            "ui_pointing", "points_are_listed_in_source_pixels_and_losses_noted", "counting_says_how_many"
        ),
    ),
    CardCapability(
        "molmo2-4b",
        "tracks things through a video",
        "yes",
        tests=_test("ui_pointing", "tracks_are_paths_in_video_time"),
    ),
    CardCapability(
        "molmo2-4b",
        "raw inference: the processor and generate()",
        "yes",
        tests=_test("inference_raw", "molmo2_answers_the_same_through_its_own_processor"),
    ),
    CardCapability(
        "molmo2-4b",
        "trust_remote_code=True runs the repository's own class",
        "no",
        "no code of a repository is run: transformers has the class",
        _test("vlm_molmo2", "no_code_of_a_checkpoint_runs"),
    ),
    CardCapability(
        "molmo2-4b",
        "served by vLLM",
        "partly",
        f"the command is printed and points are read from any server's answer; {_NO_WEIGHTS}",
        _test("vlm_server", "molmo2_is_served_with_the_positions_and_the_pictures_it_takes"),
    ),
)
_DEMO = (
    CardCapability(
        "demo",
        "captions and spans in Marlin's form, on drawn footage",
        "yes",
        tests=_test(
            "inference_models",
            "a_caption_of_several_windows_is_one_timeline",
            "find_names_the_windows_answer_it_is_surest_of",
        ),
    ),
    CardCapability(
        "demo",
        "two free questions",
        "yes",
        tests=_test("ui_pointing", "the_demo_model_answers_too_each_place_by_itself"),
    ),
    CardCapability(
        "demo",
        "runs wherever Marlin-2B runs: in process and behind vLLM",
        "yes",
        tests=_test("vlm_server", "the_demo_model_is_served_from_its_folder"),
    ),
    CardCapability(
        "demo-find",
        "every span of an event in one answer, on drawn footage; says what is absent",
        "yes",
        tests=_test(
            "demo_find_model",
            "all_occurrences_of_a_window_come_in_one_answer_and_none_for_what_is_absent",
        ),
    ),
)

CAPABILITIES: tuple[CardCapability, ...] = (
    *_MARLIN,
    *_VIDEO_SCAN,
    *_QWEN25_VL,
    *_QWEN3_VL,
    *_TIMELENS,
    *_MOLMO2,
    *_DEMO,
)
"""All rows, by model in the order of ``footage.vlm.profiles.PROFILES``."""


def capabilities_of(name: str) -> tuple[CardCapability, ...]:
    """The rows of one model."""
    return tuple(row for row in CAPABILITIES if row.model == name)
