"""Turns what LanceDB, the disk and object storage raise into the project's own errors, in this one place."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from footage.core.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError
from footage.objects.address import is_object_address

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file exceeds the size limit of the disk",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}
RESTORE = "`footage db check --repair` recovers all readable data; or restore the index from a backup."
"""Hint for a broken index."""
_RUST_NOISE = re.compile(r"^lance error: LanceError\(\w+\): |, /\S+\.rs:\d+:\d+")
_PANICS = ("PanicException", "RustPanic")  # of pyo3 and of its runtime for asynchronous calls
_OPEN_FILES = (errno.EMFILE, errno.ENFILE)


@contextmanager
def mapped(place: object) -> Iterator[None]:
    """Run calls of LanceDB on the index at a place; their exceptions become a ``StoreError``.

    Args:
        place: A path, an address or a location; ``str`` of it names it.

    LanceDB reports errors of the operating system as text ("... (os error 28)") in a ``RuntimeError``, and a
    broken file as ``RuntimeError``, ``ValueError``, ``OSError`` or a panic of its Rust core.

    Raises:
        StoreFullError: the disk is full, over quota or may not be written.
        StoreCorruptError: the files there cannot be read as an index.
        StoreError: the system's limit of open files is reached, or object storage does not do its part.
    """
    try:
        yield
    except StoreError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        raise translate(error, place) from error
    except BaseException as error:
        kind = type(error)  # these cannot be imported to be named here, or only slowly
        if kind.__name__ not in _PANICS and not kind.__module__.startswith(("pyarrow", "obstore")):
            raise
        raise translate(error, place) from error


def translate(error: BaseException, place: object) -> StoreError:
    """The error of this project for a foreign one, for the index at a place."""
    text = str(error)
    if is_object_address(place) and (found := _of_storage(text, place)):
        return found
    number = getattr(error, "errno", None)
    for code, why in _FULL.items():
        if number == code or f"(os error {code})" in text:
            return StoreFullError(
                f"the index {place} could not be written: {why}",
                hint="Free some space, or choose another folder with --db. Then run the same command again; "
                "no captions are lost.",
            )
    if any(number == code or f"(os error {code})" in text for code in _OPEN_FILES):
        return StoreError(
            f"the index {place} could not be read: too many files are open",
            hint="Raise the limit with `ulimit -n 4096` and run the same command again.",
        )
    first_line = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    reason = _RUST_NOISE.sub("", first_line)[:200]
    return StoreCorruptError(
        f"the index {place} cannot be read: {reason}",
        hint=RESTORE,
    )


_STORAGE = (
    (
        re.compile("NoSuchBucket|ContainerNotFound|specified bucket does not exist"),
        "its bucket does not exist",
        "Make the bucket, or check the address and, where it is set, AWS_ENDPOINT_URL.",
    ),
    (
        re.compile(r"169\.254\.(?:16[89]\.254|170\.2)|metadata\.google"),
        "no credentials were found",
        "Set those of the storage in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or AWS_PROFILE. No captions are lost.",
    ),
    (
        re.compile(
            r"AccessDenied|lacked the necessary privileges|ExpiredToken|InvalidAccessKeyId|"
            r"SignatureDoesNotMatch|[Cc]redential|status(?: code)?: 40[13]\b|Unauthenticated"
        ),
        "the storage refuses access",
        "Check the credentials in the environment, and what they allow. No captions are lost.",
    ),
    (
        re.compile(r"SlowDown|TooManyRequests|status(?: code)?: (?:429|5\d\d)\b"),
        "the storage is overloaded or has an error",
        "Run the same command again in a while. No captions are lost.",
    ),
    (
        re.compile(
            "error sending request|HTTP error|HttpError|reqwest|RetryError|timed out|IncompleteBody|"
            "[Cc]onnect"
        ),
        "the storage cannot be reached",
        "Check the network and, where it is set, AWS_ENDPOINT_URL; then run the same command again. No "
        "captions are lost.",
    ),
)
"""What the texts of storage clients contain, what it means, and what to do."""
_FENCED = re.compile(
    "transaction is incompatible with concurrent transaction Restore|Too many concurrent writers"
)
"""What LanceDB says where another process has committed to a table that only one may write to."""


def _of_storage(text: str, place: object) -> StoreError | None:
    """The error for what object storage answers, or does not; None where that is no fault of it."""
    if _FENCED.search(text):
        return lost(place)
    for pattern, what, hint in _STORAGE:
        if pattern.search(text):
            return StoreError(f"the index {place} cannot be used: {what}", hint=hint)
    return None


def lost(place: object) -> StoreBusyError:
    """The error of a writer whose index another one has taken over."""
    return StoreBusyError(
        f"this run has lost the index {place}: it was paused or cut off for too long, and another run may "
        "write to it now",
        hint="What was committed before is kept. Run the same command again to go on.",
    )
