"""What a sandbox and its supervisor say to each other, as headers of frames.

The supervisor sends ``Hello`` with the program's source, and a second frame with the job's
parameters. The program says that it is ready, then whatever it publishes and wants to have run,
and at last its result or its failure. Each run is answered with its number. What comes from a
program is not trusted: everything is checked here.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import asdict, field, frozen

from swqr_adapters.execution.failures import Failure
from swqr_adapters.execution.frames import Frame, FrameError, frame_head
from swqr_adapters.execution.text import one_line, printable
from swqr_core.ports.executor import ExecutionOutcome, ExecutionStatus

__all__ = [
    "RUNNABLE",
    "Hello",
    "Publish",
    "Ready",
    "Result",
    "RunCircuits",
    "Said",
    "answer_head",
    "read_said",
]

#: The programs whose runs an uploaded program may ask for.
RUNNABLE: Final = frozenset({"sampler", "estimator", "executor", "noise-learner"})

_LONGEST_TEXT: Final = 16_000
_CODES: Final = (1000, 9999)


@frozen(kw_only=True)
class Hello:
    """What a sandbox is told first; its body is the source, or nothing for a check.

    Attributes:
        device: What runs are for, as in ``ExecutionRequest.device``; None for a check.
        interim: JSON Schema of interim results.
        log_level: As in ``ExecutionRequest.log_level``.
        schema: For a check: the schema of the document that follows.
        document: For a check: whether a document follows.
        memory_bytes: Address space above what is taken before the program begins.
        cpu_seconds: CPU time above that.
        file_bytes: The longest file.
        open_files: Descriptors.
        filter: The filter of system calls, as hexadecimal digits; empty for none.
    """

    device: Mapping[str, object] | None = None
    interim: Mapping[str, object] = field(factory=dict)
    log_level: str = "warning"
    schema: Mapping[str, object] | None = None
    document: bool = False
    memory_bytes: int
    cpu_seconds: int
    file_bytes: int
    open_files: int
    filter: str = field(default="", repr=False)

    def frame(self, body: bytes) -> bytes:
        """Return this as a frame."""
        return frame_head(asdict(self), len(body)) + body

    @classmethod
    def read(cls, frame: Frame) -> "Hello":
        """Return what ``frame`` wrote."""
        return cls(**frame.header)  # type: ignore[arg-type]  # our own runner wrote it


@frozen
class Ready:
    """The program begins."""


@frozen
class Publish:
    """The program publishes something."""

    text: bytes


@frozen
class RunCircuits:
    """The program wants circuits to be run."""

    number: int
    program_id: str
    params: bytes


@frozen
class Result:
    """The program has ended: with the text of its result, or with a failure."""

    text: bytes
    failure: Failure | None = None


Said = Ready | Publish | RunCircuits | Result


def read_said(frame: Frame) -> Said:
    """Return what a program says.

    Raises:
        FrameError: It is nothing that a program may say.
    """
    get = frame.header.get
    match get("say"):
        case "ready":
            return Ready()
        case "publish":
            return Publish(_text(frame.body))
        case "run":
            number, program_id = get("number"), get("program")
            known = isinstance(program_id, str) and program_id in RUNNABLE
            if not isinstance(number, int) or not known:
                raise FrameError("it asks for a run of nothing that can be run")
            return RunCircuits(number, str(program_id), frame.body)
        case "result":
            return Result(_text(frame.body))
        case "failed":
            return Result(b"", _failure(frame.header, frame.body))
        case _:
            raise FrameError("it says something that no program says")


def _text(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"what it gives is no UTF-8: {error.reason}") from error
    return body


def _failure(header: Mapping[str, object], body: bytes) -> Failure:
    code, solution = header.get("code"), header.get("solution")
    lowest, highest = _CODES
    if not isinstance(code, int) or not lowest <= code <= highest:
        raise FrameError("its failure has no code")
    reason = header.get("reason")
    if not isinstance(reason, str) or not isinstance(solution, str | None):
        raise FrameError("its failure has no reason")
    return Failure(
        reason=one_line(reason),
        code=code,
        solution=None if solution is None else one_line(solution),
        text=printable(body.decode("utf-8", "replace"), limit=_LONGEST_TEXT),
    )


def answer_head(number: int, outcome: ExecutionOutcome) -> tuple[bytes, bytes]:
    """Return the frame that answers a run, as head and body."""
    header: dict[str, Any] = {"number": number, "ok": outcome.status is ExecutionStatus.COMPLETED}
    if not header["ok"]:
        header |= {
            "reason": outcome.reason,
            "code": outcome.reason_code,
            "solution": outcome.reason_solution,
        }
    return frame_head(header, len(outcome.result)), outcome.result
