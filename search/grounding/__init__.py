"""Grounding candidates with a model: proposals, rounds, evidence, verdict, matches."""
