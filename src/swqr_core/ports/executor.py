"""The port to whatever runs a job's program: bytes in, bytes out."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from swqr_core.model.program import ProgramSpec

__all__ = [
    "ExecutionOutcome",
    "ExecutionRequest",
    "ExecutionStatus",
    "Executor",
    "ProgramRunner",
    "ProgramSource",
]


class ExecutionStatus(StrEnum):
    """How an execution ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


@frozen(kw_only=True)
class ExecutionRequest:
    """One job, as an executor needs it.

    Attributes:
        job_id: The job's id, for logs and messages.
        program_id: Which program to run, for example ``sampler``.
        params: The exact UTF-8 JSON text of the job's ``params`` value (REST: ``params``).
        device: What the program runs on, as plain JSON values. The room that made it (the fleet)
            and the executor understand it; the core does not look inside.
        seed: The seed of all randomness of this job, 0 to 2**63 - 1. A seed inside ``params``
            (``options.simulator.seed_simulator``) comes first.
        log_level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        wall_limit: Seconds of wall time after which the execution is stopped and reported as
            ``TIMED_OUT``; None for the executor's own limit.
    """

    job_id: str
    program_id: str
    params: bytes = field(repr=False)
    device: Mapping[str, object] = field(factory=dict)
    seed: int = 0
    log_level: str = "warning"
    wall_limit: float | None = None


@frozen(kw_only=True)
class ExecutionOutcome:
    """What came of an execution.

    Attributes:
        status: How it ended.
        result: The exact UTF-8 text that ``GET /jobs/{id}/results`` gives. For a failed job the
            traceback or message that the official client shows; it may be empty.
        quantum_seconds: Seconds for which the device was needed, by the duration model; never
            wall time.
        logs: The job's log, one line an entry.
        reason: Why it did not complete, for people (REST: ``state.reason``).
        reason_code: The registry's code, 1000 to 9999 (REST: ``state.reason_code``).
        reason_solution: What to do about it (REST: ``state.reason_solution``).
        metrics: Plain JSON values about the run: ``num_circuits``, ``num_qubits``,
            ``circuit_depths``, ``executions``, ``circuits_execution_time_ns``,
            ``qiskit_version``, as far as the program knows them.
    """

    status: ExecutionStatus
    result: bytes = field(default=b"", repr=False)
    quantum_seconds: float = 0.0
    logs: str = field(default="", repr=False)
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    metrics: Mapping[str, object] = field(factory=dict)


class Executor(Protocol):
    """Runs programs. Made and used on one event loop; whoever makes it closes it."""

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Run one job to its end.

        Many may be awaited at once; the executor decides how many run side by side. Cancelling
        the awaiting task stops the execution, harms no other one, and is prompt.

        Returns:
            The outcome. A job's own failure (bad input, an error in its program, a worker that
            died) is an outcome with status ``FAILED``, never an exception.

        Raises:
            ClosedError: The executor was closed; nothing ran.
        """
        ...

    async def aclose(self) -> None:
        """Stop everything that runs and release processes and threads. Closing twice is fine."""
        ...


@frozen(kw_only=True)
class ProgramSource:
    """An uploaded program, as its runner needs it.

    Attributes:
        text: Its UTF-8 Python source.
        spec: Its metadata, with the schemas of what it takes and gives.
    """

    text: bytes = field(repr=False)
    spec: ProgramSpec


class ProgramRunner(Protocol):
    """Runs uploaded programs, which nobody trusts. Made and used on one event loop."""

    async def aclose(self) -> None:
        """Release what it keeps; nothing runs any more. Closing twice is fine."""
        ...

    async def check(self) -> None:
        """Return if programs can be run here as safely as was asked for.

        Raises:
            AccessDeniedError: They cannot; the error tells what is missing.
        """
        ...

    async def problem(self, schema: Mapping[str, object], document: bytes | None) -> str | None:
        """Tell what is wrong with a document by its JSON Schema.

        Args:
            schema: The schema, which nobody trusts either.
            document: JSON text; None to look at the schema alone.

        Returns:
            What is wrong, with the path of the place in the document; None if nothing is.
        """
        ...

    async def run(
        self,
        program: ProgramSource,
        request: ExecutionRequest,
        *,
        executor: Executor,
        publish: Callable[[bytes], None],
    ) -> ExecutionOutcome:
        """Run a program to its end. Cancelling the awaiting task kills it with all it has started.

        Args:
            program: What to run.
            request: The job; its ``wall_limit`` is the program's.
            executor: What runs the circuits that it asks for.
            publish: Takes the JSON text of each interim result, in order.

        Returns:
            The outcome; whatever the program does, it is one, never an exception.

        Raises:
            ClosedError: The executor was closed.
        """
        ...
