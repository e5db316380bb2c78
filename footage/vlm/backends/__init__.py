"""The model families, one file each, and models behind a server."""
