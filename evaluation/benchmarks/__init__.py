"""Benchmarks of temporal grounding, end to end: from videos and annotations to predictions and scores."""
