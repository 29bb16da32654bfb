"""Jobs."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from swqr_core.lifecycle.job import JobState

from .ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from .payload import Payload
from .usage import JobUsage
from .validators import (
    aware_utc,
    flag,
    integer,
    json_object,
    optional,
    text,
    texts,
    tuple_of_text,
)

__all__ = ["LOG_LEVELS", "MAX_EXECUTION_SECONDS", "Job", "JobMetrics", "JobSpec"]

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
"""The levels a job may log at (REST: ``log_level``)."""

MAX_EXECUTION_SECONDS = 10_800
"""The most that a job may ask for; more is cut to this, not refused (REST: ``cost``)."""

check_tags = tuple_of_text(most=8, longest=86, too_many=1204, too_long=1205)


def _capped(value: int | None) -> int | None:
    over = isinstance(value, int) and value > MAX_EXECUTION_SECONDS
    return MAX_EXECUTION_SECONDS if over else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


@frozen(kw_only=True)
class JobSpec:
    """What a job is submitted with, but for its parameters (REST: body of ``POST /jobs``).

    Attributes:
        program_id: The program, for example ``sampler``.
        backend: Where to run it.
        session_id: The session or batch it belongs to; None for job mode.
        tags: Up to 8 texts of up to 86 characters each.
        max_execution_time: Seconds of device time after which it is stopped; None for the plan's.
            More than 10,800 is cut to that (REST: ``cost``).
        log_level: One of ``LOG_LEVELS``, in any case.
        private: Whether its parameters are never shown and its result is readable once.
        image: The runtime image, ``name:tag``.
        calibration_id: The calibration to run on.
        extra: Further fields of a platform, kept as they are.
    """

    program_id: ProgramId = field(validator=text(at_most=10_000))
    backend: BackendName = field(validator=text(at_most=255))
    session_id: SessionId | None = field(default=None, validator=optional(text(at_most=64)))
    tags: tuple[str, ...] = field(default=(), converter=texts, validator=check_tags)
    max_execution_time: int | None = field(
        default=None,
        converter=_capped,
        validator=optional(integer(at_least=1, unit="seconds")),
    )
    log_level: str = field(
        default="warning", converter=_lower, validator=text(at_most=8, among=LOG_LEVELS)
    )
    private: bool = field(default=False, validator=flag)
    image: str | None = field(default=None, validator=optional(text(at_most=1024)))
    calibration_id: str | None = field(default=None, validator=optional(text(at_most=100)))
    extra: Mapping[str, object] = field(factory=dict, validator=json_object)


@frozen(kw_only=True)
class Job:
    """A job as it was at one moment.

    Attributes:
        id: The platform's id, opaque.
        spec: What it was submitted with; its tags are the current ones.
        state: Where it is in its life.
        created_at: When it was accepted.
        running_at: When it started to run; None if it never did.
        ended_at: When it ended.
        reason: Why it did not complete (REST: ``state.reason``).
        reason_code: REST: ``state.reason_code``.
        reason_solution: REST: ``state.reason_solution``.
        time_limit: Seconds of device time it may use (REST: ``cost``).
        params: The address of its parameters, if the platform keeps them.
        result: The address of its result, if it has one.
        usage: What it has cost.
        estimated_seconds: Device time it is expected to use
            (REST: ``estimated_running_time_seconds``).
        queue_position: Jobs ahead of it plus one, if the platform tells.
        user: Who submitted it.
        instance: The instance it belongs to.
        extra: Further fields of a platform, kept as they are.

    All times are aware UTC datetimes, and None until they happen.
    """

    id: JobId
    spec: JobSpec
    state: JobState
    created_at: datetime = field(validator=aware_utc)
    running_at: datetime | None = field(default=None, validator=optional(aware_utc))
    ended_at: datetime | None = field(default=None, validator=optional(aware_utc))
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    time_limit: int | None = None
    params: Payload | None = None
    result: Payload | None = None
    usage: JobUsage = field(factory=JobUsage)
    estimated_seconds: float | None = None
    queue_position: int | None = None
    user: str | None = None
    instance: InstanceId | None = None
    extra: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class JobMetrics:
    """What is known about a job's run (REST: ``GET /jobs/{id}/metrics``).

    Attributes:
        created_at: When the job was accepted, UTC.
        running_at: When it started to run; None if it never did.
        ended_at: When it ended; None until then.
        usage: What it has cost.
        values: Everything else as plain JSON values: ``num_circuits``, ``num_qubits``,
            ``circuit_depths``, ``executions``, ``qiskit_version``, ``caller``, ...
    """

    created_at: datetime
    running_at: datetime | None = None
    ended_at: datetime | None = None
    usage: JobUsage = field(factory=JobUsage)
    values: Mapping[str, object] = field(factory=dict)
