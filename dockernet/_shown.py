"""Texts of others, made fit to be shown."""

from __future__ import annotations

__all__ = ["MOST", "shown", "shown_lines"]

MOST = 80  # characters of a faulty text that an error keeps


def shown(text: str) -> str:
    """Cut a text for display and escape what a terminal would act on."""
    return shown_lines(text if len(text) <= MOST else text[: MOST - 3] + "...")


def shown_lines(text: str) -> str:
    """Escape a longer text of several origins without cutting it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
