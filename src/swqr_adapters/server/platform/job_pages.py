"""Pages of a workspace's jobs, newest first, with cursors that new jobs do not disturb.

A cursor says when a job was accepted and its id. The next page is what is older than that, so
nothing is shown twice and nothing left out, whatever is submitted or deleted in between.
"""

import asyncio
import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from attrs import evolve, field, frozen

from swqr_adapters.wire.strangeworks import JOB_STATUSES
from swqr_adapters.wire.values import parse_time
from swqr_core.errors import InvalidInputError, NotFoundError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.ports.transport import RuntimeTransport

from .workspaces import Holding

__all__ = ["JobFilter", "JobPage", "Placed", "job_page"]

_REFUSED: Final = 1208
_MOST_TAGS: Final = 100  # each is a look of its own
_SPARE: Final = 8  # so that one page is enough where few jobs are of one moment
_STATES: Final = {
    word: frozenset(state for state, told in JOB_STATUSES.items() if told == word)
    for word in ("CREATED", "QUEUED", "RUNNING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED")
}

_Key = tuple[datetime, str]  # when it was accepted, and its id


@frozen(kw_only=True)
class JobFilter:
    """Which jobs. What is empty or None filters nothing.

    Attributes:
        slug: The one of this id.
        statuses: Any of these words.
        tags: Any of these, 100 at most.
        key: Submitted with this idempotency key.
        states: What the words mean here; nothing is ever in some of the platform's states.
    """

    slug: str | None = None
    statuses: frozenset[str] = field(default=frozenset(), converter=frozenset)
    tags: frozenset[str] = field(default=frozenset(), converter=frozenset)
    key: str | None = None
    states: frozenset[JobState] = field(init=False)

    @states.default
    def _states_of_words(self) -> frozenset[JobState]:
        return frozenset().union(*(_STATES[word] for word in self.statuses))

    @tags.validator
    def _few(self, _: object, tags: frozenset[str]) -> None:
        if len(tags) > _MOST_TAGS:
            problem = f"at most {_MOST_TAGS} can be looked for, not {len(tags)}"
            raise InvalidInputError("jobTags", problem, _REFUSED)

    @property
    def never(self) -> bool:
        """Whether nothing can match."""
        return bool(self.statuses) and not self.states

    def takes(self, job: Job) -> bool:
        """Return whether a job matches."""
        return (not self.statuses or job.state in self.states) and (
            not self.tags or not self.tags.isdisjoint(job.spec.tags)
        )


@frozen
class Placed:
    """A job, and the resource through which it is seen."""

    job: Job
    holding: Holding

    @property
    def key(self) -> _Key:
        """Its place in the order."""
        return self.job.created_at, self.job.id

    @property
    def cursor(self) -> str:
        """Its place in the order, for clients."""
        text = f"{self.job.created_at.isoformat(timespec='microseconds')}\n{self.job.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@frozen
class JobPage:
    """A page: its jobs, and whether there are more."""

    jobs: tuple[Placed, ...]
    more: bool


async def job_page(
    places: Iterable[tuple[Holding, RuntimeTransport]],
    wanted: JobFilter,
    *,
    first: int,
    after: str | None,
) -> JobPage:
    """Return the page behind a cursor.

    Args:
        places: Where to look.
        wanted: Which jobs.
        first: The most jobs in the page.
        after: The cursor of the last job of the page before.

    Raises:
        InvalidInputError: The cursor was never given out.
    """
    beyond = None if after is None else _parse_cursor(after)
    found: list[Placed] = []
    for holding, transport in places if not wanted.never else ():
        jobs = (
            await _one(transport, wanted.slug)
            if wanted.slug is not None
            else await _newest(transport, wanted, first + 1, beyond)
        )
        found += [
            placed
            for placed in (Placed(job, holding) for job in jobs)
            if wanted.takes(placed.job) and (beyond is None or placed.key < beyond)
        ]
    found.sort(key=lambda placed: placed.key, reverse=True)
    return JobPage(tuple(found[:first]), more=len(found) > first)


async def _one(transport: RuntimeTransport, slug: str) -> list[Job]:
    try:
        return [await transport.job(slug)]
    except NotFoundError:
        return []


async def _newest(
    transport: RuntimeTransport, wanted: JobFilter, enough: int, beyond: _Key | None
) -> list[Job]:
    """Return at least so many matching jobs behind the cursor, or all there are."""
    # A job may have any of the tags, and the port looks for jobs that have all: one look for each.
    looks: list[tuple[str, ...]] = [(tag,) for tag in wanted.tags] or [()]
    states: Any = wanted.states
    found: dict[str, Job] = {}
    for tags in looks:
        query = JobQuery(
            states=states,
            tags=tags,
            key=wanted.key,
            created_before=None if beyond is None else beyond[0],
            newest_first=True,
            limit=min(enough + _SPARE, MAX_PAGE),
        )
        for job in await _until_enough(transport, query, enough, beyond):
            found[job.id] = job
        await asyncio.sleep(0)
    return list(found.values())


async def _until_enough(
    transport: RuntimeTransport, query: JobQuery, enough: int, beyond: _Key | None
) -> list[Job]:
    jobs: list[Job] = []
    while True:
        page = await transport.jobs(query)
        jobs += page.items
        query = evolve(query, offset=query.offset + len(page))
        if not page.items or query.offset >= page.total:
            return jobs
        # Jobs of the same moment are put in order here, so all of a moment must be there.
        oldest = page.items[-1].created_at
        sure = sum(
            1
            for job in jobs
            if job.created_at > oldest and (beyond is None or (job.created_at, job.id) < beyond)
        )
        if sure >= enough:
            return jobs
        await asyncio.sleep(0)


def _parse_cursor(cursor: str) -> _Key:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("\n")
        return parse_time(at), id
    except ValueError:
        raise InvalidInputError(
            "after", "is no cursor that this server gave out", _REFUSED
        ) from None
