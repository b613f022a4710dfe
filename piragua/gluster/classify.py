"""What a refusal of Gluster's means: one table over its numbers and its sentences.

Source of every line: glusterfs 10.3 behaviour. Its numbers say little (30800 stands for nearly
everything), so the sentences decide. The first line of the table that fits wins, the final refusals
before the passing ones: some are worded alike.
"""

import re
from collections.abc import Sequence

from piragua.errors import (
    GlusterBusy,
    GlusterError,
    GlusterTimeout,
    GlusterUnavailable,
    NoSuchGlusterVolume,
    NoSuchLimit,
)


class NoLimitsAtAll(GlusterError):
    """Not one directory of the Gluster volume has a limit: to `quota list` that is a failure."""


class NothingHeals(GlusterError):
    """A Gluster volume of this type keeps no second copy, so it has nothing to heal."""


class LimitRecordMissing(GlusterError):
    """This server's quota.conf has no record of the limit; the directory may have one all the same."""


_BY_NUMBER: dict[int, type[GlusterError]] = {30802: GlusterBusy, 30806: NoSuchGlusterVolume}

_BY_SENTENCE: tuple[tuple[re.Pattern[str], type[GlusterError]], ...] = tuple(
    (re.compile(sentence), verdict)
    for sentence, verdict in (
        (r"removexattr failed on .*No data available", NoSuchLimit),
        (r"gfid .* not found in store", LimitRecordMissing),
        (r"No quota configured on volume", NoLimitsAtAll),
        (r"supported for only volumes of replicate/disperse type", NothingHeals),
        (r"Volume \S+ does not exist", NoSuchGlusterVolume),
        (r"Connection failed\. Please check if gluster daemon is operational", GlusterUnavailable),
        (r"Request timed out", GlusterTimeout),
        (r"Another transaction (is|could be) in progress", GlusterBusy),
        (r"Locking failed on ", GlusterBusy),
        (r"Failed to find the directory /\S+_quota_limit/.*Transport endpoint is not connected", GlusterBusy),
        (r"Failed to start aux mount", GlusterBusy),
    )
)


def classify(argv: Sequence[str], op_ret: int, op_errno: int, op_errstr: str) -> GlusterError | None:
    """The error that an answer stands for; None when op_ret is 0.

    argv is the command without its standard options. op_errstr is Gluster's text, with one line per
    peer in a pool, or what was printed instead of XML.
    """
    if op_ret == 0:
        return None
    message = " ".join(op_errstr.split()) or f"failed without a reason (opRet {op_ret}, opErrno {op_errno})"
    if "Quota is disabled" in message and len(argv) > 2:
        message += f": gluster volume quota {argv[2]} enable"
    return _verdict(op_errno, op_errstr)(tuple(argv), op_errno, message)


def _verdict(op_errno: int, op_errstr: str) -> type[GlusterError]:
    for sentence, verdict in _BY_SENTENCE:
        if sentence.search(op_errstr):
            return verdict
    return _BY_NUMBER.get(op_errno, GlusterError)
