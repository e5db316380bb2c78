"""Sends alerts as e-mail over SMTP, with pictures inside; no text from footage reaches a header unchanged."""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, Literal, Self, get_args

from footage.core.endpoint import Address
from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import options
from service.alerts.sinks.secret_values import check_reference, hidden, read_secret
from service.alerts.sinks.wording import headline, lines, moment_line

if TYPE_CHECKING:
    from service.alerts.model import Notification, SinkConfig

Security = Literal["starttls", "tls", "none"]
"""Encrypted after a greeting, encrypted from the first byte, or not at all."""
WAIT_SECONDS = 20.0
"""Longest wait for each answer of the server."""
MOST_PICTURES = 10
"""Most pictures in a message; a digest has at most these."""
_PORTS: dict[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_OPTIONS = ("server", "security", "username", "password", "from", "ca_file")
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
)
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class EmailSink:
    """People who get a message for each notification."""

    recipients: tuple[str, ...]
    """Addresses of the people."""
    sender: str
    """Address that the messages are from."""
    host: str
    """Host of the mail server."""
    port: int
    """Port of the mail server."""
    security: Security = "starttls"
    """How the connection is encrypted."""
    username: str = ""
    """User name at the server; empty for none."""
    password: str = ""
    """Where the password is; empty for none."""
    ca_file: str = ""
    """File with the authorities that the server's certificate is checked by; empty for the system's."""
    wait_seconds: float = WAIT_SECONDS
    """Longest wait for each answer of the server."""

    @classmethod
    def of(cls, config: SinkConfig) -> Self:
        """The sink of a configuration.

        Raises:
            UsageError: it makes no sense, or would send a password unencrypted.
        """
        options.check_target(config, wanted="the address of at least one person")
        options.check_names(config, _OPTIONS)
        recipients = tuple(_address(each) for each in config.target.split(","))
        security: Security = config.option("security", "starttls")  # type: ignore[assignment] # checked below
        if security not in get_args(Security):
            raise UsageError(f"the option security is {security[:40]!r}, and must be starttls, tls or none")
        host, port = _server(config.option("server"), security)
        username, password = config.option("username"), config.option("password")
        if bool(username) != bool(password):
            raise UsageError("the options username and password need one another")
        if password and security == "none" and not Address(f"smtp://{host}:{port}").is_loopback:
            raise UsageError(
                f"the password would reach {host} unencrypted", hint="Use security=starttls or security=tls."
            )
        return cls(
            recipients,
            _address(config.option("from") or recipients[0]),
            host.strip("[]"),
            port,
            security,
            username,
            check_reference(password, "password") if password else "",
            config.option("ca_file"),
        )

    @property
    def name(self) -> str:
        """The people."""
        return f"e-mail {', '.join(self.recipients)}"

    def send(self, notification: Notification) -> None:
        """Send it; return once the server has taken it for at least one of the people.

        Raises:
            SinkError: the server cannot be reached, or refuses.
        """
        password = read_secret(self.password) if self.password else ""
        message = self.message(notification)
        try:
            with self._connection() as server:
                if self.username:
                    server.login(self.username, password)
                server.send_message(message, self.sender, list(self.recipients))
        except smtplib.SMTPException as error:
            raise SinkError(
                f"{self.host} did not take the e-mail: {hidden(_reason(error), password)}",
                permanent=_is_permanent(error),
            ) from error
        except OSError as error:
            reason = hidden(str(error) or type(error).__name__, password)
            raise SinkError(f"{self.host} cannot be reached: {reason}") from error

    def _connection(self) -> smtplib.SMTP:
        """A connection to the server, encrypted as configured."""
        if self.security == "tls":
            context = options.tls_context(self.ca_file)
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.wait_seconds, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.wait_seconds)
        if self.security == "starttls":
            try:
                server.starttls(context=options.tls_context(self.ca_file))
            except BaseException:
                server.close()
                raise
        return server

    def message(self, notification: Notification) -> EmailMessage:
        """The e-mail: plain text, and the same as HTML with pictures."""
        message = EmailMessage(policy=SMTP)
        message["Subject"] = headline(notification)
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Date"] = format_datetime(datetime.fromtimestamp(notification.sent_at, UTC))
        message["Message-ID"] = f"<{_token(notification.id)}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        query = [f"Alert: {headline(notification)}", f"Query: {' '.join(notification.query.split())}"]
        links = [
            f"{line}\n{notification.links.get(moment.id, '')}".strip()
            for moment, line in zip(notification.moments, lines(notification), strict=False)
        ]
        message.set_content("\n\n".join(["\n".join(query), *(links or lines(notification))]) + "\n")
        page, pictures = _page(notification)
        message.add_alternative(page, subtype="html")
        html = message.get_payload()[1]  # type: ignore[index] # made above
        for name, picture in pictures.items():
            html.add_related(  # type: ignore[union-attr]
                picture, "image", "jpeg", cid=f"<{name}>", disposition="inline", filename=f"{name}.jpg"
            )
        return message


def _page(notification: Notification) -> tuple[str, dict[str, bytes]]:
    """The HTML of a message, and its pictures by the names that it has for them."""
    pictures: dict[str, bytes] = {}
    parts = [f"<h2>{escape(headline(notification))}</h2>"]
    if notification.query:
        parts.append(f"<p>Query: {escape(' '.join(notification.query.split()))}</p>")
    for number, moment in enumerate(notification.moments):
        picture = notification.posters.get(moment.id)
        if picture and len(pictures) < MOST_PICTURES:
            pictures[f"moment-{number + 1}"] = picture
            parts.append(f'<p><img src="cid:moment-{number + 1}" alt="" style="max-width:100%"></p>')
        link = notification.links.get(moment.id, "")
        more = f' <a href="{escape(link)}">Open</a>' if link.startswith(("http://", "https://")) else ""
        parts.append(f"<p>{escape(moment_line(moment))}{more}</p>")
        parts.extend(f"<p><small>{escape(' '.join(each.split()))}</small></p>" for each in moment.evidence)
    if not notification.moments:
        parts.extend(f"<p>{escape(line)}</p>" for line in lines(notification))
    return f"<!doctype html><html><body>{''.join(parts)}</body></html>", pictures


def _address(text: str) -> str:
    """An e-mail address.

    Raises:
        UsageError: it is none.
    """
    if not _ADDRESS.fullmatch(address := text.strip()):
        raise UsageError(f"{address[:80]!r} is no e-mail address", hint="As in name@example.org.")
    return address


def _server(text: str, security: str) -> tuple[str, int]:
    """Host and port of a mail server.

    Raises:
        UsageError: the text is none.
    """
    found = _SERVER.fullmatch(text.strip())
    port = int(found[2]) if found and found[2] else _PORTS[security]
    if not found or not 0 < port < 65_536:
        raise UsageError("the option server must be a mail server", hint="As in server=smtp.example.org:587.")
    return found[1], port


def _token(text: str) -> str:
    """What may stand in the id of a message."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:100]


def _is_permanent(error: smtplib.SMTPException) -> bool:
    """Whether sending again is of no use."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return isinstance(error, smtplib.SMTPNotSupportedError)


def _reason(error: smtplib.SMTPException) -> str:
    """What a server says, as text."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(_said(code, text) for code, text in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return str(error)


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
