"""Links on a real engine: with the socket, without it, and after the peer moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Cast, Place, RealContainer, RealEngine, Scene, private_engine
from harness.features import needs
from harness.matrix import ask

from dockernet import Endpoint, Explanation, Link, LinkReport, Peer, Provenance, Reason, Route

pytestmark = needs("links")


@pytest.fixture(scope="module")
def linked(engine: RealEngine) -> Iterator[tuple[RealContainer, RealContainer, RealContainer]]:
    """A peer with two exposed ports, a recipient with the socket, and one without."""
    with Scene(engine) as scene:
        web = scene.run("web", ports=["22", "80"], expose=["22", "80"], env={"COLOUR": "s3cret"})
        link = [f"{web.name}:dedoimedo"]
        asking, alone = scene.run_all(
            Cast("asking", links=link, socket=True), Cast("alone", links=link)
        )
        yield web, asking, alone


def _resolve(target: str) -> Endpoint:
    import dockernet

    return dockernet.resolve(target)


def _explain(target: str) -> Explanation:
    import dockernet

    return dockernet.explain(target)


def _peers() -> tuple[Peer, ...]:
    import dockernet

    return dockernet.peers()


def _links() -> tuple[Link, ...]:
    import dockernet

    return dockernet.Environ().links()


def test_the_alias_reaches_the_peer_with_and_without_the_socket(
    linked: tuple[RealContainer, RealContainer, RealContainer],
) -> None:
    web, *recipients = linked
    for recipient in recipients:
        endpoint = recipient.call(_resolve, "dedoimedo:80")
        assert recipient.dial(endpoint).name == web.name


def test_without_the_socket_the_hosts_file_gives_the_address_and_variables_the_port(
    linked: tuple[RealContainer, RealContainer, RealContainer],
) -> None:
    web, _, alone = linked
    explanation = alone.call(_explain, "dedoimedo")
    assert explanation.asked == ("engine", "dns", "hosts", "environ")
    assert explanation.chosen is not None
    assert (explanation.chosen.source, explanation.chosen.port) == ("hosts", 22)
    assert explanation.chosen.route is Route.LINK
    assert alone.dial(explanation.chosen).name == web.name
    assert explanation.notes  # it says that it chose the port


def test_the_peer_s_own_name_and_id_are_in_the_hosts_file_too(
    linked: tuple[RealContainer, RealContainer, RealContainer],
) -> None:
    web, _, alone = linked
    for name in (web.name, web.id[:12]):
        assert alone.dial(alone.call(_resolve, f"{name}:80")).name == web.name


def test_peers_of_a_linked_container_are_the_links(
    linked: tuple[RealContainer, RealContainer, RealContainer],
) -> None:
    web, _, alone = linked
    (peer,) = alone.call(_peers)
    assert (peer.name, peer.sources) == ("dedoimedo", ("hosts", "environ"))
    assert str(peer.addresses[0]) == web.address()


def test_the_variables_give_the_link_and_hide_what_is_secret(
    linked: tuple[RealContainer, RealContainer, RealContainer],
) -> None:
    web, _, alone = linked
    (link,) = alone.call(_links)
    assert (link.alias, link.recipient) == ("dedoimedo", alone.name)
    assert [str(port) for port in link.ports] == ["22/tcp", "80/tcp"]
    assert str(link.address) == web.address()
    assert link.environ["COLOUR"] == "s3cret"
    assert "s3cret" not in repr(link)


def _own_links() -> LinkReport:
    import dockernet

    with dockernet.Resolver() as resolver:
        return resolver.links()


def test_a_peer_that_moved_is_found_at_its_new_address_and_the_old_one_is_named(
    scene: Scene,
) -> None:
    web = scene.run("web", ports=["80"], expose=["80"])
    given = [f"{web.name}:web"]
    asking, alone = scene.run_all(
        Cast("asking", links=given, socket=True), Cast("alone", links=given)
    )
    old = web.address()
    # Variables are those of the start for the first process; a new one would be told anew.
    stale = {"WEB_NAME": f"/{alone.name}/web", "WEB_PORT": f"tcp://{old}:80"}
    stale |= {"WEB_PORT_80_TCP": f"tcp://{old}:80", "WEB_PORT_80_TCP_ADDR": old}
    web.stop()
    squatter = scene.run("squatter", ports=["80"])
    web.start()
    assert squatter.address() == old != web.address()
    for recipient, fresh in ((asking, "engine"), (alone, "hosts")):
        explanation = recipient.with_env(**stale).call(_explain, "web:80")
        assert explanation.chosen is not None
        assert explanation.chosen.source == fresh
        assert recipient.dial(explanation.chosen).name == web.name
        (odd,) = [d for d in explanation.diagnostics if d.source == "environ"]
        assert old in odd.reason
        # From Engine 28 both lines of a dual-stack peer have the IPv6 address then.
        assert any(web.address(family=f) in odd.reason for f in (4, 6))
        report = recipient.with_env(**stale).call(_own_links)
        [link] = [one for one in report.links if one.alias == "web"]
        place = Provenance.LEGACY if fresh == "engine" else Provenance.HOSTS
        assert (link.provenances[0], link.provenances[-1]) == (place, Provenance.ENVIRON)
        written = link.to_environ()["WEB_PORT_80_TCP_ADDR"]
        assert recipient.dial((written, 80)).name == web.name
        [told] = [d.reason for d in report.diagnostics if d.source == "variables"]
        assert told.startswith(f"stale: it says {old}; fresh from {place}")


def test_a_link_to_a_container_that_is_gone_is_refused(scene: Scene) -> None:
    """On a network of its own: on the default bridge, no command starts any more."""
    net = scene.network("net")
    web = scene.run("web", ports=["80"], network=net)
    asking = scene.run("asking", network=net, links=[f"{web.name}:web"], socket=True)
    assert asking.dial(asking.call(_resolve, "web:80")).name == web.name
    web.remove()
    answer = ask(asking, ["web:80"])["web:80"]
    assert answer.reasons == (Reason.STALE,)
    assert answer.error == "UnreachableError"


# As the engine tells them.


def _known(names: dict[str, str], *, aliases: bool = False) -> tuple[Link, ...]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.links(aliases=aliases, **names)


def test_a_legacy_link_is_told_with_what_is_known_of_its_peer(
    linked: tuple[RealContainer, RealContainer, RealContainer], host: Place
) -> None:
    web, asking, alone = linked
    [link] = host.call(_known, {"recipient": alone.name})
    assert (link.recipient, link.alias, link.peer) == (alone.name, "dedoimedo", web.name)
    assert (link.networks, link.peer_state, link.dangling) == ((), "running", False)
    assert link.provenances == (Provenance.LEGACY, Provenance.LISTING)
    assert [str(port) for port in link.ports] == ["22/tcp", "80/tcp"]
    assert [alone.dial((str(a), 80)).name for a in link.addresses] == [web.name, web.name]
    leading = host.call(_known, {"peer": web.id})
    assert {link.recipient for link in leading} == {asking.name, alone.name}


def test_in_the_container_a_link_of_every_place_is_one(
    linked: tuple[RealContainer, RealContainer, RealContainer], engine: RealEngine
) -> None:
    web, asking, alone = linked
    own = ["variables"] if engine.major < 29 else []
    for place, told in ((asking, ["legacy link", "listed name"]), (alone, [])):
        found = place.python("-m", "dockernet", "links", "--json").json()["links"]
        [link] = [one for one in found if one["recipient"] in (place.name, None)]
        assert link["provenances"] == [*told, "hosts file", *own]
        assert link["addresses"][0] == web.address()


def test_a_link_on_a_network_tells_the_address_there_alone(scene: Scene, host: Place) -> None:
    here, there = scene.network("here"), scene.network("there")
    web = scene.run("web", ports=["80"], expose=["80"], network=here, also={there: ["site"]})
    asking = scene.run("asking", network=here, links=[f"{web.name}:web"], also={there: []})
    [link] = host.call(_known, {"recipient": asking.name})
    assert (link.networks, link.provenances) == ((here.name,), (Provenance.NETWORK,))
    assert str(link.address) == web.address(here)
    assert asking.dial((str(link.address), 80)).name == web.name
    aliases = host.call(_known, {"recipient": asking.name, "peer": web.name}, aliases=True)
    [alias] = [one for one in aliases if one.recipient is None]
    assert (alias.alias, alias.networks) == ("site", (there.name,))
    assert alias.provenances == (Provenance.ALIAS,)
    assert asking.dial((alias.alias, 80)).name == web.name
    assert str(alias.address) == web.address(there)


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "on a network"])
def test_a_link_to_a_peer_that_was_stopped_or_removed_is_marked(
    scene: Scene, host: Place, *, legacy: bool
) -> None:
    net = None if legacy else scene.network("net")
    web = scene.run("web", ports=["80"], expose=["80"], network=net)
    asking = scene.run("asking", network=net, links=[f"{web.name}:web"])
    told = [host.call(_known, {"recipient": asking.name})]
    web.pause()
    told.append(host.call(_known, {"recipient": asking.name}))
    web.unpause()
    web.stop()
    told.append(host.call(_known, {"recipient": asking.name}))
    assert [str(port) for (link,) in told for port in link.ports] == ["80/tcp"] * 3
    web.remove()
    told.append(host.call(_known, {"recipient": asking.name}))
    marks = [(link.peer_state, link.dangling, bool(link.addresses)) for (link,) in told]
    assert marks == [
        *(("running", False, True), ("paused", False, True)),
        *(("exited", True, False), ("removed", True, False)),
    ]


def test_an_alias_hides_a_container_of_the_same_name(scene: Scene) -> None:
    """As the names inside have it: on the default bridge and on other networks."""
    net = scene.network("net")
    web, db = scene.run_all(Cast("web", ports=["80"]), Cast("db", ports=["80"], network=net))
    other, base = scene.run_all(
        Cast("other", ports=["80"]), Cast("base", ports=["80"], network=net)
    )
    for hidden, shown, where in ((web, other, None), (db, base, net)):
        link = [f"{shown.name}:{hidden.name}"]
        recipient = scene.run(f"to-{where}", network=where, links=link, socket=True)
        assert recipient.dial((hidden.name, 80)).name == shown.name
        endpoint = recipient.call(_resolve, f"{hidden.name}:80")
        assert recipient.dial(endpoint).name == shown.name


@needs("settings")
@pytest.mark.usefixtures("engine")
def test_where_containers_are_kept_apart_a_link_opens_exposed_ports_alone() -> None:
    """The default bridge without inter-container communication, row by row."""
    with private_engine(icc=False) as apart, Scene(apart) as scene:
        web = scene.run("web", ports=["80", "81"], expose=["80"])
        stranger = scene.run("stranger", socket=True)
        friend = scene.run("friend", links=[f"{web.name}:web"], socket=True)
        targets = ["80", "81"]
        told = {
            (place.name, port): ask(place, [f"{web.name}:{port}"])[f"{web.name}:{port}"]
            for place in (stranger, friend)
            for port in targets
        }
        assert told[friend.name, "80"].routes[0] == Route.LINK
        assert told[friend.name, "81"].reasons == (Reason.NOT_EXPOSED,)
        assert {told[stranger.name, port].reasons for port in targets} == {(Reason.ICC_DISABLED,)}
        for place in (stranger, friend):
            for port in targets:
                addresses = [(web.address(family=f), int(port), "tcp") for f in (4, 6)]
                names = [reply.name for reply in place.dial_all(addresses)]
                answer = told[place.name, port]
                expected = [web.name if a in answer.addresses else None for a in addresses]
                assert names == expected, (place.name, port)
