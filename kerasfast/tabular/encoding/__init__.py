"""Columns as arrays and back: what kinds of values there are, the encoder of inputs, the target."""
