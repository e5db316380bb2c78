"""Looks at objects, lists them and reads parts of them; words what goes wrong in one sentence each.

Every request is repeated by the client (``footage.objects.client``). A refused credential is read anew once.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from footage.core.errors import FootageError, SourceOfflineError, VideoError, VideoNotFoundError
from footage.objects.address import ObjectAddress
from footage.objects.client import forget_clients, no_credentials, object_store

if TYPE_CHECKING:
    from obstore import ObjectMeta

T = TypeVar("T")
LOOK_SECONDS = 3.0
"""For how long the status of an object is remembered."""
AWAY_SECONDS = 15.0
"""For how long it is remembered that a store is away: each question of it takes all its retries."""
_RENEW_SECONDS = 10.0
_MOST_REMEMBERED = 10_000
_MICROSECONDS = 1_000_000
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_ODD_KEY = re.compile(r'Path "(.*?)"(?: contained |: Encountered )', re.DOTALL)
_ODD_PLACE = re.compile(r"(?:(?<=/)|^)\.{0,2}/|[\x00-\x1f\x7f]")
_MOST_ODD_KEYS = 100
_REFUSALS = (
    "ExpiredToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "TokenRefresh",
)
_METADATA = re.compile(r"169\.254\.16[89]\.254|169\.254\.170\.2|EC2MetadataError|metadata\.google")
"""Where clients ask for the role of the machine."""
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_NO_BUCKET_HINT = "Check the name of the bucket, and the endpoint (AWS_ENDPOINT_URL) if it is not on AWS."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """An object as its store describes it; the same for the same version."""

    address: ObjectAddress
    """Where it is stored."""
    size_bytes: int
    """Size."""
    e_tag: str
    """What the store calls this version of it; may be empty."""
    stored_at: datetime
    """When it was stored."""

    @property
    def modified_at(self) -> float:
        """When it was stored, seconds since the epoch.

        Stores name the second alone; the microseconds are those of its ETag, so that another version that is
        stored within the same second has another time.
        """
        return int(self.stored_at.timestamp()) + self._microseconds / _MICROSECONDS

    @property
    def modified_ns(self) -> int:
        """``modified_at`` in nanoseconds."""
        return int(self.stored_at.timestamp()) * 1_000_000_000 + self._microseconds * 1000

    @property
    def _microseconds(self) -> int:
        return zlib.crc32(self.e_tag.encode()) % _MICROSECONDS if self.e_tag else 0


@dataclass(frozen=True, slots=True)
class UnlistedFolder:
    """A folder that cannot be listed whole: its store holds a key in it that the client refuses."""

    address: ObjectAddress
    """The folder."""
    odd_key: str
    """The key, or where it begins, control characters escaped; empty where it is unknown."""

    @property
    def reason(self) -> str:
        """Why it cannot be listed."""
        named = f"the key {self.odd_key}" if self.odd_key else "a key in it"
        return (
            f"{named} has an empty part, one that is . or .., or a control character; objects that are "
            "sorted before it may be missing"
        )


class _Remembered:
    """What was asked for lately: one question of many answers a search needs only one request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, ObjectStatus | VideoError]] = {}

    def get(self, key: str) -> ObjectStatus | VideoError | None:
        """What is known of an address, or of a store, and not too old."""
        with self._lock:
            at, found = self._known.get(key, (0.0, None))
        seconds = AWAY_SECONDS if isinstance(found, SourceOfflineError) else LOOK_SECONDS
        return found if time.monotonic() - at < seconds else None

    def put(self, key: str, found: ObjectStatus | VideoError) -> None:
        """Remember something."""
        with self._lock:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = time.monotonic(), found

    def drop(self, key: str) -> None:
        """Forget something."""
        with self._lock:
            self._known.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()


_remembered = _Remembered()


def forget_statuses() -> None:
    """Ask anew for whatever is asked for next."""
    _remembered.clear()


def look_at(address: ObjectAddress) -> ObjectStatus:
    """The status of an object, at most ``LOOK_SECONDS`` old.

    Raises:
        SourceOfflineError: The store cannot be reached, or denies access.
        VideoNotFoundError: There is no such object.
    """
    found = _remembered.get(str(address)) or _remembered.get(address.store_url)
    if found is None:
        try:
            meta = _asked(address, lambda: object_store(address).head(address.key))
            found = _status(address, meta)
        except SourceOfflineError as error:
            _remembered.put(address.store_url, error)
            raise
        except VideoError as error:
            found = _missing_bucket(address) or error
        _remembered.put(str(address), found)
    if isinstance(found, VideoError):
        raise type(found)(str(found), hint=found.hint)
    return found


def _missing_bucket(address: ObjectAddress) -> SourceOfflineError | None:
    """The error of a bucket that does not exist: the answer to a HEAD is that of an object which does not.

    Asked of a store that has not answered lately.
    """
    import obstore
    from obstore.exceptions import InvalidPathError

    if not address.can_be_listed or time.monotonic() - _answered.get(address.store_url, -1e9) < AWAY_SECONDS:
        return None
    pages = obstore.list(object_store(address), address.key, chunk_size=1)
    try:
        _asked(address, lambda: next(iter(pages), None), renew=False)
    except SourceOfflineError as error:
        return error if error.hint == _NO_BUCKET_HINT else None
    except InvalidPathError:
        pass
    return None


def objects_under(address: ObjectAddress) -> Iterator[ObjectStatus | UnlistedFolder]:
    """The objects below a prefix, folders in the order of keys, and the folders that cannot be listed whole.

    Some of what lies in such a folder is unknown, objects further down included.

    Raises:
        SourceOfflineError: The store cannot be reached, denies access, or has no such bucket.
    """
    import obstore
    from obstore.exceptions import InvalidPathError

    prefix = address.key.rstrip("/")
    try:
        for page in _pages(address, lambda: iter(obstore.list(object_store(address), prefix or None))):
            for meta in page:
                yield _status(address.child(meta["path"]), meta)
    except InvalidPathError:  # one odd key ends a listing
        yield from _folder_by_folder(address.child(prefix))


def _pages(address: ObjectAddress, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """The pages of a listing; only the first one is asked for again with renewed credentials."""
    pages: Iterator[Any] = iter(())

    def first() -> Any:
        nonlocal pages
        pages = begin()
        return next(pages, None)

    page = _asked(address, first)
    while page is not None:
        yield page
        page = _asked(address, lambda: next(pages, None), renew=False)


def _folder_by_folder(address: ObjectAddress) -> Iterator[ObjectStatus | UnlistedFolder]:
    import obstore
    from obstore.exceptions import InvalidPathError

    try:
        found = _asked(
            address, lambda: obstore.list_with_delimiter(object_store(address), address.key or None)
        )
    except InvalidPathError as error:
        odd_key = _odd_key(error)
        yield UnlistedFolder(address, _escaped(odd_key))
        yield from _behind(address, odd_key)
        return
    for meta in found["objects"]:
        yield _status(address.child(meta["path"]), meta)
    for folder in found["common_prefixes"]:
        yield from _folder_by_folder(address.child(folder.rstrip("/")))


def _behind(address: ObjectAddress, odd_key: str) -> Iterator[ObjectStatus | UnlistedFolder]:
    """What lies under a prefix behind an odd key, in the order of keys, other odd keys left out.

    What comes before it cannot be had: an odd key spoils the page of the listing that it is on.
    """
    import obstore
    from obstore.exceptions import InvalidPathError

    offset = _next_key(odd_key)
    for _ in range(_MOST_ODD_KEYS if offset else 0):
        listed = partial(obstore.list, object_store(address), address.key or None, offset=offset)
        try:
            for page in _pages(address, lambda listed=listed: iter(listed())):  # type: ignore[misc]
                for meta in page:
                    yield _status(address.child(meta["path"]), meta)
            return
        except InvalidPathError as error:
            odd_key = _odd_key(error)
            if _next_key(odd_key) <= offset:  # a store that knows no offsets
                return
            offset = _next_key(odd_key)
            yield UnlistedFolder(address, _escaped(odd_key))


def _odd_key(error: Exception) -> str:
    """The key that ended a listing, or its beginning; empty where the error does not name it."""
    named = _ODD_KEY.search(str(error).partition("Debug source")[0])
    return named[1] if named else ""


def _next_key(odd_key: str) -> str:
    """A usable key behind all those that are odd in the same place; empty where there is none.

    Between the two lie hidden names and names without an extension alone.
    """
    if not (found := _ODD_PLACE.search(odd_key)):
        return ""
    before, odd = odd_key[: found.start()], found[0]
    if odd.isascii() and not odd.isprintable() and odd != "\x7f":
        return before + " "
    return before + odd.rstrip("/") + "0" if "/" in odd else ""


def _escaped(key: str) -> str:
    """A key as it can be printed."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in key
    )


def object_names(folder: ObjectAddress) -> list[str]:
    """The names of the objects in a folder; none where the store has no listings.

    Raises:
        VideoError: It cannot be listed.
    """
    import obstore
    from obstore.exceptions import InvalidPathError

    if not folder.can_be_listed:
        return []
    try:
        found = _asked(folder, lambda: obstore.list_with_delimiter(object_store(folder), folder.key or None))
    except InvalidPathError:  # those that can be listed
        keys = [each.address.key for each in objects_under(folder) if isinstance(each, ObjectStatus)]
        depth = folder.key.rstrip("/").count("/") + 1 if folder.key else 0
        return [key.rpartition("/")[2] for key in keys if key.count("/") == depth]
    return [meta["path"].rpartition("/")[2] for meta in found["objects"]]


def read_part(status: ObjectStatus, start: int, stop: int) -> bytes:
    """Some bytes of one version of an object.

    Raises:
        SourceOfflineError: The store cannot be reached, or denies access.
        VideoNotFoundError: The object is no longer there.
        VideoError: It is another version by now.
    """
    import obstore

    address = status.address

    def get() -> bytes:
        options: dict[str, Any] = {"range": (start, stop)}
        if status.e_tag and not status.e_tag.startswith("W/"):
            options["if_match"] = status.e_tag
        found = obstore.get(object_store(address), address.key, options=options)  # type: ignore[arg-type]
        if (found.meta["e_tag"] or "") != status.e_tag or found.meta["size"] != status.size_bytes:
            raise _changed(address)
        return bytes(found.bytes())

    try:
        part = _asked(address, get)
    except VideoError:
        _remembered.drop(str(address))
        raise
    if len(part) != stop - start:
        raise SourceOfflineError(f"{address} cannot be read: the server sends fewer bytes than requested")
    return part


def _status(address: ObjectAddress, meta: ObjectMeta) -> ObjectStatus:
    return ObjectStatus(address, meta["size"], meta["e_tag"] or "", meta["last_modified"])


_renewed: dict[str, float] = {}
_answered: dict[str, float] = {}
"""When stores last answered as they should, by ``store_url``."""


def _asked(address: ObjectAddress, ask: Callable[[], T], *, renew: bool = True) -> T:
    """What a request brings; credentials that are refused are read anew once.

    Raises:
        VideoError: Instead of what the client raises, except for keys that cannot be listed.
    """
    from obstore.exceptions import InvalidPathError

    try:
        answer = ask()
        _answered[address.store_url] = time.monotonic()
        return answer
    except (FootageError, InvalidPathError):
        raise
    except Exception as exc:
        error, refused = _worded(address, exc)
        now = time.monotonic()
        if not (renew and refused and now - _renewed.get(address.store_url, -1e9) > _RENEW_SECONDS):
            raise error from None  # the text of the cause may hold addresses with secrets
        _renewed[address.store_url] = now
    log.info("%s: access was denied; credentials are read anew", address.store_url)
    forget_clients()
    return _asked(address, ask, renew=False)


def _worded(address: ObjectAddress, exc: Exception) -> tuple[VideoError, bool]:
    """What went wrong, in a sentence, and whether credentials were refused."""
    from obstore.exceptions import PermissionDeniedError, PreconditionError, UnauthenticatedError

    text = str(exc).partition("Debug source")[0]
    status, code = _STATUS.search(text), _CODE.search(text)
    if any(each in text for each in _NO_BUCKET):
        return SourceOfflineError(
            f"{address} cannot be read: there is no bucket {address.bucket}",
            hint=_NO_BUCKET_HINT,
        ), False
    if isinstance(exc, FileNotFoundError):
        return VideoNotFoundError(f"{address} does not exist"), False
    if isinstance(exc, PreconditionError):
        return _changed(address), False
    refused = isinstance(exc, PermissionDeniedError | UnauthenticatedError) or any(
        each in text for each in _REFUSALS
    )
    if _METADATA.search(text):  # what is asked where there are no keys
        return no_credentials(address), True
    # What is wrong is not said in the answer to HEAD; expired credentials are a bad request.
    refused = refused or (status is not None and status[1] == "400" and code is None)
    refused = refused or (status is not None and status[1] in ("401", "403"))
    if refused or "credential" in text.lower():
        return SourceOfflineError(
            f"{address} cannot be read: access was denied",
            hint="Check the credentials in the environment, such as AWS_ACCESS_KEY_ID or AWS_PROFILE, and "
            "their permissions.",
        ), True
    if status is not None:
        said = f"{status[1]} ({code[1]})" if code else status[1]
        return SourceOfflineError(
            f"{address} cannot be read: the server answers with {said}",
            hint="Run the command again later: what is done is kept.",
        ), False
    if isinstance(exc, NotImplementedError) or "range" in text.lower():
        return VideoError(
            f"{address} cannot be read: the server sends no parts of files (no range requests)",
            hint="Download the file, and index the copy.",
        ), False
    return SourceOfflineError(
        f"{address} cannot be read: the server cannot be reached",
        hint="Check the network, and the endpoint (AWS_ENDPOINT_URL) if it is not on AWS.",
    ), False


def _changed(address: ObjectAddress) -> VideoError:
    return VideoError(f"{address} changed while it was read", hint="Run the command again.")
