"""Where alerts go: one module for each kind of sink; knows no database and retries nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, UsageError
from service.alerts.sinks.command import CommandSink
from service.alerts.sinks.desktop import DesktopSink
from service.alerts.sinks.mail import EmailSink
from service.alerts.sinks.mqtt import MqttSink
from service.alerts.sinks.secret_values import is_reference
from service.alerts.sinks.webhook import WebhookSink

if TYPE_CHECKING:
    from service.alerts.model import Sink, SinkConfig, SinkKind


@dataclass(frozen=True, slots=True)
class SinkRules:
    """What the user's settings allow to sinks."""

    private_webhooks: bool = False
    """Whether webhooks may go to this machine and to private networks."""


_MAKERS: dict[SinkKind, Callable[[SinkConfig, SinkRules], Sink]] = {
    "webhook": lambda config, rules: WebhookSink.of(config, allow_private=rules.private_webhooks),
    "mqtt": lambda config, _: MqttSink.of(config),
    "email": lambda config, _: EmailSink.of(config),
    "command": lambda config, _: CommandSink.of(config),
    "desktop": lambda config, _: DesktopSink.of(config),
}

_REMOTE_OPTIONS = ("posters",)
_REMOTE_HINT = "Make this sink with `footage alerts` on the machine that sends."


def check_made_remotely(config: SinkConfig) -> None:
    """Make sure that a sink is one that people without this machine's shell may make, in the app or the API.

    They start no program, name no file and no secret of this machine, and log in nowhere.

    Raises:
        UsageError: it is none.
    """
    if config.kind not in ("webhook", "desktop") or is_reference(config.target):
        raise UsageError(
            "only webhooks with an address and desktop notifications can be made here", hint=_REMOTE_HINT
        )
    for name, _ in config.options:
        if name not in _REMOTE_OPTIONS:
            raise UsageError(f"the option {name[:40]!r} cannot be set here", hint=_REMOTE_HINT)


def make_sink(config: SinkConfig, *, rules: SinkRules | None = None) -> Sink:
    """The sink that a configuration describes; connects to nothing, and reads no secret yet.

    Raises:
        UsageError: the configuration makes no sense, or a setting forbids it.
        DependencyError: the library that it needs is not installed.
    """
    return _MAKERS[config.kind](config, rules or SinkRules())


def shown_name(config: SinkConfig) -> str:
    """The name of a sink for people, without secrets, also of one that cannot be made here and now."""
    try:
        return make_sink(config, rules=SinkRules(private_webhooks=True)).name
    except FootageError:
        return config.kind


def desktop_is_possible() -> bool:
    """Whether the library for desktop notifications is installed."""
    return find_spec("desktop_notifier") is not None
