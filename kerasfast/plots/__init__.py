"""Plots: arrays to matplotlib axes."""
