"""Places to ask from and to dial from: the engine's host, a container, elsewhere."""

from __future__ import annotations

import base64
import inspect
import json
import os
import pickle
import subprocess
import sys
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from attrs import evolve, field, frozen

from harness.api import Api, frames

P = ParamSpec("P")
T = TypeVar("T")

_HERE = Path(__file__).parent
_TESTS = _HERE.parents[1]
_PROBE = _HERE.joinpath("probe.py").read_text()
_DIALLER = _HERE.joinpath("dialler.py").read_text()


class ProbeError(Exception):
    """A program that should have ended well in some place did not."""


class Dialable(Protocol):
    """What dockernet's endpoints offer; (host, port) or (host, port, protocol) will do, too."""

    @property
    def host(self) -> object: ...
    @property
    def port(self) -> int: ...
    @property
    def protocol(self) -> str: ...


Where = Dialable | Sequence[object]


@frozen
class Completed:
    """A program that ran to its end."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its standard output as one JSON document."""
        if self.code:
            raise ProbeError(f"exit code {self.code}\n{self.out}{self.err}")
        return json.loads(self.out)


@frozen
class Reply:
    """Who answered, or why nobody did.

    ``error`` is "refused", "timeout", "unreachable", "closed" (connected, and
    nobody spoke), "unknown name" or the kernel's own word.
    """

    name: str | None
    error: str | None


@frozen
class Place(ABC):
    """Somewhere to run programs, with this very interpreter and its packages."""

    env: Mapping[str, str | None] = field(factory=dict, kw_only=True)

    @abstractmethod
    def execute(self, *command: str) -> Completed:
        """Run a program to its end."""

    def with_env(self, **env: str | None) -> Self:
        """The same place with other variables; ``None`` takes one away."""
        return evolve(self, env={**self.env, **env})

    def python(self, *args: str) -> Completed:
        """Run the interpreter, such as ``python("-m", "dockernet", "ps")``."""
        return self.execute(sys.executable, *args)

    def run(self, code: str, *args: str) -> Any:
        """Run Python code that prints one JSON document, and give that."""
        return self.python("-c", textwrap.dedent(code), *args).json()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function there; what it returns or raises comes back as it is.

        A function of the package goes by its name. A function of a test goes as
        its source, so it must import inside itself what it needs.
        """
        sent: tuple[object, ...] = (function, None, args, kwargs)
        if Path(inspect.getsourcefile(function) or "").is_relative_to(_TESTS):
            source = textwrap.dedent(inspect.getsource(function))
            source = f"from __future__ import annotations\n{source}"
            sent = (function.__name__, source, args, kwargs)
        payload = base64.b64encode(pickle.dumps(sent)).decode()
        done = self.python("-c", _PROBE, payload)
        if done.code:
            raise ProbeError(f"exit code {done.code}\n{done.err}")
        good, answer = pickle.loads(base64.b64decode(done.out))
        if not good:
            answer.add_note(f"raised in {self}\n{done.err}")
            raise answer
        return answer  # type: ignore[no-any-return]  # by the probe's word

    def dial(self, where: Where, timeout: float = 1.0) -> Reply:
        """Connect to an endpoint and read the name that its peer serves."""
        return self.dial_all([where], timeout)[0]

    def dial_all(self, where: Iterable[Where], timeout: float = 1.0) -> tuple[Reply, ...]:
        """Dial several endpoints at once; replies in their order."""
        asked = json.dumps([_dialable(w) for w in where])
        # -I -S: no packages, and so no measuring, which would cost time for nothing.
        done = self.python("-I", "-S", "-c", _DIALLER, str(timeout), asked)
        return tuple(Reply(name, error) for name, error in done.json())


@frozen
class HostPlace(Place):
    """This machine, in the network namespace that is named or in its own."""

    netns: str | None = None

    @property
    def entering(self) -> tuple[str, ...]:
        """What goes before a command, so that it runs there."""
        # Not "ip netns exec": that puts another /sys before the program, too.
        return ("nsenter", f"--net=/run/netns/{self.netns}") if self.netns else ()

    @property
    def _environ(self) -> dict[str, str]:
        return {k: v for k, v in {**os.environ, **self.env}.items() if v is not None}

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a program that goes on; its standard streams are pipes."""
        pipe = subprocess.PIPE
        whole = [*self.entering, *command]
        return subprocess.Popen(
            whole, env=self._environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def execute(self, *command: str) -> Completed:
        done = subprocess.run(
            [*self.entering, *command],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)


@frozen
class ContainerPlace(Place):
    """Inside a running container."""

    api: Api
    container: str

    def execute(self, *command: str) -> Completed:
        # What the environment must not say here is simply not said.
        env = [f"{k}={v}" for k, v in self.env.items() if v is not None]
        asked = {"Cmd": command, "Env": env, "AttachStdout": True, "AttachStderr": True}
        run = self.api.request("POST", f"/containers/{self.container}/exec", asked)["Id"]
        said = {1: b"", 2: b""}
        with self.api.open("POST", f"/exec/{run}/start", {"Detach": False}) as response:
            for stream, piece in frames(response):
                said[stream] += piece
        code = self.api.request("GET", f"/exec/{run}/json")["ExitCode"]
        return Completed(code, said[1].decode(), said[2].decode())


def _dialable(where: Where) -> list[object]:
    if isinstance(where, Sequence):
        host, port, protocol = (*where, "tcp")[:3]
        return [str(host), port, str(protocol)]
    return [str(where.host), where.port, str(where.protocol)]
