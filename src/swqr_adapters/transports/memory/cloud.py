"""The cloud: devices, an engine, workers and storage, and views of it for its users."""

import asyncio
import difflib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import evolve

from swqr_adapters.fleet import Fleet
from swqr_adapters.fleet.entry import DeviceEntry
from swqr_adapters.fleet.shaped import ShapedFleet
from swqr_core.engine.facts import Effect, Fact, JobEnded, Step
from swqr_core.engine.inputs import AddDevice, Input, SetDeviceStatus
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.errors import (
    BackendNotFoundError,
    ClosedError,
    InstanceNotFoundError,
)
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import Program
from swqr_core.ports.clock import Clock
from swqr_core.ports.executor import Executor, ProgramRunner
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.storage import BlobStore, EventLog

from .executions import Executions, interrupted
from .machine import Machine
from .payloads import Payloads
from .programs import PROGRAMS
from .transport import MemoryTransport
from .turnstile import Turnstile

__all__ = ["DEFAULT_INSTANCE", "MemoryCloud"]

DEFAULT_INSTANCE = Instance(
    id=InstanceId("crn:v1:bluemix:public:quantum-computing:us-east:a/swqr:local::"),
    name="local",
    plan="internal",
    pricing_type="free",
)
"""The instance of a cloud that was given none."""

_AT_ONCE = 100  # submissions in one round of the loop: a few milliseconds of work


class MemoryCloud:
    """A whole quantum cloud in this process.

    Made and used on one event loop; closing it closes everything that it was given.

    Args:
        settings: Plans, limits and policies.
        clock: Its time; a ``VirtualClock`` makes hours pass in milliseconds.
        ids: Where its ids come from.
        executor: What runs its jobs' programs.
        blobs: Where parameters, results and logs are kept.
        log: Where its facts are kept; None for nowhere.
        fleet: Its devices.
        template: How every device's queue is, but for its name.
        devices: How the queues of some devices differ from that.
        statuses: The devices that are not online at first.
        programs: What jobs may name; the executor must know them.
        runner: What runs uploaded programs; None for a cloud that only stores them.
        instances: The instances that it knows; the first is the default one.
        noise: Whether real devices have the errors of their calibration data.
        seed: What all randomness comes from that no job seeds itself.
        warm_up: Gets the executor ready; called in the background as soon as somebody looks at a
            backend or opens a session, so that the first job need not wait for it.
        close: Called when all else is closed, for what *log* and *blobs* share.
        retry: After how many seconds a store that could not be written is tried again.
        compact_every: After how many records the log is compacted.
    """

    def __init__(  # noqa: PLR0913 - the parts of a cloud
        self,
        *,
        clock: Clock,
        ids: IdFactory,
        executor: Executor,
        blobs: BlobStore,
        log: EventLog | None = None,
        fleet: Fleet | ShapedFleet | None = None,
        settings: EngineSettings | None = None,
        template: Device | None = None,
        devices: Mapping[str, Device] | None = None,
        statuses: Mapping[str, BackendStatus] | None = None,
        programs: Mapping[str, Program] = PROGRAMS,
        runner: ProgramRunner | None = None,
        instances: tuple[Instance, ...] = (DEFAULT_INSTANCE,),
        noise: bool = True,
        seed: int = 0,
        warm_up: Callable[[], Coroutine[Any, Any, object]] | None = None,
        close: Callable[[], Coroutine[Any, Any, None]] | None = None,
        retry: float = 1.0,
        compact_every: int = 5_000,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.clock = clock
        self.ids = ids
        self.blobs = blobs
        self.fleet: Fleet | ShapedFleet = fleet or Fleet()
        self.instances = instances
        self._log = log
        self.programs = programs
        self.runner = runner
        self._template = template or Device(name=BackendName("any"))
        self._devices = dict(devices or {})
        self._statuses = dict(statuses or {})
        self._noise = noise
        self._seed = seed
        self.submissions = Turnstile(_AT_ONCE)
        self._warm_up = warm_up
        self._close = close
        self._warming: asyncio.Task[object] | None = None
        self._known: set[str] = set()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self.machine = Machine(
            self.settings,
            clock=clock,
            log=log,
            act=self._act,
            ended=self._ended,
            tell=self._tell,
            retry=retry,
            compact_every=compact_every,
        )
        self.payloads = Payloads(blobs, self.machine.view, retry=retry)
        self._executions = Executions(
            self.machine,
            self.payloads,
            clock=clock,
            executor=executor,
            runner=runner,
            device=self._device_spec,
            seed=seed,
        )

    def __repr__(self) -> str:
        return f"<MemoryCloud of {len(self.instances)} instances, seed {self._seed}>"

    def transport(self, principal: Principal | None = None) -> MemoryTransport:
        """Return the cloud as one user in one instance sees it.

        Closing such a view leaves the cloud open.

        Args:
            principal: Who; None for the user ``local`` in the first instance.

        Raises:
            InstanceNotFoundError: The cloud has no such instance.
        """
        if principal is None:
            principal = Principal(instance=self.instances[0].id)
        if all(instance.id != principal.instance for instance in self.instances):
            raise InstanceNotFoundError(principal.instance, [i.name for i in self.instances])
        return MemoryTransport(self, principal)

    async def recover(self, *, rerun: bool = True) -> None:
        """Take up what the event log holds; call this once, before the first use.

        Limits that passed meanwhile take effect now, dated by when they passed.

        Args:
            rerun: What becomes of the jobs that were running: they run again from their start,
                or they fail with a reason that says so.

        Raises:
            ConfigurationError: The log is damaged.
            InvalidInputError: A record of the log cannot be read.
        """
        await self.machine.recover()
        await self.payloads.restore(self._executions.restore(self.machine.executed()))
        self._known.update(self.machine.view.devices())
        for job_id in await self.machine.go_on():
            if rerun:
                self.machine.start(job_id)
            else:
                await self.machine.feed(interrupted(job_id))

    async def set_backend_status(self, name: str, status: BackendStatus, reason: str = "") -> None:
        """Take a backend offline, pause it, or bring it back. What runs on it goes on.

        Raises:
            BackendNotFoundError: There is no such backend.
        """
        await self.ensure_device(name)
        await self.machine.feed(
            SetDeviceStatus(name=BackendName(name), status=status, reason=reason)
        )

    async def feed_with(self, data: bytes, make: Callable[[Payload], Input]) -> Step:
        """Store bytes and feed the input that needs them; let go of them if nothing came of it.

        Cancelling this does not undo it once the bytes are stored.

        Raises:
            SwqrError: It was refused, or there is no room; nothing has changed.
        """
        stored = await self.blobs.put(data)

        async def feed() -> Step:
            used = False
            try:
                step = await self.machine.feed(make(stored))
                used = bool(step.facts)  # else a key has made its thing already
            finally:
                if not used:
                    await self.blobs.release(stored.digest)
            return step

        feeding = asyncio.ensure_future(feed())
        feeding.add_done_callback(_look_at)  # whoever asked may give up meanwhile
        return await asyncio.shield(feeding)

    async def aclose(self) -> None:
        """Stop running jobs, forget all of them, release everything. Closing twice is fine.

        Whoever waits for it may give up: it goes on to its end.
        """
        self._closed = True
        if self._closing is None or self._closing.cancelled():
            self._closing = asyncio.ensure_future(self._close_all())
        await asyncio.shield(self._closing)

    async def _close_all(self) -> None:
        await self.machine.aclose()
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._executions.aclose()
        await self.payloads.aclose()
        if self._log is not None:
            await self._log.aclose()
        await self.blobs.aclose()
        if self._close is not None:
            await self._close()

    def get_ready(self) -> None:
        """Warm the executor up in the background, the first time that this is called."""
        if self._warm_up is not None and not self._closed:
            self._warming = asyncio.ensure_future(self._warm_up())
            self._warming.add_done_callback(_look_at)  # a failure shows when a job runs
            self._warm_up = None

    def _act(self, effect: Effect) -> None:
        self._executions.act(effect)

    def _ended(self, fact: JobEnded) -> None:
        self._executions.ended(fact)

    def _tell(self, fact: Fact) -> None:
        self.payloads.see(fact)

    # --- devices -------------------------------------------------------------------------------

    def entry(self, name: str, instance: str | None = None) -> DeviceEntry:
        """Return a device by its name, if that instance may use it; None stands for all.

        Raises:
            BackendNotFoundError: There is none; the error lists near names.
        """
        entry = self.fleet.resolve(name)
        if entry is None or not entry.serves(instance):
            entries = [(known, self.fleet.resolve(known)) for known in self.fleet.names()]
            names = [known for known, other in entries if other and other.serves(instance)]
            raise BackendNotFoundError(name, difflib.get_close_matches(name, names))
        return entry

    async def ensure_device(self, name: str) -> None:
        """Make the engine know a device before it is used for the first time.

        Raises:
            BackendNotFoundError: There is no such device.
        """
        if name not in self._known:
            self.entry(name)
            await self.machine.feed(AddDevice(device=self._device(name)))
            status = self._statuses.get(name)
            if status is not None:
                await self.machine.feed(SetDeviceStatus(name=BackendName(name), status=status))
            self._known.add(name)

    def _device(self, name: str) -> Device:
        return self._devices.get(name) or evolve(self._template, name=BackendName(name))

    def _device_spec(self, name: str) -> dict[str, object]:
        """Return what an executor needs to know of a device."""
        seconds = self._device(name).job_seconds
        return self.entry(name).device_spec(noise=self._noise, job_seconds=seconds)

    def status(self, name: str) -> tuple[BackendStatus, str]:
        """Return a device's status and its reason, whether it was used or not."""
        if name not in self._known:
            return self._statuses.get(name, BackendStatus.ONLINE), ""
        return self.machine.view.status(name)

    def known_devices(self) -> frozenset[str]:
        """Return the names of the devices that were used so far."""
        return frozenset(self._known)

    def check_open(self) -> None:
        """Raise ``ClosedError`` if the cloud is closed."""
        if self._closed:
            raise ClosedError("the in-memory cloud")


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
