"""Publishes alerts to an MQTT broker with QoS 1, never retained; keeps no connection."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from footage.core.errors import UsageError
from footage.core.extras import require_extra
from service.alerts.model import SinkError
from service.alerts.sinks import options
from service.alerts.sinks.secret_values import check_reference, hidden, read_secret
from service.alerts.sinks.wording import document

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

    from service.alerts.model import Notification, SinkConfig

WAIT_SECONDS = 10.0
"""Longest wait for the connection, for its acceptance and for each message."""
PORT, TLS_PORT = 1883, 8883
_OPTIONS = ("username", "password", "ca_file", "protocol", "image_topic")
_REFUSED = ("Bad user name or password", "Not authorized", "Unsupported protocol version", "Banned")
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class MqttSink:
    """A topic of a broker."""

    host: str
    """Host of the broker."""
    port: int
    """Port of the broker."""
    topic: str
    """Topic; ``{alert}`` and ``{camera}`` in it are replaced by their names."""
    tls: bool = False
    """Whether the connection is encrypted."""
    username: str = ""
    """User name; empty for none."""
    password: str = ""
    """Where the password is; empty for none."""
    ca_file: str = ""
    """File with the authorities that the broker's certificate is checked by; empty for the system's."""
    protocol: str = "5"
    """Version of MQTT: "5" or "3.1.1"."""
    image_topic: str = ""
    """Topic for the picture of the first moment, as JPEG; empty to send none."""
    wait_seconds: float = WAIT_SECONDS
    """Longest wait for each step."""

    @classmethod
    def of(cls, config: SinkConfig) -> Self:
        """The sink of a configuration.

        Raises:
            UsageError: it makes no sense.
            DependencyError: paho-mqtt is not installed.
        """
        options.check_target(config, wanted="a broker and a topic, as in mqtts://broker.local/footage/alerts")
        options.check_names(config, _OPTIONS)
        host, port, topic, tls = parse_broker(config.target)
        password = config.option("password")
        if (protocol := config.option("protocol", "5")) not in ("5", "3.1.1"):
            raise UsageError(f"the option protocol is {protocol[:40]!r}, and must be 5 or 3.1.1")
        if image_topic := config.option("image_topic"):
            _check_topic(image_topic)
        _library()
        return cls(
            host,
            port,
            topic,
            tls,
            config.option("username"),
            check_reference(password, "password") if password else "",
            config.option("ca_file"),
            protocol,
            image_topic,
        )

    @property
    def name(self) -> str:
        """Broker and topic."""
        return f"MQTT {self.host} {self.topic}"

    def send(self, notification: Notification) -> None:
        """Publish it; return once the broker has confirmed it.

        Raises:
            SinkError: the broker cannot be reached, or refuses.
        """
        password = read_secret(self.password) if self.password else None
        answers = _Answers()
        client = self._client(answers, password)
        try:
            client.connect(self.host, self.port)
            client.loop_start()
            try:
                self._check(answers.connected.wait(self.wait_seconds), answers.refusal)
                picture = next(iter(notification.posters.values()), None)
                if self.image_topic and picture:
                    self._publish(client, answers, _filled(self.image_topic, notification), picture)
                text = json.dumps(flat(notification), ensure_ascii=False).encode()
                self._publish(client, answers, _filled(self.topic, notification), text)
                client.disconnect()
            finally:
                client.loop_stop()
        except (OSError, ValueError) as error:
            reason = hidden(str(error) or type(error).__name__, password or "")
            raise SinkError(f"{self.name} cannot be reached: {reason}") from error

    def _client(self, answers: _Answers, password: str | None) -> Client:
        """A client with user, encryption and version as configured; not connected."""
        mqtt = _library()
        version = mqtt.MQTTv5 if self.protocol == "5" else mqtt.MQTTv311
        client: Client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False
        )
        client.connect_timeout = self.wait_seconds
        client.on_connect, client.on_publish = answers.on_connect, answers.on_publish
        if self.username:
            client.username_pw_set(self.username, password)
        if self.tls:
            client.tls_set_context(options.tls_context(self.ca_file))
        return client

    def _publish(self, client: Client, answers: _Answers, topic: str, payload: bytes) -> None:
        """Publish one message and wait for its confirmation."""
        info: MQTTMessageInfo = client.publish(topic, payload, qos=1, retain=False)
        try:
            info.wait_for_publish(self.wait_seconds)
        except RuntimeError as error:
            raise SinkError(f"{self.name} lost the connection") from error
        self._check(info.is_published(), answers.refusal)

    def _check(self, answered: bool, refusal: str) -> None:
        """Raise ``SinkError`` unless the broker has answered, and has not refused."""
        if refusal:
            raise SinkError(f"{self.name} refuses: {refusal}", permanent=refusal in _REFUSED)
        if not answered:
            raise SinkError(f"{self.name} did not answer within {self.wait_seconds:g} s")


class _Answers:
    """What a broker answers, as its client's thread hears it."""

    def __init__(self) -> None:
        self.connected = threading.Event()
        self.refusal = ""

    def on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self.refusal = str(code)
        self.connected.set()

    def on_publish(self, _client: Any, _data: Any, _message: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self.refusal = str(code)


def parse_broker(target: str) -> tuple[str, int, str, bool]:
    """Host, port, topic, and whether the connection is encrypted, of ``mqtt[s]://HOST[:PORT]/TOPIC``.

    Raises:
        UsageError: the text is none.
    """
    try:
        parts = urlsplit(target.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("the address of the broker cannot be read") from error
    topic = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("mqtt", "mqtts") or not host or not topic or parts.query or parts.fragment:
        raise UsageError(
            "the address of a broker must have a host and a topic",
            hint="As in mqtts://broker.local/footage/alerts.",
        )
    if parts.username is not None:
        raise UsageError(
            "the address of a broker must not hold a user name",
            hint="Use the options username=NAME and password=file:PATH.",
        )
    _check_topic(topic)
    tls = parts.scheme == "mqtts"
    return host, port or (TLS_PORT if tls else PORT), topic, tls


def _check_topic(topic: str) -> None:
    """Refuse topics that nothing can be published to."""
    if any(sign in topic for sign in "+#\0") or topic.startswith("$") or len(topic.encode()) > 1000:
        raise UsageError(
            "a topic must not have the signs + and #, begin with $, or be longer than 1,000 bytes"
        )


def _filled(topic: str, notification: Notification) -> str:
    """A topic with names in it; of a name only letters, digits, "_", "." and "-" stay."""
    camera = notification.moments[0].camera if notification.moments else ""
    for mark, value in (("{alert}", notification.alert_name), ("{camera}", camera)):
        topic = topic.replace(mark, _UNSAFE.sub("_", value)[:100] or "unknown")
    return topic


def flat(notification: Notification) -> dict[str, Any]:
    """A notification with the fields of its first moment at the top, where templates reach them easily."""
    whole = document(notification, posters=False)
    moments = whole["moments"]
    first = dict(moments[0]) if moments else {}
    first.pop("poster_jpeg", None)
    for moment in moments:
        moment.pop("poster_jpeg")
    return {
        **first,
        "version": whole["version"],
        "id": whole["id"],
        "kind": whole["kind"],
        "summary": whole["summary"],
        "alert": notification.alert_name,
        "query": notification.query,
        "sent_at": whole["sent_at"],
        "count": len(moments),
        "moments": moments,
    }


def _library() -> Any:
    """The MQTT library.

    Raises:
        DependencyError: it is not installed.
    """
    require_extra("mqtt")
    import paho.mqtt.client

    return paho.mqtt.client
