"""An index on object storage, ``s3://…``, ``gs://…`` or ``az://…``, and its leases; knows no table."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from footage.core.errors import SourceOfflineError, StoreBusyError, StoreError, UsageError
from footage.objects.address import ObjectAddress, parse_address
from footage.objects.profiles import has_no_credentials, profile_texts
from footage.store.errors import lost, mapped
from footage.store.lease import (
    Lease,
    LeaseBody,
    LeaseHeldError,
    LeaseLostError,
    LeaseTimes,
    WrittenLease,
    decoded,
    encoded,
)
from footage.store.location import Hold, IndexLocation, busy_message, this_process

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")
"""Kinds of object storage that can write an object on conditions, and so can hold an index."""
WRITER, ANNOTATIONS = "writer", "annotations"
"""Names of the leases; each is an object ``.NAME-lease.json`` beside the tables."""
_CLOCK = ".clock"  # written to see what time the storage has
_REQUEST_SECONDS, _CONNECT_SECONDS, _RETRY_SECONDS, _RETRIES = 60, 10, 60, 6
_POLL_SECONDS = (0.05, 1.0)


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object of an index."""

    name: str
    """Its name below the address of the index."""
    size_bytes: int
    """Its size."""
    modified_ns: int
    """When it was written, nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ObjectLocation(IndexLocation):
    """A prefix of a bucket that holds an index, or is to hold one."""

    address: ObjectAddress
    """The prefix, without a slash at its end."""
    writer_times: LeaseTimes = field(default_factory=LeaseTimes)
    """How long the lease of a writer lasts."""
    annotations_times: LeaseTimes = field(default_factory=lambda: LeaseTimes(15.0, 3.0))
    """How long the lease of the annotations lasts, which is held for a few requests."""
    annotations_patience_seconds: float = 45.0
    """How long to wait for the lease of the annotations: longer than one lasts whose holder died."""

    @classmethod
    def parsed(cls, text: str) -> ObjectLocation:
        """The location that an address names.

        Raises:
            UsageError: no index can be there.
        """
        if text.partition("://")[0].lower() not in SCHEMES:
            raise UsageError(
                f"an index cannot be at an address that begins with {text.partition('://')[0].lower()}: it "
                "needs a folder of this machine, or object storage",
                hint="Name a folder with --db, or an address that begins with s3://, gs:// or az://.",
            )
        address = parse_address(text)
        return cls(address.child(address.key.rstrip("/")))

    def __str__(self) -> str:
        return str(self.address).rstrip("/")

    @property
    def place(self) -> str:
        """The address."""
        return str(self)

    @property
    def uri(self) -> str:
        """The address."""
        return str(self)

    @property
    def tables_uri(self) -> str:
        """The address."""
        return str(self)

    @property
    def storage_options(self) -> dict[str, str] | None:
        """Time limits, and what a profile of the AWS tools holds; all else comes from the environment."""
        given = os.environ.get("AWS_MAX_ATTEMPTS", "")  # counts the first one, too
        if self.address.scheme == "s3" and has_no_credentials():
            self.client()  # says so, unless a profile has some
        return {
            "allow_http": "true",
            "timeout": f"{_REQUEST_SECONDS}s",
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "client_max_retries": str(max(0, int(given) - 1) if given.isdigit() else _RETRIES),
            "client_retry_timeout": str(_RETRY_SECONDS),
            **(profile_texts() if self.address.scheme == "s3" else {}),
        }

    @property
    def keep_versions_seconds(self) -> float:
        """A query over a slow network takes longer than one on a disk."""
        return 300.0

    def client(self) -> ObjectStore:
        """A client of the bucket.

        Raises:
            StoreError: there are no credentials.
        """
        from footage.objects.client import object_store

        try:
            return object_store(self.address)
        except SourceOfflineError as error:
            raise StoreError(
                f"the index {self} cannot be used: no credentials were found", hint=error.hint
            ) from error

    def key(self, name: str) -> str:
        """The key of an object of the index, by its name below the prefix."""
        return f"{self.address.key}/{name}" if self.address.key else name

    def names(self) -> list[str]:
        """Names of the objects and of the prefixes directly below this one, so of the tables.

        Raises:
            StoreError: it cannot be listed.
        """
        import obstore

        with mapped(self):
            listed = obstore.list_with_delimiter(self.client(), self.key(""))
        keys = [*listed["common_prefixes"], *(each["path"] for each in listed["objects"])]
        return sorted(key.rstrip("/").rpartition("/")[2] for key in keys)

    def prepare(self) -> None:
        """Nothing: storage has no folders."""

    def objects(self, below: str = "") -> Iterator[ListedObject]:
        """Every object of the index, or of a part of it."""
        import obstore

        with mapped(self):
            for listed in obstore.list(self.client(), self.key(below)):
                for each in listed:
                    modified_ns = int(each["last_modified"].timestamp() * 1e9)
                    yield ListedObject(each["path"].removeprefix(self.key("")), each["size"], modified_ns)

    def size_bytes(self, table: str | None = None) -> int:
        """Size of a table, old versions included; of the whole prefix when None."""
        return sum(each.size_bytes for each in self.objects(f"{table}.lance/" if table else ""))

    def version_count(self, table: str) -> int | None:
        """How many versions of a table there are, in one request."""
        return sum(1 for _ in self.objects(f"{table}.lance/_versions/"))

    def write_lock(self) -> LeaseLock:
        """A lease: it ends by itself if its holder dies or cannot reach the storage."""
        return LeaseLock(self, WRITER, self.writer_times)

    def annotations_lock(self) -> LeaseLock:
        """As ``write_lock``, waiting for it if need be."""
        patience = self.annotations_patience_seconds
        return LeaseLock(self, ANNOTATIONS, self.annotations_times, patience_seconds=patience)


class ObjectCell:
    """The object of a lease."""

    def __init__(self, location: ObjectLocation, name: str) -> None:
        """Name the object; nothing is read yet."""
        self._location, self._key = location, location.key(name)

    def read(self) -> WrittenLease | None:
        """The object as it is; None where there is none."""
        import obstore

        with mapped(self._location):
            try:
                found = obstore.get(self._location.client(), self._key)
                body = bytes(found.bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None
            meta = found.meta
        return WrittenLease(decoded(body), _tag_of(meta), meta["last_modified"].timestamp())

    def create(self, body: LeaseBody) -> str | None:
        """Write it where there is none; its tag, or None where there is one."""
        return self._put(body, "create")

    def replace(self, body: LeaseBody, tag: str) -> str | None:
        """Write it in the place of the one with this tag; its tag, or None where that is gone."""
        e_tag, _, version = tag.partition("\n")
        named = {"e_tag": e_tag, "version": version}
        return self._put(body, {name: value for name, value in named.items() if value})

    def _put(self, body: LeaseBody, mode: Any) -> str | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with mapped(self._location):
            try:
                put = obstore.put(self._location.client(), self._key, encoded(body), mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return None
        return _tag_of(put)

    def now_seconds(self) -> float:
        """The time on the storage's clock: that of an object that is written now."""
        import obstore

        client, key = self._location.client(), self._location.key(_CLOCK)
        with mapped(self._location):
            obstore.put(client, key, b"")
            return obstore.head(client, key)["last_modified"].timestamp()


def _tag_of(found: Any) -> str:
    """What names the state of an object: S3 and Azure compare the tag, Google the version."""
    return f"{found['e_tag'] or ''}\n{found['version'] or ''}"


class LeaseLock:
    """A lock that is a lease; one thread may take it several times over."""

    def __init__(
        self, location: ObjectLocation, name: str, times: LeaseTimes, *, patience_seconds: float | None = None
    ) -> None:
        """Name the lease; nothing is held yet.

        Args:
            location: The index.
            name: Names the lease.
            times: How long it lasts.
            patience_seconds: How long to wait for another holder; None for not at all.
        """
        self._location, self._times = location, times
        self._patience_seconds = patience_seconds
        self._cell = ObjectCell(location, f".{name}-lease.json")
        self._lease: Lease | None = None
        self._thread = 0

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Hold the lease, and renew it meanwhile.

        Raises:
            StoreBusyError: another process holds it.
            StoreError: the storage does not answer, or another process has held it for too long.
        """
        if self._lease is not None and self._thread == threading.get_ident():
            yield Hold(is_first=False)
            return
        lease = Lease(self._cell, holder=this_process(), times=self._times)
        try:
            self._acquire(lease)
            self._lease, self._thread = lease, threading.get_ident()
            lease.start_renewing()
            yield Hold(is_first=True, is_fence_due=lease.is_fence_due)
        finally:
            self._lease = None
            lease.release()

    def _acquire(self, lease: Lease) -> None:
        began, wait = time.monotonic(), _POLL_SECONDS[0]
        while True:
            try:
                lease.acquire()
                return
            except LeaseHeldError as error:
                if self._patience_seconds is None:
                    raise StoreBusyError(
                        busy_message(self._location, error.held.holder),
                        hint="Wait until it ends, stop it, or use another --db. If it is dead, the index is "
                        f"free in {max(1, round(error.ends_in_seconds))} s.",
                    ) from error
                if time.monotonic() - began > self._patience_seconds:
                    raise StoreError(
                        f"another process has been writing annotations to the index {self._location} for "
                        f"{self._patience_seconds:g} s: {error.held.holder}",
                        hint="Check if that process hangs, and try again.",
                    ) from error
            time.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, _POLL_SECONDS[1])

    def check(self) -> None:
        """Make sure that this process holds the lease.

        Raises:
            StoreError: it does not, or not any more.
        """
        with self._held() as lease:
            lease.check()

    def renew(self) -> None:
        """Hold the lease for its whole time from now on; errors as ``check``."""
        with self._held() as lease:
            lease.renew()

    def note_fenced(self) -> None:
        """Note that earlier holders are shut out; errors as ``check``."""
        with self._held() as lease:
            lease.note_fenced()

    @contextmanager
    def _held(self) -> Iterator[Lease]:
        lease = self._lease
        if lease is None:
            raise StoreError(
                f"the index {self._location} was to be written without its lease",
                hint="Report this with the command that you ran.",
            )
        try:
            yield lease
        except LeaseLostError as error:
            raise lost(self._location) from error
