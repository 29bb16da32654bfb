"""A transport that spends no more than it may."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from swqr_core.errors import LimitExceededError, OutcomeUnknownError, SwqrError
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import Page, SessionQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.model.validators import integer, optional, seconds
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport

from .delegation import Call, TransportWrapper
from .idle import IdlePolicy, IdleWatch
from .ledger import Entry, Ledger, midnight

__all__ = ["Budget", "BudgetTransport"]

T = TypeVar("T")

_OPEN: Any = frozenset(SessionState) - {SessionState.CLOSED}


def _amount() -> float | None:
    amount: float | None = field(default=None, validator=optional(seconds()))
    return amount


def _count() -> int | None:
    count: int | None = field(default=None, validator=optional(integer(at_least=0)))
    return count


@frozen(kw_only=True)
class Budget:
    """What may be spent; None for no limit. Seconds are quantum seconds.

    Attributes:
        job_seconds: By one job: it becomes the job's ``max_execution_time``.
        session_seconds: By the jobs of one session.
        session_jobs: Jobs in one session.
        day_seconds: By all jobs of the instance since midnight UTC.
        day_jobs: Jobs of the instance since midnight UTC.
        instance_seconds: By the instance in its period, as the platform tells.
        instance_jobs: Jobs of the instance that are pending at once.
        open_sessions: Sessions and batches of the instance that are open at once.
        warn_idle: Seconds that a dedicated session may do nothing before its user is warned.
        close_idle: Seconds that a session may do nothing before it is closed.
        refresh: The most seconds for which what others spend is not looked at again.
    """

    job_seconds: float | None = _amount()
    session_seconds: float | None = _amount()
    session_jobs: int | None = _count()
    day_seconds: float | None = _amount()
    day_jobs: int | None = _count()
    instance_seconds: float | None = _amount()
    instance_jobs: int | None = _count()
    open_sessions: int | None = _count()
    warn_idle: float | None = _amount()
    close_idle: float | None = _amount()
    refresh: float = field(default=60.0, validator=seconds())


class BudgetTransport(TransportWrapper):
    """Refuses to submit or to open beyond a budget, and looks after sessions that idle.

    What is refused was not sent: ``LimitExceededError``. A job that has not ended counts with its
    time limit, so that jobs under way cannot overspend together; one without a limit counts when
    it has ended. What others spend in the instance is seen when the platform is asked, at least
    every ``refresh`` seconds; the limits hold for this client at any moment.

    Args:
        inner: The transport underneath. Closing the wrapper closes it.
        budget: What may be spent.
        clock: What time passes on.
        warn: Tells the user about sessions that idle.
    """

    def __init__(
        self,
        inner: RuntimeTransport,
        budget: Budget,
        *,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(inner)
        self._budget = budget
        self._clock = clock
        self._ledger = Ledger()
        self._refreshed: float | None = None
        self._consumed = 0.0
        self._ended = 0.0  # seconds of jobs that have ended, and may not be in that figure yet
        self._looking = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._perhaps_open: set[str] = set()  # keys of openings of which nobody knows the outcome
        policy = IdlePolicy(warn=budget.warn_idle, close=budget.close_idle)
        self._watch = IdleWatch(inner, clock, policy, warn)

    async def aclose(self) -> None:
        """Close the transport underneath. Closing twice is fine."""
        await self._watch.aclose()
        await super().aclose()

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        answer = await act()
        for job in answer.items if isinstance(answer, Page) else (answer,):
            if isinstance(job, Job) and self._ledger.saw(job):
                self._refreshed = None  # the instance's own figure has changed
                self._ended += job.usage.quantum_seconds
        if call.method in {"drain_session", "cancel_session"}:
            self._watch.forget(call.handle)
        return answer

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """Open a session or batch, unless there are enough."""
        limit = self._budget.open_sessions
        if limit is None or not self.capabilities.session_listing:
            session = await super().open_session(spec, key=key)
        else:
            async with self._opening:  # so that what is listed has what this client opened
                if key not in self._perhaps_open:  # it may be one of those that are there
                    query = SessionQuery(states=_OPEN, limit=1)
                    there = (await self._inner.sessions(query)).total
                    _check("sessions open at once", limit, there + 1, "close one first")
                session = await self._open(spec, key)
        self._watch.watch(session)
        return session

    async def _open(self, spec: SessionSpec, key: str) -> Session:
        repeated = key in self._perhaps_open
        self._perhaps_open.add(key)
        try:
            session = await super().open_session(spec, key=key)
        except OutcomeUnknownError:
            raise
        except SwqrError:
            if not repeated:  # else an earlier attempt may have opened it
                self._perhaps_open.discard(key)
            raise
        self._perhaps_open.discard(key)
        return session

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        """Queue one job, unless that may cost too much."""
        spec = self._limited(spec)
        repeated = self._ledger.knows(key)
        if not repeated:  # a repeated submission is no further job
            await self._look()
            self._check_limits(spec)
            self._ledger.reserve(key, spec, self._clock.now())
        try:
            job = await super().submit(spec, params, key=key)
        except OutcomeUnknownError:
            raise  # it may have happened, so it goes on counting
        except SwqrError:
            if not repeated:  # else an earlier attempt may have happened
                self._ledger.release(key)
            raise
        self._ledger.submitted(key, job)
        if spec.session_id is not None:
            self._watch.touch(spec.session_id)
        return job

    def _limited(self, spec: JobSpec) -> JobSpec:
        """Return the spec with the time limit that the budget sets."""
        limit = self._budget.job_seconds
        if limit is None:
            return spec
        if spec.max_execution_time is not None:
            _check("seconds of one job", limit, spec.max_execution_time, "ask for less time")
            return spec
        if not self.capabilities.time_limits:
            return spec
        seconds = max(1, math.floor(limit))
        _check("seconds of one job", limit, seconds, "no job can have less than 1")
        return evolve(spec, max_execution_time=seconds)

    async def _look(self) -> None:
        """Ask the platform what the instance has spent, if that is some time ago."""
        async with self._looking:
            now = self._clock.monotonic()
            if self._refreshed is not None and now - self._refreshed < self._budget.refresh:
                return
            self._refreshed = now  # what ends meanwhile makes another look due
            try:
                await self._ask()
            except BaseException:
                self._refreshed = None
                raise

    async def _ask(self) -> None:
        budget, ended = self._budget, self._ended
        jobs = (budget.session_seconds, budget.session_jobs, budget.day_seconds, budget.day_jobs)
        pending = budget.instance_jobs is not None or budget.instance_seconds is not None
        if pending or any(limit is not None for limit in jobs):
            await self._ledger.refresh(self._inner, self._clock.now(), pending=pending)
        if budget.instance_seconds is not None and self.capabilities.usage:
            self._consumed = (await self._inner.usage()).consumed_seconds
        self._ended -= ended

    def _check_limits(self, spec: JobSpec) -> None:
        budget, today = self._budget, midnight(self._clock.now())
        wanted = float(spec.max_execution_time or 0)
        if spec.session_id is not None:
            jobs, spent = self._ledger.total(lambda one: one.session_id == spec.session_id)
            _check("jobs of one session", budget.session_jobs, jobs + 1, "open another session")
            _check_spent(
                "seconds of one session", budget.session_seconds, spent, wanted, "open another one"
            )
        jobs, spent = self._ledger.total(lambda one: one.at >= today)
        _check("jobs of one day", budget.day_jobs, jobs + 1, "wait for midnight UTC")
        _check_spent(
            "seconds of one day", budget.day_seconds, spent, wanted, "wait for midnight UTC"
        )
        pending, reserved = self._ledger.total(_is_pending)
        _check("jobs pending at once", budget.instance_jobs, pending + 1, "wait for one to end")
        _check_spent(
            "seconds of the instance",
            budget.instance_seconds,
            self._consumed + self._ended + reserved,
            wanted,
            "wait for the next period",
        )


def _is_pending(entry: Entry) -> bool:
    return not entry.ended


def _check(what: str, limit: float | None, wanted: float, advice: str) -> None:
    if limit is not None and wanted > limit:
        raise LimitExceededError(
            f"your budget for {what}", limit, f"{advice}, or raise the budget in the configuration"
        )


def _check_spent(what: str, limit: float | None, spent: float, wanted: float, advice: str) -> None:
    """Refuse what would cost too much, and anything once the budget is used up."""
    if limit is not None and spent >= limit:
        wanted = max(wanted, math.inf)
    _check(what, limit, spent + wanted, advice)
