"""Any order of operations, each at one of two instances, against a model that is a dictionary."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from lab.private_gluster import PrivateGluster
from piragua.errors import InvalidRequest, NameInUse, NotFound
from piragua.models import VolumeSpec, dashed
from tests.gluster.crash.promise import broken
from tests.support.core import Core, running_core, uncached_mount
from tests.support.pool import GlusterVolume, gluster_volume

GIB = 2**30
NONCE = "0123456789abcdef"
_serials = itertools.count()
NAMES = st.sampled_from([None, "red", "green", "blue"])
INSTANCES = st.integers(0, 1)
RETENTION_SECONDS = 3600
LONG_AFTER_SECONDS = 2 * 86400


@dataclass
class Wanted:
    """A volume as it must be. content: of the file that its user wrote."""

    name: str
    size_bytes: int
    gid: int
    content: str
    labels: dict[str, str] = field(default_factory=dict)


class Volumes(RuleBasedStateMachine):
    """Operations at two instances; the model is `live` and `trash`."""

    portal: BlockingPortal
    cores: tuple[Core, Core]
    volume: GlusterVolume

    volumes = Bundle("volumes")

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[str, Wanted] = {}
        self.trash: dict[str, Wanted] = {}
        self.purged: set[str] = set()
        self.serial = next(_serials)
        self.before: frozenset[str] = frozenset()  # what an example that failed has left
        self.before = self.listed_in_root()

    def at(self, instance: int) -> Core:
        return self.cores[instance]

    def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The operation of that name from its start to its end."""

        async def operate() -> Any:
            job = await call(*arguments)
            await job.run(NONCE)
            return job.volume_id

        return self.portal.call(operate)

    def holds(self, name: str | None) -> bool:
        return name is not None and name in {wanted.name for wanted in self.live.values()}

    @rule(target=volumes, instance=INSTANCES, name=NAMES, gib=st.integers(1, 3), gid=st.sampled_from([0, 2000]))
    def create(self, instance: int, name: str | None, gib: int, gid: int) -> str:
        name = name and f"{name}-{self.serial}"
        spec = VolumeSpec(size_bytes=gib * GIB, name=name, gid=gid)
        prepare = self.at(instance).volumes.prepare_create
        if self.holds(name):
            with pytest.raises(NameInUse):
                self.do(prepare, spec)
            return ""
        made: str = self.do(prepare, spec)
        self.live[made] = Wanted(name or f"vol_{made}", gib * GIB, gid, made)
        self.file_of(made).write_text(made)
        return made

    @rule(target=volumes, instance=INSTANCES, source=volumes, name=NAMES)
    def clone(self, instance: int, source: str, name: str | None) -> str:
        name = name and f"{name}-{self.serial}"
        prepare = self.at(instance).volumes.prepare_clone
        if source not in self.live:
            self.is_unknown(prepare, source, name)
            return ""
        if self.holds(name):
            with pytest.raises(NameInUse):
                self.do(prepare, source, name)
            return ""
        made: str = self.do(prepare, source, name)
        was = self.live[source]
        self.live[made] = Wanted(name or f"vol_{made}", was.size_bytes, was.gid, was.content)
        return made

    @rule(instance=INSTANCES, volume=volumes, gib=st.integers(1, 3))
    def expand(self, instance: int, volume: str, gib: int) -> None:
        prepare = self.at(instance).volumes.prepare_expand
        if volume not in self.live:
            self.is_unknown(prepare, volume, gib * GIB)
            return
        self.do(prepare, volume, gib * GIB)
        self.live[volume].size_bytes += gib * GIB

    @rule(instance=INSTANCES, volume=volumes, gib=st.integers(1, 3))
    def shrink(self, instance: int, volume: str, gib: int) -> None:
        prepare = self.at(instance).volumes.prepare_shrink
        if volume not in self.live:
            self.is_unknown(prepare, volume, gib * GIB)
            return
        if gib * GIB >= self.live[volume].size_bytes:
            with pytest.raises(InvalidRequest):
                self.do(prepare, volume, gib * GIB)
            return
        self.do(prepare, volume, gib * GIB)
        self.live[volume].size_bytes = gib * GIB

    @rule(instance=INSTANCES, volume=volumes, team=st.sampled_from(["red", "blue"]))
    def label(self, instance: int, volume: str, team: str) -> None:
        set_labels = self.at(instance).volumes.set_labels
        if volume not in self.live:
            if volume:
                with pytest.raises(NotFound):
                    self.portal.call(set_labels, volume, lambda _: {"team": team})
            return
        self.portal.call(set_labels, volume, lambda before: {**before, "team": team})
        self.live[volume].labels = {"team": team}

    @rule(instance=INSTANCES, volume=volumes)
    def delete(self, instance: int, volume: str) -> None:
        prepare = self.at(instance).volumes.prepare_delete
        if volume not in self.live and volume not in self.trash:
            self.is_unknown(prepare, volume)
            return
        self.do(prepare, volume)
        if volume in self.live:
            self.trash[volume] = self.live.pop(volume)

    @rule(instance=INSTANCES, volume=volumes)
    def restore(self, instance: int, volume: str) -> None:
        prepare = self.at(instance).volumes.prepare_restore
        if volume not in self.trash:
            return
        if self.holds(self.trash[volume].name):
            with pytest.raises(NameInUse):
                self.do(prepare, volume)
            return
        self.do(prepare, volume)
        self.live[volume] = self.trash.pop(volume)

    @rule(instance=INSTANCES, volume=consumes(volumes))
    def purge(self, instance: int, volume: str) -> None:
        """Before the retention is over, and after; only what is in the trash goes."""
        if not volume:
            return
        core = self.at(instance)
        self.portal.call(core.purger.purge, volume)
        assert (volume in self.listed_in_root()) == (volume not in self.purged)
        core.clock.pass_by(LONG_AFTER_SECONDS)
        self.portal.call(core.purger.purge, volume)
        core.clock.ahead_seconds = 0
        if self.trash.pop(volume, None):
            self.purged.add(volume)

    @rule(instance=INSTANCES)
    def sweep(self, instance: int) -> None:
        """Nothing that is well is touched by it."""
        self.portal.call(self.at(instance).sweep_twice)
        self.at(instance).clock.ahead_seconds = 0

    @invariant()
    def both_instances_say_what_is_there(self) -> None:
        for core in self.cores:
            assert set(self.portal.call(core.volumes.ids)) - self.before == set(self.live)
            for each, wanted in self.live.items():
                seen = self.portal.call(core.volumes.get, each)
                assert (seen.name, seen.size_bytes, seen.gid) == (wanted.name, wanted.size_bytes, wanted.gid)
                assert seen.labels == wanted.labels
        assert {each: self.file_of(each).read_text() for each in self.live} == {
            each: wanted.content for each, wanted in self.live.items()
        }
        assert self.listed_in_root() == self.live.keys() | self.trash.keys()

    def teardown(self) -> None:
        core = self.cores[0]
        for volume in [*self.live]:
            self.do(core.volumes.prepare_delete, volume)
        core.clock.pass_by(LONG_AFTER_SECONDS)
        for volume in self.listed_in_root():
            self.portal.call(core.purger.purge, volume)
        core.clock.ahead_seconds = 0
        folder = self.folder
        assert self.portal.call(broken, core.mounted, folder, self.volume, 1) == []

    def is_unknown(self, prepare: Callable[..., Any], volume: str, *arguments: Any) -> None:
        if volume:
            with pytest.raises(NotFound):
                self.do(prepare, volume, *arguments)

    def listed_in_root(self) -> frozenset[str]:
        ids: frozenset[str] = self.portal.call(self.cores[0].mounted.ids_in_root)
        return ids - self.before

    def file_of(self, volume: str) -> Path:
        return self.folder / dashed(volume) / self.live[volume].name / "file"

    @property
    def folder(self) -> Path:
        return Path(self.cores[0].mount.path)


@pytest.fixture
def gluster(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(one_node) as volume:
        yield volume
    one_node.delete_volume(volume.name)


def test_any_order_of_operations_ends_as_the_model_says(gluster: GlusterVolume) -> None:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        first, second = (
            stack.enter_context(
                portal.wrap_async_context_manager(
                    running_core(
                        gluster, uncached_mount(gluster), purges=False, retention_seconds=RETENTION_SECONDS
                    )
                )
            )
            for _ in range(2)
        )
        Volumes.portal, Volumes.cores, Volumes.volume = portal, (first, second), gluster
        run_state_machine_as_test(
            Volumes,
            settings=settings(
                max_examples=4,
                stateful_step_count=20,
                phases=[Phase.generate],  # a shorter example would take minutes to find
                suppress_health_check=list(HealthCheck),
                database=None,
                print_blob=True,
            ),
        )
