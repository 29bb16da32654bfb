"""Sessions and batches."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from swqr_core.lifecycle.session import SessionState

from .ids import BackendName, InstanceId, SessionId
from .validators import aware_utc, integer, json_object, optional, text

__all__ = ["Session", "SessionMode", "SessionSpec", "SessionStep"]


class SessionMode(StrEnum):
    """How a session shares its backend (REST: ``mode``)."""

    DEDICATED = "dedicated"
    """Alone on the backend while it is active."""
    BATCH = "batch"
    """Jobs run together, several at a time, ahead of others."""


@frozen(kw_only=True)
class SessionSpec:
    """What a session is opened with (REST: body of ``POST /sessions``).

    Attributes:
        backend: The backend it is bound to.
        mode: Dedicated session or batch.
        max_ttl: Seconds from its first job's start to its end; None for the plan's.
        interactive_ttl: Seconds it may idle before it turns inactive; None for the platform's.
            IBM takes it on channel partner plans only.
        active_ttl: Seconds it may be active in all; None for ``max_ttl``. Same plans.
        extra: Further fields of a platform, kept as they are.
    """

    backend: BackendName = field(validator=text(at_most=255))
    mode: SessionMode = field(default=SessionMode.DEDICATED, converter=SessionMode)
    max_ttl: int | None = field(
        default=None, validator=optional(integer(at_least=1, unit="seconds"))
    )
    interactive_ttl: int | None = field(
        default=None, validator=optional(integer(at_least=0, unit="seconds"))
    )
    active_ttl: int | None = field(
        default=None, validator=optional(integer(at_least=1, unit="seconds"))
    )
    extra: Mapping[str, object] = field(factory=dict, validator=json_object)


@frozen
class SessionStep:
    """One change of a session's state.

    Attributes:
        state: The state entered.
        at: When, UTC.
        reason: Why (REST: ``state_reason``), or None where the platform does not say.
    """

    state: SessionState
    at: datetime = field(validator=aware_utc)
    reason: str | None = None


@frozen(kw_only=True)
class Session:
    """A session or batch as it was at one moment.

    Attributes:
        id: The platform's id, opaque.
        backend: The backend it is bound to; None if the platform has not told yet.
        mode: Dedicated session or batch.
        state: Where it is in its life.
        reason: Why it is there (REST: ``state_reason``).
        accepting_jobs: Whether new jobs may be submitted.
        max_ttl: Seconds from its first job's start to its end.
        interactive_ttl: Seconds it may idle before it turns inactive.
        active_ttl: Seconds of active time that are left (REST: ``active_ttl``).
        created_at: When it was opened.
        started_at: When its first job started; its ``max_ttl`` counts from here.
        activated_at: When it last became active.
        closed_at: When it was closed.
        last_job_started_at: When the latest job started.
        last_job_ended_at: When the latest job ended (REST: ``last_job_completed``).
        usage_seconds: Seconds charged; None while that is open (REST: ``elapsed_time``).
        steps: Every change of state so far, oldest first.
        user: Who opened it.
        instance: The instance it belongs to.
        extra: Further fields of a platform, kept as they are.

    All times are aware UTC datetimes, and None until they happen.
    """

    id: SessionId
    backend: BackendName | None
    mode: SessionMode
    state: SessionState
    accepting_jobs: bool
    created_at: datetime | None = field(default=None, validator=optional(aware_utc))
    reason: str | None = None
    max_ttl: int | None = None
    interactive_ttl: int | None = None
    active_ttl: int | None = None
    started_at: datetime | None = field(default=None, validator=optional(aware_utc))
    activated_at: datetime | None = field(default=None, validator=optional(aware_utc))
    closed_at: datetime | None = field(default=None, validator=optional(aware_utc))
    last_job_started_at: datetime | None = field(default=None, validator=optional(aware_utc))
    last_job_ended_at: datetime | None = field(default=None, validator=optional(aware_utc))
    usage_seconds: float | None = None
    steps: tuple[SessionStep, ...] = ()
    user: str | None = None
    instance: InstanceId | None = None
    extra: Mapping[str, object] = field(factory=dict)
