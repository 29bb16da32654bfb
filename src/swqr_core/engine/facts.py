"""What comes out of the engine: facts, which are the only way its state changes, and effects.

A fact says what is so from now on; applying the facts of a log in order rebuilds the state without
asking any rule again. An effect is a wish to the outside; it is carried out once its facts are
durable.
"""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import ProgramSpec
from swqr_core.model.session import SessionMode, SessionSpec

from .inputs import FinishExecution
from .settings import Device

__all__ = [
    "DeviceAdded",
    "DeviceStatusSet",
    "Effect",
    "Fact",
    "InstanceCharged",
    "InterimPublished",
    "JobAccepted",
    "JobDeleted",
    "JobEnded",
    "JobExecuted",
    "JobPinned",
    "JobStarted",
    "ProgramAdded",
    "ProgramChanged",
    "ProgramDeleted",
    "ResultTaken",
    "SessionAdvanced",
    "SessionCharged",
    "SessionOpened",
    "StartExecution",
    "Step",
    "StopExecution",
    "TagsSet",
]


@frozen(kw_only=True)
class DeviceAdded:
    """There is a new device."""

    at: datetime
    device: Device


@frozen(kw_only=True)
class DeviceStatusSet:
    """A device takes jobs out of its queue, or does not."""

    at: datetime
    name: BackendName
    status: BackendStatus
    reason: str


@frozen(kw_only=True)
class SessionOpened:
    """There is a new session or batch.

    Attributes:
        spec: What it was opened with; all its TTLs are resolved against the plan.
        key: Under which key, with which content.
    """

    at: datetime
    session_id: SessionId
    principal: Principal
    spec: SessionSpec
    key: str
    content: str

    @property
    def mode(self) -> SessionMode:
        """Dedicated session or batch."""
        return self.spec.mode


@frozen(kw_only=True)
class SessionAdvanced:
    """A session has a new state.

    Attributes:
        event: What happened to it.
        state: The state entered, never the one left, but for ``START_JOB`` while busy or draining.
        reason: The ``state_reason``; None where the state stays as it was.
    """

    at: datetime
    session_id: SessionId
    event: SessionEvent
    state: SessionState
    reason: str | None


@frozen(kw_only=True)
class SessionCharged:
    """A session's usage has grown.

    Attributes:
        seconds: By how much; may be 0 when only *final* changes.
        final: Whether it cannot grow any more.
    """

    at: datetime
    session_id: SessionId
    seconds: float
    final: bool


@frozen(kw_only=True)
class InstanceCharged:
    """An instance's usage has grown by *seconds*."""

    at: datetime
    instance: InstanceId
    seconds: float


@frozen(kw_only=True)
class JobAccepted:
    """There is a new job, queued.

    Attributes:
        number: Its place in the order of acceptance of its instance, counted from 1.
        time_limit: Device time that it may use, in seconds.
        key: Under which key, with which content.
    """

    at: datetime
    job_id: JobId
    number: int
    principal: Principal
    spec: JobSpec
    params: Payload
    time_limit: int
    key: str
    content: str


@frozen(kw_only=True)
class JobStarted:
    """A job runs."""

    at: datetime
    job_id: JobId


@frozen(kw_only=True)
class JobExecuted:
    """A job's execution is done, but it keeps its device until *due_at*."""

    at: datetime
    job_id: JobId
    due_at: datetime
    outcome: FinishExecution


@frozen(kw_only=True)
class JobEnded:
    """A job has ended.

    Attributes:
        event: What ended it.
        state: How it ended.
        quantum_seconds: Device time that it used.
        result: The address of its result or traceback, if there is one.
        logs: The address of its log, if there is one.
    """

    at: datetime
    job_id: JobId
    event: JobEvent
    state: JobState
    quantum_seconds: float = 0.0
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    result: Payload | None = None
    logs: Payload | None = None
    metrics: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class TagsSet:
    """A job has other tags."""

    at: datetime
    job_id: JobId
    tags: tuple[str, ...]


@frozen(kw_only=True)
class ResultTaken:
    """A private job's result was read and is gone."""

    at: datetime
    job_id: JobId


@frozen(kw_only=True)
class JobDeleted:
    """A job is forgotten; its id answers as not found."""

    at: datetime
    job_id: JobId


@frozen(kw_only=True)
class ProgramAdded:
    """There is a new program.

    Attributes:
        principal: Whose it is.
        source: The address of its source.
        key: Under which key, with which content.
    """

    at: datetime
    program_id: ProgramId
    principal: Principal
    spec: ProgramSpec
    source: Payload
    key: str
    content: str


@frozen(kw_only=True)
class ProgramChanged:
    """A program has other metadata, another source, or is seen by others."""

    at: datetime
    program_id: ProgramId
    spec: ProgramSpec
    source: Payload


@frozen(kw_only=True)
class ProgramDeleted:
    """A program is forgotten; its id answers as not found."""

    at: datetime
    program_id: ProgramId


@frozen(kw_only=True)
class JobPinned:
    """A job that was accepted runs this source, whatever becomes of its program."""

    at: datetime
    job_id: JobId
    spec: ProgramSpec
    source: Payload


@frozen(kw_only=True)
class InterimPublished:
    """A running job has published something.

    Attributes:
        results: The addresses of what it has published, in order, behind what it had before.
    """

    at: datetime
    job_id: JobId
    results: tuple[Payload, ...]


Fact = (
    DeviceAdded
    | DeviceStatusSet
    | SessionOpened
    | SessionAdvanced
    | SessionCharged
    | InstanceCharged
    | JobAccepted
    | JobStarted
    | JobExecuted
    | JobEnded
    | TagsSet
    | ResultTaken
    | JobDeleted
    | ProgramAdded
    | ProgramChanged
    | ProgramDeleted
    | JobPinned
    | InterimPublished
)
"""Everything that can become so."""


@frozen
class StartExecution:
    """Run this job now and answer with ``FinishExecution``."""

    job_id: JobId


@frozen
class StopExecution:
    """Stop running this job; no answer is wanted."""

    job_id: JobId


Effect = StartExecution | StopExecution
"""Everything that the engine can wish for."""


@frozen
class Step:
    """What one input, or the passing of time, has led to.

    Attributes:
        facts: What is so now, in order; each is dated.
        effects: What the outside must do once the facts are durable, in order.
        subject: The id of the session, job or program that the input was about: for a repeated
            key the one that the first use made. None for other inputs.
    """

    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    subject: str | None = None
