"""Code blocks of the documents, their markers, and a small shell that runs the commands in this process.

A block with commands has a marker on the line above it, an HTML comment:

    <!-- run -->              a test runs each command; each must exit with 0
    <!-- run: real clip -->   the same, on a real clip (needs FOOTAGE_TEST_DATA)
    <!-- run by tests/test_X.py -->  that test runs them
    <!-- figures: NEEDS -->   `make figures` runs them; here they are only parsed
    <!-- not run: REASON -->  the commands are only parsed

Lines after a command that are no command are its output: each of them must be in what the command prints,
where ``…`` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from textwrap import dedent

from typer.testing import CliRunner, Result

from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {ROOT / "CHANGELOG.md"})
MARKER = re.compile(r"<!-- (run by|run|figures|not run)(?::? ([^>]+?))? -->\s*\Z")
COMMAND = re.compile(r"(?:\$ )?(?:\.venv/bin/)?(footage|make|python3?|\.venv/bin/python|jq|diff|export) (.*)")


@dataclass(frozen=True)
class Block:
    """One code block with commands."""

    page: str
    """Path from the project's root."""
    line: int
    """Line number of the block's first line, from 1."""
    text: str
    marker: str | None
    """``run``, ``run by``, ``figures`` or ``not run``; None without a marker."""
    reason: str
    """The rest of the marker."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def steps(self) -> list[tuple[str, list[str]]]:
        """Each command line, without its comment, and the lines of output that are shown for it."""
        found: list[tuple[str, list[str]]] = []
        for line in dedent(self.text).replace("\\\n", " ").splitlines():
            if COMMAND.match(line):
                found.append((re.sub(r"\s+#\s.*", "", line.removeprefix("$ ")).strip(), []))
            elif found and line.strip():
                found[-1][1].append(line.strip())
        return found


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that hold commands."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found, start = [], 0
    while start < len(lines):
        end, body = _block(lines, start)
        if any(COMMAND.match(line.strip()) for line in body):
            above = next((line for line in reversed(lines[:start]) if line.strip()), "")
            marker = MARKER.search(above)
            kind, reason = (marker[1], marker[2] or "") if marker else (None, "")
            found.append(Block(str(page.relative_to(ROOT)), start + 1, "\n".join(body), kind, reason))
        start = end
    return found


def _block(lines: list[str], start: int) -> tuple[int, list[str]]:
    """Where the block that begins at a line ends, and its lines; none where no block begins."""
    end = start + 1
    if lines[start].lstrip().startswith("```"):
        while end < len(lines) and not lines[end].lstrip().startswith("```"):
            end += 1
        return end + 1, lines[start + 1 : end]
    if lines[start].startswith("    ") and (start == 0 or not lines[start - 1].strip()):
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            end += 1
        return end, lines[start:end]
    return end, []


def footage_commands(line: str) -> list[list[str]]:
    """The arguments of each `footage` command of a line, which may be a pipe."""
    parts = [[]]
    for word in _words(line):
        if word in {"|", "<(", ")"}:
            parts.append([])
        else:
            parts[-1].append(word)
    return [_arguments(part) for part in parts if part and part[0].endswith("footage")]


def run(line: str, environment: dict[str, str]) -> Result:
    """Run one line in this process: `export NAME=VALUE`, or `footage` commands with pipes and `> FILE`.

    Args:
        line: The command line.
        environment: Variables that are set for the commands; `export` changes it.
    """
    words = _words(line)
    if words[0] == "export":
        environment.update(word.split("=", 1) for word in words[1:])
        return CliRunner().invoke(app, ["--version"])
    result, piped = None, ""
    for arguments in footage_commands(line):
        result = CliRunner().invoke(
            app, [_expanded(word) for word in arguments], input=piped, env=environment
        )
        piped = result.stdout
        if result.exit_code:
            break
    assert result is not None, f"no footage command: {line}"
    if ">" in words:
        Path(words[words.index(">") + 1]).write_text(piped, encoding="utf-8")
    return result


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _arguments(part: list[str]) -> list[str]:
    return part[1 : part.index(">")] if ">" in part else part[1:]


def _expanded(word: str) -> str:
    """A word as a shell hands it on, as far as the documents need it: home and globs of paths."""
    word = os.path.expanduser(word)
    found = sorted(glob(word)) if "*" in word and "/" in word else []
    return found[0] if len(found) == 1 else word
