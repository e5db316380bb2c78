"""Models asked about video files of any length."""
