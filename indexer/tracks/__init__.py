"""The tracks beside captions: what makes them, and the part of a run that does."""
