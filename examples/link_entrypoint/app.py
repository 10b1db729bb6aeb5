"""An application from the days of ``--link``: variables alone tell it where its database is.

Nothing in it knows of dockernet; it stands for the program that you cannot change.
"""

from __future__ import annotations

import os
import signal
import socket
import sys


def main() -> None:
    """Greet the database, and work until it is time to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
    where = os.environ["DB_PORT_5432_TCP_ADDR"], int(os.environ["DB_PORT_5432_TCP_PORT"])
    with socket.create_connection(where, timeout=5) as database:
        name = database.makefile().readline().strip()
    print(f"connected to {name}", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
