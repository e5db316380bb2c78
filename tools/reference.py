"""Writes the generated pages of docs/reference, and the summaries of commands in the main help.

    python tools/reference.py           # write the pages
    python tools/reference.py --check   # exit with 1 where a page is not what would be written

Each page has one function of its name, which returns the page's text. A test compares.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by tools/reference.py; a test compares. Do not edit by hand. -->"
COMMON = ("help", "quiet", "verbose")
"""Options of every command, which are described once."""
COMMANDS_INTRO = """\
`footage COMMAND --help` prints the same. Results are written to stdout, progress and errors to stderr.
With `--json`, stdout holds one JSON object per line, and an error is one JSON object (`error`, `hint`) on
stderr; an error of the option parser stays text. More: [exit codes](exit-codes.md),
[settings](settings.md), [query language](query-language.md).

Every command also has `--help` (`-h`), `--quiet` (`-q`: no progress and no remarks, only errors) and
`--verbose` (`-v`: the log on stderr, from INFO on).
`footage --install-completion` turns on shell completion."""
SETTINGS_INTRO = """\
A setting has one value. The first of these sources that gives one counts:

1. the option on the command line;
2. the environment variable `FOOTAGE_…`;
3. the environment variable of the model card, where there is one;
4. the config file: `--config FILE`, else the file in `FOOTAGE_CONFIG`, else `config.toml` in the user's
   configuration folder (`~/.config/footage` on Linux).

The config file is TOML, one `key = value` per line. An unknown key is an error that names the nearest known
key. `FOOTAGE_API_KEY` (the key for a model server) is read from the environment only. An empty default means:
the value of the model's profile (`footage models --json`), or none."""
MODELS_INTRO = """\
What each model's own card offers, whether it is available here, and the test that holds it.
`footage models show NAME` prints the rows of one model. How to use them:
[choose a model](../how-to/models.md)."""
JSON_INTRO = """# JSON

<!-- Written by tools/reference.py from service/schemas and evaluation/schemas; edit those. -->

With `--json` a command prints one JSON object per line on stdout; progress and remarks go to stderr. This
page describes each line that a command may print, schema version {version}. The version grows when a key goes
away or changes its meaning; new keys may come without. Times within a video are seconds of video time, points
in time are seconds since the epoch. A key with an asterisk may be absent. `footage captions export` writes
[captions as JSON Lines](captions.md), with or without `--json`.

An error is one object on stderr, `{{"error": "…", "hint": "…"}}`, with an exit code other than 0.
"""


def commands() -> str:
    """docs/reference/commands.md: every command with its arguments, options, defaults and examples."""
    found = list(all_commands())
    names = [
        f"- [`{name}`](#{name.replace(' ', '-')}): {_first_sentence(command)}" for name, command in found
    ]
    parts = [
        "# Commands",
        NOTE,
        COMMANDS_INTRO,
        "\n".join(names),
    ]
    for name, command in found:
        parts += [f"## {name}", *_command(name, command)]
    return "\n\n".join(parts) + "\n"


def settings() -> str:
    """docs/reference/settings.md: every setting with its option, environment variable and default."""
    from footage.core.config import CARD_VARIABLES, Settings

    options = {
        option.lstrip("-").replace("-", "_"): parameter.opts[0]
        for _, command in all_commands()
        for parameter in _parameters(command)
        for option in parameter.opts
        if option.startswith("--")
    }
    options["library_roots"] = options["library_root"]
    rows = [
        "| Option | Environment variable | Key in the config file | Default | Meaning |",
        "|---|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        option = options.get(name)
        variables = f"`FOOTAGE_{name.upper()}`" + (
            f", `{CARD_VARIABLES[name]}`" if name in CARD_VARIABLES else ""
        )
        rows.append(
            f"| {f'`{option}`' if option else ''} | {variables} | `{name}` | {_default(field)} | "
            f"{_cell(field.description or '')} |"
        )
    return (
        "\n\n".join(
            [
                "# Settings",
                NOTE,
                SETTINGS_INTRO,
                "\n".join(rows),
            ]
        )
        + "\n"
    )


def exit_codes() -> str:
    """docs/reference/exit-codes.md: what each exit code of a command means."""
    from ui.cli.console import EXIT_CODES

    rows = [
        "| Exit code | Meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
    ]
    return (
        "\n\n".join(["# Exit codes", NOTE, "Every command ends with one of these:", "\n".join(rows)]) + "\n"
    )


def json() -> str:
    """docs/reference/json.md: every line that ``--json`` prints, from the models of the schemas."""
    from evaluation.schemas import COMMANDS
    from service.schemas import SCHEMA_VERSION

    parts = [JSON_INTRO.format(version=SCHEMA_VERSION)]
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


def models() -> str:
    """docs/reference/models.md: what the models' cards promise, and what of it is offered."""
    from footage.vlm.cards import CAPABILITIES
    from footage.vlm.profiles import PROFILES

    parts = [f"# Models and their cards\n\n{NOTE}\n\n{MODELS_INTRO}\n"]
    for profile in PROFILES.values():
        title = f"{profile.name} ({profile.repository})" if profile.repository else profile.name
        parts.append(f"\n## {title}\n\n| Capability | Here | Reason | Held by |\n|---|---|---|---|\n")
        for row in CAPABILITIES:
            if row.model == profile.name:
                tests = ", ".join(f"`{test}`" for test in row.tests)
                cells = (_escaped(row.capability), row.ours, _escaped(row.reason), tests)
                parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _escaped(text: str) -> str:
    """A cell in which no tag begins."""
    return _cell(text).replace("<", "&lt;")


def summaries() -> str:
    """ui/cli/summaries.json: the first paragraph of the help of each command and group, for the main help."""
    import json

    from typer.main import get_command

    from ui.cli.main import app

    found = get_command(app).commands.items()  # type: ignore[attr-defined]
    return json.dumps({name: _first_sentence(command) for name, command in found}, indent=2) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/commands.md": commands,
    "docs/reference/settings.md": settings,
    "docs/reference/exit-codes.md": exit_codes,
    "docs/reference/json.md": json,
    "docs/reference/models.md": models,
    "ui/cli/summaries.json": summaries,
}
"""What is written: each file, and the function that gives its text."""


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, with the names of its groups before its own."""
    from typer.main import get_command

    from ui.cli.main import app

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        children = getattr(command, "commands", None)
        if name and (not children or getattr(command, "invoke_without_command", False)):
            yield name, command
        for child, below in (children or {}).items():
            yield from walk(below, f"{name} {child}".strip())

    yield from walk(get_command(app), "")


def _parameters(command: Any) -> list[Any]:
    """Arguments and options of a command, those of its settings among them."""
    from typer import Context

    return list(command.get_params(Context(command)))


def _first_sentence(command: Any) -> str:
    return inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")


def _command(name: str, command: Any) -> Iterator[str]:
    """The parts of one command's section."""
    yield inspect.cleandoc(command.help or "").replace("\f", "")
    arguments = [parameter for parameter in _parameters(command) if parameter.param_type_name == "argument"]
    usage = " ".join(["footage", name, "[OPTIONS]", *(_argument(argument) for argument in arguments)])
    yield f"Usage: `{usage}`"
    rows = [f"| `{_argument(argument)}` | | {_cell(_help(argument))} |" for argument in arguments]
    rows += [
        f"| {_names(option)} | {_shown_default(option)} | {_cell(_help(option))} |"
        for option in _parameters(command)
        if option.param_type_name == "option" and not option.hidden and option.name not in COMMON
    ]
    yield "\n".join(["| Argument or option | Default | Meaning |", "|---|---|---|", *rows])
    examples = re.findall(r"^\s*\$ (.*)$", command.epilog or "", re.MULTILINE)
    if examples:
        yield "Examples:\n\n<!-- not run: examples of the help; only parsed -->\n\n" + "\n".join(
            f"    {example}" for example in examples
        )


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).removesuffix("...")
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _help(parameter: Any) -> str:
    return getattr(parameter, "help", None) or ""


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    if option.metavar:
        return f"{names} {_cell(option.metavar)}"
    annotation = option.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return f"{names} {' or '.join(map(str, get_args(annotation)))}"
    return f"{names} {'N' if annotation in (int, float) else 'TEXT'}"


def _shown_default(option: Any) -> str:
    default = option.default
    if option.is_flag or default is None or callable(default) or default in ((), [], ""):
        return ""
    return f"`{default}`"


def _default(field: Any) -> str:
    from pydantic_core import PydanticUndefined

    from footage.core.config import Settings

    if field.default is PydanticUndefined:  # made on this machine, so that it differs from one to the next
        return {
            "export_dir": "`~/Videos/footage` on Linux",
            "audit_log": "`~/.local/state/footage/audit.jsonl` on Linux",
            "cache_dir": "`~/.cache/footage` on Linux",
        }[next(name for name, other in Settings.model_fields.items() if other is field)]
    if field.default in (None, ()):
        return ""
    return f"`{field.default}`".replace("True", "true").replace("False", "false")


def _cell(text: str) -> str:
    """A text that fits into one cell of a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


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
    if "prefixItems" in field:
        return f"[{', '.join(map(_type, field['prefixItems']))}]"
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
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    arguments = parser.parse_args()
    stale = [name for name, page in PAGES.items() if not _same(ROOT / name, page())]
    if arguments.check:
        for name in stale:
            sys.stderr.write(f"{name} is not up to date: python tools/reference.py\n")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
