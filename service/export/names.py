"""Makes names for files, reels and lines out of names that anybody may have given; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

MOST_BYTES = 100
"""Longest name of a file that is made here, without its ending: far below the 255 of most file systems."""
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"{name}{number}" for name in ("com", "lpt") for number in "0123456789¹²³"}
)
"""Names that Windows keeps for devices, whatever their ending."""
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_REEL_LENGTH = 8
NO_REEL = "AX"
"""What CMX 3600 calls a source without a reel: "auxiliary"."""


def one_line(text: str) -> str:
    """A text on one line: without control characters, runs of white space as one space."""
    kept = (char if _printable(char) else " " for char in text)
    return " ".join("".join(kept).split())


def as_text(text: str) -> str:
    """A text that can be written as UTF-8: what came as bytes that are no text shows as a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def safe_stem(text: str) -> str:
    """A name for a file, without its ending: allowed on every system, neither hidden nor an option.

    ``MOST_BYTES`` at most.
    """
    stem = _UNSAFE.sub("_", one_line(unicodedata.normalize("NFC", text)))
    stem = cut_bytes(stem.lstrip(". -"), MOST_BYTES).rstrip(". ")
    if stem.split(".")[0].strip().casefold() in _RESERVED:
        stem = f"_{stem}"
    return stem or "clip"


def free_name(stem: str, ending: str, taken: Collection[str]) -> str:
    """A name that is not taken: "gate.mp4", else "gate_2.mp4", and so on; case makes no difference."""
    known = {name.casefold() for name in taken}
    name, number = f"{stem}{ending}", 1
    while name.casefold() in known:
        number += 1
        name = f"{cut_bytes(stem, MOST_BYTES - len(str(number)) - 1)}_{number}{ending}"
    return name


def reel_names(sources: Collection[str]) -> dict[str, str]:
    """A reel name for each source, by path: eight letters and digits at most, as CMX 3600 has them."""
    names: dict[str, str] = {}
    for path in sources:
        if path in names:
            continue
        stem = re.split(r"[/\\]", path)[-1].rsplit(".", 1)[0]
        plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
        base = re.sub(r"[^A-Z0-9]", "", plain.upper())[:_REEL_LENGTH] or "CLIP"
        if base in (NO_REEL, "BL"):  # which mean "auxiliary" and "black" there
            base += "1"
        name, number = base, 1
        while name in names.values():
            number += 1
            name = f"{base[: _REEL_LENGTH - len(str(number))]}{number}"
        names[path] = name
    return names


def cut_bytes(text: str, most: int) -> str:
    """The longest prefix of a text within a maximum number of UTF-8 bytes."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _printable(char: str) -> bool:
    """Neither a control character, nor one that reorders or hides others, nor half of one."""
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
