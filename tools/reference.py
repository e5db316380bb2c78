"""Writes docs/reference/json.md from the models of ``service.schemas``.

python tools/reference.py           # write the page
python tools/reference.py --check   # fail where the page is not what would be written
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "json.md"

_HEAD = """# JSON

<!-- Written by tools/reference.py from service/schemas; edit those. -->

With `--json` a command prints one JSON object per line on stdout; progress and remarks go to stderr. This
page describes each line that a command may print, schema version {version}. The version grows when a key goes
away or changes its meaning; new keys may come without. Times within a video are seconds of video time, points
in time are seconds since the epoch. A key with an asterisk may be absent.

An error is one object on stderr, `{{"error": "…", "hint": "…"}}`, with an exit code other than 0.
"""


def page() -> str:
    """The page, as Markdown."""
    from service.schemas import COMMANDS, SCHEMA_VERSION

    parts = [_HEAD.format(version=SCHEMA_VERSION)]
    records = dict.fromkeys(record for listed in COMMANDS.values() for record in listed)
    parts.append("## Commands\n\n| command | lines |\n|---|---|")
    for name, listed in COMMANDS.items():
        links = ", ".join(f"[{_title(each.__name__)}](#{_anchor(each.__name__)})" for each in listed)
        parts.append(f"| `footage {name}` | {links} |")
    parts.append("\n## Lines")
    nested: dict[str, Any] = {}
    for record in records:
        schema = record.model_json_schema()
        nested |= schema.get("$defs", {})
        parts.append(_section(record.__name__, schema))
    parts.append("## Objects within lines")
    parts += [_section(name, schema) for name, schema in sorted(nested.items())]
    return "\n".join(parts)


def _section(name: str, schema: dict[str, Any]) -> str:
    """One kind of line: its keys, their types and meanings."""
    required = set(schema.get("required", ()))
    lines = [f"\n### {_title(name)}\n", _sentence(schema.get("description", "")), ""]
    lines += ["| key | type | meaning |", "|---|---|---|"]
    for key, field in schema["properties"].items():
        star = "" if key in required or key == "type" else "*"
        meaning = _sentence(field.get("description", ""))
        lines.append(f"| `{key}`{star} | {_type(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _type(field: dict[str, Any]) -> str:
    """A type in words, with links to the objects of this page."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{_title(name)}](#{_anchor(name)})"
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "const" in field:
        return f'`"{field["const"]}"`' if isinstance(field["const"], str) else f"`{field['const']}`".lower()
    if "enum" in field:
        return ", ".join(f'`"{each}"`' for each in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    return str(field.get("type", "any"))


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _title(name: str) -> str:
    """The words of a class name: those of ExportedFileRecord are "Exported file"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"(Record|Fields)$", "", name))
    return words[:1] + words[1:].lower()


def _anchor(name: str) -> str:
    return _title(name).lower().replace(" ", "-")


def main() -> int:
    """Write the page, or with ``--check`` compare it; returns the exit code."""
    written = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == written else 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
