"""Lists the commands that print the figures in the documents, and runs them on request.

    python tools/figures.py              # list: page, command, what it needs
    python tools/figures.py evaluation   # run those whose page or command contains a word

In a page, such a block has a marker above it: ``<!-- figures: WHAT IT NEEDS -->``. Nothing is compared:
read the output beside the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"<!-- figures: (.+?) -->\n\n((?: {4}.+\n)+)")


class Figure(NamedTuple):
    """A command that prints figures of a page."""

    page: str
    command: str
    needs: str


def figures() -> Iterator[Figure]:
    """All of them, in the order of the pages."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for needs, block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.strip().splitlines():
                command = re.sub(r"\s+#\s.*", "", line.strip())
                yield Figure(str(page.relative_to(ROOT)), command, needs)


def main() -> int:
    """List, or run what fits; returns the first exit code that is not 0."""
    words = sys.argv[1:]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    failed = 0
    for figure in figures():
        if not words:
            sys.stdout.write(f"{figure.page}: {figure.command}\n    {figure.needs}\n")
        elif any(word in f"{figure.page} {figure.command}" for word in words):
            sys.stdout.write(f"\n{figure.page}: {figure.command}\n")
            sys.stdout.flush()
            done = subprocess.run(figure.command, shell=True, cwd=ROOT, env=environment, check=False)
            failed = failed or done.returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
