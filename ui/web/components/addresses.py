"""Gives the browser an address for bytes or a file; they are kept in memory only while a page shows them."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime import Runtime


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
