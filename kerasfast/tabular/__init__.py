"""Tables: joins, dates, what happened before and after, encoding for embedding models, files."""

from kerasfast.tabular.dates import add_date_parts
from kerasfast.tabular.elapsed import add_elapsed, add_rolling
from kerasfast.tabular.encoding import TableEncoder
from kerasfast.tabular.frames import read_frame, write_frame
from kerasfast.tabular.joins import join_df

__all__ = [
    "TableEncoder",
    "add_date_parts",
    "add_elapsed",
    "add_rolling",
    "join_df",
    "read_frame",
    "write_frame",
]
