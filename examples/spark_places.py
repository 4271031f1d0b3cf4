"""Places in posts, on a Spark cluster: `spark-submit examples/spark_places.py POSTS.parquet PLACES.parquet`.

POSTS has the columns id, text and published_at.  Every executor needs Python with `pip install marsad`.
"""

import sys

import pyarrow as pa
from pyspark.sql import SparkSession

import pipeline

COLUMNS = {"id": pa.string(), "place_id": pa.string(), "lat": pa.float64(), "lon": pa.float64()}


def places(batches):
    for batch in batches:
        read = pipeline.annotate(batch["text"].to_pylist(), batch["published_at"].to_pylist(), home="SY")
        ids = dict(zip(read.posts.post_id, batch["id"].to_pylist(), strict=True))
        found = read.places.assign(id=read.places.post_id.map(ids))[list(COLUMNS)]
        yield pa.RecordBatch.from_pandas(found, pa.schema(COLUMNS), preserve_index=False)


if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    schema = "id string, place_id string, lat double, lon double"
    spark.read.parquet(sys.argv[1]).mapInArrow(places, schema).write.mode("overwrite").parquet(sys.argv[2])
