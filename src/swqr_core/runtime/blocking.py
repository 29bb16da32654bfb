"""The use cases, for blocking code: the same runtime behind one thread with one loop."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Mapping,
)
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from swqr_core.config.connect import active_profile, connect_profile, system_journal
from swqr_core.config.profile import Profile
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.journal import Journal
from swqr_core.ports.paging import after
from swqr_core.ports.transport import RuntimeTransport

from .asynchronous import AsyncRuntime
from .blocking_handles import BlockingJob, BlockingSession
from .handles import AsyncSession, Callback
from .policies import RetryPolicy
from .recovery import Recovery
from .thread import LoopThread

__all__ = ["BlockingJob", "BlockingSession", "Runtime"]

T = TypeVar("T")


class Runtime:
    """``AsyncRuntime`` for blocking code.

    It may be used from any thread, in a notebook, and in code that has a running event loop of its
    own; only from its own loop it refuses to be called. The transport is made at the first call
    and lives on that loop. After a fork the child makes a transport of its own.

    Every method does what its namesake in ``AsyncRuntime`` does.

    Args:
        make: Makes the transport; called on the runtime's loop.
        clock: For pauses between attempts; the system's if None.
        ids: For idempotency keys; random if None.
        retry: When to try again.
        journal: Makes the journal of a transport when it is first needed; None for none.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[RuntimeTransport]],
        *,
        clock: Clock | None = None,
        ids: IdFactory | None = None,
        retry: RetryPolicy | None = None,
        journal: Callable[[RuntimeTransport], Journal | None] | None = None,
    ) -> None:
        self._make = make
        self._journal = journal
        self._parts: tuple[Clock | None, IdFactory | None, RetryPolicy | None] = clock, ids, retry
        self._making: asyncio.Task[AsyncRuntime] | None = None
        self._made: AsyncRuntime | None = None
        self._thread = LoopThread("swqr runtime", on_close=self._release, on_fork=self._forget)

    @classmethod
    def connect(
        cls, profile: str | None = None, *, settings: Mapping[str, str] | None = None
    ) -> Self:
        """Make a runtime over the transport that a profile or a URL names.

        Raises:
            ConfigurationError: There is no such profile or transport, or a setting cannot be used.
            MissingExtraError: A package that it needs is not installed.
        """
        return cls.from_profile(active_profile(profile, settings))

    @classmethod
    def from_profile(cls, profile: Profile, *, at_once: bool = True) -> Self:
        """Make a runtime over the transport of a profile that was found before.

        Args:
            profile: The profile.
            at_once: Whether to make the transport now, so that what is wrong about it shows now;
                otherwise it is made when it is needed first.

        Raises:
            ConfigurationError: There is no such transport, or a setting cannot be used.
            MissingExtraError: A package that it needs is not installed.
        """
        runtime = cls(lambda: connect_profile(profile), journal=partial(system_journal, profile))
        try:
            if at_once:
                runtime.run(_nothing)
        except BaseException:
            runtime.close()
            raise
        return runtime

    def __repr__(self) -> str:
        return (
            f"<Runtime over {self._made.capabilities.transport!r}>" if self._made else "<Runtime>"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._thread.closed

    def close(self) -> None:
        """Close the transport and the thread. Closing twice is fine."""
        self._thread.close()

    def run(self, work: Callable[[AsyncRuntime], Coroutine[Any, Any, T]]) -> T:
        """Run any coroutine of the asynchronous runtime on its loop, and return its result.

        For what has no blocking method, and for several steps at the price of one::

            runtime.run(lambda r: r.wait_jobs(ids, timeout=60.0))

        Raises:
            ClosedError: The runtime was closed.
            StateConflictError: Called from the runtime's own loop.
        """

        async def go() -> T:
            return await work(self._made or await self._ready())

        return self._thread.call(go)

    async def _ready(self) -> AsyncRuntime:
        """Make the runtime once, however many threads ask for it at the same time."""
        making = self._making
        if making is None:
            making = self._making = asyncio.ensure_future(self._build())
        try:
            return await asyncio.shield(making)
        except BaseException:
            if making.done():  # it failed: the next call tries again
                self._making = None
            raise

    async def _build(self) -> AsyncRuntime:
        clock, ids, retry = self._parts
        # Kept here, for whoever waits for it may give up, and then nobody else would close it.
        self._made = AsyncRuntime(
            await self._make(), clock=clock, ids=ids, retry=retry, journal=self._journal
        )
        return self._made

    async def _release(self) -> None:
        if self._making is not None and not self._making.done():
            self._making.cancel()
        if self._made is not None:
            await self._made.aclose()

    def _forget(self) -> object:
        of_parent = self._making, self._made
        self._making = self._made = None
        return of_parent

    def recover(self) -> Recovery[BlockingJob, BlockingSession]:
        """Find again what programs that are gone have submitted over this transport."""
        found = self.run(lambda r: r.recover())
        return Recovery(
            jobs=tuple(BlockingJob(self, job) for job in found.jobs),
            sessions=tuple(BlockingSession(self, session) for session in found.sessions),
            unknown=found.unknown,
        )

    @property
    def transport(self) -> RuntimeTransport:
        """The transport underneath; use it on the runtime's loop only."""
        return self.run(_itself).transport

    @property
    def capabilities(self) -> Capabilities:
        """What the transport can do."""
        return (self._made or self.run(_itself)).capabilities

    @property
    def principal(self) -> Principal:
        """Whom the transport acts for."""
        return (self._made or self.run(_itself)).principal

    # --- sessions ------------------------------------------------------------------------------

    def open_session(
        self,
        backend: str | None = None,
        *,
        mode: SessionMode | str = SessionMode.DEDICATED,
        max_time: float | str | None = None,
        spec: SessionSpec | None = None,
        key: str | None = None,
    ) -> BlockingSession:
        """Open a session or batch; usable with ``with``. See ``AsyncRuntime.open_session``."""

        async def go(runtime: AsyncRuntime) -> AsyncSession:
            return await runtime.open_session(
                backend, mode=mode, max_time=max_time, spec=spec, key=key
            )

        return BlockingSession(self, self.run(go))

    def attach_session(self, session_id: str) -> BlockingSession:
        """Return a handle on a session that exists."""
        return BlockingSession(self, self.run(lambda r: r.attach_session(session_id)))

    def session(self, session_id: str) -> Session:
        """Return one session as it is now."""
        return self.run(lambda r: r.session(session_id))

    def sessions(self, query: SessionQuery | None = None) -> Page[Session]:
        """Return a page of sessions and batches."""
        return self.run(lambda r: r.sessions(query))

    def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs."""
        self.run(lambda r: r.drain_session(session_id))

    def detach_session(self, session_id: str) -> None:
        """Leave a session open when this runtime is closed."""

        async def go(runtime: AsyncRuntime) -> None:
            runtime.detach_session(session_id)

        self.run(go)

    def cancel_session(self, session_id: str) -> None:
        """Close it now."""
        self.run(lambda r: r.cancel_session(session_id))

    # --- jobs ----------------------------------------------------------------------------------

    def submit(
        self,
        spec: JobSpec,
        params: bytes,
        *,
        key: str | None = None,
        callback: Callback | None = None,
    ) -> BlockingJob:
        """Queue one job, exactly once; *callback* is called on the runtime's thread."""
        return BlockingJob(
            self, self.run(lambda r: r.submit(spec, params, key=key, callback=callback))
        )

    def attach_job(self, job_id: str) -> BlockingJob:
        """Return a handle on a job that exists."""
        return BlockingJob(self, self.run(lambda r: r.attach_job(job_id)))

    def job(self, job_id: str) -> Job:
        """Return one job as it is now."""
        return self.run(lambda r: r.job(job_id))

    def jobs(self, query: JobQuery | None = None) -> Page[Job]:
        """Return a page of jobs."""
        return self.run(lambda r: r.jobs(query))

    def iter_jobs(self, query: JobQuery | None = None) -> Iterator[Job]:
        """Yield every job that matches, however many pages that takes."""
        following: JobQuery | None = query or JobQuery()
        before: Page[Job] | None = None
        while following is not None:
            page = self.jobs(following)
            yield from page
            following, before = after(following, page, before), page

    def wait_job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Wait until a job has ended, and return it."""
        return self.run(lambda r: r.wait_job(job_id, timeout=timeout))

    def wait_jobs(
        self, job_ids: Collection[str], *, timeout: float | None = None
    ) -> dict[str, Job]:
        """Wait until all of these jobs have ended, and return them by id."""
        return self.run(lambda r: r.wait_jobs(job_ids, timeout=timeout))

    def params(self, job_id: str) -> bytes:
        """Return a job's parameters."""
        return self.run(lambda r: r.params(job_id))

    def result(self, job_id: str) -> bytes | None:
        """Return a job's result if there is one, without waiting."""
        return self.run(lambda r: r.result(job_id))

    def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return some of what a job has published."""
        return self.run(
            lambda r: r.interim_results(job_id, start=start, limit=limit, timeout=timeout)
        )

    def stream(self, job_id: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the JSON text of each interim result as it comes, until the job has ended."""
        results = self.run(lambda r: _started(r.stream(job_id, start=start)))
        while True:
            result = self.run(lambda _: _next(results))
            if result is None:
                return
            yield result

    def logs(self, job_id: str) -> str:
        """Return a job's log."""
        return self.run(lambda r: r.logs(job_id))

    def metrics(self, job_id: str) -> JobMetrics:
        """Return what is known about a job's run."""
        return self.run(lambda r: r.metrics(job_id))

    def cancel_job(self, job_id: str) -> None:
        """Stop a queued or running job."""
        self.run(lambda r: r.cancel_job(job_id))

    def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended."""
        self.run(lambda r: r.delete_job(job_id))

    def set_tags(self, job_id: str, tags: Collection[str]) -> None:
        """Replace a job's tags."""
        self.run(lambda r: r.set_tags(job_id, tags))

    # --- backends, programs, account -----------------------------------------------------------

    def backends(self) -> tuple[Backend, ...]:
        """Return every backend."""
        return self.run(lambda r: r.backends())

    def backend(self, name: str) -> Backend:
        """Return one backend."""
        return self.run(lambda r: r.backend(name))

    def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        """Return its configuration as JSON."""
        return self.run(lambda r: r.backend_configuration(name, calibration_id=calibration_id))

    def backend_properties(
        self,
        name: str,
        *,
        calibration_id: str | None = None,
        updated_before: datetime | None = None,
    ) -> bytes | None:
        """Return its properties as JSON, or None."""
        return self.run(
            lambda r: r.backend_properties(
                name, calibration_id=calibration_id, updated_before=updated_before
            )
        )

    def backend_defaults(self, name: str) -> bytes | None:
        """Return its pulse defaults as JSON, or None."""
        return self.run(lambda r: r.backend_defaults(name))

    def programs(self, query: ProgramQuery | None = None) -> Page[Program]:
        """Return a page of programs."""
        return self.run(lambda r: r.programs(query))

    def program(self, program_id: str) -> Program:
        """Return one program."""
        return self.run(lambda r: r.program(program_id))

    def add_program(self, spec: ProgramSpec, source: bytes, *, key: str | None = None) -> Program:
        """Upload a program, exactly once."""
        return self.run(lambda r: r.add_program(spec, source, key=key))

    def program_source(self, program_id: str) -> bytes:
        """Return a program's source."""
        return self.run(lambda r: r.program_source(program_id))

    def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """Change a program's metadata."""
        self.run(lambda r: r.update_program(program_id, update))

    def replace_program(self, program_id: str, source: bytes) -> None:
        """Change a program's source."""
        self.run(lambda r: r.replace_program(program_id, source))

    def publish_program(self, program_id: str, *, public: bool = True) -> None:
        """Let everybody run a program, or nobody else any more."""
        self.run(lambda r: r.publish_program(program_id, public=public))

    def delete_program(self, program_id: str) -> None:
        """Remove a program."""
        self.run(lambda r: r.delete_program(program_id))

    def instances(self) -> tuple[Instance, ...]:
        """Return the instances within reach."""
        return self.run(lambda r: r.instances())

    def usage(self) -> InstanceUsage:
        """Return what the instance has used."""
        return self.run(lambda r: r.usage())


async def _nothing(_: AsyncRuntime) -> None:
    """Only make the transport."""


async def _started(results: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    return results


async def _next(results: AsyncIterator[bytes]) -> bytes | None:
    return await anext(results, None)


async def _itself(runtime: AsyncRuntime) -> AsyncRuntime:
    return runtime
