"""A module per command: `add` declares its options, `run` does it."""
