"""Rules of ours as iptables and nft take them.

Words are in the order in which iptables-save prints them, so that what was applied and
what is read back look alike.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final, Literal

from dockernet.formats.iptables import render_words
from dockernet.model.addresses import IPNetwork
from dockernet.model.firewalls import USER_CHAIN, Chain, Effect, Firewall, Table
from dockernet.model.forwarding import (
    SETTINGS,
    Action,
    ForwardingPlan,
    ForwardRule,
    Opening,
    Place,
    tag_of,
)

__all__ = [
    "TABLES",
    "chain_removals",
    "iptables_commands",
    "jump_removals",
    "made_tables",
    "nft_reminders",
    "nft_removal",
    "nft_script",
    "others_of",
    "parent_chain",
    "remembered",
    "reminder_text",
    "removal_text",
    "restore_text",
    "rule_words",
    "section",
    "table_name",
    "tag_of_table",
]

TABLES: Final[Mapping[Place, str]] = {
    Place.RAW: "raw",
    Place.FORWARD: "filter",
    Place.INPUT: "filter",
    Place.POSTROUTING: "nat",
}
_PARENTS: Final[Mapping[Place, str]] = {
    Place.RAW: "PREROUTING",
    Place.FORWARD: "FORWARD",
    Place.INPUT: "INPUT",
    Place.POSTROUTING: "POSTROUTING",
}
_TARGETS: Final[Mapping[Action, tuple[str, ...]]] = {
    Action.ACCEPT: ("-j", "ACCEPT"),
    Action.MASQUERADE: ("-j", "MASQUERADE"),
}
_PROGRAMS: Final = {4: "iptables", 6: "ip6tables"}
_KNOWN: Final = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
_LATER: Final = ("!", "--tcp-flags", "FIN,SYN,RST,ACK", "SYN")
_TURNED_ON: Final = "turned on"
_MADE: Final = "made"
_FILTER: Final = "filter"
_NOTHING: Final[Mapping[str, Iterable[str]]] = {}
# nft: the type, hook and priority of each of our chains; they come before others.
_HOOKS: Final[Mapping[Place, str]] = {
    Place.RAW: "type filter hook prerouting priority -310",
    Place.FORWARD: "type filter hook forward priority -10",
    Place.INPUT: "type filter hook input priority -10",
    Place.POSTROUTING: "type nat hook postrouting priority 90",
}
_NFT_FAMILIES: Final = {4: "ip", 6: "ip6"}


def parent_chain(plan: ForwardingPlan, place: Place, family: int) -> str:
    """The chain from which ours is reached."""
    if place is Place.FORWARD and family in plan.user_chain:
        return USER_CHAIN
    return _PARENTS[place]


def rule_words(plan: ForwardingPlan, rule: ForwardRule) -> tuple[str, ...]:
    """The words of a rule after ``-A CHAIN``."""
    return (*_asked(rule), *_tag(plan.tag), *_TARGETS[rule.action])


def reminder_text(chain: str, name: str) -> str:
    """What ``iptables-restore --noflush`` takes so that a plan's chain remembers a setting."""
    return section(_FILTER, [_reminder(chain, name)])


def _reminder(chain: str, name: str) -> str:
    """A rule that does nothing, and remembers that a setting was turned on."""
    return _remembering(chain, f"{tag_of(chain)} {_TURNED_ON} {name}")


def _made(chain: str, table: str) -> str:
    """A rule that does nothing, and remembers that a table was made."""
    return _remembering(chain, f"{tag_of(chain)} {_MADE} {table}")


def _remembering(chain: str, text: str) -> str:
    return f"-A {chain} {render_words(_tag(text))}"


def _tag(text: str) -> tuple[str, ...]:
    return ("-m", "comment", "--comment", text)


def _asked(rule: ForwardRule) -> Iterator[str]:
    if rule.source is not None:
        yield from ("-s", str(rule.source))
    if rule.destination is not None:
        yield from ("-d", str(rule.destination))
    if rule.in_interface:
        yield from ("-i", rule.in_interface)
    if rule.out_interface:
        yield from ("-o", rule.out_interface)
    if rule.opening is not None:
        yield from _ports(rule.opening, "--sport" if rule.answers else "--dport")
        yield from _LATER if _may_begin(rule) else ()
    if rule.answers and rule.tracked:
        yield from _KNOWN


def _may_begin(rule: ForwardRule) -> bool:
    """Whether an answer is not known for one, and could begin a connection by tcp."""
    tcp = rule.opening is not None and rule.opening.protocol == "tcp"
    return rule.answers and not rule.tracked and tcp


def _ports(opening: Opening, option: str) -> tuple[str, ...]:
    span = opening.span.replace("-", ":")
    return ("-p", opening.protocol, "-m", opening.protocol, option, span)


def _placed(plan: ForwardingPlan, family: int) -> dict[Place, list[ForwardRule]]:
    """The rules of a family by place: what opens comes last."""
    found: dict[Place, list[ForwardRule]] = {}
    for place in Place:
        if rules := [r for r in plan.rules if r.family == family and r.place is place]:
            found[place] = rules
    return found


def restore_text(
    plan: ForwardingPlan,
    family: Literal[4, 6],
    turned_on: Iterable[str] = (),
    made: Iterable[str] = (),
    instead: Mapping[str, Iterable[str]] = _NOTHING,
) -> str:
    """What ``iptables-restore --noflush`` takes to apply a plan for one family.

    Each table is one transaction; the one that lets through comes last.

    Args:
        plan: The plan.
        family: 4 or 6.
        turned_on: The settings that the plan turns on, to be remembered.
        made: The tables that it makes, to be remembered.
        instead: By table, lines that take away what is there of it already.
    """
    placed = _placed(plan, family)
    settings, new = tuple(turned_on), frozenset(made)
    tables = sorted({TABLES[p] for p in placed}, key=lambda name: (name == _FILTER, name))
    return "".join(
        section(
            name,
            [
                *(f":{plan.chain(p)} - [0:0]" for p in placed if TABLES[p] == name),
                *instead.get(name, ()),
                *(
                    line
                    for p, rules in placed.items()
                    if TABLES[p] == name
                    for line in (
                        *_own(plan, p, rules),
                        *_reminders(plan, p, settings, new),
                        _leading(plan, p, family),
                    )
                ),
            ],
        )
        for name in tables
    )


def section(table: str, lines: Iterable[str]) -> str:
    """The lines of one table, which are one transaction."""
    return "\n".join([f"*{table}", *lines, "COMMIT", ""])


def _own(plan: ForwardingPlan, place: Place, rules: Iterable[ForwardRule]) -> Iterator[str]:
    for rule in rules:
        yield f"-A {plan.chain(place)} {render_words(rule_words(plan, rule))}"


def _reminders(
    plan: ForwardingPlan, place: Place, settings: Iterable[str], made: Container[str]
) -> Iterator[str]:
    """Rules that do nothing, and remember what the plan has changed beside rules."""
    if place is Place.FORWARD:
        yield from (_reminder(plan.chain(place), name) for name in settings)
    if TABLES[place] in made:
        yield _made(plan.chain(place), TABLES[place])


def _leading(plan: ForwardingPlan, place: Place, family: int) -> str:
    return f"-I {parent_chain(plan, place, family)} 1 {render_words(_jump(plan, place))}"


def removal_text(
    firewall: Firewall, family: Literal["ip", "ip6"], tag: str, kept: Container[str] = ()
) -> str:
    """What ``iptables-restore --noflush`` takes to remove all that has a tag; or nothing.

    What lets through goes first. Where the plan has made a table, another plan's chain
    there remembers it from now on.

    Args:
        firewall: The firewall.
        family: Whose tables.
        tag: The tag.
        kept: The tables where our chains stay, led to by nothing, and remember that the
            table was made.
    """
    tables = [table for table in firewall.tables if table.family == family]
    tables.sort(key=lambda table: table.name != _FILTER)
    sections = ((table.name, list(_removal(table, tag, kept))) for table in tables)
    return "".join(section(name, lines) for name, lines in sections if lines)


def _removal(table: Table, tag: str, kept: Container[str]) -> Iterator[str]:
    own = [chain for chain in table.chains if tag_of(chain.name) == tag]
    names = [chain.name for chain in own]
    yield from jump_removals(table, names)
    if table.name in kept:
        for name in names:
            yield f"-F {name}"
            yield _made(name, table.name)
        return
    for name in others_of(table, tag)[:1] if made_tables(own, tag) else ():
        yield _made(name, table.name)
    yield from chain_removals(names)


def others_of(table: Table, tag: str) -> tuple[str, ...]:
    """The chains of other plans in a table."""
    return tuple(c.name for c in table.chains if tag_of(c.name) not in (None, tag))


def chain_removals(names: Iterable[str]) -> Iterator[str]:
    """The lines that take chains away with all their rules."""
    listed = tuple(names)
    yield from (f"-F {name}" for name in listed)
    yield from (f"-X {name}" for name in listed)


def jump_removals(table: Table, names: Container[str]) -> Iterator[str]:
    """The lines that take away what leads to some chains."""
    for chain in table.chains:
        for rule in chain.rules:
            if rule.target in names and rule.effect in (Effect.JUMP, Effect.GOTO):
                yield f"-D {chain.name} {rule.text}"


def remembered(chains: Iterable[Chain], tag: str) -> tuple[str, ...]:
    """The settings that were turned on, as rules of ours remember it."""
    told = _remembered(chains, f"{tag} {_TURNED_ON} ")
    return tuple(name for name in told if name in SETTINGS.values())


def made_tables(chains: Iterable[Chain], tag: str) -> tuple[str, ...]:
    """The tables that were made, as rules of ours remember it."""
    return _remembered(chains, f"{tag} {_MADE} ")


def _remembered(chains: Iterable[Chain], start: str) -> tuple[str, ...]:
    comments = (rule.comment for chain in chains for rule in chain.rules)
    found = (c.removeprefix(start) for c in comments if c.startswith(start))
    return tuple(dict.fromkeys(found))


def _jump(plan: ForwardingPlan, place: Place) -> tuple[str, ...]:
    return (*_tag(plan.tag), "-j", plan.chain(place))


def iptables_commands(plan: ForwardingPlan) -> tuple[tuple[str, ...], ...]:
    """The commands that a person would type, each as a list of words."""
    return tuple(_commands(plan))


def _commands(plan: ForwardingPlan) -> Iterator[tuple[str, ...]]:
    for family in plan.families:
        for place, rules in _placed(plan, family).items():
            start = (_PROGRAMS[family], "-w", "-t", TABLES[place])
            yield (*start, "-N", plan.chain(place))
            for rule in rules:
                yield (*start, "-A", plan.chain(place), *rule_words(plan, rule))
            parent = parent_chain(plan, place, family)
            yield (*start, "-I", parent, "1", *_jump(plan, place))
    for name in plan.forwards:
        yield ("sysctl", "-w", f"{name}=1")


def table_name(tag: str) -> str:
    """The name of our table of nftables: each plan has one of its own."""
    return tag.replace(" ", "-")


def tag_of_table(name: str) -> str | None:
    """The tag of a table of ours by its name; ``None`` of any other table."""
    return tag_of(f"{name.upper()}-{Place.FORWARD}")


def nft_removal(tag: str) -> str:
    """What ``nft -f`` takes to remove all that has a tag, whether it is there or not."""
    return f"table inet {table_name(tag)}\ndelete table inet {table_name(tag)}\n"


def nft_script(plan: ForwardingPlan, turned_on: Iterable[str] = ()) -> str:
    """What ``nft -f`` takes to apply a plan, all of it in one transaction."""
    lines = [nft_removal(plan.tag).rstrip(), f"table inet {table_name(plan.tag)} {{"]
    for place in Place:
        rules = [rule for rule in plan.rules if rule.place is place]
        marks = tuple(turned_on) if place is Place.FORWARD else ()
        if rules:
            lines += [f"\tchain {place.name.lower()} {{", f"\t\t{_HOOKS[place]}; policy accept;"]
            lines += [f"\t\t{_nft_rule(plan, rule)}" for rule in rules]
            lines += [f'\t\tcontinue comment "{plan.tag} {_TURNED_ON} {one}"' for one in marks]
            lines.append("\t}")
    return "\n".join([*lines, "}", ""])


def nft_reminders(tag: str, settings: Iterable[str]) -> str:
    """What ``nft -f`` takes so that a plan remembers what another had turned on."""
    place = f"inet {table_name(tag)} {Place.FORWARD.name.lower()}"
    return "".join(
        f'add rule {place} continue comment "{tag} {_TURNED_ON} {name}"\n' for name in settings
    )


def _nft_rule(plan: ForwardingPlan, rule: ForwardRule) -> str:
    return " ".join([*_nft_asked(rule), _nft_action(rule), f'comment "{plan.tag}"'])


def _nft_action(rule: ForwardRule) -> str:
    return f"meta mark set {rule.mark:#x}" if rule.action is Action.MARK else rule.action


def _nft_asked(rule: ForwardRule) -> Iterator[str]:
    family = _NFT_FAMILIES[rule.family]
    if rule.in_interface:
        yield f'iifname "{rule.in_interface}"'
    if rule.out_interface:
        yield f'oifname "{rule.out_interface}"'
    if rule.source is not None:
        yield f"{family} saddr {_nft_network(rule.source)}"
    if rule.destination is not None:
        yield f"{family} daddr {_nft_network(rule.destination)}"
    if rule.opening is not None:
        side = "sport" if rule.answers else "dport"
        yield f"{rule.opening.protocol} {side} {rule.opening.span}"
    if _may_begin(rule):
        yield "tcp flags & (fin | syn | rst | ack) != syn"
    if rule.answers and rule.tracked:
        yield "ct state established,related"


def _nft_network(network: IPNetwork) -> str:
    return str(network.network_address if network.num_addresses == 1 else network)
