"""Names of containers as name servers tell them for an address: PTR answers.

Docker's server answers ``<container>.<network>.`` (daemon/libnetwork/network.go in
moby), and dots may be in both. Podman's answers every name of the container, with no
network in them (src/dns/coredns.rs in aardvark-dns).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dockernet.errors import FormatError

__all__ = ["is_short_id", "names_first", "parse_labels", "shared_network"]

_SHORT_ID = re.compile(r"[0-9a-f]{12}")


def parse_labels(labels: Sequence[bytes]) -> str:
    """Join the labels of a DNS name, without the root, into a text that can be shown.

    Raises:
        FormatError: There is none, one is no printable UTF-8, or one has a dot in it
            and would read as two.

    Example:
        >>> from dockernet.formats.ptr import parse_labels
        >>> parse_labels((b"db", b"shop_default"))
        'db.shop_default'
    """
    name = b".".join(labels)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        raise FormatError(name.decode("latin-1"), "expected a name in UTF-8") from None
    if not text.isprintable() or not all(text.split(".")) or text.count(".") >= len(labels):
        raise FormatError(text, "expected labels of printable characters, without dots")
    return text


def shared_network(names: Iterable[str]) -> str:
    """The longest dotted ending that all names have, leaving a label of each.

    Names of one subnet share the name of its network. Of a single name it is the last
    label, since far more containers than networks have dots in their names: swarm
    tasks all do.

    Example:
        >>> from dockernet.formats.ptr import shared_network
        >>> shared_network(["web.1.k3x.shop", "web.2.p0q.shop"])
        'shop'
    """
    reversed_labels = [name.split(".")[::-1] for name in dict.fromkeys(names)]
    if len(reversed_labels) == 1:
        return ".".join(reversed_labels[0][:-1][:1])
    shared: list[str] = []
    for same in zip(*(labels[:-1] for labels in reversed_labels), strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return ".".join(reversed(shared))


def names_first(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, those that are short ids of containers last."""
    return tuple(sorted(dict.fromkeys(names), key=is_short_id))


def is_short_id(name: str) -> bool:
    """Whether a name is the short form of a container's id."""
    return _SHORT_ID.fullmatch(name) is not None
