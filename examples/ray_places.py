"""Places in posts, on a Ray cluster: `python examples/ray_places.py POSTS.parquet PLACES`.

POSTS has the columns id, text and published_at.  Every node needs Python with `pip install marsad`.
"""

import sys

import ray

import pipeline


def places(posts):
    read = pipeline.annotate(posts["text"], posts["published_at"], home="SY")
    ids = dict(zip(read.posts.post_id, posts["id"], strict=True))
    return read.places.assign(id=read.places.post_id.map(ids))[["id", "place_id", "lat", "lon"]]


if __name__ == "__main__":
    posts = ray.data.read_parquet(sys.argv[1])
    posts.map_batches(places, batch_format="pandas", batch_size=2000).write_parquet(sys.argv[2])
