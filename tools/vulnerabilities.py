"""Says which locked packages have known vulnerabilities, and which nothing is known of; asks nobody itself.

    pip-audit --format json … | python tools/vulnerabilities.py

pip-audit calls a run clean in which its database knew none of the packages, as behind a mirror of the index
that has no advisories. Here that is a failure of its own.

Exit codes: 0 none known, 1 some known, 3 not checked.
"""

from __future__ import annotations

import json
import sys
from typing import Any

NOTHING_KNOWN = (
    "not checked: the advisory database at pypi.org could not be asked{which}, so nothing is known of "
    "vulnerabilities. There is none to be had offline: run make audit where pypi.org itself is reached.\n"
)


def report(text: str) -> tuple[int, str]:
    """The exit code, and what to print, for the output of pip-audit (JSON, or empty when it failed)."""
    try:
        packages: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 3, NOTHING_KNOWN.format(which="")
    unchecked = [each["name"] for each in packages if "skip_reason" in each]
    lines = [
        f"{each['name']} {each['version']}: {found['id']}, "
        f"mended in {', '.join(found['fix_versions']) or 'no version'}\n"
        for each in packages
        for found in each.get("vulns", ())
    ]
    if unchecked or not packages:
        which = f" about {len(unchecked)} of {len(packages)} packages"
        return (1 if lines else 3), "".join(lines) + NOTHING_KNOWN.format(which=which)
    return (1, "".join(lines)) if lines else (0, f"{len(packages)} packages, no known vulnerability\n")


if __name__ == "__main__":
    code, said = report(sys.stdin.read())
    (sys.stdout if code == 0 else sys.stderr).write(said)
    sys.exit(code)
