"""An executor of supervised worker processes, one job at a time in each."""

import asyncio
import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from attrs import define

from swqr_core.errors import ClosedError, ConfigurationError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest

from .cores import usable_cores
from .failures import Failure, ran_too_long, start_failed, worker_broke_protocol, worker_died
from .frames import Frame, FrameError
from .messages import Setup, read_answer, request_head
from .programs import PROGRAMS
from .supervisor import WorkerProcess, WorkerSettings

__all__ = ["WorkerPool"]

# A spare is for jobs that run long enough to be cancelled; quick ones never make it start.
_SPARE_AFTER: Final = 1.0
# Seconds before a failed start is tried again while other workers do the work.
_RETRY_AFTER: Final = 10.0


@define(eq=False)
class _Job:
    """A request on its way through the pool."""

    request: ExecutionRequest
    head: bytes
    done: asyncio.Future[ExecutionOutcome]
    worker: WorkerProcess | None = None
    timer: asyncio.TimerHandle | None = None


class WorkerPool:
    """Runs jobs in worker processes (port: ``Executor``).

    Jobs are taken in their order. Workers start when jobs need them, up to one for each core, and
    stay warm. A job that is cancelled, or runs over its wall limit, has its worker killed; a worker
    that dies fails its own job and no other, and that job is never tried again by itself.

    Made and used on one event loop; it starts nothing before ``start`` or the first job. POSIX
    only. A pool that is dropped without ``aclose`` warns, and its workers end with it.

    Args:
        workers: Jobs that run side by side; None for as many as this process has cores.
        spare: While jobs run for long, keep one more worker warm, to take the place of one that
            is killed.
        wall_limit: Seconds of wall time for a job that sets no limit of its own; None for none.
        memory_limit: Bytes of address space that a job may use above what a warm worker has; None
            for no limit. Not every system enforces it (macOS does not).
        threads_per_worker: Threads with which a worker's libraries compute; None to share the
            cores out among the workers.
        programs: More programs, program id to ``"module:function"`` as in ``programs.PROGRAMS``. An
            entry replaces the built-in one of its id. Modules are found where this process finds
            them, except through its working directory.
        settings: How worker processes are made.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        spare: bool = True,
        wall_limit: float | None = 3600.0,
        memory_limit: int | None = None,
        threads_per_worker: int | None = None,
        programs: Mapping[str, str] | None = None,
        settings: WorkerSettings | None = None,
    ) -> None:
        # First, so that the finaliser of a pool that was refused finds them.
        self._starting: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._idle: list[WorkerProcess] = []
        self._busy: dict[WorkerProcess, _Job] = {}
        self._dying: set[WorkerProcess] = set()
        self._owner = os.getpid()
        _at_least("workers", workers, 1)
        _at_least("threads_per_worker", threads_per_worker, 1)
        _at_least("memory_limit", memory_limit, 1)
        _at_least("wall_limit", wall_limit, 0)
        if os.name != "posix":  # pragma: no cover
            raise ConfigurationError(
                "WorkerPool", "needs POSIX: use ThreadExecutor here, in a URL execution=threads"
            )
        cores = usable_cores()
        self._workers = workers or cores
        self._spare = spare
        self._wall_limit = wall_limit
        self._memory_limit = memory_limit
        self._threads = threads_per_worker or max(1, cores // self._workers)
        self._programs = {**PROGRAMS, **(programs or {})}
        self._settings = settings or WorkerSettings()
        self._queue: OrderedDict[_Job, None] = OrderedDict()  # leaving from its middle is cheap
        self._loop: asyncio.AbstractEventLoop | None = None
        self._spare_timer: asyncio.TimerHandle | None = None
        self._changes: set[asyncio.Future[None]] = set()
        self._start_failure: Failure | None = None
        self._retry_at = 0.0
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._busy)} busy, {len(self._queue)} queued"
        return f"<WorkerPool of {self._workers}, {state}>"

    def __del__(self) -> None:
        left = [*self._starting, *self._idle, *self._busy, *self._dying]
        if left and os.getpid() == self._owner:  # a fork's copy has no say
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            for worker in left:
                worker.abandon()

    @property
    def workers(self) -> int:
        """How many jobs run side by side."""
        return self._workers

    @property
    def idle(self) -> int:
        """How many workers are warm and wait for a job."""
        return len(self._idle)

    async def start(self, count: int = 1) -> None:
        """Start workers ahead of the first job, and return when they take jobs.

        Args:
            count: How many workers there shall be, at most ``workers``.

        Raises:
            ConfigurationError: A worker could not be started.
            ClosedError: The pool was closed, before or meanwhile.
        """
        self._enter()
        self._start_failure = None
        count = min(count, self._workers)
        while len(self._idle) + len(self._busy) < count:
            while self._living() < count and self._spawn():
                pass
            self._check_started()
            await self._change()
            self._check_open()
            self._check_started()

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Run one job to its end; see ``Executor.execute``.

        Raises:
            ClosedError: The pool was closed, before or meanwhile.
            TypeError: The request's device has a value that is no plain JSON.
        """
        loop = self._enter()
        job = _Job(request, request_head(request), loop.create_future())
        self._queue[job] = None
        self._dispatch()
        try:
            return await job.done
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    async def aclose(self) -> None:
        """Kill all workers and wait for their end. Closing twice is fine.

        Jobs that wait or run raise ``ClosedError``.
        """
        self._closed = True
        if self._spare_timer is not None:
            self._spare_timer.cancel()
        for job in [*self._queue, *self._busy.values()]:
            self._settle(job, ClosedError("the worker pool"))
        self._queue.clear()
        for worker in [*self._starting, *self._idle, *self._busy]:
            self._discard(worker)
        self._wake()
        if self._loop is not asyncio.get_running_loop():
            while self._dying:  # their loop is over and will not tell of their end
                self._dying.pop().abandon()
        while self._dying:
            await self._change()

    # --- what workers tell -----------------------------------------------------------------------

    def _spoke(self, worker: WorkerProcess, frame: Frame) -> None:
        """Take a worker's word that it is ready, or its answer."""
        if worker in self._starting:
            self._starting.pop(worker).cancel()
            worker.take_output()  # what imports print is of no job
            self._start_failure = None
            self._idle.append(worker)
        elif worker in self._busy:
            try:
                run = read_answer(frame, logs=worker.take_output())
            except FrameError as error:
                self._garbled(worker, str(error))
                return
            self._settle(self._busy.pop(worker), run.outcome)
            self._idle.append(worker)
            if run.worn:
                self._discard(worker)
        else:  # it speaks without being asked: a program that went on meddles with the pipe
            self._discard(worker)
        self._wake()
        self._dispatch()

    def _garbled(self, worker: WorkerProcess, problem: str) -> None:
        """Fail the job of a worker that broke the protocol, and do without it."""
        logs = worker.take_output()
        job, starting = self._busy.get(worker), worker in self._starting
        self._discard(worker)
        if job is not None:
            self._settle(job, worker_broke_protocol(problem).outcome(logs=logs))
        elif starting:
            self._could_not_start(start_failed(problem, output=logs))
        self._dispatch()

    def _ended(self, worker: WorkerProcess, returncode: int) -> None:
        """Fail what the dead worker was doing."""
        logs = worker.take_output()
        if worker in self._busy:
            self._settle(self._busy.pop(worker), worker_died(returncode).outcome(logs=logs))
        elif worker in self._starting:
            self._starting.pop(worker).cancel()
            problem = f"it ended with exit code {returncode}"
            if returncode < 0:
                problem = f"it was killed by signal {-returncode}"
            self._could_not_start(start_failed(problem, output=logs))
        elif worker in self._idle:
            self._idle.remove(worker)
        self._dying.discard(worker)
        self._wake()
        self._dispatch()

    # --- jobs ------------------------------------------------------------------------------------

    def _enter(self) -> asyncio.AbstractEventLoop:
        self._check_open()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("a WorkerPool is used on one event loop: make one for this loop")
        return loop

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the worker pool")

    def _dispatch(self) -> None:
        """Give waiting jobs to idle workers, and start workers for the others."""
        while self._queue and self._idle and len(self._busy) < self._workers:
            job, _ = self._queue.popitem(last=False)
            if not job.done.done():  # or else it was cancelled a moment ago
                self._give(job, self._idle.pop())  # the latest one: its caches are the warmest
        if self._closed:
            return
        wanted = min(len(self._queue), self._workers - len(self._busy))
        while (
            len(self._starting) < wanted
            and self._living() < self._workers + self._spare
            and self._may_spawn()
            and self._spawn()
        ):
            pass
        if self._spare_timer is None and self._spare_wanted():
            self._spare_timer = self._on_loop().call_later(_SPARE_AFTER, self._start_spare)

    def _give(self, job: _Job, worker: WorkerProcess) -> None:
        worker.take_output()  # what a program said after its end is not for the next one's log
        if not worker.send(job.head, job.request.params):
            self._queue[job] = None  # nothing of it was seen: this is no second try
            self._queue.move_to_end(job, last=False)
            self._discard(worker)
            return
        self._busy[worker] = job
        job.worker = worker
        limit = job.request.wall_limit
        limit = self._wall_limit if limit is None else limit
        if limit is not None:
            job.timer = self._on_loop().call_later(limit, self._time_out, job, worker, limit)

    def _settle(self, job: _Job, result: ExecutionOutcome | ClosedError) -> None:
        if job.timer is not None:
            job.timer.cancel()
        if job.done.done():
            return
        if isinstance(result, ClosedError):
            job.done.set_exception(result)
        else:
            job.done.set_result(result)

    def _time_out(self, job: _Job, worker: WorkerProcess, limit: float) -> None:
        self._settle(job, ran_too_long(limit).outcome(logs=worker.take_output()))
        self._discard(worker)
        self._dispatch()

    def _abandon(self, job: _Job) -> None:
        """Stop a job for which nobody waits."""
        self._queue.pop(job, None)
        if job.timer is not None:
            job.timer.cancel()
        if job.worker is not None and self._busy.get(job.worker) is job:
            self._discard(job.worker)
            self._dispatch()

    # --- workers ---------------------------------------------------------------------------------

    def _on_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop or asyncio.get_running_loop()

    def _living(self) -> int:
        return len(self._starting) + len(self._idle) + len(self._busy)

    def _may_spawn(self) -> bool:
        """Do not try again and again what has just failed, while other workers get on."""
        return (
            self._start_failure is None
            or not self._living()
            or self._on_loop().time() >= self._retry_at
        )

    def _spawn(self) -> bool:
        setup = Setup(
            path=[entry for entry in sys.path if entry],
            programs=self._programs,
            warm=self._settings.warm,
            memory_limit=self._memory_limit,
        )
        try:
            worker = WorkerProcess(
                self._settings,
                setup.head(),
                threads=self._threads,
                loop=self._on_loop(),
                on_frame=self._spoke,
                on_garble=self._garbled,
                on_end=self._ended,
            )
        except OSError as error:
            self._could_not_start(start_failed(error))
            return False
        timer = self._on_loop().call_later(self._settings.start_limit, self._start_late, worker)
        self._starting[worker] = timer
        return True

    def _start_late(self, worker: WorkerProcess) -> None:
        logs = worker.take_output()
        self._discard(worker)
        problem = f"it was not ready after {self._settings.start_limit:g} s"
        self._could_not_start(start_failed(problem, output=logs))
        self._wake()
        self._dispatch()

    def _could_not_start(self, failure: Failure) -> None:
        """Remember it; and if there is no other worker, let no job wait for one."""
        self._start_failure = failure
        self._retry_at = self._on_loop().time() + _RETRY_AFTER
        if not self._living():
            for job in self._queue:
                self._settle(job, failure.outcome())
            self._queue.clear()

    def _check_started(self) -> None:
        if self._start_failure is not None:
            failure = self._start_failure
            raise ConfigurationError("WorkerPool", f"{failure.reason} {failure.solution}")

    def _discard(self, worker: WorkerProcess) -> None:
        """Kill *worker*; from now on it matters to nobody but ``aclose``."""
        self._busy.pop(worker, None)
        if worker in self._idle:
            self._idle.remove(worker)
        if worker in self._starting:
            self._starting.pop(worker).cancel()
        self._dying.add(worker)
        worker.kill()

    def _start_spare(self) -> None:
        self._spare_timer = None
        if self._spare_wanted():
            self._spawn()

    def _spare_wanted(self) -> bool:
        return (
            self._spare
            and not self._closed
            and bool(self._busy)
            and not self._idle
            and not self._starting
            and self._start_failure is None
        )

    async def _change(self) -> None:
        """Wait until a worker has come or gone, or the pool is closed."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changes.add(change)
        try:
            await change
        finally:
            self._changes.discard(change)

    def _wake(self) -> None:
        for change in self._changes:
            if not change.done():
                change.set_result(None)


def _at_least(name: str, value: float | None, least: int) -> None:
    if value is not None and not value >= least:
        raise ConfigurationError("WorkerPool", f"{name} is {value}: it must be at least {least}")
