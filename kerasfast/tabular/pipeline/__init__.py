"""From encoded rows, in memory or in files, to batches: splits, order, masking, views."""
