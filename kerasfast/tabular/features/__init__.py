"""Columns made of other columns: joins, parts of dates, what happened before and after."""
