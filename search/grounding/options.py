"""How far a search goes in asking the model; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from footage.core.types import Span
from search.grounding.calibration import Calibration
from search.grounding.verdict import CAUTIOUS, Thresholds

MAX_WINDOWS = 6
"""Most windows that the index leads to and the model is asked about: a bound on the waiting time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingOptions:
    """How far a search goes in asking the model."""

    max_windows: int = MAX_WINDOWS
    """Most windows that the index leads to."""
    fresh: bool = False
    """Ask again where an answer is remembered."""
    exhaustive: bool = False
    """Ask about every window of the videos searched, whatever the index leads to."""
    at: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    """Moments to ask about in any case, in video time, by content id."""
    budget_seconds: float | None = None
    """Begin nothing new after this time; None for no bound."""
    window_seconds: float | None = None
    """Length of a window; None for the model's own."""
    overlap_seconds: float | None = None
    """Overlap of neighbouring windows; None for the model's own. At most half a window."""
    everything: bool = False
    """List every span weighed, also what is not found where captions have nothing, and beyond every limit: to
    fit and to measure a calibration."""
    calibration: Calibration | None = None
    """Turns evidence into confidence; None for the one that comes with the project for the model."""
    thresholds: Thresholds = CAUTIOUS
    """Turn confidence into a verdict."""
    promised: bool = True
    """Where the calibration promises a precision of "found", take its threshold for what the model names. How
    far a search looks follows ``thresholds`` in any case."""


DEFAULT = GroundingOptions()
"""The options unless a setting says otherwise."""
