"""Finds the names nearest to a misspelled one; pure, knows no filter and no index."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from footage.core.names import folded

MOST_COMPARED = 5_000
"""Most names that are compared letter by letter; of more, none is near."""
_ALIKE = 0.6
"""Least ratio of ``difflib`` at which a name is near."""


def near_names(typed: str, known: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """The known names that are nearest to a typed one, nearest first; none for one that is known.

    Names are compared by ``footage.core.names.folded``.

    Args:
        typed: The name as typed.
        known: The names that there are.
        most: Most names that are returned.
    """
    by_form = {folded(name): name for name in sorted(known)}
    wanted = folded(typed)
    if not wanted or wanted in by_form or len(by_form) > MOST_COMPARED:
        return ()
    near = difflib.get_close_matches(wanted, by_form, n=most, cutoff=_ALIKE)
    begun = [form for form in by_form if form.startswith(wanted) and form not in near]
    return tuple(by_form[form] for form in [*near, *begun][:most])
