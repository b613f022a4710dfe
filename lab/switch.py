"""A network switch between pretend machines and the caller, with a cable for each that can be pulled.

The bridge is in namespaces of its own, so the caller's firewall for forwarded packets has no say in
what the machines tell each other, and nothing of it outlives the caller.
"""

import ipaddress
import json
import os
import subprocess
from collections.abc import Iterator

from lab.machine import Machine, MachineError

INTERFACE_PREFIX = "piragua-"
CALLER_HOST = 254
WIDEST_NETWORK = 8  # a VPN's 0.0.0.0/1 is another way to say "default"


def candidate_subnets() -> Iterator[ipaddress.IPv4Network]:
    """/24 networks that a pool may take: private ones, then those that RFC 2544 sets aside for tests."""
    for first_two in ("10.77", "198.18"):
        for third in range(256):
            yield ipaddress.IPv4Network(f"{first_two}.{third}.0/24")


class Switch:
    """A bridge in a machine of its own, cabled to the caller under the first free subnet.

    subnet: the network; the caller has its address .254. Raises MachineError if none is free.
    """

    def __init__(self, timeout_seconds: float = 10) -> None:
        self._machine = Machine("switch", timeout_seconds=timeout_seconds)
        try:
            self._ip("link", "add", "bridge", "type", "bridge")
            self._ip("link", "set", "bridge", "up")
            self.subnet, self.interface = self._join_caller()
        except BaseException:
            self._machine.stop()
            raise

    def address(self, host: int) -> str:
        """The address of that number in the subnet."""
        return str(self.subnet[host])

    def connect(self, machine: Machine, host: int) -> str:
        """Lay a cable to the machine and give it, and return, the address of that number."""
        port = f"port-{host}"
        peer = ["peer", "name", "eth0", "netns", str(machine.pid)]
        self._ip("link", "add", port, "type", "veth", *peer)
        self._ip("link", "set", port, "master", "bridge", "up")
        machine.run(["ip", "addr", "add", f"{self.address(host)}/24", "dev", "eth0"])
        machine.run(["ip", "link", "set", "eth0", "up"])
        return self.address(host)

    def cable(self, host: int, up: bool) -> None:
        """Plug in, or pull, the cable to the machine with that address number."""
        self._ip("link", "set", f"port-{host}", "up" if up else "down")

    def stop(self) -> None:
        """Take the network down, the caller's end included."""
        subprocess.run(["ip", "link", "del", self.interface], capture_output=True, check=False)
        self._machine.stop()

    def _join_caller(self) -> tuple[ipaddress.IPv4Network, str]:
        used = _networks_of_caller()
        for subnet in candidate_subnets():
            interface = f"{INTERFACE_PREFIX}{subnet.network_address.packed[1]}.{subnet.network_address.packed[2]}"
            if any(subnet.overlaps(other) for other in used) or not self._add_port_to_caller(interface):
                continue
            _run("ip", "addr", "add", f"{subnet[CALLER_HOST]}/24", "dev", interface)
            _run("ip", "link", "set", interface, "up")
            return subnet, interface
        raise MachineError("no network 10.77.x.0/24 or 198.18.x.0/24 is free here")

    def _add_port_to_caller(self, interface: str) -> bool:
        """False if another pool was faster: making the interface is what takes the subnet."""
        peer = ["peer", "name", interface, "netns", str(os.getpid())]
        try:
            self._ip("link", "add", "port-caller", "type", "veth", *peer)
        except MachineError as refused:
            if "File exists" in str(refused):
                return False
            raise
        self._ip("link", "set", "port-caller", "master", "bridge", "up")
        return True

    def _ip(self, *arguments: str) -> None:
        # the network only, not all namespaces: pids of machines are the caller's
        _run("nsenter", f"--target={self._machine.pid}", "--net", "ip", *arguments)


def _networks_of_caller() -> list[ipaddress.IPv4Network]:
    routes = json.loads(_run("ip", "-json", "-4", "route", "show", "table", "all"))
    destinations = (route["dst"] for route in routes if route["dst"] != "default")
    networks = [ipaddress.IPv4Network(destination, strict=False) for destination in destinations]
    return [network for network in networks if network.prefixlen >= WIDEST_NETWORK]


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise MachineError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
