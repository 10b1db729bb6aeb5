"""Actions: what changes the world outside of the process."""
