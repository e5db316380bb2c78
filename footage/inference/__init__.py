"""Running models over video files of any length, window by window."""
