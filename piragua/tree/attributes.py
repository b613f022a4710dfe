"""What a file is, as the lookup told it that found it.

Without caches every lookup asks the bricks, and its answer has the attributes in it. `os.stat` and `os.fstat` then
ask the bricks for them once more; the kernel need not do that when it is told so (statx(2), AT_STATX_DONT_SYNC).
Not for what other calls change all the time, as a size: when another call on the same file ends during the lookup,
the kernel keeps what that one told.
"""

import ctypes
import os
import struct
from dataclasses import dataclass

_EMPTY_PATH = 0x1000
_NO_FOLLOW = 0x100
_DONT_SYNC = 0x4000
_BASIC_STATS = 0x7FF
_STATX = struct.Struct("=I I Q I I I H 2x Q 216x")  # its first fields, up to the inode
_libc = ctypes.CDLL(None, use_errno=True)
_libc.statx.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


@dataclass(frozen=True)
class Attributes:
    """mode: with the kind of file, as in `os.stat_result`."""

    mode: int
    inode: int


def found(name: str, dir_fd: int) -> Attributes:
    """Looks the name up there, without following it if it is a link. OSError and ValueError as `os.stat`."""
    if "\0" in name:
        raise ValueError("embedded null byte")
    return _statx(dir_fd, name, _NO_FOLLOW)


def opened(fd: int) -> Attributes:
    """As they were when the descriptor was opened, or looked up once more since. OSError as `os.fstat`."""
    return _statx(fd, "", _EMPTY_PATH)


def _statx(fd: int, name: str, flags: int) -> Attributes:
    room = ctypes.create_string_buffer(_STATX.size)
    if _libc.statx(fd, os.fsencode(name), flags | _DONT_SYNC, _BASIC_STATS, room):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name or None)
    *_, mode, inode = _STATX.unpack(room.raw)
    return Attributes(mode, inode)
