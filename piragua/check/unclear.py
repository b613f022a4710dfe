"""Directories that are in no clear state: what is seen, what each choice would do, and doing what was chosen.

Nothing is chosen here: what is unclear is kept as it is until an administrator says `--keep` or `--discard`.
"""

import logging
from datetime import UTC, datetime

from piragua.check.context import CheckContext, UnclearChoice, called
from piragua.check.finding import Finding, Fix
from piragua.check.progress import for_each
from piragua.errors import Conflict
from piragua.inventory.names import publish_left
from piragua.tree.record import Deletion
from piragua.tree.states import Observed, State

_log = logging.getLogger(__name__)
_DISCARDED_RETENTION_SECONDS = 86400
_LOCK_WAIT_SECONDS = 10
_UNCLEAR = (State.UNCLEAR, State.LEFT_ALONE)
_UNREADABLE_ENTRY = "it cannot be read"


def states_are_clear(context: CheckContext) -> Finding:
    """Whether it can be told what each directory is that has the name of a volume."""
    name = "what every directory is, is clear"
    unclear = context.of(*_UNCLEAR, State.NOT_OURS)
    if not unclear:
        return Finding(name, True, "yes", gluster_volume=context.name)
    chosen = {
        observed.volume_id: choice for observed in unclear if (choice := _choice(context, observed)) is not None
    }

    async def decide(volume_id: str) -> None:
        await _carry_out(context, volume_id, chosen[volume_id])

    async def run() -> None:
        await for_each(f"deciding on {context.name}", sorted(chosen), decide)

    words = ", ".join(f"{choice.value}s {volume_id}" for volume_id, choice in sorted(chosen.items()))
    return Finding(
        name,
        False,
        f"{len(unclear)} are unclear; they are kept, and nobody can change them until it is decided",
        "",
        context.name,
        tuple(f"{called(observed)}: {describe(observed)}" for observed in unclear),
        Fix(words, run) if chosen else None,
    )


def describe(observed: Observed) -> str:
    """What one of them is, and what each choice would do."""
    if observed.state is State.NOT_OURS:
        return (
            f"not Piragua's, since nothing is marked and it holds {_holds(observed)}."
            " Choices: leave it; or, by hand, move out of it what does not belong there: with exactly one"
            " directory inside it is a volume of the original Piragua"
        )
    if observed.deletion_unreadable.startswith(_UNREADABLE_ENTRY):
        return (
            f"{observed.deletion_unreadable}. The bricks may differ: gluster volume heal VOLUME info split-brain"
        )
    if observed.state is State.LEFT_ALONE:
        return (
            f"its record cannot be read by this version: {observed.record_unreadable}. Choices: leave it, and"
            f" serve it with the version that wrote it; {_discard(observed)}"
        )
    if observed.deletion_unreadable:
        return (
            f"it is marked as deleted and the mark cannot be read ({observed.deletion_unreadable}). Choices:"
            f" --keep {observed.volume_id}: the mark is emptied, and it is a volume again; {_discard(observed)}"
        )
    return f"{_contradiction(observed)}. Choices: {_keep(observed)}; {_discard(observed)}"


def _contradiction(observed: Observed) -> str:
    record = observed.record
    size_bytes = "none" if record is None else f"{record.size_bytes} bytes"
    name = "" if record is None else record.name
    limit = "no limit" if observed.limit_bytes is None else f"a limit of {observed.limit_bytes} bytes"
    return (
        f"its record says {name} with {size_bytes}, it is not marked as published,"
        f" and it holds {_holds(observed)} with {limit}"
    )


def _holds(observed: Observed) -> str:
    return ", ".join(observed.entries) or "nothing"


def _keep(observed: Observed) -> str:
    if not _can_be_published(observed):
        return "it cannot be kept as it is, since the directory that its record names is not in it"
    return f"--keep {observed.volume_id}: it gets its name, its limit and the mark, and is a volume"


def _discard(observed: Observed) -> str:
    return (
        f"--discard {observed.volume_id}: it goes to the trash for a day with all that is in it, and then for good"
    )


def _can_be_published(observed: Observed) -> bool:
    return observed.record is not None and observed.record.name in observed.entries


def _choice(context: CheckContext, observed: Observed) -> UnclearChoice | None:
    """What was chosen for it, if that can be done."""
    choice = context.tools.choices.get(observed.volume_id)
    if observed.state not in _UNCLEAR or observed.deletion_unreadable.startswith(_UNREADABLE_ENTRY):
        return None
    if choice is UnclearChoice.KEEP and not observed.deletion_unreadable and not _can_be_published(observed):
        return None
    return choice


async def _carry_out(context: CheckContext, volume_id: str, choice: UnclearChoice) -> None:
    mounted = context.mounted
    lock = await mounted.take_id(volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
    try:
        now = await mounted.observe(volume_id)
        # Our own lock makes what is not published look as if it was being made.
        if (
            now.record != context.all_observed[volume_id].record
            or now.published != context.all_observed[volume_id].published
        ):
            raise Conflict(f"volume {volume_id} was changed meanwhile")
        await lock.require()
        if choice is UnclearChoice.DISCARD:
            await _discard_it(context, now)
        else:
            await _keep_it(context, now)
    finally:
        await lock.release()


async def _discard_it(context: CheckContext, observed: Observed) -> None:
    await context.mounted.mark_deleted(
        observed.volume_id, Deletion(datetime.now(UTC), _DISCARDED_RETENTION_SECONDS)
    )
    if observed.record is not None:
        await context.mounted.release_name(observed.record.name, observed.volume_id)
    _log.warning("volume %s was discarded: it is in the trash for a day", observed.volume_id)


async def _keep_it(context: CheckContext, observed: Observed) -> None:
    mounted, record = context.mounted, observed.record
    if observed.deletion_unreadable:
        if record is not None:
            await mounted.claim_name(record.name, observed.volume_id)
        await mounted.tell(observed.volume_id, "restored")
        if observed.closed:
            await mounted.open_again(observed.volume_id)
        await mounted.unmark_deleted(observed.volume_id)
        _log.warning("volume %s was kept: its unreadable mark of the trash was emptied", observed.volume_id)
        return
    if record is None:
        raise Conflict(f"volume {observed.volume_id} has no record any more")
    limit_bytes = max(record.size_bytes, observed.limit_bytes or 0)
    await context.tools.limits.set(mounted, observed.volume_id, limit_bytes, bounds=record.bounds)
    await publish_left(mounted, observed.volume_id, record.name)
    _log.warning("volume %s was kept: it is published as %s", observed.volume_id, record.name)
