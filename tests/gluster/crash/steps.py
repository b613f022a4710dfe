"""Steps of an operation, by name, so that something can die right before one of them.

A step is a call that changes something on the Gluster volume: a file call in its tree, or a quota command. Calls
that only read, and locks, which end with their holder, leave nothing behind that could differ between two steps.
The hook wraps the calls themselves, so that code under test has none in it and no new line is missed.
"""

import contextvars
import fcntl
import functools
import inspect
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from piragua.gluster.gluster import Gluster

FILE_CALLS = (
    os.mkdir, os.rmdir, os.unlink, os.remove, os.mknod, os.mkfifo, os.symlink, os.link, os.rename, os.replace,
    os.open, os.write, os.writev, os.pwrite, os.sendfile, os.copy_file_range, os.ftruncate, os.truncate, os.chmod,
    os.fchmod, os.chown, os.fchown, os.lchown, os.utime, os.setxattr, os.removexattr, os.fsync, os.fdatasync,
)  # fmt: skip
QUOTA_COMMANDS = {
    "set_limit": "limit-usage",
    "remove_limit": "quota remove",
    "set_files_limit": "limit-objects",
    "remove_files_limit": "remove-objects",
}

_NUMBERED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}")
_CHANGES_A_FILE = os.O_CREAT | os.O_TRUNC


class Step(NamedTuple):
    """One step: what is called, on what, and how many of the same name came before it."""

    name: str
    before: int


class Steps:
    """Watches the steps of the work that is begun inside of `counted`, and calls `at` right before each."""

    def __init__(self, folder: str, at: Callable[[Step], None]) -> None:
        self._folder = folder
        self._at = at
        self._seen: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._locking = threading.Lock()
        self._counts = contextvars.ContextVar("counts", default=False)
        for call in FILE_CALLS:
            setattr(os, call.__name__, self._watched(call))
        fcntl.fcntl = self._apart(fcntl.fcntl)
        for method, name in QUOTA_COMMANDS.items():
            setattr(Gluster, method, self._watched_command(getattr(Gluster, method), name))

    @contextmanager
    def no_lock_call(self) -> Iterator[None]:
        """No thread is in the middle of a lock call meanwhile.

        When a process that is killed has two there, its FUSE client hangs for ever (glusterfs 10.3,
        glusterfs#4371); an instance takes such a mount away, but a victim's is the next victim's, too.
        """
        with self._locking:
            yield

    def _apart(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def apart(*arguments: Any) -> Any:
            with self._locking:
                return call(*arguments)

        return apart

    def begin(self) -> None:
        """From now on the steps of this task, and of what it starts, are counted."""
        self._counts.set(True)

    def _take(self, name: str) -> None:
        with self._guard:
            step = Step(name, self._seen[name])
            self._seen[name] += 1
        self._at(step)

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        words = _words_of(call)

        @functools.wraps(call)
        def watched(*arguments: Any, **options: Any) -> Any:
            if self._counts.get():
                name = self._name_of(call.__name__, dict(zip(words, arguments, strict=False)) | options)
                if name:
                    self._take(name)
            return call(*arguments, **options)

        return watched

    def _watched_command(
        self, command: Callable[..., Coroutine[Any, Any, Any]], name: str
    ) -> Callable[..., Coroutine[Any, Any, Any]]:
        @functools.wraps(command)
        async def watched(*arguments: Any, **options: Any) -> Any:
            if self._counts.get():
                self._take(name)
            return await command(*arguments, **options)

        return watched

    def _name_of(self, call: str, given: dict[str, Any]) -> str:
        """What that call is called; "" when it does not change the tree."""
        if call == "open" and not given["flags"] & _CHANGES_A_FILE:
            return ""
        on = next((given[word] for word in ("path", "fd", "dst", "out_fd") if word in given), "")
        above = given.get("dir_fd", given.get("dst_dir_fd"))
        path = _path_of(on) if above is None else f"{_path_of(above)}/{on}"
        if path != self._folder and not path.startswith(f"{self._folder}/"):
            return ""
        attribute = str(given["attribute"]) if "attribute" in given else ""
        where = _NUMBERED.sub("ID", path.removeprefix(self._folder)) or "/"
        return f"{call} {where} {attribute}".strip()


def _words_of(call: Callable[..., Any]) -> list[str]:
    """What the arguments of that call are called; `utime` does not say."""
    try:
        return list(inspect.signature(call).parameters)
    except ValueError:
        return ["path"]


def _path_of(on: int | str | bytes) -> str:
    """Where a descriptor, or a path, leads."""
    if isinstance(on, int):
        on = f"/proc/self/fd/{on}"
    path = os.fsdecode(on)
    if path.startswith("/proc/self/fd/"):
        try:
            return os.readlink(path)
        except OSError:
            return ""
    return path
