"""The engine made to live: time passes, facts are logged and published, effects carried out."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from swqr_core.engine.documents import KINDS
from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import (
    Effect,
    Fact,
    JobEnded,
    StartExecution,
    Step,
)
from swqr_core.engine.inputs import FinishExecution, Input
from swqr_core.engine.records import decode_record, encode_input, encode_record
from swqr_core.engine.restoring import Restorer
from swqr_core.engine.settings import EngineSettings
from swqr_core.engine.snapshot import Changes
from swqr_core.engine.view import View
from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    SwqrError,
    UnreachableError,
)
from swqr_core.model.ids import JobId
from swqr_core.model.job import Job
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.storage import EventLog, LogRecord

from .waiting import Waiting

__all__ = ["Machine"]

_log = logging.getLogger(__name__)

_AT_ONCE = 50  # documents between two looks at the event loop: a few milliseconds


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
        retry: After how many seconds a log that could not be written is tried again. These pass
            by the event loop's clock: a disk knows nothing of the cloud's time.
        compact_every: After how many records the log is compacted.
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
        retry: float = 1.0,
        compact_every: int = 5_000,
    ) -> None:
        self.view = View()
        self._settings = settings
        self._engine = Engine(settings)
        self._clock = clock
        self._log = log
        self._act = act
        self._ended = ended
        self._tell = tell
        self._retry = retry
        self._began = clock.now()
        self._began_monotonic = clock.monotonic()
        self._waiting = Waiting(self.view, clock)
        self._last: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self._number = 0
        self._changes = Changes()
        self._compact_every = self._compact_at = compact_every
        self._compacting: asyncio.Task[None] | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._stalled: UnreachableError | None = None
        self._mending: asyncio.Task[None] | None = None
        self._mended = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due: datetime | None = None
        self._sooner = asyncio.Event()
        self._dead: ClosedError | None = None

    def now(self) -> datetime:
        """Return the cloud's time, which never goes back even if a real clock is set."""
        return self._began + timedelta(seconds=self._clock.monotonic() - self._began_monotonic)

    async def recover(self) -> None:
        """Take in what the log holds; call this before anything else, and ``go_on`` after it.

        Raises:
            ConfigurationError: The log is damaged.
            InvalidInputError: A record cannot be read.
        """
        if self._log is not None:
            await self._restore(self._log, self._engine, self.view)
            if self._engine.now is not None:
                self._began = max(self._began, self._engine.now)

    async def go_on(self) -> tuple[JobId, ...]:
        """Go on from what was recovered: deadlines that passed meanwhile fire, dated by themselves.

        What comes of them is done at once, so whatever jobs need to run must be there.

        Returns:
            The jobs that were running and of which nobody runs the execution any more.

        Raises:
            UnreachableError: The log cannot be written.
        """
        left = self._engine.outstanding()
        at = self.now()
        await self._commit(None, at, self._engine.advance_to(at))
        self._arm()
        still = frozenset(self._engine.outstanding())
        return tuple(job_id for job_id in left if job_id in still)

    async def _restore(self, log: EventLog, engine: Engine, view: View | None) -> None:
        """Bring an empty engine, and an empty view, to what the log holds."""
        restorer = Restorer(engine.cloud, view)
        for kind in KINDS:
            async for document in log.documents(kind):
                restorer.add(document)
        restorer.finish()
        async for number, record in log.read():
            facts = decode_record(record)[2]
            try:
                for fact in facts:
                    engine.apply(fact)
                    if view is not None:
                        self._changes.see(fact, view)
                        view.apply(fact)
            except (KeyError, ValueError) as error:
                raise ConfigurationError(
                    "the event log", f"record {number} does not fit what was before it: {error!r}"
                ) from error
            self._number = number

    def executed(self) -> tuple[FinishExecution, ...]:
        """Return the outcomes of executions that are done, of jobs that keep their devices."""
        return self._engine.executed()

    def start(self, job_id: JobId) -> None:
        """Let a running job be executed from its start, in place of an execution that is lost."""
        self._act(StartExecution(job_id))

    async def feed(self, command: Input) -> Step:
        """Handle an input and return what it has led to, once that is durable and published.

        Cancelling this does not undo it.

        Raises:
            SwqrError: It was refused; nothing has changed.
            ClosedError: The cloud was closed.
            UnreachableError: The log cannot be written now; nothing has changed.
        """
        while not self._open.is_set():
            await self._open.wait()
        self._check()
        if self._log is not None:
            encode_input(command)  # what cannot be written must not happen
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

    async def insist(self, command: Input) -> Step:
        """Feed what nobody can give again, as soon as the log takes it.

        Raises:
            SwqrError: It was refused; nothing has changed.
            ClosedError: The cloud was closed.
        """
        while True:
            try:
                return await self.feed(command)
            except UnreachableError:
                await self.mended()

    async def _commit(self, command: Input | None, at: datetime, step: Step) -> None:
        """Make a step durable and publish it, after all earlier ones."""
        if not step.facts and not step.effects:
            # A repeated key answers with what an earlier input has made: once that is durable.
            last = self._last
            if last is not None and not last.done():
                await asyncio.wait([last])
                if (error := last.exception()) is not None:
                    raise _refusal(error) from error
        elif self._log is None:
            self._publish(step)
        else:
            record = encode_record(command, at, step.facts)
            # Whoever asked may give up meanwhile: the record is written all the same.
            writing = asyncio.ensure_future(self._write(self._log, record, step, self._last))
            self._last = writing
            self._writing.add(writing)
            writing.add_done_callback(self._written)
            await asyncio.shield(writing)

    async def _write(
        self, log: EventLog, record: LogRecord, step: Step, before: "asyncio.Task[None] | None"
    ) -> None:
        try:
            number = await log.append(record)
        except Exception as error:
            self._stall(log, error)
            if isinstance(error, OSError):
                raise _refusal(error) from error
            raise
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._publish(step)
        self._number = max(self._number, number)
        if self._number >= self._compact_at and self._dead is None:
            self._start_compacting(log)

    def _written(self, writing: "asyncio.Task[None]") -> None:
        self._writing.discard(writing)
        if not writing.cancelled():
            writing.exception()  # perhaps whoever waited for it has given up

    def _publish(self, step: Step) -> None:
        for fact in step.facts:
            if self._log is not None:
                self._changes.see(fact, self.view)
            self._tell(fact)
            self.view.apply(fact)
            if isinstance(fact, JobEnded):
                self._ended(fact)
            self._waiting.see(fact)
        if self._dead is None:  # else whoever opens the log next carries them out
            for effect in step.effects:
                self._act(effect)
            self._arm()

    async def wait(
        self,
        principal: Principal,
        job_id: str,
        *,
        timeout: float | None,
        waits: set[asyncio.Future[Any]],
    ) -> Job:
        """Return a job once it has ended; see ``Waiting.ended``.

        Raises:
            ClosedError: The cloud is closed, or was meanwhile.
        """
        self._check_open()
        return await self._waiting.ended(principal, job_id, timeout=timeout, waits=waits)

    async def wait_interim(
        self,
        principal: Principal,
        job_id: str,
        *,
        start: int,
        timeout: float | None,
        waits: set[asyncio.Future[Any]],
    ) -> None:
        """Return once a job has published something at *start*; see ``Waiting.published``.

        Raises:
            ClosedError: The cloud is closed, or was meanwhile.
        """
        self._check_open()
        await self._waiting.published(principal, job_id, start=start, timeout=timeout, waits=waits)

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
            while not self._open.is_set():
                await self._open.wait()
            at = self.now()
            if at >= due and self._stalled is None and self._dead is None:
                with self._clock.hold(), suppress(UnreachableError):
                    await self._commit(None, at, self._engine.advance_to(at))
            if self._stalled is not None:
                await self.mended()

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

    # --- a log that grows ----------------------------------------------------------------------

    async def compact(self) -> None:
        """Compact the log now, if there is one; this happens by itself, too."""
        if self._log is not None:
            self._start_compacting(self._log)
        if self._compacting is not None:
            await asyncio.wait([self._compacting])

    def _start_compacting(self, log: EventLog) -> None:
        if self._open.is_set() and (self._compacting is None or self._compacting.done()):
            self._open.clear()
            self._compacting = asyncio.ensure_future(self._compact(log))

    async def _compact(self, log: EventLog) -> None:
        """Let the log forget its records for documents of what they have changed.

        While these are made nothing may change, so inputs wait; that takes a few milliseconds for
        a thousand records, and readers are served meanwhile.
        """
        try:
            while self._writing:
                await asyncio.wait(set(self._writing))
            self._compact_at = self._number + self._compact_every
            if self._stalled is not None:
                return
            changes, self._changes = self._changes, Changes()
            through, documents = self._number, []
            for count, document in enumerate(changes.documents(self._engine.cloud, self.view)):
                documents.append(document)
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            self._open.set()
        try:
            await log.compact(through, documents)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are still there
            self._changes.add(changes, self.view)
            _log.warning("the event log could not be compacted: %r", error)

    # --- a log that cannot be written ----------------------------------------------------------

    def _stall(self, log: EventLog, error: Exception) -> None:
        """Refuse everything until the log takes records again.

        What the engine has decided since is in no log, so it did not happen: the engine is made
        anew from what is durable, which is also all that was ever published.
        """
        if self._stalled is None and self._dead is None:
            self._stalled = _refusal(error)
            self._mended.clear()
            _log.error("%s", self._stalled)
            self._mending = asyncio.ensure_future(self._mend(log))

    async def _mend(self, log: EventLog) -> None:
        while self._writing:
            await asyncio.wait(set(self._writing))
        if self._compacting is not None:  # the log must not change while it is read
            await asyncio.wait([self._compacting])
        while True:
            engine = Engine(self._settings)
            try:
                await log.mend()
                await self._restore(log, engine, None)
            except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
                self._stalled = _refusal(error)
                await asyncio.sleep(self._retry)
            else:
                break
        self._engine = engine
        self._stalled = None
        _log.warning("the event log takes records again")
        self._mended.set()
        self._arm()

    async def mended(self) -> None:
        """Return when the log takes records again.

        Raises:
            ClosedError: The cloud was closed.
        """
        if self._stalled is not None:
            await self._mended.wait()
        self._check_open()

    # --- the end -------------------------------------------------------------------------------

    def _check(self) -> None:
        self._check_open()
        if self._stalled is not None:
            raise UnreachableError(*self._stalled.args)

    def _check_open(self) -> None:
        if self._dead is not None:
            raise ClosedError(*self._dead.args)

    async def aclose(self) -> None:
        """Finish what is being written, stop time, let go of whoever waits. Twice is fine."""
        if self._dead is None:
            self._dead = ClosedError("the in-memory cloud")
        while self._writing:
            await asyncio.wait(set(self._writing))
        self._mended.set()
        self._waiting.release(self._dead)
        self._open.set()
        if self._compacting is not None:
            await asyncio.gather(self._compacting, return_exceptions=True)
        tasks = [task for task in (self._timer, self._mending) if task is not None]
        self._timer = self._mending = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _refusal(error: BaseException) -> UnreachableError:
    if isinstance(error, UnreachableError):
        return UnreachableError(*error.args)
    return UnreachableError(
        "memory", f"the event log cannot be written ({error}): nothing was done; try again later"
    )
