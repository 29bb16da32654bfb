"""What a pool and its workers say to each other, as headers of frames.

The pool sends ``Setup`` once, and then a request after each answer. The worker says that it is
ready, and then answers each request. Both ends are the same version: nothing is negotiated.
"""

import sys
from collections.abc import Mapping, Sequence

from attrs import asdict, field, frozen

from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus

from .frames import Frame, FrameError, frame_head
from .runner import Run

__all__ = ["READY", "Setup", "answer_head", "read_answer", "read_request", "request_head"]

#: The header with which a worker says that it takes jobs.
READY: Mapping[str, object] = {"ready": True}


@frozen(kw_only=True)
class Setup:
    """What a worker is told before its first job.

    Attributes:
        path: Where the caller finds its modules; what a worker's own path lacks comes behind it.
        programs: Program id to ``"module:function"``.
        warm: Modules to import before the first job. One that is missing is passed over.
        memory_limit: Bytes of address space that jobs may use above the warm worker's own.
    """

    path: Sequence[str] = ()
    programs: Mapping[str, str] = field(factory=dict)
    warm: Sequence[str] = ()
    memory_limit: int | None = None

    def head(self) -> bytes:
        """Return this as a frame without a body."""
        return frame_head(asdict(self))

    @classmethod
    def read(cls, frame: Frame) -> "Setup":
        """Return what ``head`` wrote."""
        return cls(**frame.header)  # type: ignore[arg-type]  # our own pool wrote it


def request_head(request: ExecutionRequest) -> bytes:
    """Return what goes before the request's ``params`` on the pipe.

    Raises:
        TypeError: The device has a value that is no plain JSON.
    """
    header = {
        "job_id": request.job_id,
        "program_id": request.program_id,
        "device": request.device,
        "seed": request.seed,
        "log_level": request.log_level,
        "wall_limit": request.wall_limit,
    }
    return frame_head(header, len(request.params))


def read_request(frame: Frame) -> ExecutionRequest:
    """Return the request that ``request_head`` and its body make."""
    return ExecutionRequest(params=frame.body, **frame.header)  # type: ignore[arg-type]  # as above


def answer_head(run: Run) -> bytes:
    """Return what goes before the outcome's ``result`` on the pipe.

    Raises:
        TypeError: The metrics have a value that is no plain JSON.
    """
    outcome = run.outcome
    header = {
        "status": outcome.status.value,
        "quantum_seconds": outcome.quantum_seconds,
        "reason": outcome.reason,
        "reason_code": outcome.reason_code,
        "reason_solution": outcome.reason_solution,
        "metrics": outcome.metrics,
        "worn": run.worn,
    }
    return frame_head(header, len(outcome.result))


def read_answer(frame: Frame, *, logs: str) -> Run:
    """Return the run that ``answer_head`` and its body make.

    The worker has run somebody's program, so what comes is not trusted.

    Raises:
        FrameError: It is no answer.
    """
    get = frame.header.get
    reason, code, solution = get("reason"), get("reason_code"), get("reason_solution")
    seconds, metrics = get("quantum_seconds"), get("metrics")
    if not (
        (reason is None or isinstance(reason, str))
        and (code is None or isinstance(code, int))
        and (solution is None or isinstance(solution, str))
        and isinstance(seconds, (int, float))
        and 0 <= seconds <= sys.float_info.max  # an integer may be larger than any float
        and isinstance(metrics, dict)
    ):
        raise FrameError("the answer's fields have other types")
    try:
        status = ExecutionStatus(get("status"))  # type: ignore[arg-type]  # or else ValueError
    except ValueError as error:
        raise FrameError("the answer has no status") from error
    outcome = ExecutionOutcome(
        status=status,
        result=frame.body,
        quantum_seconds=seconds,
        logs=logs,
        reason=reason,
        reason_code=code,
        reason_solution=solution,
        metrics=metrics,
    )
    return Run(outcome, get("worn") is True)
