"""The table of verbs, and the options that each takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import click
from attrs import frozen

from dockernet._cli import (
    actions,
    doctor,
    facts,
    firewall,
    forwarding,
    linking,
    ports,
    routes,
    tour,
    waiting,
    watching,
    writing,
)
from dockernet._cli.answers import Outcome
from dockernet._cli.request import Request
from dockernet.dialling.readiness import READINESS
from dockernet.formats.styles import STYLES

__all__ = ["END", "EVERYWHERE", "JSON", "VERBS", "Verb"]

_KEY: Final = "dockernet."
JSON: Final = "--json"
END: Final = "--"  # of what is ours; a command follows


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


EVERYWHERE: Final = (
    _option("-H", "--host", "url", metavar="URL", told="Ask the engine at this URL."),
    _option("-c", "--context", metavar="NAME", told="Ask the engine of this docker context."),
    click.Option(
        ["--timeout"],
        type=float,
        callback=_keep_seconds,
        expose_value=False,
        metavar="SECONDS",
        help="Wait so long for the engine, 5 unless given; for peers, 30 with the verb wait.",
    ),
    _option("--from", "origin", metavar="CONTAINER", told="Answer as if asked inside it."),
    _option("--snapshot", "recording", metavar="FILE", told="Ask a recording, not an engine."),
    click.Option(
        [JSON],
        is_flag=True,
        expose_value=False,
        help="Print one JSON document, errors too; with the verb watch, one a line.",
    ),
)


def _request(context: click.Context) -> Request:
    kept = context.meta.items()
    said = {key.removeprefix(_KEY): value for key, value in kept if key.startswith(_KEY)}
    if len(said.keys() & {"url", "context", "recording"}) > 1:
        raise click.UsageError("say one of --host, --context and --snapshot", context)
    return Request(**said)


class _Becoming(click.Command):
    """A verb whose arguments end with ``--``; what follows is a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = _own(args)
        ctx.params["command"] = tuple(args[len(own) + 1 :])
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), f"{END} COMMAND..."]


def _own(arguments: list[str]) -> list[str]:
    """The arguments that are ours, and not a command's."""
    return arguments[: arguments.index(END)] if END in arguments else arguments


@frozen
class Verb:
    """A verb: what it does, and what it takes beside the options of every verb."""

    ask: Callable[..., Outcome]
    help: str
    parameters: tuple[click.Parameter, ...] = ()
    interspersed: bool = True  # whether options may follow the arguments
    kind: type[click.Command] = click.Command
    timeout: float = 5.0

    @property
    def command(self) -> click.Command:
        """The command that parses its arguments and gives its answer."""

        def answer(**given: object) -> Outcome:
            context = click.get_current_context()
            context.meta.setdefault(f"{_KEY}timeout", self.timeout)
            return self.ask(_request(context), **given)

        name, parameters = self.ask.__name__, [*self.parameters, *EVERYWHERE]
        return self.kind(
            name,
            context_settings={"allow_interspersed_args": self.interspersed},
            params=parameters,
            callback=answer,
            help=self.help,
        )


def _target() -> click.Parameter:
    return click.Argument(["target"])


def _peers(metavar: str) -> click.Parameter:
    return click.Argument(["peers"], nargs=-1, metavar=metavar)


def _recipient() -> click.Option:
    told = "For this container, as --from says, too."
    return _option("--for", "origin", metavar="CONTAINER", told=told)


def _secrets() -> tuple[click.Parameter, ...]:
    told = "Pass the peers' own variables on, too: passwords may be among them."
    return (
        click.Option(["--secrets"], is_flag=True, help=told),
        _several("--secret", metavar="NAME", told="Pass on this variable of the peers."),
    )


def _several(*names: str, told: str, metavar: str) -> click.Option:
    return click.Option(names, multiple=True, help=f"{told} May be repeated.", metavar=metavar)


def _families() -> tuple[click.Parameter, ...]:
    return (
        click.Option(["-4", "family"], flag_value=4, type=int, help="An IPv4 address."),
        click.Option(["-6", "family"], flag_value=6, type=int, help="An IPv6 address."),
    )


VERBS: Final = (
    Verb(
        facts.ps,
        "Containers with their networks, addresses, ports and links.",
        (click.Option(["-a", "--all", "every"], is_flag=True, help="Those not running, too."),),
    ),
    Verb(
        ports.port,
        "Published ports, of CONTAINER as docker port does, or the report of all.",
        (click.Argument(["container"], required=False), click.Argument(["port"], required=False)),
    ),
    Verb(facts.networks, "Networks, and who may talk on them."),
    Verb(
        facts.links,
        "Links: who was given them, under which alias, and to whom.",
        (
            click.Argument(["container"], required=False),
            click.Option(
                ["--aliases"],
                is_flag=True,
                help="The aliases on networks, too: links for all there.",
            ),
        ),
    ),
    Verb(routes.peers, "Whom one can talk to from here."),
    Verb(
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
    Verb(routes.endpoints, "Every endpoint of TARGET with its route, best first.", (_target(),)),
    Verb(routes.explain, "What TARGET resolves to and why, and why not.", (_target(),)),
    Verb(
        ports.behind,
        "Which containers hold a PORT[/PROTOCOL] of the engine's host.",
        (
            click.Argument(["port"]),
            click.Option(["--ip", "address"], help="Only what answers on this host address."),
        ),
    ),
    Verb(
        doctor.doctor,
        (
            "What is wrong with TARGET, or with anything, and what mends it. Changes nothing.\n\n"
            "TARGET is dialled; without one nothing is. As root on the engine's host it sees "
            "most. Exit code 1: something is wrong; 3: nothing is, as far as one who is not root "
            "can see."
        ),
        (
            click.Argument(["target"], required=False),
            click.Option(
                ["--outside"], metavar="HOST:PORT", help="Dial this, too, beyond the engine."
            ),
        ),
    ),
    Verb(
        firewall.firewall,
        (
            "The rules that let published ports in, and rules of no container.\n\n"
            "It is asked on the engine's host, as root."
        ),
    ),
    Verb(
        forwarding.forward,
        (
            "Let network SOURCE reach TO: a network, host, or outside.\n\n"
            "plan shows the rules and changes nothing; apply, remove and status need root on the "
            "engine's host. status alone lists what is applied."
        ),
        (
            click.Argument(["how"], type=click.Choice(forwarding.HOWS)),
            click.Argument(["source"], required=False),
            click.Argument(["to"], required=False),
            _several("-p", "--port", "ports", metavar="PORT[-PORT][/PROTOCOL]", told="This port."),
            click.Option(["--all-ports", "every"], is_flag=True, help="Every port."),
            *_families(),
            click.Option(["--interface"], metavar="NAME", help="It leads outside."),
            click.Option(
                ["--mark"], type=int, metavar="N", help="The engine's bridge-accept-fwmark."
            ),
            click.Option(
                ["--as", "form"],
                type=click.Choice([*forwarding.FORMS]),
                default="words",
                help="Show the plan so; words unless given.",
            ),
            click.Option(["--tag"], metavar="TAG", help="Remove the plan with this tag."),
        ),
    ),
    Verb(routes.whoami, "Where you stand: host or container, networks, addresses."),
    Verb(routes.gateway, "The address of the host as it is seen from here.", _families()),
    Verb(
        facts.snapshot,
        "Record the engine to FILE, to ask it later with --snapshot.",
        (
            click.Argument(["file"], default="-"),
            click.Option(["--whole"], is_flag=True, help="Keep all replies whole: secrets, too."),
        ),
    ),
    Verb(
        actions.launch,
        (
            "Start a container of IMAGE, and show where its ports are.\n\n"
            "What follows IMAGE is its command. Nothing is pulled."
        ),
        (
            click.Argument(["image"]),
            click.Argument(["command"], nargs=-1, type=click.UNPROCESSED),
            click.Option(["--name"], metavar="NAME", help="Name it so."),
            _several("-p", "--publish", "ports", metavar="SPEC", told="Publish a port."),
            click.Option(["-P", "--publish-all"], is_flag=True, help="Publish every exposed port."),
            _several("--link", "links", metavar="PEER[:ALIAS]", told="Link to a container."),
            _several("--network", "networks", metavar="NAME", told="Join this network."),
            _several("--alias", "aliases", metavar="NAME", told="A name for it on its networks."),
            _several(
                "-e", "--env", "variables", metavar="NAME[=VALUE]", told="Set a variable, or pass."
            ),
            _several("--label", "labels", metavar="NAME[=VALUE]", told="Set a label."),
            _several("-v", "--volume", "volumes", metavar="SPEC", told="Mount a volume."),
            click.Option(["--rm", "remove"], is_flag=True, help="Remove it when it ends."),
        ),
        interspersed=False,
    ),
    Verb(
        writing.env,
        (
            "The variables of links to peers, as their recipient needs them.\n\n"
            "Without PEER, of every link that it was given."
        ),
        (
            _peers("[PEER[:ALIAS[:PORT[/PROTOCOL]]]]..."),
            _recipient(),
            click.Option(
                ["--style"],
                type=click.Choice([*STYLES]),
                default="links",
                help="Who is to read them; links unless given.",
            ),
            *_secrets(),
        ),
    ),
    Verb(
        writing.hosts,
        (
            "Hosts file lines for peers, printed or kept in FILE.\n\n"
            "Without PEER, for every link that the recipient was given."
        ),
        (
            _peers("[PEER[:ALIAS]]..."),
            _recipient(),
            click.Option(["--file"], metavar="FILE", help="Keep them in a block of this file."),
            click.Option(["--block"], metavar="NAME", help="The block's name; links unless given."),
            click.Option(["--remove"], is_flag=True, help="Take the block out of the file."),
        ),
    ),
    Verb(
        linking.link,
        (
            "Set the variables of links, and become COMMAND.\n\n"
            "Without PEER, of every link that this container was given. The command has this "
            "process's id, signals and exit code."
        ),
        (
            _peers("[PEER[:ALIAS[:PORT[/PROTOCOL]]]]..."),
            click.Option(
                ["--wait"],
                is_flag=True,
                help="First wait until every peer answers, --timeout long.",
            ),
            click.Option(["--overwrite"], is_flag=True, help="Replace variables that are set."),
            click.Option(
                ["--hosts/--no-hosts"],
                default=None,
                help="Name the peers in /etc/hosts; in a container, where it may be done.",
            ),
            *_secrets(),
        ),
        kind=_Becoming,
    ),
    Verb(
        waiting.wait,
        (
            "Wait until every TARGET is ready, and become COMMAND, if there is one.\n\n"
            "The command has this process's id, signals and exit code. Without one, the "
            "endpoints are printed."
        ),
        (
            click.Argument(["targets"], nargs=-1, required=True, metavar="TARGET..."),
            click.Option(
                ["--ready"],
                type=click.Choice([*READINESS]),
                default="accepts",
                help=(
                    "When it is: it keeps a connection, the engine says so, or it listens; "
                    "accepts unless given."
                ),
            ),
        ),
        kind=_Becoming,
        timeout=waiting.PATIENCE,
    ),
    Verb(
        watching.watch,
        (
            "What changes, a line each: of PEER's endpoints, or of all containers.\n\n"
            "The first line tells how PEER is at the beginning. It goes on until it is "
            "interrupted."
        ),
        (click.Argument(["peer"], required=False),),
    ),
    Verb(
        tour.tour,
        (
            "A walk through every way to reach a container; needs no Docker.\n\n"
            "With --live it is walked on your engine: containers are started for it, every "
            "address is dialled, and all is removed at the end."
        ),
        (
            click.Option(["--live"], is_flag=True, help="Walk it on the engine."),
            click.Option(["--image"], metavar="IMAGE", help="Of this image, with busybox in it."),
        ),
    ),
)
