"""Scores and annotation readers; pure, knows no index and no model."""
