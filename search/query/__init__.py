"""What somebody typed, turned into a query: grammar, filters, negation, words."""
