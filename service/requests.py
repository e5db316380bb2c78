"""Base class of requests: immutable, validated on creation, with one-sentence errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from footage.core.errors import UsageError
from footage.objects.address import is_object_address
from footage.objects.paths import ObjectPath, typed_path


def _address_or_path(value: Any, handler: ValidatorFunctionWrapHandler) -> Path:
    """Addresses as they are: ``Path`` would join the slashes of one."""
    if isinstance(value, ObjectPath) or (isinstance(value, str) and is_object_address(value)):
        return typed_path(value)
    if isinstance(value, str):
        typed_path(value)  # refuses an address of another kind
    path: Path = handler(value)
    return path


MediaPath = Annotated[Path, WrapValidator(_address_or_path)]
"""A path of a file or folder, or the address of an object or a prefix."""


class Request(BaseModel):
    """A request: checked when it is made.

    Raises:
        UsageError: a field is unknown or missing, or its value makes no sense.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), use_attribute_docstrings=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_a_sentence(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        _check_texts(data)
        try:
            return handler(data)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "request"
            given = "" if first["type"] == "missing" else f", got {first['input']!r}"
            raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}{given}.") from error


def _check_texts(data: Any) -> None:
    """Refuse texts that no file, index or prompt can hold.

    Raises:
        UsageError: a text holds a NUL, or half of a character.
    """
    if isinstance(data, str):
        if "\0" in data or any("\ud800" <= letter < "\udc80" for letter in data):
            raise UsageError(
                f"The text {data!r} holds a NUL or half of a character.", hint="Write it as plain text."
            )
    elif isinstance(data, Mapping):
        for key, value in data.items():
            _check_texts(key)
            _check_texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            _check_texts(value)
