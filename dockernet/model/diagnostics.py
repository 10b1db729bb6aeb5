"""What was odd in an input and therefore left out, without losing the rest."""

from __future__ import annotations

from attrs import frozen

from dockernet._shown import shown

__all__ = ["Diagnostic"]


@frozen
class Diagnostic:
    """One odd variable, line or reply: reported, never fatal.

    It names the thing and never shows its value, which may be a secret.

    Attributes:
        source: The source that met it, such as ``environ``.
        subject: The variable, line or field, by name.
        reason: What is wrong with it, as a clause.
    """

    source: str
    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {shown(self.subject)}: {self.reason}"
