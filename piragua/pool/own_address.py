"""Under which address this machine is reached, for when its name does not tell."""

import fcntl
import socket
import struct
from ipaddress import IPv6Address, ip_address

from piragua.config.addresses import acceptable_address

# From linux/sockios.h: the first IPv4 address of an interface, in bytes 20 to 24 of struct ifreq.
_SIOCGIFADDR = 0x8915
# Documentation addresses (RFC 5737, RFC 3849): routed the default way, and nothing is sent to them.
_FAR_AWAY = ("192.0.2.1", "2001:db8::1")


def own_address(peer_addresses: tuple[str, ...]) -> str | None:
    """The address that packets to another peer carry; without peers, to the world; None: unclear.

    As a last resort the one address that all interfaces together have; of two nobody could say
    which is meant. Sends no packet and does not block.
    """
    for target in peer_addresses or _FAR_AWAY:
        if (address := _source_address(target)) is not None:
            return address
    addresses = _interface_addresses()
    return addresses.pop() if len(addresses) == 1 else None


def _source_address(target: str) -> str | None:
    family = socket.AF_INET6 if isinstance(ip_address(target), IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target, 9))  # for UDP this asks the routing table, no more
        except OSError:
            return None
        return acceptable_address(probe.getsockname()[0])


def _interface_addresses() -> set[str]:
    found: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without an IPv4 address
            if (address := acceptable_address(socket.inet_ntoa(answer[20:24]))) is not None:
                found.add(address)
    return found
