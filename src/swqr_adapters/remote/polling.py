"""Waiting for many jobs with few requests: one task looks on behalf of everybody.

Every job that is waited for is due for a look now and then: soon after something has happened to
it, and ever later while nothing does. One that has begun to run is expected to run for as long as
the shortest of the last few did, so it is not looked at much more often than is of use. What is due
at the same time is looked at together: one request shows very many jobs, so thousands of waits cost
a few requests per interval.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen

from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    InstanceNotFoundError,
    InvalidInputError,
    JobNotFoundError,
    ProtocolError,
    SwqrError,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.model.validators import integer, seconds
from swqr_core.ports.clock import Clock

from .looks import JobSource, Looks, Watched

__all__ = ["Poller", "PollingPolicy"]

logger = logging.getLogger(__name__)

_HOPELESS: Final = (AccessDeniedError, ClosedError, ConfigurationError, InstanceNotFoundError)
_BROKEN_LISTS: Final = 5  # so many in a row are no accident
_ASK_ALONE: Final = 2  # not in two lists that should have shown it
_MOST_PATIENCE: Final = 600.0  # seconds that a platform may ask for; some ask for years
_RUNS: Final = 8  # so many are no accident either


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


class Poller:
    """Looks at jobs until they have ended.

    Args:
        source: Where to look.
        looks: How one request shows many jobs.
        name: The transport's name.
        policy: How often.
        clock: For timeouts.
        pause_clock: For the pauses between looks.
        settle: Seconds after its submission for which a job may be missing from answers.
        unwelcome_for: Returns for how many seconds the platform wants to be left alone.
    """

    def __init__(
        self,
        source: JobSource,
        looks: Looks,
        *,
        name: str,
        policy: PollingPolicy,
        clock: Clock,
        pause_clock: Clock,
        settle: float,
        unwelcome_for: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._source = source
        self._looks = looks
        self._name = name
        self._policy = policy
        self._clock = clock
        self._pauses = pause_clock
        self._settle = settle
        self._unwelcome_for = unwelcome_for
        self._watched: dict[str, Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._not_before = 0.0
        self._outages = 0
        self._runs: deque[float] = deque(maxlen=_RUNS)  # seconds that the last jobs ran
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
            raise ClosedError(f"the {self._name} transport")
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
        self._fail_all(ClosedError(f"the {self._name} transport"))
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the one who looks ---------------------------------------------------------------------

    def _watch(self, job: Job, *, told: bool) -> Watched:
        now = self._pauses.monotonic()
        watched = Watched(
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
            except Exception as error:  # a mistake of ours; those who wait must not wait for ever
                logger.exception("looking at %d jobs failed", len(self._watched))
                self._fail_all(error)
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
        if len(due) <= 1:
            self._looks.forget()
        for _ in range(self._policy.requests):
            if len(due) <= 1:
                break
            due = await self._look_together(due, alone)
        if len(due) == 1:
            alone += due
        results = await asyncio.gather(
            *(self._look_alone(watched) for watched in alone[: self._policy.requests]),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _look_together(self, due: list[Watched], alone: list[Watched]) -> list[Watched]:
        """Look with one request; return those that it had no room for."""
        sight = await self._looks.look(due, self._watched)
        for job_id, outcome in sight.jobs.items():
            watched = self._watched.get(job_id)
            if watched is not None:
                self._saw(watched, outcome)
        for watched in sight.missed:
            self._missed(watched)
        alone += sight.alone
        return sight.left

    async def _look_alone(self, watched: Watched) -> None:
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

    def _missed(self, watched: Watched) -> None:
        now = self._pauses.monotonic()
        if now >= watched.visible_by or not watched.exact:
            watched.missing += 1  # it may be elsewhere in the list than was thought
        watched.due = now + self._policy.pause(now - watched.since)

    def _saw(self, watched: Watched, outcome: Job | SwqrError) -> None:
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

    def _is_understood(self, watched: Watched, job: Job, now: float) -> bool:
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
        self._fail(watched, ProtocolError(self._name, problem, repr(watched.last), repr(job)))
        return False

    def _end(self, watched: Watched, job: Job) -> None:
        """Give an ended job to those who wait, once it is complete."""
        watched.ending = True
        ending = asyncio.ensure_future(self._give(watched, job))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _give(self, watched: Watched, job: Job) -> None:
        try:
            job = await self._source.completed(job)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            self._fail(watched, error)
            return
        self._drop(watched)
        for waiter in watched.waiters:
            if not waiter.done():
                waiter.set_result(job)

    def _fail(self, watched: Watched, error: Exception) -> None:
        self._drop(watched)
        for waiter in watched.waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _drop(self, watched: Watched) -> None:
        if self._watched.get(watched.id) is watched:
            del self._watched[watched.id]
        self._news.set()

    def _fail_all(self, error: Exception) -> None:
        for watched in list(self._watched.values()):
            self._fail(watched, error)

    def _trouble(self, error: SwqrError) -> None:
        """Keep on after what may be over the next time, ever more slowly."""
        self._outages += 1
        hopeless = isinstance(error, _HOPELESS)
        # What is refused for what it is will be refused again, like an answer that cannot be read.
        senseless = isinstance(error, InvalidInputError | ProtocolError)
        if hopeless or (senseless and self._outages >= _BROKEN_LISTS):
            self._fail_all(error)
            return
        pause = self._policy.pause(0.5 * 2.0 ** min(self._outages, 10) / self._policy.ratio)
        pause = max(pause, min(self._unwelcome_for(), _MOST_PATIENCE))
        self._not_before = self._pauses.monotonic() + pause
        if self._outages == 1:
            logger.warning(
                "cannot look at %d jobs, trying again every %g s at most: %s",
                len(self._watched),
                max(self._policy.longest, pause),
                error,
            )
