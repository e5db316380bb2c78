"""What changes while a service runs: jobs, alerts, tokens; one SQLite file in the folder of the index."""
