"""The optional extras of the distribution: what each is for, and how it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from footage.core.errors import DependencyError


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part of the installation."""

    name: str
    """Its name in brackets, as in ``footage[otel]``."""
    module: str
    """A module that is there when it is installed."""
    use: str
    """What needs it, a noun phrase in the plural."""

    @property
    def is_installed(self) -> bool:
        """Whether its module can be found; nothing is imported but the packages above it."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # a package above it is not there
            return False

    @property
    def install_line(self) -> str:
        """How to install it."""
        return f"uv tool install 'footage[{self.name}]' (or pip install 'footage[{self.name}]')"


EXTRAS: dict[str, Extra] = {
    extra.name: extra
    for extra in (
        Extra("cluster", "ray", "index runs on a Ray cluster"),
        Extra("cuda", "fla", "faster kernels on NVIDIA GPUs"),
        Extra("desktop", "desktop_notifier", "desktop notifications of alerts"),
        Extra("mqtt", "paho.mqtt", "MQTT messages of alerts"),
        Extra("otel", "opentelemetry.sdk", "OpenTelemetry traces"),
    )
}
"""The extras of pyproject.toml, by name."""


def require_extra(name: str) -> None:
    """Make sure that an extra is installed.

    Raises:
        DependencyError: it is not; the hint is the line that installs it.
    """
    extra = EXTRAS[name]
    if not extra.is_installed:
        raise DependencyError(
            f"{extra.use[:1].upper()}{extra.use[1:]} need the extra {name}, which is not installed.",
            hint=f"Install it: {extra.install_line}",
        )
