"""What a caller may do, from least to most; knows no caller."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["view", "edit", "admin"]
"""``view`` searches and reads; ``edit`` also indexes, reviews, corrects, saves and exports; ``admin`` also
removes, repairs and hands out tokens."""
ROLES: tuple[Role, ...] = get_args(Role)


def allows(role: Role, needed: Role) -> bool:
    """Whether a role may do what needs another role."""
    return ROLES.index(role) >= ROLES.index(needed)
