"""Looking at everything that there is."""

from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["all_jobs", "all_sessions", "in_full"]


async def in_full(transport: RuntimeTransport, job: Job) -> Job:
    """Return a listed job with all that is known of it: a list may leave out when it ran."""
    lacks = job.ended_at is None if job.state.ended else job.running_at is None
    return await transport.job(job.id) if lacks and job.state.value != "queued" else job


async def all_jobs(transport: RuntimeTransport) -> list[Job]:
    """Return every job in full, oldest first."""
    oldest_first = JobQuery(newest_first=False)
    return [await in_full(transport, job) async for job in each(transport.jobs, oldest_first)]


async def all_sessions(transport: RuntimeTransport) -> list[Session]:
    """Return every session and batch, oldest first."""
    oldest_first = SessionQuery(newest_first=False)
    return [session async for session in each(transport.sessions, oldest_first)]
