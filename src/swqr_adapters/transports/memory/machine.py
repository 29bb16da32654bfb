"""The engine made to live: time passes, facts are logged and published, effects carried out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

from attrs import evolve

from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import (
    Effect,
    Fact,
    InterimPublished,
    JobDeleted,
    JobEnded,
    StartExecution,
    Step,
)
from swqr_core.engine.inputs import Input
from swqr_core.engine.records import decode_record, encode_record
from swqr_core.engine.settings import EngineSettings
from swqr_core.engine.view import View
from swqr_core.errors import (
    ClosedError,
    JobNotFoundError,
    SwqrError,
    TransportError,
    WaitTimeoutError,
)
from swqr_core.model.job import Job
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.storage import EventLog

__all__ = ["Machine"]

T = TypeVar("T")


class Machine:
    """Runs an engine on a clock and keeps its view.

    An input is handled, its facts are logged, and only then published and acted upon; so nobody
    sees, and nothing is done about, what could still be lost. Everything happens on one loop.

    Args:
        settings: What the cloud is like.
        clock: Its time.
        log: Where facts are made durable; None for a cloud that lives as long as its process.
        act: Carries out an effect; it must not block.
        ended: Told of every job that has ended; it must not block.
        tell: Told of every fact before the view is; it must not block.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        clock: Clock,
        log: EventLog | None,
        act: Callable[[Effect], None],
        ended: Callable[[JobEnded], None],
        tell: Callable[[Fact], None] = lambda _: None,
    ) -> None:
        self.view = View()
        self._engine = Engine(settings)
        self._clock = clock
        self._log = log
        self._act = act
        self._ended = ended
        self._tell = tell
        self._began = clock.now()
        self._began_monotonic = clock.monotonic()
        self._waiting: dict[str, list[asyncio.Future[Job]]] = {}
        self._reading: dict[str, list[asyncio.Future[None]]] = {}
        self._published: asyncio.Future[None] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timer_due: datetime | None = None
        self._sooner = asyncio.Event()
        self._dead: Exception | None = None

    def now(self) -> datetime:
        """Return the cloud's time, which never goes back even if a real clock is set."""
        return self._began + timedelta(seconds=self._clock.monotonic() - self._began_monotonic)

    async def recover(self) -> None:
        """Take in what the log holds, and go on from there; call this before anything else.

        Deadlines that passed meanwhile fire now, dated by themselves. Jobs that were running run
        again from their start.

        Raises:
            InvalidInputError: A record cannot be read.
        """
        if self._log is None:
            return
        async for _, record in self._log.read():
            for fact in decode_record(record)[2]:
                self._engine.apply(fact)
                self._tell(fact)
                self.view.apply(fact)
        if self._engine.now is not None:
            self._began = max(self._began, self._engine.now)
        at = self.now()
        await self._commit(None, at, self._engine.advance_to(at))
        for job_id in self._engine.outstanding():
            self._act(StartExecution(job_id))
        self._arm()

    async def feed(self, command: Input) -> Step:
        """Handle an input and return what it has led to, once that is durable and published.

        Raises:
            SwqrError: It was refused; nothing has changed.
            ClosedError: The cloud was closed.
            TransportError: The log failed: what has happened since is not durable.
        """
        self._check()
        at = self.now()
        overdue = self._engine.advance_to(at)
        try:
            step = self._engine.handle(command, at)
        except SwqrError:
            await self._commit(None, at, overdue)
            raise
        if overdue.facts or overdue.effects:
            facts, effects = overdue.facts + step.facts, overdue.effects + step.effects
            await self._commit(command, at, evolve(step, facts=facts, effects=effects))
        else:
            await self._commit(command, at, step)
        return step

    async def _commit(self, command: Input | None, at: datetime, step: Step) -> None:
        """Make a step durable and publish it, after all earlier ones."""
        if not step.facts and not step.effects:
            # A repeated key answers with what an earlier input has made: once that is durable.
            if self._published is not None and not self._published.done():
                await self._published
                self._check()
            return
        if self._log is not None:
            before = self._published
            mine = self._published = asyncio.get_running_loop().create_future()
            try:
                await self._log.append(encode_record(command, at, step.facts))
                if before is not None and not before.done():
                    await before
                self._check()
            except asyncio.CancelledError:
                # The record may be there: go on, or the view would miss what the log has.
                self._fail(TransportError("memory", "a write to the event log was interrupted"))
                raise
            except Exception as error:
                self._fail(error)
                raise
            finally:
                mine.set_result(None)
        self._publish(step)

    def _publish(self, step: Step) -> None:
        for fact in step.facts:
            self._tell(fact)
            self.view.apply(fact)
            if isinstance(fact, JobEnded):
                self._ended(fact)
                self._wake(fact)
            elif isinstance(fact, JobDeleted):
                self._wake(fact)
            elif isinstance(fact, InterimPublished):
                self._wake_readers(fact.job_id)
        for effect in step.effects:
            self._act(effect)
        self._arm()

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
                waiter.set_result(self.view.by_id(fact.job_id))
            else:
                waiter.set_exception(JobNotFoundError(fact.job_id))

    async def wait(
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
        self._check()
        job = self.view.job(principal, job_id)
        if job.state.ended:
            return job
        return await self._woken(self._waiting, job_id, timeout, waits)

    async def wait_interim(
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
            waits: As for ``wait``.

        Raises:
            JobNotFoundError: There is none of that id.
            ClosedError: The cloud was closed meanwhile.
        """
        self._check()
        end = None if timeout is None else self._clock.monotonic() + timeout
        while not self.view.job(principal, job_id).state.ended:
            if len(self.view.interim(job_id)) > start:
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

    # --- time ----------------------------------------------------------------------------------

    def _arm(self) -> None:
        """See to it that the next deadline is not slept through."""
        due = self._engine.next_deadline()
        if due is None:
            return
        if self._timer is None:
            self._timer = asyncio.ensure_future(self._keep_time())
        if self._timer_due is None or due < self._timer_due:
            self._timer_due = due
            self._sooner.set()

    async def _keep_time(self) -> None:
        while self._dead is None:
            due = self._timer_due = self._engine.next_deadline()
            self._sooner.clear()
            if due is None:
                await self._sooner.wait()
                continue
            if not await self._sleep_until(due):
                continue
            at = self.now()
            if at >= due:
                with self._clock.hold():
                    await self._commit(None, at, self._engine.advance_to(at))

    async def _sleep_until(self, due: datetime) -> bool:
        """Return True when *due* has come, False when there is something sooner."""
        seconds = (due - self.now()).total_seconds()
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        sooner = asyncio.ensure_future(self._sooner.wait())
        try:
            await asyncio.wait({alarm, sooner}, return_when=asyncio.FIRST_COMPLETED)
            return alarm.done()
        finally:
            alarm.cancel()
            sooner.cancel()

    # --- the end -------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._dead is not None:
            raise self._dead

    def _fail(self, error: Exception) -> None:
        """Stop for good: what the engine has decided meanwhile is not in the log."""
        if self._dead is None:
            self._dead = TransportError(
                "memory", f"the event log failed ({error}): open the cloud anew from its log"
            )
            self._release(self._dead)

    def _release(self, error: Exception) -> None:
        waiters: list[asyncio.Future[Any]] = [
            *chain.from_iterable(self._waiting.values()),
            *chain.from_iterable(self._reading.values()),
        ]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiting.clear()
        self._reading.clear()

    async def aclose(self) -> None:
        """Stop time and let go of whoever waits. Closing twice is fine."""
        if self._dead is None:
            self._dead = ClosedError("the in-memory cloud")
        self._release(self._dead)
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
