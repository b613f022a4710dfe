"""What only Heketi's API refuses, beside `piragua.http.refusals`.

Refusal
  UnknownOperation         no operation can have this id
  UnknownPart              the request names a cluster, a node or an operation that is not there
  NotForThisVolume         only other kinds of volumes have what is asked for
  AllocationFailed         the core has no room, or no free name, for what was asked
"""

from piragua.http.refusals import Refusal


class UnknownOperation(Refusal):
    """No operation can have this id."""


class UnknownPart(Refusal):
    """The request names a cluster, a node or an operation that is not there."""


class NotForThisVolume(Refusal):
    """Only other kinds of volumes have what is asked for."""


class AllocationFailed(Refusal):
    """No room, or no free name; the text begins with Heketi's words for the step that failed."""
