"""The use cases, for asyncio code, over any transport."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Self, TypeVar

from swqr_core.config.connect import (
    active_profile,
    connect_profile,
    system_clock,
    system_ids,
    system_journal,
)
from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    InvalidInputError,
    OutcomeUnknownError,
    TransportError,
    UnreachableError,
    UnsupportedOperation,
    WaitTimeoutError,
)
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.duration import parse_seconds
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.journal import Journal
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport

from .handles import AsyncJob, AsyncSession, Callback, Opening
from .policies import RetryPolicy
from .recovery import Recovery, Remembering, about_job, recover

__all__ = ["AsyncRuntime", "Opening"]

T = TypeVar("T")

# What is refused like this was not looked at, so it tells nothing of an earlier attempt.
_TELL_NOTHING = (AccessDeniedError, ClosedError, TransportError)


def _mode(name: SessionMode | str) -> SessionMode:
    try:
        return SessionMode(name)
    except ValueError:
        known = " or ".join(repr(mode.value) for mode in SessionMode)
        raise InvalidInputError("mode", f"must be {known}, not {name!r}") from None


class AsyncRuntime:
    """Sessions and jobs over one transport; everything happens on the loop of its creation.

    The methods that have a namesake in ``RuntimeTransport`` keep its contract; what certainly did
    not happen on the platform is tried again first, as *retry* says.

    Args:
        transport: What does the work. The runtime closes it.
        clock: For pauses between attempts; the system's if None.
        ids: For idempotency keys; random if None.
        retry: When to try again.
        journal: Makes the journal of a transport, in which to note what is submitted, when it is
            first needed; None for none.
    """

    def __init__(
        self,
        transport: RuntimeTransport,
        *,
        clock: Clock | None = None,
        ids: IdFactory | None = None,
        retry: RetryPolicy | None = None,
        journal: Callable[[RuntimeTransport], Journal | None] | None = None,
    ) -> None:
        self._transport = transport
        self._memory = Remembering(transport, journal)
        self._clock = clock or system_clock()
        self._ids = ids or system_ids()
        self._retry = retry or RetryPolicy()

    @classmethod
    async def connect(
        cls, profile: str | None = None, *, settings: Mapping[str, str] | None = None
    ) -> Self:
        """Make a runtime over the transport that a profile or a URL names.

        Args:
            profile: A profile's name, or a URL such as ``memory://?seed=7&noise=on``; None for the
                active profile.
            settings: Further settings; they come before all others.

        Raises:
            ConfigurationError: There is no such profile or transport, or a setting cannot be used.
            MissingExtraError: A package that it needs is not installed.
        """
        found = active_profile(profile, settings)
        return cls(await connect_profile(found), journal=partial(system_journal, found))

    @property
    def clock(self) -> Clock:
        """The clock of its pauses."""
        return self._clock

    def __repr__(self) -> str:
        return f"<AsyncRuntime over {self.capabilities.transport!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the transport; what waits raises ``ClosedError``. Closing twice is fine.

        Sessions that were opened here and are still open are drained first, so that no program
        that ends leaves one behind; ``AsyncSession.detach`` leaves one open on purpose.
        """
        try:
            await self._memory.close()
        finally:
            await self._transport.aclose()

    async def recover(self) -> Recovery[AsyncJob, AsyncSession]:
        """Find again what programs that are gone have submitted over this transport.

        Whatever happened to them: a crash, a power cut, an exit before the results were there.
        What this runtime has submitted is found too.

        Returns:
            Handles on the jobs and on the sessions that were left open, and the keys of what
            nobody can tell about. All is empty where there is no journal.
        """
        return await recover(self, self._memory.journal)

    @property
    def transport(self) -> RuntimeTransport:
        """The transport underneath."""
        return self._transport

    @property
    def capabilities(self) -> Capabilities:
        """What the transport can do."""
        return self._transport.capabilities

    @property
    def principal(self) -> Principal:
        """Whom the transport acts for."""
        return self._transport.principal

    async def _again(self, call: Callable[[], Awaitable[T]], *, keyed: bool = False) -> T:
        """Call until it is certain, as far as the policy goes."""
        unknown: OutcomeUnknownError | None = None
        delays = self._retry.delays()
        while True:
            delay = next(delays, None)
            try:
                return await call()
            except OutcomeUnknownError as error:
                if not keyed or delay is None:
                    raise
                unknown = error
            except _TELL_NOTHING as error:
                if delay is None or not isinstance(error, UnreachableError):
                    if unknown is None:
                        raise
                    raise unknown from error  # this call did nothing, but an earlier one may have
            await self._clock.sleep(delay)

    # --- sessions ------------------------------------------------------------------------------

    def open_session(
        self,
        backend: str | None = None,
        *,
        mode: SessionMode | str = SessionMode.DEDICATED,
        max_time: float | str | None = None,
        spec: SessionSpec | None = None,
        key: str | None = None,
    ) -> Opening:
        """Open a session or batch: await this, or use it with ``async with``.

        Args:
            backend: The backend to bind it to.
            mode: ``dedicated`` or ``batch``.
            max_time: The longest time from its first job to its end: seconds, or text such as
                ``"2h 30m"``.
            spec: All of that and more as one value, instead.
            key: An idempotency key; a fresh one if None.

        Raises:
            InvalidInputError: A value cannot be.
            UnsupportedOperation: The transport has no such mode.
            and what ``SessionPort.open_session`` raises.
        """
        if spec is None:
            spec = SessionSpec(
                backend=BackendName(backend or ""),
                mode=_mode(mode),
                max_ttl=None if max_time is None else parse_seconds(max_time),
            )
        able = self.capabilities
        if not (able.batches if spec.mode is SessionMode.BATCH else able.dedicated_sessions):
            raise UnsupportedOperation(able.transport, f"sessions of mode {spec.mode.value!r}")
        chosen, used_key = spec, self._ids.key() if key is None else key

        async def open_it() -> AsyncSession:
            session = await self._memory.noting(
                "session",
                used_key,
                {"backend": chosen.backend},
                lambda: self._again(
                    lambda: self._transport.open_session(chosen, key=used_key),
                    keyed=able.idempotent_open,
                ),
            )
            if able.lasting:
                self._memory.opened(session.id)
            return AsyncSession(self, session)

        return Opening(open_it)

    async def attach_session(self, session_id: str) -> AsyncSession:
        """Return a handle on a session that exists."""
        return AsyncSession(self, await self.session(session_id))

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now; see ``SessionPort.session``."""
        return await self._again(lambda: self._transport.session(session_id))

    async def sessions(self, query: SessionQuery | None = None) -> Page[Session]:
        """Return a page of sessions and batches; see ``SessionPort.sessions``."""
        return await self._again(lambda: self._transport.sessions(query or SessionQuery()))

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs; see ``SessionPort.drain_session``."""
        await self._again(lambda: self._transport.drain_session(session_id))
        self._memory.closed(session_id)

    def detach_session(self, session_id: str) -> None:
        """Leave a session open when this runtime is closed: somebody else will close it."""
        self._memory.closed(session_id)

    async def cancel_session(self, session_id: str) -> None:
        """Close it now; see ``SessionPort.cancel_session``."""
        await self._again(lambda: self._transport.cancel_session(session_id))
        self._memory.closed(session_id)

    # --- jobs ----------------------------------------------------------------------------------

    async def submit(
        self,
        spec: JobSpec,
        params: bytes,
        *,
        key: str | None = None,
        callback: Callback | None = None,
    ) -> AsyncJob:
        """Queue one job, exactly once; see ``JobPort.submit``.

        Args:
            spec: What to run, where, and how.
            params: The exact UTF-8 JSON text of the parameters.
            key: An idempotency key; a fresh one if None.
            callback: Called on the loop with the job's id and the JSON text of each interim
                result, in order, each once. An exception of it ends that, not the job, and is
                raised by ``AsyncJob.callback_done``.

        Raises:
            InvalidInputError: *params* are no bytes.
            UnsupportedOperation: A callback, and the transport tells no interim results.
            and what ``JobPort.submit`` raises.
        """
        _check_bytes("params", params, "JSON text")
        if callback is not None and not self.capabilities.interim_results:
            raise UnsupportedOperation(self.capabilities.transport, "interim results")
        used_key = self._ids.key() if key is None else key
        job = await self._memory.noting(
            "job",
            used_key,
            about_job(spec),
            lambda: self._again(
                lambda: self._transport.submit(spec, params, key=used_key),
                keyed=self.capabilities.idempotent_submit,
            ),
        )
        handle = AsyncJob(self, job)
        if callback is not None:
            handle.follow(callback)
        return handle

    async def attach_job(self, job_id: str) -> AsyncJob:
        """Return a handle on a job that exists."""
        return AsyncJob(self, await self.job(job_id))

    async def job(self, job_id: str) -> Job:
        """Return one job as it is now; see ``JobPort.job``."""
        return await self._again(lambda: self._transport.job(job_id))

    async def jobs(self, query: JobQuery | None = None) -> Page[Job]:
        """Return a page of jobs; see ``JobPort.jobs``."""
        return await self._again(lambda: self._transport.jobs(query or JobQuery()))

    async def iter_jobs(self, query: JobQuery | None = None) -> AsyncIterator[Job]:
        """Yield every job that matches, however many pages that takes."""
        async for job in each(self.jobs, query or JobQuery()):
            yield job

    async def wait_job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Wait until a job has ended, and return it; see ``JobPort.wait_job``.

        Waiting is only reading: while the platform cannot be reached it is tried again until
        *timeout* seconds have passed, however long that is, and once more then.
        """
        end = None if timeout is None else self._clock.monotonic() + timeout
        delays = self._retry.pauses()
        while True:
            left = None if end is None else max(0.0, end - self._clock.monotonic())
            try:
                return await self._transport.wait_job(job_id, timeout=left)
            except UnreachableError:
                delay = next(delays)
                if end is not None:
                    delay = min(delay, end - self._clock.monotonic())
                    if delay <= 0:
                        raise
                await self._clock.sleep(delay)
            except WaitTimeoutError as error:
                raise WaitTimeoutError(error.noun, error.id, timeout or 0.0) from None

    async def wait_jobs(
        self, job_ids: Collection[str], *, timeout: float | None = None
    ) -> dict[str, Job]:
        """Wait until all of these jobs have ended, and return them by id, in the given order.

        Raises:
            WaitTimeoutError: The time is over for one of them; all go on.
        """
        waits = [asyncio.ensure_future(self.wait_job(i, timeout=timeout)) for i in job_ids]
        try:
            ended = await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
        return {job.id: job for job in ended}

    async def params(self, job_id: str) -> bytes:
        """Return a job's parameters; see ``JobPort.params``."""
        return await self._again(lambda: self._transport.params(job_id))

    async def result(self, job_id: str) -> bytes | None:
        """Return a job's result if there is one, without waiting; see ``JobPort.result``."""
        return await self._again(lambda: self._transport.result(job_id))

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return some of what a job has published; see ``JobPort.interim_results``."""
        return await self._again(
            lambda: self._transport.interim_results(
                job_id, start=start, limit=limit, timeout=timeout
            )
        )

    async def stream(self, job_id: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the JSON text of each interim result as it comes, until the job has ended.

        Each comes once and in order, from position *start* on, also those published before. It
        is only reading: while the platform cannot be reached it is tried again.
        """
        delays = self._retry.pauses()
        while True:
            try:
                page = await self._transport.interim_results(job_id, start=start, timeout=None)
            except UnreachableError:
                await self._clock.sleep(next(delays))
                continue
            delays = self._retry.pauses()
            for result in page.results:
                yield result
            start = page.next
            if page.complete:
                return

    async def logs(self, job_id: str) -> str:
        """Return a job's log; see ``JobPort.logs``."""
        return await self._again(lambda: self._transport.logs(job_id))

    async def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about a job's run; see ``JobPort.metrics``."""
        return await self._again(lambda: self._transport.metrics(job_id))

    async def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job; see ``JobPort.cancel_job``."""
        await self._again(lambda: self._transport.cancel_job(job_id))

    async def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended; see ``JobPort.delete_job``."""
        await self._again(lambda: self._transport.delete_job(job_id))

    async def set_tags(self, job_id: str, tags: Collection[str]) -> None:
        """Replace a job's tags; see ``JobPort.set_tags``."""
        await self._again(lambda: self._transport.set_tags(job_id, tuple(tags)))

    # --- backends, programs, account -----------------------------------------------------------

    async def backends(self) -> tuple[Backend, ...]:
        """Return every backend; see ``BackendCatalog.backends``."""
        return await self._again(self._transport.backends)

    async def backend(self, name: str) -> Backend:
        """Return one backend; see ``BackendCatalog.backend``."""
        return await self._again(lambda: self._transport.backend(name))

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return its configuration as JSON; see ``BackendCatalog.backend_configuration``."""
        return await self._again(
            lambda: self._transport.backend_configuration(name, calibration_id=calibration_id)
        )

    async def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """Return its properties as JSON, or None; see ``BackendCatalog.backend_properties``."""
        return await self._again(
            lambda: self._transport.backend_properties(
                name, calibration_id=calibration_id, updated_before=updated_before
            )
        )

    async def backend_defaults(self, name: str) -> bytes | None:
        """Return its pulse defaults as JSON, or None; see ``BackendCatalog.backend_defaults``."""
        return await self._again(lambda: self._transport.backend_defaults(name))

    async def programs(self, query: ProgramQuery | None = None) -> Page[Program]:
        """Return a page of programs; see ``ProgramPort.programs``."""
        return await self._again(lambda: self._transport.programs(query or ProgramQuery()))

    async def program(self, program_id: str) -> Program:
        """Return one program; see ``ProgramPort.program``."""
        return await self._again(lambda: self._transport.program(program_id))

    async def add_program(
        self, spec: ProgramSpec, source: bytes, *, key: str | None = None
    ) -> Program:
        """Upload a program, exactly once; see ``ProgramPort.add_program``.

        Args:
            spec: What it is.
            source: Its UTF-8 Python source.
            key: An idempotency key; a fresh one if None.
        """
        _check_bytes("source", source, "program's text")
        used_key = self._ids.key() if key is None else key
        return await self._again(
            lambda: self._transport.add_program(spec, source, key=used_key),
            keyed=self.capabilities.idempotent_submit,
        )

    async def program_source(self, program_id: str) -> bytes:
        """Return a program's source; see ``ProgramPort.program_source``."""
        return await self._again(lambda: self._transport.program_source(program_id))

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """Change a program's metadata; see ``ProgramPort.update_program``."""
        await self._again(lambda: self._transport.update_program(program_id, update))

    async def replace_program(self, program_id: str, source: bytes) -> None:
        """Change a program's source; see ``ProgramPort.replace_program``."""
        _check_bytes("source", source, "program's text")
        await self._again(lambda: self._transport.replace_program(program_id, source))

    async def publish_program(self, program_id: str, *, public: bool = True) -> None:
        """Let everybody run a program, or nobody else; see ``ProgramPort.publish_program``."""
        await self._again(lambda: self._transport.publish_program(program_id, public=public))

    async def delete_program(self, program_id: str) -> None:
        """Remove a program; see ``ProgramPort.delete_program``."""
        await self._again(lambda: self._transport.delete_program(program_id))

    async def instances(self) -> tuple[Instance, ...]:
        """Return the instances within reach; see ``AccountPort.instances``."""
        return await self._again(self._transport.instances)

    async def usage(self) -> InstanceUsage:
        """Return what the instance has used; see ``AccountPort.usage``."""
        return await self._again(self._transport.usage)


def _check_bytes(name: str, value: object, what: str) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        problem = f"must be the {what} as bytes, not {type(value).__name__}: encode it"
        raise InvalidInputError(name, problem)
