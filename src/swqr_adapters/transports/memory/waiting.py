"""Those who wait for a job: woken by what happens to it, and by nothing else."""

import asyncio
from contextlib import suppress
from itertools import chain
from typing import Any, TypeVar

from swqr_core.engine.facts import Fact, InterimPublished, JobDeleted, JobEnded
from swqr_core.engine.view import View
from swqr_core.errors import JobNotFoundError, WaitTimeoutError
from swqr_core.model.job import Job
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock

__all__ = ["Waiting"]

T = TypeVar("T")


class Waiting:
    """Who waits for the end of which job, and for what it publishes.

    Args:
        view: What is known of jobs.
        clock: What timeouts are measured on.
    """

    def __init__(self, view: View, clock: Clock) -> None:
        self._view, self._clock = view, clock
        self._waiting: dict[str, list[asyncio.Future[Job]]] = {}
        self._reading: dict[str, list[asyncio.Future[None]]] = {}

    def see(self, fact: Fact) -> None:
        """Wake those whom a fact concerns, once the view has it."""
        if isinstance(fact, JobEnded | JobDeleted):
            self._wake(fact)
        elif isinstance(fact, InterimPublished):
            self._wake_readers(fact.job_id)

    def _wake_readers(self, job_id: str) -> None:
        for reader in self._reading.pop(job_id, ()):
            if not reader.done():
                reader.set_result(None)

    def _wake(self, fact: JobEnded | JobDeleted) -> None:
        self._wake_readers(fact.job_id)
        for waiter in self._waiting.pop(fact.job_id, ()):
            if waiter.done():
                continue
            if isinstance(fact, JobEnded):
                waiter.set_result(self._view.by_id(fact.job_id))
            else:
                waiter.set_exception(JobNotFoundError(fact.job_id))

    async def ended(
        self,
        principal: Principal,
        job_id: str,
        *,
        timeout: float | None,
        waits: set[asyncio.Future[Any]],
    ) -> Job:
        """Return a job once it has ended.

        Args:
            principal: Who asks.
            job_id: The job.
            timeout: Seconds, or None for ever.
            waits: The asker's waits, to which this one belongs while it lasts; giving one of
                them an exception ends it.

        Raises:
            JobNotFoundError: There is none of that id, or it was deleted meanwhile.
            WaitTimeoutError: *timeout* seconds are over.
            ClosedError: The cloud was closed meanwhile.
        """
        job = self._view.job(principal, job_id)
        if job.state.ended:
            return job
        return await self._woken(self._waiting, job_id, timeout, waits)

    async def published(
        self,
        principal: Principal,
        job_id: str,
        *,
        start: int,
        timeout: float | None,
        waits: set[asyncio.Future[Any]],
    ) -> None:
        """Return once a job has published something at *start*, has ended, or time is over.

        Args:
            principal: Who asks.
            job_id: The job.
            start: A position, counted from 0.
            timeout: Seconds, or None for ever.
            waits: As for ``ended``.

        Raises:
            JobNotFoundError: There is none of that id.
            ClosedError: The cloud was closed meanwhile.
        """
        end = None if timeout is None else self._clock.monotonic() + timeout
        while not self._view.job(principal, job_id).state.ended:
            if len(self._view.interim(job_id)) > start:
                return
            left = None if end is None else end - self._clock.monotonic()
            if left is not None and left <= 0:
                return
            with suppress(WaitTimeoutError):
                await self._woken(self._reading, job_id, left, waits)

    async def _woken(
        self,
        waiting: dict[str, list[asyncio.Future[T]]],
        job_id: str,
        timeout: float | None,
        waits: set[asyncio.Future[Any]],
    ) -> T:
        """Return what those who wait for something of a job are woken with."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiters = waiting.setdefault(job_id, [])
        waiters.append(waiter)
        waits.add(waiter)
        try:
            if timeout is None:
                return await waiter
            return await self._before(waiter, job_id, timeout)
        finally:
            waits.discard(waiter)
            if waiting.get(job_id) is waiters:  # nothing has woken them
                waiters.remove(waiter)
                if not waiters:
                    del waiting[job_id]

    async def _before(self, waiter: asyncio.Future[T], job_id: str, timeout: float) -> T:
        alarm = asyncio.ensure_future(self._clock.sleep(timeout))
        both: set[asyncio.Future[Any]] = {waiter, alarm}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
        if not waiter.done():
            raise WaitTimeoutError("job", job_id, timeout)
        return waiter.result()

    def release(self, error: Exception) -> None:
        """Let all go with an error."""
        waiters: list[asyncio.Future[Any]] = [
            *chain.from_iterable(self._waiting.values()),
            *chain.from_iterable(self._reading.values()),
        ]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiting.clear()
        self._reading.clear()
