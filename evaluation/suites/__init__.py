"""Suites that measure this project."""
