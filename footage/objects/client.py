"""Opens clients of object storage, with the credentials that the usual tools of each cloud use.

Credentials come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …), or from the role of the machine.
They are never stored and never logged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from footage.objects.address import ObjectAddress

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def object_store(address: ObjectAddress) -> ObjectStore:
    """A client of the bucket of an address; clients are kept and may be used in several threads."""
    return _store(address.store_url)


@lru_cache(maxsize=64)
def _store(url: str) -> ObjectStore:
    from obstore.store import from_url

    options: dict[str, Any] = {"client_options": {"allow_http": True}}
    return from_url(url, **options)


def forget_clients() -> None:
    """Close the clients: the next ones read the environment anew."""
    _store.cache_clear()
