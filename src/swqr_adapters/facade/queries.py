"""The official client's conditions on jobs, as questions to the core."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.runtime.blocking import Runtime

from .catalog import MOCK
from .client import in_utc
from .errors import IBMInputValueError, official_errors

__all__ = ["find_jobs", "job_query"]

PENDING: Final = frozenset(state for state in JobState if not state.ended)
ENDED: Final = frozenset(state for state in JobState if state.ended)


def job_query(
    *,
    limit: Any = None,
    skip: Any = None,
    backend_name: str | None = None,
    pending: Any = None,
    program_id: str | None = None,
    job_tags: Any = None,
    session_id: str | None = None,
    created_after: datetime | str | None = None,
    created_before: datetime | str | None = None,
    descending: bool = True,
) -> JobQuery:
    """Return the query for these conditions, its pages as large as they need be.

    Args:
        limit: The most jobs that are wanted; None or 0 for all.
        skip: How many are left out at the start. It makes the pages larger; the query's own
            offset stays 0.
        backend_name: On that backend.
        pending: Only those that are queued or running, or only those that have ended.
        program_id: Of that program.
        job_tags: With all of these tags.
        session_id: In that session or batch.
        created_after: Submitted then or later; local time unless the value has a time zone.
        created_before: Submitted then or earlier; likewise.
        descending: Newest first.

    Raises:
        IBMInputValueError: A condition cannot be.
    """
    if not isinstance(job_tags, list | None):
        msg = f"job_tags needs to be a list of strings, not {job_tags!r}."
        raise IBMInputValueError(msg, 400)
    for name, number in (("limit", limit), ("skip", skip)):
        if not isinstance(number, int | None) or (number or 0) < 0:
            msg = f"{name}: must be a whole number from 0 on, not {number!r}"
            raise IBMInputValueError(msg, 400)
    if not isinstance(pending, bool | None):
        msg = f"pending: must be True, False or None, not {pending!r}"
        raise IBMInputValueError(msg, 400)
    wanted = (skip or 0) + limit if limit else MAX_PAGE
    with official_errors():
        states = frozenset() if pending is None else PENDING if pending else ENDED
        return JobQuery(
            states=states,  # type: ignore[arg-type] # a frozenset goes into a frozenset
            program_id=None if program_id is None else ProgramId(program_id),
            backend=None if backend_name is None else BackendName(backend_name),
            session_id=None if session_id is None else SessionId(session_id),
            tags=job_tags or (),
            created_after=in_utc("created_after", created_after),
            created_before=in_utc("created_before", created_before),
            newest_first=descending,
            limit=min(wanted, MAX_PAGE),
        )


def find_jobs(
    runtime: Runtime,
    query: JobQuery,
    *,
    limit: int | None,
    skip: int,
    include_mocks: bool,
) -> Iterator[Job]:
    """Yield the jobs that match, however many pages that takes.

    Args:
        runtime: Where to look.
        query: The conditions.
        limit: The most jobs to yield; None or 0 for all.
        skip: How many to leave out at the start.
        include_mocks: Whether dry runs are among them.
    """
    jobs = runtime.iter_jobs(query)
    found = (job for job in jobs if include_mocks or not job.spec.backend.startswith(MOCK))
    return islice(found, skip, skip + limit if limit else None)
