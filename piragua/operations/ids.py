"""An operation's id, which carries all that another instance needs to answer for it."""

from dataclasses import dataclass

from piragua.errors import NotFound
from piragua.models import OperationKind

NONCE_BYTES = 8
_ID_BYTES = 1 + 16 + 16 + NONCE_BYTES


@dataclass(frozen=True)
class OperationId:
    """What an operation's id says."""

    kind: OperationKind
    gluster_volume_id: str
    volume_id: str
    nonce: str

    @property
    def text(self) -> str:
        """The id, in hex."""
        return f"{self.kind.value:02x}{self.gluster_volume_id}{self.volume_id}{self.nonce}"

    @classmethod
    def parse(cls, operation_id: str) -> "OperationId":
        """What that id says; NotFound when it is none that Piragua gives out."""
        try:
            data = bytes.fromhex(operation_id)
            if len(data) != _ID_BYTES or data.hex() != operation_id:
                raise ValueError
            kind = OperationKind(data[0])
        except ValueError:
            raise NotFound(f"unknown operation {operation_id[:100]}") from None
        return cls(kind, data[1:17].hex(), data[17:33].hex(), data[33:].hex())
