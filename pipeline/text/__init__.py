"""Letters and words.  Knows no post, file or configuration."""

from pipeline.text.clean import clean_batch
from pipeline.text.marks import Marks, find_marks
from pipeline.text.normalize import Normalized, NormalizedBatch, normalize, normalize_batch
from pipeline.text.tokens import OPAQUE, TokenBatch, tokenize

__all__ = [
    "OPAQUE",
    "Marks",
    "Normalized",
    "NormalizedBatch",
    "TokenBatch",
    "clean_batch",
    "find_marks",
    "normalize",
    "normalize_batch",
    "tokenize",
]
