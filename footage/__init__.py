"""What the indexer and the search share: types, settings, video decoding, models and the database."""

__version__ = "0.1.0"
