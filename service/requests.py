"""Base class of requests: immutable, validated on creation, with one-sentence errors."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from footage.core.errors import UsageError


class Request(BaseModel):
    """A request: checked when it is made.

    Raises:
        UsageError: a field is unknown or missing, or its value makes no sense.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @model_validator(mode="wrap")
    @classmethod
    def _in_a_sentence(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "request"
            given = "" if first["type"] == "missing" else f", got {first['input']!r}"
            raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}{given}.") from error
