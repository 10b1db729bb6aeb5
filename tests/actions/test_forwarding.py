"""What plans do to a machine: all of it or nothing, and back again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest
from attrs import evolve
from kernel import PROGRAMS, Kernel, KilledError

from dockernet import SourceError
from dockernet.actions.forwarding import Machine
from dockernet.model.forwarding import Action, ForwardingPlan, ForwardRule, Opening, Place
from dockernet.model.forwarding_status import ForwardingState
from dockernet.sources._programs import Done

DOCKER = (
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n"
    "-A INPUT -i docker0 -j REJECT --reject-with icmp-host-prohibited\n"
    "-A FORWARD -j DOCKER-USER\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
)
PORT = Opening("tcp", 80, 80)


def rule(place: Place, family: int = 4, port: Opening = PORT) -> ForwardRule:
    return ForwardRule(
        family=4 if family == 4 else 6,
        place=place,
        action=Action.MASQUERADE if place is Place.POSTROUTING else Action.ACCEPT,
        in_interface="" if place is Place.POSTROUTING else "br-a",
        out_interface="eth0" if place is Place.POSTROUTING else "",
        source=ip_network("10.7.0.0/16" if family == 4 else "fd07::/64"),
        opening=port,
    )


def plan(*rules: ForwardRule, native: bool = False) -> ForwardingPlan:
    return ForwardingPlan(
        source="a", to="b", rules=rules, backend="nftables" if native else "iptables"
    )


HOST = plan(rule(Place.INPUT))
THROUGH = plan(rule(Place.FORWARD), rule(Place.POSTROUTING))
BOTH = plan(*(rule(place, family) for family in (4, 6) for place in Place))
NATIVE = evolve(BOTH, backend="nftables")


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    made = Kernel(tmp_path)
    made.set_up(DOCKER)
    return made


@pytest.fixture
def machine(kernel: Kernel) -> Machine:
    return Machine(root=kernel.root, run=kernel.run, which=kernel.which)


SETTINGS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


def whole(kernel: Kernel) -> tuple[str, ...]:
    settings = map(kernel.setting, SETTINGS)
    return (kernel.saved(), kernel.saved("ip6tables"), str(kernel.native), *settings)


@pytest.mark.parametrize(
    "asked", [HOST, THROUGH, BOTH, NATIVE], ids=["host", "through", "both", "native"]
)
def test_a_plan_is_applied_once_and_taken_back_without_a_trace(
    kernel: Kernel, machine: Machine, asked: ForwardingPlan
) -> None:
    before = whole(kernel)
    assert machine.status(asked).state is ForwardingState.NOT_APPLIED
    assert machine.tags() == ()
    assert machine.apply(asked)
    after = whole(kernel)
    assert after != before
    status = machine.status(asked)
    assert (status.state, status.missing, status.turned_on) == (
        ForwardingState.APPLIED,
        (),
        asked.forwards,
    )
    assert str(status) == "applied"
    assert machine.tags() == (asked.tag,)
    assert [kernel.setting(name) for name in asked.forwards] == ["1"] * len(asked.forwards)
    assert not machine.apply(asked)
    assert whole(kernel) == after
    assert machine.remove(asked.tag)
    assert whole(kernel) == before
    assert not machine.remove(asked.tag)
    assert whole(kernel) == before
    assert list((kernel.root / "run").iterdir()) == []


def killed(kernel: Kernel, lives: int, act: Callable[[], object]) -> bool:
    """Whether the process that acts was killed after so many transactions."""
    kernel.lives = lives
    try:
        act()
    except KilledError:
        return True
    finally:
        kernel.lives = None
    return False


@pytest.mark.parametrize("what", ["apply", "remove"])
@pytest.mark.parametrize("asked", [HOST, BOTH, NATIVE], ids=["host", "both", "native"])
def test_wherever_it_is_killed_it_can_be_completed_and_taken_back(
    kernel: Kernel, machine: Machine, asked: ForwardingPlan, what: str
) -> None:
    before = whole(kernel)
    machine.apply(asked)
    after = whole(kernel)
    machine.remove(asked.tag)
    act = {"apply": partial(machine.apply, asked), "remove": partial(machine.remove, asked.tag)}
    ends = {before: ForwardingState.NOT_APPLIED, after: ForwardingState.APPLIED}
    for lives in itertools.count():
        if what == "remove":
            machine.apply(asked)
        was_killed = killed(kernel, lives, act[what])
        left = whole(kernel)
        assert machine.status(asked).state is ends.get(left, ForwardingState.IN_PART)
        if asked is HOST:  # one transaction: none or all
            assert left in ends
        machine.apply(asked)
        assert whole(kernel) == after
        machine.remove(asked.tag)
        assert whole(kernel) == before
        if not was_killed:
            break
        # And taken back at once, from where it was killed.
        if what == "remove":
            machine.apply(asked)
        killed(kernel, lives, act[what])
        machine.remove(asked.tag)
        assert whole(kernel) == before


def test_an_interrupt_leaves_nothing(kernel: Kernel, machine: Machine) -> None:
    before = whole(kernel)
    interrupts = iter([KeyboardInterrupt])

    def interrupted(command: list[str]) -> None:
        if command[0].endswith("ip6tables-nft-restore"):
            for interrupt in interrupts:
                raise interrupt

    kernel.before = interrupted
    with pytest.raises(KeyboardInterrupt):
        machine.apply(BOTH)
    assert whole(kernel) == before


def test_rules_are_reached_before_those_of_others(kernel: Kernel, machine: Machine) -> None:
    machine.apply(BOTH)
    chains = kernel.families["iptables"]["filter"]
    assert chains["INPUT"][0].endswith(f"-j {BOTH.chain(Place.INPUT)}")
    assert chains["DOCKER-USER"][0].endswith(f"-j {BOTH.chain(Place.FORWARD)}")
    assert len(chains["FORWARD"]) == 1
    six = kernel.families["ip6tables"]["filter"]
    assert six["FORWARD"][0].endswith(f"-j {BOTH.chain(Place.FORWARD)}")


def test_what_was_on_already_stays_on(kernel: Kernel, machine: Machine) -> None:
    (kernel.root / "proc/sys/net/ipv4/ip_forward").write_text("1\n")
    machine.apply(THROUGH)
    assert machine.status(THROUGH).turned_on == ()
    machine.remove(THROUGH.tag)
    assert kernel.setting("net.ipv4.ip_forward") == "1"


FOUR = plan(rule(Place.FORWARD))
SIX = plan(rule(Place.FORWARD, 6))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("natives", [(), (0, 1, 2), (1,), (0, 2)], ids=str)
def test_what_another_plan_needs_stays_on_until_the_last_goes_in_any_order(
    kernel: Kernel, machine: Machine, order: tuple[int, ...], natives: tuple[int, ...]
) -> None:
    """Of each setting those plans count that need it, of either backend."""
    before = whole(kernel)
    plans = [
        evolve(one, backend="nftables" if number in natives else "iptables")
        for number, one in enumerate((BOTH, FOUR, SIX))
    ]
    for one in plans:
        machine.apply(one)
    assert [machine.status(one).turned_on for one in plans] == [SETTINGS, (), ()]
    left = set(range(3))
    for number in order:
        # Killed on the way, and once more.
        killed(kernel, 1, partial(machine.remove, plans[number].tag))
        machine.remove(plans[number].tag)
        left.remove(number)
        wanted = [str(int(bool({0, family} & left))) for family in (1, 2)]
        assert [kernel.setting(name) for name in SETTINGS] == wanted
        assert {machine.status(plans[n]).state for n in left} <= {ForwardingState.APPLIED}
    assert whole(kernel) == before


@pytest.mark.parametrize("heir", [FOUR, evolve(FOUR, backend="nftables")], ids=["", "native"])
def test_what_another_plan_remembers_already_is_not_told_to_it_again(
    kernel: Kernel, machine: Machine, heir: ForwardingPlan
) -> None:
    machine.apply(THROUGH)
    machine.apply(heir)
    assert killed(kernel, 1, partial(machine.remove, THROUGH.tag))  # the heir was told
    assert machine.status(heir).turned_on == SETTINGS[:1]
    told = sum(text.count(f"{heir.tag} turned on {SETTINGS[0]}") for text in whole(kernel))
    machine.remove(THROUGH.tag)
    again = sum(text.count(f"{heir.tag} turned on {SETTINGS[0]}") for text in whole(kernel))
    assert (told, again) == (1, 1)


@pytest.mark.parametrize(
    "line, place",
    [
        ("-I DOCKER-USER 1 -j DROP", "ip filter DOCKER-USER 1"),
        ("-I DOCKER-USER 1 -s 10.7.0.0/16 -j REJECT", "ip filter DOCKER-USER 1"),
        ("-I FORWARD 1 -i br-a -j DROP", "ip filter FORWARD 1"),
    ],
)
def test_what_comes_first_and_stops_it_is_named(
    kernel: Kernel, machine: Machine, line: str, place: str
) -> None:
    """Applied again it comes first, where both stand in one chain."""
    machine.apply(FOUR)
    before = whole(kernel)
    kernel.set_up(f"*filter\n{line}\nCOMMIT\n")
    status = machine.status(FOUR)
    assert (status.state, status.missing) == (ForwardingState.STOPPED, ())
    assert [one.where for one in status.stopped_by] == [place]
    assert str(status).startswith(f"stopped; by {place}: ")
    same = "DOCKER-USER" in line
    assert machine.apply(FOUR) == same
    assert (machine.status(FOUR).state is ForwardingState.APPLIED) == same
    assert not machine.apply(FOUR)
    stranger = kernel.families["iptables"]["filter"][place.split()[2]]
    stranger.remove(line.split(" 1 ")[1])
    assert whole(kernel) == before


@pytest.mark.parametrize(
    "line",
    [
        "-I DOCKER-USER 1 -m set --match-set bad src -j DROP",
        "-I DOCKER-USER 1 -s 10.7.0.2/32 -j DROP",
        "-I DOCKER-USER 1 -p udp -j DROP",
        "-I DOCKER-USER 1 -i br-b -j DROP",
        "-A DOCKER-USER -j DROP",
    ],
)
def test_what_may_stop_it_or_some_of_it_is_no_claim(
    kernel: Kernel, machine: Machine, line: str
) -> None:
    machine.apply(FOUR)
    kernel.set_up(f"*filter\n{line}\nCOMMIT\n")
    assert machine.status(FOUR).state is ForwardingState.APPLIED
    assert not machine.apply(FOUR)


def lose_jump(kernel: Kernel) -> None:
    kernel.families["iptables"]["filter"]["DOCKER-USER"].clear()


def lose_rule(kernel: Kernel) -> None:
    kernel.families["iptables"]["filter"][THROUGH.chain(Place.FORWARD)].pop(0)


def lose_table(kernel: Kernel) -> None:
    del kernel.families["iptables"]["nat"]


def lose_setting(kernel: Kernel) -> None:
    (kernel.root / "proc/sys/net/ipv4/ip_forward").write_text("0\n")


def lose_user_chain(kernel: Kernel) -> None:
    """As if it had been applied before the engine was there."""
    chains = kernel.families["iptables"]["filter"]
    chains["FORWARD"].insert(0, chains["DOCKER-USER"].pop())


@pytest.mark.parametrize("lose", [lose_jump, lose_rule, lose_table, lose_setting, lose_user_chain])
def test_what_is_lost_is_told_and_put_back(kernel: Kernel, machine: Machine, lose: object) -> None:
    before = whole(kernel)
    machine.apply(THROUGH)
    after = whole(kernel)
    assert callable(lose)
    lose(kernel)
    status = machine.status(THROUGH)
    assert (status.state, len(status.missing)) == (
        ForwardingState.IN_PART,
        2 if lose is lose_table else 1,
    )
    assert "lacks" in str(status)
    assert machine.apply(THROUGH)
    if lose is not lose_table:
        assert whole(kernel) == after
    machine.remove(THROUGH.tag)
    assert whole(kernel)[1:] == before[1:]


def test_a_native_chain_that_is_lost_is_told(kernel: Kernel, machine: Machine) -> None:
    machine.apply(NATIVE)
    kernel.native[NATIVE.tag.replace(" ", "-")]["input"].pop()
    del kernel.native[NATIVE.tag.replace(" ", "-")]["raw"]
    status = machine.status(NATIVE)
    assert status.missing == ("2 rules at raw", "2 rules at input")
    kernel.native.clear()
    assert machine.status(NATIVE).state is ForwardingState.NOT_APPLIED


DENIED = Done(4, "", "Permission denied (you must be root)")
BROKEN = Done(2, "", "out of memory")


@pytest.mark.parametrize(
    "program, end, reason",
    [
        ("iptables-nft-restore", BROKEN, "iptables-restore failed: out of memory"),
        ("ip6tables-nft-restore", BROKEN, "ip6tables-restore failed: out of memory"),
        ("iptables-nft-restore", DENIED, "iptables-restore needs root"),
    ],
)
def test_what_fails_leaves_nothing(
    kernel: Kernel, machine: Machine, program: str, end: Done, reason: str
) -> None:
    before, failures = whole(kernel), iter([end])
    kernel.before = lambda command: next(failures, None) if command[0].endswith(program) else None
    with pytest.raises(SourceError, match=f"firewall: {reason}"):
        machine.apply(BOTH)
    assert whole(kernel) == before


def test_a_setting_that_cannot_be_set_leaves_nothing(kernel: Kernel, machine: Machine) -> None:
    path = kernel.root / "proc/sys/net/ipv4/ip_forward"
    before = whole(kernel)

    def replaced(command: list[str]) -> None:
        """A folder takes no text; it is there when the rules are."""
        if command[0].endswith("iptables-nft-restore") and path.is_file():
            path.unlink()
            path.mkdir()

    kernel.before = replaced
    with pytest.raises(SourceError, match=r"net\.ipv4\.ip_forward cannot be set to 0"):
        machine.apply(THROUGH)
    kernel.before = lambda _: None
    path.rmdir()
    path.write_text("0\n")
    # What could not be taken back is not forgotten.
    assert machine.status(THROUGH).turned_on == ("net.ipv4.ip_forward",)
    machine.remove(THROUGH.tag)
    assert whole(kernel) == before


def test_where_no_setting_can_be_set_nothing_is_left(
    kernel: Kernel, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where /proc/sys is read-only: what is off need not be turned off."""
    before, write = whole(kernel), Path.write_text

    def written(path: Path, text: str, encoding: str) -> int:
        if path.name == "forwarding":
            raise OSError(30, "Read-only file system")
        return write(path, text, encoding=encoding)

    monkeypatch.setattr(Path, "write_text", written)
    with pytest.raises(SourceError, match=r"all\.forwarding cannot be set to 1 \(Read-only"):
        machine.apply(BOTH)
    assert whole(kernel) == before


def test_a_kernel_without_ipv6_has_nothing_to_turn_on(kernel: Kernel, machine: Machine) -> None:
    (kernel.root / "proc/sys/net/ipv6/conf/all/forwarding").unlink()
    six = plan(rule(Place.FORWARD, 6))
    machine.apply(six)
    assert machine.status(six).state is ForwardingState.APPLIED


def test_a_table_that_others_have_come_to_use_stays(kernel: Kernel, machine: Machine) -> None:
    machine.apply(BOTH)
    kernel.set_up("*raw\n-A PREROUTING -i x -j DROP\nCOMMIT\n")
    machine.remove(BOTH.tag)
    assert kernel.families["iptables"]["raw"] == {"PREROUTING": ["-i x -j DROP"]}


def test_a_table_that_others_use_at_that_very_moment_stays(
    kernel: Kernel, machine: Machine
) -> None:
    machine.apply(BOTH)
    seen_empty = False

    def used(command: list[str]) -> None:
        nonlocal seen_empty
        if command[-2:] == ["ip", "raw"]:
            seen_empty = True
        elif seen_empty:
            kernel.set_up("*raw\n-A PREROUTING -i x -j DROP\nCOMMIT\n")
            seen_empty = False

    kernel.before = used
    machine.remove(BOTH.tag)
    assert kernel.families["iptables"]["raw"] == {"PREROUTING": ["-i x -j DROP"]}


def test_a_table_that_nft_does_not_tell_stays(kernel: Kernel, machine: Machine) -> None:
    machine.apply(SIX)
    kernel.before = lambda command: BROKEN if command[2:4] == ["list", "table"] else None
    machine.remove(SIX.tag)
    assert kernel.families["ip6tables"] == {"filter": {"FORWARD": []}}


def test_without_nft_a_table_that_was_made_stays_empty(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, PROGRAMS)
    machine = Machine(root=kernel.root, run=kernel.run, which=kernel.which)
    machine.apply(HOST)
    machine.remove(HOST.tag)
    assert kernel.families["iptables"] == {"filter": {"INPUT": []}}


@pytest.mark.parametrize(
    "missing, asked, reason",
    [
        (("iptables-restore", "iptables-nft-restore"), HOST, "iptables-restore is not there"),
        (("nft",), NATIVE, "nft is not there: install nftables"),
    ],
)
def test_a_program_that_is_lacking_is_told(
    tmp_path: Path, missing: tuple[str, ...], asked: ForwardingPlan, reason: str
) -> None:
    programs = tuple(name for name in (*PROGRAMS, "nft") if name not in missing)
    kernel = Kernel(tmp_path, programs)
    machine = Machine(root=kernel.root, run=kernel.run, which=kernel.which)
    with pytest.raises(SourceError, match=reason):
        machine.apply(asked)


def test_where_there_is_one_variant_it_has_no_name_of_its_own(tmp_path: Path) -> None:
    programs = tuple(name for name in (*PROGRAMS, "nft") if "-nft-" not in name)
    kernel = Kernel(tmp_path, programs)
    machine = Machine(root=kernel.root, run=kernel.run, which=kernel.which)
    machine.apply(HOST)
    assert ["/sbin/iptables-restore", "--noflush", "-w", "5"] in kernel.asked


def test_the_legacy_variant_keeps_its_tables(kernel: Kernel, machine: Machine) -> None:
    """They come with modules of the kernel, and nobody takes them away."""
    kernel.variant = "legacy"
    kernel.programs = ("iptables-save", "iptables-legacy-restore", "nft")
    machine.apply(plan(rule(Place.RAW)))
    assert ["/sbin/iptables-legacy-restore", "--noflush", "-w", "5"] in kernel.asked
    machine.remove(plan(rule(Place.RAW)).tag)
    assert kernel.families["iptables"]["raw"] == {"PREROUTING": []}


def test_one_at_a_time_changes_it(kernel: Kernel) -> None:
    lock = kernel.root / "run/.dockernet-forwarding.dockernet.lock"
    from fcntl import LOCK_EX, flock

    held = os.open(lock, os.O_RDWR | os.O_CREAT)
    flock(held, LOCK_EX)
    hasty = Machine(timeout=0.05, root=kernel.root, run=kernel.run, which=kernel.which)
    try:
        with pytest.raises(SourceError, match=r"cannot be locked \(locked\): try again"):
            hasty.apply(HOST)
    finally:
        os.close(held)


def test_who_may_not_lock_needs_root(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dockernet.actions._locking.os.open", denied)
    with pytest.raises(SourceError, match="changing it needs root"):
        machine.apply(HOST)
