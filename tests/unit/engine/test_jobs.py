"""The life of a job, one behaviour each."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from swqr_core.engine.facts import JobExecuted, StartExecution, StopExecution
from swqr_core.engine.settings import Device, Pace, Plan
from swqr_core.errors import (
    BackendNotFoundError,
    IllegalTransitionError,
    InvalidInputError,
    JobEndedError,
    JobNotEndedError,
    JobNotFoundError,
    LimitExceededError,
)
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName
from swqr_core.model.payload import Payload
from swqr_core.ports.executor import ExecutionStatus

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Story

RESULT, LOGS = Payload("sha256:1", 10), Payload("sha256:2", 20)
FAILED, TIMED_OUT = ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT


def test_a_job_that_completes_has_its_result_logs_and_metrics(story: "Story") -> None:
    job = story.submit()
    story.at(4).finish(job, 2.5, result=RESULT, logs=LOGS, metrics={"num_qubits": 5})

    ending = story.ending(job)
    assert (ending.event, ending.state) == (JobEvent.COMPLETE, JobState.COMPLETED)
    assert (ending.quantum_seconds, story.when_ended(job)) == (2.5, 4)
    assert (ending.result, ending.logs, ending.metrics) == (RESULT, LOGS, {"num_qubits": 5})


def test_a_job_that_fails_says_why(story: "Story") -> None:
    job = story.submit()
    story.finish(job, 1, FAILED, reason="bad", reason_code=1517, reason_solution="transpile")

    ending = story.ending(job)
    assert ending.state is JobState.FAILED
    assert (ending.reason, ending.reason_code) == ("bad", 1517)
    assert ending.reason_solution == "transpile"
    assert ending.quantum_seconds == 1


@pytest.mark.parametrize("code", [1000, 9999])
def test_a_job_that_the_platform_failed_costs_nothing(story: "Story", code: int) -> None:
    job = story.submit()
    story.finish(job, 5, FAILED, reason="worker died", reason_code=code)

    assert story.ending(job).quantum_seconds == 0
    assert story.used() == 0


def test_a_job_that_never_reached_the_device_does_not_keep_it(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(Device(name=BackendName("a"), job_seconds=10))
    job = story.submit()
    story.at(1).finish(job, 0, FAILED, reason="cannot be parsed", reason_code=1506)

    assert (story.when_ended(job), story.ending(job).quantum_seconds) == (1, 0)


def test_a_job_over_its_limit_times_out_and_costs_the_limit(story: "Story") -> None:
    job = story.submit(max_execution_time=5)
    story.finish(job, 6, result=RESULT)

    ending = story.ending(job)
    assert (ending.state, ending.reason_code) == (JobState.TIMED_OUT, 1305)
    assert "5 seconds" in (ending.reason or "")
    assert ending.reason_solution
    assert (ending.quantum_seconds, ending.result) == (5, None)


def test_a_job_at_its_limit_completes(story: "Story") -> None:
    job = story.submit(max_execution_time=5)
    story.finish(job, 5)

    assert story.job(job) is JobState.COMPLETED


def test_at_real_pace_a_job_times_out_at_its_limit(tell: Callable[..., "Story"]) -> None:
    story = tell(pace=Pace.REAL)
    job = story.submit(max_execution_time=5)
    story.at(1).finish(job, 60)
    story.at(100)

    assert (story.job(job), story.when_ended(job)) == (JobState.TIMED_OUT, 5)


def test_the_limit_is_the_plans_unless_the_job_asks_for_less(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(job_seconds=10))
    jobs = [story.submit(), story.submit(max_execution_time=3), story.submit(max_execution_time=99)]
    for job in jobs:
        story.finish(job, 1000)

    assert [story.ending(job).quantum_seconds for job in jobs] == [10, 3, 10]


def test_an_execution_that_was_stopped_times_out_with_its_own_reason(story: "Story") -> None:
    job = story.submit()
    story.finish(job, 0, TIMED_OUT, reason="took more than 60 s of wall time")

    ending = story.ending(job)
    assert (ending.state, ending.reason_code) == (JobState.TIMED_OUT, 1305)
    assert ending.reason == "took more than 60 s of wall time"


def test_a_timeout_always_has_a_reason(story: "Story") -> None:
    job = story.submit()
    story.finish(job, 0, TIMED_OUT)

    assert story.ending(job).reason


def test_a_queued_job_can_be_cancelled(story: "Story") -> None:
    story.submit()
    job = story.submit()
    story.cancel(job)

    ending = story.ending(job)
    assert (ending.state, ending.reason, ending.reason_code) == (JobState.CANCELLED, None, None)
    assert StopExecution(job) not in story.effects


def test_a_running_job_can_be_cancelled(story: "Story") -> None:
    job = story.submit()
    story.at(5).cancel(job)

    assert (story.job(job), story.ending(job).quantum_seconds) == (JobState.CANCELLED, 0)
    assert story.effects == [StartExecution(job), StopExecution(job)]


def test_at_real_pace_a_cancelled_job_costs_what_it_has_used(tell: Callable[..., "Story"]) -> None:
    story = tell(pace=Pace.REAL)
    job = story.submit()
    story.at(5).cancel(job)

    assert story.ending(job).quantum_seconds == 5


def test_a_job_that_only_keeps_its_device_can_be_cancelled(tell: Callable[..., "Story"]) -> None:
    story = tell(pace=Pace.REAL)
    job = story.submit()
    story.finish(job, 100)
    story.at(40).cancel(job)

    assert (story.job(job), story.ending(job).quantum_seconds) == (JobState.CANCELLED, 40)
    assert StopExecution(job) not in story.effects
    assert story.next_deadline() is None


def test_a_late_outcome_is_ignored(story: "Story") -> None:
    job = story.submit()
    story.cancel(job)

    step = story.finish(job, 5)

    assert (step.facts, step.effects) == ((), ())


def test_a_second_outcome_is_ignored(tell: Callable[..., "Story"]) -> None:
    story = tell(pace=Pace.REAL)
    job = story.submit()
    story.finish(job, 100)

    step = story.finish(job, 5)

    assert step.facts == ()
    assert len(story.all(JobExecuted)) == 1


def test_an_outcome_of_a_job_that_has_not_started_is_refused(story: "Story") -> None:
    story.submit()
    queued = story.submit()

    with pytest.raises(IllegalTransitionError):
        story.finish(queued)


def test_an_ended_job_cannot_be_cancelled(story: "Story") -> None:
    job = story.submit()
    story.finish(job)

    with pytest.raises(JobEndedError) as refusal:
        story.cancel(job)

    assert refusal.value.state == "completed"


@pytest.mark.parametrize("queued", [True, False])
def test_a_job_that_has_not_ended_cannot_be_deleted(story: "Story", *, queued: bool) -> None:
    if queued:
        story.set_status("a", BackendStatus.OFFLINE)
    job = story.submit()

    with pytest.raises(JobNotEndedError):
        story.delete(job)


def test_a_deleted_job_is_not_found(story: "Story") -> None:
    job = story.submit()
    story.finish(job)
    story.delete(job)

    with pytest.raises(JobNotFoundError):
        story.cancel(job)


@pytest.mark.parametrize("finish", [True, False])
def test_tags_can_be_set_in_every_state(story: "Story", *, finish: bool) -> None:
    job = story.submit()
    if finish:
        story.finish(job)

    step = story.tag(job, "x", "y")

    assert [getattr(fact, "tags", None) for fact in step.facts] == [("x", "y")]


def test_a_private_result_is_taken_once(story: "Story") -> None:
    job = story.submit(private=True)
    story.finish(job, result=RESULT)

    taken = [len(story.take_result(job).facts) for _ in range(3)]

    assert taken == [1, 0, 0]


def test_a_public_result_stays(story: "Story") -> None:
    job = story.submit()
    story.finish(job, result=RESULT)

    assert story.take_result(job).facts == ()


def test_there_is_no_result_to_take_before_the_end(story: "Story") -> None:
    job = story.submit(private=True)

    assert story.take_result(job).facts == ()


def test_a_job_for_an_unknown_backend_is_refused(story: "Story") -> None:
    with pytest.raises(BackendNotFoundError):
        story.submit(backend="nowhere")


def test_too_many_pending_jobs_are_refused(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(pending_jobs=2))
    story.submit()
    story.submit()

    with pytest.raises(LimitExceededError) as refusal:
        story.submit()

    assert (refusal.value.code, refusal.value.allowed) == (3458, 2)


def test_pending_jobs_are_counted_for_each_instance(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(pending_jobs=1))
    story.submit(by="x")
    story.submit(by="y")
    story.finish("j1")

    assert story.submit(by="x") == "j3"


def test_what_the_engine_waits_for_is_outstanding(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("a"), concurrent_jobs=2), pace=Pace.REAL)
    jobs = [story.submit() for _ in range(3)]
    story.finish(jobs[0], 50)  # keeps its device, but its execution is done

    assert story.engine.outstanding() == (jobs[1],)


def test_time_does_not_go_back(story: "Story") -> None:
    story.at(10)

    with pytest.raises(InvalidInputError, match="does not go back"):
        story.engine.advance_to(story.moment(9))


def test_times_are_utc(story: "Story") -> None:
    with pytest.raises(InvalidInputError, match="UTC"):
        story.engine.advance_to(story.moment(0).replace(tzinfo=None))


def test_what_was_due_before_a_refused_input_is_told_with_the_next_step(story: "Story") -> None:
    session = story.open()
    with pytest.raises(JobNotFoundError):
        story.handle_late(3600, "cancel", "nothing")
    asked_for = story.next_deadline()

    told = story.engine.advance_to(story.moment(3600))

    assert asked_for == 3600
    assert [getattr(fact, "session_id", None) for fact in told.facts] == [session, session]


def test_advancing_twice_changes_nothing(story: "Story") -> None:
    story.open()
    story.at(3600)

    assert story.engine.advance_to(story.moment(3600)).facts == ()


def test_nothing_is_due_in_a_new_engine(story: "Story") -> None:
    assert story.next_deadline() is None
