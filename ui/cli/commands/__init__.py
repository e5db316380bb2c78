"""One file per command, each with `run` and EXAMPLES; the only place that both indexes and searches."""
