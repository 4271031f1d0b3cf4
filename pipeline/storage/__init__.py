"""The dataset on disk: the only room that knows Arrow and parquet."""
