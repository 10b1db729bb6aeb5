"""A private engine that can be killed, frozen and started again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

from attrs import define, field

from harness.engines import RealEngine, UnavailableError, opened
from harness.ground import Ground, ground
from harness.private import await_answer, configuration, dockerd_path, started


@define(eq=False)
class Restarts:
    """The program of one engine, which ends and begins as a test says."""

    here: Ground
    dockerd: str
    stack: ExitStack
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, on what the last one left; it answers when this returns.

        Old ones give up where the containerd that they left takes long to end.
        """
        try:
            self._start()
        except UnavailableError:
            self._start()

    def _start(self) -> None:
        self._forget_containerd()
        for left in ("pid", "docker.sock"):
            (self.here.folder / left).unlink(missing_ok=True)
        config = str(self.here.folder / "daemon.json")
        daemon = started(self.here, self.dockerd, "--config-file", config, first=self.dockerd)
        self.process = self.stack.enter_context(daemon)
        await_answer(self.here, self.process)

    def kill(self) -> None:
        """Kill it at once, as the kernel does that has no memory left."""
        self.process.send_signal(SIGKILL)
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        self.process.send_signal(SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(SIGCONT)

    def _forget_containerd(self) -> None:
        """Where nobody has reaped it yet, the next engine would wait for the dead one."""
        noted = self.here.folder / "exec" / "containerd" / "containerd.pid"
        with suppress(OSError, ValueError):
            status = Path(f"/proc/{int(noted.read_text())}/status").read_text()
            if "\nState:\tZ" in status:
                noted.unlink()


@contextmanager
def restartable_engine(**settings: Any) -> Iterator[tuple[RealEngine, Restarts]]:
    """Start an engine that can be started again, with more settings of ``daemon.json``.

    Raises:
        UnavailableError: This machine cannot run one, or it did not start.
    """
    dockerd = dockerd_path()
    with ExitStack() as stack:
        here = stack.enter_context(ground())
        config = json.dumps(configuration(here) | settings)
        (here.folder / "daemon.json").write_text(config)
        restarts = Restarts(here, dockerd, stack)
        restarts.start()
        with opened(here.socket, netns=here.net) as engine:  # it ends before its programs
            yield engine, restarts
