"""The JSON documents of IBM's REST interface, made from the models.

The names are those of the interface's newest version; figures that older clients read under other
names stand there as well. Unknown fields that a model kept in ``extra`` come back first, so that
what is known wins.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.job import Job, JobMetrics
from swqr_core.model.principal import Instance
from swqr_core.model.session import Session
from swqr_core.model.usage import InstanceUsage, JobUsage

__all__ = [
    "JOB_STATUSES",
    "RAN_TOO_LONG",
    "SESSION_STATES",
    "backend_document",
    "backend_listing",
    "backend_status_document",
    "instance_document",
    "job_document",
    "job_page_document",
    "metrics_document",
    "session_document",
    "timestamp",
    "usage_document",
]

JOB_STATUSES: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.QUEUED: "Queued",
        JobState.RUNNING: "Running",
        JobState.COMPLETED: "Completed",
        JobState.FAILED: "Failed",
        JobState.CANCELLED: "Cancelled",
        JobState.TIMED_OUT: "Cancelled",
    }
)
"""``state.status`` of a job. What ran too long is told apart by its reason code, 1305."""

SESSION_STATES: Final[Mapping[SessionState, str]] = MappingProxyType(
    {
        SessionState.OPEN: "open",
        SessionState.BUSY: "active",
        SessionState.IDLE: "active",
        SessionState.INACTIVE: "inactive",
        SessionState.DRAINING: "active",
        SessionState.CLOSED: "closed",
    }
)
"""``state`` of a session; ``accepting_jobs`` tells draining from busy and idle."""

RAN_TOO_LONG: Final = 1305
"""The reason code of a job that was stopped because it ran too long."""


def timestamp(at: datetime | None) -> str | None:
    """Return a UTC time as RFC 3339 text with microseconds and ``Z``, or None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _job_usage(usage: JobUsage) -> dict[str, Any]:
    return {
        "qpu_charge_time_seconds": usage.quantum_seconds,
        "status": "complete" if usage.final else "pending",
        # Until 0.47 the official client reads these two.
        "quantum_seconds": usage.quantum_seconds,
        "seconds": usage.quantum_seconds,
    }


def _job_state(job: Job) -> dict[str, Any]:
    reason, code = job.reason, job.reason_code
    if job.state is JobState.TIMED_OUT:
        # A client looks at the code only if there is a reason.
        code = code or RAN_TOO_LONG
        allowed = f" than the permitted {job.time_limit} seconds" if job.time_limit else ""
        reason = reason or f"Job ran longer{allowed or ' than permitted'}"
    return _without_none(
        {
            "status": JOB_STATUSES[job.state],
            "reason": reason,
            "reason_code": code,
            "reason_solution": job.reason_solution,
        }
    )


def job_document(job: Job) -> dict[str, Any]:
    """Return a job without its parameters (REST: ``GET /jobs/{id}?exclude_params=true``)."""
    state = _job_state(job)
    ran_too_long = job.state is JobState.TIMED_OUT
    spec = job.spec
    return {
        **job.extra,
        **_without_none(
            {
                "id": job.id,
                "backend": spec.backend,
                "state": state,
                "status": "Cancelled - Ran too long" if ran_too_long else state["status"],
                "program": {"id": spec.program_id},
                "created": timestamp(job.created_at),
                "runtime": spec.image,
                "cost": job.time_limit,
                "tags": list(spec.tags),
                "session_id": spec.session_id,
                "user_id": job.user,
                "usage": _job_usage(job.usage),
                "estimated_running_time_seconds": job.estimated_seconds,
                "calibration_id": spec.calibration_id,
                "private": True if spec.private else None,  # only there when true
            }
        ),
    }


def job_page_document(
    jobs: Iterable[Job], *, total: int, offset: int, limit: int
) -> dict[str, Any]:
    """Return a page of jobs (REST: ``GET /jobs``); *total* counts all that match."""
    return {
        "jobs": [job_document(job) for job in jobs],
        "count": total,
        "offset": offset,
        "limit": limit,
    }


def metrics_document(metrics: JobMetrics) -> dict[str, Any]:
    """Return a job's metrics (REST: ``GET /jobs/{id}/metrics``)."""
    return {
        **metrics.values,
        "timestamps": {
            "created": timestamp(metrics.created_at),
            "running": timestamp(metrics.running_at),
            "finished": timestamp(metrics.ended_at),
        },
        "usage": _job_usage(metrics.usage),
        "bss": {"seconds": metrics.usage.quantum_seconds},
    }


def session_document(session: Session) -> dict[str, Any]:
    """Return a session or batch (REST: ``GET /sessions/{id}``)."""
    return {
        **session.extra,
        "id": session.id,
        "backend_name": session.backend,
        "mode": str(session.mode),
        "state": SESSION_STATES[session.state],
        "state_reason": session.reason,
        "accepting_jobs": session.accepting_jobs,
        "max_ttl": session.max_ttl,
        "interactive_ttl": session.interactive_ttl,
        "active_ttl": session.active_ttl,
        "created_at": timestamp(session.created_at),
        "started_at": timestamp(session.started_at),
        "activated_at": timestamp(session.activated_at),
        "closed_at": timestamp(session.closed_at),
        "last_job_started": timestamp(session.last_job_started_at),
        "last_job_completed": timestamp(session.last_job_ended_at),
        "timestamps": _session_timestamps(session),
        "user_id": session.user,
        "elapsed_time": session.usage_seconds,
    }


def _session_timestamps(session: Session) -> list[dict[str, Any]]:
    """Return one entry for each change of the word that REST has for the state."""
    entries: list[dict[str, Any]] = []
    for step in session.steps:
        word = SESSION_STATES[step.state]
        if not entries or entries[-1]["status"] != word:
            entries.append({"status": word, "timestamp": timestamp(step.at)})
    return entries


def usage_document(usage: InstanceUsage) -> dict[str, Any]:
    """Return an instance's usage (REST: ``GET /instances/usage``).

    A limit that does not exist is left out: clients compute with one that is null.
    """
    document: dict[str, Any] = {
        "instance_id": usage.instance,
        "plan_id": usage.plan,
        "usage_consumed_seconds": usage.consumed_seconds,
    }
    if usage.period_start is not None and usage.period_end is not None:
        document["usage_period"] = {
            "start_time": timestamp(usage.period_start),
            "end_time": timestamp(usage.period_end),
        }
    if usage.limit_seconds is not None:
        document["usage_limit_seconds"] = usage.limit_seconds
        document["usage_limit_reached"] = usage.limit_reached
    if usage.allocation_seconds is not None:
        document["usage_allocation_seconds"] = usage.allocation_seconds
    return document


def backend_document(backend: Backend) -> dict[str, Any]:
    """Return a backend as an item of ``GET /backends``."""
    document: dict[str, Any] = {
        **backend.extra,
        "name": backend.name,
        "status": {"name": str(backend.status), "reason": backend.status_reason},
        "queue_length": backend.queue_length,
        "qubits": backend.num_qubits,
    }
    document.setdefault("is_simulator", False)
    if backend.is_mock:
        document["class"] = "mock"
    return document


def backend_listing(backends: Iterable[Backend]) -> dict[str, Any]:
    """Return the backends (REST: ``GET /backends``)."""
    return {"devices": [backend_document(backend) for backend in backends]}


def backend_status_document(backend: Backend) -> dict[str, Any]:
    """Return a backend's status (REST: ``GET /backends/{id}/status``)."""
    online = backend.status is BackendStatus.ONLINE
    return {
        # What is paused takes jobs and does not run them: operational, but not active.
        "state": backend.status is not BackendStatus.OFFLINE,
        "status": "active" if online else str(backend.status),
        "message": backend.status_reason,
        "length_queue": backend.queue_length,
        "backend_version": backend.version,
    }


def instance_document(instance: Instance) -> dict[str, Any]:
    """Return an instance as the official client lists it."""
    return {
        "crn": instance.id,
        "plan": instance.plan,
        "name": instance.name,
        "tags": list(instance.tags),
        "pricing_type": instance.pricing_type,
        "region": instance.region,
    }
