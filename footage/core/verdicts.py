"""What the words of a verdict stand for, shared by settings, searches and surfaces; knows no search."""

from __future__ import annotations

FOUND_FROM = 0.7
"""Least confidence of "found" where neither a setting nor a calibration says otherwise."""
UNCALIBRATED_MEANS = (
    "Uncalibrated means: no labelled answer has tested this model's confidence, so it serves to order "
    'answers, and "70% sure" can be right more or less often than in 7 of 10 cases.'
)
"""What "uncalibrated" means for the user."""
