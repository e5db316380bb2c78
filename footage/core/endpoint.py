"""The address of a model server and whether it may be used: reads text, connects to nothing.

http://127.0.0.1:8000/v1#marlin-2b      the model that the server calls marlin-2b
http://127.0.0.1:8000/v1                the only model it serves
https://host/v1?frames#name             pictures instead of a clip; ?video for a clip and nothing else
https://host/v1?profile=marlin-2b#mine  asked and read as the profile says
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from footage.core.errors import UsageError

Way = Literal["video", "frames"]
"""How a window travels: as an H.264 clip, or as pictures with their times as text."""

KEY_VARIABLE = "FOOTAGE_API_KEY"
"""Environment variable with the key for servers that want one; there is no other place for it."""
_EXAMPLE = "As in http://127.0.0.1:8000/v1#marlin-2b."
_KEY_HINT = f"Put the API key into the environment variable {KEY_VARIABLE}."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and what is wanted of it."""

    url: str
    """Scheme, host, port and path, without a slash at the end; holds no secret."""
    model: str = ""
    """What the server calls the model; empty for the only one it serves."""
    profile: str = ""
    """Name of the profile to run it under; empty for the one of that name or repository, if there is one."""
    way: Way | None = None
    """How windows travel; None for what the server takes."""

    @property
    def host(self) -> str:
        """Host name or number, without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Whether it is this very machine: 127.0.0.0/8, ::1 or localhost."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """How servers may be used."""

    allow_remote: bool = False
    """Whether windows may be sent to another machine."""
    requests: int = 8
    """Most requests on their way at once."""
    timeout_seconds: float = 600.0
    """A request that takes longer is given up."""
    patience_seconds: float = 600.0
    """How long a server is waited for that goes away in between, such as for a restart."""
    accept_server_sampling: bool = False
    """Whether a server may show the model other frames, or other times, than it is sent."""


def is_address(text: str) -> bool:
    """Whether a model's name is the address of a server."""
    return text.lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """Read an address. No error repeats what might be a secret.

    Raises:
        UsageError: when it is none, holds a user name, a password or an unknown option.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # both are read only now, and may not be readable
    except ValueError as exc:
        raise UsageError("the address of the server cannot be read", hint=_EXAMPLE) from exc
    if not is_address(text) or not host:
        raise UsageError(
            "the address of a server must start with http:// or https:// and a host", hint=_EXAMPLE
        )
    if "@" in parts.netloc:
        raise UsageError("the address of a server must not contain a user name or a password", hint=_KEY_HINT)
    way, profile = _options(parts)
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"
    return Address(url, unquote(parts.fragment).strip(), profile, way)


def shown_address(text: str) -> str:
    """A model's name as it may be shown: of an address, neither user name nor options."""
    if not is_address(text):
        return text
    try:
        address = parse_address(text)
    except UsageError:
        return "the server"
    return f"{address.url}#{address.model}" if address.model else address.url


def check_allowed(address: Address, *, allow_remote: bool) -> None:
    """Make sure that footage leaves this machine on purpose alone, and never in the clear.

    Raises:
        UsageError: another machine is meant, and the address is not https or remote servers are not allowed.
    """
    if address.is_loopback:
        return
    if not address.url.startswith("https://"):
        raise UsageError(
            f"{address.host} is another machine, and http connections are not encrypted",
            hint=f"Use https, or a tunnel: ssh -L 8000:localhost:8000 {address.host}, then http://localhost:8000.",
        )
    if not allow_remote:
        raise UsageError(
            f"{address.host} is another machine, which would receive parts of your videos",
            hint="To allow this: --allow-remote (of index, search and find), or for every command "
            "FOOTAGE_ALLOW_REMOTE=true, or allow_remote = true in the config file.",
        )


def _options(parts: SplitResult) -> tuple[Way | None, str]:
    """The way and the profile that an address asks for."""
    way: Way | None = None
    profile = ""
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "video" and not value:
            way = "video"
        elif name == "frames" and not value:
            way = "frames"
        elif name == "profile" and value:
            profile = value
        else:
            raise UsageError(
                "the address of a server accepts only ?video, ?frames and ?profile=NAME",
                hint=_KEY_HINT,
            )
    return way, profile
