"""What changes while a service runs: jobs, alerts, tokens, people; one SQLite file in the index's folder."""
