"""A cloud told as a story, in seconds since its beginning."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import (
    Effect,
    Fact,
    InstanceCharged,
    JobEnded,
    JobStarted,
    SessionAdvanced,
    SessionCharged,
    Step,
)
from swqr_core.engine.inputs import (
    AddDevice,
    CancelJob,
    CancelSession,
    DeleteJob,
    DrainSession,
    FinishExecution,
    Input,
    OpenSession,
    SetDeviceStatus,
    SetTags,
    SubmitJob,
    TakeResult,
)
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus

BEGINNING = datetime(2026, 1, 31, 9, tzinfo=UTC)
F = TypeVar("F")


class Story:
    """An engine, and what its facts say about sessions and jobs."""

    def __init__(self, *devices: Device, **settings: Any) -> None:
        self.engine = Engine(EngineSettings(**settings))
        self.seconds = 0.0
        self.facts: list[Fact] = []
        self.effects: list[Effect] = []
        self.ids = 0
        for device in devices or (Device(name=BackendName("a")),):
            self.handle(AddDevice(device=device))

    # --- time ---

    def moment(self, seconds: float) -> datetime:
        return BEGINNING + timedelta(seconds=seconds)

    def at(self, seconds: float) -> "Story":
        """Let time pass until then."""
        self.seconds = seconds
        self.take(self.engine.advance_to(self.moment(seconds)))
        return self

    def next_deadline(self) -> float | None:
        deadline = self.engine.next_deadline()
        return None if deadline is None else (deadline - BEGINNING).total_seconds()

    # --- inputs ---

    def handle(self, input: Input) -> Step:
        return self.take(self.engine.handle(input, self.moment(self.seconds)))

    def take(self, step: Step) -> Step:
        self.facts += step.facts
        self.effects += step.effects
        return step

    def handle_late(self, seconds: float, command: str, id: str) -> None:
        """Give a command without letting the time before it pass first."""
        self.seconds = seconds
        getattr(self, command)(id)

    def fresh(self, letter: str) -> str:
        self.ids += 1
        return f"{letter}{self.ids}"

    def open(
        self, backend: str = "a", *, mode: str = "dedicated", by: str = "i", **spec: Any
    ) -> SessionId:
        session_id = SessionId(self.fresh("s"))
        self.handle(
            OpenSession(
                principal=who(by),
                session_id=session_id,
                spec=SessionSpec(backend=BackendName(backend), mode=SessionMode(mode), **spec),
                key=f"key-of-{session_id}",
                content="",
            )
        )
        return session_id

    def submit(
        self, session: str | None = None, backend: str = "a", *, by: str = "i", **spec: Any
    ) -> JobId:
        job_id = JobId(self.fresh("j"))
        self.handle(
            SubmitJob(
                principal=who(by),
                job_id=job_id,
                spec=JobSpec(
                    program_id=ProgramId("sampler"),
                    backend=BackendName(backend),
                    session_id=None if session is None else SessionId(session),
                    **spec,
                ),
                params=Payload("sha256:0", 1),
                key=f"key-of-{job_id}",
                content="",
            )
        )
        return job_id

    def finish(
        self,
        job: str,
        seconds: float = 0.0,
        status: ExecutionStatus = ExecutionStatus.COMPLETED,
        **outcome: Any,
    ) -> Step:
        return self.handle(
            FinishExecution(job_id=JobId(job), status=status, quantum_seconds=seconds, **outcome)
        )

    def drain(self, session: str, *, by: str = "i") -> Step:
        return self.handle(DrainSession(principal=who(by), session_id=SessionId(session)))

    def cancel_session(self, session: str, *, by: str = "i") -> Step:
        return self.handle(CancelSession(principal=who(by), session_id=SessionId(session)))

    def cancel(self, job: str, *, by: str = "i") -> Step:
        return self.handle(CancelJob(principal=who(by), job_id=JobId(job)))

    def delete(self, job: str, *, by: str = "i") -> Step:
        return self.handle(DeleteJob(principal=who(by), job_id=JobId(job)))

    def tag(self, job: str, *tags: str, by: str = "i") -> Step:
        return self.handle(SetTags(principal=who(by), job_id=JobId(job), tags=tags))

    def take_result(self, job: str, *, by: str = "i") -> Step:
        return self.handle(TakeResult(principal=who(by), job_id=JobId(job)))

    def set_status(self, backend: str, status: BackendStatus) -> Step:
        return self.handle(SetDeviceStatus(name=BackendName(backend), status=status))

    # --- what has become of it ---

    def all(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def session(self, id: str) -> SessionState:
        state = SessionState.OPEN
        for fact in self.all(SessionAdvanced):
            state = fact.state if fact.session_id == id else state
        return state

    def reason(self, session: str) -> str | None:
        given = [f.reason for f in self.all(SessionAdvanced) if f.session_id == session]
        return next((reason for reason in reversed(given) if reason), None)

    def steps(self, session: str) -> list[tuple[float, str]]:
        """When the session entered which state."""
        return [
            ((fact.at - BEGINNING).total_seconds(), fact.state.value)
            for fact in self.all(SessionAdvanced)
            if fact.session_id == session and fact.reason
        ]

    def job(self, id: str) -> JobState:
        ended = [fact.state for fact in self.all(JobEnded) if fact.job_id == id]
        if ended:
            return ended[0]
        started = any(fact.job_id == id for fact in self.all(JobStarted))
        return JobState.RUNNING if started else JobState.QUEUED

    def ending(self, job: str) -> JobEnded:
        (fact,) = (fact for fact in self.all(JobEnded) if fact.job_id == job)
        return fact

    def when_ended(self, job: str) -> float:
        return (self.ending(job).at - BEGINNING).total_seconds()

    def running(self) -> list[JobId]:
        """Running jobs in the order in which they started."""
        ended = {fact.job_id for fact in self.all(JobEnded)}
        return [fact.job_id for fact in self.all(JobStarted) if fact.job_id not in ended]

    def charged(self, session: str) -> float:
        return sum(f.seconds for f in self.all(SessionCharged) if f.session_id == session)

    def used(self, instance: str = "i") -> float:
        return sum(f.seconds for f in self.all(InstanceCharged) if f.instance == instance)


def who(instance: str) -> Principal:
    return Principal(user="u", instance=InstanceId(instance))


@pytest.fixture
def story() -> Story:
    """One device ``a`` and the default settings."""
    return Story()


@pytest.fixture
def tell() -> Callable[..., Story]:
    """Return what makes a story: devices and settings."""
    return Story
