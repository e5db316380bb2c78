"""One repository for each kind of row: how it is written and asked. All share one ``Tables``."""
