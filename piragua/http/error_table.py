"""The one table from what went wrong to the answer: status, text and headers (docs/heketi-wire.md, 1.6, 5.2)."""

from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.responses import Response

from piragua import errors
from piragua.http import refusals, replies


@dataclass(frozen=True)
class Row:
    """How a class of errors is answered. text None: the error's own; "": no body at all."""

    status: int
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


_INTERNAL = Row(500, "Internal error: the log of the server that answered says more")

# An error is answered by the row of the nearest of its classes.
TABLE: MappingProxyType[type[BaseException], Row] = MappingProxyType(
    {
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
        # Never "Id not found": on a failed delete those words make Kubernetes forget the volume.
        refusals.UnknownOperation: Row(404),
        refusals.UnknownPart: Row(404),
        refusals.StillInUse: Row(409),
        refusals.NotForThisVolume: Row(500),
        refusals.Maintenance: Row(503),
        refusals.AllocationFailed: Row(500),
        errors.InvalidRequest: Row(400),
        errors.NotFound: Row(404, "Id not found"),
        errors.Conflict: Row(500),
        errors.TooManyOperations: Row(429, "Server busy. Retry operation later.", {"Retry-After": "1"}),
        errors.OutOfSpace: Row(500),
        errors.Unsupported: Row(400),
        errors.NotReady: Row(503),
        errors.StorageError: Row(503),
        errors.UnusableAddress: Row(500),
        errors.PiraguaError: Row(500),
        BaseException: _INTERNAL,
    }
)


def row_of(error: BaseException) -> Row:
    """The row of the nearest of the error's classes."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def answer(error: BaseException) -> Response:
    """What the client gets for the error."""
    row = row_of(error)
    if row.text == "":
        return replies.empty(row.status)
    message = row.text if row.text is not None else str(error)
    # A client makes its own sentence, without a cause, of an empty body (docs/heketi-wire.md, 1.5).
    return replies.text(row.status, message or type(error).__name__, row.headers)


def is_unexpected(error: BaseException) -> bool:
    """Whether the error is nobody's refusal but a defect of ours."""
    return row_of(error) is _INTERNAL


def framework_refusal(error: HTTPException) -> Response:
    """The answer for what the web framework itself turned away."""
    if error.status_code == 404:
        return answer(refusals.InvalidPath())
    if error.status_code == 405:
        return answer(refusals.MethodNotAllowed())
    return replies.text(error.status_code, str(error.detail))
