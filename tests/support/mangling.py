"""A proxy before an engine's socket that drops, delays and garbles what the engine says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

_PIECE = 4_096
_LONGEST = 0.02  # seconds of one delay


class Mangling:
    """The proxy; it spoils what passes until it is told to be honest.

    Attributes:
        honest: Whether everything passes as it is.
        spoilt: How many pieces did not.
        deaf: Whether nothing passes at all, nor is anybody told so.
    """

    def __init__(self, path: Path, engine: str, random: Random, *, honest: bool = True) -> None:
        self.honest = honest
        self.spoilt = 0
        self.deaf = threading.Event()
        self._path = path
        self._engine = engine
        self._random = random
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self._path}"

    @contextmanager
    def listening(self) -> Iterator[Mangling]:
        """Listen, in the place of whoever did."""
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            listener.listen(64)
            accepting = threading.Thread(target=self._accept, args=(listener,))
            accepting.start()
            try:
                yield self
            finally:
                self._ended.set()
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                accepting.join()
                self.hang_up()
                for thread in self._threads:
                    thread.join()

    def hang_up(self) -> None:
        """Break every connection off."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Be honest from now on; what was spoilt has passed."""
        self.honest = True
        self.hang_up()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                with suppress(OSError):  # it is away, and so the caller is hung up on
                    engine.connect(self._engine)
                with self._lock:
                    self._open |= {caller, engine}
                left = [2]
                self._start(caller, engine, left, spoil=False)
                self._start(engine, caller, left, spoil=True)

    def _start(
        self, said: socket.socket, heard: socket.socket, left: list[int], *, spoil: bool
    ) -> None:
        def pump() -> None:
            with suppress(OSError):
                while piece := said.recv(_PIECE):
                    while self.deaf.is_set() and not self._ended.wait(0.01):
                        pass
                    heard.sendall(self._spoilt(piece) if spoil else piece)
            with self._lock:
                for one in (said, heard):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                left[0] -= 1
                if not left[0]:  # the other one is through with them, too
                    self._open -= {said, heard}
                    said.close()
                    heard.close()

        thread = threading.Thread(target=pump)
        self._threads.append(thread)
        thread.start()

    def _spoilt(self, piece: bytes) -> bytes:
        if self.honest:
            return piece
        with self._lock:
            chance, at = self._random.random(), self._random.randrange(len(piece))
            self.spoilt += chance < 0.3
        if chance < 0.1:
            return piece[:at]
        if chance < 0.2:
            return piece[:at] + bytes([piece[at] ^ 0x15]) + piece[at + 1 :]
        if chance < 0.3:
            self._ended.wait(_LONGEST * chance / 0.3)
        return piece
