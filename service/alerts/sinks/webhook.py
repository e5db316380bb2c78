"""Sends alerts as signed JSON to an https address; follows no redirect and reads no body of an answer.

The signature is that of the Standard Webhooks convention. The host's name is resolved once for each delivery,
every IP address is checked, and the connection goes to the address that was checked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, urlsplit

from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import options
from service.alerts.sinks.secret_values import check_reference, hidden, is_reference, read_secret
from service.alerts.sinks.wording import document
from service.fetch import is_public, resolve

if TYPE_CHECKING:
    import httpx2

    from service.alerts.model import Notification, SinkConfig

CONNECT_SECONDS = 5.0
"""Longest wait for a connection."""
MOST_SECONDS = 20.0
"""Longest delivery in all, the answer included."""
LEAST_SECRET_BYTES = 16
"""Shortest secret for signatures."""
_OPTIONS = ("secret", "token", "posters", "ca_file")
_PASSING = (408, 425, 429)
_PRIVATE_HINT = (
    "To allow that, set webhook_private = true in the config file, or FOOTAGE_WEBHOOK_PRIVATE=true."
)


@dataclass(frozen=True, slots=True)
class WebhookSink:
    """An address that gets a POST for each notification."""

    url: str
    """The address, or where it is kept as a secret."""
    secret: str = ""
    """Where the secret for signatures is; empty to send without a signature."""
    token: str = ""
    """Where a token for the header ``Authorization: Bearer`` is; empty for none."""
    posters: bool = True
    """Whether pictures are sent, too."""
    ca_file: str = ""
    """File with the authorities that the server's certificate is checked by; empty for the system's."""
    allow_private: bool = False
    """Whether the host may be this machine or in a private network."""
    resolve: Callable[[str, int], Sequence[str]] = resolve
    """The IP addresses of a host name, for a port."""
    most_seconds: float = MOST_SECONDS
    """Longest delivery in all."""

    @classmethod
    def of(cls, config: SinkConfig, *, allow_private: bool = False) -> Self:
        """The sink of a configuration.

        Raises:
            UsageError: it makes no sense, or the address is a private one and that is not allowed.
        """
        options.check_target(config, wanted="an https address")
        options.check_names(config, _OPTIONS)
        places = {
            name: check_reference(given, name)
            for name in ("secret", "token")
            if (given := config.option(name))
        }
        if is_reference(config.target):
            check_reference(config.target, "target")
        else:
            _check_literal(parse_address(config.target), allow_private=allow_private)
        return cls(
            config.target,
            places.get("secret", ""),
            places.get("token", ""),
            options.yes_or_no(config, "posters", default=True),
            config.option("ca_file"),
            allow_private,
        )

    @property
    def name(self) -> str:
        """The host, without the path, which may hold a secret."""
        return "webhook" if is_reference(self.url) else f"webhook {urlsplit(self.url).hostname}"

    def send(self, notification: Notification) -> None:
        """Send it; any answer of 200 to 299 counts as delivered.

        Raises:
            SinkError: the host may not be asked, did not answer, or refused.
        """
        import httpx2

        parts = self._parts()
        body = json.dumps(document(notification, posters=self.posters), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "footage",
            **self._authentication(notification.id, body),
        }
        addresses = self._addresses(parts)
        try:
            response = asyncio.run(self._post(parts, addresses, headers, body))
        except TimeoutError as error:
            raise SinkError(f"{self.name} did not answer within {self.most_seconds:g} s") from error
        except httpx2.TimeoutException as error:
            raise SinkError(f"{self.name} did not answer in time") from error
        except (httpx2.HTTPError, OSError) as error:
            reason = hidden(str(error) or type(error).__name__, parts.path.strip("/"), parts.query)
            raise SinkError(f"{self.name} cannot be reached: {reason}") from error
        self._judge(response)

    def _parts(self) -> SplitResult:
        """The parts of the address, read from where it is kept."""
        if not is_reference(self.url):
            return parse_address(self.url)
        try:
            return parse_address(read_secret(self.url))
        except UsageError as error:
            raise SinkError(f"what {self.url} holds is no https address", permanent=True) from error

    def _authentication(self, name: str, body: bytes) -> dict[str, str]:
        """Headers that say which notification it is, and that it comes from here."""
        now = str(int(time.time()))
        headers = {"webhook-id": name, "webhook-timestamp": now}
        if self.secret:
            headers["webhook-signature"] = signature(read_secret(self.secret), name, now, body)
        if self.token:
            token = read_secret(self.token)
            if not token.isascii() or not token.isprintable():
                raise SinkError(f"the token at {self.token} has characters that no header can have")
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _addresses(self, parts: SplitResult) -> list[str]:
        """The IP addresses of the host, each of which may be asked."""
        host = parts.hostname or ""
        try:
            found = list(self.resolve(host, parts.port or (443 if parts.scheme == "https" else 80)))
        except (OSError, UnicodeError) as error:
            raise SinkError(f"{self.name} cannot be reached: the host is unknown") from error
        public = [is_public(address) for address in found]
        if not self.allow_private and not all(public):
            raise SinkError(
                f"{self.name} is on this machine or in a private network", hint=_PRIVATE_HINT, permanent=True
            )
        if parts.scheme == "http" and any(public):
            raise SinkError(
                f"{self.name} is on the internet, and http connections are not encrypted",
                hint="Use its https address.",
                permanent=True,
            )
        return found

    async def _post(
        self, parts: SplitResult, addresses: Sequence[str], headers: dict[str, str], body: bytes
    ) -> httpx2.Response:
        """The head of the answer; the first IP address that can be connected to is asked."""
        import httpx2

        url = httpx2.URL(parts._replace(fragment="").geturl())
        timeout = httpx2.Timeout(self.most_seconds, connect=CONNECT_SECONDS)
        verify = options.tls_context(self.ca_file)
        async with (
            asyncio.timeout(self.most_seconds),
            httpx2.AsyncClient(
                timeout=timeout, follow_redirects=False, trust_env=False, verify=verify
            ) as client,
        ):
            for address in addresses:
                try:
                    # Asked at the address that was checked; its certificate must be that of its name.
                    async with client.stream(
                        "POST",
                        url.copy_with(host=address),
                        content=body,
                        headers={**headers, "Host": url.netloc.decode("ascii")},
                        extensions={"sni_hostname": parts.hostname},
                    ) as response:
                        return response
                except httpx2.ConnectError:
                    if address == addresses[-1]:
                        raise
        raise AssertionError("a host has at least one address")

    def _judge(self, response: httpx2.Response) -> None:
        """Raise ``SinkError`` unless the answer says that the notification was taken."""
        status = response.status_code
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise SinkError(
                f"{self.name} redirects to another address, which is not followed",
                hint="Use the address that it redirects to.",
                permanent=True,
            )
        raise SinkError(
            f"{self.name} answered with {status}",
            permanent=400 <= status < 500 and status not in _PASSING,
            retry_after_seconds=retry_after(response.headers.get("Retry-After", ""), now=time.time()),
        )


def parse_address(text: str) -> SplitResult:
    """The parts of the address of a webhook.

    Raises:
        UsageError: it is no http or https address, or holds a user name.
    """
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("the address of the webhook cannot be read") from error
    if parts.scheme not in ("http", "https") or not host or not text.strip().isprintable():
        raise UsageError(
            "the address of a webhook must begin with https:// and a host",
            hint="As in https://hooks.example.org/footage.",
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the address of a webhook must not hold a user name or a password",
            hint="Put a token into a file of mode 0600 and use the option token=file:PATH.",
        )
    return parts


def _check_literal(parts: SplitResult, *, allow_private: bool) -> None:
    """Refuse at once what needs no name server to be refused; every delivery is checked again."""
    host = parts.hostname or ""
    try:
        private = not is_public(str(ipaddress.ip_address(host.partition("%")[0])))
    except ValueError:
        private = host == "localhost" or host.endswith(".localhost")
    if private and not allow_private:
        raise UsageError(f"{host} is this machine or in a private network", hint=_PRIVATE_HINT)
    if parts.scheme == "http" and not allow_private:
        raise UsageError(
            f"http connections to {host} are not encrypted",
            hint=f"Use https. In a private network http is possible. {_PRIVATE_HINT}",
        )


def signature(secret: str, name: str, timestamp: str, body: bytes) -> str:
    """The signature of a notification: version and HMAC-SHA256 over id, timestamp and body, in base64.

    Raises:
        SinkError: the secret is too short, or no base64 behind "whsec_".
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise SinkError('the secret is not base64 behind "whsec_"') from error
    if len(key) < LEAST_SECRET_BYTES:
        raise SinkError(
            f"the secret of the webhook is shorter than {LEAST_SECRET_BYTES} bytes",
            hint='Make one: echo "whsec_$(openssl rand -base64 32)"',
        )
    digest = hmac.new(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def retry_after(header: str, *, now: float) -> float | None:
    """The wait that a ``Retry-After`` header asks for, in seconds; None where it asks for none."""
    header = header.strip()
    if header.isascii() and header.isdecimal():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
