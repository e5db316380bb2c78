"""Downloads files from http and https addresses into temporary files, on request; opens none of them.

A host name is resolved once, the IP address is checked, and the connection goes to that IP address: a name
that resolves differently a moment later gains nothing. The proxies of the environment are not used.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from footage.core.errors import FileError, UsageError, VideoNotFoundError
from footage.core.timecode import format_time
from service.events import Listener, StageProgress, ignore
from service.locators import Locator, parse_locator

if TYPE_CHECKING:
    import httpx2

    from service.cancellation import CancelToken
    from service.session import Service

MOST_REDIRECTS = 5
"""Most redirects that are followed."""
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 60.0
"""Longest wait for a connection, and for the next bytes."""
MOST_SECONDS = 3600.0
"""Longest time that one download may take in all."""
_REPORT_SECONDS = 0.2
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a download may do."""

    most_bytes: int
    """Largest file, in bytes."""
    may_ask: Callable[[str], bool]
    """Whether the host with an IP address may be asked."""
    resolve: Callable[[str, int], Sequence[str]]
    """The IP addresses of a host name, for a port."""


@contextmanager
def local_files(
    service: Service,
    texts: Sequence[str],
    *,
    fetch: bool,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Iterator[list[Locator]]:
    """Locators whose files are on this machine; downloads are deleted when the context ends.

    Args:
        service: Whose settings limit the downloads.
        texts: What a user typed: a file or an address, perhaps with a time.
        fetch: Whether addresses may be downloaded.
        on_event: Gets ``StageProgress``.
        cancel: Ends a download.

    Raises:
        UsageError: an address may not be downloaded, or makes no sense.
        VideoNotFoundError: it cannot be downloaded, or is too large.
        NotAVideoError: it holds neither a video nor an image.
        Cancelled: the token was cancelled.
    """
    locators = [parse_locator(text, addresses=True) for text in texts]
    addresses = list(dict.fromkeys(each.address for each in locators if each.address))
    if addresses and not fetch:
        raise UsageError(
            f"{shown_url(addresses[0])} is an address, and nothing is downloaded unasked",
            hint="Add --fetch to download it into a temporary file.",
        )
    if not addresses:
        yield locators
        return
    settings = service.settings
    may_ask = (lambda _: True) if settings.fetch_private else is_public
    limits = FetchLimits(int(settings.fetch_max_gb * 1e9), may_ask, resolve)
    with TemporaryDirectory(prefix="footage-") as folder:
        files: dict[str, Path] = {}
        for number, address in enumerate(addresses):
            place = Path(folder) / str(number)
            place.mkdir()
            files[address] = download(address, place, limits=limits, on_event=on_event, cancel=cancel)
        yield [replace(each, path=files[each.address]) if each.address else each for each in locators]


def download(
    address: str,
    folder: Path,
    *,
    limits: FetchLimits,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Path:
    """Download one file into a folder, under the name that it has in its address.

    Raises:
        FootageError: as ``local_files``.
    """
    import httpx2

    url, name = address, shown_url(address)
    out = folder / _file_name(address)
    timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    with httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        for _ in range(MOST_REDIRECTS + 1):
            parts = _checked(url)
            with _asked(client, parts, name, limits) as response:
                if response.has_redirect_location:
                    url = redirect_target(url, response.headers["Location"])
                    continue
                if response.status_code != 200:
                    raise VideoNotFoundError(
                        f"{name} cannot be downloaded: the server answers with {response.status_code}",
                        hint="Open the address in a browser to see whether it is right.",
                    )
                _save(response, out, name, limits, on_event, cancel)
                return out
    raise VideoNotFoundError(f"{name} cannot be downloaded: more than {MOST_REDIRECTS} redirects")


def shown_url(address: str) -> str:
    """An address as it may be shown: without what may be secret in it, user name, query and fragment."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{host}{parts.path}"


def _file_name(address: str) -> str:
    """The last part of an address's path, as a harmless file name."""
    last = unquote(urlsplit(address).path).rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "_", last).lstrip(".-")[-_LONGEST_NAME:] or "download"


def _checked(url: str) -> SplitResult:
    """The parts of an address.

    Raises:
        UsageError: it is no http or https address, or holds a user name.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise UsageError(f"{shown_url(url)} is no address: {exc}") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            f"{shown_url(url)} cannot be downloaded: only http and https addresses are",
            hint="Use an address as in https://example.org/clip.mp4.",
        )
    if parts.username is not None:
        raise UsageError(
            f"{shown_url(url)} holds a user name, which is not sent", hint="Use an address without it."
        )
    return parts


def redirect_target(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        VideoNotFoundError: from an encrypted connection to one that is not.
    """
    target = urljoin(url, location)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise VideoNotFoundError(
            f"{shown_url(url)} cannot be downloaded: it redirects to {shown_url(target)}, which is not "
            f"encrypted"
        )
    return target


def _connected_to(parts: SplitResult, limits: FetchLimits) -> str:
    """The IP address of a host that may be asked.

    Raises:
        VideoNotFoundError: there is no such host.
        UsageError: the host is on this machine or in a private network, and that is not allowed.
    """
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = limits.resolve(host, port)
    except (OSError, UnicodeError) as exc:
        raise VideoNotFoundError(
            f"{shown_url(parts.geturl())} cannot be downloaded: the host {host} is unknown",
            hint="Check the address and the connection to the network.",
        ) from exc
    if not all(map(limits.may_ask, found)):
        raise UsageError(
            f"{shown_url(parts.geturl())} is on this machine or in a private network",
            hint="To allow that: --fetch-private, or FOOTAGE_FETCH_PRIVATE=true.",
        )
    return found[0]


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host name, as the system has them.

    Raises:
        OSError: there are none.
    """
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet: neither this machine nor in a private network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (inside := _ipv4_inside(ip)) is not None:
        ip = inside
    return ip.is_global and not ip.is_multicast


def _ipv4_inside(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway (NAT64, 6to4) or this machine makes of an IPv6 address."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour


@contextmanager
def _asked(
    client: httpx2.Client, parts: SplitResult, name: str, limits: FetchLimits
) -> Iterator[httpx2.Response]:
    """The response to a request; its body has not been read."""
    import httpx2

    ip = _connected_to(parts, limits)
    host = parts.hostname or ""
    url = httpx2.URL(parts._replace(fragment="").geturl())
    # The host is asked at the address that was checked; its certificate must be that of its name.
    try:
        with client.stream(
            "GET",
            url.copy_with(host=ip),
            headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            extensions={"sni_hostname": host},
        ) as response:
            yield response
    except httpx2.TimeoutException as exc:
        raise VideoNotFoundError(
            f"{name} cannot be downloaded: {host} did not answer in time", hint="Try again later."
        ) from exc
    except httpx2.HTTPError as exc:
        reason = " ".join(str(exc).split()) or type(exc).__name__
        raise VideoNotFoundError(f"{name} cannot be downloaded: {reason[:200]}") from exc


def _save(
    response: httpx2.Response,
    out: Path,
    name: str,
    limits: FetchLimits,
    on_event: Listener,
    cancel: CancelToken | None,
) -> None:
    """Write the body of a response to a file, as long as it may be one that can be opened."""
    from footage.media.containers import HEAD_BYTES, refuse_content

    claimed = response.headers.get("Content-Length", "")
    total = int(claimed) if claimed.isdecimal() else 0
    _refuse_larger(total, name, limits)
    began = reported = time.monotonic()
    head, done, known = b"", 0, False
    try:
        with out.open("wb") as file:
            # As they come, of any size, so that a slow server does not evade the limits.
            for chunk in response.iter_bytes():
                done += len(chunk)
                _refuse_larger(done, name, limits)
                file.write(chunk)
                if not known:
                    head = (head + chunk)[:HEAD_BYTES]
                    if len(head) == HEAD_BYTES:
                        refuse_content(head, name)
                        known = True
                if cancel is not None:
                    cancel.raise_if_cancelled()
                now = time.monotonic()
                if now - began > MOST_SECONDS:
                    raise VideoNotFoundError(f"{name} was not downloaded within {format_time(MOST_SECONDS)}")
                if now - reported >= _REPORT_SECONDS:
                    reported = now
                    on_event(StageProgress("downloading", done, total, f"{done / 1e6:,.0f} MB"))
    except OSError as exc:
        raise FileError(f"{name} cannot be stored in {out.parent}: {exc.strerror or exc}.") from exc
    if total and done < total:
        raise VideoNotFoundError(f"{name} cannot be downloaded: the connection ended after {done:,} bytes")
    if not known:
        refuse_content(head, name)


def _refuse_larger(size_bytes: int, name: str, limits: FetchLimits) -> None:
    if size_bytes > limits.most_bytes:
        raise VideoNotFoundError(
            f"{name} is larger than {limits.most_bytes / 1e9:g} GB",
            hint="Allow more with --fetch-max-gb, or download it by other means.",
        )
