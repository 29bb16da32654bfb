"""How what a cloud knows is written: documents, one for each thing, in explicit layouts.

They are plain JSON, like records. What follows from others (queues, counts, tags) is in none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState as State
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import SessionId
from swqr_core.model.job import Job
from swqr_core.model.program import Program
from swqr_core.model.session import Session, SessionMode, SessionStep
from swqr_core.model.usage import JobUsage

from .facts import JobPinned
from .layouts import FLAG, JSON, NUMBER, TEXT, TIME, WHOLE, Codec, Layout, many, optional, word
from .library import Shelved
from .records import (
    ADDRESS,
    DEVICE,
    FINISH,
    JOB_SPEC,
    PAYLOAD,
    PRINCIPAL,
    PROGRAM_SPEC,
    SESSION_SPEC,
)
from .settings import Device

__all__ = [
    "KINDS",
    "LAYOUTS",
    "VERSION",
    "AccountState",
    "Charge",
    "ChargesState",
    "CloudState",
    "DeviceState",
    "KeyState",
    "KnownJob",
    "KnownSession",
    "Part",
    "QueueingJob",
    "QueueingSession",
]

VERSION: Final = 1
"""The version of every layout in this module."""

KINDS: Final = ("cloud", "device", "account", "charges", "key", "program", "session", "job")
"""The kinds of documents, in the order in which they are restored."""

_MICROSECOND: Final = timedelta(microseconds=1)
_SPAN: Codec[timedelta] = Codec(
    lambda span: span // _MICROSECOND, lambda value: timedelta(microseconds=WHOLE.decode(value))
)
_TIME = optional(TIME)
_TEXT = optional(TEXT)
_WHOLE = optional(WHOLE)


@frozen(kw_only=True)
class CloudState:
    """What is known of the whole."""

    now: datetime | None
    opened: int
    accepted: int


@frozen(kw_only=True)
class DeviceState:
    """A device; *holder* is the id of the session that has it."""

    device: Device
    status: BackendStatus
    reason: str
    holder: SessionId | None


@frozen(kw_only=True)
class AccountState:
    """An instance; *usage_freed* is when it may be below its limit again."""

    accepted: int
    parts: tuple["Part", ...]
    usage_freed: datetime | None


@frozen(kw_only=True)
class Part:
    """A part of a usage window."""

    expires: datetime
    amount: int


@frozen(kw_only=True)
class ChargesState:
    """Some charges of an instance, the first of them with the number *first*."""

    instance: str
    first: int
    charges: tuple["Charge", ...]


@frozen(kw_only=True)
class Charge:
    """One charge."""

    at: datetime
    seconds: float


@frozen(kw_only=True)
class KeyState:
    """What a key has made; *what* is ``job``, ``session`` or ``program``."""

    instance: str
    what: str
    key: str
    content: str
    id: str


@frozen(kw_only=True)
class QueueingSession:
    """What the engine knows of a session that is not over."""

    number: int
    spec: Any
    active: bool
    active_left: timedelta
    started_at: datetime | None
    activated_at: datetime | None
    charged_from: datetime | None
    busy_since: datetime | None
    busy: timedelta
    used: int
    deadlines: Mapping[str, object]


@frozen(kw_only=True)
class KnownSession:
    """A session; *live* is None once nothing of it runs."""

    session: Session
    active_ttl: int
    active_since: datetime | None
    active_before: float
    charged: float
    live: QueueingSession | None


@frozen(kw_only=True)
class QueueingJob:
    """What the engine knows of a job that has not ended."""

    seq: int
    time_limit: int
    started_at: datetime | None
    outcome: Any
    due: datetime | None


@frozen(kw_only=True)
class KnownJob:
    """A job; *live* is None once it has ended."""

    job: Job
    number: int
    logs: Any
    metrics: Mapping[str, object] | None
    interim: tuple[Any, ...]
    pinned: Any
    live: QueueingJob | None


_STEP = Layout(SessionStep, state=word(State), at=TIME, reason=_TEXT).codec
_SESSION = Layout(
    Session,
    id=TEXT,
    backend=_TEXT,
    mode=word(SessionMode),
    state=word(State),
    accepting_jobs=FLAG,
    created_at=_TIME,
    reason=_TEXT,
    max_ttl=_WHOLE,
    interactive_ttl=_WHOLE,
    active_ttl=_WHOLE,
    started_at=_TIME,
    activated_at=_TIME,
    closed_at=_TIME,
    last_job_started_at=_TIME,
    last_job_ended_at=_TIME,
    usage_seconds=optional(NUMBER),
    steps=many(_STEP),
    user=_TEXT,
    instance=_TEXT,
    extra=JSON,
).codec
_USAGE = Layout(JobUsage, quantum_seconds=NUMBER, final=FLAG).codec
_JOB = Layout(
    Job,
    id=TEXT,
    spec=JOB_SPEC,
    state=word(JobState),
    created_at=TIME,
    running_at=_TIME,
    ended_at=_TIME,
    reason=_TEXT,
    reason_code=_WHOLE,
    reason_solution=_TEXT,
    time_limit=_WHOLE,
    params=PAYLOAD,
    result=PAYLOAD,
    usage=_USAGE,
    estimated_seconds=optional(NUMBER),
    queue_position=_WHOLE,
    user=_TEXT,
    instance=_TEXT,
    extra=JSON,
).codec
_PROGRAM = Layout(
    Program, id=TEXT, spec=PROGRAM_SPEC, created_at=_TIME, updated_at=_TIME, owner=_TEXT
).codec

LAYOUTS: Final[Mapping[str, Layout[Any]]] = {
    "cloud": Layout(CloudState, now=_TIME, opened=WHOLE, accepted=WHOLE),
    "device": Layout(
        DeviceState, device=DEVICE, status=word(BackendStatus), reason=TEXT, holder=_TEXT
    ),
    "account": Layout(
        AccountState,
        accepted=WHOLE,
        parts=many(Layout(Part, expires=TIME, amount=WHOLE).codec),
        usage_freed=_TIME,
    ),
    "charges": Layout(
        ChargesState,
        instance=TEXT,
        first=WHOLE,
        charges=many(Layout(Charge, at=TIME, seconds=NUMBER).codec),
    ),
    "key": Layout(KeyState, instance=TEXT, what=TEXT, key=TEXT, content=TEXT, id=TEXT),
    "program": Layout(Shelved, program=_PROGRAM, owner=PRINCIPAL, source=ADDRESS),
    "session": Layout(
        KnownSession,
        session=_SESSION,
        active_ttl=WHOLE,
        active_since=_TIME,
        active_before=NUMBER,
        charged=NUMBER,
        live=optional(
            Layout(
                QueueingSession,
                number=WHOLE,
                spec=SESSION_SPEC,
                active=FLAG,
                active_left=_SPAN,
                started_at=_TIME,
                activated_at=_TIME,
                charged_from=_TIME,
                busy_since=_TIME,
                busy=_SPAN,
                used=WHOLE,
                deadlines=JSON,
            ).codec
        ),
    ),
    "job": Layout(
        KnownJob,
        job=_JOB,
        number=WHOLE,
        logs=PAYLOAD,
        metrics=optional(JSON),
        interim=many(ADDRESS),
        pinned=optional(
            Layout(JobPinned, at=TIME, job_id=TEXT, spec=PROGRAM_SPEC, source=ADDRESS).codec
        ),
        live=optional(
            Layout(
                QueueingJob,
                seq=WHOLE,
                time_limit=WHOLE,
                started_at=_TIME,
                outcome=optional(FINISH.codec),
                due=_TIME,
            ).codec
        ),
    ),
}
"""How each kind of document is written."""
