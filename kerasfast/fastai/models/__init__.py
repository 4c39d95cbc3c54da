"""Networks of the course, by the modules that lessons import them from."""
