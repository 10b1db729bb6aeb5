"""Sources: one file is one place to read."""
