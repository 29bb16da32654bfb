"""Looking at everything that there is."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import evolve

from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, Page, ProgramQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["all_jobs", "all_pages", "all_sessions", "in_full"]

Q = TypeVar("Q", JobQuery, ProgramQuery, SessionQuery)
T = TypeVar("T")


async def all_pages(ask: Callable[[Q], Awaitable[Page[T]]], query: Q) -> list[T]:
    """Return every item that matches, page by page.

    It ends with the total that is told: a list that ignores the offset would have no end.
    """
    found: list[T] = []
    while True:
        page = await ask(evolve(query, offset=len(found)))
        found += page.items
        if not page.items or len(found) >= page.total:
            return found


async def in_full(transport: RuntimeTransport, job: Job) -> Job:
    """Return a listed job with all that is known of it: a list may leave out when it ran."""
    lacks = job.ended_at is None if job.state.ended else job.running_at is None
    return await transport.job(job.id) if lacks and job.state.value != "queued" else job


async def all_jobs(transport: RuntimeTransport) -> list[Job]:
    """Return every job in full, oldest first."""
    found = await all_pages(transport.jobs, JobQuery(newest_first=False))
    return [await in_full(transport, job) for job in found]


async def all_sessions(transport: RuntimeTransport) -> list[Session]:
    """Return every session and batch, oldest first."""
    return await all_pages(transport.sessions, SessionQuery(newest_first=False))
