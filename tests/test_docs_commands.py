"""Every command that a document shows is run here, or its block says why not; links lead somewhere."""

from __future__ import annotations

import re
import shutil

import pytest
from documented import PAGES, ROOT, blocks, footage_commands, run
from test_ui_commands import bare_environment, needs_demo_model
from typer.main import get_command

from ui.cli.main import app

BLOCKS = [block for page in PAGES for block in blocks(page)]
COMMANDS = sorted(
    {(str(block), line) for block in BLOCKS for line, _ in block.steps() if footage_commands(line)}
)
COMMAND = get_command(app)
RUN = sorted({block.page for block in BLOCKS if (block.marker, block.reason) == ("run", "")})
REAL = [block for block in BLOCKS if block.reason == "real clip"]
SAMPLES = ("gate", "garden", "match", "yard", "street", "square", "zoo")
"""Names that the documents use for a video of the reader's; each is a copy of a sample clip."""


__all__ = ["bare_environment"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)\s#]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def anchors(file):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_on_the_map():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "index.md":
            assert f"({page.relative_to(ROOT / 'docs')})" in index, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_exist(page):
    roots = "footage|indexer|search|service|evaluation|ui|tests|tools"
    named = re.findall(rf"`((?:{roots})/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    for name in named:
        assert (ROOT / name).exists() or name.startswith("tests/benchmarks/results"), name


def test_the_architecture_page_names_every_package():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    named = set(
        re.findall(r"^\| `([\w/]+)` \|", page.partition("## Packages")[2].partition("\n## ")[0], re.M)
    )
    top = [ROOT / name for name in ("footage", "indexer", "search", "service", "evaluation", "ui")]
    packages = {folder for root in top for folder in (root, *root.iterdir()) if list(folder.glob("*.py"))}
    there = {str(folder.relative_to(ROOT)) for folder in packages}
    assert there - named <= {"footage", "search", "ui"}  # their packages are named instead
    assert all((ROOT / name).is_dir() for name in named)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_of_commands_is_run_or_says_why_not(block):
    if block.marker == "run by":
        assert (ROOT / block.reason).is_file()
    else:
        assert block.marker == "run" or (block.marker in {"not run", "figures"} and len(block.reason) > 10)


@pytest.mark.parametrize(("where", "line"), COMMANDS, ids=lambda value: value[:60])
def test_a_command_is_one_that_the_parser_takes(where, line):
    for arguments in footage_commands(line):
        command, name = COMMAND, "footage"
        while hasattr(command, "commands") and arguments and arguments[0] in command.commands:
            name, *arguments = arguments
            command = command.commands[name]
        assert name != "footage" or arguments[0].startswith("-"), where
        command.make_context(name, [word for word in arguments if word not in {"--help", "--version"}])


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """An index of the sample clips, which the commands of each page get a copy of."""
    db = tmp_path_factory.mktemp("docs") / "index.lancedb"
    result = run(f"footage index '{ROOT}/data/footage' --model demo --db '{db}'", {})
    assert result.exit_code == 0, result.stderr
    return db


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The folder of somebody who reads a page: videos at home and here, and the sample clips."""
    clips = sorted((ROOT / "data" / "footage").glob("*.mp4"))
    (tmp_path / "Videos").mkdir()
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for clip in clips:
        shutil.copy(clip, tmp_path / "Videos")
    for name, clip in zip(SAMPLES, clips, strict=False):
        shutil.copy(clip, tmp_path / f"{name}.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_demo_model
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run(page, reader, indexed):
    environment = {"FOOTAGE_MODEL": "demo", "COLUMNS": "120"}
    shutil.copytree(indexed, reader / ".footage" / "index.lancedb")
    for block in BLOCKS:
        if (block.page, block.marker, block.reason) != (page, "run", ""):
            continue
        for line, shown in block.steps():
            if line.startswith("export ") and "FOOTAGE_DB=" in line:
                shutil.copytree(indexed, reader / re.search(r"FOOTAGE_DB=(\S+)", line)[1])
            compare(run(line, environment), shown, f"{block}: {line}")


@needs_demo_model
@pytest.mark.timeout(1200)
def test_the_commands_on_a_real_clip_print_what_the_page_shows(reader, test_data):
    shutil.copy(test_data / "videos" / "intel_car-detection.mp4", reader / "carpark.mp4")
    shutil.copy(test_data / "videos" / "tc_nasa_13013.mp4", reader / "telescope.mp4")
    environment = {"FOOTAGE_MODEL": "demo", "FOOTAGE_TRACKS": "", "FOOTAGE_SPEECH_MODEL": "tiny.en"}
    environment["COLUMNS"] = "120"
    assert REAL
    for block in REAL:
        for line, shown in block.steps():
            compare(run(line, environment), shown, f"{block}: {line}")


def compare(result, shown, where):
    """The command ended well, and each line that is shown for it is in what it printed."""
    printed = " ".join((result.stdout + result.stderr).split())
    assert result.exit_code == 0, f"{where}\n{printed}"
    for line in shown:
        pattern = r".*?".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        assert re.search(pattern, printed), f"{where}\n{line}\n{printed}"
