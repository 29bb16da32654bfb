"""What goes into the engine. An input that is refused leaves no trace."""

from collections.abc import Mapping

from attrs import field, frozen

from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec, check_tags
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.model.session import SessionSpec
from swqr_core.model.validators import flag, seconds, texts
from swqr_core.ports.executor import ExecutionStatus

from .settings import Device

__all__ = [
    "AddDevice",
    "AddProgram",
    "CancelJob",
    "CancelSession",
    "DeleteJob",
    "DeleteProgram",
    "DrainSession",
    "FinishExecution",
    "Input",
    "OpenSession",
    "PublishInterim",
    "PublishProgram",
    "ReplaceProgram",
    "SetDeviceStatus",
    "SetTags",
    "SubmitJob",
    "TakeResult",
    "UpdateProgram",
]


@frozen(kw_only=True)
class AddDevice:
    """A device joins the cloud. One of the same name again changes nothing."""

    device: Device


@frozen(kw_only=True)
class SetDeviceStatus:
    """A device goes offline, is paused, or comes back. What runs on it goes on."""

    name: BackendName
    status: BackendStatus
    reason: str = ""


@frozen(kw_only=True)
class OpenSession:
    """Somebody opens a session or batch.

    Attributes:
        session_id: A fresh id; unused if *key* has already made a session.
        key: The caller's idempotency key.
        content: A digest of all that must be equal for the key to mean the same opening.
    """

    principal: Principal
    session_id: SessionId
    spec: SessionSpec
    key: str
    content: str


@frozen(kw_only=True)
class DrainSession:
    """Somebody wants a session to take no new jobs."""

    principal: Principal
    session_id: SessionId


@frozen(kw_only=True)
class CancelSession:
    """Somebody wants a session to stop."""

    principal: Principal
    session_id: SessionId


@frozen(kw_only=True)
class SubmitJob:
    """Somebody submits a job.

    Attributes:
        job_id: A fresh id; unused if *key* has already made a job.
        params: The address of its parameters.
        key: The caller's idempotency key.
        content: A digest of all that must be equal for the key to mean the same submission.
    """

    principal: Principal
    job_id: JobId
    spec: JobSpec
    params: Payload
    key: str
    content: str


@frozen(kw_only=True)
class CancelJob:
    """Somebody wants a job to stop."""

    principal: Principal
    job_id: JobId


@frozen(kw_only=True)
class DeleteJob:
    """Somebody wants a job that has ended to be forgotten."""

    principal: Principal
    job_id: JobId


@frozen(kw_only=True)
class SetTags:
    """Somebody replaces a job's tags."""

    principal: Principal
    job_id: JobId
    tags: tuple[str, ...] = field(converter=texts, validator=check_tags)


@frozen(kw_only=True)
class TakeResult:
    """Somebody reads a private job's result, which is gone after that."""

    principal: Principal
    job_id: JobId


@frozen(kw_only=True)
class FinishExecution:
    """The outside is done with a job that the engine had started.

    It is ignored if the job has ended meanwhile.

    Attributes:
        status: How it went.
        quantum_seconds: Device time by the duration model, in seconds.
        result: The address of its result or traceback, if there is one.
        logs: The address of its log, if there is one.
        metrics: Plain JSON values for its metrics.
    """

    job_id: JobId
    status: ExecutionStatus
    quantum_seconds: float = field(default=0.0, validator=seconds())
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    result: Payload | None = None
    logs: Payload | None = None
    metrics: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class AddProgram:
    """Somebody uploads a program.

    Attributes:
        program_id: A fresh id; unused if *key* has already made a program.
        source: The address of its source.
        key: The caller's idempotency key.
        content: A digest of all that must be equal for the key to mean the same upload.
    """

    principal: Principal
    program_id: ProgramId
    spec: ProgramSpec
    source: Payload
    key: str
    content: str


@frozen(kw_only=True)
class UpdateProgram:
    """Somebody changes a program's metadata."""

    principal: Principal
    program_id: ProgramId
    update: ProgramUpdate


@frozen(kw_only=True)
class ReplaceProgram:
    """Somebody changes a program's source."""

    principal: Principal
    program_id: ProgramId
    source: Payload


@frozen(kw_only=True)
class PublishProgram:
    """Somebody lets everybody see a program, or nobody else any more."""

    principal: Principal
    program_id: ProgramId
    public: bool = field(validator=flag)


@frozen(kw_only=True)
class DeleteProgram:
    """Somebody wants a program to be forgotten."""

    principal: Principal
    program_id: ProgramId


@frozen(kw_only=True)
class PublishInterim:
    """A running job publishes something. It is ignored if the job does not run any more.

    Attributes:
        results: The addresses of what it publishes, in order.
    """

    job_id: JobId
    results: tuple[Payload, ...]


Input = (
    AddDevice
    | SetDeviceStatus
    | OpenSession
    | DrainSession
    | CancelSession
    | SubmitJob
    | CancelJob
    | DeleteJob
    | SetTags
    | TakeResult
    | FinishExecution
    | AddProgram
    | UpdateProgram
    | ReplaceProgram
    | PublishProgram
    | DeleteProgram
    | PublishInterim
)
"""Everything that can go into the engine."""
