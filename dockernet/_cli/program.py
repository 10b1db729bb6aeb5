"""The program: its verbs, and what comes of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click

from dockernet import __version__
from dockernet._cli.answers import Outcome
from dockernet._cli.face import Face
from dockernet._cli.failures import BUG, INTERRUPTED, Failure
from dockernet._cli.verbs import END, EVERYWHERE, JSON, VERBS
from dockernet.errors import DockernetError

__all__ = ["program", "run"]

_VALUED: Final = frozenset(
    name
    for option in (*EVERYWHERE, *(one for verb in VERBS for one in verb.parameters))
    if isinstance(option, click.Option) and not option.is_flag
    for name in option.opts
)
# The verbs whose options stand before the first argument: a command's may follow it.
_STRICT: Final = frozenset(verb.ask.__name__ for verb in VERBS if not verb.interspersed)


def _ours(arguments: Iterable[str]) -> Iterator[str]:
    """The words that are ours and no command's, without the values of options."""
    verb = None
    words = iter(arguments)
    for word in words:
        if word == END or (verb in _STRICT and not word.startswith("-")):
            return
        yield word
        if word in _VALUED:
            next(words, None)
        elif not word.startswith("-"):
            verb = verb or word


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
    commands={verb.ask.__name__: verb.command for verb in VERBS},
    params=[
        *EVERYWHERE,
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
    face = Face.of(as_json=JSON in _ours(arguments))
    try:
        return face.show(_outcome([*arguments] or ["--help"]))
    except DockernetError as error:  # of a command that this was to become
        return face.show(Failure.of(error))
    except KeyboardInterrupt as interrupt:
        face.tell_faults(interrupt)
        return INTERRUPTED
    except SystemExit as ended:  # by SIGTERM
        face.tell_faults(ended)
        raise
    except OSError as error:
        return face.cut_off(error)
    except Exception as error:  # noqa: BLE001 - of an answer that goes on
        return face.show(_failure(error))


def _outcome(arguments: list[str]) -> Outcome | Failure | int:
    """What comes of the arguments; a number where click said all itself."""
    try:
        outcome: Outcome | int = program.main(arguments, "dockernet", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:  # noqa: BLE001 - what no verb foresaw is told, too
        return _failure(error)
    return outcome


def _failure(error: Exception) -> Failure:
    """Why there is no answer; those who work on dockernet see where a fault of it is."""
    failure = Failure.of(error)
    if failure.code == BUG and sys.flags.dev_mode:
        raise error
    return failure
