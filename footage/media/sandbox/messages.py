"""Turns results into bytes and back without trusting who sent them; knows neither processes nor videos.

Pickle runs what it reads, so the results of a process that reads hostile files do not come as one. They are
JSON in which every class is named, and only classes of data on a list of modules are made again, by their
constructors with their checks, from values of the types that their fields are declared with; arrays follow as
raw bytes.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import json
import math
import types
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

MODULES = frozenset(
    {
        "footage.core.types",
        "footage.media.audio",
        "footage.media.audio_tracks",
        "footage.media.clip",
        "footage.media.concat",
        "footage.media.decode",
        "footage.media.demux",
        "footage.media.discontinuities",
        "footage.media.frame_grid",
        "footage.media.images",
        "footage.media.segment",
        "footage.media.subtitles",
    }
)
"""Whose classes may cross: dataclasses and named tuples."""
MOST_BYTES = 1 << 29
"""Most bytes of all arrays of a result; a scan of ``demux.MAX_FRAMES`` frames, all keyframes, fits."""
MOST_HEADER_BYTES = 16 << 20
"""Most bytes of a header."""
_MOST_VALUES = 1 << 20
"""Most values in a header: each takes some 100 bytes once it is read, however few it has there."""
_MOST_DEEP = 32
_DTYPES = frozenset({"|u1", "|b1", "<i8", "<i4", "<f8", "<f4"})
_TAG, _VALUE = "@", "v"


def packed(value: Any) -> tuple[bytes, list[np.ndarray]]:
    """A value as JSON, and its arrays.

    Raises:
        TypeError: It holds something that cannot cross.
    """
    arrays: list[np.ndarray] = []
    return json.dumps(_laid_out(value, arrays)).encode(), arrays


def unpacked(header: bytes, read: Callable[[np.ndarray], None], expected: Any = Any) -> Any:
    """The value of a header.

    Args:
        header: What ``packed`` made.
        read: Fills an array with the bytes that follow.
        expected: Its type, as in an annotation.

    Raises:
        ValueError: It is nothing that ``packed`` makes.
    """
    try:
        if sum(map(header.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise ValueError(f"it holds more than {_MOST_VALUES:,} values")
        value = _Reading(read).value(json.loads(header, parse_constant=_finite, parse_float=_finite))
        if not fits(value, expected):
            raise TypeError(f"a {type(value).__name__} was not asked for")
        return value
    except (
        ArithmeticError,
        AttributeError,
        ImportError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as exc:
        raise ValueError(f"it cannot be read: {type(exc).__name__}: {exc}") from exc


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type as an annotation spells it, with all that it holds.

    Of a dataclass or a named tuple its fields are not looked at: ``_made`` did.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in inner)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if inner[-1:] == (...,):
            return all(fits(each, inner[0]) for each in value)
        return len(value) == len(inner) and all(map(fits, value, inner))
    if origin in (list, collections.abc.Sequence):
        return isinstance(value, list) and all(fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(key, inner[0]) and fits(each, inner[1]) for key, each in value.items()
        )
    if hint is float:
        return type(value) in (float, int)
    kind = origin or hint
    return type(value) is kind if kind in (bool, int, str) else isinstance(value, kind)


@functools.cache
def _fields(kind: type) -> dict[str, Any]:
    """Names of the fields of a dataclass or a named tuple, in order, and their types."""
    hints = get_type_hints(kind, localns={"np": np})
    if dataclasses.is_dataclass(kind):
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {name: hints[name] for name in kind._fields}  # type: ignore[attr-defined]


def _laid_out(value: Any, arrays: list[np.ndarray]) -> Any:
    """A value as JSON can hold it; arrays are put on the list."""

    def several(values: Any) -> list[Any]:
        return [_laid_out(each, arrays) for each in values]

    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {_TAG: "array", _VALUE: [value.dtype.str, list(value.shape)]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Fraction):
        return {_TAG: "fraction", _VALUE: [value.numerator, value.denominator]}
    if isinstance(value, Path):
        return {_TAG: "path", _VALUE: str(value)}
    named = f"{type(value).__module__}:{type(value).__qualname__}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return {_TAG: named, _VALUE: several(fields)}
    if isinstance(value, tuple):
        return {_TAG: named if hasattr(value, "_fields") else "tuple", _VALUE: several(value)}
    if isinstance(value, list):
        return several(value)
    if isinstance(value, dict):
        return {_TAG: "dict", _VALUE: several(value.items())}
    raise TypeError(f"a {type(value).__name__} cannot cross")


def _finite(text: str) -> float:
    """A number that is one; JSON as Python reads it also knows NaN and Infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


class _Reading:
    """Makes the values of one header, arrays in the order in which they were laid out."""

    def __init__(self, read: Callable[[np.ndarray], None]) -> None:
        self._read = read
        self._left_bytes = MOST_BYTES

    def value(self, laid: Any, deep: int = 0) -> Any:
        """One value, so deep inside of others."""
        if deep > _MOST_DEEP:
            raise ValueError(f"it is more than {_MOST_DEEP} levels deep")
        deep += 1
        if isinstance(laid, list):
            return [self.value(each, deep) for each in laid]
        if not isinstance(laid, dict):
            return laid
        tag, value = laid[_TAG], laid[_VALUE]
        match tag:
            case "array":
                return self._array(*value)
            case "fraction":
                return Fraction(int(value[0]), int(value[1]))
            case "path":
                return Path(value)
            case "tuple":
                return tuple(self.value(each, deep) for each in value)
            case "dict":
                return dict(self.value(each, deep) for each in value)
        return self._made(tag, [self.value(each, deep) for each in value])

    def _array(self, dtype: str, shape: list[int]) -> np.ndarray:
        if dtype not in _DTYPES or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"no array is {dtype} {shape}")
        size_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if size_bytes > self._left_bytes:
            raise ValueError(f"its arrays take more than {MOST_BYTES:,} bytes")
        self._left_bytes -= size_bytes
        array = np.empty(shape, dtype)
        self._read(array)
        return array

    def _made(self, tag: str, values: list[Any]) -> Any:
        module, _, name = tag.partition(":")
        if module not in MODULES:
            raise ValueError(f"{tag} may not cross")
        kind = getattr(import_module(module), name)
        named = isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")
        if not isinstance(kind, type) or not (dataclasses.is_dataclass(kind) or named):
            raise ValueError(f"{tag} may not cross")
        fields = dict(zip(_fields(kind), values, strict=True))
        for field, hint in _fields(kind).items():
            if not fits(fields[field], hint):
                raise TypeError(f"{name}.{field} is no {type(fields[field]).__name__}")
        return kind(**fields)
