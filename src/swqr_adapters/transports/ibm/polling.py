"""Waiting for many jobs with few requests: one task looks on behalf of everybody.

Every job that is waited for is due for a look now and then: soon after something has happened to
it, and ever later while nothing does. One that has begun to run is expected to run for as long as
the shortest of the last few did, so it is not looked at much more often than is of use. What is due
at the same time is looked at together: a list request shows up to 200 jobs, so thousands of waits
cost a few requests per interval.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    InstanceNotFoundError,
    JobNotFoundError,
    ProtocolError,
    SwqrError,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.model.validators import integer, seconds
from swqr_core.ports.clock import Clock

from .refusals import NAME

__all__ = ["Glance", "JobSource", "Poller", "PollingPolicy"]

logger = logging.getLogger(__name__)

_HOPELESS: Final = (AccessDeniedError, ClosedError, ConfigurationError, InstanceNotFoundError)
_BROKEN_LISTS: Final = 5  # so many in a row are no accident
_ASK_ALONE: Final = 2  # not in two lists that should have shown it
_RUNS: Final = 8  # so many are no accident either
_CLOCK_SLACK: Final = timedelta(seconds=5)  # between the clocks of a platform's machines


@frozen(kw_only=True)
class PollingPolicy:
    """How often to look.

    Attributes:
        floor: The least seconds between two looks.
        ratio: A job is looked at again after this part of the time for which nothing has
            happened to it, or for which all of the last few jobs ran at least, so that waiting
            takes at most this much longer than the job, or than those did.
        longest: The most seconds between two looks at a job.
        requests: The most requests in one look; what is left over comes with the next.
        unknown_status: Seconds for which a status that nobody knows is taken for waiting.
    """

    floor: float = field(default=1.0, validator=seconds(above_zero=True))
    ratio: float = field(default=0.2, validator=seconds(above_zero=True))
    longest: float = field(default=15.0, validator=seconds(above_zero=True))
    requests: int = field(default=8, validator=integer(at_least=1))
    unknown_status: float = field(default=600.0, validator=seconds())

    def pause(self, quiet: float) -> float:
        """Return the seconds to the next look at a job that was quiet for so long."""
        return max(self.floor, min(quiet * self.ratio, self.longest))


@frozen(kw_only=True)
class Glance:
    """What one list request showed.

    Attributes:
        jobs: Every job of the page by its id, or the error that reading it gave.
        until: The time of acceptance of its last job; None if it showed none.
        full: Whether there may be later ones.
    """

    jobs: Mapping[str, Job | SwqrError]
    until: datetime | None
    full: bool


class JobSource(Protocol):
    """Where the poller looks."""

    async def look_at(self, job_id: str, *, with_result: bool) -> Job:
        """Return one job as it is now; its result may be fetched along with it."""
        ...

    async def look_since(
        self, since: datetime, session_id: str | None, offset: int, *, with_results: bool
    ) -> Glance:
        """Return a page of the jobs accepted at or after a time, oldest first.

        Those of a session alone if one is given. Their results may be fetched along with them.
        """
        ...

    async def completed(self, job: Job) -> Job:
        """Return an ended job with all that a waiter is to get."""
        ...


@define(eq=False)
class _Watched:
    """A job that is waited for."""

    id: str
    created_at: datetime
    exact: bool  # whether the platform itself has told `created_at`
    session_id: str | None
    since: float  # when something last happened to it
    due: float
    visible_by: float  # until then it may be missing from the platform's answers
    last: Job | None = None
    unknown_since: float | None = None
    usual: float = 0.0  # seconds that it is expected to run
    missing: int = 0
    ending: bool = False
    waiters: set[asyncio.Future[Job]] = field(factory=set)

    @property
    def from_when(self) -> datetime:
        return self.created_at if self.exact else self.created_at - _CLOCK_SLACK


@define
class _Place:
    """A page of the platform's list, and what it has shown."""

    since: datetime
    session_id: str | None
    offset: int = 0
    until: datetime | None = None
    size: int = 0


class Poller:
    """Looks at jobs until they have ended.

    Args:
        source: Where to look.
        policy: How often.
        clock: For timeouts.
        pause_clock: For the pauses between looks.
        settle: Seconds after its submission for which a job may be missing from answers.
    """

    def __init__(
        self,
        source: JobSource,
        *,
        policy: PollingPolicy,
        clock: Clock,
        pause_clock: Clock,
        settle: float,
    ) -> None:
        self._source = source
        self._policy = policy
        self._clock = clock
        self._pauses = pause_clock
        self._settle = settle
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._not_before = 0.0
        self._outages = 0
        self._page_size = 0  # of the latest page
        self._runs: deque[float] = deque(maxlen=_RUNS)  # seconds that the last jobs ran
        self._place: _Place | None = None  # where a look stopped that had no room for all
        self._closed = False

    def __len__(self) -> int:
        return len(self._watched)

    # --- for those who wait --------------------------------------------------------------------

    async def wait(self, job: Job, *, told: bool, timeout: float | None) -> Job:
        """Wait until a job has ended.

        Args:
            job: The job as it was last seen.
            told: Whether the platform has told the time of its acceptance; it may then not be
                missing from an answer.
            timeout: Seconds, or None for ever.

        Raises:
            WaitTimeoutError: The time is over.
            JobNotFoundError: It was deleted.
            ClosedError: The poller was closed.
        """
        if self._closed:
            raise ClosedError("the ibm transport")
        watched = self._watched.get(job.id) or self._watch(job, told=told)
        waiter: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        watched.waiters.add(waiter)
        try:
            if timeout is None:
                return await waiter
            timer = asyncio.ensure_future(self._clock.sleep(timeout))
            try:
                both: set[asyncio.Future[Any]] = {waiter, timer}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                timer.cancel()
            if not waiter.done():
                raise WaitTimeoutError("job", job.id, timeout)
            return waiter.result()
        finally:
            watched.waiters.discard(waiter)
            if waiter.done() and not waiter.cancelled():
                waiter.exception()  # seen, even if nobody waits any more
            waiter.cancel()
            if not watched.waiters and self._watched.get(job.id) is watched:
                del self._watched[job.id]

    def hurry(self, job_id: str) -> None:
        """Look at a job soon: something is about to happen to it."""
        watched = self._watched.get(job_id)
        if watched is not None:
            watched.since = watched.due = self._pauses.monotonic()
            watched.usual = 0.0
            self._news.set()

    async def aclose(self) -> None:
        """End every wait with ``ClosedError``. Closing twice is fine."""
        self._closed = True
        tasks = [*self._endings, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        self._fail_all(ClosedError("the ibm transport"))
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the one who looks ---------------------------------------------------------------------

    def _watch(self, job: Job, *, told: bool) -> _Watched:
        now = self._pauses.monotonic()
        watched = _Watched(
            id=job.id,
            created_at=job.created_at,
            exact=told,
            session_id=job.spec.session_id,
            since=now,
            due=now + self._policy.floor,
            visible_by=now if told else now + self._settle,
            last=job,
        )
        self._watched[job.id] = watched
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())
        return watched

    async def _run(self) -> None:
        while self._watched:
            now = self._pauses.monotonic()
            due = min((w.due for w in self._watched.values() if not w.ending), default=None)
            if due is None:
                await self._sleep(None)
                continue
            start = max(due, self._not_before)
            if start > now:
                await self._sleep(start - now)
                continue
            try:
                await self._look()
            except SwqrError as error:
                self._trouble(error)
            else:
                self._outages = 0
                self._not_before = self._pauses.monotonic() + self._policy.floor

    async def _sleep(self, pause: float | None) -> None:
        """Sleep, or be woken because something else is due."""
        self._news.clear()
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._news.wait())]
        if pause is not None:
            waiting.append(asyncio.ensure_future(self._pauses.sleep(pause)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _look(self) -> None:
        """Look at what is due, and at what soon will be, with as few requests as that takes."""
        horizon = self._pauses.monotonic() + self._policy.floor / 2
        due = sorted(
            (w for w in self._watched.values() if w.due <= horizon and not w.ending),
            key=lambda watched: watched.from_when,
        )
        alone = [watched for watched in due if watched.missing >= _ASK_ALONE]
        due = [watched for watched in due if watched.missing < _ASK_ALONE]
        place, self._place = self._place, None
        for _ in range(self._policy.requests):
            if len(due) <= 1:
                break
            place = self._following(place, due)
            due = await self._look_from(place, due)
            self._place = place if due else None
        if len(due) == 1:
            alone += due
        results = await asyncio.gather(
            *(self._look_alone(watched) for watched in alone[: self._policy.requests]),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    @staticmethod
    def _following(place: _Place | None, due: list[_Watched]) -> _Place:
        """Return which page to look at next: the one behind, or one further on."""
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

    async def _look_from(self, place: _Place, due: list[_Watched]) -> list[_Watched]:
        """Look at a page, and return those that are further on."""
        # On a page where few jobs are waited for, most results would come for nobody.
        busy = 2 * len(due) >= self._page_size
        glance = await self._source.look_since(
            place.since, place.session_id, place.offset, with_results=busy
        )
        place.until = glance.until
        place.size = self._page_size = len(glance.jobs)
        for job_id, outcome in glance.jobs.items():
            watched = self._watched.get(job_id)
            if watched is not None:
                self._saw(watched, outcome)
        left = []
        for watched in due:
            if watched.id in glance.jobs:
                continue
            further = watched.created_at + _CLOCK_SLACK
            if glance.full and (glance.until is None or further > glance.until):
                left.append(watched)
            else:
                self._missed(watched)
        return left

    async def _look_alone(self, watched: _Watched) -> None:
        try:
            job = await self._source.look_at(watched.id, with_result=True)
        except JobNotFoundError as error:
            if self._pauses.monotonic() < watched.visible_by:
                self._missed(watched)
            else:
                self._fail(watched, error)
        except ProtocolError as error:
            self._fail(watched, error)
        else:
            watched.missing = 0
            self._saw(watched, job)

    def _missed(self, watched: _Watched) -> None:
        now = self._pauses.monotonic()
        if now >= watched.visible_by or not watched.exact:
            watched.missing += 1  # it may be elsewhere in the list than was thought
        watched.due = now + self._policy.pause(now - watched.since)

    def _saw(self, watched: _Watched, outcome: Job | SwqrError) -> None:
        if isinstance(outcome, SwqrError):
            self._fail(watched, outcome)
            return
        if watched.ending:
            return
        now = self._pauses.monotonic()
        running = watched.last is not None and watched.last.state is JobState.RUNNING
        if outcome.state.ended:
            self._runs.append(now - watched.since if running else 0.0)
            self._end(watched, outcome)
            return
        if watched.last is None or outcome.state is not watched.last.state:
            watched.since = now
            if outcome.state is JobState.RUNNING:
                watched.usual = min(self._runs, default=0.0)
        watched.created_at, watched.exact = outcome.created_at, True
        watched.missing = 0
        if not self._is_understood(watched, outcome, now):
            return
        watched.last = outcome
        watched.due = now + self._policy.pause(max(now - watched.since, watched.usual))

    def _is_understood(self, watched: _Watched, job: Job, now: float) -> bool:
        """Say whether a job's status can go on being waited with."""
        word = job.extra.get("status")
        if word is None:
            watched.unknown_since = None
            return True
        if watched.unknown_since is None:
            watched.unknown_since = now
            logger.warning("job %s has a status that nobody knows: %s", job.id, word)
        if now - watched.unknown_since < self._policy.unknown_status:
            return True
        problem = f"job {job.id!r} has the unknown status {word!r} for too long: look at it there"
        self._fail(watched, ProtocolError(NAME, problem, repr(watched.last), repr(job)))
        return False

    def _end(self, watched: _Watched, job: Job) -> None:
        """Give an ended job to those who wait, once it is complete."""
        watched.ending = True
        ending = asyncio.ensure_future(self._give(watched, job))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _give(self, watched: _Watched, job: Job) -> None:
        try:
            job = await self._source.completed(job)
        except SwqrError as error:
            self._fail(watched, error)
            return
        self._drop(watched)
        for waiter in watched.waiters:
            if not waiter.done():
                waiter.set_result(job)

    def _fail(self, watched: _Watched, error: SwqrError) -> None:
        self._drop(watched)
        for waiter in watched.waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _drop(self, watched: _Watched) -> None:
        if self._watched.get(watched.id) is watched:
            del self._watched[watched.id]
        self._news.set()

    def _fail_all(self, error: SwqrError) -> None:
        for watched in list(self._watched.values()):
            self._fail(watched, error)

    def _trouble(self, error: SwqrError) -> None:
        """Keep on after what may be over the next time, ever more slowly."""
        self._outages += 1
        hopeless = isinstance(error, _HOPELESS)
        if hopeless or (isinstance(error, ProtocolError) and self._outages >= _BROKEN_LISTS):
            self._fail_all(error)
            return
        pause = self._policy.pause(0.5 * 2.0 ** min(self._outages, 10) / self._policy.ratio)
        self._not_before = self._pauses.monotonic() + pause
        if self._outages == 1:
            logger.warning(
                "cannot look at %d jobs, trying again every %g s at most: %s",
                len(self._watched),
                self._policy.longest,
                error,
            )
