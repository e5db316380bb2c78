"""Video files: what they are, their frames, and clips cut out of them; knows neither models nor the index."""
