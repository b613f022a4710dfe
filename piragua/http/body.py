"""A request's body: read in pieces, within a bound and a deadline, whatever its Content-Type says."""

import asyncio
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError

from piragua.http.go_json import Model, Undecodable, decode
from piragua.http.refusals import BodyTooLarge, BodyTooSlow, SettingUnparsable, Unparsable
from piragua.log.request_context import current_request

# Heketi takes any size; 8 MiB of blanks behind the JSON were accepted (docs/heketi-wire.md, 1.4).
MAX_BODY_BYTES = 9 * 2**20
# What is not blank has to be decoded, and the event loop waits for that.
MAX_JSON_BYTES = 2**18
_BLANKS = b" \t\r\n"


@dataclass(frozen=True)
class BodyLimits:
    """How long a body may be, and how long it may take to come."""

    max_bytes: int = MAX_BODY_BYTES
    max_json_bytes: int = MAX_JSON_BYTES
    timeout_seconds: float = 10


async def read_into(
    request: Request, model: type[Model], limits: BodyLimits, *, may_be_empty: bool = False
) -> Model:
    """The body decoded as Go would. Raises Unparsable, BodyTooLarge, BodyTooSlow."""
    body = await _read(request, limits)
    if may_be_empty and not body:
        return model()
    try:
        decoded = decode(body, model)
    except Undecodable as error:
        raise Unparsable("request unable to be parsed") from error
    context = current_request.get()
    if context is not None:
        context.body = decoded
    return decoded


async def read_setting(request: Request, model: type[Model], limits: BodyLimits) -> Model:
    """The same for the routes that refuse in another way: 400, and why (docs/heketi-wire.md, 3.5)."""
    try:
        return await read_into(request, model, limits)
    except Unparsable as error:
        raise SettingUnparsable(f"request unable to be parsed: {error.__cause__}") from error


async def read_strict(request: Request, model: type[Model], limits: BodyLimits) -> Model:
    """For routes that Heketi has not: a wrong type and an unknown field are refused by their name.

    Raises SettingUnparsable, BodyTooLarge, BodyTooSlow.
    """
    try:
        return model.model_validate_json(await _read(request, limits), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(each)[:80] for each in first["loc"])
        raise SettingUnparsable(f"{where}: {first['msg']}" if where else first["msg"]) from error


async def _read(request: Request, limits: BodyLimits) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.max_bytes:
                    raise BodyTooLarge(f"request body is larger than {limits.max_bytes} bytes")
    except TimeoutError as error:
        raise BodyTooSlow(f"request body did not come within {limits.timeout_seconds:g} seconds") from error
    if len(body) > limits.max_json_bytes < len(body.translate(None, _BLANKS)):
        raise BodyTooLarge(f"request body has more than {limits.max_json_bytes} bytes of JSON")
    return bytes(body)
