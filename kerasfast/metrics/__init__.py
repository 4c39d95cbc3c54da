"""Metrics over a whole epoch: tags, arrays, percentage errors."""
