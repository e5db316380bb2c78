"""What a person may get wrong about object storage: endpoints, credentials, buckets, addresses."""

from __future__ import annotations

import os

import pytest
from s3_server import s3_environment

from footage.core.errors import SourceOfflineError, StoreError, UsageError, VideoError
from footage.media import sandbox
from footage.objects import client, requests
from footage.objects.paths import ObjectPath, typed_path
from footage.store import Store


@pytest.fixture(scope="module")
def server():
    with s3_environment("films") as served:
        yield served


@pytest.fixture
def bare(server, monkeypatch):
    """An environment without anything of the AWS tools, and clients that read it anew."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    client.forget_clients()
    requests.forget_statuses()
    yield monkeypatch
    client.forget_clients()
    requests.forget_statuses()


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("hunter2:9", "must begin with http:// or https://"),
        ("http://", "is no valid address"),
        ("http://hunter2:99999", "is no valid address"),
        ("http://[::hunter2", "is no valid address"),
        ("http://hunter2 b/", "is no valid address"),
    ],
)
def test_an_endpoint_that_is_no_address_is_one_sentence(bare, variable, value, what):
    bare.setenv(variable, value)
    reads = (
        lambda: requests.look_at(ObjectPath("s3://films/a.mp4").address),
        lambda: Store.open("s3://films/library"),
    )
    for read in reads:
        with pytest.raises(UsageError, match=f"{variable} {what}") as failed:
            read()
        assert "hunter2" not in f"{failed.value} {failed.value.hint}"


def test_no_credentials_are_named_and_no_metadata_service_is_asked(bare, server):
    bare.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare.setenv("AWS_ENDPOINT_URL", server.endpoint)
    with pytest.raises(SourceOfflineError, match="s3://films cannot be read: no credentials were found"):
        requests.look_at(ObjectPath("s3://films/a.mp4").address)
    with pytest.raises(StoreError, match="s3://films/library cannot be used: no credentials were found"):
        Store.open("s3://films/library")
    bare.setenv("AWS_SKIP_SIGNATURE", "true")
    requests.forget_statuses()
    with pytest.raises(VideoError, match="does not exist"):
        requests.look_at(ObjectPath("s3://films/a.mp4").address)


def test_a_missing_bucket_is_named_also_for_one_object(server):
    requests.forget_statuses()
    with pytest.raises(SourceOfflineError, match="there is no bucket nobucket"):
        sandbox.probe("s3://nobucket/x.mp4")
    with pytest.raises(VideoError, match=r"s3://films/none\.mp4 does not exist"):
        sandbox.probe("s3://films/none.mp4")


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("ftp://u:hunter2@x/y.mp4", "addresses that begin with ftp: cannot be read"),
        ("s3a://hunter2/y.mp4", "addresses that begin with s3a: cannot be read"),
        ("s3:/studio/hunter2", "an address that begins with s3: needs two slashes"),
    ],
)
def test_an_unknown_address_is_no_path_and_is_not_repeated(typed, what, tmp_path, monkeypatch):
    from service.index import IndexRequest
    from service.locators import parse_locator

    for read in (typed_path, parse_locator, lambda text: IndexRequest(paths=(text,))):
        with pytest.raises(UsageError, match=what) as failed:
            read(typed)
        assert "hunter2" not in f"{failed.value} {failed.value.hint}"
    monkeypatch.chdir(tmp_path)
    scheme, _, rest = typed.partition(":/")
    place = tmp_path / f"{scheme}:" / rest.strip("/")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    assert typed_path(typed).samefile(place)
