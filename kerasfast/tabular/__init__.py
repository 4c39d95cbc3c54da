"""Tables: joins, dates, what happened before and after, encoding for embedding models, files."""

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.features.dates import add_date_parts
from kerasfast.tabular.features.elapsed import add_elapsed, add_rolling
from kerasfast.tabular.features.joins import join_df
from kerasfast.tabular.pipeline.table_files import read_frame, write_frame

__all__ = [
    "TableEncoder",
    "add_date_parts",
    "add_elapsed",
    "add_rolling",
    "join_df",
    "read_frame",
    "write_frame",
]
