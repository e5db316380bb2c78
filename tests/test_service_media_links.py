"""Addresses of clips and pictures: signed, expiring, a key for each index, and nothing of a path in them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import StoreError
from footage.core.types import Span
from service.media_links import (
    KEY_FILE,
    MEDIA_KINDS,
    LinkExpiredError,
    LinkInvalidError,
    MediaSigner,
    media_key,
    moment_address,
)

KEY = bytes(range(32))
IDS = st.from_regex(r"[\w.-]{1,64}", fullmatch=True)
TIMES = st.integers(0, 10**12).map(lambda number: number / 1e6)
SPANS = st.tuples(TIMES, TIMES).map(lambda pair: Span(*sorted(pair)))


def signer(now: float = 1_000.0, key: bytes = KEY) -> MediaSigner:
    return MediaSigner(key, clock=lambda: now)


def parts_of(address: str) -> tuple[str, str]:
    empty, media, kind, ticket = address.split("/")
    assert (empty, media) == ("", "media")
    return kind, ticket


@given(st.sampled_from(MEDIA_KINDS), IDS, SPANS, st.integers(16, 4000))
def test_an_address_says_what_it_was_made_for(kind, content_id, span, width):
    claim = signer().verified(*parts_of(signer().address(kind, content_id, span, width=width)))
    assert (claim.kind, claim.content_id, claim.width) == (kind, content_id, width)
    assert claim.span == span and claim.expires_at == 1_000 + 3_600


@given(IDS, SPANS, st.data())
def test_an_address_that_was_changed_anywhere_is_refused(content_id, span, data):
    kind, ticket = parts_of(signer().address("clip", content_id, span))
    place = data.draw(st.integers(0, len(ticket) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != ticket[place]))
    changed = data.draw(
        st.sampled_from(
            [
                ticket[:place] + other + ticket[place + 1 :],
                ticket[:place] + ticket[place + 1 :],
                ticket[:place] + other + ticket[place:],
                ticket + other,
            ]
        ).filter(lambda text: text != ticket)
    )
    with pytest.raises(LinkInvalidError):
        signer().verified(kind, changed)


@given(st.text(), st.text())
def test_any_text_may_be_checked(kind, ticket):
    with pytest.raises(LinkInvalidError):
        signer().verified(kind, ticket)


def test_an_address_is_of_its_kind_and_its_index_alone():
    kind, ticket = parts_of(signer().address("thumbnail", "video", Span(1, 2)))
    for other in ("clip", "poster", "", "Thumbnail"):
        with pytest.raises(LinkInvalidError):
            signer().verified(other, ticket)
    with pytest.raises(LinkInvalidError):
        signer(key=b"x" * 32).verified(kind, ticket)


@pytest.mark.parametrize("payload", ["", "1 2 3", "1 2 3 4", "a b c 9999999999 id", "5 2 360 9999999999 id"])
def test_a_signed_address_of_another_version_is_refused_in_a_sentence(payload):
    spelled = base64.urlsafe_b64encode(payload.encode()).rstrip(b"=").decode()
    signature = hmac.new(KEY, f"clip.{spelled}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(LinkInvalidError, match="another version"):
        signer().verified("clip", f"{spelled}.{signature}")


def test_an_address_expires_after_an_hour():
    kind, ticket = parts_of(signer(now=1_000).address("clip", "video", Span(1, 2)))
    assert signer(now=4_599).verified(kind, ticket)
    with pytest.raises(LinkExpiredError):
        signer(now=4_600).verified(kind, ticket)


def test_the_key_of_an_index_is_made_once_and_is_for_its_owner_alone(tmp_path):
    first = media_key(tmp_path)
    assert media_key(tmp_path) == first and len(first) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]
    (tmp_path / "other").mkdir()
    assert media_key(tmp_path / "other") != first


def test_a_key_that_is_none_or_cannot_be_written_is_said(tmp_path):
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(StoreError, match="no key"):
        media_key(tmp_path)
    with pytest.raises(StoreError, match="cannot be used"):
        media_key(tmp_path / "missing")


def test_the_page_of_a_moment_names_the_video_by_its_content():
    address = urlsplit(moment_address("https://cameras.example.org/", "a&b", Span(1.5, 2.25)))
    assert (address.netloc, address.path) == ("cameras.example.org", "/library")
    assert parse_qs(address.query) == {"video": ["a&b"], "start": ["1.500"], "end": ["2.250"]}
