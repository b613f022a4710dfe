"""Another process that holds a lock, with nothing of Piragua's code: its end, by SIGKILL too, frees the lock."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, int(sys.argv[2]), 1, 0))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def lock_held(folder: Path, offset: int) -> Iterator[subprocess.Popen[bytes]]:
    """That byte of the lock file of a mounted Gluster volume is held; yields the holder, to be killed or not."""
    argv = [sys.executable, "-c", _PROGRAM, str(folder / ".piragua.lock"), str(offset)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder
        finally:
            holder.kill()


assert struct.calcsize("hhqqi4x") == 32, "struct flock of a 64-bit Linux"
