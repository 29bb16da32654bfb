"""What may be done next in a history."""

from collections.abc import Iterator
from typing import Final

from swqr_core.engine.inputs import (
    CancelJob,
    CancelSession,
    DrainSession,
    FinishExecution,
    OpenSession,
    SetDeviceStatus,
    SubmitJob,
)
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.testing.model import ModelCloud, ModelJob, ModelSession

from .world import BACKEND, WHO, Step, World

__all__ = ["steps"]

_SECONDS: Final = 30.0
"""What a job needs: less than the interactive TTL, so that a session can outlast a job."""


def steps(world: World, most_sessions: int, most_jobs: int) -> Iterator[Step]:
    """Yield everything that may be done, with at most so many sessions and jobs in all."""
    model = world.model
    yield Step("wait", None, _wait)
    online = not model.offline
    status = BackendStatus.OFFLINE if online else BackendStatus.ONLINE
    yield Step(
        f"the backend goes {status}",
        SetDeviceStatus(name=BACKEND, status=status),
        lambda m: m.set_online(BACKEND, online=not online),
    )
    if world.sessions < most_sessions:
        yield from (_opening(world, mode) for mode in SessionMode)
    if world.jobs < most_jobs:
        yield _submission(world, None)
        yield from (_submission(world, session) for session in model.sessions)
    for session in model.sessions:
        yield from _endings(session)
    for job in model.jobs:
        yield from _decisions(job)


def _wait(model: ModelCloud) -> None:
    due = model.next_due()
    model.advance_to(model.now if due is None else due)


def _opening(world: World, mode: SessionMode) -> Step:
    session_id = f"s{world.sessions + 1}"
    return Step(
        f"open {mode} {session_id}",
        OpenSession(
            principal=WHO,
            session_id=SessionId(session_id),
            spec=SessionSpec(backend=BACKEND, mode=mode),
            key=session_id,
            content="",
        ),
        lambda model: model.open(
            instance="i", backend=BACKEND, dedicated=mode is SessionMode.DEDICATED
        ),
    )


def _submission(world: World, session: ModelSession | None) -> Step:
    job_id = f"j{world.jobs + 1}"
    number = None if session is None else session.number
    spec = JobSpec(
        program_id=ProgramId("sampler"),
        backend=BACKEND,
        session_id=None if number is None else SessionId(f"s{number}"),
    )
    allowed = session is None or session.accepts_jobs

    def tell(model: ModelCloud) -> object:
        mine = None if number is None else model.sessions[number - 1]
        return model.submit(instance="i", backend=BACKEND, session=mine)

    return Step(
        f"submit {job_id}" + ("" if number is None else f" to s{number}"),
        SubmitJob(
            principal=WHO,
            job_id=JobId(job_id),
            spec=spec,
            params=Payload("sha256:0", 1),
            key=job_id,
            content="",
        ),
        tell if allowed else None,
    )


def _endings(session: ModelSession) -> Iterator[Step]:
    number = session.number
    session_id = SessionId(f"s{number}")
    yield Step(
        f"drain s{number}",
        DrainSession(principal=WHO, session_id=session_id),
        lambda model: model.drain(model.sessions[number - 1]),
    )
    yield Step(
        f"cancel s{number}",
        CancelSession(principal=WHO, session_id=session_id),
        lambda model: model.cancel_session(model.sessions[number - 1]),
    )


def _decisions(job: ModelJob) -> Iterator[Step]:
    number = job.number
    job_id = JobId(f"j{number}")
    yield Step(
        f"cancel j{number}",
        CancelJob(principal=WHO, job_id=job_id),
        None if job.is_over else lambda model: model.cancel_job(model.jobs[number - 1]),
    )
    if job.state == "running" and job.plan is None:
        done, failed = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
        yield Step(
            f"j{number} completes",
            FinishExecution(job_id=job_id, status=done, quantum_seconds=_SECONDS),
            lambda model: model.decide(model.jobs[number - 1], "completed", _SECONDS),
        )
        yield Step(
            f"j{number} fails",
            FinishExecution(job_id=job_id, status=failed, reason_code=1517),
            lambda model: model.decide(model.jobs[number - 1], "failed", 0.0, 1517),
        )
