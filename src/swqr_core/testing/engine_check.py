"""Checks the lifecycle tables exhaustively, and the engine for all histories up to a bound.

``python -m swqr_core.testing.engine_check --bound N`` tries every sequence of at most N inputs on
a cloud of one backend, two sessions and three jobs: opening, submitting, ending, cancelling,
draining, taking the backend out of service, and waiting for whatever happens by itself. After each
input the engine's view, and all that will happen by itself, are compared with the model of
``swqr_core.testing.model``. Histories that lead to the same state are followed once, whatever
their sessions and jobs are called.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from swqr_core.engine.engine import Engine
from swqr_core.engine.inputs import (
    AddDevice,
    CancelJob,
    CancelSession,
    DrainSession,
    FinishExecution,
    Input,
    OpenSession,
    SetDeviceStatus,
    SubmitJob,
)
from swqr_core.engine.settings import Device, EngineSettings, Pace
from swqr_core.engine.view import View
from swqr_core.errors import IllegalTransitionError, SwqrError
from swqr_core.lifecycle import job as job_table
from swqr_core.lifecycle import session as session_table
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus

from .model import ModelCloud, ModelJob, ModelSession, Rules
from .states import Packed, essence, pack, unpack

__all__ = ["Found", "Tables", "check_engine", "check_tables", "main"]

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)

_BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
_BACKEND: Final = BackendName("a")
_WHO: Final = Principal()
_SECONDS: Final = 30.0
"""What a job needs: less than the interactive TTL, so that a session can outlast a job."""


# --- the tables --------------------------------------------------------------------------------


@frozen(kw_only=True)
class Tables:
    """What was checked of the lifecycle tables.

    Attributes:
        rows: Pairs of a state and an event that have a row.
        refusals: Pairs that have none, and are refused.
    """

    rows: int
    refusals: int


def check_tables() -> Tables:
    """Check every pair of a state and an event, of sessions and of jobs.

    Raises:
        AssertionError: A pair is neither a row nor refused, a state cannot be reached or left, or
            something leads out of an end.
    """
    sessions = _check_table(
        session_table.TRANSITIONS,
        lambda state, event: session_table.advance(state, event, session_id="s"),
        SessionState,
        session_table.SessionEvent,
        ends={SessionState.CLOSED},
    )
    jobs = _check_table(
        job_table.TRANSITIONS,
        lambda state, event: job_table.advance(state, event, job_id="j"),
        JobState,
        job_table.JobEvent,
        ends={state for state in JobState if state.ended},
    )
    assert set(session_table.REASONS) == set(session_table.SessionEvent)
    return Tables(rows=sessions.rows + jobs.rows, refusals=sessions.refusals + jobs.refusals)


def _check_table(
    transitions: Mapping[tuple[S, E], S],
    advance: Callable[[S, E], S],
    states: type[S],
    events: type[E],
    *,
    ends: set[S],
) -> Tables:
    for state in states:
        for event in events:
            row = transitions.get((state, event))
            try:
                following: S | None = advance(state, event)
            except IllegalTransitionError:
                following = None
            assert following is row, f"{state}, {event}: {following} instead of {row}"
    reached = _reachable(transitions, next(iter(states)))
    assert reached == set(states), f"never entered: {set(states) - reached}"
    for state in states:
        after = _reachable(transitions, state)
        assert after & ends, f"nothing leads from {state} to an end"
        assert state not in ends or after == {state}, f"{state} is an end, and is left"
    pairs = len(states) * len(events)
    return Tables(rows=len(transitions), refusals=pairs - len(transitions))


def _reachable(transitions: Mapping[tuple[S, Any], S], state: S) -> set[S]:
    reached, left = {state}, [state]
    while left:
        here = left.pop()
        for (source, _), target in transitions.items():
            if source is here and target not in reached:
                reached.add(target)
                left.append(target)
    return reached


# --- the engine --------------------------------------------------------------------------------


@frozen(kw_only=True)
class Found:
    """What a search through the histories of the engine has met.

    Attributes:
        bound: The most inputs in a history.
        states: How many different states were visited.
        inputs: How many inputs were tried, refused ones among them.
        refused: How many of them were refused, and left no trace.
        complete: Whether no history leads to any further state, however long it is.
    """

    bound: int
    states: int
    inputs: int
    refused: int
    complete: bool


@define(eq=False)
class _World:
    """The engine, its view and the model, at one moment of one history."""

    engine: Engine
    view: View
    model: ModelCloud
    sessions: int = 0
    jobs: int = 0
    story: tuple[str, ...] = ()
    _ends: dict[str, tuple[object, ...]] = field(factory=dict)

    @property
    def at(self) -> datetime:
        return _BEGINNING + timedelta(microseconds=self.model.now)


@frozen
class _Step:
    """One thing that may be done: to the engine, and to the model.

    Attributes:
        name: What to call it.
        input: What goes into the engine; None lets time pass.
        tell: What the model is told; None if the engine must refuse.
    """

    name: str
    input: Input | None
    tell: Callable[[ModelCloud], object] | None


def check_engine(bound: int, *, sessions: int = 2, jobs: int = 3) -> Found:
    """Try every history of at most *bound* inputs on one backend.

    Args:
        bound: The most inputs in a history.
        sessions: The most sessions in a history; each may be a dedicated one or a batch.
        jobs: The most jobs in a history.

    Raises:
        AssertionError: The engine and the model disagree, a refused input has left a trace, or
            what was closed or had ended has changed; the message tells the history.
    """
    first = _begin()
    seen = {essence(first.engine, first.at)}
    frontier = [pack(first)]
    inputs = refused = 0
    for _ in range(bound):
        following: list[Packed] = []
        for packed in frontier:
            here: _World = unpack(packed)
            for step in list(_steps(here, sessions, jobs)):
                inputs += 1
                if step.tell is None:
                    _must_refuse(here, step)
                    refused += 1
                    continue
                world: _World = unpack(packed)
                _take(world, step)
                found = essence(world.engine, world.at)
                if found not in seen:
                    seen.add(found)
                    following.append(pack(world))
        frontier = following
        if not frontier:
            break
    return Found(
        bound=bound, states=len(seen), inputs=inputs, refused=refused, complete=not frontier
    )


def _begin() -> _World:
    world = _World(Engine(EngineSettings(pace=Pace.REAL)), View(), ModelCloud(Rules()))
    device = Device(name=_BACKEND, session_lanes=2)
    world.model.rules = Rules(session_lanes=2)
    for fact in world.engine.handle(AddDevice(device=device), world.at).facts:
        world.view.apply(fact)
    return world


def _steps(world: _World, most_sessions: int, most_jobs: int) -> Iterator[_Step]:
    model = world.model
    yield _Step("wait", None, _wait)
    online = not model.offline
    status = BackendStatus.OFFLINE if online else BackendStatus.ONLINE
    yield _Step(
        f"the backend goes {status}",
        SetDeviceStatus(name=_BACKEND, status=status),
        lambda m: m.set_online(_BACKEND, online=not online),
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


def _opening(world: _World, mode: SessionMode) -> _Step:
    session_id = f"s{world.sessions + 1}"
    return _Step(
        f"open {mode} {session_id}",
        OpenSession(
            principal=_WHO,
            session_id=SessionId(session_id),
            spec=SessionSpec(backend=_BACKEND, mode=mode),
            key=session_id,
            content="",
        ),
        lambda model: model.open(
            instance="i", backend=_BACKEND, dedicated=mode is SessionMode.DEDICATED
        ),
    )


def _submission(world: _World, session: ModelSession | None) -> _Step:
    job_id = f"j{world.jobs + 1}"
    number = None if session is None else session.number
    spec = JobSpec(
        program_id=ProgramId("sampler"),
        backend=_BACKEND,
        session_id=None if number is None else SessionId(f"s{number}"),
    )
    allowed = session is None or session.accepts_jobs

    def tell(model: ModelCloud) -> object:
        mine = None if number is None else model.sessions[number - 1]
        return model.submit(instance="i", backend=_BACKEND, session=mine)

    return _Step(
        f"submit {job_id}" + ("" if number is None else f" to s{number}"),
        SubmitJob(
            principal=_WHO,
            job_id=JobId(job_id),
            spec=spec,
            params=Payload("sha256:0", 1),
            key=job_id,
            content="",
        ),
        tell if allowed else None,
    )


def _endings(session: ModelSession) -> Iterator[_Step]:
    number = session.number
    session_id = SessionId(f"s{number}")
    yield _Step(
        f"drain s{number}",
        DrainSession(principal=_WHO, session_id=session_id),
        lambda model: model.drain(model.sessions[number - 1]),
    )
    yield _Step(
        f"cancel s{number}",
        CancelSession(principal=_WHO, session_id=session_id),
        lambda model: model.cancel_session(model.sessions[number - 1]),
    )


def _decisions(job: ModelJob) -> Iterator[_Step]:
    number = job.number
    job_id = JobId(f"j{number}")
    yield _Step(
        f"cancel j{number}",
        CancelJob(principal=_WHO, job_id=job_id),
        None if job.is_over else lambda model: model.cancel_job(model.jobs[number - 1]),
    )
    if job.state == "running" and job.plan is None:
        done, failed = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
        yield _Step(
            f"j{number} completes",
            FinishExecution(job_id=job_id, status=done, quantum_seconds=_SECONDS),
            lambda model: model.decide(model.jobs[number - 1], "completed", _SECONDS),
        )
        yield _Step(
            f"j{number} fails",
            FinishExecution(job_id=job_id, status=failed, reason_code=1517),
            lambda model: model.decide(model.jobs[number - 1], "failed", 0.0, 1517),
        )


def _must_refuse(world: _World, step: _Step) -> None:
    before = world.engine.picture()
    try:
        world.engine.advance_to(world.at)
        if step.input is not None:
            world.engine.handle(step.input, world.at)
    except SwqrError:
        _agree(world, world.engine.picture() == before, f"{step.name}: refused with a trace")
    else:
        _agree(world, right=False, problem=f"{step.name}: not refused")


def _take(world: _World, step: _Step) -> None:
    world.story += (f"{world.model.now / 1e6:g} s: {step.name}",)
    assert step.tell is not None
    step.tell(world.model)
    world.sessions, world.jobs = len(world.model.sessions), len(world.model.jobs)
    due = world.engine.advance_to(world.at)
    facts = list(due.facts)
    if step.input is not None:
        facts += world.engine.handle(step.input, world.at).facts
    for fact in facts:
        world.view.apply(fact)
    _compare(world)


def _compare(world: _World) -> None:
    view, model = world.view, world.model
    for job in model.jobs:
        shown = view.job(_WHO, f"j{job.number}")
        told = (
            shown.state.value,
            _moment(shown.running_at),
            _moment(shown.ended_at),
            shown.usage.quantum_seconds,
            shown.reason_code,
        )
        right = (job.state, job.started, job.ended, job.used / 1e6, job.code)
        _agree(world, told == right, f"j{job.number}: {told} instead of {right}")
        _stays(world, shown.id, shown.state.ended, told)
    for session in model.sessions:
        seen = view.session(_WHO, f"s{session.number}", world.at)
        told_of_it = (
            seen.state.value,
            _moment(seen.started_at),
            _moment(seen.activated_at),
            _moment(seen.closed_at),
            seen.active_ttl,
            seen.usage_seconds,
            [(step.state.value, _moment(step.at)) for step in seen.steps],
        )
        right_of_it = (
            session.state,
            session.started,
            session.activated,
            session.closed,
            model.active_ttl_left(session) // 1_000_000,
            session.usage / 1e6 if session.settled else None,
            session.story,
        )
        name = f"s{session.number}"
        _agree(world, told_of_it == right_of_it, f"{name}: {told_of_it} instead of {right_of_it}")
        _stays(world, seen.id, seen.state is SessionState.CLOSED, (seen.state, seen.closed_at))
    used = world.engine.used_seconds(_WHO.instance)
    charged = model.used.get("i", 0) / 1e6
    _agree(world, used == charged, f"{used} s charged instead of {charged} s")
    due, right_due = {_moment(at) for at, _, _ in world.engine.cloud.deadlines}, model.limits()
    _agree(world, due == set(right_due), f"due at {due} instead of {right_due}")
    _alone(world)


def _alone(world: _World) -> None:
    """See that whatever runs beside a session's job is of the same session."""
    running = [job for job in world.model.jobs if job.state == "running"]
    owners = {None if job.session is None else job.session.number for job in running}
    shown = [world.view.job(_WHO, f"j{job.number}") for job in running]
    _agree(world, all(job.state is JobState.RUNNING for job in shown), "something runs unseen")
    _agree(world, len(owners) < 2, f"sessions {owners} share the backend")  # noqa: PLR2004


def _stays(world: _World, name: str, is_over: bool, end: tuple[object, ...]) -> None:  # noqa: FBT001
    if is_over:
        first = world._ends.setdefault(name, end)  # noqa: SLF001 - ours
        _agree(world, first == end, f"{name} was {first}, and is {end}")


def _agree(world: _World, right: bool, problem: str) -> None:  # noqa: FBT001
    if not right:
        raise AssertionError("\n".join([problem, *world.story]))


def _moment(at: datetime | None) -> int | None:
    return None if at is None else (at - _BEGINNING) // timedelta(microseconds=1)


# --- the command -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the tables and the engine, and say how much was seen."""
    parser = argparse.ArgumentParser(prog="python -m swqr_core.testing.engine_check")
    parser.add_argument("--bound", type=int, default=5, help="the most inputs in a history")
    parser.add_argument("--sessions", type=int, default=2, help="the most sessions in a history")
    parser.add_argument("--jobs", type=int, default=3, help="the most jobs in a history")
    chosen = parser.parse_args(arguments)
    tables = check_tables()
    say = sys.stdout.write
    say(f"tables: {tables.rows} transitions and {tables.refusals} refusals are as they should be\n")
    found = check_engine(chosen.bound, sessions=chosen.sessions, jobs=chosen.jobs)
    extent = "no history leads further" if found.complete else f"up to {found.bound} inputs"
    say(
        f"engine: {found.states} states visited, {found.inputs} inputs tried, {found.refused} "
        f"refused without a trace; {extent}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
