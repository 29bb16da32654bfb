"""Jobs: ``/jobs`` and what is under it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, frozen

from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery

from .extension import KEY_QUERY, MEMBER, parse_payload, payload_member
from .metrics import job_usage_document, parse_job_usage
from .values import Document, Reader, broken, reading, timestamp, without_none

__all__ = [
    "JOB_STATUSES",
    "RAN_TOO_LONG",
    "JobPage",
    "job_document",
    "job_page_document",
    "job_query",
    "job_submission",
    "parse_job",
    "parse_job_page",
    "parse_submitted",
    "unknown_status",
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

RAN_TOO_LONG: Final = 1305
"""The reason code of a job that was stopped because it ran too long."""

_TOO_LONG_STATUS: Final = "Cancelled - Ran too long"
_STATES: Final[Mapping[str, JobState]] = {
    word.lower(): state for state, word in JOB_STATUSES.items() if state is not JobState.TIMED_OUT
}
_KNOWN: Final = frozenset(
    {
        "backend", "calibration_id", "cost", "created", "ended", "estimated_running_time_seconds",
        "id", "params", "private", "program", "runtime", "session_id", "state", "status", MEMBER,
        "tags", "usage", "user_id",
    }
)  # fmt: skip


# --- what a server writes ----------------------------------------------------------------------


def _job_state(job: Job) -> dict[str, Any]:
    reason, code = job.reason, job.reason_code
    if job.state is JobState.TIMED_OUT:
        # A client looks at the code only if there is a reason.
        code = code or RAN_TOO_LONG
        allowed = f" than the permitted {job.time_limit} seconds" if job.time_limit else ""
        reason = reason or f"Job ran longer{allowed or ' than permitted'}"
    return without_none(
        {
            "status": JOB_STATUSES[job.state],
            "reason": reason,
            "reason_code": code,
            "reason_solution": job.reason_solution,
        }
    )


def job_document(job: Job, *, extended: bool = False) -> dict[str, Any]:
    """Return a job without its parameters (REST: ``GET /jobs/{id}?exclude_params=true``).

    Args:
        job: The job.
        extended: Whether to say what only a client of ours reads.
    """
    state = _job_state(job)
    ran_too_long = job.state is JobState.TIMED_OUT
    spec = job.spec
    return {
        **job.extra,
        **without_none(
            {
                "id": job.id,
                "backend": spec.backend,
                "state": state,
                "status": _TOO_LONG_STATUS if ran_too_long else state["status"],
                "program": {"id": spec.program_id},
                "created": timestamp(job.created_at),
                "runtime": spec.image,
                "cost": job.time_limit,
                "tags": list(spec.tags),
                "session_id": spec.session_id,
                "user_id": job.user,
                "usage": job_usage_document(job.usage),
                "estimated_running_time_seconds": job.estimated_seconds,
                "calibration_id": spec.calibration_id,
                "private": True if spec.private else None,  # only there when true
                MEMBER: _job_member(job) if extended else None,
            }
        ),
    }


def _job_member(job: Job) -> dict[str, Any]:
    spec = job.spec
    return without_none(
        {
            "state": job.state.value,
            "reason": job.reason,
            "reason_code": job.reason_code,
            "running": timestamp(job.running_at),
            "ended": timestamp(job.ended_at),
            "max_execution_time": spec.max_execution_time,
            "log_level": spec.log_level,
            "params": payload_member(job.params),
            "result": payload_member(job.result),
            "queue_position": job.queue_position,
            "instance": job.instance,
            "spec_extra": dict(spec.extra) or None,
        }
    )


def job_page_document(
    jobs: Iterable[Job], *, total: int, offset: int, limit: int, extended: bool = False
) -> dict[str, Any]:
    """Return a page of jobs (REST: ``GET /jobs``); *total* counts all that match."""
    return {
        "jobs": [job_document(job, extended=extended) for job in jobs],
        "count": total,
        "offset": offset,
        "limit": limit,
    }


# --- what a client reads -----------------------------------------------------------------------


@frozen(kw_only=True)
class JobPage:
    """A page of jobs, as a client reads it.

    Attributes:
        jobs: The jobs.
        total: How many match in all.
        offset: How many were left out at the start.
        limit: The most that the page could have.
    """

    jobs: tuple[Job, ...]
    total: int
    offset: int
    limit: int


def unknown_status(document: Document) -> str | None:
    """Return the status of a job if it is a word that no source names, else None."""
    word = (document.get("state") or {}).get("status") or document.get("status")
    known = not isinstance(word, str) or word.lower() in _STATES
    return None if known or _ran_too_long(document) else word


def _ran_too_long(document: Document) -> bool:
    return str(document.get("status", "")).lower() == _TOO_LONG_STATUS.lower()


@reading
def parse_job(document: object) -> Job:
    """Read a job.

    A status that no source names is taken as queued: the job has not ended, and that is all that
    can be said. The word then stands in ``extra`` under ``status``.

    Raises:
        ProtocolError: It has no id, program, status or time of creation, or a field of a wrong
            type.
    """
    read = Reader(document, "job")
    job_id = read.text("id")
    read.name = f"job {job_id!r}"
    state = Reader(read.object("state"), f"{read.name} state")
    ours = Reader(read.object(MEMBER), f"{read.name} {MEMBER}")
    created = read.time("created")
    if created is None:
        raise broken(read.name, "'created' is not there")
    code = state.integer("reason_code")
    if code is None:
        code = state.integer("reasonCode")  # an older spelling
    word = state.text_or_none("status") or read.text("status")
    found: JobState = _STATES.get(word.lower(), JobState.QUEUED)
    if _ran_too_long(read.document) or (found is JobState.CANCELLED and code == RAN_TOO_LONG):
        found = JobState.TIMED_OUT
    reason = state.text_or_none("reason")
    if ours.document:
        found = _told_state(ours, found)
        reason, code = ours.text_or_none("reason"), ours.integer("reason_code")
    return Job(
        id=JobId(job_id),
        spec=_parse_spec(read, ours),
        state=found,
        created_at=created,
        running_at=ours.time("running"),
        ended_at=ours.time("ended") or read.time("ended"),
        reason=reason or None,
        reason_code=code,
        reason_solution=state.text_or_none("reason_solution") or None,
        time_limit=read.integer("cost"),
        params=parse_payload(ours.document.get("params")),
        result=parse_payload(ours.document.get("result")),
        usage=parse_job_usage(Reader(read.object("usage"), f"{read.name} usage"), found),
        estimated_seconds=read.number("estimated_running_time_seconds"),
        queue_position=ours.integer("queue_position"),
        user=read.text_or_none("user_id"),
        instance=_instance(ours),
        extra=_extra(read),
    )


@reading
def parse_submitted(document: object, spec: JobSpec, *, at: datetime) -> Job:
    """Read the answer to ``POST /jobs``.

    Args:
        document: The answer.
        spec: What was submitted.
        at: When, for answers that tell no more than the id.

    Raises:
        ProtocolError: There is no id, or a field has a wrong type.
    """
    read = Reader(document, "submitted job")
    if "created" in read.document:  # a server of ours gives the whole job
        return parse_job(read.document)
    backend = read.text_or_none("backend") or spec.backend
    return Job(
        id=JobId(read.text("id")),
        spec=evolve(spec, backend=BackendName(backend)),
        state=JobState.QUEUED,
        created_at=at,
    )


def _extra(read: Reader) -> dict[str, Any]:
    extra = read.beyond(_KNOWN)
    word = unknown_status(read.document)
    return extra if word is None else {**extra, "status": word}


def _told_state(ours: Reader, otherwise: JobState) -> JobState:
    try:
        return JobState(ours.text_or_none("state") or otherwise)
    except ValueError:
        return otherwise


def _instance(ours: Reader) -> InstanceId | None:
    told = ours.text_or_none("instance")
    return None if told is None else InstanceId(told)


def _parse_spec(read: Reader, ours: Reader) -> JobSpec:
    program = Reader(read.object("program"), f"{read.name} program")
    return JobSpec(
        program_id=ProgramId(program.text("id")),
        backend=BackendName(read.text_or_none("backend") or "unknown"),
        session_id=_session(read),
        tags=read.texts("tags"),
        max_execution_time=ours.integer("max_execution_time"),
        log_level=ours.text_or_none("log_level") or "warning",
        private=read.flag("private"),
        image=read.text_or_none("runtime") or None,
        calibration_id=read.text_or_none("calibration_id") or None,
        extra=ours.object("spec_extra"),
    )


def _session(read: Reader) -> SessionId | None:
    told = read.text_or_none("session_id")
    return SessionId(told) if told else None


def parse_job_page(document: object) -> JobPage:
    """Read a page of jobs.

    Raises:
        ProtocolError: It is none, or a job in it is none.
    """
    read = Reader(document, "job list")
    jobs = tuple(parse_job(item) for item in read.items("jobs"))
    offset = read.integer("offset") or 0
    total = read.integer("count")
    return JobPage(
        jobs=jobs,
        total=offset + len(jobs) if total is None else total,
        offset=offset,
        limit=read.integer("limit") or max(len(jobs), 1),
    )


# --- what a client sends -----------------------------------------------------------------------


def job_submission(spec: JobSpec, *, tags: Iterable[str]) -> dict[str, Any]:
    """Return the body of ``POST /jobs`` but for ``params``."""
    return {
        **spec.extra,
        **without_none(
            {
                "program_id": spec.program_id,
                "backend": spec.backend,
                "session_id": spec.session_id,
                "tags": list(tags) or None,
                "log_level": spec.log_level,
                "cost": spec.max_execution_time,
                "private": True if spec.private else None,
                "runtime": spec.image,
                "calibration_id": spec.calibration_id,
            }
        ),
    }


def job_query(
    query: JobQuery, *, pending: bool | None, limit: int, offset: int
) -> list[tuple[str, str]]:
    """Return the query of ``GET /jobs``; states can only be told apart as pending or ended."""
    pairs: list[tuple[str, str]] = [
        ("limit", str(limit)),
        ("offset", str(offset)),
        ("sort", "DESC" if query.newest_first else "ASC"),
        ("exclude_params", "true"),
    ]
    optional = {
        "pending": None if pending is None else str(pending).lower(),
        "program": query.program_id,
        "backend": query.backend,
        "session_id": query.session_id,
        KEY_QUERY: query.key,
        "created_after": timestamp(query.created_after),
        "created_before": timestamp(query.created_before),
    }
    pairs += [(name, value) for name, value in optional.items() if value is not None]
    pairs += [("tags", tag) for tag in query.tags]
    return pairs
