"""Answers what is said or written, word by word, from the texts of the index; no vectors, no model."""
