"""The data of one regular file, with its holes, into a new one. Every function blocks.

By `copy_file_range`, so that the kernel, or a Gluster that can, copies without the data passing through
here; where that is refused by reading and writing. (glusterfs 10.3 never hears of it: the kernel copies
through the mount. Later versions leave their own way off, since replication does not know it.)
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

_PIECE_BYTES = 8 * 2**20
_READ_BYTES = 2**20
_BLOCK_BYTES = 64 * 1024
_ZEROS = bytes(_BLOCK_BYTES)
_SMALL_BYTES = 2**20
_SYNC_BYTES = 256 * 2**20
_NOT_IN_KERNEL = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
_NO_SEEK = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


@dataclass(frozen=True)
class _Range:
    """Bytes from start up to end. holes: zeros in them may be holes, which nobody could tell."""

    start: int
    end: int
    holes: bool = False


class DataCopier:
    """Copies files; remembers between them that the kernel refused."""

    def __init__(self, *, in_kernel: bool = True) -> None:
        self._in_kernel = in_kernel

    def copy(self, source_fd: int, target_fd: int, status: os.stat_result) -> Iterator[int]:
        """Copies what an opened source of that status holds, and yields the bytes of each piece.

        At the end the data is on the bricks' disks, and errors that Gluster had kept for later were raised.
        """
        filled_bytes = unsynced_bytes = 0
        for each in _ranges(source_fd, status):
            for count_bytes in self._copy_range(source_fd, target_fd, each):
                unsynced_bytes += count_bytes
                if unsynced_bytes >= _SYNC_BYTES:  # the more is left, the longer one call takes
                    os.fsync(target_fd)
                    unsynced_bytes = 0
                yield count_bytes
            filled_bytes = each.start if each.holes else each.end
        if filled_bytes < status.st_size:
            os.ftruncate(target_fd, min(status.st_size, os.fstat(source_fd).st_size))
        if status.st_size:
            os.fsync(target_fd)

    def _copy_range(self, source_fd: int, target_fd: int, wanted: _Range) -> Iterator[int]:
        position = wanted.start
        while position < wanted.end:
            count_bytes = self._by_kernel(source_fd, target_fd, position, wanted)
            if not count_bytes:
                count_bytes = _by_hand(source_fd, target_fd, position, wanted)
            if not count_bytes:
                return  # the file was cut shorter meanwhile
            position += count_bytes
            yield count_bytes

    def _by_kernel(self, source_fd: int, target_fd: int, position: int, wanted: _Range) -> int:
        """Bytes that were copied; 0 when it has to be done by hand."""
        if wanted.holes or not self._in_kernel:
            return 0
        count_bytes = min(_PIECE_BYTES, wanted.end - position)
        try:
            return os.copy_file_range(source_fd, target_fd, count_bytes, position, position)
        except OSError as error:
            if error.errno not in _NOT_IN_KERNEL:
                raise
            self._in_kernel = False
            return 0


def _ranges(source_fd: int, status: os.stat_result) -> Iterator[_Range]:
    """Where there is data, in order; all of it where the file system does not say."""
    size_bytes = status.st_size
    sparse = status.st_blocks * 512 < size_bytes
    if not sparse and size_bytes <= _SMALL_BYTES:
        yield _Range(0, size_bytes)
        return
    position = 0
    while position < size_bytes:
        try:
            start = os.lseek(source_fd, position, os.SEEK_DATA)
            end = min(os.lseek(source_fd, start, os.SEEK_HOLE), size_bytes)
        except OSError as error:
            if error.errno in _NO_SEEK:
                yield _Range(position, size_bytes, holes=sparse)
            elif error.errno != errno.ENXIO:  # which means: no data from here on
                raise
            return
        if start >= size_bytes:
            return
        yield _Range(start, end, holes=sparse and (start, end) == (0, size_bytes))
        position = end


def _by_hand(source_fd: int, target_fd: int, position: int, wanted: _Range) -> int:
    """Copies a piece by reading and writing; its bytes, 0 at the end of the file."""
    most_bytes = _BLOCK_BYTES if wanted.holes else _READ_BYTES
    data = os.pread(source_fd, min(most_bytes, wanted.end - position), position)
    if not (wanted.holes and data == _ZEROS[: len(data)]):
        written = 0
        while written < len(data):
            written += os.pwrite(target_fd, data[written:], position + written)
    return len(data)
