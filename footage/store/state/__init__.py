"""What changes while a service runs: jobs, alerts, tokens, reels, people; one SQLite file."""
