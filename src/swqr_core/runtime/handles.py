"""Handles: one job or one session, and what can be done with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from swqr_core.config.connect import system_timeline
from swqr_core.errors import JobCancelledError, JobFailedError, JobTimedOutError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.query import JobQuery, Page
from swqr_core.model.session import Session
from swqr_core.model.timeline import Timeline

if TYPE_CHECKING:
    from .asynchronous import AsyncRuntime

__all__ = ["AsyncJob", "AsyncSession", "Callback", "Opening", "raise_for_state"]

Callback = Callable[[str, bytes], object]
"""Takes a job's id and the JSON text of one of its interim results."""

_OUTCOMES = {
    JobState.FAILED: JobFailedError,
    JobState.CANCELLED: JobCancelledError,
    JobState.TIMED_OUT: JobTimedOutError,
}


def raise_for_state(job: Job) -> None:
    """Raise what says how the job ended, unless it completed.

    Raises:
        JobFailedError: It failed.
        JobCancelledError: It was cancelled.
        JobTimedOutError: It ran longer than it was allowed to.
    """
    outcome = _OUTCOMES.get(job.state)
    if outcome is not None:
        raise outcome(job.id, job.reason, job.reason_code, job.reason_solution)


def _look_at(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # ``callback_done`` raises it


class AsyncJob:
    """A job on a runtime.

    Attributes:
        snapshot: The job as it was when last looked at.
    """

    def __init__(self, runtime: "AsyncRuntime", snapshot: Job) -> None:
        self._runtime = runtime
        self.snapshot = snapshot
        self._following: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<AsyncJob {self.id} {self.snapshot.state}>"

    @property
    def id(self) -> JobId:
        """The job's id."""
        return self.snapshot.id

    async def refresh(self) -> Job:
        """Look at the job again and return it; tags and usage may change after its end."""
        self.snapshot = await self._runtime.job(self.id)
        return self.snapshot

    async def wait(self, *, timeout: float | None = None) -> Job:
        """Wait until it has ended, and return it; see ``JobPort.wait_job``."""
        if not self.snapshot.state.ended:
            self.snapshot = await self._runtime.wait_job(self.id, timeout=timeout)
        return self.snapshot

    async def result(self, *, timeout: float | None = None) -> bytes:
        """Wait until it has ended, and return the exact text of its result.

        Args:
            timeout: Seconds to wait, or None for ever.

        Raises:
            JobFailedError: It failed; the error has the reason, its code and what to do.
            JobCancelledError: It was cancelled.
            JobTimedOutError: It ran longer than it was allowed to.
            WaitTimeoutError: It has not ended in time; it goes on.
        """
        raise_for_state(await self.wait(timeout=timeout))
        return await self._runtime.result(self.id) or b""

    async def interim_results(self) -> tuple[bytes, ...]:
        """Return the JSON text of all that it has published so far, without waiting."""
        found: list[bytes] = []
        while True:
            page = await self._runtime.interim_results(self.id, start=len(found))
            found += page.results
            if page.complete or not page.results:
                return tuple(found)

    def stream(self, *, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the JSON text of each interim result as it comes; see ``AsyncRuntime.stream``."""
        return self._runtime.stream(self.id, start=start)

    def follow(self, callback: Callback) -> None:
        """Call back with each interim result as it comes, the earlier ones first."""

        async def go() -> None:
            async for result in self.stream():
                callback(self.id, result)

        self._following = asyncio.ensure_future(go())
        self._following.add_done_callback(_look_at)

    async def callback_done(self) -> None:
        """Return when the callback has had everything.

        Raises:
            Exception: What the callback has raised, which ended it.
        """
        if self._following is not None:
            await asyncio.shield(self._following)

    async def cancel(self) -> None:
        """Stop it; see ``JobPort.cancel_job``."""
        await self._runtime.cancel_job(self.id)

    async def delete(self) -> None:
        """Remove it, once it has ended; see ``JobPort.delete_job``."""
        await self._runtime.delete_job(self.id)

    async def params(self) -> bytes:
        """Return its parameters as they were submitted."""
        return await self._runtime.params(self.id)

    async def logs(self) -> str:
        """Return its log."""
        return await self._runtime.logs(self.id)

    async def metrics(self) -> JobMetrics:
        """Return what is known about its run."""
        return await self._runtime.metrics(self.id)

    async def set_tags(self, tags: Collection[str]) -> None:
        """Replace its tags."""
        await self._runtime.set_tags(self.id, tags)


class AsyncSession:
    """A session or batch on a runtime; a context that drains it, or cancels it on an exception.

    Where the platform cannot cancel sessions, it is drained then too.

    Attributes:
        snapshot: The session as it was when last looked at.
    """

    def __init__(self, runtime: "AsyncRuntime", snapshot: Session) -> None:
        self._runtime = runtime
        self.snapshot = snapshot

    def __repr__(self) -> str:
        return f"<AsyncSession {self.id} {self.snapshot.state}>"

    @property
    def id(self) -> SessionId:
        """The session's id."""
        return self.snapshot.id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if kind is None or not self._runtime.capabilities.cancel_sessions:
            await self.drain()
        else:
            await self.cancel()

    async def refresh(self) -> Session:
        """Look at the session again and return it."""
        self.snapshot = await self._runtime.session(self.id)
        return self.snapshot

    async def submit(
        self,
        program_id: str,
        params: bytes,
        *,
        tags: Collection[str] = (),
        max_execution_time: int | None = None,
        private: bool = False,
        key: str | None = None,
        callback: Callback | None = None,
    ) -> AsyncJob:
        """Queue one job in this session; see ``AsyncRuntime.submit`` and ``JobSpec``."""
        backend = self.snapshot.backend or (await self.refresh()).backend
        spec = JobSpec(
            program_id=ProgramId(program_id),
            backend=backend or BackendName(""),
            session_id=self.id,
            tags=tags,
            max_execution_time=max_execution_time,
            private=private,
        )
        return await self._runtime.submit(spec, params, key=key, callback=callback)

    async def jobs(self) -> Page[Job]:
        """Return the session's newest jobs."""
        return await self._runtime.jobs(JobQuery(session_id=self.id))

    async def timeline(self) -> Timeline:
        """Return a picture of its life so far: its states, jobs, time limits and charged time."""
        query = JobQuery(session_id=self.id, newest_first=False)
        jobs = tuple([job async for job in self._runtime.iter_jobs(query)])
        session = await self.refresh()
        svg = system_timeline()(session, jobs, now=self._runtime.clock.now())
        return Timeline(session, jobs, svg)

    def detach(self) -> None:
        """Leave it open when the runtime is closed: somebody else will close it."""
        self._runtime.detach_session(self.id)

    async def drain(self) -> None:
        """Take no new jobs; accepted ones still run. See ``SessionPort.drain_session``."""
        await self._runtime.drain_session(self.id)

    async def cancel(self) -> None:
        """Close it now; queued jobs do not run. See ``SessionPort.cancel_session``."""
        await self._runtime.cancel_session(self.id)


class Opening:
    """A session about to be opened: await it for a handle, or enter it for a context.

    As a context it drains the session when the block ends, so that accepted jobs still run; when
    the block raises, it cancels the session, so that queued jobs do not run.
    """

    def __init__(self, open_it: Callable[[], Awaitable[AsyncSession]]) -> None:
        self._open_it = open_it
        self._session: AsyncSession | None = None

    def __await__(self) -> Generator[object, None, AsyncSession]:
        return self._open_it().__await__()

    async def __aenter__(self) -> AsyncSession:
        self._session = await self._open_it()
        return await self._session.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.__aexit__(kind, error, trace)
