"""Notebooks and scripts of the course, rewritten for kerasfast."""
