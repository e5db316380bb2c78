"""Audits a truth file against its videos: entries, arithmetic, judges, figures, corrections, report."""
