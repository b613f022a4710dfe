"""A handle of the mounted Gluster volume's root, opened when the mount was proven.

Everything is reached from this handle and never by the mount point's path: if the mount goes, calls
fail instead of writing into an ordinary directory (glusterfs 10.3: a lost mount "succeeds" on the root disk).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from piragua.tree import attributes, layout

_FOLDER_SECONDS = 5
"""So long a folder stays open: one that was made anew by hand is found after that."""


class _Folder:
    """A path-only descriptor, closed when nobody works with it any more."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.until_seconds = time.monotonic() + _FOLDER_SECONDS

    def __del__(self) -> None:
        os.close(self.fd)


class Handle:
    """The open root directory of one mount.

    Whoever works with it keeps a reference; it is closed with the last one, so that its number is never
    reused under a call that still runs in an abandoned thread. device: the mount's, as mountinfo names it.
    connection: the kernel's number of the mount, which is no other's for as long as this is open; None: not told.
    """

    def __init__(self, gluster_volume: str, path: str, root_fd: int, connection: int | None = None) -> None:
        self.gluster_volume = gluster_volume
        self.path = path
        self.fd = root_fd
        device = os.fstat(root_fd).st_dev
        self.device = os.major(device), os.minor(device)
        self.connection = connection
        self._folders: dict[str, _Folder] = {}

    def __del__(self) -> None:
        os.close(self.fd)

    def open(self, relative: str, flags: int, mode: int = 0) -> int:
        """A descriptor of a path below the root; the caller closes it. OSError as `os.open`."""
        with self._above(relative) as (fd, name):
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=fd)

    @contextmanager
    def opened(self, relative: str, flags: int, mode: int = 0) -> Iterator[int]:
        """The same as `open`, closed at the end."""
        fd = self.open(relative, flags, mode)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def volume(self, volume_id: str) -> Iterator[int]:
        """A path-only descriptor of `/<id>`: one lookup, for all calls on it. FileNotFoundError if absent."""
        flags = os.O_PATH | os.O_DIRECTORY
        with self.opened(layout.directory_of(volume_id), flags) as fd:
            yield fd

    @contextmanager
    def folder(self, relative: str) -> Iterator[int]:
        """A path-only descriptor of a folder of ours, which can have been opened some seconds ago.

        Without the kernel's caches every level of a path costs two calls at the bricks.
        """
        folder = self._folders.get(relative)
        if folder is None or time.monotonic() > folder.until_seconds:
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            folder = self._folders[relative] = _Folder(os.open(relative, flags, dir_fd=self.fd))
        yield folder.fd

    @contextmanager
    def _above(self, relative: str) -> Iterator[tuple[int, str]]:
        """The directory that the path's last name is in, and that name."""
        above, _, name = relative.rpartition("/")
        if not above:
            yield self.fd, name
            return
        with self.folder(above) as fd:
            yield fd, name

    def stat(self, relative: str) -> os.stat_result:
        """Of a path below the root itself, not of what it links to. OSError as `os.stat`."""
        with self._above(relative) as (fd, name):
            return os.stat(name, dir_fd=fd, follow_symlinks=False)

    def is_there(self, relative: str) -> bool:
        """Whether there is something at a path below the root, looked up once. OSError as `os.stat`."""
        try:
            with self._above(relative) as (fd, name):
                attributes.mode_of(name, fd)
        except FileNotFoundError:
            return False
        return True

    def unlink(self, relative: str) -> None:
        """Removes a file below the root. OSError as `os.unlink`."""
        with self._above(relative) as (fd, name):
            os.unlink(name, dir_fd=fd)

    def answer(self) -> None:
        """Asks the bricks for the root's attributes; OSError when they do not answer."""
        os.fstat(self.fd)

    def entries(self) -> list[str]:
        """Names in the root."""
        with self.opened(".", os.O_RDONLY | os.O_DIRECTORY) as fd:
            return os.listdir(fd)


def by_descriptor(fd: int) -> str:
    """A path that means the opened thing itself: extended attributes cannot be reached with a path-only one."""
    return f"/proc/self/fd/{fd}"
