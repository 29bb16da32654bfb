"""Executions: from the engine's word that a job starts to its word on what came of it."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress

from attrs import evolve, field, frozen

from swqr_core.engine.facts import Effect, JobEnded, StartExecution
from swqr_core.engine.inputs import FinishExecution
from swqr_core.errors import ClosedError
from swqr_core.model.ids import JobId
from swqr_core.model.payload import Payload
from swqr_core.ports.clock import Clock
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    ExecutionStatus,
    Executor,
    ProgramRunner,
    ProgramSource,
)

from .machine import Machine
from .payloads import Payloads
from .publishing import Publisher

__all__ = ["Executions", "interrupted", "job_seed"]

_log = logging.getLogger(__name__)


@frozen
class _Stored:
    result: Payload | None = field(default=None)
    logs: Payload | None = field(default=None)


class Executions:
    """Runs what the engine has started, and tells it what came of that.

    Args:
        machine: The engine, made to live.
        payloads: Where parameters come from and results go.
        clock: Its time, which stands still while a job is executed if it can be held.
        executor: What runs built-in programs.
        runner: What runs uploaded ones; None if they are not run here.
        device: Returns what an executor needs to know of a device, by the device's name.
        seed: What all randomness comes from that no job seeds itself.
    """

    def __init__(
        self,
        machine: Machine,
        payloads: Payloads,
        *,
        clock: Clock,
        executor: Executor,
        runner: ProgramRunner | None,
        device: Callable[[str], Mapping[str, object]],
        seed: int,
    ) -> None:
        self._machine = machine
        self._payloads = payloads
        self._clock = clock
        self._executor = executor
        self._runner = runner
        self._device = device
        self._seed = seed
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stored: dict[str, _Stored] = {}

    def restore(self, executed: Iterable[FinishExecution]) -> Iterator[str]:
        """Take up outcomes of jobs that keep their devices; yield the digests that they need."""
        for one in executed:
            self._stored[one.job_id] = _Stored(result=one.result, logs=one.logs)
            yield from (each.digest for each in (one.result, one.logs) if each is not None)

    def act(self, effect: Effect) -> None:
        """Carry out what the engine wants done; this does not block."""
        if isinstance(effect, StartExecution):
            held = ExitStack()
            held.enter_context(self._clock.hold())
            task = asyncio.ensure_future(self._execute(effect.job_id))
            self._running[effect.job_id] = task
            task.add_done_callback(lambda _: held.close())
        else:
            task_or_none = self._running.pop(effect.job_id, None)
            if task_or_none is not None:
                task_or_none.cancel()

    def ended(self, fact: JobEnded) -> None:
        """Let go of what was stored for a job that has ended without it."""
        stored = self._stored.pop(fact.job_id, None)
        if stored is not None:
            self._drop(
                _Stored(
                    result=stored.result if fact.result is None else None,
                    logs=stored.logs if fact.logs is None else None,
                )
            )

    async def aclose(self) -> None:
        """Stop what runs, and what runs it. The machine is closed before."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._executor.aclose()
        if self._runner is not None:
            await self._runner.aclose()

    # --- one execution -------------------------------------------------------------------------

    async def _execute(self, job_id: JobId) -> None:
        stored = _Stored()
        try:
            outcome = await self._run(job_id)
            stored = await self._store(outcome)
            finished = _finished(job_id, outcome, stored)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
            finished = _could_not_run(job_id, error)
        finally:
            if self._running.get(job_id) is asyncio.current_task():
                del self._running[job_id]
        self._stored[job_id] = stored
        with suppress(ClosedError):  # whoever opens the log next sees to the job
            await self._finish(finished)
        if self._machine.view.has_ended(job_id):  # or else it keeps its device for a while
            self._drop(self._stored.pop(job_id, _Stored()))

    async def _run(self, job_id: JobId) -> ExecutionOutcome:
        view = self._machine.view
        job, number = view.by_id(job_id), view.number(job_id)
        params = await self._payloads.need(job_id, "params", lambda: job.params)
        request = ExecutionRequest(
            job_id=job_id,
            program_id=job.spec.program_id,
            params=b"{}" if params is None else params,
            device=self._device(job.spec.backend),
            seed=job_seed(self._seed, job.instance or "", number),
            log_level=job.spec.log_level,
        )
        pinned = view.pinned(job_id)
        if pinned is None or self._runner is None:
            return await self._executor.execute(request)
        source = await self._payloads.need(job_id, "program", lambda: pinned.source)
        publisher = Publisher(job_id, self._machine, self._payloads)
        try:
            outcome = await self._runner.run(
                ProgramSource(text=source or b"", spec=pinned.spec),
                evolve(request, wall_limit=float(job.time_limit or pinned.spec.cost)),
                executor=self._executor,
                publish=publisher.publish,
            )
            await publisher.done()
        finally:
            publisher.give_up()
        return outcome

    async def _store(self, outcome: ExecutionOutcome) -> "_Stored":
        done, stored = outcome.status is ExecutionStatus.COMPLETED, _Stored()
        try:
            if outcome.result or done:
                stored = evolve(stored, result=await self._payloads.keep(outcome.result))
            if outcome.logs:
                stored = evolve(stored, logs=await self._payloads.keep(outcome.logs.encode()))
        except BaseException:  # the job was cancelled, or there is no room
            self._drop(stored)
            raise
        return stored

    async def _finish(self, outcome: FinishExecution) -> None:
        """Tell the engine what came of an execution, as soon as the log takes it."""
        problem: Exception | None = None
        for attempt in (outcome, evolve(outcome, metrics={}), None):
            try:
                await self._machine.insist(attempt or _could_not_run(outcome.job_id, problem))
            except (TypeError, ValueError) as error:
                if attempt is None:
                    raise
                problem = error
                _log.warning("what came of job %s cannot be kept: %s", outcome.job_id, error)
                await self._machine.mended()
            else:
                return

    def _drop(self, stored: "_Stored") -> None:
        for payload in (stored.result, stored.logs):
            if payload is not None:
                self._payloads.release(payload.digest)


def _finished(job_id: JobId, outcome: ExecutionOutcome, stored: _Stored) -> FinishExecution:
    return FinishExecution(
        job_id=job_id,
        status=outcome.status,
        quantum_seconds=outcome.quantum_seconds,
        reason=outcome.reason,
        reason_code=outcome.reason_code,
        reason_solution=outcome.reason_solution,
        result=stored.result,
        logs=stored.logs,
        metrics=outcome.metrics,
    )


def _could_not_run(job_id: JobId, error: Exception | None) -> FinishExecution:
    return FinishExecution(
        job_id=job_id,
        status=ExecutionStatus.FAILED,
        reason=f"The platform could not run the job: {error}",
        reason_code=1000,
        reason_solution="Submit it again; if that fails too, look at the platform's logs.",
    )


def interrupted(job_id: JobId) -> FinishExecution:
    """Return the outcome of an execution that ended with the process that ran it."""
    return FinishExecution(
        job_id=job_id,
        status=ExecutionStatus.FAILED,
        reason="The platform was restarted while the job ran, and does not run such jobs again.",
        reason_code=1000,
        reason_solution="Submit it again.",
    )


def job_seed(seed: int, instance: str, number: int) -> int:
    """Return the seed of a job that brings none: 0 to 2**63 - 1.

    It depends on nothing but the cloud's seed, the instance, and the job's place in the order of
    acceptance there; so other tenants, workers and timing have no influence on counts.
    """
    digest = hashlib.sha256(f"{seed}|{instance}|{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
