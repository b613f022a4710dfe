"""What can go wrong, in the domain's words.

    PiraguaError
      InvalidRequest          the request can never succeed as it stands
        NotServed             no Gluster volume of that id or name is served here, or none at all
      NotFound                proven not to be there
      Conflict                something else holds or uses what was asked for
        NameInUse             another volume has that name
      TooManyOperations       the queue of work is full
      OutOfSpace              larger than what there is, or than what a setting allows
      Unsupported             cannot be done on a directory of a shared Gluster volume
      Ineligible              the flags of a Gluster volume exclude what was asked for
      NoneFits                none of several Gluster volumes takes it, each for a reason of its own
      NotReady                the answer is not known yet: starting, or an unclear state on disk
      StorageError            Gluster or the mount did not do what it was told
        OutcomeUnknown        work failed and could not be taken back: the tree tells how it ended
        UnusableAddress       a node has no address that Kubernetes would accept
        LimitNotSet           the limit could not be set, or does not read back
        GlusterError          the `gluster` program said no
          GlusterBusy           another command is in progress: try again
          GlusterTimeout        no answer in time: the outcome is unknown
          GlusterUnavailable    glusterd cannot be reached
          NoSuchLimit           there is no limit on that directory
          NoSuchGlusterVolume   there is no such Gluster volume
        MountError            the mounted Gluster volume did not answer as it should
          NotMounted            it is not mounted, or not the right one
          MountTimeout          a file call did not return in time

No HTTP status is known here: the error tables of front-ends map classes to answers.
"""

import re
from collections.abc import Mapping


class PiraguaError(Exception):
    """Base of everything that Piragua raises on purpose; `str()` is one sentence for a user."""


class InvalidRequest(PiraguaError):
    """The request can never succeed as it stands."""


class NotServed(InvalidRequest):
    """No Gluster volume of that id or name (wanted) is served here; wanted None: none is at all."""

    def __init__(self, wanted: str | None = None) -> None:
        super().__init__("no Gluster volume is served" if wanted is None else f"{wanted} is not served")
        self.wanted = wanted


class NotFound(PiraguaError):
    """Proven not to be there (docs/on-disk-format.md: what counts as proof)."""


class Conflict(PiraguaError):
    """Something else holds, or uses, what was asked for."""


class NameInUse(Conflict):
    """Another volume has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Volume name '{name}' already in use")
        self.name = name


class TooManyOperations(PiraguaError):
    """The queue of work is full."""


class OutOfSpace(PiraguaError):
    """Larger than the Gluster volume, or than a setting allows."""


class Unsupported(PiraguaError):
    """Cannot be done on a directory of a shared Gluster volume."""


class Ineligible(PiraguaError):
    """The flags of a Gluster volume exclude what was asked for; takes_others: not everything else as well."""

    def __init__(self, *, takes_others: bool) -> None:
        super().__init__("its flags let no " + ("file volume" if takes_others else "volume") + " be made there")
        self.takes_others = takes_others


class NoneFits(PiraguaError):
    """None of several Gluster volumes takes what was asked for; reasons: why, by their ids, in order."""

    def __init__(self, reasons: Mapping[str, PiraguaError]) -> None:
        lines = "; ".join(f"{gluster_volume_id}: {error}" for gluster_volume_id, error in reasons.items())
        super().__init__(f"no Gluster volume takes it: {lines}")
        self.reasons = reasons


class NotReady(PiraguaError):
    """The true answer is not known yet: the caller asks again later."""


class StorageError(PiraguaError):
    """Gluster, or the mount of it, did not do what it was told."""


class OutcomeUnknown(StorageError):
    """Work failed and could not be taken back: the tree tells how it ended, when it can be asked."""


class UnusableAddress(StorageError):
    """A node has no address that Kubernetes would accept."""


class LimitNotSet(StorageError):
    """The limit could not be set, or does not read back."""


class GlusterError(StorageError):
    """The `gluster` program said no.

    argv is the command without its standard options, op_errno is Gluster's own number
    (0 when it gave none), message is Gluster's own text.
    """

    def __init__(self, argv: tuple[str, ...], op_errno: int, message: str) -> None:
        super().__init__(f"gluster {' '.join(argv)}: {message}")
        self.argv = argv
        self.op_errno = op_errno
        self.message = message


class GlusterBusy(GlusterError):
    """Another command is in progress: the same command may be tried again."""


class GlusterTimeout(GlusterError):
    """No answer in time. The command may still happen: its outcome has to be read back."""


class GlusterUnavailable(GlusterError):
    """glusterd cannot be reached, or the program cannot be run."""


class NoSuchLimit(GlusterError):
    """There is no limit on that directory."""


class NoSuchGlusterVolume(GlusterError):
    """There is no Gluster volume of that name."""


class MountError(StorageError):
    """The mounted Gluster volume did not answer as it should; errno is 0 when none applies."""

    def __init__(self, path: str, errno: int, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.errno = errno


class NotMounted(MountError):
    """The Gluster volume is not mounted there, or something else is."""


class MountTimeout(MountError):
    """A file call did not return in time; it may still happen."""


_ID = re.compile("[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def cause_of(error: PiraguaError) -> str:
    """What went wrong, the same for whatever volume and whichever command met it: for telling it only once."""
    return f"{type(error).__name__}: {_ID.sub('*', str(getattr(error, 'message', error)))}"
