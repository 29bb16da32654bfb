"""The life of a session and of a batch, one behaviour each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from swqr_core.engine.facts import SessionCharged, SessionOpened, StartExecution
from swqr_core.engine.settings import AtSessionCancel, Device, EngineSettings, Plan
from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    InvalidInputError,
    SessionClosedError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Story

MINUTE, HOUR = 60.0, 3600.0
SHORT = EngineSettings().default_plan.interactive_ttl


def test_an_eight_hour_session(story: "Story") -> None:
    session = story.open()
    first = story.at(10).submit(session)
    story.at(70).finish(first)
    second = story.at(100).submit(session)  # within the interactive TTL
    story.at(200).finish(second)
    third = story.at(2 * HOUR).submit(session)
    story.at(2 * HOUR + 30).finish(third)
    last = story.at(8 * HOUR).submit(session)  # still runs when the session ends
    queued = [story.submit(session) for _ in range(5)]
    story.at(9 * HOUR).finish(last)

    assert story.steps(session) == [
        (10, "busy"),
        (70, "idle"),
        (100, "busy"),
        (200, "idle"),
        (260, "inactive"),
        (2 * HOUR, "busy"),
        (2 * HOUR + 30, "idle"),
        (2 * HOUR + 90, "inactive"),
        (8 * HOUR, "busy"),
        (8 * HOUR + 10, "closed"),
    ]
    assert story.reason(session) == "session_closed_by_max_ttl"
    assert story.job(queued[-1]) is JobState.FAILED
    assert story.job(last) is JobState.COMPLETED


def test_a_session_opens_with_the_ttls_of_its_plan(tell: Callable[..., "Story"]) -> None:
    plan = Plan(max_ttl=600, interactive_ttl=30)
    story = tell(default_plan=plan)

    story.open(max_ttl=700)

    spec = story.all(SessionOpened)[0].spec
    assert (spec.max_ttl, spec.interactive_ttl, spec.active_ttl) == (600, 30, 600)


def test_a_short_session_shortens_the_interactive_ttl(story: "Story") -> None:
    session = story.open(max_ttl=20)
    job = story.submit(session)
    story.at(5).finish(job)
    story.at(100)

    assert story.steps(session)[-1] == (20, "closed")


@pytest.mark.parametrize(
    ("ttls", "field"),
    [
        ({"max_ttl": 100, "active_ttl": 101}, "active_ttl"),
        ({"max_ttl": 100, "interactive_ttl": 101}, "interactive_ttl"),
        ({"active_ttl": 50, "interactive_ttl": 51}, "interactive_ttl"),
    ],
)
def test_ttls_that_contradict_each_other_are_refused(
    story: "Story", ttls: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        story.open(**ttls)

    assert refusal.value.field == field


def test_a_plan_without_custom_ttls_refuses_them(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(custom_ttls=False))

    with pytest.raises(AccessDeniedError):
        story.open(interactive_ttl=5)


def test_a_plan_without_dedicated_sessions_refuses_them(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(name="open", dedicated=False))

    with pytest.raises(AccessDeniedError) as refusal:
        story.open()

    assert refusal.value.code == 1352


def test_a_plan_without_dedicated_sessions_has_batches(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(name="open", dedicated=False))

    batch = story.open(mode="batch")

    assert story.session(batch) is SessionState.OPEN


def test_an_unknown_backend_is_refused_with_near_names(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("ibm_brisbane")))

    with pytest.raises(BackendNotFoundError) as refusal:
        story.open("ibm_brisban")

    assert refusal.value.known == ("ibm_brisbane",)


def test_an_open_session_without_jobs_closes_after_half_an_hour(story: "Story") -> None:
    session = story.open()
    story.at(HOUR)

    assert story.steps(session) == [(30 * MINUTE, "closed")]
    assert story.reason(session) == "session_closed_by_idle_open_limit"


def test_the_idle_open_limit_waits_while_a_job_is_queued(story: "Story") -> None:
    story.set_status("a", BackendStatus.OFFLINE)
    session = story.open()
    job = story.at(60).submit(session)
    story.at(2 * HOUR).cancel(job)
    story.at(3 * HOUR)

    assert story.steps(session) == [(2 * HOUR + 30 * MINUTE, "closed")]


def test_the_interactive_ttl_starts_at_the_end_of_the_last_job(story: "Story") -> None:
    session = story.open()
    jobs = [story.submit(session), story.submit(session)]
    story.at(10).finish(jobs[0])
    story.at(25).finish(jobs[1])
    story.at(HOUR)

    assert story.steps(session)[-1] == (25 + SHORT, "inactive")


def test_the_interactive_ttl_waits_while_a_job_is_queued(story: "Story") -> None:
    session = story.open()
    first = story.submit(session)
    story.set_status("a", BackendStatus.OFFLINE)
    second = story.submit(session)
    story.at(10).finish(first)
    story.at(500).cancel(second)
    story.at(HOUR)

    assert story.steps(session)[-1] == (500 + SHORT, "inactive")


def test_an_interactive_ttl_of_zero_inactivates_at_once(story: "Story") -> None:
    session = story.open(interactive_ttl=0)
    story.at(10).finish(story.submit(session))

    assert story.next_deadline() == 10


def test_a_job_wakes_an_inactive_session_through_the_normal_queue(story: "Story") -> None:
    session = story.open()
    story.at(10).finish(story.submit(session))
    story.at(HOUR)
    stranger = story.submit()
    job = story.submit(session)
    story.at(HOUR + 5).finish(stranger)

    assert story.running() == [job]
    assert story.steps(session)[-1] == (HOUR + 5, "busy")


def test_the_active_ttl_counts_only_while_active(story: "Story") -> None:
    session = story.open(active_ttl=100, interactive_ttl=10)
    story.at(0).submit(session)
    story.at(30).finish("j2")
    story.at(1000).submit(session)  # inactive since 40: 60 s are left
    story.at(2000)

    assert story.steps(session)[-1] == (1060, "closed")
    assert story.reason(session) == "session_closed_by_active_ttl"


def test_max_ttl_counts_from_the_first_start(story: "Story") -> None:
    session = story.open(max_ttl=100)
    story.at(500).submit(session)
    story.at(1000)

    assert story.steps(session)[-1] == (600, "closed")


def test_max_ttl_is_the_reason_when_active_ttl_ends_with_it(story: "Story") -> None:
    session = story.open(max_ttl=100)
    story.submit(session)
    story.at(100)

    assert story.reason(session) == "session_closed_by_max_ttl"


def test_a_session_is_not_idle_between_two_queued_jobs(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("a"), session_lanes=1))
    session = story.open()
    first, _ = story.submit(session), story.submit(session)
    story.at(10).finish(first)

    assert story.steps(session) == [(0, "busy")]


def test_a_session_is_idle_while_its_queued_job_cannot_start(story: "Story") -> None:
    session = story.open()
    first = story.submit(session)
    story.set_status("a", BackendStatus.OFFLINE)
    story.submit(session)
    story.at(10).finish(first)

    assert story.steps(session) == [(0, "busy"), (10, "idle")]


def test_what_is_queued_fails_when_max_ttl_ends(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("a"), session_lanes=1))
    session = story.open(max_ttl=100)
    running, queued = story.submit(session), story.submit(session)
    story.at(100)

    ending = story.ending(queued)
    assert (ending.state, ending.reason_code) == (JobState.FAILED, 1217)
    assert session in (ending.reason or "")
    assert story.running() == [running]


def test_a_job_does_not_start_in_the_moment_in_which_its_session_ends(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(Device(name=BackendName("a"), session_lanes=1, job_seconds=100))
    session = story.open(max_ttl=100)
    first, second = story.submit(session), story.submit(session)
    story.finish(first)
    story.at(100)

    assert story.job(first) is JobState.COMPLETED
    assert story.job(second) is JobState.FAILED


def test_draining_an_empty_session_closes_it_at_once(story: "Story") -> None:
    session = story.open()
    story.at(5).drain(session)

    assert story.steps(session) == [(5, "closed")]
    assert story.reason(session) == "session_closed_early"


def test_a_draining_session_runs_what_it_has_accepted(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("a"), session_lanes=1))
    session = story.open()
    first, second = story.submit(session), story.submit(session)
    story.drain(session)
    story.at(10).finish(first)
    story.at(20).finish(second)

    assert story.steps(session)[-2:] == [(0, "draining"), (20, "closed")]
    assert story.job(second) is JobState.COMPLETED


def test_a_draining_session_refuses_jobs(story: "Story") -> None:
    session = story.open()
    story.submit(session)
    story.drain(session)

    with pytest.raises(SessionClosedError) as refusal:
        story.submit(session)

    assert refusal.value.state == "draining"


def test_a_session_that_drains_before_it_started_waits_its_turn(story: "Story") -> None:
    stranger = story.submit()
    session = story.open()
    job = story.submit(session)
    story.drain(session)
    other = story.submit()
    story.at(10).finish(stranger)

    assert story.running() == [job]
    assert story.job(other) is JobState.QUEUED


def test_cancelling_the_last_job_closes_a_draining_session(story: "Story") -> None:
    story.set_status("a", BackendStatus.PAUSED)
    session = story.open()
    job = story.submit(session)
    story.drain(session)
    story.at(7).cancel(job)

    assert story.steps(session)[-1] == (7, "closed")


@pytest.mark.parametrize(
    ("policy", "state", "code"),
    [
        (AtSessionCancel.FAIL, JobState.FAILED, 1217),
        (AtSessionCancel.CANCEL, JobState.CANCELLED, None),
    ],
)
def test_cancelling_a_session_ends_what_is_queued_and_lets_the_rest_run(
    tell: Callable[..., "Story"], policy: AtSessionCancel, state: JobState, code: int | None
) -> None:
    story = tell(Device(name=BackendName("a"), session_lanes=1), at_session_cancel=policy)
    session = story.open()
    running, queued = story.submit(session), story.submit(session)
    story.at(5).cancel_session(session)

    assert story.steps(session)[-1] == (5, "closed")
    assert (story.job(queued), story.ending(queued).reason_code) == (state, code)
    assert story.running() == [running]


@pytest.mark.parametrize("again", ["drain", "cancel_session"])
def test_ending_a_closed_session_is_no_error(story: "Story", again: str) -> None:
    session = story.open()
    story.submit(session)
    story.cancel_session(session)

    step = getattr(story, again)(session)

    assert (step.facts, step.subject) == ((), session)


def test_a_closed_session_refuses_jobs(story: "Story") -> None:
    session = story.open()
    story.drain(session)

    with pytest.raises(SessionClosedError) as refusal:
        story.submit(session)

    assert refusal.value.state == "closed"


def test_a_session_refuses_jobs_for_another_backend(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=BackendName("a")), Device(name=BackendName("b")))
    session = story.open("a")

    with pytest.raises(InvalidInputError, match="'a', not on 'b'"):
        story.submit(session, "b")


def test_an_offline_device_does_not_stop_a_sessions_clocks(story: "Story") -> None:
    session = story.open(max_ttl=100)
    job = story.submit(session)
    story.set_status("a", BackendStatus.OFFLINE)
    story.at(1000)

    assert story.steps(session)[-1] == (100, "closed")
    assert story.running() == [job]


def test_several_jobs_of_a_session_run_side_by_side(story: "Story") -> None:
    session = story.open()
    jobs = [story.submit(session) for _ in range(7)]

    assert story.running() == jobs[:5]
    assert story.effects == [StartExecution(job) for job in jobs[:5]]


def test_the_last_charge_of_a_session_says_so(story: "Story") -> None:
    session = story.open()
    job = story.submit(session)
    story.at(10).cancel_session(session)
    before = [fact.final for fact in story.all(SessionCharged)]
    story.at(20).finish(job)

    assert before == []
    assert [fact.final for fact in story.all(SessionCharged)] == [True]


def test_a_session_that_never_started_costs_nothing(story: "Story") -> None:
    session = story.open()
    story.at(HOUR)

    assert [(f.session_id, f.seconds, f.final) for f in story.all(SessionCharged)] == [
        (session, 0.0, True)
    ]


def test_plans_differ_by_instance(tell: Callable[..., "Story"]) -> None:
    story = tell(plans={InstanceId("poor"): Plan(max_ttl=10)})
    session = story.open(by="poor")
    story.submit(session, by="poor")
    story.at(100)

    assert story.steps(session)[-1] == (10, "closed")
