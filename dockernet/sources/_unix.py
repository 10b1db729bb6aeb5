"""HTTP to a socket of this machine, for docker-py's client.

docker-py has a transport for this. It leaves its own socket open where nobody listens, as
for each request while an engine is away, until Python happens to find it.
"""

from __future__ import annotations

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

__all__ = ["SocketAdapter"]

_HOST = "localhost"  # for the header, which engines do not heed here


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__(_HOST)
        self._path = path

    def connect(self) -> None:
        opened = socket.socket(socket.AF_UNIX)
        try:
            opened.settimeout(self.timeout)  # urllib3 has set it by now
            opened.connect(self._path)
        except BaseException:
            opened.close()
            raise
        self.sock = opened


class _Pool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        super().__init__(_HOST)
        self._path = path

    def _new_conn(self) -> Any:  # noqa: ANN401 - urllib3's own word for it is private
        return _Connection(self._path)


class SocketAdapter(HTTPAdapter):
    """What a client sends goes to a socket.

    Args:
        path: The socket's path.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._pool = _Pool(path)

    def get_connection_with_tls_context(self, *_: object, **__: object) -> HTTPConnectionPool:
        """The connections to the socket."""
        return self._pool

    get_connection = get_connection_with_tls_context  # of requests before 2.32

    def close(self) -> None:
        """Close them."""
        super().close()
        self._pool.close()
