"""Programs and what they publish, by the engine's rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import InterimPublished, JobAccepted, JobPinned, ProgramChanged
from swqr_core.engine.inputs import (
    AddDevice,
    AddProgram,
    CancelJob,
    DeleteProgram,
    FinishExecution,
    PublishInterim,
    PublishProgram,
    ReplaceProgram,
    SubmitJob,
    UpdateProgram,
)
from swqr_core.engine.records import decode_record, encode_record
from swqr_core.engine.settings import Device, EngineSettings, Plan
from swqr_core.errors import (
    AccessDeniedError,
    IdempotencyConflictError,
    InvalidInputError,
    LimitExceededError,
    ProgramNotFoundError,
)
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import ProgramSpec, ProgramUpdate
from swqr_core.ports.executor import ExecutionStatus

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
ADA = Principal(user="ada", instance=InstanceId("one"))
NEIGHBOUR = Principal(user="bob", instance=InstanceId("one"))
ELSEWHERE = Principal(user="ada", instance=InstanceId("two"))
OLD, NEW = Payload.of(b"old"), Payload.of(b"new")
SPEC = ProgramSpec(name="p", cost=100, parameters={"type": "object"})
PROGRAM = ProgramId("p-1")


@pytest.fixture
def engine() -> Engine:
    made = Engine(EngineSettings(default_plan=Plan(job_seconds=300)))
    made.handle(AddDevice(device=Device(name=BackendName("d"))), AT)
    made.handle(add(), AT)
    return made


def add(**changes: Any) -> AddProgram:
    given = {"principal": ADA, "program_id": PROGRAM, "spec": SPEC, "source": OLD}
    return AddProgram(**{**given, "key": "k", "content": "c", **changes})


def submit(who: Principal = ADA, number: int = 1, **spec: Any) -> SubmitJob:
    return SubmitJob(
        principal=who,
        job_id=JobId(f"j{number}"),
        spec=JobSpec(program_id=PROGRAM, backend=BackendName("d"), **spec),
        params=Payload.of(b"{}"),
        key=f"k{number}",
        content="c",
    )


def test_a_repeated_upload_is_the_first_one(engine: Engine) -> None:
    step = engine.handle(add(program_id=ProgramId("p-2")), AT)

    assert (step.facts, step.subject) == ((), PROGRAM)
    with pytest.raises(IdempotencyConflictError):
        engine.handle(add(program_id=ProgramId("p-2"), content="other"), AT)
    with pytest.raises(InvalidInputError, match="in use"):
        engine.handle(add(key="another"), AT)


def test_a_user_keeps_no_more_programs_than_the_plan_allows() -> None:
    engine = Engine(EngineSettings(default_plan=Plan(programs=1)))
    more = {"program_id": ProgramId("p-2"), "key": "another"}
    engine.handle(add(), AT)
    engine.handle(add(), AT)  # the same upload again
    with pytest.raises(
        LimitExceededError, match="the number of your programs is at its limit of 1"
    ):
        engine.handle(add(**more), AT)
    engine.handle(add(principal=NEIGHBOUR, program_id=ProgramId("p-3"), key="theirs"), AT)

    engine.handle(DeleteProgram(principal=ADA, program_id=PROGRAM), AT)
    engine.handle(add(**more), AT)


@pytest.mark.parametrize("who", [NEIGHBOUR, ELSEWHERE])
def test_a_private_program_is_one_principal_s_alone(engine: Engine, who: Principal) -> None:
    about = {"principal": who, "program_id": PROGRAM}
    for input in (
        UpdateProgram(**about, update=ProgramUpdate(cost=1)),  # type: ignore[arg-type]
        ReplaceProgram(**about, source=NEW),  # type: ignore[arg-type]
        PublishProgram(**about, public=True),  # type: ignore[arg-type]
        DeleteProgram(**about),  # type: ignore[arg-type]
        submit(who),
    ):
        before = engine.picture()
        with pytest.raises(ProgramNotFoundError):
            engine.handle(input, AT)
        assert engine.picture() == before


def test_a_public_program_is_run_by_all_and_changed_by_its_owner(engine: Engine) -> None:
    engine.handle(PublishProgram(principal=ADA, program_id=PROGRAM, public=True), AT)

    engine.handle(submit(ELSEWHERE), AT)

    with pytest.raises(AccessDeniedError, match="publish program 'p-1'"):
        engine.handle(PublishProgram(principal=NEIGHBOUR, program_id=PROGRAM, public=False), AT)


def test_what_changes_nothing_leaves_no_fact(engine: Engine) -> None:
    about: Any = {"principal": ADA, "program_id": PROGRAM}

    for input in (
        UpdateProgram(**about, update=ProgramUpdate(name="p")),
        ReplaceProgram(**about, source=OLD),
        PublishProgram(**about, public=False),
    ):
        assert engine.handle(input, AT).facts == ()
    (fact,) = engine.handle(ReplaceProgram(**about, source=NEW), AT).facts
    assert isinstance(fact, ProgramChanged)
    assert (fact.spec, fact.source) == (SPEC, NEW)


@pytest.mark.parametrize(("asked", "limit"), [(None, 100), (40, 40), (200, 100)])
def test_the_cost_is_the_longest_time_that_a_job_may_take(
    engine: Engine, asked: int | None, limit: int
) -> None:
    facts = engine.handle(submit(max_execution_time=asked), AT).facts

    (accepted,) = (fact for fact in facts if isinstance(fact, JobAccepted))
    assert accepted.time_limit == limit


def test_a_job_is_pinned_to_the_program_as_it_was(engine: Engine) -> None:
    facts = engine.handle(submit(), AT).facts

    (pinned,) = (fact for fact in facts if isinstance(fact, JobPinned))
    assert (pinned.spec, pinned.source) == (SPEC, OLD)


def test_only_a_job_that_runs_publishes(engine: Engine) -> None:
    engine.handle(submit(), AT)
    engine.handle(submit(number=2), AT)
    publish = PublishInterim(job_id=JobId("j1"), results=(OLD, NEW))

    (fact,) = engine.handle(publish, AT).facts
    assert isinstance(fact, InterimPublished)
    assert fact.results == (OLD, NEW)
    assert engine.handle(evolve(publish, job_id=JobId("j2")), AT).facts == ()  # queued
    engine.handle(CancelJob(principal=ADA, job_id=JobId("j1")), AT)
    assert engine.handle(publish, AT).facts == ()  # cancelled
    assert engine.handle(evolve(publish, job_id=JobId("none")), AT).facts == ()


def test_the_log_gives_back_what_the_rules_had_made(engine: Engine) -> None:
    """The facts alone rebuild the engine, and the inputs alone give the same facts."""
    done = FinishExecution(job_id=JobId("j1"), status=ExecutionStatus.COMPLETED)
    inputs: list[Any] = [
        AddDevice(device=Device(name=BackendName("d"))),
        add(),
        UpdateProgram(principal=ADA, program_id=PROGRAM, update=ProgramUpdate(tags=("a",))),
        submit(),
        PublishInterim(job_id=JobId("j1"), results=(NEW,)),
        ReplaceProgram(principal=ADA, program_id=PROGRAM, source=NEW),
        done,
        DeleteProgram(principal=ADA, program_id=PROGRAM),
    ]
    first, again, recovered = (Engine(engine.settings) for _ in range(3))
    for number, input in enumerate(inputs):
        at = AT + timedelta(seconds=number)
        step = first.handle(input, at)
        read, when, facts = decode_record(encode_record(input, at, step.facts))
        assert read is not None
        assert again.handle(read, when).facts == facts == step.facts
        for fact in facts:
            recovered.apply(fact)

    assert recovered.picture() == first.picture() == again.picture()
