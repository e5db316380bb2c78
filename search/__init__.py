"""Finds moments in an index: retrieve, ground, judge; never indexes and never prints."""
