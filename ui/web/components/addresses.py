"""Gives the browser addresses: of bytes that a page shows, and of pictures and clips cut on demand."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import streamlit as st
from streamlit.runtime import Runtime

from footage.core.types import File, Span

MOMENTS = "/moments"
"""Beginning of the addresses of ``ui.web.moment_routes``."""
WIDTHS = {"": 360, "large": 960}
"""Largest width of a picture in pixels, by the name of its size."""


def address_of(content: bytes | str, mime_type: str, coordinates: str) -> str:
    """Where the browser gets some bytes, or a file by its path.

    Args:
        content: The bytes, or the path of a file.
        mime_type: What they are.
        coordinates: Names the place on the page that shows them.
    """
    address = Runtime.instance().media_file_mgr.add(content, mime_type, coordinates)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{address}" if base else address


def picture_address(content_id: str, seconds: float, file: File | None = None, *, size: str = "") -> str:
    """Where the browser gets the frame on show at a moment; it is cut when the browser asks.

    Args:
        content_id: The video; empty for no picture.
        seconds: The moment, in video time.
        file: The file as the index knows it: another state of it has another address.
        size: A name of ``WIDTHS``.
    """
    if not content_id:
        return ""
    more = f"&size={size}" if size else ""
    return (
        f"{MOMENTS}/picture/{quote(content_id, safe='')}/{round(max(0.0, seconds) * 1000)}.jpg"
        f"?v={_version(file)}{more}"
    )


def clip_address(
    content_id: str, span: Span, file: File | None = None, *, version: str = "", ending: str = "json"
) -> str:
    """Where the browser has a clip cut: as JSON, its address (``url``), ``start`` and ``end`` in video time.

    Args:
        content_id: The video.
        span: Exactly what is shown, clamped to the video.
        file: The file as the index knows it.
        version: In place of ``file``, the version in an address made earlier.
        ending: "json", or "mp4" for the clip itself.
    """
    start, end = (round(seconds * 1000) for seconds in (span.start_seconds, span.end_seconds))
    known = quote(version or _version(file), safe="")
    return f"{MOMENTS}/clip/{quote(content_id, safe='')}/{start}-{end}.{ending}?v={known}"


def waveform_address(content_id: str, file: File | None = None) -> str:
    """Where the browser gets the waveform of a video, by ``part`` from 0; arguments as ``clip_address``."""
    return f"{MOMENTS}/waveform/{quote(content_id, safe='')}.json?v={_version(file)}"


def _version(file: File | None) -> str:
    """Tells one state of a file from another, in a few letters."""
    stamp = f"{file.fingerprint} {file.size_bytes} {file.modified_at}" if file else ""
    return hashlib.blake2b(stamp.encode(), digest_size=6).hexdigest()
