"""One sandbox from its start to its end: what it says, what it is answered, what came of it."""

import asyncio
import signal
from collections.abc import Callable

from attrs import evolve

from swqr_adapters.execution.failures import (
    Failure,
    ran_too_long,
    start_failed,
    worker_broke_protocol,
)
from swqr_adapters.execution.frames import Frame, FrameError, frame_head
from swqr_adapters.execution.supervisor import WorkerProcess
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    ExecutionStatus,
    Executor,
)

from .box import Box
from .limits import SandboxLimits
from .messages import Hello, Publish, Ready, Result, RunCircuits, answer_head, read_said

__all__ = ["Running"]

_FAILED = 5203
_SIGNALLED = 128
_SEED = 2**63


class Running:
    """A program that runs, or a check that does.

    Args:
        box: Where it runs.
        limits: What it may use.
        hello: What it is told first.
        bodies: The source, and the parameters or the document.
        executor: What runs its circuits; None for a check.
        request: The job; None for a check.
        publish: Takes its interim results.
        on_ready: Called when it begins.
    """

    def __init__(
        self,
        box: Box,
        limits: SandboxLimits,
        hello: Hello,
        bodies: tuple[bytes, bytes],
        *,
        executor: Executor | None,
        request: ExecutionRequest | None,
        publish: Callable[[bytes], None],
        on_ready: Callable[[], None],
    ) -> None:
        self._box, self._limits, self._hello = box, limits, hello
        self._source, self._params = bodies
        self._executor, self._request, self._publish = executor, request, publish
        self._on_ready = on_ready
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[ExecutionOutcome] = self._loop.create_future()
        self._runs: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ready = False
        self._seconds = 0.0
        self._count = 0
        self._published = self._published_bytes = 0

    @property
    def began(self) -> bool:
        """Whether anything of what it was sent may have run."""
        return self._ready

    async def outcome(self) -> ExecutionOutcome:
        """Run it to its end; cancelling this kills it, and all that it has started.

        Raises:
            ClosedError: The executor was closed.
        """
        process = self._box.process
        self._box.hear(self._heard, self._garbled, self._ended)
        try:
            process.send(self._hello.frame(self._source), b"")
            process.send(frame_head({}, len(self._params)), self._params)
            self._let(self._limits.start_seconds, start_failed("it was not ready in time"))
            outcome = await self._done
            logs = process.take_output()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for run in self._runs:
                run.cancel()
            await self._box.aclose()
        return evolve(
            outcome,
            logs=logs,
            quantum_seconds=self._seconds,
            metrics={"executions": self._count} if self._count else {},
        )

    def _let(self, seconds: float, otherwise: Failure) -> None:
        """Give it so many seconds from now on."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._fail, otherwise)

    # --- what it says ----------------------------------------------------------------------------

    def _heard(self, process: WorkerProcess, frame: Frame) -> None:
        if self._done.done():
            return
        try:
            said = read_said(frame)
        except FrameError as error:
            self._garbled(process, str(error))
            return
        match said:
            case Ready() if self._ready:
                self._garbled(process, "it says again that it begins")
            case Ready():  # its time runs from here, once
                self._ready = True
                seconds = self._limits.check_seconds
                if self._request is not None:
                    seconds = self._request.wall_limit or seconds
                self._let(seconds, ran_too_long(seconds))
                self._on_ready()
            case Publish():
                self._take(said.text)
            case RunCircuits():
                self._start(process, said)
            case Result(failure=None):
                self._end(ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=said.text))
            case Result(failure=failure):
                self._fail(failure)

    def _take(self, text: bytes) -> None:
        limits = self._limits
        self._published += 1
        self._published_bytes += len(text)
        if len(text) > limits.message_bytes:
            self._over(f"published an interim result of more than {limits.message_bytes} bytes")
        elif self._published > limits.messages:
            self._over(f"published more than {limits.messages} interim results")
        elif self._published_bytes > limits.messages_bytes:
            self._over(f"published more than {limits.messages_bytes} bytes of interim results")
        else:
            self._publish(text)

    def _start(self, process: WorkerProcess, said: RunCircuits) -> None:
        if self._executor is None or self._request is None:
            self._garbled(process, "a check asks for no runs")
        elif (
            len(self._runs) >= self._limits.runs_at_once
            or process.unsent > self._limits.result_bytes  # it does not read its answers
        ):
            self._over(f"asked for more than {self._limits.runs_at_once} circuit runs at once")
        else:
            self._count += 1
            request = evolve(
                self._request,
                program_id=said.program_id,
                params=said.params,
                seed=(self._request.seed + self._count) % _SEED,
            )
            run = asyncio.ensure_future(self._answer(process, said.number, request, self._executor))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)

    async def _answer(
        self, process: WorkerProcess, number: int, request: ExecutionRequest, executor: Executor
    ) -> None:
        try:
            outcome = await executor.execute(request)
        except Exception as error:  # noqa: BLE001 - the job must hear of it, whatever it is
            if not self._done.done():
                self._done.set_exception(error)
            return
        self._seconds += outcome.quantum_seconds
        limit = request.wall_limit
        if limit is not None and self._seconds > limit:
            self._fail(ran_too_long(limit))
            return
        process.send(*answer_head(number, outcome))

    # --- its end ---------------------------------------------------------------------------------

    def _end(self, outcome: ExecutionOutcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)

    def _fail(self, failure: Failure | None) -> None:
        if failure is not None:
            self._end(failure.outcome())

    def _over(self, what: str) -> None:
        self._fail(
            Failure(
                reason=f"The program {what} and was stopped.",
                code=_FAILED,
                solution="Let the program do less in one job.",
            )
        )

    def _garbled(self, _: WorkerProcess, problem: str) -> None:
        if problem.startswith("it printed"):
            self._over(f"printed more than {self._limits.output_bytes} bytes")
        else:
            self._fail(worker_broke_protocol(problem))

    def _ended(self, _: WorkerProcess, returncode: int) -> None:
        self._fail(_death(returncode))


def _death(returncode: int) -> Failure:
    """Return the failure of a program whose process ended before it had said that it did."""
    number = -returncode if returncode < 0 else returncode - _SIGNALLED
    told = f"ended by itself with exit code {returncode}, before it returned"
    solution = "A program ends by returning its result."
    if number > 0:
        try:
            told = f"was killed by signal {number} ({signal.Signals(number).name})"
        except ValueError:
            told = f"was killed by signal {number}"
        solution = "Look at the job's logs."
    if number == signal.SIGXCPU:
        told, solution = "used up its CPU time", "Give it less to compute, or a higher cost."
    elif number == signal.SIGKILL:
        solution = "Most often the machine ran out of memory: let the program use less."
    return Failure(reason=f"The program's process {told}.", code=_FAILED, solution=solution)
