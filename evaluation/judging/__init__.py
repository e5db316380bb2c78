"""Asks language models to judge texts: structured answers, kept by content, budgeted, with agreement."""
