"""What is asked now, and by whom: for the log and the audit trail, wherever the work for it is done.

A context variable carries it from the request to everything that is begun for it, also when the request itself is
over. What nobody asked for has none.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(slots=True)
class RequestContext:
    """One request, as far as it is known by now.

    id: the client's own `X-Request-ID`, or one that was made up. role: whose key has signed the token, "none"
    without a token. route: the pattern that its path fits, "none" where none was looked for or found. volume_id:
    the volume in the path. operation_id: the long work that it began. body: what was decoded of it. error: why it
    was refused, or failed. polled: such requests come all the time.
    """

    id: str
    method: str
    path: str
    client: str = ""
    role: str = "none"
    route: str = "none"
    volume_id: str = ""
    operation_id: str = ""
    body: BaseModel | None = None
    error: str = ""
    polled: bool = False

    def who(self) -> dict[str, object]:
        """The fields of a line that is written because of it."""
        fields: dict[str, object] = {"request": self.id, "role": self.role, "client": self.client}
        if self.operation_id:
            fields["operation"] = self.operation_id
        return fields


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)
