"""Volumes on all configured Gluster volumes.

Changes come in two halves: `prepare_...` checks what can be refused at once and reserves what another could take
meanwhile (a name, a clone's source), and the job that it gives does the work (`run`) or lets go (`abandon`).
"""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import anyio

from piragua.errors import Conflict, NotFound, NotReady, PiraguaError, StorageError
from piragua.inventory import labels, names
from piragua.models import Done, Failed, GlusterVolume, OperationKind, Outcome, Pending, Volume, VolumeSpec
from piragua.pool.requirements import require_addresses, require_files_limits, require_limits
from piragua.pool.topology import Topology
from piragua.shared_settings.flags import flags_of
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import DELETED, USABLE, Observed, State
from piragua.volumes.backend import Backend, require_options
from piragua.volumes.choice import choose, require_eligible
from piragua.volumes.jobs.clone import COPIES_AT_ONCE, Clone, room_for_copy
from piragua.volumes.jobs.create import Create
from piragua.volumes.jobs.delete import Delete
from piragua.volumes.jobs.expand import Expand, require_growth
from piragua.volumes.jobs.orphan import ORPHANS, settle
from piragua.volumes.jobs.relabel import ChangeLabels, relabel
from piragua.volumes.jobs.restore import Restore, refusal
from piragua.volumes.jobs.shrink import Shrink, require_smaller
from piragua.volumes.shown import record_of, require_usable, volume_of

TARGET_EXISTS = "Failed to set up volume delete: The target exists, contains other items, or is in use."
NO_SIGN = "the server that did this went away before it was done"
_NAME_WAIT_SECONDS = 10
_SOURCE_WAIT_SECONDS = 10
_RESTORE_WAIT_SECONDS = 10

Job = Create | Expand | Delete | Clone | Restore | Shrink


class Volumes:
    """The volumes of the given backends, by the name of their Gluster volume.

    retention_seconds: how long a deleted volume stays in the trash. accept_all_options: volume options are
    kept and repeated, whether the Gluster volume has them or not.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        topology: Topology,
        *,
        retention_seconds: float = 0,
        accept_all_options: bool = False,
    ) -> None:
        self._backends = backends
        self._topology = topology
        self._retention_seconds = retention_seconds
        self._accept_all_options = accept_all_options
        self._by_gluster_volume_id: dict[str, Backend] = {}
        self._copies = anyio.Semaphore(COPIES_AT_ONCE)

    async def backend_of(self, gluster_volume_id: str) -> Backend:
        """The backend of a Gluster volume's id; NotFound, StorageError."""
        return self._by_gluster_volume_id.get(gluster_volume_id) or self._learn(
            await self._topology.gluster_volume(gluster_volume_id)
        )

    def gluster_volume_of(self, gluster_volume_id: str) -> str | None:
        """The name of a Gluster volume by its id; None where nothing was done with it yet."""
        backend = self._by_gluster_volume_id.get(gluster_volume_id)
        return None if backend is None else backend.gluster_volume

    async def get(self, volume_id: str) -> Volume:
        """The volume. NotFound only when it is proven to be gone; NotReady and StorageError otherwise."""
        backend, mounted, observed = await self.find(volume_id)
        return await volume_of(observed, mounted, await self.gluster_volume_id(backend))

    async def ids(self, gluster_volume_id: str | None = None) -> list[str]:
        """Ids of all volumes, or of those on one Gluster volume; sorted, never leaving one out."""
        backends = (
            list(self._backends.values())
            if gluster_volume_id is None
            else [await self.backend_of(gluster_volume_id)]
        )
        found = [volume_id for backend in backends for volume_id in await backend.inventory.ids()]
        return sorted(found)

    async def prepare_create(self, spec: VolumeSpec) -> Create:
        """A create with its backend, id and name.

        InvalidRequest, Unsupported, NameInUse, OutOfSpace, Ineligible, NoneFits, StorageError.
        """
        choice = await choose(spec, self._backends, self._topology)
        refusals: dict[str, PiraguaError] = {}
        for gluster_volume in choice.candidates:
            try:
                return await self._prepare_on(gluster_volume, spec)
            except PiraguaError as error:
                refusals[gluster_volume.id] = error
        raise choice.refusal(refusals)

    async def prepare_expand(self, volume_id: str, add_bytes: int) -> Expand:
        """An expand by that many bytes. NotFound, NotReady, OutOfSpace, InvalidRequest, StorageError."""
        backend, mounted, observed = await self.find(volume_id)
        require_usable(observed)
        gluster_volume = await self._topology.gluster_volume_now(await self.gluster_volume_id(backend))
        gluster_volume = await self._with_limits(gluster_volume)
        await require_growth(observed, backend, mounted, add_bytes)
        return Expand(backend, mounted, gluster_volume.id, volume_id, add_bytes)

    async def prepare_shrink(self, volume_id: str, size_bytes: int) -> Shrink:
        """A shrink to that size. NotFound, NotReady, InvalidRequest, Conflict (it holds more), StorageError."""
        backend, mounted, observed = await self.find(volume_id)
        require_usable(observed)
        gluster_volume = await self._with_limits(
            await self._topology.gluster_volume_now(await self.gluster_volume_id(backend))
        )
        record = await record_of(observed, mounted, change=True)
        await require_smaller(record, backend, mounted, volume_id, size_bytes)
        return Shrink(backend, mounted, gluster_volume.id, volume_id, size_bytes)

    async def set_labels(self, volume_id: str, change: ChangeLabels) -> None:
        """The labels are what change makes of those that are set. NotFound, Conflict, InvalidRequest, NotReady,
        StorageError."""
        _, mounted, observed = await self.find(volume_id)
        require_usable(observed)
        await relabel(mounted, volume_id, change)

    async def prepare_clone(self, volume_id: str, name: str | None = None) -> Clone:
        """A copy of the volume with the same size, bounds, gid and options, unlabelled; name None: `vol_<id>`.

        NotFound, NotReady, NameInUse, OutOfSpace, Ineligible, StorageError.
        """
        backend, mounted, observed = await self.find(volume_id)
        require_usable(observed)
        gluster_volume = await self._topology.gluster_volume_now(await self.gluster_volume_id(backend))
        require_eligible(await flags_of(mounted))
        gluster_volume = await self._with_limits(gluster_volume)
        source = await record_of(observed, mounted)
        await backend.require_room(source.size_bytes)
        with suppress(StorageError):  # the clone itself asks again
            await room_for_copy(backend, mounted, volume_id)
        clone_id = uuid.uuid4().hex
        record = Record(
            size_bytes=source.size_bytes,
            name=name or f"vol_{clone_id}",
            gid=source.gid,
            created=datetime.now(UTC).replace(microsecond=0),
            snapshot=source.snapshot,
            options=source.options,
            bounds=source.bounds,
            clone_source=volume_id,
        )
        record.require_room()  # before anything is made
        reading = await mounted.take_reading(volume_id, timeout_seconds=_SOURCE_WAIT_SECONDS)
        try:
            id_lock, name_lock = await self._reserve(mounted, clone_id, name)
        except BaseException:
            await reading.release()
            raise
        return Clone(
            backend,
            mounted,
            gluster_volume.id,
            clone_id,
            record,
            id_lock,
            name_lock,
            volume_id,
            reading,
            self._copies,
        )

    async def prepare_delete(self, volume_id: str) -> Delete:
        """A delete; also of what is deleted already and still there.

        NotFound, Conflict, NotReady, StorageError.
        """
        backend, mounted, observed = await self.find(volume_id)
        if observed.state is State.BEING_MADE:
            raise Conflict(TARGET_EXISTS)
        if observed.state not in DELETED:
            require_usable(observed)
        gluster_volume_id, is_deleted = await self.gluster_volume_id(backend), observed.state in DELETED
        return Delete(
            backend, mounted, gluster_volume_id, volume_id, self._retention_seconds, is_deleted=is_deleted
        )

    async def prepare_restore(self, volume_id: str) -> Restore:
        """A restore of a volume that was deleted, with its name and its id locked.

        NotFound, Conflict (it is no deleted volume that can be restored, or in work), NameInUse, NotReady,
        StorageError.
        """
        backend, mounted, observed = await self.find(volume_id)
        refused = refusal(await mounted.observe_inside(volume_id))
        if refused is not None:
            raise refused
        gluster_volume = await self._with_limits(
            await self._topology.gluster_volume_now(await self.gluster_volume_id(backend))
        )
        name_lock = None
        if observed.record is not None:
            name_lock = await mounted.take_name(observed.record.name, timeout_seconds=_NAME_WAIT_SECONDS)
        try:
            id_lock = await mounted.take_id(volume_id, timeout_seconds=_RESTORE_WAIT_SECONDS)
        except BaseException:
            if name_lock is not None:
                await name_lock.release()
            raise
        restore = Restore(backend, mounted, gluster_volume.id, volume_id, id_lock, name_lock)
        try:
            await restore.prepare()
        except BaseException:
            await restore.abandon()
            raise
        return restore

    async def verdict(self, kind: OperationKind, gluster_volume_id: str, volume_id: str, nonce: str) -> Outcome:
        """How an operation ended whose owner is at work no more, as the tree shows it. StorageError."""
        backend = await self.backend_of(gluster_volume_id)
        try:
            mounted, observed = await self._observe(backend, volume_id)
        except NotReady:
            return Pending()
        if kind is OperationKind.DELETE:
            return Done(None) if observed.state in DELETED | {State.ABSENT} else Failed(NO_SIGN)
        if kind in (OperationKind.CREATE, OperationKind.CLONE) and observed.state in ORPHANS:
            try:
                observed = await settle(backend, mounted, volume_id)
            except Conflict:
                return Pending()
        if kind is OperationKind.RESTORE and observed.state in USABLE and observed.record is None:
            return Done(volume_id)  # an original's: nothing remembers what was done to it
        if observed.state is not State.VOLUME or observed.record is None:
            return Failed(NO_SIGN)
        done = kind is OperationKind.CREATE or nonce in observed.record.operations
        return Done(volume_id) if done else Failed(NO_SIGN)

    async def find(self, volume_id: str) -> tuple[Backend, ProvenMount, Observed]:
        """Where the volume is and what it looks like. NotFound when every Gluster volume proves its absence.

        A directory that another instance is making must not be looked up (glusterfs 10.3: it can get two
        gfids): while somebody holds its lock, only what a listing has shown is looked up.
        """
        backends = sorted(self._backends.values(), key=lambda backend: not backend.inventory.knows(volume_id))
        unclear: PiraguaError | None = None
        for backend in backends:
            try:
                mounted, observed = await self._observe(backend, volume_id)
            except PiraguaError as error:  # it may be on another Gluster volume, where all is clear
                unclear = unclear or error
                continue
            if observed.state is not State.ABSENT:
                return backend, mounted, observed
        raise unclear or NotFound(f"there is no volume {volume_id}")

    async def _observe(self, backend: Backend, volume_id: str) -> tuple[ProvenMount, Observed]:
        mounted = backend.mounted()
        if not backend.inventory.knows(volume_id) and await self._may_be_half_made(mounted, volume_id):
            raise NotReady(f"volume {volume_id} is being made; ask again")
        return mounted, await mounted.observe(volume_id)

    @staticmethod
    async def _may_be_half_made(mounted: ProvenMount, volume_id: str) -> bool:
        """Whether somebody works on what is not to be seen; a purge's last step looks the same from here."""
        if not await mounted.id_is_held(volume_id) or volume_id in await mounted.ids_in_root():
            return False
        return not await mounted.has_tombstone(volume_id)

    async def _prepare_on(self, gluster_volume: GlusterVolume, spec: VolumeSpec) -> Create:
        backend = self._backends[gluster_volume.name]
        mounted = backend.mounted()
        require_eligible(await flags_of(mounted))
        if not self._accept_all_options:
            require_options(gluster_volume, spec.options)
        gluster_volume = await self._with_limits(gluster_volume)
        if spec.bounds.files is not None:
            require_files_limits(gluster_volume)
        require_addresses(await self._topology.nodes(gluster_volume.id))
        await backend.require_room(spec.size_bytes)
        volume_id = uuid.uuid4().hex
        record = Record(
            size_bytes=spec.size_bytes,
            name=spec.name or f"vol_{volume_id}",
            gid=spec.gid,
            created=datetime.now(UTC).replace(microsecond=0),
            snapshot=spec.snapshot,
            options=spec.options,
            labels=labels.checked(spec.labels),
            bounds=spec.bounds,
        )
        record.require_room()  # before anything is made
        id_lock, name_lock = await self._reserve(mounted, volume_id, spec.name)
        return Create(backend, mounted, gluster_volume.id, volume_id, record, id_lock, name_lock)

    async def _reserve(
        self, mounted: ProvenMount, volume_id: str, name: str | None
    ) -> tuple[AsyncLock, AsyncLock | None]:
        """The locks of a new id and, if the caller chose one, of a name that nobody has. NameInUse."""
        name_lock = await names.take_free(mounted, name, wait_seconds=_NAME_WAIT_SECONDS) if name else None
        try:
            return await mounted.take_id(volume_id, timeout_seconds=0), name_lock
        except BaseException:
            if name_lock is not None:
                await name_lock.release()
            raise

    async def _with_limits(self, gluster_volume: GlusterVolume) -> GlusterVolume:
        """The Gluster volume, if limits can be set on it; StorageError.

        What speaks against it is asked for anew: an administrator may just have mended it.
        """
        try:
            require_limits(gluster_volume)
        except StorageError:
            with suppress(StorageError):
                await self._topology.refresh()
            gluster_volume = await self._topology.gluster_volume_now(gluster_volume.id)
            require_limits(gluster_volume)
        return gluster_volume

    async def gluster_volume_id(self, backend: Backend) -> str:
        """The id of its Gluster volume. StorageError."""
        for gluster_volume_id, known in self._by_gluster_volume_id.items():
            if known is backend:
                return gluster_volume_id
        gluster_volume = await self._topology.gluster_volume(backend.gluster_volume)
        self._learn(gluster_volume)
        return gluster_volume.id

    async def gluster_volume_id_of(self, gluster_volume: str) -> str:
        """The id of that Gluster volume, one of those that are served. StorageError."""
        return await self.gluster_volume_id(self._backends[gluster_volume])

    def _learn(self, gluster_volume: GlusterVolume) -> Backend:
        backend = self._by_gluster_volume_id[gluster_volume.id] = self._backends[gluster_volume.name]
        return backend
