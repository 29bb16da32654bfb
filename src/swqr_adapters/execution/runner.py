"""One job, run in this process: bytes in, an outcome out, whatever happens."""

import math
from collections.abc import Callable, Mapping
from importlib import import_module

from attrs import evolve, frozen

from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus

from .errors import ProgramError
from .failures import failure_of
from .logs import JobLog, ThreadLog
from .programs import PROGRAMS
from .result import ProgramResult

__all__ = ["Run", "run_job", "run_request"]

Program = Callable[[ExecutionRequest], ProgramResult]


@frozen
class Run:
    """What came of a run, and whether the process is still good for another.

    Attributes:
        outcome: The outcome.
        worn: The process should run no other job, for example because memory ran out.
    """

    outcome: ExecutionOutcome
    worn: bool = False


def run_request(
    request: ExecutionRequest, *, programs: Mapping[str, str] = PROGRAMS
) -> ExecutionOutcome:
    """Run one job to its end in the calling thread.

    Args:
        request: The job. Its ``wall_limit`` is not held here: a thread cannot be stopped.
        programs: Program id to ``"module:function"``.

    Returns:
        The outcome; an error of any kind is one with status ``FAILED``. Its log has the
        ``logging`` records of this thread from the job's level up, the program's own lines, and
        why it failed.

    Raises:
        KeyboardInterrupt: Ctrl-C, if this is the main thread.
    """
    return run_job(request, programs=programs, log=ThreadLog(request.log_level)).outcome


def run_job(request: ExecutionRequest, *, programs: Mapping[str, str], log: JobLog) -> Run:
    """Run one job, its log going to *log*; see ``run_request``.

    Args:
        request: The job.
        programs: Program id to ``"module:function"``.
        log: Collects what is said meanwhile.
    """
    with log:
        try:
            answer = _program(request.program_id, programs)(request)
            run = Run(_completed(answer))
            for line in answer.logs:
                log.line(line)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # the job's failure, whatever it is
            failure = failure_of(error)
            log.line(f"ERROR swqr: {failure.reason} (code {failure.code})")
            if failure.text:
                log.line(failure.text.rstrip())
            run = Run(failure.outcome(), failure.worn)
    logs = log.take()
    return evolve(run, outcome=evolve(run.outcome, logs=logs)) if logs else run


def _program(program_id: str, programs: Mapping[str, str]) -> Program:
    name = programs.get(program_id)
    if name is None:
        known = ", ".join(sorted(programs))
        raise ProgramError(
            f"There is no program {program_id!r} here.", 1002, f"Use one of these: {known}."
        )
    module_name, _, attribute = name.partition(":")
    program: Program = getattr(import_module(module_name), attribute)
    return program


def _completed(answer: object) -> ExecutionOutcome:
    if not isinstance(answer, ProgramResult):
        raise TypeError(f"the program returned a {type(answer).__name__}, no ProgramResult")
    if not isinstance(answer.result, bytes):
        raise TypeError(f"the program's result is a {type(answer.result).__name__}, no bytes")
    seconds = float(answer.quantum_seconds)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"the program used {seconds} quantum seconds")
    return ExecutionOutcome(
        status=ExecutionStatus.COMPLETED,
        result=answer.result,
        quantum_seconds=seconds,
        metrics=answer.metrics,
    )
