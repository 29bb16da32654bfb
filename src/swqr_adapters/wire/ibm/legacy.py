"""The older interface's sessions: other words, other names, and two documents that are gone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from swqr_core.lifecycle.session import SessionReason, SessionState
from swqr_core.model.job import Job
from swqr_core.model.session import Session

from .jobs import job_document
from .sessions import session_document
from .values import timestamp, without_none

__all__ = [
    "extended_session_document",
    "legacy_session_document",
    "session_jobs_document",
    "was_canceled",
]

_STATUSES: Final[Mapping[SessionState, str]] = {
    SessionState.OPEN: "pending",
    SessionState.BUSY: "in_progress",
    SessionState.IDLE: "in_progress",
    SessionState.INACTIVE: "pending",
    SessionState.DRAINING: "in_progress",
    SessionState.CLOSED: "completed",
}
_FIELDS: Final = (
    "id", "backend_name", "started_at", "created_at", "activated_at", "closed_at",
    "last_job_started", "last_job_completed", "interactive_ttl", "max_ttl", "active_ttl", "state",
    "accepting_jobs", "mode", "elapsed_time",
)  # fmt: skip


def was_canceled(session: Session) -> bool:
    """Return whether somebody stopped the session (REST: ``DELETE /sessions/{id}/close``)."""
    return session.state is SessionState.CLOSED and session.reason == SessionReason.CANCELLED


def legacy_session_document(session: Session) -> dict[str, Any]:
    """Return a session as the older ``GET /sessions/{id}`` does; ``canceled`` is a state there."""
    document = session_document(session)
    if was_canceled(session):
        document["state"] = "canceled"
    return without_none({name: document[name] for name in _FIELDS})


def extended_session_document(
    session: Session, *, instance: str, now: datetime, all_failed: bool = False
) -> dict[str, Any]:
    """Return a session as ``GET /sessions/{id}/extended`` does.

    Args:
        session: The session.
        instance: The instance's name in the reader's words.
        now: The time, for the seconds that remain.
        all_failed: Whether it had jobs and each of them failed.
    """
    document = legacy_session_document(session)
    del document["state"]
    status = _STATUSES[session.state]
    if session.state is SessionState.CLOSED and all_failed:
        status = "failed"
    if was_canceled(session):
        status = "canceled"
    remaining = session.max_ttl
    if remaining is not None and session.started_at is not None:
        remaining = max(0, remaining - int((now - session.started_at).total_seconds()))
    if session.state is SessionState.CLOSED:
        remaining = 0
    return {
        **document,
        "user_id": session.user or "",
        "instance": instance,
        "status": status,
        **without_none(
            {"status_reason": session.reason, "session_remaining_time_seconds": remaining}
        ),
        "timestamps": _dates(session, status),
    }


def _dates(session: Session, last: str) -> list[dict[str, Any]]:
    dates: list[dict[str, Any]] = []
    for step in session.steps:
        closed = step.state is SessionState.CLOSED
        word = last if closed else _STATUSES[step.state]
        if not dates or dates[-1]["status"] != word:
            dates.append({"status": word, "date": timestamp(step.at)})
    return dates


def session_jobs_document(
    jobs: Iterable[Job], *, instance: str, total: int, offset: int, limit: int
) -> dict[str, Any]:
    """Return a page of a session's jobs as ``GET /sessions/{id}/jobs`` does."""
    return {
        "jobs": [_session_job(job, instance) for job in jobs],
        "count": total,
        "limit": limit,
        "offset": offset,
    }


def _session_job(job: Job, instance: str) -> dict[str, Any]:
    """Return a job with all the fields that this document always had."""
    parts = [*instance.split("/"), "", ""] if instance.count("/") == 2 else [instance, "", ""]  # noqa: PLR2004 - hub/group/project
    state = job_document(job)
    seconds = job.usage.quantum_seconds
    estimate = job.estimated_seconds if job.estimated_seconds is not None else seconds
    return {
        "id": job.id,
        "hub": parts[0],
        "group": parts[1],
        "project": parts[2],
        "backend": job.spec.backend,
        "state": {
            "status": state["state"]["status"],
            "reason": state["state"].get("reason", ""),
            **without_none({"reason_code": state["state"].get("reason_code")}),
        },
        "status": state["status"],
        "params": {},
        "program": {"id": job.spec.program_id},
        "created": _old_date(job.created_at),
        "ended": _old_date(job.ended_at),
        "runtime": job.spec.image or "",
        "cost": job.time_limit or 0,
        "tags": list(job.spec.tags),
        "session_id": job.spec.session_id,
        "usage": {"seconds": seconds},
        "estimated_running_time_seconds": estimate,
        "estimated_max_running_time_seconds": job.time_limit or estimate,
        "private": job.spec.private,
        "user_id": job.user or "",
    }


def _old_date(at: datetime | None) -> str | None:
    """Return a UTC time as this document writes it, like ``2021-05-05 00:56:04.569709``."""
    return None if at is None else at.strftime("%Y-%m-%d %H:%M:%S.%f")
