"""What is charged to whom, and what happens at the limit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from swqr_core.engine.facts import InstanceCharged, SessionCharged
from swqr_core.engine.settings import AtUsageLimit, Device, Pace, Plan
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Story

A = BackendName("a")
LIMITED = {"default_plan": Plan(usage_seconds=10), "usage_window_seconds": 1024}


def test_a_plain_job_is_charged_its_quantum_seconds(story: "Story") -> None:
    story.at(100).finish(story.submit(), 2.5)

    assert story.used() == 2.5


def test_a_batch_is_charged_the_sum_of_its_jobs(story: "Story") -> None:
    batch = story.open(mode="batch")
    jobs = [story.submit(batch), story.submit(batch)]
    story.at(50).finish(jobs[0], 2)
    story.at(100).finish(jobs[1], 3)

    assert (story.charged(batch), story.used()) == (5, 5)


def test_a_dedicated_session_is_charged_from_its_first_start_until_it_is_inactive(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    session = story.open()
    job = story.at(100).submit(session)
    story.at(130).finish(job, 1)
    story.at(1000)

    assert (story.charged(session), story.used()) == (90, 90)


def test_inactive_time_is_not_charged(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    session = story.open(interactive_ttl=10)
    story.at(0).finish(story.submit(session), 0)
    story.at(100)
    job = story.submit(session)
    story.at(120).finish(job, 1)
    story.drain(session)

    assert story.charged(session) == 10 + 20


def test_a_closed_session_is_charged_until_its_last_job_has_ended(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    session = story.open()
    job = story.submit(session)
    story.at(10).cancel_session(session)
    story.at(25).finish(job, 1)

    assert story.charged(session) == 25


def test_a_cancelled_idle_session_is_charged_until_then(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    session = story.open()
    story.at(10).finish(story.submit(session), 1)
    story.at(30).cancel_session(session)

    assert story.charged(session) == 20


def test_without_a_pace_a_dedicated_session_is_charged_what_its_jobs_used_and_its_idle_time(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.INSTANT)
    session = story.open()
    jobs = [story.submit(session), story.submit(session)]
    story.at(10).finish(jobs[0], 3)
    story.at(25).finish(jobs[1], 4)
    story.at(40).finish(story.submit(session), 2)
    story.at(1000)

    # Jobs of 3, 4 and 2 s, 15 s between them, and the 60 s until it is inactive: how long
    # computing took does not count.
    assert story.charged(session) == 3 + 4 + 15 + 2 + 60


def test_charges_are_never_zero_but_for_the_last_one(story: "Story") -> None:
    batch = story.open(mode="batch")
    story.finish(story.submit(batch), 0)
    story.drain(batch)

    assert story.all(InstanceCharged) == []
    assert [(f.seconds, f.final) for f in story.all(SessionCharged)] == [(0, True)]


def test_used_seconds_are_those_in_the_window(tell: Callable[..., "Story"]) -> None:
    story = tell(usage_window_seconds=1024)
    story.finish(story.submit(), 3)
    story.at(500).finish(story.submit(), 4)
    used = [story.at(second).engine.used_seconds(InstanceId("i")) for second in (1023, 1026, 1600)]

    assert used == [7, 4, 0]


def test_nobody_has_used_anything_before_the_first_job(story: "Story") -> None:
    assert story.engine.used_seconds(InstanceId("nobody")) == 0


def test_what_is_queued_waits_at_the_limit(tell: Callable[..., "Story"]) -> None:
    story = tell(**LIMITED)
    first, second = story.submit(), story.submit()
    story.at(20).finish(first, 10)

    assert story.job(second) is JobState.QUEUED


def test_new_jobs_are_accepted_at_the_limit(tell: Callable[..., "Story"]) -> None:
    story = tell(**LIMITED)
    story.at(20).finish(story.submit(), 10)
    job = story.submit()

    assert story.job(job) is JobState.QUEUED


def test_what_waits_starts_when_there_is_time_again(tell: Callable[..., "Story"]) -> None:
    story = tell(**LIMITED)
    first, second = story.submit(), story.submit()
    story.finish(first, 10)
    story.at(1023)
    before = story.job(second)
    story.at(1026)

    assert (before, story.job(second)) == (JobState.QUEUED, JobState.RUNNING)


def test_there_is_no_deadline_while_nothing_waits_for_time(tell: Callable[..., "Story"]) -> None:
    story = tell(**LIMITED)
    story.finish(story.submit(), 10)

    assert story.next_deadline() is None


def test_others_run_while_an_instance_is_over_its_limit(tell: Callable[..., "Story"]) -> None:
    story = tell(**LIMITED)
    first = story.submit(by="x")
    story.submit(by="x")
    other = story.submit(by="y")
    story.finish(first, 10)

    assert story.running() == [other]


def test_a_batch_waits_at_the_limit_and_comes_first_after_it(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, session_lanes=1), **LIMITED)
    batch = story.open(mode="batch", max_ttl=28_800, by="x")
    jobs = [story.submit(batch, by="x"), story.submit(batch, by="x")]
    story.finish(jobs[0], 10)
    stranger = story.submit(by="y")
    running = story.running()
    story.at(1026).finish(stranger, 1)

    assert running == [stranger]
    assert story.running() == [jobs[1]]


def test_nothing_starts_without_any_time(tell: Callable[..., "Story"]) -> None:
    story = tell(default_plan=Plan(usage_seconds=0))
    job = story.submit()

    assert (story.job(job), story.next_deadline()) == (JobState.QUEUED, None)


def close_at_limit(tell: Callable[..., "Story"]) -> "Story":
    return tell(Device(name=A), Device(name=BackendName("b")), at_usage_limit="close", **LIMITED)


def test_at_the_limit_started_sessions_close_if_the_cloud_does_that(
    tell: Callable[..., "Story"],
) -> None:
    story = close_at_limit(tell)
    session = story.open()
    running = story.submit(session)
    story.set_status("a", BackendStatus.OFFLINE)
    queued = story.submit(session)
    story.finish(story.submit(backend="b"), 10)

    assert story.reason(session) == "session_closed_by_usage_limit"
    assert story.job(queued) is JobState.CANCELLED
    assert session in (story.ending(queued).reason or "")
    assert story.running() == [running]


def test_at_the_limit_everything_queued_is_cancelled_if_the_cloud_does_that(
    tell: Callable[..., "Story"],
) -> None:
    story = close_at_limit(tell)
    first, second = story.submit(), story.submit()
    session = story.open()
    in_session = story.submit(session)
    story.finish(first, 10)

    assert story.job(second) is story.job(in_session) is JobState.CANCELLED
    assert story.ending(second).reason
    assert story.session(session) is SessionState.OPEN


def test_what_comes_after_the_limit_waits_even_if_the_cloud_closes_sessions(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(Device(name=A, concurrent_jobs=2), at_usage_limit="close", **LIMITED)
    first, second = story.submit(), story.submit()
    story.finish(first, 10)
    late = story.submit()
    story.finish(second, 10)

    assert story.job(late) is JobState.QUEUED


def test_a_dedicated_session_starts_nothing_at_the_limit(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A), Device(name=BackendName("b")), **LIMITED)
    session = story.open()
    running = story.submit(session)
    story.finish(story.submit(backend="b"), 10)
    story.submit(session)

    assert story.running() == [running]


def test_others_keep_their_sessions_at_an_instances_limit(tell: Callable[..., "Story"]) -> None:
    story = close_at_limit(tell)
    session = story.open(by="other")
    story.submit(session, by="other")
    story.finish(story.submit(backend="b"), 10)

    assert story.session(session) is SessionState.BUSY


@pytest.mark.parametrize("policy", AtUsageLimit)
def test_what_runs_at_the_limit_goes_on(tell: Callable[..., "Story"], policy: AtUsageLimit) -> None:
    story = tell(Device(name=A, concurrent_jobs=2), at_usage_limit=policy, **LIMITED)
    first, second = story.submit(), story.submit()
    story.finish(first, 10)

    assert story.running() == [second]
