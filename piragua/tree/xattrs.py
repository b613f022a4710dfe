"""Reading an extended attribute in one call.

`os.getxattr` asks with room for 128 bytes and then again with more. Without caches each is a call at the bricks,
and a record is longer than that.
"""

import ctypes
import errno
import os

from piragua.tree.handle import by_descriptor

_ROOM_BYTES = 2048
_libc = ctypes.CDLL(None, use_errno=True)
_libc.getxattr.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
_libc.getxattr.restype = ctypes.c_ssize_t


def read(fd: int, name: str) -> bytes | None:
    """What it holds, also of a path-only descriptor; None where there is none. OSError as `os.getxattr`."""
    room = ctypes.create_string_buffer(_ROOM_BYTES)
    size_bytes = _libc.getxattr(by_descriptor(fd).encode(), name.encode(), room, _ROOM_BYTES)
    if size_bytes >= 0:
        return room.raw[:size_bytes]
    number = ctypes.get_errno()
    if number == errno.ENODATA:
        return None
    if number == errno.ERANGE:
        return os.getxattr(by_descriptor(fd), name)
    raise OSError(number, os.strerror(number), name)
