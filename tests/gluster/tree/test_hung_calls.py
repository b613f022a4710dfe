"""Calls that hang on a mount of Piragua's own: they are freed, and the mount is made anew."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest

from piragua.errors import Conflict, MountTimeout
from piragua.mounting import fuse_client, mountinfo
from piragua.tree.locking import locks
from piragua.tree.mount import Mount
from tests.gluster.tree.conftest import TwoMounts
from tests.support.behind import quota_lock_held
from tests.support.frozen import until_stopped

pytestmark = pytest.mark.anyio

GIVEN_UP_SECONDS = 1
HUNG_SECONDS = 1
WAITING_SECONDS = 6


@pytest.fixture
async def mount(two_mounts: TwoMounts, tmp_path: Path) -> AsyncIterator[Mount]:
    """One that Piragua makes itself, and that takes calls for hung after a short while."""

    async def servers() -> list[str]:
        return [two_mounts.volume.pool.nodes[0].address]

    mount = Mount(
        two_mounts.volume.name,
        str(tmp_path / "own"),
        own=True,
        servers=servers,
        hung_seconds=HUNG_SECONDS,
        waiting_seconds=WAITING_SECONDS,
    )
    await mount.check()
    assert mount.problem == ""
    yield mount
    await mount.close()
    assert mountinfo.find(mount.path) is None


async def hang(mount: Mount) -> None:
    """A call on the mount does not return, because another mount holds the lock; all others do."""
    mounted = mount.current()
    wait = partial(locks.Locks(mounted.handle).wait, locks.QUOTA)
    with pytest.raises(MountTimeout):
        await mounted.blocking(wait, timeout_seconds=GIVEN_UP_SECONDS)
    assert mount.stuck_calls == 1
    await mounted.ids_in_root()


async def want_a_turn(mount: Mount) -> None:
    """It is wanted in vain: another mount holds the quota lock."""
    with pytest.raises(Conflict, match="another instance has it"):
        async with mount.current().quota_lock(queue_seconds=1, timeout_seconds=GIVEN_UP_SECONDS):
            pass
    assert (mount.stuck_waits, mount.stuck_calls) == (1, 0)


async def until_it_hangs(mount: Mount) -> None:
    """By its own account: it is taken away then."""
    with anyio.fail_after(30):
        while not mount.problem:
            await anyio.sleep(0.05)
            await mount.check()
    assert "hung" in mount.problem


async def until_none_hangs(mount: Mount) -> None:
    with anyio.fail_after(10):
        while mount.stuck_calls:
            await anyio.sleep(0.01)


async def test_a_mount_on_which_a_call_hangs_for_good_is_made_anew(mount: Mount, two_mounts: TwoMounts) -> None:
    before = mount.current()
    with quota_lock_held(two_mounts.second):
        await hang(mount)
        await mount.check()
        assert mount.current() is before, "it has not hung for long"
        await until_it_hangs(mount)
        await until_none_hangs(mount)
        await mount.check()
        assert mount.problem == ""
        assert mount.current() is not before
        await mount.current().ids_in_root()


async def test_a_mount_is_not_taken_away_because_another_instance_keeps_the_quota_lock(
    mount: Mount, two_mounts: TwoMounts
) -> None:
    before = mount.current()
    with quota_lock_held(two_mounts.second):
        await want_a_turn(mount)
        await anyio.sleep(HUNG_SECONDS)
        await mount.check()
        assert mount.problem == ""
        assert mount.current() is before
    with anyio.fail_after(10):
        while mount.stuck_waits:
            await anyio.sleep(0.01)
        async with mount.current().quota_lock(queue_seconds=5, timeout_seconds=5):
            pass  # whose wait was given up has not kept it


async def test_a_wait_for_the_quota_lock_that_never_ends_is_ended(mount: Mount, two_mounts: TwoMounts) -> None:
    before = mount.current()
    with quota_lock_held(two_mounts.second):
        await want_a_turn(mount)
        await until_it_hangs(mount)
        await mount.check()
        assert mount.problem == ""
        assert mount.current() is not before


async def test_the_end_does_not_wait_for_a_call_that_hangs(mount: Mount, two_mounts: TwoMounts) -> None:
    with quota_lock_held(two_mounts.second):
        await hang(mount)
        await mount.close()
        with anyio.fail_after(10):
            while fuse_client.lives(mount.path):  # it was killed, and dies
                await anyio.sleep(0.01)
        await until_none_hangs(mount)


async def test_calls_on_a_mount_that_somebody_took_away_are_freed_by_the_number_of_its_connection(
    mount: Mount, tmp_path: Path
) -> None:
    handle, failed = mount.current().handle, anyio.Event()
    frozen = list(fuse_client.anywhere(mount.path))

    async def call() -> None:
        with suppress(OSError):
            await anyio.to_thread.run_sync(handle.answer, abandon_on_cancel=True)
        failed.set()

    # Its process is not found at another path: only the connection is ended.
    sever = partial(fuse_client.sever, str(tmp_path / "other"), handle.connection)
    try:
        _send(frozen, signal.SIGSTOP)
        await anyio.to_thread.run_sync(until_stopped, Path("/proc"), frozen)
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            with anyio.move_on_after(0.5):
                await failed.wait()
            assert not failed.is_set()
            fuse_client.detach(mount.path)
            await anyio.to_thread.run_sync(sever, abandon_on_cancel=True)
            with anyio.move_on_after(10):
                await failed.wait()
            assert failed.is_set()
    finally:
        _send(frozen, signal.SIGKILL)


def _send(pids: list[int], signum: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
