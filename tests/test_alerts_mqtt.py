"""Alerts over MQTT, published to a real broker on this machine."""

from __future__ import annotations

import gc
import getpass
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from alert_samples import HOSTILE, jpeg, moment, notification
from hypothesis import given
from hypothesis import strategies as st
from tls_certificates import make_certificates
from waiting import wait_until

from footage.core.alerts import SinkConfig
from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import make_sink
from service.alerts.sinks.mqtt import parse_broker

PASSWORD = "correct horse"


@dataclass
class Broker:
    """A broker that takes one user; port with TLS and port without."""

    port: int
    tls_port: int
    ca_file: Path
    password: str


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    program = shutil.which(
        "mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin"
    )
    if program is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("needs the broker mosquitto")
    folder = make_certificates(tmp_path_factory.mktemp("broker"))
    port, tls_port = free_port(), free_port()
    subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "users", "me", PASSWORD], check=True)
    (folder / "acl").write_text("user me\ntopic readwrite footage/#\n")
    (folder / "conf").write_text(
        f"""
user {getpass.getuser()}
per_listener_settings false
allow_anonymous false
password_file {folder / "users"}
acl_file {folder / "acl"}
persistence false
listener {port} 127.0.0.1
listener {tls_port} 127.0.0.1
certfile {folder / "server.crt"}
keyfile {folder / "server.key"}
"""
    )
    with subprocess.Popen([program, "-c", folder / "conf"], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(port) and listens(tls_port), seconds=20)
            yield Broker(port, tls_port, folder / "ca.crt", PASSWORD)
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def password(monkeypatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)


def sink(target: str, **options: str):
    return make_sink(SinkConfig("mqtt", target, options=tuple(options.items())))


def own(broker: Broker, topic: str, **options: str):
    user = {"username": "me", "password": "env:MQTT_PASSWORD"}
    return sink(f"mqtt://127.0.0.1:{broker.port}/{topic}", **{**user, **options})


@contextmanager
def listening(broker: Broker, topic: str) -> Iterator[list[mqtt.MQTTMessage]]:
    """The messages that a subscriber gets."""
    got: list[mqtt.MQTTMessage] = []
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set("me", broker.password)
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: got.append(message)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert ready.wait(20)
        yield got
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_message_has_the_first_moment_at_the_top_and_is_not_retained(broker, protocol):
    with listening(broker, "footage/#") as got:
        own(broker, "footage/gate/vans", protocol=protocol).send(notification(moment(1), moment(2)))
        wait_until(lambda: got)
    [message] = got
    sent = json.loads(message.payload)
    assert (message.topic, message.qos, message.retain) == ("footage/gate/vans", 1, False)
    assert (sent["id"], sent["kind"], sent["alert"], sent["count"]) == ("n1", "digest", "Vans", 2)
    assert (sent["camera"], sent["verdict"], sent["confidence"]) == ("gate", "found", 0.91)
    assert sent["starts_at"] == "2026-05-01T18:00:12.500000+02:00"
    assert [each["id"] for each in sent["moments"]] == ["m1", "m2"]
    assert b"/srv/private" not in message.payload
    with listening(broker, "footage/#") as later:
        own(broker, "footage/other").send(notification())
        wait_until(lambda: later)
    assert [each.topic for each in later] == ["footage/other"]  # the first was not kept


def test_names_in_topics_and_a_picture(broker):
    with listening(broker, "footage/#") as got:
        hostile = moment(camera="../gate/#+\0")
        own(broker, "footage/{camera}/{alert}", image_topic="footage/{camera}/picture").send(
            notification(hostile, alert_name="white vans")
        )
        wait_until(lambda: len(got) == 2)
    assert {message.topic for message in got} == {"footage/.._gate_/white_vans", "footage/.._gate_/picture"}
    [picture] = [message for message in got if message.topic.endswith("picture")]
    assert picture.payload == jpeg()


def test_a_test_is_sent_without_a_moment(broker):
    with listening(broker, "footage/#") as got:
        own(broker, "footage/{camera}").send(notification(kind="test", moments=(), posters={}, links={}))
        wait_until(lambda: got)
    sent = json.loads(got[0].payload)
    assert (got[0].topic, sent["kind"], sent["count"], sent["moments"]) == ("footage/unknown", "test", 0, [])


def test_hostile_text_is_json_text(broker):
    with listening(broker, "footage/#") as got:
        own(broker, "footage/x").send(notification(moment(text=HOSTILE)))
        wait_until(lambda: got)
    assert json.loads(got[0].payload)["text"] == HOSTILE


def test_encrypted_with_a_certificate_of_an_own_authority(broker):
    user = {"username": "me", "password": "env:MQTT_PASSWORD"}
    target = f"mqtts://localhost:{broker.tls_port}/footage/tls"
    with listening(broker, "footage/#") as got:
        sink(target, ca_file=str(broker.ca_file), **user).send(notification())
        wait_until(lambda: got)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_an_unknown_authority_is_refused(broker):
    with pytest.raises(SinkError, match="certificate"):
        sink(f"mqtts://localhost:{broker.tls_port}/footage/tls").send(notification())
    gc.collect()  # paho leaves the socket of a failed handshake to the collector


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_final_and_in_no_message(broker, monkeypatch, protocol):
    monkeypatch.setenv("MQTT_PASSWORD", "a wrong password")
    with pytest.raises(SinkError, match="refuses") as found:
        own(broker, "footage/x", protocol=protocol).send(notification())
    assert found.value.permanent and "wrong password" not in str(found.value)


def test_a_topic_that_the_user_may_not_write_is_final(broker):
    with pytest.raises(SinkError, match="Not authorized") as found:
        own(broker, "private/x").send(notification())
    assert found.value.permanent


def test_a_broker_that_is_away_is_tried_again_later():
    with pytest.raises(SinkError, match="cannot be reached") as found:
        sink(f"mqtt://127.0.0.1:{free_port()}/footage/x").send(notification())
    assert not found.value.permanent


def test_a_server_that_says_nothing_does_not_hold_a_delivery():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"mqtt://127.0.0.1:{silent.getsockname()[1]}/footage/x"
        with pytest.raises(SinkError, match="did not answer") as found:
            replace(sink(target), wait_seconds=0.3).send(notification())
    assert not found.value.permanent


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("", {}),
        ("mqtt://broker.local", {}),
        ("mqtt://broker.local/", {}),
        ("http://broker.local/x", {}),
        ("mqtt://me:hunter22@broker.local/x", {}),
        ("mqtt://broker.local/x/%23", {}),
        ("mqtt://broker.local/+/x", {}),
        ("mqtt://broker.local/$SYS/x", {}),
        ("mqtt://broker.local/x", {"password": "hunter22"}),
        ("mqtt://broker.local/x", {"protocol": "4"}),
        ("mqtt://broker.local/x", {"image_topic": "#"}),
        ("mqtt://broker.local/x", {"retain": "yes"}),
    ],
)
def test_configurations_that_are_refused(target, options):
    with pytest.raises(UsageError) as found:
        sink(target, **options)
    assert "hunter22" not in f"{found.value} {found.value.hint}"


@given(st.text(max_size=60))
def test_texts_are_brokers_or_one_sentence(text):
    for target in (text, f"mqtt://{text}", f"mqtt://broker.local/{text}"):
        try:
            host, port, topic, _ = parse_broker(target)
        except UsageError:
            continue
        assert host and topic and 0 < port < 65_536 and not set("+#\0") & set(topic)
