"""What tests run on a private Gluster: its volumes, Piragua instances, mounts as a Kubernetes node makes them."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.deep_mount import deep_mounted
from lab.private_gluster import Node, PrivateGluster
from tests.support.instance import Instance

_volume_numbers = itertools.count()


@dataclass
class GlusterVolume:
    """A Gluster volume of a test; the instances and mounts made here end before it does."""

    pool: PrivateGluster
    name: str
    _stack: ExitStack = field(repr=False)

    def start_instance(
        self,
        node: int = 0,
        settings: Mapping[str, str | None] | None = None,
        wait: bool = True,
    ) -> Instance:
        """A Piragua that serves this volume, run on that node (counted from 0), healthy unless wait is False."""
        instance = self._stack.enter_context(Instance(self.pool.nodes[node], self.name, settings))
        if wait:
            instance.wait_until_healthy()
        return instance

    def deep_mount(self, path: str, node: int = 0, options: str = "") -> Path:
        """Mount `<glustervolume>/<id>/<name>` from that node, as the kubelet does; returns the folder."""
        return self._stack.enter_context(mounted(self.pool.nodes[node], path, options))

    def mount(self, node: int = 0, options: str = "") -> Path:
        """Mount the whole Gluster volume from that node; returns the folder."""
        return self.deep_mount(self.name, node, options)


@contextmanager
def gluster_volume(
    pool: PrivateGluster,
    name: str | None = None,
    bricks_per_node: int = 1,
    replica: int | None = None,
    quota: bool = True,
    strict: bool = True,
    brick_size_mib: int | None = None,
) -> Iterator[GlusterVolume]:
    """A new Gluster volume in the pool (arguments as PrivateGluster.create_volume; name None: a fresh one)."""
    name = name or f"gv{next(_volume_numbers)}"
    pool.create_volume(name, bricks_per_node, replica, quota, strict, brick_size_mib)
    with ExitStack() as stack:
        yield GlusterVolume(pool, name, stack)


@contextmanager
def mounted(node: Node, path: str, options: str = "") -> Iterator[Path]:
    """Mount `<node>:/<path>` in the test's own namespace; yields the folder. Raises NotDeepMounted."""
    folder = Path(tempfile.mkdtemp(prefix="piragua-mount-"))
    mount_point = folder / "mnt"
    mount_point.mkdir()
    try:
        with deep_mounted(node.address, path, mount_point, folder / "client.log", options):
            yield mount_point
    finally:
        if not mount_point.is_mount():
            shutil.rmtree(folder)
