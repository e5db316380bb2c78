"""The rows of alerts."""

from __future__ import annotations

TABLES = """
"""
"""The tables, as an SQL script without semicolons inside of statements."""
