"""From what went wrong to the answer: a table of statuses, texts and headers.

`BASE` has what every front-end that answers in plain text shares. A front-end with words of its own adds its rows
(`BASE.with_rows`); one with a format of its own gives `PathSpace` another function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from starlette.responses import Response

from piragua import errors
from piragua.http import refusals, replies


@dataclass(frozen=True)
class Row:
    """How a class of errors is answered.

    text: what is said; None: what the error says of itself; a function: what it makes of the error. "": no body.
    """

    status: int
    text: str | Callable[[Any], str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def text_of(self, error: BaseException) -> str:
        """What the client reads of that error; "" where there is no body."""
        if self.text == "":
            return ""
        text = self.text(error) if callable(self.text) else self.text
        # A client makes its own sentence, without a cause, of an empty body (docs/heketi-wire.md, 1.5).
        return (str(error) if text is None else text) or type(error).__name__


class ErrorTable:
    """Rows by classes of errors; an error is answered by the row of the nearest of its classes."""

    def __init__(self, rows: Mapping[type[BaseException], Row]) -> None:
        self._rows = MappingProxyType(dict(rows))

    def with_rows(self, rows: Mapping[type[BaseException], Row]) -> Self:
        """This table, with those rows in place of, or beside, its own."""
        return type(self)({**self._rows, **rows})

    def row_of(self, error: BaseException) -> Row:
        """The row of the nearest of the error's classes."""
        return next(self._rows[kind] for kind in type(error).__mro__ if kind in self._rows)

    def answer(self, error: BaseException) -> Response:
        """What the client gets for the error: plain text."""
        row = self.row_of(error)
        text = row.text_of(error)
        return replies.text(row.status, text, dict(row.headers)) if text else replies.empty(row.status)


_INTERNAL = Row(500, "Internal error: the log of the server that answered says more")

BASE = ErrorTable(
    {
        refusals.Refusal: Row(400),
        refusals.AuthorizationMalformed: Row(400),
        refusals.TokenRefused: Row(401),
        refusals.AdministratorRequired: Row(401, "Administrator access required"),
        refusals.InvalidPath: Row(404, "Invalid path or request"),
        refusals.MethodNotAllowed: Row(405, ""),
        refusals.Unparsable: Row(422),
        refusals.SettingUnparsable: Row(400),
        refusals.SettingRefused: Row(422),
        refusals.BodyTooLarge: Row(413),
        refusals.BodyTooSlow: Row(408),
        refusals.RequestTooSlow: Row(503),
        refusals.StillInUse: Row(409),
        refusals.Maintenance: Row(503),
        errors.InvalidRequest: Row(400),
        errors.NotFound: Row(404),
        errors.Conflict: Row(500),
        errors.TooManyOperations: Row(429, headers={"Retry-After": "1"}),
        errors.OutOfSpace: Row(500),
        errors.Unsupported: Row(400),
        errors.NotReady: Row(503),
        errors.StorageError: Row(503),
        errors.UnusableAddress: Row(500),
        errors.PiraguaError: Row(500),
        BaseException: _INTERNAL,
    }
)


def is_unexpected(error: BaseException) -> bool:
    """Whether the error is nobody's refusal but a defect of ours."""
    return not isinstance(error, errors.PiraguaError | refusals.Refusal)
