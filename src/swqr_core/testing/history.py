"""What holds of every platform whatever happens, said of all that was ever seen of it."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from attrs import define, field

from swqr_core.model.job import Job
from swqr_core.model.session import Session, SessionMode

__all__ = ["History"]

_CLOSED: Final = "closed"
_LEAST: Final = 1e-6
"""Seconds by which sums of seconds may differ."""


@define(eq=False)
class History:
    """Everything that was ever seen of a platform. Each method is a claim about it.

    Attributes:
        jobs: The jobs at the latest look.
        sessions: The sessions at the latest look.
        consumed: Seconds that each instance was charged, at the latest look.
    """

    jobs: Sequence[Job] = ()
    sessions: Sequence[Session] = ()
    consumed: Mapping[str, float] = field(factory=dict)
    _closed: dict[str, datetime | None] = field(factory=dict)
    _ended: dict[str, tuple[str, datetime | None]] = field(factory=dict)
    _usage: dict[str, float] = field(factory=dict)

    def look(
        self, jobs: Sequence[Job], sessions: Sequence[Session], consumed: Mapping[str, float]
    ) -> None:
        """Take in what there is now."""
        self.jobs, self.sessions, self.consumed = jobs, sessions, consumed

    def check(self) -> None:
        """Check every claim.

        Raises:
            AssertionError: One does not hold; the message begins with its name.
        """
        for claim in (
            self.closed_stays_closed,
            self.usage_never_shrinks,
            self.every_accepted_job_ends_exactly_once,
            self.no_job_starts_outside_its_session_s_active_time,
            self.a_dedicated_session_never_shares_its_backend,
        ):
            try:
                claim()
            except AssertionError as error:
                raise AssertionError(f"{claim.__name__.replace('_', ' ')}: {error}") from error

    def closed_stays_closed(self) -> None:
        """Compare with what was seen before: nothing reopens, and no date changes."""
        for session in self.sessions:
            if session.id in self._closed:
                assert session.state.value == _CLOSED, f"{session.id} is {session.state} again"
                assert session.closed_at == self._closed[session.id]
            if session.state.value == _CLOSED:
                assert not session.accepting_jobs, f"{session.id} is closed and takes jobs"
                self._closed[session.id] = session.closed_at

    def usage_never_shrinks(self) -> None:
        """Compare with what was seen before: nobody gets anything back."""
        figures = {f"instance of {who}": seconds for who, seconds in self.consumed.items()}
        for session in self.sessions:
            if session.usage_seconds is not None:
                figures[f"session {session.id}"] = session.usage_seconds
        for job in self.jobs:
            figures[f"job {job.id}"] = job.usage.quantum_seconds
        for name, seconds in figures.items():
            known = self._usage.get(name, 0.0)
            assert seconds >= known - _LEAST, f"{name} was at {known:g} s, and now {seconds:g} s"
            self._usage[name] = seconds

    def every_accepted_job_ends_exactly_once(self) -> None:
        """Compare with what was seen before: an end is an end."""
        for job in self.jobs:
            end = (job.state.value, job.ended_at)
            if job.id in self._ended:
                assert end == self._ended[job.id], f"{job.id} ended as {self._ended[job.id]}"
            if job.state.ended:
                assert job.ended_at is not None, f"{job.id} ended, and nobody knows when"
                self._ended[job.id] = end
            else:
                assert job.ended_at is None, f"{job.id} is {job.state}, and has an end"

    def no_job_starts_outside_its_session_s_active_time(self) -> None:
        """See that each job of a session began while the session was active."""
        sessions = {session.id: session for session in self.sessions}
        for job in self.jobs:
            if job.spec.session_id is None or job.running_at is None:
                continue
            session = sessions.get(job.spec.session_id)
            assert session is not None, f"{job.id} is of {job.spec.session_id}, which is nowhere"
            assert session.started_at is not None, f"{job.id} runs, {session.id} has not started"
            assert session.started_at <= job.running_at, f"{job.id} started before {session.id}"
            if session.closed_at is not None:
                assert job.running_at <= session.closed_at, f"{job.id} started in a closed session"
            during = {
                step.state.value
                for step, until in _periods(session)
                if step.at <= job.running_at and (until is None or job.running_at <= until)
            }
            assert not during or during & {"busy", "draining"}, (
                f"{job.id} started while {session.id} was {', '.join(sorted(during))}"
            )

    def a_dedicated_session_never_shares_its_backend(self) -> None:
        """See that nothing else ran there until its last running job had ended."""
        runs: dict[str, _Runs] = {}
        mine: dict[str, list[Job]] = {}
        for job in self.jobs:
            if job.running_at is not None:
                runs.setdefault(job.spec.backend, _Runs()).add(job, job.running_at)
                if job.spec.session_id is not None:
                    mine.setdefault(job.spec.session_id, []).append(job)
        for session in self.sessions:
            if session.mode is not SessionMode.DEDICATED or session.id not in mine:
                continue
            backend = session.backend or mine[session.id][0].spec.backend
            for since, until in _held(session, mine[session.id]):
                for job in runs[backend].during(since, until):
                    assert job.spec.session_id == session.id, (
                        f"{job.id} shared {backend} with session {session.id}"
                    )


@define(eq=False)
class _Runs:
    """When jobs ran on one backend."""

    _by_start: list[tuple[datetime, Job]] = field(factory=list)
    _longest: timedelta = timedelta(0)
    _unended: list[Job] = field(factory=list)
    _is_sorted: bool = False

    def add(self, job: Job, start: datetime) -> None:
        if job.ended_at is None:
            self._unended.append(job)
            return
        self._by_start.append((start, job))
        self._longest = max(self._longest, job.ended_at - start)
        self._is_sorted = False

    def during(self, since: datetime, until: datetime | None) -> Iterator[Job]:
        """Yield the jobs that ran for a moment of that time; *until* None is for ever."""
        if not self._is_sorted:
            self._by_start.sort(key=_start)
            self._is_sorted = True
        for job in self._unended:
            if job.running_at is not None and (until is None or job.running_at < until):
                yield job
        first = bisect_left(self._by_start, since - self._longest, key=_start)
        for start, job in islice(self._by_start, first, None):
            if until is not None and start >= until:
                return
            if job.ended_at is not None and job.ended_at > since:
                yield job


def _start(run: tuple[datetime, Job]) -> datetime:
    return run[0]


def _periods(session: Session) -> Iterator[tuple[Any, datetime | None]]:
    """Yield each step of a session with the moment of the next one."""
    following = [step.at for step in session.steps[1:]]
    yield from zip(session.steps, [*following, None], strict=False)


def _held(session: Session, jobs: list[Job]) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield from when until when a dedicated session has its backend; None for until now.

    That begins with a job's start. It ends when the session turns inactive or closes, but not
    before the last job that runs then has ended.
    """
    ends = [step.at for step in session.steps if step.state.value in {"inactive", _CLOSED}]
    if not session.steps and session.closed_at is not None:
        ends = [session.closed_at]
    for job in jobs:
        if job.running_at is None:
            continue
        until = min((end for end in ends if end >= job.running_at), default=None)
        if until is None:
            yield job.running_at, None
            continue
        # What starts at that very moment begins a new time of its own.
        last = [j.ended_at for j in jobs if j is job or (j.running_at or until) < until]
        if None in last:
            yield job.running_at, None
        else:
            yield job.running_at, max(until, *(end for end in last if end is not None))
