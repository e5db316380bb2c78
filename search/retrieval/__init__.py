"""What the index says about a query, ranked."""
