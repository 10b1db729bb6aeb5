"""Watching a target: asking again whenever something has changed. Both faces do it here."""
