"""The offline demonstration: a drawn data set and the lesson run on it."""
