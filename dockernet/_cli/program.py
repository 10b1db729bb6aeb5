"""The program: the table of verbs, the options that each takes, and what comes of a run."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Final

import click
from attrs import frozen

from dockernet import __version__
from dockernet._cli import facts, routes, tour
from dockernet._cli.answers import Answer
from dockernet._cli.face import Face
from dockernet._cli.failures import BUG, INTERRUPTED, Failure
from dockernet._cli.request import Request

__all__ = ["program", "run"]

_KEY: Final = "dockernet."
_JSON: Final = "--json"


def _keep(context: click.Context, option: click.Parameter, value: object) -> None:
    """Keep what was said, before the verb or after it; the last word counts."""
    if value is not None:
        context.meta[f"{_KEY}{option.name}"] = value


def _keep_seconds(context: click.Context, option: click.Parameter, value: float | None) -> None:
    """Keep a span of time that can pass."""
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter("expected a number of seconds above 0", context, option)
    _keep(context, option, value)


def _option(*names: str, told: str, metavar: str) -> click.Option:
    return click.Option(names, callback=_keep, expose_value=False, help=told, metavar=metavar)


_EVERYWHERE: Final = (
    _option("-H", "--host", "url", metavar="URL", told="Ask the engine at this URL."),
    _option("-c", "--context", metavar="NAME", told="Ask the engine of this docker context."),
    click.Option(
        ["--timeout"],
        type=float,
        callback=_keep_seconds,
        expose_value=False,
        metavar="SECONDS",
        help="Wait so long for the engine; 5 unless given.",
    ),
    _option("--from", "origin", metavar="CONTAINER", told="Answer as if asked inside it."),
    _option("--snapshot", "recording", metavar="FILE", told="Ask a recording, not an engine."),
    click.Option(
        [_JSON], is_flag=True, expose_value=False, help="Print one JSON document, errors too."
    ),
)


def _request(context: click.Context) -> Request:
    kept = context.meta.items()
    said = {key.removeprefix(_KEY): value for key, value in kept if key.startswith(_KEY)}
    if len(said.keys() & {"url", "context", "recording"}) > 1:
        raise click.UsageError("say one of --host, --context and --snapshot", context)
    return Request(**said)


@frozen
class _Verb:
    """A verb: what it does, and what it takes beside the options of every verb."""

    ask: Callable[..., Answer]
    help: str
    parameters: tuple[click.Parameter, ...] = ()

    @property
    def command(self) -> click.Command:
        """The command that parses its arguments and gives its answer."""

        def answer(**given: object) -> Answer:
            return self.ask(_request(click.get_current_context()), **given)

        name, parameters = self.ask.__name__, [*self.parameters, *_EVERYWHERE]
        return click.Command(name, params=parameters, callback=answer, help=self.help)


def _target() -> click.Parameter:
    return click.Argument(["target"])


def _families() -> tuple[click.Parameter, ...]:
    return (
        click.Option(["-4", "family"], flag_value=4, type=int, help="An IPv4 address."),
        click.Option(["-6", "family"], flag_value=6, type=int, help="An IPv6 address."),
    )


_VERBS: Final = (
    _Verb(
        facts.ps,
        "Containers with their networks, addresses, ports and links.",
        (click.Option(["-a", "--all", "every"], is_flag=True, help="Those not running, too."),),
    ),
    _Verb(
        facts.port,
        "Published ports, of CONTAINER as docker port does, or of all.",
        (click.Argument(["container"], required=False), click.Argument(["port"], required=False)),
    ),
    _Verb(facts.networks, "Networks, and who may talk on them."),
    _Verb(facts.links, "Links: who was given them, under which alias, and to whom."),
    _Verb(routes.peers, "Whom one can talk to from here."),
    _Verb(
        routes.resolve,
        (
            "The endpoint to dial for TARGET.\n\n"
            "TARGET is [project/]name[:port[/protocol]]; an address may stand for the name."
        ),
        (
            _target(),
            *_families(),
            click.Option(["--url", "scheme"], metavar="SCHEME", help="Print it as a URL."),
        ),
    ),
    _Verb(routes.endpoints, "Every endpoint of TARGET with its route, best first.", (_target(),)),
    _Verb(routes.explain, "What TARGET resolves to and why, and why not.", (_target(),)),
    _Verb(
        facts.behind,
        "Which containers hold a PORT[/PROTOCOL] of the engine's host.",
        (
            click.Argument(["port"]),
            click.Option(["--ip", "address"], help="Only what answers on this host address."),
        ),
    ),
    _Verb(routes.whoami, "Where you stand: host or container, networks, addresses."),
    _Verb(routes.gateway, "The address of the host as it is seen from here.", _families()),
    _Verb(
        facts.snapshot,
        "Record the engine to FILE, to ask it later with --snapshot.",
        (
            click.Argument(["file"], default="-"),
            click.Option(["--whole"], is_flag=True, help="Keep all replies whole: secrets, too."),
        ),
    ),
    _Verb(tour.tour, "A walk through every way to reach a container; needs no Docker."),
)


def _show_version(context: click.Context, _: click.Parameter, asked: object) -> None:
    if asked:
        click.echo(f"dockernet {__version__}")
        context.exit()


class _Program(click.Group):
    """The verbs, in the order of their table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


program: Final = _Program(
    "dockernet",
    commands={verb.ask.__name__: verb.command for verb in _VERBS},
    params=[
        *_EVERYWHERE,
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Print the version.",
            callback=_show_version,
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The address that reaches a container from where you stand, and why.",
    epilog=(
        "Exit codes: 0 answered, 1 no answer, 2 usage or malformed input, 3 a source could not "
        "be asked."
    ),
)


def run(arguments: Sequence[str]) -> int:
    """Run the program.

    Args:
        arguments: The arguments, without the program's own name.

    Returns:
        The exit code.

    Raises:
        ModuleNotFoundError: Output goes to a terminal, and rich is not installed.
    """
    face = Face.of(as_json=_JSON in arguments)
    try:
        return face.show(_outcome([*arguments] or ["--help"]))
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return face.cut_off(error)


def _outcome(arguments: list[str]) -> Answer | Failure | int:
    """What comes of the arguments; a number where click said all itself."""
    try:
        outcome: Answer | int = program.main(arguments, "dockernet", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        failure = Failure.of(error)
        if failure.code == BUG and sys.flags.dev_mode:
            raise
        return failure
    return outcome
