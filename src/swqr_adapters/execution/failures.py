"""How each way of failing is told: reason, registry code, solution, text."""

import errno
import signal
import traceback
from typing import Final

from attrs import field, frozen

from swqr_core.errors import ClosedError, InvalidInputError, SwqrError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionStatus

from .errors import ProgramError
from .text import one_line, printable

__all__ = [
    "Failure",
    "failure_of",
    "ran_too_long",
    "start_failed",
    "worker_broke_protocol",
    "worker_died",
]

# Codes of the public registry.
_INVALID: Final = 1002  # job validation failed
_FAILED_TO_RUN: Final = 5203
_INTERNAL: Final = 9999
_TOO_LONG: Final = 1305  # the one code that the official client knows by itself

_TRACEBACK_LIMIT: Final = 16_000
_EXTRA: Final = "pip install 'swqr[qiskit]'"
_OURS: Final = frozenset({"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "numpy"})


@frozen(kw_only=True)
class Failure:
    """Why a job did not complete.

    Attributes:
        status: ``FAILED`` or ``TIMED_OUT``.
        reason: What happened, one printable line.
        code: The registry's code.
        solution: What to do about it.
        text: What the job's result shows: a traceback, or nothing where the reason says it all.
        worn: The process that saw it should run no other job.
    """

    status: ExecutionStatus = ExecutionStatus.FAILED
    reason: str
    code: int
    solution: str | None = None
    text: str = field(default="", repr=False)
    worn: bool = False

    def outcome(self, *, logs: str = "") -> ExecutionOutcome:
        """Return the outcome of a job that failed so."""
        return ExecutionOutcome(
            status=self.status,
            result=self.text.encode(),
            logs=logs,
            reason=self.reason,
            reason_code=self.code,
            reason_solution=self.solution,
        )


def failure_of(error: BaseException) -> Failure:  # noqa: PLR0911  # one row for each kind
    """Return what *error*, raised by a program, says to the job's owner."""
    match error:
        case ProgramError():
            solution = None if error.solution is None else one_line(error.solution)
            return Failure(reason=one_line(error.reason), code=error.code, solution=solution)
        case InvalidInputError():
            return Failure(
                reason=one_line(f"The input is invalid: {_message(error)}"),
                code=error.code or _INVALID,
                solution="Correct the named value and submit a new job.",
            )
        case SwqrError() if error.code is not None and not isinstance(error, ClosedError):
            return Failure(reason=one_line(_message(error)), code=error.code)
        case MemoryError():
            return Failure(
                reason="The job ran out of memory.",
                code=_FAILED_TO_RUN,
                solution="Use fewer qubits, shots or parameter sets, or allow more memory.",
                text=_traceback(error),
                worn=True,
            )
        case RecursionError():
            return Failure(
                reason="The job's input is nested more deeply than the program can follow.",
                code=_FAILED_TO_RUN,
                solution="Flatten the circuits' control flow or the nested input values.",
                text=_traceback(error),
            )
        case ModuleNotFoundError():
            package = (error.name or "").partition(".")[0]
            return Failure(
                reason=one_line(f"The program needs a module that is missing: {_message(error)}"),
                code=_INTERNAL,
                solution=(
                    f"Install it where the jobs run: {_EXTRA}"
                    if package in _OURS
                    else "Install it where the jobs run."
                ),
                text=_traceback(error),
            )
        case SystemExit():
            return Failure(
                reason=one_line(f"The program ended itself with exit code {error.code!r}."),
                code=_FAILED_TO_RUN,
                solution="A program ends by returning its result.",
            )
        case _:
            return Failure(
                reason=one_line(f"Internal error: {type(error).__name__}: {_message(error)}"),
                code=_INTERNAL,
                solution="Read the traceback in the job's result, and its logs.",
                text=_traceback(error),
            )


def worker_died(returncode: int) -> Failure:
    """Return the failure of the job whose worker ended in the middle of it.

    Args:
        returncode: As ``subprocess`` gives it.
    """
    solution = "Look for the cause in the job's logs; submit it again if it was the machine's."
    if returncode >= 0:
        ending = f"ended with exit code {returncode}"
    else:
        try:
            ending = f"was killed by signal {-returncode} ({signal.Signals(-returncode).name})"
        except ValueError:
            ending = f"was killed by signal {-returncode}"
        if returncode == -signal.SIGKILL:
            solution = (
                "Most often the machine ran out of memory: use fewer qubits, shots or parameter "
                "sets, or fewer workers; submit the job again if somebody killed the worker."
            )
    return Failure(
        reason=f"The worker that ran the job {ending}.",
        code=_FAILED_TO_RUN,
        solution=solution,
    )


def worker_broke_protocol(problem: str) -> Failure:
    """Return the failure of the job whose worker answered nonsense, or too much."""
    return Failure(
        reason=one_line(f"The worker's answer cannot be used: {problem}"),
        code=_INTERNAL,
        solution="Ask for less in one job; report it if the program is one of swqr's own.",
    )


def ran_too_long(seconds: float) -> Failure:
    """Return the failure of a job that was stopped at its wall limit."""
    return Failure(
        status=ExecutionStatus.TIMED_OUT,
        reason=f"Ran too long: stopped after its limit of {seconds:g} s of wall time.",
        code=_TOO_LONG,
        solution="Split the job into smaller ones or raise the limit.",
    )


def start_failed(problem: str | OSError, *, output: str = "") -> Failure:
    """Return the failure of a job for which no worker could be started.

    Args:
        problem: What went wrong.
        output: What the worker printed, the end of which tells why.
    """
    solution = "Check that this interpreter can import swqr_adapters.execution.worker."
    if isinstance(problem, OSError):
        if problem.errno in {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}:
            solution = "The machine is out of processes, memory or files: use fewer workers."
        problem = str(problem)
    lines = output.strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    return Failure(
        reason=one_line(f"No worker could be started: {problem}{last}"),
        code=_INTERNAL,
        solution=solution,
        text=printable(output, limit=_TRACEBACK_LIMIT),
    )


def _message(error: BaseException) -> str:
    """Return ``str(error)``, whatever that does."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  # a program's class, and any error of it
        return f"(its message failed with {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    # The first entry is the runner's own call.
    trace = error.__traceback__
    try:
        lines = traceback.format_exception(type(error), error, trace.tb_next if trace else None)
    except Exception:  # noqa: BLE001  # as above
        return f"Traceback (most recent call last):\n{type(error).__name__}: {_message(error)}\n"
    return printable("".join(lines), limit=_TRACEBACK_LIMIT)
