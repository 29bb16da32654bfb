"""An executor that runs nothing and ends jobs as it is told."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from swqr_core.errors import ClosedError, JobEndedError
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    ExecutionStatus,
    Executor,
    ProgramSource,
)

__all__ = ["StubExecutor"]

_DONE = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"{}")


class StubExecutor:
    """The ports ``Executor`` and ``ProgramRunner`` for tests of everything around them.

    Use it on one event loop.

    By default every job completes at once, as *outcome* says. With ``manual=True`` a job runs
    until the test ends it::

        await stub.started(job.id)
        stub.finish(job.id, result=b'{"answer": 42}', quantum_seconds=2.5)

    An ending may also be told in advance, in either mode: the job ends so as soon as it starts.

    Args:
        outcome: How jobs end that were told nothing else.
        manual: Whether jobs wait to be told.

    Attributes:
        ran: Every request that was started, in order.
        cancelled: The ids of the executions that were cancelled while they ran, in order.
        sources: The uploaded program of each job that runs one, by the job's id.
    """

    def __init__(self, outcome: ExecutionOutcome = _DONE, *, manual: bool = False) -> None:
        self.ran: list[ExecutionRequest] = []
        self.cancelled: list[str] = []
        self.sources: dict[str, ProgramSource] = {}
        self._outcome = outcome
        self._manual = manual
        self._running: dict[str, asyncio.Future[ExecutionOutcome]] = {}
        self._ended: dict[str, str] = {}
        self._planned: dict[str, ExecutionOutcome] = {}
        self._watchers: dict[str, asyncio.Event] = {}
        self._publishers: dict[str, Callable[[bytes], None]] = {}
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._running)} running"
        return f"<StubExecutor, {state}, {len(self.ran)} started>"

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the jobs that run now, in the order of their start."""
        return tuple(self._running)

    # --- the port ------------------------------------------------------------------------------

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Run nothing, and end as the test says.

        Raises:
            ClosedError: The executor was closed.
        """
        if self._closed:
            raise ClosedError("the stub executor")
        job_id = request.job_id
        self.ran.append(request)
        self._watcher(job_id).set()
        planned = self._planned.pop(job_id, None if self._manual else self._outcome)
        if planned is not None:
            self._ended[job_id] = planned.status.value
            return planned
        waiting: asyncio.Future[ExecutionOutcome] = asyncio.get_running_loop().create_future()
        self._running[job_id] = waiting
        try:
            outcome = await waiting
        except asyncio.CancelledError:
            self._ended[job_id] = "cancelled"
            self.cancelled.append(job_id)
            raise
        finally:
            self._running.pop(job_id, None)
        self._ended[job_id] = outcome.status.value
        return outcome

    async def check(self) -> None:
        """Say that uploaded programs are safe: none of them runs."""

    async def problem(self, schema: Mapping[str, object], document: bytes | None) -> str | None:
        """Find nothing wrong, except with what has not every member that *schema* requires."""
        required = schema.get("required", [])
        if not isinstance(required, list):
            return "$.required: must be a list"
        found = json.loads(document) if document is not None else dict.fromkeys(required)
        missing = [name for name in required if name not in found]
        return f"$: {missing[0]!r} is a required property" if missing else None

    async def run(
        self,
        program: ProgramSource,
        request: ExecutionRequest,
        *,
        executor: Executor,  # noqa: ARG002
        publish: Callable[[bytes], None],
    ) -> ExecutionOutcome:
        """Run nothing of *program*, and end as the test says."""
        self.sources[request.job_id] = program
        self._publishers[request.job_id] = publish
        return await self.execute(request)

    async def aclose(self) -> None:
        """End what runs with ``ClosedError``. Closing twice is fine."""
        self._closed = True
        for waiting in self._running.values():
            if not waiting.done():
                waiting.set_exception(ClosedError("the stub executor"))

    # --- the test's side -----------------------------------------------------------------------

    async def started(self, job_id: str) -> ExecutionRequest:
        """Wait until a job has started, and return what it was started with."""
        await self._watcher(job_id).wait()
        return next(request for request in self.ran if request.job_id == job_id)

    def finish(
        self,
        job_id: str,
        *,
        result: bytes = b"{}",
        quantum_seconds: float = 0.0,
        logs: str = "",
        metrics: Mapping[str, object] | None = None,
    ) -> None:
        """Let a job complete with this result and this use of the device, in seconds.

        Raises:
            JobEndedError: Its execution has already ended.
        """
        self.end(
            job_id,
            ExecutionOutcome(
                status=ExecutionStatus.COMPLETED,
                result=result,
                quantum_seconds=quantum_seconds,
                logs=logs,
                metrics=metrics or {},
            ),
        )

    def publish(self, job_id: str, result: bytes) -> None:
        """Let a job of an uploaded program, which runs, publish an interim result."""
        self._publishers[job_id](result)

    def fail(
        self,
        job_id: str,
        *,
        reason: str = "The program raised an error.",
        reason_code: int = 1000,
        **rest: Any,
    ) -> None:
        """Let a job fail; *rest* is any other field of ``ExecutionOutcome``.

        Raises:
            JobEndedError: Its execution has already ended.
        """
        failed = ExecutionOutcome(
            status=ExecutionStatus.FAILED, reason=reason, reason_code=reason_code
        )
        self.end(job_id, evolve(failed, **rest))

    def end(self, job_id: str, outcome: ExecutionOutcome) -> None:
        """Let a job end like this: now if it runs, else as soon as it starts.

        Raises:
            JobEndedError: Its execution has already ended.
        """
        waiting = self._running.get(job_id)
        if job_id in self._ended or (waiting is not None and waiting.done()):
            raise JobEndedError(job_id, self._ended.get(job_id, "ending"))
        if waiting is None:
            self._planned[job_id] = outcome
        else:
            waiting.set_result(outcome)

    def _watcher(self, job_id: str) -> asyncio.Event:
        return self._watchers.setdefault(job_id, asyncio.Event())
