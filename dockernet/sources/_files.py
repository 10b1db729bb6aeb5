"""What files of others and of the user have in common."""

from __future__ import annotations

__all__ = ["why"]


def why(error: OSError | ValueError) -> str:
    """Why a file cannot be opened: the system's word, or Python's for what is no path.

    A path with a NUL in it, or with what no file's name can be made of, is a
    ``ValueError``.
    """
    return (isinstance(error, OSError) and error.strerror) or str(error)
