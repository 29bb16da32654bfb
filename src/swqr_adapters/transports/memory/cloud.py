"""The cloud: devices, an engine, workers and storage, and views of it for its users."""

import asyncio
import difflib
import hashlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from attrs import evolve, field, frozen

from swqr_adapters.fleet import Fleet
from swqr_adapters.fleet.entry import DeviceEntry
from swqr_adapters.fleet.shaped import ShapedFleet
from swqr_core.engine.facts import (
    Effect,
    Fact,
    JobDeleted,
    JobEnded,
    ResultTaken,
    StartExecution,
)
from swqr_core.engine.inputs import AddDevice, FinishExecution, SetDeviceStatus
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.errors import (
    BackendNotFoundError,
    ClosedError,
    InstanceNotFoundError,
    PayloadLostError,
    UnreachableError,
)
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import Program
from swqr_core.ports.clock import Clock
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    ExecutionStatus,
    Executor,
    ProgramRunner,
    ProgramSource,
)
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.storage import BlobStore, EventLog

from .machine import Machine
from .programs import PROGRAMS
from .publishing import Publisher
from .sources import Sources
from .transport import MemoryTransport
from .turnstile import Turnstile

__all__ = ["DEFAULT_INSTANCE", "MemoryCloud"]

_log = logging.getLogger(__name__)

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
        self._executor = executor
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
        self._retry = retry
        self._warming: asyncio.Task[object] | None = None
        self._known: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stored: dict[str, _Stored] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._closed = False
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
        self._sources = Sources(self.machine.view, self._release)

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
        running = await self.machine.recover()
        executed = self.machine.executed()
        for one in executed:
            self._stored[one.job_id] = _Stored(result=one.result, logs=one.logs)
        held = [each for one in executed for each in (one.result, one.logs) if each is not None]
        wanted = [payload.digest for payload in (*self.machine.view.payloads(), *held)]
        await self.blobs.adopt([*wanted, *self._sources.restore()])
        self._known.update(self.machine.view.devices())
        for job_id in running:
            if rerun:
                self.machine.start(job_id)
            else:
                await self.machine.feed(_interrupted(job_id))

    async def set_backend_status(self, name: str, status: BackendStatus, reason: str = "") -> None:
        """Take a backend offline, pause it, or bring it back. What runs on it goes on.

        Raises:
            BackendNotFoundError: There is no such backend.
        """
        await self.ensure_device(name)
        await self.machine.feed(
            SetDeviceStatus(name=BackendName(name), status=status, reason=reason)
        )

    async def aclose(self) -> None:
        """Stop running jobs, forget all of them, release everything. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        await self.machine.aclose()
        tasks: list[asyncio.Task[Any]] = [*self._running.values(), *self._chores]
        if self._warming is not None:
            tasks.append(self._warming)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._executor.aclose()
        if self.runner is not None:
            await self.runner.aclose()
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

    def status(self, name: str) -> tuple[BackendStatus, str]:
        """Return a device's status and its reason, whether it was used or not."""
        if name not in self._known:
            return self._statuses.get(name, BackendStatus.ONLINE), ""
        return self.machine.view.status(name)

    def known_devices(self) -> frozenset[str]:
        """Return the names of the devices that were used so far."""
        return frozenset(self._known)

    # --- effects -------------------------------------------------------------------------------

    def _act(self, effect: Effect) -> None:
        if isinstance(effect, StartExecution):
            held = ExitStack()
            held.enter_context(self.clock.hold())
            task = asyncio.ensure_future(self._execute(effect.job_id))
            self._running[effect.job_id] = task
            task.add_done_callback(lambda _: held.close())
        else:
            task_or_none = self._running.pop(effect.job_id, None)
            if task_or_none is not None:
                task_or_none.cancel()

    async def _execute(self, job_id: JobId) -> None:
        stored = _Stored()
        try:
            outcome = await self._run(job_id)
            stored = await self._store(outcome)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
            outcome = ExecutionOutcome(
                status=ExecutionStatus.FAILED,
                reason=f"The platform could not run the job: {error}",
                reason_code=1000,
                reason_solution="Submit it again; if that fails too, look at the platform's logs.",
            )
        finally:
            if self._running.get(job_id) is asyncio.current_task():
                del self._running[job_id]
        self._stored[job_id] = stored
        with suppress(ClosedError):  # whoever opens the log next sees to the job
            await self._finish(
                FinishExecution(
                    job_id=job_id,
                    status=outcome.status,
                    quantum_seconds=outcome.quantum_seconds,
                    reason=outcome.reason,
                    reason_code=outcome.reason_code,
                    reason_solution=outcome.reason_solution,
                    result=stored.result,
                    logs=stored.logs,
                    metrics=outcome.metrics,
                )
            )
        if self.machine.view.has_ended(job_id):  # or else it keeps its device for a while
            self._drop(self._stored.pop(job_id, _Stored()))

    def _tell(self, fact: Fact) -> None:
        """Let go of what nobody needs after a fact; the view is as it was before that."""
        self._sources.see(fact)
        view = self.machine.view
        if isinstance(fact, JobDeleted):
            for payload in view.payloads_of(fact.job_id):
                self._release(payload.digest)
        elif isinstance(fact, ResultTaken):
            for taken in (view.by_id(fact.job_id).result, *view.interim(fact.job_id)):
                if taken is not None:
                    self._release(taken.digest)

    async def _finish(self, outcome: FinishExecution) -> None:
        """Tell the engine what came of an execution, as soon as the log takes it."""
        try:
            await self.machine.insist(outcome)
        except (TypeError, ValueError) as error:
            if not outcome.metrics:
                raise
            _log.warning("the metrics of job %s are no JSON: %s", outcome.job_id, error)
            await self.machine.mended()
            await self.machine.insist(evolve(outcome, metrics={}))

    def _ended(self, fact: JobEnded) -> None:
        """Let go of what was stored for a job that has ended without it."""
        stored = self._stored.pop(fact.job_id, None)
        if stored is not None:
            self._drop(
                _Stored(
                    result=stored.result if fact.result is None else None,
                    logs=stored.logs if fact.logs is None else None,
                )
            )

    def _drop(self, stored: "_Stored") -> None:
        for payload in (stored.result, stored.logs):
            if payload is not None:
                self._release(payload.digest)

    def _release(self, digest: str) -> None:
        chore = asyncio.ensure_future(self.blobs.release(digest))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def tidied(self) -> None:
        """Return when the bytes that nobody needs any more are gone."""
        if self._chores:
            await asyncio.wait(set(self._chores))

    async def _run(self, job_id: JobId) -> ExecutionOutcome:
        view = self.machine.view
        job, number = view.by_id(job_id), view.number(job_id)
        spec = self.entry(job.spec.backend).device_spec(
            noise=self._noise, job_seconds=self._device(job.spec.backend).job_seconds
        )
        params = await self.read(job_id, "params", job.params)
        request = ExecutionRequest(
            job_id=job_id,
            program_id=job.spec.program_id,
            params=b"{}" if params is None else params,
            device=spec,
            seed=job_seed(self._seed, job.instance or "", number),
            log_level=job.spec.log_level,
        )
        pinned = view.pinned(job_id)
        if pinned is None or self.runner is None:
            return await self._executor.execute(request)
        source = await self.read(job_id, "program", pinned.source)
        publisher = Publisher(job_id, self.machine, self.blobs, self._keep)
        try:
            outcome = await self.runner.run(
                ProgramSource(text=source or b"", spec=pinned.spec),
                evolve(request, wall_limit=float(job.time_limit or pinned.spec.cost)),
                executor=self._executor,
                publish=publisher.publish,
            )
            await publisher.done()
        finally:
            publisher.give_up()
        return outcome

    async def _store(self, outcome: ExecutionOutcome) -> "_Stored":
        done = outcome.status is ExecutionStatus.COMPLETED
        result = await self._keep(outcome.result) if outcome.result or done else None
        logs = await self._keep(outcome.logs.encode()) if outcome.logs else None
        return _Stored(result=result, logs=logs)

    async def _keep(self, data: bytes) -> Payload:
        """Store bytes that nobody can send again: as soon as there is room for them."""
        while True:
            try:
                return await self.blobs.put(data)
            except UnreachableError:
                await asyncio.sleep(self._retry)

    async def read(
        self, id: str, what: str, payload: Payload | None, *, noun: str = "job"
    ) -> bytes | None:
        """Return bytes of a job or program, if it has them.

        Args:
            id: The job's or program's id.
            what: ``params``, ``result``, ``logs``, ...
            payload: Their address.
            noun: What the id is of.

        Raises:
            PayloadLostError: They are damaged or gone.
        """
        if payload is None:
            return None
        try:
            return await self.blobs.get(payload.digest)
        except KeyError as error:
            raise PayloadLostError(noun, id, what) from error

    def check_open(self) -> None:
        """Raise ``ClosedError`` if the cloud is closed."""
        if self._closed:
            raise ClosedError("the in-memory cloud")


@frozen
class _Stored:
    result: Payload | None = field(default=None)
    logs: Payload | None = field(default=None)


def _interrupted(job_id: JobId) -> FinishExecution:
    return FinishExecution(
        job_id=job_id,
        status=ExecutionStatus.FAILED,
        reason="The platform was restarted while the job ran, and does not run such jobs again.",
        reason_code=1000,
        reason_solution="Submit it again.",
    )


def _look_at(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()


def job_seed(seed: int, instance: str, number: int) -> int:
    """Return the seed of a job that brings none: 0 to 2**63 - 1.

    It depends on nothing but the cloud's seed, the instance, and the job's place in the order of
    acceptance there; so other tenants, workers and timing have no influence on counts.
    """
    digest = hashlib.sha256(f"{seed}|{instance}|{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
