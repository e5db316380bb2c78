"""What changes while a service runs: jobs, alerts, tokens, reels; one SQLite file beside the index."""
