"""Columns as arrays and back: the encoder of inputs, the target, a guess at which column is what."""
