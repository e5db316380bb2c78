"""Who reaches the app, what they may do there, and what they did."""
