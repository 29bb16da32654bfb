"""The engine, its view and the model side by side, and how they are compared."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from swqr_core.engine.engine import Engine
from swqr_core.engine.inputs import AddDevice, Input
from swqr_core.engine.settings import Device, EngineSettings, Pace
from swqr_core.engine.view import View
from swqr_core.errors import SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName
from swqr_core.model.principal import Principal
from swqr_core.testing.model import ModelCloud, Rules

__all__ = ["BACKEND", "WHO", "Step", "World", "begin", "must_refuse", "take"]

_BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
BACKEND: Final = BackendName("a")
WHO: Final = Principal()


@define(eq=False)
class World:
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
        """The present moment."""
        return _BEGINNING + timedelta(microseconds=self.model.now)


@frozen
class Step:
    """One thing that may be done: to the engine, and to the model.

    Attributes:
        name: What to call it.
        input: What goes into the engine; None lets time pass.
        tell: What the model is told; None if the engine must refuse.
    """

    name: str
    input: Input | None
    tell: Callable[[ModelCloud], object] | None


def begin() -> World:
    """Return a cloud of one backend, on which nothing has happened."""
    world = World(Engine(EngineSettings(pace=Pace.REAL)), View(), ModelCloud(Rules()))
    device = Device(name=BACKEND, session_lanes=2)
    world.model.rules = Rules(session_lanes=2)
    for fact in world.engine.handle(AddDevice(device=device), world.at).facts:
        world.view.apply(fact)
    return world


def must_refuse(world: World, step: Step) -> None:
    """See that the engine refuses something, and that no trace of it stays."""
    before = world.engine.picture()
    try:
        world.engine.advance_to(world.at)
        if step.input is not None:
            world.engine.handle(step.input, world.at)
    except SwqrError:
        _agree(world, world.engine.picture() == before, f"{step.name}: refused with a trace")
    else:
        _agree(world, right=False, problem=f"{step.name}: not refused")


def take(world: World, step: Step) -> None:
    """Do something to engine and model, and compare them."""
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


def _compare(world: World) -> None:
    view, model = world.view, world.model
    for job in model.jobs:
        shown = view.job(WHO, f"j{job.number}")
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
        seen = view.session(WHO, f"s{session.number}", world.at)
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
    used = world.engine.used_seconds(WHO.instance)
    charged = model.used.get("i", 0) / 1e6
    _agree(world, used == charged, f"{used} s charged instead of {charged} s")
    due, right_due = {_moment(at) for at, _, _ in world.engine.cloud.deadlines}, model.limits()
    _agree(world, due == set(right_due), f"due at {due} instead of {right_due}")
    _alone(world)


def _alone(world: World) -> None:
    """See that whatever runs beside a session's job is of the same session."""
    running = [job for job in world.model.jobs if job.state == "running"]
    owners = {None if job.session is None else job.session.number for job in running}
    shown = [world.view.job(WHO, f"j{job.number}") for job in running]
    _agree(world, all(job.state is JobState.RUNNING for job in shown), "something runs unseen")
    _agree(world, len(owners) < 2, f"sessions {owners} share the backend")  # noqa: PLR2004


def _stays(world: World, name: str, is_over: bool, end: tuple[object, ...]) -> None:  # noqa: FBT001
    if is_over:
        first = world._ends.setdefault(name, end)  # noqa: SLF001 - ours
        _agree(world, first == end, f"{name} was {first}, and is {end}")


def _agree(world: World, right: bool, problem: str) -> None:  # noqa: FBT001
    if not right:
        raise AssertionError("\n".join([problem, *world.story]))


def _moment(at: datetime | None) -> int | None:
    return None if at is None else (at - _BEGINNING) // timedelta(microseconds=1)
