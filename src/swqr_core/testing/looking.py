"""Looking at everything that there is."""

from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["all_jobs", "all_sessions", "in_full"]


async def in_full(transport: RuntimeTransport, job: Job) -> Job:
    """Return a listed job with all that is known of it: a list may leave out when it ran."""
    lacks = job.ended_at is None if job.state.ended else job.running_at is None
    return await transport.job(job.id) if lacks and job.state.value != "queued" else job


async def all_jobs(transport: RuntimeTransport) -> list[Job]:
    """Return every job in full, oldest first."""
    found: list[Job] = []
    while page := (await transport.jobs(JobQuery(offset=len(found), newest_first=False))).items:
        found += [await in_full(transport, job) for job in page]
    return found


async def all_sessions(transport: RuntimeTransport) -> list[Session]:
    """Return every session and batch, oldest first."""
    found: list[Session] = []
    query = SessionQuery(newest_first=False)
    while page := (await transport.sessions(query)).items:
        found += page
        query = SessionQuery(newest_first=False, offset=len(found))
    return found
