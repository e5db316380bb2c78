"""Object storage: addresses such as ``s3://bucket/key``, and clients; knows neither videos nor indexes."""
