"""Addresses of objects and of prefixes of objects, as ``s3://bucket/clip.mp4``; opens no connection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from footage.core.errors import UsageError

SCHEMES: Final = ("s3", "gs", "az", "https", "http")
"""What an address may begin with: Amazon S3 and compatible stores, Google Cloud, Azure, any web server."""
_WEB = ("https", "http")
_UNQUOTED = "/-_.~!$&'()*+,;=:@"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """Where an object, or every object whose key begins with a prefix, is stored."""

    scheme: str
    """One of ``SCHEMES``."""
    bucket: str
    """Bucket or container; of a web server its host and port."""
    key: str
    """Key, without a slash at its beginning; empty for the whole bucket. Of a web server it is decoded."""

    def __str__(self) -> str:
        key = quote(self.key, safe=_UNQUOTED) if self.scheme in _WEB else self.key
        return f"{self.scheme}://{self.bucket}/{key}"

    @property
    def can_be_listed(self) -> bool:
        """Whether there are listings of what lies under a prefix; a web server has none."""
        return self.scheme not in _WEB

    @property
    def name(self) -> str:
        """The last part of the key, or the bucket."""
        return self.key.rstrip("/").rpartition("/")[2] or self.bucket

    @property
    def store_url(self) -> str:
        """The address of the bucket itself, or of the web server."""
        return f"{self.scheme}://{self.bucket}"

    def child(self, key: str) -> ObjectAddress:
        """The address of another key in the same bucket."""
        return ObjectAddress(self.scheme, self.bucket, key)


def is_object_address(text: object) -> bool:
    """Whether a text is an address of object storage rather than a path; ``file://`` is none."""
    found = _SCHEME.match(str(text))
    return found is not None and found[1].lower() in SCHEMES


def unknown_scheme(scheme: str) -> UsageError:
    """The error for an address that begins otherwise; it repeats no more of it, which may be a secret."""
    return UsageError(
        f"addresses that begin with {scheme or 'that'}: cannot be read",
        hint=f"An address begins with one of {', '.join(f'{each}://' for each in SCHEMES)}; "
        "anything else is a path.",
    )


def parse_address(text: str) -> ObjectAddress:
    """The address that a text spells.

    Raises:
        UsageError: It has another scheme, no bucket, user names, a query or a fragment.
    """
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise unknown_scheme(scheme)
    bucket, _, key = text.split("://", 1)[1].partition("/")
    web = scheme in _WEB
    what = ""
    if not bucket:
        what = "has no bucket"
    elif "@" in bucket:
        what = "contains a user name"
    elif web and any(mark in bucket + key for mark in "?#"):
        what = "contains a query or a fragment, which may be a secret and is never stored"
    elif any(part in ("", ".", "..") for part in key.removesuffix("/").split("/")) and key:
        what = "has an empty part, or one that is . or .."
    if what:
        form = "host/path/clip.mp4" if web else "bucket/key"
        raise UsageError(f"the address {scheme}://… {what}", hint=f"Write it as {scheme}://{form}.")
    return ObjectAddress(scheme, bucket, unquote(key) if web else key)
