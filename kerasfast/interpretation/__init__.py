"""Looks into predictions: confusion, figures per class with intervals, calibration. Arrays in, frames out."""
