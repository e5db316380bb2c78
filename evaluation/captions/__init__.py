"""Measures captions by what they say: events and objects against a reference, and against the video."""
