"""Recognises video and image files by their kind and first bytes; knows no codec and no FFmpeg.

FFmpeg chooses a reader by content, whatever the file is called. Playlists, manifests and scripts are among
the things it reads, and those name other files and addresses. Only containers of pictures pass here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from footage.core.errors import NotAVideoError, VideoError, VideoNotFoundError
from footage.objects.blocks import ObjectFile
from footage.objects.paths import ObjectPath, located, media_path, status_of

HEAD_BYTES = 65536
"""How much of a file is looked at."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp")
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"jxl ")
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_MXF_PARTITION = bytes.fromhex("060e2b34020501010d010201")

_REACHES_OUT = "which can refer to other files and addresses; footage opens only video files"
_TEXT_KINDS = (
    (b"#extm3u", f"is an HLS playlist, {_REACHES_OUT}"),
    (b"ffconcat", f"is a concat script, {_REACHES_OUT}"),
    (b"<mpd", f"is a DASH manifest, {_REACHES_OUT}"),
    (b"<smoothstreamingmedia", f"is a streaming manifest, {_REACHES_OUT}"),
    (b"c=in ip", f"is an SDP session description, {_REACHES_OUT}"),
    (b"[playlist]", f"is a playlist, {_REACHES_OUT}"),
    (b"[reference]", f"is a playlist, {_REACHES_OUT}"),
)
_BINARY_KINDS = (
    (b"\xff\xd8\xff", "is a JPEG image, not a video"),
    (b"\x89PNG", "is a PNG image, not a video"),
    (b"GIF8", "is a GIF image, not a video"),
    (b"II*\0", "is a TIFF image, not a video"),
    (b"MM\0*", "is a TIFF image, not a video"),
    (b"BM", "is a BMP image, not a video"),
    (b"ID3", "is an MP3 audio file, not a video"),
    (b"fLaC", "is a FLAC audio file, not a video"),
    (b"%PDF", "is a PDF document, not a video"),
    (b"PK\x03\x04", "is a ZIP archive, not a video"),
    (b"\x1f\x8b", "is a gzip archive, not a video"),
)
_IMAGE_FORMATS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
READABLE_IMAGES = frozenset({"JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF"})
"""Pillow's names of the image formats that are read."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are
_HOLES_FROM_BYTES = 64 << 30
_MOST_TIMES_HELD = 8
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def check(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Look at the first bytes of a file and say which reader may open it.

    Args:
        path: A path, or the address of an object (``footage.objects.address``).

    Returns:
        The absolute path, and the name of the one FFmpeg demuxer that fits.

    Raises:
        VideoNotFoundError: The path does not exist or may not be read.
        NotAVideoError: It is a folder, a device, empty, no container on the allow-list, or very large and
            almost all of it was never written.
    """
    absolute, head, status = _head(path)
    name = display_name(absolute)
    if status.st_size > max(_HOLES_FROM_BYTES, _MOST_TIMES_HELD * held_bytes(status)):
        raise NotAVideoError(
            f"{name} is almost empty: of {status.st_size / 1e9:,.0f} GB {held_bytes(status) / 1e9:,.3f} GB "
            f"are written",
            hint="it may still be being downloaded or copied",
        )
    return absolute, demuxer_for(head, name)


def demuxer_for(head: bytes, name: str) -> str:
    """The FFmpeg demuxer for a file that begins with ``head``.

    Raises:
        NotAVideoError: None on the allow-list fits.
    """
    if not head:
        raise NotAVideoError(f"{name} is empty (0 bytes)")
    reason = refusal(head)
    demuxer = identify(head)
    if reason or demuxer is None:
        reason = reason or "is not a supported video container"
        raise NotAVideoError(
            f"{name} {reason}",
            hint="supported containers: MP4, MOV, 3GP, MKV, WebM, AVI, MPEG-TS, MPEG-PS, FLV, Ogg, WMV and "
            "MXF",
        )
    return demuxer


def refuse_content(head: bytes, name: str) -> None:
    """Refuse a file that begins with ``head`` unless it may be a video or an image that is read.

    Raises:
        NotAVideoError: It may be neither.
    """
    if image_format(head) not in READABLE_IMAGES:
        demuxer_for(head, name)


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as an image does, supported or not; False for an unreadable file."""
    try:
        return bool(image_format(_head(path)[1]))
    except VideoError:
        return False


def check_image(path: str | os.PathLike[str]) -> tuple[str, str]:
    """As ``check``, for an image: its absolute path, and Pillow's name of its format.

    Raises:
        VideoNotFoundError: The path does not exist or may not be read.
        NotAVideoError: It is a special file, or no image of a format that is read.
    """
    absolute, head, _ = _head(path)
    found = image_format(head)
    if found not in READABLE_IMAGES:
        what = f"a {found} image, which cannot be read" if found else "no image"
        raise NotAVideoError(
            f"{display_name(absolute)} is {what}",
            hint="Convert it to one of these: JPEG, PNG, WebP, BMP, GIF, AVIF.",
        )
    return absolute, found


def image_format(head: bytes) -> str:
    """Pillow's name of the format of an image that begins with ``head``; empty for anything else."""
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return "AVIF" if b"avif" in head[8:64] else "HEIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for signature, name in _IMAGE_FORMATS if head.startswith(signature)), "")


def _head(path: str | os.PathLike[str]) -> tuple[str, bytes, os.stat_result]:
    """Absolute path, first bytes and status of a regular file.

    Raises:
        VideoNotFoundError: The path does not exist or may not be read.
        NotAVideoError: It is a special file.
    """
    absolute = os.fspath(located(os.fsdecode(path)))
    with open_regular(absolute) as file:
        try:
            head = file.read(HEAD_BYTES)
        except OSError as exc:
            raise VideoNotFoundError(
                f"{display_name(absolute)} cannot be read: {exc.strerror or exc}"
            ) from exc
        return absolute, head, _status(file)


def _status(file: BinaryIO) -> os.stat_result:
    if isinstance(file, ObjectFile):
        return status_of(file.size_bytes, file.modified_ns)
    return os.fstat(file.fileno())


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file or an object for reading; waits for no writer of a pipe, and opens no device.

    The path is looked at before it is opened, because opening a device can have an effect, and again once it
    is open, because something else may lie there by then.

    Raises:
        VideoNotFoundError: The path does not exist or may not be read.
        NotAVideoError: It is a folder, a named pipe, a socket or a device.
    """
    name = display_name(path)
    place = media_path(path)
    if isinstance(place, ObjectPath):
        return place.open_bytes()
    try:
        _refuse_other_kinds(name, os.stat(path).st_mode)
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            _refuse_other_kinds(name, os.fstat(descriptor).st_mode)
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise VideoNotFoundError(f"{name} does not exist", hint=f"looked for {os.fspath(path)!r}") from exc
    except PermissionError as exc:
        raise VideoNotFoundError(f"{name} cannot be read: permission denied") from exc
    except (OSError, ValueError) as exc:
        raise VideoNotFoundError(f"{name} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc


def held_bytes(status: os.stat_result) -> int:
    """How much a file holds: its size without what was never written, where the file system says that."""
    written = getattr(status, "st_blocks", 0) * _BLOCK_BYTES
    return min(status.st_size, written) if written else status.st_size


def kind_of(mode: int) -> str:
    """What something is that is a special file, as "a named pipe"; empty for a regular file.

    Args:
        mode: ``st_mode`` as ``os.stat`` has it.
    """
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "a special file")


def _refuse_other_kinds(name: str, mode: int) -> None:
    kind = kind_of(mode)
    if kind:
        raise NotAVideoError(f"{name} is {kind}, not a video file")


def display_name(path: str | os.PathLike[str]) -> str:
    """The file's own name, printable whatever its bytes are."""
    return os.fsencode(Path(path).name or os.fspath(path)).decode("utf-8", "replace")


def identify(head: bytes) -> str | None:
    """The FFmpeg demuxer for a file that begins with ``head``, or None when none on the allow-list fits."""
    if head[4:8] in _BOXES and head[8:12] not in _PICTURE_BRANDS:
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AVIX"):
        return "avi"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpeg"
    if head.startswith(b"FLV\x01"):
        return "flv"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(_ASF_HEADER):
        return "asf"
    if head.startswith(_MXF_PARTITION):
        return "mxf"
    if _is_transport_stream(head):
        return "mpegts"
    return None


def refusal(head: bytes) -> str:
    """Why a file that begins with ``head`` is refused, as the rest of a sentence; empty when it is not.

    FFmpeg's readers of text stop at the first zero byte, and some look for their marker anywhere before it:
    a marker there counts even behind a container's signature. Real containers have a zero byte early on.
    """
    text, zero, _ = head.partition(b"\0")
    text = text.removeprefix(b"\xef\xbb\xbf").lower()
    for marker, reason in _TEXT_KINDS:
        if marker in text:
            return reason
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE"):
        return "is a WebP image, not a video" if head[8:12] == b"WEBP" else "is a WAV audio file, not a video"
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return "is a HEIF or AVIF image, not a video"
    for signature, reason in _BINARY_KINDS:
        if head.startswith(signature):
            return reason
    if not zero and all(byte >= 32 or byte in b"\t\n\r\f" for byte in text):
        return "is a text file, not a video"
    if not zero and len(head) == HEAD_BYTES:
        return "is not a supported video container"
    return ""


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes at every packet: 188 bytes each, 192 with a time code before, 204 with parity after."""
    for size, offset in ((188, 0), (192, 4), (204, 0)):
        syncs = head[offset : offset + size * 8 : size]
        if len(syncs) >= 2 and set(syncs) == {0x47}:
            return True
    return False
