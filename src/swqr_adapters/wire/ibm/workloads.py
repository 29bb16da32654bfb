"""Workloads: ``GET /workloads``, the one list in which sessions and batches appear."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionReason, SessionState
from swqr_core.model.job import Job
from swqr_core.model.session import Session, SessionMode

from .extension import MEMBER
from .sessions import parse_session, session_document
from .values import Reader, broken, timestamp

__all__ = [
    "MAX_WORKLOADS",
    "WORKLOAD_MODES",
    "Workload",
    "WorkloadPage",
    "job_workload",
    "parse_workload_page",
    "session_workload",
    "workload_page_document",
    "workload_status",
    "workload_statuses",
]

MAX_WORKLOADS: Final = 50
"""The most items that a page may have."""

WORKLOAD_MODES: Final = {SessionMode.DEDICATED: "session", SessionMode.BATCH: "batch"}

_JOB_STATUSES: Final = {
    JobState.QUEUED: "pending",
    JobState.RUNNING: "in_progress",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "canceled",
    JobState.TIMED_OUT: "canceled",
}
_SESSION_STATUSES: Final = {
    SessionState.OPEN: "pending",
    SessionState.INACTIVE: "pending",
    SessionState.BUSY: "in_progress",
    SessionState.IDLE: "in_progress",
    SessionState.DRAINING: "in_progress",
    SessionState.CLOSED: "completed",
}


# --- what a server writes ----------------------------------------------------------------------


def workload_status(one: Job | Session) -> str:
    """Return the word for the state of a job that belongs to no session, or of a session."""
    if isinstance(one, Job):
        return _JOB_STATUSES[one.state]
    cancelled = one.reason == SessionReason.CANCELLED
    return "canceled" if cancelled else _SESSION_STATUSES[one.state]


def session_workload(session: Session, *, extended: bool = False) -> dict[str, Any]:
    """Return a session or batch as a workload.

    Args:
        session: The session.
        extended: Whether to put the whole session into it, for a client of ours.
    """
    charged = session.usage_seconds
    document: dict[str, Any] = {
        "id": session.id,
        "created": timestamp(session.created_at),
        "ended": timestamp(session.closed_at),
        "backend": session.backend,
        "instance": session.instance,
        "user_id": session.user,
        "accepting_jobs": session.accepting_jobs,
        "mode": WORKLOAD_MODES[session.mode],
        "status": workload_status(session),
        "tags": [],
        "usage_seconds": charged,
        "usage": None if charged is None else {"qpu_charge_time_seconds": charged},
    }
    if extended:
        document[MEMBER] = {"session": session_document(session, extended=True)}
    return document


def job_workload(job: Job) -> dict[str, Any]:
    """Return a job that belongs to no session as a workload."""
    charged = job.usage.quantum_seconds if job.state.ended else None
    status = "complete" if job.usage.final else "pending"
    return {
        "id": job.id,
        "created": timestamp(job.created_at),
        "ended": timestamp(job.ended_at),
        "backend": job.spec.backend,
        "instance": job.instance,
        "user_id": job.user,
        "accepting_jobs": None,
        "mode": "job",
        "status": workload_status(job),
        "status_reason": job.reason,
        "tags": list(job.spec.tags),
        "usage_seconds": charged,
        "usage": None
        if charged is None
        else {"qpu_charge_time_seconds": charged, "status": status},
        "estimated_running_time_seconds": job.estimated_seconds,
    }


def workload_page_document(
    workloads: Iterable[dict[str, Any]],
    *,
    total: int,
    limit: int,
    next_url: str | None = None,
    previous_url: str | None = None,
) -> dict[str, Any]:
    """Return a page of workloads; the URLs carry the cursors ``next`` and ``previous``."""
    document: dict[str, Any] = {
        "workloads": list(workloads),
        "total_count": total,
        "limit": limit,
    }
    if previous_url is not None:
        document["previous"] = {"href": previous_url}
    if next_url is not None:
        document["next"] = {"href": next_url}
    return document


# --- what a client reads -----------------------------------------------------------------------


@frozen(kw_only=True)
class Workload:
    """A workload, as far as a client needs it.

    Attributes:
        id: The id of the session, batch or job.
        mode: ``job``, ``session`` or ``batch``.
        status: ``pending``, ``in_progress``, ``completed``, ``canceled`` or ``failed``.
        created_at: When it was made, UTC.
        session: The whole session, where a server of ours tells it.
    """

    id: str
    mode: str
    status: str
    created_at: datetime
    session: Session | None = None


@frozen(kw_only=True)
class WorkloadPage:
    """A page of workloads.

    Attributes:
        workloads: The workloads.
        total: How many match in all.
        cursor: The cursor of the next page, or None if there is none.
    """

    workloads: tuple[Workload, ...]
    total: int
    cursor: str | None = None


def parse_workload_page(document: object) -> WorkloadPage:
    """Read a page of workloads.

    Raises:
        ProtocolError: It is none, or an item has no id, mode, status or time.
    """
    read = Reader(document, "workload list")
    workloads = tuple(_parse_workload(item) for item in read.items("workloads"))
    total = read.integer("total_count")
    following = Reader(read.object("next"), "workload list").text_or_none("href")
    return WorkloadPage(
        workloads=workloads,
        total=len(workloads) if total is None else total,
        cursor=_cursor(following) if following else None,
    )


def _cursor(url: str) -> str | None:
    try:
        found = parse_qs(urlsplit(url).query).get("next")
    except ValueError:
        raise broken("workload list", "'next.href' must be a URL", url) from None
    return found[0] if found else None


def _parse_workload(item: object) -> Workload:
    read = Reader(item, "workload")
    created = read.time("created")
    if created is None:
        raise broken("workload", "'created' is not there", item)
    ours = Reader(read.object(MEMBER), "workload")
    session = ours.document.get("session")
    return Workload(
        id=read.text("id"),
        mode=read.text("mode"),
        status=read.text("status"),
        created_at=created,
        session=None if session is None else parse_session(session),
    )


def workload_statuses(states: Iterable[SessionState]) -> tuple[str, ...]:
    """Return the workload statuses that sessions in these states may have."""
    found = {_SESSION_STATUSES[state] for state in states}
    if "completed" in found:
        found |= {"canceled", "failed"}
    return tuple(sorted(found))
