"""Files of Piragua that are written anew as a whole: settings, and work in flight. Every function blocks.

What a key stands for is in files `<key>.<number>`, of which the highest whole one counts. A change makes the
next number with O_EXCL and removes all but the one before: so a reader always finds a whole one, and of
two instances that change the same at once one fails. Data is one line: its end shows that it is whole.
Files are not renamed over each other: on a distributed volume a reader can find neither (glusterfs 10.3).
"""

import errno
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from piragua.tree.handle import Handle

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_END = b"\n"
_LARGEST_BYTES = 2**20
_TRIES = 5
_FILE = re.compile(r"([0-9a-z-]+)\.([0-9]{1,15})")


@dataclass(frozen=True)
class NumberedFile:
    """What the file that counts holds, and its number."""

    number: int
    data: bytes


def read(handle: Handle, folder: str, key: str) -> bytes | None:
    """What that key stands for; None for nothing."""
    return read_folder(handle, folder, [key]).get(key)


def read_folder(handle: Handle, folder: str, keys: Iterable[str] | None = None) -> dict[str, bytes]:
    """What is in that folder, by key; of all keys, or of those."""
    return {key: each.data for key, each in read_numbered(handle, folder, keys).items()}


def numbers(handle: Handle, folder: str) -> dict[str, int]:
    """The highest number of each key. What `read_numbered` gave is true as long as its numbers are these."""
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        return {key: max(found) for key, found in _numbers(fd).items()}


def read_numbered(handle: Handle, folder: str, keys: Iterable[str] | None = None) -> dict[str, NumberedFile]:
    """The same as `read_folder`, and which number it is."""
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        for _ in range(_TRIES):
            numbers = _numbers(fd)
            wanted = numbers.keys() if keys is None else numbers.keys() & set(keys)
            try:
                found = {key: _newest(fd, key, numbers[key]) for key in wanted}
            except FileNotFoundError:
                continue  # changed again and again since they were listed
            return {key: each for key, each in found.items() if each is not None}
    raise OSError(errno.EAGAIN, f"/{folder} changes all the time", folder)


def replace(handle: Handle, folder: str, key: str, data: bytes) -> None:
    """Whoever asks for the key from now on gets data, one line.

    FileExistsError when another has changed it meanwhile; OSError (EFBIG) for more than readers take, 1 MiB.
    """
    if len(data) + len(_END) > _LARGEST_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), key)
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        before = sorted(_numbers(fd).get(key, []))
        whole = next((number for number in reversed(before) if _whole(fd, f"{key}.{number}") is not None), None)
        own = f"{key}.{before[-1] + 1 if before else 1}"
        _write(fd, own, data + _END)
        for number in before:
            if number != whole:
                _unlink(fd, f"{key}.{number}")
        if own not in os.listdir(fd):
            raise FileExistsError(errno.EEXIST, f"{key} was changed by another meanwhile", own)


def remove(handle: Handle, folder: str, key: str) -> None:
    """That key stands for nothing any more. Nobody else may be changing it."""
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        for number in sorted(_numbers(fd).get(key, [])):
            _unlink(fd, f"{key}.{number}")


def _numbers(folder_fd: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for match in map(_FILE.fullmatch, os.listdir(folder_fd)):
        if match:
            found.setdefault(match[1], []).append(int(match[2]))
    return found


def _newest(folder_fd: int, key: str, numbers: Iterable[int]) -> NumberedFile | None:
    """What the highest whole one holds; None while the first is being written. FileNotFoundError: list again."""
    missing: FileNotFoundError | None = None
    for number in sorted(numbers, reverse=True):
        try:
            data = _whole(folder_fd, f"{key}.{number}")
        except FileNotFoundError as error:
            missing = error
        else:
            if data is not None:
                return NumberedFile(number, data)
    if missing is not None:
        raise missing
    return None


def _whole(folder_fd: int, name: str) -> bytes | None:
    """What is in the file; None while it is being written, or when its writer went away."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        data = bytearray()
        while piece := os.read(fd, 2**16):
            data += piece
            if len(data) > _LARGEST_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    except OSError as error:
        if error.errno == errno.ESTALE:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error
        raise
    finally:
        os.close(fd)
    return bytes(data[: -len(_END)]) if data.endswith(_END) else None


def _write(folder_fd: int, name: str, data: bytes) -> None:
    fd = os.open(name, _NEW | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fdatasync(fd)
    except OSError:  # a full disk: what is left of it would be in the way of the next try
        with suppress(OSError):
            os.unlink(name, dir_fd=folder_fd)
        raise
    finally:
        os.close(fd)


def _unlink(folder_fd: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder_fd)
