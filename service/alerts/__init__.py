"""Alerts: saved searches that report new moments by themselves."""
