"""Fixtures every test file may use."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

EXAMPLES = int(os.environ.get("FOOTAGE_TEST_EXAMPLES", "40"))
"""Examples of each property; ``make test-long`` tries more."""
hypothesis.settings.register_profile(
    "project", deadline=None, max_examples=EXAMPLES
)  # a busy machine is no failure
hypothesis.settings.load_profile("project")


def name_frames_without_a_file() -> None:
    """Say which modules the frames of ``python -m`` and ``python -c`` belong to.

    Pydantic reads the docstrings of a model's fields in the frame that defines it. ``inspect`` goes through
    all modules for each frame whose file it does not find, which takes some seconds per test process.
    """
    frame = sys._getframe()
    while frame := frame.f_back:
        file = frame.f_code.co_filename
        if not os.path.exists(file):
            for name in (file, os.path.normcase(os.path.abspath(file))):
                inspect.modulesbyfile.setdefault(name, frame.f_globals.get("__name__", "__main__"))


name_frames_without_a_file()


SLOW_FILES = frozenset(
    f"test_{name}.py"
    for name in [
        "api_access",
        "api_answers",
        "api_contract",
        "api_guide",
        "api_serving",
        "evaluation_benchmark_runs",
        "alerts_cli",
        "alerts_crashes",
        "alerts_desktop",
        "alerts_email",
        "alerts_moments",
        "alerts_mqtt",
        "alerts_service",
        "api_jobs",
        "api_media",
        "benchmarks_gpu",
        "cli_service",
        "cold_start",
        "core_disk_cache",
        "crashes",
        "data_demo_training",
        "data_image_training",
        "demo_find_model",
        "demo_image_model",
        "docs_check_the_map",
        "docs_commands",
        "docs_export",
        "docs_live_streams",
        "docs_search",
        "doors",
        "embed_image_embedder",
        "embed_text_embedder",
        "evaluation_audit",
        "evaluation_captions",
        "evaluation_audit_report",
        "evaluation_compare",
        "evaluation_drawn",
        "evaluation_images",
        "evaluation_judging",
        "evaluation_own_library",
        "evaluation_scoring",
        "evaluation_suites",
        "evaluation_needle",
        "evaluation_tracks",
        "executors_ray",
        "export_burned_subtitles",
        "export_run",
        "full_disk",
        "indexer_growing_files",
        "indexer_images",
        "indexer_pipeline",
        "indexer_recorder_files",
        "indexer_reuse",
        "indexer_screen_text",
        "indexer_tracks",
        "indexer_watch",
        "inference_compile",
        "inference_models",
        "inference_raw",
        "inference_segments",
        "mcp_http",
        "mcp_stdio",
        "mcp_tools",
        "media_audio",
        "media_audio_tracks",
        "media_clip",
        "media_clip_exact",
        "media_concat",
        "media_decode_sparse",
        "media_hostile",
        "media_images",
        "media_interlacing",
        "media_sandbox",
        "media_streams",
        "media_subtitles",
        "media_video",
        "odd_files",
        "private_modes",
        "reuse_commands",
        "search_calibration",
        "search_composite",
        "search_duplicates",
        "search_engine",
        "search_pictures",
        "search_several_spans",
        "search_words",
        "service_find_model",
        "service_images",
        "service_jobs",
        "service_jobs_killed",
        "service_metrics",
        "service_picture_search",
        "service_picture_search",
        "service_remote",
        "service_session",
        "service_subtitle_files",
        "store_backup",
        "store_checking",
        "store_image_repair",
        "store_image_repair",
        "store_images",
        "store_large",
        "store_objects",
        "store_migrations",
        "stress",
        "synthetic",
        "tracks_speech",
        "tracks_subtitles",
        "ui_access",
        "ui_alerts",
        "ui_app",
        "ui_calibrate",
        "ui_cli",
        "ui_commands",
        "ui_download",
        "ui_duplicates",
        "ui_export",
        "ui_gate",
        "ui_index_jobs",
        "ui_journeys",
        "ui_molmo2",
        "ui_pages",
        "ui_review_queue",
        "ui_pictures",
        "ui_player",
        "ui_pointing",
        "ui_prompt",
        "ui_review_commands",
        "ui_search",
        "ui_transcript",
        "ui_words",
        "vlm_exact",
        "vlm_golden",
        "vlm_molmo2",
        "vlm_qwen25vl",
        "vlm_qwen35",
        "vlm_qwen3vl",
        "vlm_restarts",
        "vlm_server",
        "vlm_weights",
        "evaluation_calibration",
        "search_promise",
    ]
)
"""What ``make test-fast`` leaves out: files whose tests load models, encode long clips, start servers,
browsers or worker processes, or kill some. Single slow tests of the other files are marked ``slow``."""

POSIX_FILES = frozenset(
    f"test_{name}.py"
    for name in ["crashes", "full_disk", "installation_checks", "media_sandbox", "private_modes", "stress"]
)
"""Files whose tests need Unix sockets, fork, signals or file modes. Single such tests elsewhere are marked
``posix``. On Windows both are skipped: docs/how-to/deploy.md says what is known to work there."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out slow files and tests; see SLOW_FILES")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave slow files out before they are imported, which alone takes long."""
    slow = collection_path.name in SLOW_FILES or collection_path.name == "fuzz"
    return True if slow and config.getoption("--fast") else None


def pytest_collection_finish() -> None:
    """Leave what the modules hold to itself: Streamlit collects garbage after each run of a page's script.

    Going through all these objects takes it half a second, which the app avoids in the same way.
    """
    gc.collect()
    gc.freeze()


MAIN = sys.modules["__main__"]


def pytest_runtest_call() -> None:
    """Put the main module back: Streamlit's AppTest leaves the app there, which child processes would run."""
    sys.modules["__main__"] = MAIN


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.name != "posix":
        for item in items:
            if item.path.name in POSIX_FILES or item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="needs a POSIX system"))
    items.sort(key=lambda item: item.path.name not in SLOW_FILES)  # short files last: workers end together
    if config.getoption("--fast"):
        left_out = {item for item in items if any(map(item.get_closest_marker, ("slow", "browser")))}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Beside the slowest tests of ``--durations``, list the slowest files: one worker runs a whole file."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    if number := config.getoption("durations"):
        terminalreporter.section(f"slowest {number} files of {sum(seconds.values()):.0f} s")
        for file, taken in seconds.most_common(number):
            terminalreporter.write_line(f"{taken:.1f} s {file}")


@contextmanager
def sockets_folder(patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for sockets, whose path is short enough: that of ``tmp_path`` may not be."""
    with tempfile.TemporaryDirectory(prefix="fx-", dir="/tmp" if os.name == "posix" else None) as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The runtime folder of one test."""
    with sockets_folder(monkeypatch) as folder:
        yield folder


@pytest.fixture(scope="module")
def module_runtime() -> Iterator[Path]:
    """The runtime folder of the tests of one file."""
    with pytest.MonkeyPatch.context() as patch, sockets_folder(patch) as folder:
        yield folder


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory) -> Iterator[None]:
    """What the tests do goes into no audit log of the developer and meets no service that is running."""
    with pytest.MonkeyPatch.context() as patch, sockets_folder(patch):
        patch.setenv("FOOTAGE_TRACKS", "caption")  # tests of other tracks name them
        patch.setenv("FOOTAGE_AUDIT_LOG", str(tmp_path_factory.mktemp("state") / "audit.jsonl"))
        yield


@pytest.fixture(scope="session")
def placed() -> dict[str, str]:
    """Where tests that compare answers run a model: FOOTAGE_TEST_DEVICE, the CPU where it is not set.

    In float32 and with exact convolutions, as bfloat16 is not exact. A GPU that was promised and is not there
    fails the tests.
    """
    name = os.environ.get("FOOTAGE_TEST_DEVICE", "") or "cpu"
    if name.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.fail(f"FOOTAGE_TEST_DEVICE is {name}, and torch finds no such device here", pytrace=False)
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cuda.matmul.fp32_precision = "ieee"
    return {"device": name, "dtype": "float32"}


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real clips and annotations; tests that need it skip without it."""
    folder = os.environ.get("FOOTAGE_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs FOOTAGE_TEST_DATA, a folder of real clips and annotations")
    return Path(folder)
