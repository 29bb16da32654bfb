"""Handles for blocking code: one job or one session, and what can be done with it."""

from collections.abc import Collection, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from swqr_core.model.ids import JobId, SessionId
from swqr_core.model.job import Job, JobMetrics
from swqr_core.model.query import Page
from swqr_core.model.session import Session
from swqr_core.model.timeline import Timeline

from .handles import AsyncJob, AsyncSession, Callback

if TYPE_CHECKING:
    from .asynchronous import AsyncRuntime
    from .blocking import Runtime

__all__ = ["BlockingJob", "BlockingSession"]


class BlockingJob:
    """``AsyncJob`` for blocking code; every method does what its namesake does."""

    def __init__(self, runtime: "Runtime", job: AsyncJob) -> None:
        self._runtime, self._job = runtime, job

    def _on(self, runtime: "AsyncRuntime") -> AsyncJob:
        """Return the handle on the runtime as it is now: after a fork the child has its own."""
        if self._job._runtime is not runtime:  # noqa: SLF001 - this package's own
            self._job = AsyncJob(runtime, self._job.snapshot)
        return self._job

    def __repr__(self) -> str:
        return f"<BlockingJob {self.id} {self.snapshot.state}>"

    @property
    def id(self) -> JobId:
        """The job's id."""
        return self._job.id

    @property
    def snapshot(self) -> Job:
        """The job as it was when last looked at."""
        return self._job.snapshot

    def refresh(self) -> Job:
        """Look at the job again and return it."""
        return self._runtime.run(lambda r: self._on(r).refresh())

    def wait(self, *, timeout: float | None = None) -> Job:
        """Wait until it has ended, and return it."""
        return self._runtime.run(lambda r: self._on(r).wait(timeout=timeout))

    def result(self, *, timeout: float | None = None) -> bytes:
        """Wait until it has ended, and return the exact text of its result."""
        return self._runtime.run(lambda r: self._on(r).result(timeout=timeout))

    def interim_results(self) -> tuple[bytes, ...]:
        """Return the JSON text of all that it has published so far, without waiting."""
        return self._runtime.run(lambda r: self._on(r).interim_results())

    def stream(self, *, start: int = 0) -> Iterator[bytes]:
        """Yield the JSON text of each interim result as it comes, until it has ended."""
        return self._runtime.stream(self.id, start=start)

    def callback_done(self) -> None:
        """Return when the callback has had everything; raise what it has raised."""
        self._runtime.run(lambda r: self._on(r).callback_done())

    def cancel(self) -> None:
        """Stop it."""
        self._runtime.run(lambda r: self._on(r).cancel())

    def delete(self) -> None:
        """Remove it, once it has ended."""
        self._runtime.run(lambda r: self._on(r).delete())

    def params(self) -> bytes:
        """Return its parameters as they were submitted."""
        return self._runtime.run(lambda r: self._on(r).params())

    def logs(self) -> str:
        """Return its log."""
        return self._runtime.run(lambda r: self._on(r).logs())

    def metrics(self) -> JobMetrics:
        """Return what is known about its run."""
        return self._runtime.run(lambda r: self._on(r).metrics())

    def set_tags(self, tags: Collection[str]) -> None:
        """Replace its tags."""
        self._runtime.run(lambda r: self._on(r).set_tags(tags))


class BlockingSession:
    """``AsyncSession`` for blocking code; every method does what its namesake does."""

    def __init__(self, runtime: "Runtime", session: AsyncSession) -> None:
        self._runtime, self._session = runtime, session

    def _on(self, runtime: "AsyncRuntime") -> AsyncSession:
        """Return the handle on the runtime as it is now: after a fork the child has its own."""
        if self._session._runtime is not runtime:  # noqa: SLF001 - this package's own
            self._session = AsyncSession(runtime, self._session.snapshot)
        return self._session

    def __repr__(self) -> str:
        return f"<BlockingSession {self.id} {self.snapshot.state}>"

    @property
    def id(self) -> SessionId:
        """The session's id."""
        return self._session.id

    @property
    def snapshot(self) -> Session:
        """The session as it was when last looked at."""
        return self._session.snapshot

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runtime.run(lambda r: self._on(r).__aexit__(kind, error, trace))

    def refresh(self) -> Session:
        """Look at the session again and return it."""
        return self._runtime.run(lambda r: self._on(r).refresh())

    def submit(
        self,
        program_id: str,
        params: bytes,
        *,
        tags: Collection[str] = (),
        max_execution_time: int | None = None,
        private: bool = False,
        key: str | None = None,
        callback: Callback | None = None,
    ) -> BlockingJob:
        """Queue one job in this session; *callback* is called on the runtime's thread."""

        async def go(runtime: "AsyncRuntime") -> AsyncJob:
            return await self._on(runtime).submit(
                program_id,
                params,
                tags=tags,
                max_execution_time=max_execution_time,
                private=private,
                key=key,
                callback=callback,
            )

        return BlockingJob(self._runtime, self._runtime.run(go))

    def jobs(self) -> Page[Job]:
        """Return the session's newest jobs."""
        return self._runtime.run(lambda r: self._on(r).jobs())

    def timeline(self) -> Timeline:
        """Return a picture of its life so far; a notebook shows it by itself."""
        return self._runtime.run(lambda r: self._on(r).timeline())

    def detach(self) -> None:
        """Leave it open when the runtime is closed: somebody else will close it."""
        self._runtime.detach_session(self.id)

    def drain(self) -> None:
        """Take no new jobs; accepted ones still run."""
        self._runtime.run(lambda r: self._on(r).drain())

    def cancel(self) -> None:
        """Close it now; queued jobs do not run."""
        self._runtime.run(lambda r: self._on(r).cancel())
