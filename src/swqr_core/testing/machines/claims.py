"""What holds whatever happens, said of a look at the platform and of all looks before it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from attrs import define, field

from swqr_core.model.ids import JobId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.session import Session, SessionMode
from swqr_core.testing.harness import Seat
from swqr_core.testing.model import ModelJob, ModelSession

from .stage import Looked, Stage

__all__ = ["Claims"]

_CLOSED: Final = "closed"
_LEAST: Final = 1e-6
"""Seconds by which sums of seconds may differ."""


@define(eq=False)
class Claims:
    """Everything that was ever seen of a platform, and what may be said of it.

    All but the first claim take nothing from the model: they hold for what the platform itself
    has told.
    """

    stage: Stage
    _closed: dict[str, datetime | None] = field(factory=dict)
    _ended: dict[str, tuple[str, datetime | None]] = field(factory=dict)
    _usage: dict[str, float] = field(factory=dict)

    # --- the model -----------------------------------------------------------------------------

    def every_snapshot_matches_the_model(self) -> None:
        """Compare each session and each job, and what was charged for all of them."""
        stage = self.stage
        for seat, looked in stage.looked.items():
            sessions = {session.id: session for session in looked.sessions}
            for session in stage.model.sessions:
                if session.instance == seat:
                    found = sessions.get(SessionId(stage.id_of(session)))
                    self._compare(f"s{session.number}", self._session(session), found, _session)
            jobs = {job.id: job for job in looked.jobs}
            for job in stage.model.jobs:
                if job.instance == seat:
                    found_job = jobs.get(JobId(stage.id_of(job)))
                    self._compare(f"j{job.number}", self._job(job), found_job, _job)
            self._compare_charges(seat, looked)

    def _compare(self, name: str, expected: dict[str, Any], found: Any, fields: Any) -> None:
        assert found is not None, f"{name} is not in the list"
        actual = fields(found)
        wrong = {
            key: {"told": actual[key], "right": value}
            for key, value in expected.items()
            if key not in self.stage.rules.untold and not self._same(value, actual[key])
        }
        assert not wrong, f"{name} is not as it should be: {wrong}"

    def _same(self, right: Any, told: Any) -> bool:
        match right, told:
            case datetime(), datetime():
                return abs((right - told).total_seconds()) <= self.stage.rules.precision
            case float(), float() | int():
                return bool(abs(right - told) <= max(_LEAST, self.stage.rules.precision))
            case (list(), list()) | (tuple(), tuple()):
                return len(right) == len(told) and all(map(self._same, right, told))
            case _:
                return bool(right == told)

    def _session(self, session: ModelSession) -> dict[str, Any]:
        stage, moment = self.stage, self.stage.moment
        return {
            "state": session.state,
            "accepting_jobs": session.accepts_jobs,
            "mode": "dedicated" if session.dedicated else "batch",
            "backend": session.backend,
            "max_ttl": session.max_ttl // 1_000_000,
            "interactive_ttl": session.interactive_ttl // 1_000_000,
            "active_ttl": stage.model.active_ttl_left(session) // 1_000_000,
            "created_at": moment(session.created),
            "started_at": moment(session.started),
            "activated_at": moment(session.activated),
            "closed_at": moment(session.closed),
            "last_job_started_at": moment(session.last_start),
            "last_job_ended_at": moment(session.last_end),
            "usage_seconds": session.usage / 1e6 if session.settled else None,
            "steps": [(state, moment(at)) for state, at in session.story],
        }

    def _job(self, job: ModelJob) -> dict[str, Any]:
        stage, moment = self.stage, self.stage.moment
        return {
            "state": job.state,
            "backend": job.backend,
            "session_id": None if job.session is None else stage.id_of(job.session),
            "created_at": moment(job.created),
            "running_at": moment(job.started),
            "ended_at": moment(job.ended),
            "time_limit": job.limit // 1_000_000,
            "quantum_seconds": job.used / 1e6 if job.is_over else 0.0,
            "reason_code": job.code,
        }

    def _compare_charges(self, seat: Seat, looked: Looked) -> None:
        if looked.consumed is None:
            return
        before = self.stage.before[seat].consumed or 0.0
        right = self.stage.model.used.get(seat, 0) / 1e6
        assert self._same(right, looked.consumed - before), (
            f"{seat} was charged {looked.consumed - before:g} s, and {right:g} s would be right"
        )

    # --- what is true of every platform --------------------------------------------------------

    def closed_stays_closed(self) -> None:
        """Compare with what was seen before: nothing reopens, and no date changes."""
        for session in self._sessions():
            if session.id in self._closed:
                assert session.state.value == _CLOSED, f"{session.id} is {session.state} again"
                assert session.closed_at == self._closed[session.id]
            if session.state.value == _CLOSED:
                assert not session.accepting_jobs, f"{session.id} is closed and takes jobs"
                self._closed[session.id] = session.closed_at

    def usage_never_shrinks(self) -> None:
        """Compare with what was seen before: nobody gets anything back."""
        figures: dict[str, float] = {}
        for seat, looked in self.stage.looked.items():
            if looked.consumed is not None:
                figures[f"instance of {seat}"] = looked.consumed
        for session in self._sessions():
            if session.usage_seconds is not None:
                figures[f"session {session.id}"] = session.usage_seconds
        for job in self._jobs():
            figures[f"job {job.id}"] = job.usage.quantum_seconds
        for name, seconds in figures.items():
            known = self._usage.get(name, 0.0)
            assert seconds >= known - _LEAST, f"{name} was at {known:g} s, and now {seconds:g} s"
            self._usage[name] = seconds

    def every_accepted_job_ends_exactly_once(self) -> None:
        """Compare with what was seen before: an end is an end."""
        for job in self._jobs():
            end = (job.state.value, job.ended_at)
            if job.id in self._ended:
                assert end == self._ended[job.id], f"{job.id} ended as {self._ended[job.id]}"
            if job.state.ended:
                assert job.ended_at is not None, f"{job.id} ended, and nobody knows when"
                self._ended[job.id] = end
            else:
                assert job.ended_at is None, f"{job.id} is {job.state}, and has an end"

    def what_was_refused_left_no_trace(self) -> None:
        """Count: there is what was accepted, in the order in which it was, and nothing else."""
        stage = self.stage
        for seat, looked in stage.looked.items():
            before = stage.before[seat]
            mine = [stage.id_of(job) for job in stage.model.jobs if job.instance == seat]
            assert looked.jobs_in_all == before.jobs_in_all + len(mine)
            assert [job.id for job in looked.jobs[: len(mine)]] == mine[::-1]
            if looked.sessions_in_all is not None and before.sessions_in_all is not None:
                opened = [stage.id_of(s) for s in stage.model.sessions if s.instance == seat]
                assert looked.sessions_in_all == before.sessions_in_all + len(opened)
                assert [s.id for s in looked.sessions[: len(opened)]] == opened[::-1]

    def no_job_starts_outside_its_session_s_active_time(self) -> None:
        """See that each job of a session began while the session was active."""
        sessions = {session.id: session for session in self._sessions()}
        for job in self._jobs():
            if job.spec.session_id is None or job.running_at is None:
                continue
            session = sessions[job.spec.session_id]
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
        jobs = [job for job in self._jobs() if job.running_at is not None]
        for session in self._sessions():
            if session.mode is not SessionMode.DEDICATED:
                continue
            for since, until in _held(session, [j for j in jobs if _is_of(j, session)]):
                for job in jobs:
                    if job.spec.backend != session.backend or _is_of(job, session):
                        continue
                    apart = (until is not None and until <= (job.running_at or since)) or (
                        job.ended_at is not None and job.ended_at <= since
                    )
                    assert apart, f"{job.id} shared {session.backend} with session {session.id}"

    def _jobs(self) -> Iterator[Job]:
        for seat, looked in self.stage.looked.items():
            yield from looked.jobs[: self._count(seat, looked.jobs_in_all, "jobs_in_all")]

    def _sessions(self) -> Iterator[Session]:
        for seat, looked in self.stage.looked.items():
            in_all = looked.sessions_in_all
            many = None if in_all is None else self._count(seat, in_all, "sessions_in_all")
            yield from looked.sessions[:many]

    def _count(self, seat: Seat, in_all: int, which: str) -> int:
        """Return how many there are that were not there at the beginning."""
        return int(in_all - getattr(self.stage.before[seat], which))


def _is_of(job: Job, session: Session) -> bool:
    return job.spec.session_id == session.id


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


def _session(session: Session) -> dict[str, Any]:
    names = (
        "accepting_jobs", "backend", "max_ttl", "interactive_ttl", "active_ttl", "created_at",
        "started_at", "activated_at", "closed_at", "last_job_started_at", "last_job_ended_at",
        "usage_seconds",
    )  # fmt: skip
    return {
        **{name: getattr(session, name) for name in names},
        "state": session.state.value,
        "mode": session.mode.value,
        "steps": [(step.state.value, step.at) for step in session.steps],
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "backend": job.spec.backend,
        "session_id": job.spec.session_id,
        "created_at": job.created_at,
        "running_at": job.running_at,
        "ended_at": job.ended_at,
        "time_limit": job.time_limit,
        "quantum_seconds": job.usage.quantum_seconds,
        "reason_code": job.reason_code,
    }
