"""Jobs: long work that goes on when its caller is gone, and after a restart."""
