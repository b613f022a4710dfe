"""From successful answers to models. Elements that are not asked for may be anything.

Every function raises GlusterError for an answer that lacks what it needs. Source of every element:
glusterfs 10.3 behaviour.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from piragua.gluster.answer import Answer
from piragua.models import Brick, BrickStatus, Durability, GlusterVolume, Layout, Peer


@dataclass(frozen=True)
class HealInfo:
    """Entries that await healing, as paths or `<gfid:...>`, and the bricks that did not say theirs."""

    pending: frozenset[str]
    silent_bricks: tuple[str, ...]


def gluster_volume(answer: Answer, name: str) -> GlusterVolume:
    """The Gluster volume of that name in a `volume info`."""
    for element in answer.root.iterfind("volInfo/volumes/volume"):
        if element.findtext("name") == name:
            return GlusterVolume(
                id=answer.identity(element, "id"),
                name=name,
                started=answer.number(element, "status") == 1,
                durability=_durability(answer, element),
                bricks=tuple(_brick(answer, brick) for brick in element.iterfind("bricks/brick")),
                options=dict(_options(answer, element)),
            )
    raise answer.unreadable(f"{name} is not in it")


def peers(answer: Answer) -> tuple[Peer, ...]:
    """The members in a `pool list`, the local one among them."""
    found = tuple(_peer(answer, element) for element in answer.root.iterfind("peerStatus/peer"))
    if not any(peer.local for peer in found):
        raise answer.unreadable("the local peer is not in it")
    return found


def bricks(answer: Answer) -> tuple[BrickStatus, ...]:
    """The bricks in a `volume status ... detail`: those on peers whose glusterd answers."""
    nodes = answer.root.iterfind("volStatus/volumes/volume/node")
    # Daemons come in the same list; only bricks have a path.
    return tuple(_brick_status(answer, node) for node in nodes if node.findtext("path", "").startswith("/"))


def daemons(answer: Answer) -> dict[str, bool]:
    """Whether each runs, by its server, in a `volume status` of one kind of daemon."""
    nodes = answer.root.findall("volStatus/volumes/volume/node")
    if not nodes:
        raise answer.unreadable("no daemon is in it")
    return {answer.text(node, "path"): node.findtext("status") == "1" for node in nodes}


def limits(answer: Answer) -> dict[str, int | None]:
    """The hard limits in bytes, by path, in a `quota list`; None for a path without one."""
    return {
        answer.text(element, "path"): _limit_bytes(answer, element)
        for element in answer.root.iterfind("volQuota/limit")
    }


def uses(answer: Answer) -> dict[str, int]:
    """What the directories in a `quota list` hold, in bytes, by path; more than the limit if it came late."""
    return {
        answer.text(element, "path"): answer.number(element, "used_space")
        for element in answer.root.iterfind("volQuota/limit")
    }


def heal_info(answer: Answer) -> HealInfo:
    """What a `heal ... info` says about every brick."""
    found = answer.root.findall("healInfo/bricks/brick")
    if not found:
        raise answer.unreadable("no brick is in it")
    pending = frozenset(
        file.text or f"<gfid:{file.get('gfid', '')}>" for brick in found for file in brick.iterfind("file")
    )
    return HealInfo(pending, tuple(answer.text(brick, "name") for brick in found if not _has_told(brick)))


def _durability(answer: Answer, element: Element) -> Durability:
    """By its counts: they mean the same for the distributed types and for arbiters."""
    replica = answer.number(element, "replicaCount")
    disperse = answer.number(element, "disperseCount")
    if disperse > 0:
        redundancy = answer.number(element, "redundancyCount")
        return Durability(Layout.DISPERSE, data=disperse - redundancy, redundancy=redundancy)
    if replica > 1:
        return Durability(Layout.REPLICATE, replica=replica)
    return Durability()


def _brick(answer: Answer, element: Element) -> Brick:
    # An IPv6 address has colons of its own; the path is what starts with the first slash.
    host, colon, path = answer.text(element, "name").partition(":/")
    if not colon:
        raise answer.unreadable("a brick is not HOST:/PATH")
    arbiter = element.findtext("isArbiter") == "1"
    return Brick(host, f"/{path}", answer.identity(element, "hostUuid"), arbiter)


def _options(answer: Answer, element: Element) -> Iterable[tuple[str, str]]:
    for option in element.iterfind("options/option"):
        yield answer.text(option, "name"), option.findtext("value") or ""


def _peer(answer: Answer, element: Element) -> Peer:
    hostname = answer.text(element, "hostname")
    local = hostname == "localhost"
    others = (other.text.strip() for other in element.iterfind("hostnames/hostname") if other.text)
    # A rejected peer is "connected" too; state 3, which the local one lacks, is "in cluster".
    member = element.findtext("state", "3") == "3"
    return Peer(
        id=answer.identity(element, "uuid"),
        hostnames=() if local else tuple(dict.fromkeys((hostname, *others))),
        connected=member and element.findtext("connected") == "1",
        local=local,
    )


def _brick_status(answer: Answer, element: Element) -> BrickStatus:
    return BrickStatus(
        peer_id=answer.identity(element, "peerid"),
        path=answer.text(element, "path"),
        online=element.findtext("status") == "1",
        size_total_bytes=_size_bytes(element, "sizeTotal"),
        size_free_bytes=_size_bytes(element, "sizeFree"),
        device=element.findtext("device") or "",
    )


def _size_bytes(element: Element, tag: str) -> int:
    """0 where a brick that is offline has "N/A", or nothing."""
    value = element.findtext(tag) or ""
    return int(value) if value.isascii() and value.isdigit() else 0


def _limit_bytes(answer: Answer, element: Element) -> int | None:
    return None if element.findtext("hard_limit") == "N/A" else answer.number(element, "hard_limit")


def _has_told(brick: Element) -> bool:
    """A brick that could not be asked has another status, and "-" for its number of entries."""
    return brick.findtext("status") == "Connected" and (brick.findtext("numberOfEntries") or "").isdigit()
