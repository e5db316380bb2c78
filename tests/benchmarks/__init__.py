"""Benchmarks: each is run by itself (`python -m tests.benchmarks.NAME`), prints a table and writes JSON."""
