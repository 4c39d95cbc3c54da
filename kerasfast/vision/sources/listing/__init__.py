"""Pictures listed in folders and tables, with their targets; everything is checked before any long work."""
