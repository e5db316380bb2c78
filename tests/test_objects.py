"""Addresses of object storage, and clients for them against a real server."""

from __future__ import annotations

import pytest
from s3_server import Fault, s3_environment

from footage.core.errors import UsageError
from footage.objects.address import ObjectAddress, is_object_address, parse_address
from footage.objects.client import object_store


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://b/k/a b.mp4", ObjectAddress("s3", "b", "k/a b.mp4")),
        ("S3://b", ObjectAddress("s3", "b", "")),
        ("gs://b/a#1?.mp4", ObjectAddress("gs", "b", "a#1?.mp4")),
    ],
)
def test_an_address_is_parsed(text, address):
    assert is_object_address(text) and parse_address(text) == address


@pytest.mark.parametrize("text", ["ftp://b/k", "s3:///k", "https://user:secret@host/k"])
def test_what_is_no_address_is_refused_without_secrets(text):
    with pytest.raises(UsageError) as failed:
        parse_address(text)
    assert "secret" not in str(failed.value)


def test_a_path_is_no_address():
    assert not any(map(is_object_address, ["/a/b", "file:///a", "s3:/a", "C:\\a"]))


def test_objects_are_read_through_faults():
    with s3_environment("films") as served:
        served.client().put_object(Bucket="films", Key="a b.bin", Body=bytes(range(200)))
        store = object_store(parse_address("s3://films/a b.bin"))
        assert store.head("a b.bin")["size"] == 200
        served.faults.append(Fault("503"))
        assert bytes(store.get_range("a b.bin", start=10, end=20)) == bytes(range(10, 20))
        assert served.requests[-1][0] == "GET" and "bytes=10-19" in served.requests[-1][2]
