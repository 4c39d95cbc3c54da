"""Parts of the modules of the course that are a room of their own here, and the names that are not there."""
