"""The one scale on which the app says how sure an answer is: a word and per cent; knows no page.

Raw scores are on another scale, and are shown under "Why" alone.
"""

from __future__ import annotations

_WORDS = ((0.9, "Very likely"), (0.7, "Likely"), (0.2, "Possible"))
"""From which confidence on each word holds; below, it is unlikely."""


def word(confidence: float) -> str:
    """A confidence, 0 to 1, in words: "Very likely", "Likely", "Possible" or "Unlikely"."""
    return next((name for least, name in _WORDS if per_cent(confidence) >= 100 * least), "Unlikely")


def per_cent(confidence: float) -> int:
    """A confidence, 0 to 1, in per cent: 1 to 99, as nothing is certain."""
    return min(99, max(1, round(100 * confidence)))


def likelihood(confidence: float) -> str:
    """A confidence, 0 to 1, as pages show it: "Very likely · 93%"."""
    return f"{word(confidence)} \N{MIDDLE DOT} {per_cent(confidence)}%"
