"""Which volume is meant: its id, its name, what only one of these begins with, or a path that has the id in it."""

import io
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress

import click
from click.shell_completion import CompletionItem

from piragua.cli.asking import connection, exits
from piragua.remote.answer import Answer
from piragua.remote.errors import ServerError
from piragua.remote.server import Server

VOLUMES = "/piragua/v1/volumes"
_FEWEST_CHARACTERS = 4
_ID = re.compile("[0-9a-f]{32}")
_ID_IN_PATH = re.compile("/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")
_MOST_NAMED = 5
_COMPLETION_SECONDS = 3
_COMPLETED = 50


def volume(server: Server, wanted: str, *, exactly: bool = False) -> Answer:
    """The volume. exactly: what an id or a name begins with does not count. Raises CommandFailed, ServerError."""
    digits = _digits(wanted)
    if _ID.fullmatch(digits) and (found := _with_id(server, digits)):
        return found
    named = server.entries(VOLUMES, "volumes", [("name", _escaped(wanted)), ("limit", "10")])
    return one_of(named or ([] if exactly else _begun(server, wanted, digits)), wanted, exactly=exactly)


def one_of(found: Sequence[Answer], wanted: str, *, exactly: bool, where: str = "volume") -> Answer:
    """The only one. Raises CommandFailed. where: what they are called."""
    if not found:
        rule = " (with --yes neither may be shortened)" if exactly else ""
        raise exits.CommandFailed(f"no {where} has the id or the name {wanted!r}{rule}", exits.NOT_FOUND)
    if len(found) > 1:
        named = ", ".join(f"{each['id']} ({each.get('name', '?')})" for each in found[:_MOST_NAMED])
        more = ", and more" if len(found) > _MOST_NAMED else ""
        raise exits.CommandFailed(f"{wanted!r} can mean more than one {where}: {named}{more}", exits.NOT_FOUND)
    return found[0]


def matching(entries: Sequence[Answer], wanted: str, *, exactly: bool) -> list[Answer]:
    """Those that are meant, of those that are listed: by id, also in a path, by name, by what these begin with."""
    digits = _digits(wanted)
    tests: list[Callable[[Answer], bool]] = [
        lambda each: each["id"] == digits,
        lambda each: each.get("name") == wanted,
    ]
    if not exactly and len(digits) >= _FEWEST_CHARACTERS:
        tests.append(lambda each: each["id"].startswith(digits) or str(each.get("name", "")).startswith(wanted))
    return next((found for test in tests if (found := [each for each in entries if test(each)])), [])


def complete_volume(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem | str]:
    """Names that begin so, for a shell; none when the server does not answer at once."""
    with suppress(Exception), redirect_stderr(io.StringIO()):  # what goes wrong has no place in a prompt
        server = connection.server(context, timeout_seconds=_COMPLETION_SECONDS)
        query = [("name", f"{_escaped(incomplete)}*"), ("limit", str(_COMPLETED))]
        names = [str(each["name"]) for each in server.entries(VOLUMES, "volumes", query)]
        return [name for name in names if re.fullmatch("[a-zA-Z0-9_-]+", name)]
    return []


def _digits(wanted: str) -> str:
    """What it is as an id, or as the beginning of one: without dashes, and without the path around it."""
    in_path = _ID_IN_PATH.search(wanted)
    return (in_path[1] if in_path else wanted).replace("-", "").lower()


def _with_id(server: Server, digits: str) -> Answer | None:
    try:
        return server.get(f"{VOLUMES}/{digits}")
    except ServerError as error:
        if error.status != 404:
            raise
        return None


def _begun(server: Server, wanted: str, digits: str) -> list[Answer]:
    """Volumes whose name or id begins so."""
    if len(digits) < _FEWEST_CHARACTERS:
        return []
    found = server.entries(VOLUMES, "volumes", [("name", f"{_escaped(wanted)}*"), ("limit", "10")])
    ids = server.get("/volumes")["volumes"] if re.fullmatch("[0-9a-f]+", digits) else []
    by_id = [each for each in ids if each.startswith(digits)][:10]
    known = {each["id"] for each in found}
    return found + [server.get(f"{VOLUMES}/{each}") for each in by_id if each not in known]


def _escaped(name: str) -> str:
    """The name as a glob that means only itself."""
    return re.sub(r"([*?[])", r"[\1]", name)
