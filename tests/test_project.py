"""The project as a whole: what its pages promise is there, its names are its own, its lock pins by hash."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from conftest import SLOW_FILES
from imported_modules import run_and_list

from footage.core.config import CARD_VARIABLES, Settings
from footage.vlm.profiles import PROFILES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("footage", "indexer", "search", "service", "evaluation", "ui")
COMMANDS = (
    *("search", "find", "ask", "point", "track"),
    *("index", "status", "videos", "video", "events", "transcript"),
    *("retry", "forget", "prune", "db", "captions"),
    *("export", "reel", "verify", "save", "review", "correct", "corrections", "label"),
    *("calibrate", "audit", "eval", "models", "ui", "demo", "doctor"),
    *("serve", "mcp", "jobs", "tokens", "alerts"),
)
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 500, 80
HEAVY = {
    "av",
    "lancedb",
    "opentimelineio",
    "pyarrow",
    "sentence_transformers",
    "streamlit",
    "torch",
    "torchcodec",
    "torchvision",
    "transformers",
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_make_commands_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", text_of(page), re.MULTILINE))
    assert named
    assert named <= make_targets()


@pytest.mark.parametrize("moved", [False, True])
def test_a_clone_that_was_moved_makes_its_environment_anew(moved: bool, tmp_path: Path) -> None:
    """``make -n`` on what a finished setup leaves; nothing is installed."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text(text_of(name))
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "footage").write_text(f"#!{'/elsewhere' if moved else tmp_path}/.venv/bin/python\n")
    for stamp in (".created", ".installed", ".ffmpeg"):
        (bin_.parent / stamp).touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    printed = subprocess.run(
        ["make", "-n", "setup"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout
    steps = ("-m venv --clear .venv", "pip sync", "--editable .")
    assert [step in printed for step in steps] == [moved] * len(steps)


def test_make_demo_and_make_test_come_first_in_the_readme() -> None:
    first = re.findall(r"^    (\S.*?)\s*(?:#.*)?$", text_of("README.md"), re.MULTILINE)[:2]
    assert first == ["make demo", "make test"]


def test_the_footage_commands_that_the_reference_lists_exist() -> None:
    page = text_of("docs/reference/commands.md")
    named = set(re.findall(r"^## ([a-z-]+)", page, re.MULTILINE))
    assert named == set(COMMANDS)


def test_the_reference_lists_every_setting_and_its_variable() -> None:
    page = text_of("docs/reference/settings.md")
    for name in Settings.model_fields:
        variables = f"`FOOTAGE_{name.upper()}`" + (
            f", `{CARD_VARIABLES[name]}`" if name in CARD_VARIABLES else ""
        )
        assert f"| {variables} | `{name}` |" in page, name


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) < 100


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/models.md"])
def test_the_pages_list_every_model_with_its_licence(page: str) -> None:
    rows = {line.split("`")[1]: line for line in text_of(page).splitlines() if line.startswith("| `")}
    for profile in PROFILES.values():
        assert profile.licence in rows[profile.name], profile.name


def test_the_page_on_models_tells_what_each_can_do() -> None:
    rows = {
        line.split("`")[1]: line
        for line in text_of("docs/how-to/models.md").splitlines()
        if line[:3] == "| `"
    }
    for profile in PROFILES.values():
        assert f"| `{profile.model_type}` |" in rows[profile.name]
        assert f"| {', '.join(profile.skills)} |" in rows[profile.name]


def test_ci_calls_check_wheel_and_test_and_is_executable() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    called = re.findall(r'^ *(?:stage "[^"]*" )?make ([a-z-]+)', text_of(".ci/run"), re.MULTILINE)
    assert sorted(called) == ["check", "setup", "test", "wheel"]


def test_no_other_distribution_claims_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, ())) - {"footage"} for name in PACKAGES} == {
        name: set() for name in PACKAGES
    }


def test_the_distribution_holds_the_packages_and_the_command() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert tuple(name for name in included if not name.startswith("data/")) == PACKAGES
    assert project["project"]["scripts"] == {"footage": "ui.cli.start:main"}
    assert project["project"]["license"] == "Apache-2.0"
    assert "Apache License" in text_of("LICENSE")


def test_no_file_of_the_app_hides_a_package() -> None:
    """Streamlit puts the app's folder first on the path."""
    beside_the_app = {path.stem for path in (ROOT / "ui" / "web").glob("*.py")} | {
        path.name for path in (ROOT / "ui" / "web").iterdir() if path.is_dir() and any(path.glob("*.py"))
    }
    installed = {name for name in packages_distributions() if not name.startswith("_")}
    assert beside_the_app & (installed | set(sys.stdlib_module_names)) == set()


def test_the_lock_pins_every_package_by_hash_and_names_no_address() -> None:
    lock = text_of("requirements.lock")
    assert "://" not in lock
    assert not re.search(
        r"^\s*(-|--index|--extra|--find)\S*url|^\s*-", lock.replace("    --hash=", "    "), re.MULTILINE
    )
    entries = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^\s*#.*\n?", "", lock, flags=re.MULTILINE).strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert not re.search(r"(^|\s)/\w", lock), "a path of somebody's machine"


def test_the_lock_holds_every_declared_dependency() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    declared = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([a-z0-9._-]+)==", text_of("requirements.lock"), re.MULTILINE))
    assert {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in declared} <= locked


def test_installed_versions_are_locked_ones() -> None:
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9._-]+)==([^\s;\\]+)", text_of("requirements.lock"), re.MULTILINE
    ):
        locked.setdefault(name, set()).add(version)
    here = distributions(path=[sysconfig.get_path("purelib")])  # setuptools brings others of its own along
    installed = {re.sub(r"[-_.]+", "-", d.name).lower(): d.version.split("+")[0] for d in here}
    drifted = {
        name: installed[name] for name in locked.keys() & installed if installed[name] not in locked[name]
    }
    assert drifted == {}


COMPLETING = {"_FOOTAGE_COMPLETE": "complete_bash", "COMP_WORDS": "footage se", "COMP_CWORD": "1"}


@pytest.mark.parametrize(("arguments", "variables"), [(["--help"], {}), ([], COMPLETING)])
def test_help_and_completion_import_no_command(
    arguments: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    printed, loaded = run_and_list(tmp_path, *arguments, **variables)
    assert {"search", "serve"} <= set(printed.split())
    assert "ui.cli.main" in loaded
    assert {name for name in loaded if name.startswith("ui.cli.commands")} == set()
    assert loaded & (HEAVY | {"numpy", "pydantic_settings", "rich.markdown", "rich.traceback"}) == set()


def test_help_takes_little_processor_time() -> None:
    """Compared with what it cannot do without: the parser and what draws the help."""

    def seconds(*arguments: str) -> float:
        """Processor time, which other programs lengthen least."""
        before = os.times()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    best = min(seconds("-m", "ui.cli", "--help") for _ in range(5))
    floor = min(seconds("-c", "import typer.rich_utils") for _ in range(5))
    assert best < 1.6 * floor + 0.03


def test_every_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_patches(source: str) -> list[int]:
    """Lines of a test that put something else in the place of a private name.

    By ``setattr`` or ``delattr``, with the name by itself or in a path, or by assigning to an attribute of
    anything but ``self`` and ``cls``.
    """
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("setattr", "delattr", "patch", "object"):
                texts = [arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant)]
                names = [name for text in texts if isinstance(text, str) for name in text.split(".")]
                if any(map(is_private, names)):
                    lines.append(node.lineno)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if is_private(node.attr) and not own:
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('monkeypatch.setattr(decode, "_threads", 2)', True),
        ('monkeypatch.setattr("footage.media.decode._threads", 2)', True),
        ('monkeypatch.delattr(decode, "_threads")', True),
        ("model._bounds = None", True),
        ('monkeypatch.setattr(demux, "MAX_FRAMES", 10)', False),
        ('monkeypatch.setattr(Thing, "__init__", other)', False),
        ("self._bounds = None", False),
    ],
)
def test_a_patch_of_a_private_name_is_seen(source: str, found: bool) -> None:
    assert bool(private_patches(source)) is found


def test_no_test_patches_a_private_name() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if (lines := private_patches(path.read_text("utf-8")))
    }
    assert found == {}


def test_functions_and_files_stay_short() -> None:
    long = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text("utf-8")
            if text.count("\n") > MOST_LINES_OF_A_FILE:
                long.append(str(path.relative_to(ROOT)))
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    body = node.body[0].lineno  # the options of a command are a table
                    start = body if path.parent.name == "commands" else node.lineno
                    if node.end_lineno - start + 1 > MOST_LINES_OF_A_FUNCTION:
                        long.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert long == []


def test_the_list_of_slow_test_files_names_files_that_exist() -> None:
    assert {name for name in SLOW_FILES if not (ROOT / "tests" / name).is_file()} == set()
