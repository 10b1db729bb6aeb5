"""What it means that TLS with an engine failed, and what a person can do about it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Final

__all__ = ["USUAL", "advice"]

_STRANGER: Final = (
    "{folder} has no authority that signed the certificate of {url} ({error}): "
    "put that engine's ca.pem there"
)
_ANOTHER: Final = (
    "the certificate of {url} is not for that host ({error}): "
    "use a name that it is for, or renew it for this one"
)
# The codes of OpenSSL's x509_vfy.h; urllib3 has none where it compares names itself.
_UNVERIFIED: Final[Mapping[int, str]] = {
    9: "the certificate of {url} is not valid yet: check the clocks of both machines",
    10: "the certificate of {url} has expired: renew it, or check the clock of this machine",
    **dict.fromkeys((2, 18, 19, 20, 21), _STRANGER),
    **dict.fromkeys((62, 63, 64), _ANOTHER),
}
_REFUSED: Final = (
    "{url} breaks TLS off ({error}): put a cert.pem and key.pem that it accepts into {folder}"
)
USUAL: Final = "no TLS with {url} ({error}): check the certificates, and that the engine wants TLS"
# RFC 8446, 6.2. Where our request is faster than the alert, only the end is seen of it.
_ALERT: Final = re.compile(r"ALERT_(?:UNKNOWN_CA|\w*CERTIFICATE\w*)|EOF occurred")


def advice(error: ssl.SSLError) -> tuple[str, str]:
    """A sentence with room for ``url``, ``folder`` and ``error``, and that error in short."""
    if isinstance(error, ssl.SSLCertVerificationError):
        told = getattr(error, "verify_message", "") or str(error)
        return _UNVERIFIED.get(getattr(error, "verify_code", 0), USUAL), told
    told = error.reason or str(error)
    return (_REFUSED if _ALERT.search(told) else USUAL), told
