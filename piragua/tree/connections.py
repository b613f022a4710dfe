"""What the mount's own process says about itself, in its virtual directory `.meta`. Every function blocks.

`gluster volume status` can be wrong about a brick for minutes; this is what this client really has.
"""

import os
import re

from piragua.tree.handle import Handle

_GRAPH = ".meta/graphs/active"
_CONNECTED = re.compile(rb"^connected\s*=\s*(\d+)", re.MULTILINE)


def disconnected(handle: Handle) -> list[str]:
    """Bricks without a connection, named as the client translators are: `<volume>-client-<n>`."""
    return [name for name in bricks(handle) if not _is_connected(handle, name)]


def bricks(handle: Handle) -> list[str]:
    """All bricks that this client knows, named in the same way."""
    # `active` is a symbolic link, and all of `.meta` is made up by the client itself: no tenant writes there.
    fd = os.open(_GRAPH, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle.fd)
    try:
        return sorted(name for name in os.listdir(fd) if is_client(name, handle.gluster_volume))
    finally:
        os.close(fd)


def is_client(name: str, gluster_volume: str) -> bool:
    """Whether a translator of that name speaks to a brick."""
    return re.fullmatch(rf"{re.escape(gluster_volume)}-client-\d+", name) is not None


def _is_connected(handle: Handle, name: str) -> bool:
    with handle.opened(f"{_GRAPH}/{name}/private", os.O_RDONLY) as fd:
        found = _CONNECTED.search(os.read(fd, 65536))
    return found is not None and int(found[1]) == 1
