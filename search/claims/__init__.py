"""Checks what texts claim about videos against the videos; knows no file format and prints nothing."""
