"""Calibration from labelled queries: answers kept for it, and how good fits and promises are."""
