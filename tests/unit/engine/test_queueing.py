"""Who is next on a device, one rule each."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from swqr_core.engine.settings import Device, Pace, Plan
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, InstanceId

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Story

A = BackendName("a")


def test_plain_jobs_of_an_instance_run_first_in_first_out(story: "Story") -> None:
    jobs = [story.submit() for _ in range(3)]
    for second, job in enumerate(jobs):
        story.at(second).finish(job)

    assert [effect.job_id for effect in story.effects] == jobs


def test_plain_jobs_run_side_by_side_as_far_as_the_device_can(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(Device(name=A, concurrent_jobs=2))
    jobs = [story.submit() for _ in range(3)]

    assert story.running() == jobs[:2]


def test_devices_do_not_wait_for_each_other(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A), Device(name=BackendName("b")))
    jobs = [story.submit(backend="a"), story.submit(backend="b")]

    assert story.running() == jobs


def test_the_instance_that_used_least_comes_first(story: "Story") -> None:
    greedy = [story.submit(by="greedy") for _ in range(3)]
    story.finish(greedy[0], 100)
    modest = story.submit(by="modest")
    story.finish(greedy[1], 100)

    assert story.running() == [modest]


def test_between_equals_the_oldest_job_comes_first(story: "Story") -> None:
    running = story.submit(by="x")
    older = story.submit(by="y")
    story.submit(by="x")
    story.finish(running)

    assert story.running() == [older]


def test_an_instance_of_greater_weight_gets_a_greater_share(tell: Callable[..., "Story"]) -> None:
    story = tell(plans={InstanceId("heavy"): Plan(weight=3.0)})
    heavy = [story.submit(by="heavy") for _ in range(2)]
    light = [story.submit(by="light") for _ in range(2)]
    story.finish(heavy[0], 20)
    story.finish(light[0], 10)

    assert story.running() == [heavy[1]]


def test_old_usage_does_not_count_for_the_share(tell: Callable[..., "Story"]) -> None:
    story = tell(usage_window_seconds=1024)
    story.finish(story.submit(by="early"), 100)
    story.at(900).finish(story.submit(by="late"), 50)
    story.at(1026).submit(by="late")
    story.submit(by="late")
    early = story.submit(by="early")
    story.finish("j3")

    assert story.running() == [early]


def test_nobody_shares_the_device_with_an_active_dedicated_session(story: "Story") -> None:
    session = story.open()
    job = story.submit(session)
    stranger = story.submit(by="other")
    story.at(5).finish(job)

    assert story.session(session) is SessionState.IDLE
    assert story.job(stranger) is JobState.QUEUED


def test_the_device_is_free_when_a_dedicated_session_turns_inactive(story: "Story") -> None:
    session = story.open()
    job = story.submit(session)
    stranger = story.submit(by="other")
    story.at(5).finish(job)
    story.at(65)

    assert story.running() == [stranger]


def test_a_closed_session_keeps_the_device_until_its_last_job_has_ended(story: "Story") -> None:
    session = story.open()
    first, second = story.submit(session), story.submit(session)
    stranger = story.submit(by="other")
    story.at(5).cancel_session(session)
    story.finish(first)
    before = story.job(stranger)
    story.at(9).finish(second)

    assert before is JobState.QUEUED
    assert story.running() == [stranger]


def test_a_session_waits_until_the_device_is_empty(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, concurrent_jobs=2))
    plain = [story.submit(), story.submit()]
    first_of_session = story.submit(story.open())
    later = story.submit()
    story.finish(plain[0])

    assert story.running() == [plain[1]]
    assert story.job(first_of_session) is story.job(later) is JobState.QUEUED


def test_only_the_first_job_of_a_session_waits_in_the_normal_queue(story: "Story") -> None:
    running = story.submit(by="other")
    session = story.open()
    jobs = [story.submit(session), story.submit(session)]
    stranger = story.submit(by="other")
    story.finish(running)

    assert story.running() == jobs
    assert story.job(stranger) is JobState.QUEUED


def test_cancelling_a_sessions_first_job_lets_its_second_wait_in_its_place(
    story: "Story",
) -> None:
    running = story.submit()
    session = story.open()
    jobs = [story.submit(session), story.submit(session)]
    story.submit()
    story.cancel(jobs[0])
    story.finish(running)

    assert story.running() == [jobs[1]]


def test_jobs_of_a_batch_run_side_by_side_and_alone(story: "Story") -> None:
    batch = story.open(mode="batch")
    jobs = [story.submit(batch) for _ in range(3)]
    stranger = story.submit(by="other")

    assert story.running() == jobs
    assert story.job(stranger) is JobState.QUEUED


def test_an_active_batch_comes_before_the_normal_queue(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, session_lanes=1))
    batch = story.open(mode="batch", by="greedy")
    first = story.submit(batch, by="greedy")
    story.submit(by="modest")
    second = story.submit(batch, by="greedy")
    story.finish(first, 1000)

    assert story.running() == [second]


def test_a_batch_without_queued_jobs_does_not_block_the_device(story: "Story") -> None:
    batch = story.open(mode="batch")
    first = story.submit(batch)
    stranger = story.submit(by="other")
    story.finish(first)

    assert story.session(batch) is SessionState.IDLE
    assert story.running() == [stranger]


def test_plain_jobs_make_way_for_an_active_batch(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, concurrent_jobs=2))
    batch = story.open(mode="batch")
    story.finish(story.submit(batch))
    plain = [story.submit() for _ in range(3)]
    second = story.submit(batch)
    story.finish(plain[0])
    story.finish(plain[1])

    assert story.running() == [second]


def test_of_two_active_batches_the_one_that_waits_longest_is_next(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(Device(name=A, session_lanes=2))
    one, two = story.open(mode="batch"), story.open(mode="batch")
    story.finish(story.submit(one))
    story.finish(story.submit(two))
    running = story.submit(one)
    waiting = story.submit(two)
    younger = story.submit(one)  # has a free lane, but would keep the other batch waiting
    story.finish(running)

    assert story.running() == [waiting]
    assert story.job(younger) is JobState.QUEUED


@pytest.mark.parametrize("status", [BackendStatus.OFFLINE, BackendStatus.PAUSED])
def test_a_device_that_is_not_online_starts_nothing(story: "Story", status: BackendStatus) -> None:
    story.set_status("a", status)
    story.submit()

    assert story.running() == []


def test_what_runs_goes_on_when_the_device_goes_offline(story: "Story") -> None:
    job = story.submit()
    story.set_status("a", BackendStatus.OFFLINE)
    story.at(10).finish(job, 1)

    assert story.job(job) is JobState.COMPLETED


def test_a_device_that_comes_back_starts_what_waits(story: "Story") -> None:
    story.set_status("a", BackendStatus.OFFLINE)
    job = story.submit()
    story.at(10).set_status("a", BackendStatus.ONLINE)

    assert story.running() == [job]


def test_setting_the_same_status_changes_nothing(story: "Story") -> None:
    step = story.set_status("a", BackendStatus.ONLINE)

    assert step.facts == ()


def test_a_cancelled_running_job_frees_its_place_at_once(story: "Story") -> None:
    running, waiting = story.submit(), story.submit()
    story.cancel(running)

    assert story.running() == [waiting]


def test_at_real_pace_a_job_keeps_its_device_for_its_quantum_seconds(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    first, second = story.submit(), story.submit()
    story.at(3).finish(first, 10)
    before = story.running()
    story.at(20)

    assert before == [first]
    assert story.when_ended(first) == 10
    assert story.running() == [second]


def test_at_real_pace_an_execution_slower_than_the_device_ends_the_job_at_once(
    tell: Callable[..., "Story"],
) -> None:
    story = tell(pace=Pace.REAL)
    job = story.submit()
    story.at(30).finish(job, 10)

    assert story.when_ended(job) == 30


def test_a_devices_least_time_holds_at_any_pace(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, job_seconds=7.5))
    job = story.submit()
    story.at(1).finish(job, 2)
    story.at(100)

    assert story.when_ended(job) == 7.5
    assert story.ending(job).quantum_seconds == 7.5


def test_a_stream_of_plain_jobs_does_not_starve_a_session(tell: Callable[..., "Story"]) -> None:
    story = tell(Device(name=A, concurrent_jobs=2))
    story.submit()
    story.submit()
    wanted = story.submit(story.open())
    for _ in range(10):
        story.submit()
        for job in story.running()[:1]:
            story.finish(job)

    assert story.job(wanted) is not JobState.QUEUED
