"""The mode of a file, as the lookup told it that found the file.

Without caches every lookup asks the bricks, and its answer has the attributes in it. `os.stat` and `os.fstat` then
ask the bricks for them once more; the kernel need not do that when it is told so (statx(2), AT_STATX_DONT_SYNC).
Not for what other calls change all the time, as a size: when another call on the same file ends during the lookup,
the kernel keeps what that one told.
"""

import ctypes
import os
import struct

_EMPTY_PATH = 0x1000
_NO_FOLLOW = 0x100
_DONT_SYNC = 0x4000
_TYPE_AND_MODE = 0x3
_MODE = struct.Struct("=28x H 226x")  # of struct statx, which has 256 bytes
_libc = ctypes.CDLL(None, use_errno=True)
_libc.statx.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


def mode_of(name: str, dir_fd: int) -> int:
    """Looks the name up there, without following it if it is a link. OSError and ValueError as `os.stat`."""
    if "\0" in name:
        raise ValueError("embedded null byte")
    return _mode(dir_fd, name, _NO_FOLLOW)


def mode_of_opened(fd: int) -> int:
    """As it was when the descriptor was opened, or as it was told since. OSError as `os.fstat`."""
    return _mode(fd, "", _EMPTY_PATH)


def _mode(fd: int, name: str, flags: int) -> int:
    room = ctypes.create_string_buffer(_MODE.size)
    if _libc.statx(fd, os.fsencode(name), flags | _DONT_SYNC, _TYPE_AND_MODE, room):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name or None)
    mode: int = _MODE.unpack(room.raw)[0]
    return mode
