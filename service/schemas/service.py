"""Lines of JSON about the service: of serve and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from footage.core.index_place import IndexPlace
from service.schemas.base import Record

if TYPE_CHECKING:
    from service.tokens import NewToken, TokenRow


class ServiceRecord(Record):
    """Where the service of `serve` is; printed when it listens."""

    type: Literal["service"] = Field(default="service")
    """What the line is."""
    socket: str | None
    """Its Unix socket; null without one."""
    addresses: list[str]
    """Its addresses over TCP; empty without any."""
    token_file: str | None
    """File with the owner's token; null where TCP is off."""
    docs: str | None
    """Address of the documentation of its API; null where TCP is off."""
    db: IndexPlace
    """The index."""
    model: str
    """The model, as in --model."""


class TokenRecord(Record):
    """A token of the service; the token itself is not kept."""

    type: Literal["token"] = Field(default="token")
    """What the line is."""
    name: str
    """Names it."""
    role: Literal["view", "edit", "admin"]
    """What it allows."""
    made_at: float
    """When it was made, seconds since the epoch."""
    revoked_at: float
    """When it was revoked, seconds since the epoch; 0 for never."""
    token: str = ""
    """The token itself; of `tokens create` only."""

    @classmethod
    def of(cls, row: TokenRow) -> Self:
        """A token that is kept."""
        return cls(type="token", name=row.name, role=row.role, made_at=row.made_at, revoked_at=row.revoked_at)  # type: ignore[arg-type] # the role is checked

    @classmethod
    def of_new(cls, made: NewToken) -> Self:
        """A token that was just made."""
        return cls(**cls.of(made.row).fields(), token=made.token)
