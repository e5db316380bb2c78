"""A digest of the code that runs; imports the standard library alone, as the command line asks it first."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Where the packages are."""
PACKAGES = ("footage", "indexer", "search", "service", "evaluation", "ui")


def code_stamp() -> str:
    """A digest of the source files of this installation (place, size, time) and of its Python.

    A service that runs older code answers no program of newer code.
    """
    digest = hashlib.sha256(f"{sys.version}\n{sys.prefix}\n{ROOT}\n".encode(errors="surrogateescape"))
    folders = [str(ROOT / package) for package in PACKAGES]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py"):
                    about = entry.stat()
                    digest.update(f"{entry.path}\t{about.st_size}\t{about.st_mtime_ns}\n".encode())
                elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """A digest of what the source files say and of the version of Python, the same on every machine.

    It is made once in a process, at best when its modules are loaded.
    """
    digest = hashlib.sha256(f"{sys.version_info[:2]}\n".encode())
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            digest.update(f"{name}\0".encode(errors="surrogateescape") + path.read_bytes() + b"\0")
    return digest.hexdigest()
