"""Draws footage whose events are known exactly."""
