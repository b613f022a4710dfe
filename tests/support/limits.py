"""Whether a limit stops a writer, as Gluster means it."""

import errno
from pathlib import Path

from lab.write_until_refused import write_until_refused

COUNTED_LATE_MIB = 2
"""What a brick had not counted yet when the limit was reached; more on a busy machine than on a quiet one."""


def require_end_after(mib: int, file: Path) -> int:
    """A writer is stopped by the quota there; what was written just before may be counted a moment late.

    How many MiB were written.
    """
    written_mib, refused = write_until_refused(file, most_mib=mib + 60)
    assert refused == errno.EDQUOT
    assert mib <= written_mib <= mib + COUNTED_LATE_MIB
    return written_mib
