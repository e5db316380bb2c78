"""Reading a typed query: grammar, filters, negation, words."""
