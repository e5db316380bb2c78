"""Opens clients of object storage, with the credentials that the usual tools of each cloud use.

Credentials come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …), from a profile of the AWS tools
(``footage.objects.profiles``), or from the role of the machine.
They are never stored and never logged.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from footage.core.errors import SourceOfflineError
from footage.objects.address import ObjectAddress
from footage.objects.profiles import has_no_credentials, profile_options

if TYPE_CHECKING:
    from obstore.store import ObjectStore

CONNECT_TIMEOUT, READ_TIMEOUT = timedelta(seconds=10), timedelta(seconds=20)
"""Longest wait for a connection, and for the next bytes."""
REQUEST_TIMEOUT, RETRY_TIMEOUT = timedelta(seconds=90), timedelta(seconds=60)
"""Longest time of one request, and after which a failed one is not repeated."""
MOST_RETRIES = 6
"""How often a request is repeated after 429, 5xx, a cut or refused connection: with exponential backoff and
jitter."""

_CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket "
    "AWS_SKIP_SIGNATURE=true.",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS.",
    "az": "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or a SAS token.",
}


def object_store(address: ObjectAddress) -> ObjectStore:
    """A client of the bucket of an address; clients are kept and may be used in several threads.

    Raises:
        UsageError: A profile or an endpoint in the environment cannot be used.
        SourceOfflineError: There are no credentials.
    """
    return _store(address.store_url)


@lru_cache(maxsize=64)
def _store(url: str) -> ObjectStore:
    from obstore.store import from_url

    options: dict[str, Any] = {
        "client_options": {
            "allow_http": True,
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": READ_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        },
        "retry_config": {
            "max_retries": _most_retries(),
            "retry_timeout": RETRY_TIMEOUT,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=8),
                "base": 2,
            },
        },
    }
    if url.startswith("s3://"):
        found = profile_options()
        options |= found
        if has_no_credentials() and not found.keys() & {"access_key_id", "credential_provider"}:
            raise no_credentials(url)
    return from_url(url, **options)


def no_credentials(place: object) -> SourceOfflineError:
    """The error for a place that is to be read without credentials."""
    hint = _CREDENTIALS.get(str(place).partition("://")[0], "Set those of its store in the environment.")
    return SourceOfflineError(f"{place} cannot be read: no credentials were found", hint=hint)


def _most_retries() -> int:
    """How often a request is repeated; the variable of the AWS tools counts the first try as well."""
    given = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return max(0, int(given) - 1) if given.isdigit() else MOST_RETRIES


def forget_clients() -> None:
    """Close the clients: the next ones read the environment anew."""
    _store.cache_clear()
