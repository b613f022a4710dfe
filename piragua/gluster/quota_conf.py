"""This server's own list of limited directories: glusterd's quota.conf.

A header line and records of a gfid (16 bytes), followed by a type from version 1.2 on (glusterfs 10.3). A
glusterd that was down when a limit was set lacks its record for good, though the limit is enforced.
"""

import asyncio
import re
from pathlib import Path

from piragua.errors import GlusterError
from piragua.gluster.gluster import Gluster

_HEADER = re.compile(rb"GlusterFS Quota conf \| version: v(\d+)\.(\d+)\n")
_GFID_BYTES = 16
_USAGE = 1


def limited(data: bytes) -> frozenset[str]:
    """gfids (32 hex digits) with a usage limit in that file; ValueError when it is not one."""
    header = _HEADER.match(data)
    if header is None:
        raise ValueError("the header of quota.conf is not known")
    typed = (int(header[1]), int(header[2])) >= (1, 2)
    step = _GFID_BYTES + typed
    body = data[header.end() :]
    if len(body) % step:
        raise ValueError("quota.conf does not end with a whole record")
    records = (body[start : start + step] for start in range(0, len(body), step))
    return frozenset(record[:_GFID_BYTES].hex() for record in records if not typed or record[-1] == _USAGE)


class QuotaConf:
    """Reads it where glusterd keeps it."""

    def __init__(self, gluster: Gluster) -> None:
        self._gluster = gluster

    async def limited_gfids(self, volume: str) -> frozenset[str]:
        """gfids of all directories with a limit that this server knows; GlusterError when it cannot be read."""
        path = Path(await self._gluster.working_directory()) / "vols" / volume / "quota.conf"
        try:
            return limited(await asyncio.to_thread(path.read_bytes))
        except (OSError, ValueError) as error:
            raise GlusterError(("system::", "getwd"), 0, f"{path}: {error}") from error
