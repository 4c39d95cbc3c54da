"""Backbones and heads: the registry, builders, weight files, graphs, and the networks of our own."""
