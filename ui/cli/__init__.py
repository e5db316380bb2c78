"""The footage command."""
