"""How one request shows many jobs: from a time on, or page by page."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import define, field, frozen

from swqr_core.errors import SwqrError
from swqr_core.model.job import Job

__all__ = [
    "ByPage",
    "ByTime",
    "Glance",
    "JobSource",
    "Looks",
    "PageGlance",
    "PagedSource",
    "Sight",
    "TimedSource",
    "Watched",
]

_CLOCK_SLACK: Final = timedelta(seconds=5)  # between the clocks of a platform's machines
_FEW: Final = 4  # so many more requests cost less than reading on


def _shifted(at: datetime, by: timedelta) -> datetime:
    """Return another time, or the same at the edge of all time: platforms say what they like."""
    try:
        return at + by
    except OverflowError:
        return at


@define(eq=False)
class Watched:
    """A job that is waited for.

    Attributes:
        id: The job.
        created_at: When it was accepted.
        exact: Whether the platform itself has told that.
        session_id: Its session.
        since: When something last happened to it, in seconds of the clock for pauses.
        due: When to look at it.
        visible_by: Until then it may be missing from the platform's answers.
        last: How it was last seen.
        unknown_since: Since when it has a status that nobody knows.
        usual: Seconds that it is expected to run.
        missing: How often it was not where it should have been.
        ending: Whether it has ended and is being completed.
        waiters: Who waits for it.
    """

    id: str
    created_at: datetime
    exact: bool
    session_id: str | None
    since: float
    due: float
    visible_by: float
    last: Job | None = None
    unknown_since: float | None = None
    usual: float = 0.0
    missing: int = 0
    ending: bool = False
    waiters: set[asyncio.Future[Job]] = field(factory=set)

    @property
    def from_when(self) -> datetime:
        """The earliest time at which it can have been accepted."""
        return self.created_at if self.exact else _shifted(self.created_at, -_CLOCK_SLACK)


@frozen(kw_only=True)
class Sight:
    """What one request showed.

    Attributes:
        jobs: Every job that it showed by its id, or the error that reading it gave.
        missed: Jobs that it should have shown.
        left: Jobs that it had no room for.
        alone: Jobs that are better asked for one by one than looked for any further.
    """

    jobs: Mapping[str, Job | SwqrError]
    missed: list[Watched]
    left: list[Watched]
    alone: list[Watched] = field(factory=list)


class Looks(Protocol):
    """How one request shows many jobs."""

    async def look(self, due: list[Watched], wanted: Collection[str]) -> Sight:
        """Look with one request.

        Args:
            due: Jobs that are due for a look, oldest first.
            wanted: All jobs that are waited for; those that are shown on the way are welcome too.
        """
        ...

    def forget(self) -> None:
        """Forget where the last look stopped."""
        ...


class JobSource(Protocol):
    """Where one job is looked at."""

    async def look_at(self, job_id: str, *, with_result: bool) -> Job:
        """Return one job as it is now; its result may be fetched along with it."""
        ...

    async def completed(self, job: Job) -> Job:
        """Return an ended job with all that a waiter is to get."""
        ...


# --- by time -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class Glance:
    """A page of a list that is ordered by time.

    Attributes:
        jobs: Every job of the page by its id, or the error that reading it gave.
        until: The time of acceptance of its last job; None if it showed none.
        full: Whether there may be later ones.
    """

    jobs: Mapping[str, Job | SwqrError]
    until: datetime | None
    full: bool


class TimedSource(Protocol):
    """A platform whose list begins at a time."""

    async def look_since(
        self, since: datetime, session_id: str | None, offset: int, *, with_results: bool
    ) -> Glance:
        """Return a page of the jobs accepted at or after a time, oldest first.

        Those of a session alone if one is given. Their results may be fetched along with them.
        """
        ...


@define
class _Place:
    """A page of the platform's list, and what it has shown."""

    since: datetime
    session_id: str | None
    offset: int = 0
    until: datetime | None = None
    size: int = 0
    shown: Collection[str] = ()


class ByTime:
    """Reads the platform's list from the oldest job on, page by page.

    Args:
        source: The platform.
    """

    def __init__(self, source: TimedSource) -> None:
        self._source = source
        self._place: _Place | None = None  # where a look stopped that had no room for all
        self._page_size = 0  # of the latest page

    def forget(self) -> None:
        """Begin anew with the next look."""
        self._place = None

    async def look(self, due: list[Watched], wanted: Collection[str]) -> Sight:  # noqa: ARG002 - a page shows all of its jobs
        """Look at a page; see ``Looks.look``."""
        before, place, self._place = self._place, self._following(due), None
        # On a page where few jobs are waited for, most results would come for nobody.
        busy = 2 * len(due) >= self._page_size
        glance = await self._source.look_since(
            place.since, place.session_id, place.offset, with_results=busy
        )
        place.until = glance.until
        place.size = self._page_size = len(glance.jobs)
        place.shown = glance.jobs.keys()
        # A platform that shows the same page again would do so for ever.
        again = before is not None and place.offset > 0 and place.shown <= set(before.shown)
        missed: list[Watched] = []
        left: list[Watched] = []
        for watched in due:
            if watched.id in glance.jobs:
                continue
            further = _shifted(watched.created_at, _CLOCK_SLACK)
            later = glance.full and (glance.until is None or further > glance.until) and not again
            (left if later else missed).append(watched)
        if left:
            self._place = place
        return Sight(jobs=glance.jobs, missed=missed, left=left)

    def _following(self, due: list[Watched]) -> _Place:
        """Return which page to look at next: the one behind, or one further on."""
        place = self._place
        sessions = {watched.session_id for watched in due}
        session = sessions.pop() if len(sessions) == 1 else None
        first = due[0].from_when
        if (
            place is not None
            and place.session_id == session
            and place.until is not None
            and place.since <= first <= place.until
        ):
            return _Place(place.since, session, place.offset + place.size)
        return _Place(first, session)


# --- by page -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class PageGlance:
    """A page of a list that goes on at a cursor.

    Attributes:
        jobs: Those jobs of the page that were wanted by their ids, or the error of reading one.
        first: The time of acceptance of the page's first job; None if it showed none.
        last: That of its last job.
        cursor: Where the list goes on; None at its end.
    """

    jobs: Mapping[str, Job | SwqrError]
    first: datetime | None
    last: datetime | None
    cursor: str | None

    @property
    def falls(self) -> bool:
        """Whether the page shows that later jobs come first."""
        return self.first is not None and self.last is not None and self.first > self.last


class PagedSource(Protocol):
    """A platform whose list can be read from its beginning alone."""

    async def look_at_page(self, cursor: str | None, wanted: Collection[str]) -> PageGlance:
        """Return a page of the jobs, the first or that at a cursor."""
        ...


class ByPage:
    """Reads the platform's list page by page, as far as jobs are waited for.

    Where later jobs come first, a job that is not on its page is missing, and what is further on
    need not be read. In any other order all is read.

    Args:
        source: The platform.
    """

    def __init__(self, source: PagedSource) -> None:
        self._source = source
        self._cursor: str | None = None  # where a look stopped that had no room for all
        self._top: datetime | None = None  # what is later stands above that place

    def forget(self) -> None:
        """Begin anew with the next look."""
        self._cursor = self._top = None

    async def look(self, due: list[Watched], wanted: Collection[str]) -> Sight:
        """Look at a page; see ``Looks.look``."""
        cursor, top = self._cursor, self._top
        self.forget()
        glance = await self._source.look_at_page(cursor, wanted)
        missed: list[Watched] = []
        further: list[Watched] = []
        above: list[Watched] = []
        for watched in due:
            if watched.id in glance.jobs:
                continue
            if top is not None and watched.exact and watched.created_at > top:
                above.append(watched)
            elif glance.cursor is None or _is_behind(glance, watched):
                missed.append(watched)
            else:
                further.append(watched)
        if len(further) > _FEW:
            self._cursor = glance.cursor
            self._top = glance.last if glance.falls else top
            return Sight(jobs=glance.jobs, missed=missed, left=[*further, *above])
        return Sight(jobs=glance.jobs, missed=missed, left=above, alone=further)


def _is_behind(glance: PageGlance, watched: Watched) -> bool:
    """Return whether a list has passed the place at which a job would be."""
    earliest = _shifted(watched.from_when, -_CLOCK_SLACK)
    return glance.falls and glance.last is not None and earliest > glance.last
