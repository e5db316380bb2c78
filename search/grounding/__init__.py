"""Candidates turned into answers: where to look, what the model says, the verdict."""
