"""What holds whatever happens, said of a look at the platform and of all looks before it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define, field

from swqr_core.model.ids import JobId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.session import Session
from swqr_core.testing.harness import Seat
from swqr_core.testing.history import History
from swqr_core.testing.model import ModelJob, ModelSession

from .stage import Looked, Stage

__all__ = ["Claims"]

_LEAST: Final = 1e-6
"""Seconds by which sums of seconds may differ."""


@define(eq=False)
class Claims:
    """Everything that was ever seen of a platform, and what may be said of it.

    The claims of ``History`` take nothing from the model: they hold for what the platform itself
    has told.
    """

    stage: Stage
    history: History = field(factory=History)

    def check(self) -> None:
        """Check every claim; what is said of every platform comes first, for it says it better.

        Raises:
            AssertionError: One does not hold; the message begins with its name.
        """
        self.history.look(
            list(self._jobs()),
            list(self._sessions()),
            {
                seat: looked.consumed
                for seat, looked in self.stage.looked.items()
                if looked.consumed is not None
            },
        )
        self.history.check()
        for claim in (self.what_was_refused_left_no_trace, self.every_snapshot_matches_the_model):
            try:
                claim()
            except AssertionError as error:
                raise AssertionError(f"{claim.__name__.replace('_', ' ')}: {error}") from error

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
            if key not in self.stage.untold and not self._same(value, actual[key])
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

    def what_was_refused_left_no_trace(self) -> None:
        """Count: there is what was accepted, in the order in which it was, and nothing else."""
        stage = self.stage
        for seat, looked in stage.looked.items():
            before = stage.before[seat]
            mine = [stage.id_of(job) for job in stage.model.jobs if job.instance == seat]
            assert looked.jobs_in_all == before.jobs_in_all + len(mine)
            _are_in_order(looked.jobs[: len(mine)], mine)
            if looked.sessions_in_all is not None and before.sessions_in_all is not None:
                opened = [stage.id_of(s) for s in stage.model.sessions if s.instance == seat]
                assert looked.sessions_in_all == before.sessions_in_all + len(opened)
                _are_in_order(looked.sessions[: len(opened)], opened)

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


def _are_in_order(listed: Sequence[Job] | Sequence[Session], mine: list[str]) -> None:
    """See that these are listed, newest first; those of one moment come in any order."""
    ids = [thing.id for thing in listed]
    assert sorted(ids) == sorted(mine), f"{ids} are listed, and {mine} were accepted"
    times = [thing.created_at for thing in listed if thing.created_at is not None]
    assert times == sorted(times, reverse=True), f"{ids} are not listed newest first"


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
