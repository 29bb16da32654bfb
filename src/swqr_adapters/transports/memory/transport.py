"""The cloud as one user in one instance sees it: the ``RuntimeTransport`` port."""

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from swqr_adapters.fleet.entry import DeviceEntry
from swqr_core.engine.facts import ResultTaken
from swqr_core.engine.inputs import (
    CancelJob,
    CancelSession,
    DeleteJob,
    DrainSession,
    OpenSession,
    SetTags,
    SubmitJob,
    TakeResult,
)
from swqr_core.errors import (
    ClosedError,
    InvalidInputError,
    PayloadTooLargeError,
)
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName, JobId, SessionId, check_key
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.model.usage import InstanceUsage

from .identity import digest_of
from .uploads import ProgramCalls

if TYPE_CHECKING:
    from .cloud import MemoryCloud

__all__ = ["MemoryTransport"]

_NAME: Final = "the memory transport"
_CAPABILITIES: Final = Capabilities(
    transport="memory",
    program_uploads=True,
    interim_results=True,
    find_by_key=True,
    lasting=False,
)


class MemoryTransport(ProgramCalls):
    """A cloud bound to one principal; see ``RuntimeTransport`` for what its methods promise.

    Args:
        cloud: The cloud.
        principal: Who asks.
        owns_cloud: Whether closing this closes the cloud too.
        lasting: Whether the cloud has a store that outlives the process.
    """

    def __init__(
        self,
        cloud: "MemoryCloud",
        principal: Principal,
        *,
        owns_cloud: bool = False,
        lasting: bool = False,
    ) -> None:
        self._cloud = cloud
        self._capabilities = evolve(
            _CAPABILITIES, lasting=lasting, program_uploads=cloud.runner is not None
        )
        self._machine = cloud.machine
        self._view = cloud.machine.view
        self._principal = principal
        self._owns_cloud = owns_cloud
        self._waits: set[asyncio.Future[Any]] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<MemoryTransport of {self._principal.user!r}>"

    @property
    def capabilities(self) -> Capabilities:
        """What the in-memory cloud can do: everything, but for programs that are switched off."""
        return self._capabilities

    @property
    def principal(self) -> Principal:
        """Whom it acts for."""
        return self._principal

    async def aclose(self) -> None:
        """Close this view of the cloud, and the cloud if it was made for it."""
        self._closed = True
        for waiter in self._waits:
            if not waiter.done():
                waiter.set_exception(ClosedError(_NAME))
        if self._owns_cloud:
            await self._cloud.aclose()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError(_NAME)
        self._cloud.check_open()

    # --- backends ------------------------------------------------------------------------------

    async def backends(self) -> tuple[Backend, ...]:
        """Return every listed backend, by name."""
        self._check()
        names = sorted({*self._cloud.fleet.names(), *self._cloud.known_devices()})
        entries = [self._cloud.entry(name) for name in names]
        mine = self._principal.instance
        return tuple(self._backend(entry) for entry in entries if entry.serves(mine))

    async def backend(self, name: str) -> Backend:
        """Return one backend; any device of the fleet, listed or not."""
        self._check()
        entry = self._entry(name)
        self._cloud.get_ready()
        return self._backend(entry)

    def _entry(self, name: str) -> DeviceEntry:
        return self._cloud.entry(name, self._principal.instance)

    def _backend(self, entry: DeviceEntry) -> Backend:
        summary = entry.summary()
        status, reason = self._cloud.status(entry.name)
        shown = {"physical_qubits", "is_simulator", "clops", "processor_type"}
        return Backend(
            name=BackendName(entry.name),
            num_qubits=entry.num_qubits,
            status=status,
            status_reason=reason,
            queue_length=self._view.queue_length(entry.name),
            is_mock=entry.mock,
            extra={name: value for name, value in summary.items() if name in shown},
        )

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return the device's configuration as JSON text."""
        entry = self._calibrated(name, calibration_id)
        self._cloud.get_ready()
        return entry.configuration()

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,  # noqa: ARG002 - a snapshot has one date
    ) -> bytes | None:
        """Return the device's properties as JSON text; None for an ideal one."""
        return self._calibrated(name, calibration_id).properties()

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return None: snapshots have no pulse defaults."""
        self._check()
        self._entry(name)
        return None

    def _calibrated(self, name: str, calibration_id: str | None) -> DeviceEntry:
        self._check()
        entry = self._entry(name)
        if calibration_id is not None and calibration_id not in entry.calibration_ids:
            raise InvalidInputError(
                "calibration_id", f"backend {name!r} has no calibration {calibration_id!r}"
            )
        return entry

    # --- sessions ------------------------------------------------------------------------------

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """Open a session or batch, once per key."""
        self._check()
        check_key(key)
        self._entry(spec.backend)
        await self._cloud.ensure_device(spec.backend)
        self._cloud.get_ready()
        step = await self._machine.feed(
            OpenSession(
                principal=self._principal,
                session_id=SessionId(self._cloud.ids.session_id()),
                spec=spec,
                key=key,
                content=digest_of(spec),
            )
        )
        return await self.session(step.subject or "")

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now."""
        self._check()
        return self._view.session(self._principal, session_id, self._machine.now())

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """Return a page of sessions and batches."""
        self._check()
        return self._view.sessions(self._principal, query, self._machine.now())

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs."""
        self._check()
        await self._machine.feed(
            DrainSession(principal=self._principal, session_id=SessionId(session_id))
        )

    async def cancel_session(self, session_id: str) -> None:
        """Close it now."""
        self._check()
        await self._machine.feed(
            CancelSession(principal=self._principal, session_id=SessionId(session_id))
        )

    # --- jobs ----------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job, once per key."""
        self._check()
        check_key(key)
        if len(params) > _CAPABILITIES.max_params_bytes:
            raise PayloadTooLargeError("params", len(params), _CAPABILITIES.max_params_bytes)
        self._find(spec.program_id)
        self._calibrated(spec.backend, spec.calibration_id)
        await self._check_run(spec.program_id, params)
        await self._cloud.submissions.enter()
        await self._cloud.ensure_device(spec.backend)
        step = await self._cloud.feed_with(
            params,
            lambda stored: SubmitJob(
                principal=self._principal,
                job_id=JobId(self._cloud.ids.job_id()),
                spec=spec,
                params=stored,
                key=key,
                content=digest_of(spec, stored),
            ),
        )
        return self._view.job(self._principal, step.subject or "")

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now."""
        self._check()
        return self._view.job(self._principal, job_id)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return a page of jobs."""
        self._check()
        return self._view.jobs(self._principal, query)

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        """Wait until a job has ended; woken by the event itself."""
        self._check()
        return await self._machine.wait(self._principal, job_id, timeout=timeout, waits=self._waits)

    async def params(self, job_id: str) -> bytes:
        """Return the job's parameters as they came; ``{}`` for a private job."""
        self._check()
        job = self._view.job(self._principal, job_id)
        if job.spec.private:
            return b"{}"
        params = await self._cloud.payloads.read(
            job.id, "params", lambda: self._view.job(self._principal, job_id).params
        )
        return b"{}" if params is None else params

    async def result(self, job_id: str) -> bytes | None:
        """Return the job's result if it has one; a private job's only once."""
        self._check()
        job = self._view.job(self._principal, job_id)
        if job.result is None:
            return None
        if job.result.size > _CAPABILITIES.max_result_bytes:
            raise PayloadTooLargeError("result", job.result.size, _CAPABILITIES.max_result_bytes)
        data = await self._cloud.payloads.read(
            job.id, "result", lambda: self._view.job(self._principal, job_id).result
        )
        if job.spec.private and data is not None:
            step = await self._machine.feed(TakeResult(principal=self._principal, job_id=job.id))
            if not any(isinstance(fact, ResultTaken) for fact in step.facts):
                return None  # somebody else was quicker
            await self._cloud.payloads.tidied()
        return data

    async def logs(self, job_id: str) -> str:
        """Return the job's log."""
        self._check()
        logs = await self._cloud.payloads.read(
            job_id, "logs", lambda: self._view.logs(self._principal, job_id)
        )
        return "" if logs is None else logs.decode()

    async def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about the job's run."""
        self._check()
        return self._view.metrics(self._principal, job_id)

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job."""
        self._check()
        await self._machine.feed(CancelJob(principal=self._principal, job_id=JobId(job_id)))

    async def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended, with all that was kept of it."""
        self._check()
        await self._machine.feed(DeleteJob(principal=self._principal, job_id=JobId(job_id)))
        await self._cloud.payloads.tidied()

    async def set_tags(self, job_id: str, tags: tuple[str, ...]) -> None:
        """Replace the job's tags."""
        self._check()
        await self._machine.feed(
            SetTags(principal=self._principal, job_id=JobId(job_id), tags=tags)
        )

    # --- account -------------------------------------------------------------------------------

    async def instances(self) -> tuple[Instance, ...]:
        """Return the cloud's instances."""
        self._check()
        return self._cloud.instances

    async def usage(self) -> InstanceUsage:
        """Return what the instance has used in the window that counts."""
        self._check()
        settings, instance, end = (
            self._cloud.settings,
            self._principal.instance,
            self._machine.now(),
        )
        start = end - timedelta(seconds=settings.usage_window_seconds)
        plan = settings.plan(instance)
        return InstanceUsage(
            instance=instance,
            plan=plan.name,
            consumed_seconds=self._view.consumed(instance, start),
            limit_seconds=plan.usage_seconds,
            period_start=start,
            period_end=end,
        )
