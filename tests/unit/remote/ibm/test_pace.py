"""How often waiting jobs are looked at follows from how long jobs run there."""

import asyncio
from datetime import timedelta

import pytest
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.remote.looks import ByTime, Glance
from swqr_adapters.remote.polling import Poller, PollingPolicy
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, JobId, ProgramId
from swqr_core.model.job import Job, JobSpec

SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez"))
FLOOR, LONGEST = 0.005, 2.0


class OneDevice:
    """Runs jobs one after the other, and counts how often it is looked at."""

    def __init__(self, clock: EagerClock, seconds: list[float]) -> None:
        self.clock = clock
        self.began = clock.now()
        self.looks = 0
        self.ends = [sum(seconds[: number + 1]) for number in range(len(seconds))]
        self.starts = [0.0, *self.ends]
        self.seen_ended: dict[str, float] = {}

    def job(self, number: int) -> Job:
        elapsed = (self.clock.now() - self.began).total_seconds()
        state = JobState.QUEUED
        if elapsed >= self.ends[number]:
            state = JobState.COMPLETED
            self.seen_ended.setdefault(f"j{number}", elapsed)
        elif elapsed >= self.starts[number]:
            state = JobState.RUNNING
        accepted = self.began + timedelta(milliseconds=number)
        return Job(id=JobId(f"j{number}"), spec=SPEC, state=state, created_at=accepted)

    async def look_at(self, job_id: str, *, with_result: bool) -> Job:
        assert with_result
        self.looks += 1
        return self.job(int(job_id[1:]))

    async def look_since(
        self, since: object, session_id: str | None, offset: int, *, with_results: bool
    ) -> Glance:
        assert (session_id, offset) == (None, 0)
        assert with_results in {True, False}
        self.looks += 1
        jobs = [self.job(number) for number in range(len(self.ends))]
        return Glance(
            jobs={job.id: job for job in jobs if job.created_at >= since},  # type: ignore[operator]
            until=jobs[-1].created_at,
            full=False,
        )

    async def completed(self, job: Job) -> Job:
        return job


async def wait_for_all(device: OneDevice) -> None:
    poller = Poller(
        device,
        ByTime(device),
        name="ibm",
        policy=PollingPolicy(floor=FLOOR, longest=LONGEST),
        clock=device.clock,
        pause_clock=device.clock,
        settle=30.0,
    )
    jobs = [device.job(number) for number in range(len(device.ends))]
    await asyncio.gather(*(poller.wait(job, told=True, timeout=None) for job in jobs))
    await poller.aclose()


async def test_jobs_that_all_run_long_are_looked_at_a_few_times_each(clock: EagerClock) -> None:
    count = 100
    device = OneDevice(clock, [10.0] * count)

    await wait_for_all(device)

    assert device.looks <= 10 * count


@pytest.mark.parametrize("seconds", [0.02, 1.0, 10.0])
async def test_an_end_is_noticed_within_a_fifth_of_the_time_that_was_waited(
    clock: EagerClock, seconds: float
) -> None:
    device = OneDevice(clock, [seconds] * 20)

    await wait_for_all(device)

    late = {end: device.seen_ended[f"j{number}"] - end for number, end in enumerate(device.ends)}
    assert all(seconds <= max(0.21 * end, 2 * FLOOR) for end, seconds in late.items())


async def test_one_short_job_among_long_ones_is_not_slept_through(clock: EagerClock) -> None:
    device = OneDevice(clock, [10.0] * 20 + [0.1] + [10.0] * 5)

    await wait_for_all(device)

    assert device.seen_ended["j20"] - device.ends[20] <= LONGEST + FLOOR


@pytest.mark.parametrize("broken", ["look_at", "completed"])
async def test_whoever_waits_hears_of_a_mistake_of_ours_too(
    clock: EagerClock, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    device = OneDevice(clock, [1.0])

    async def fail(*_: object, **__: object) -> Job:
        raise KeyError("mine")

    monkeypatch.setattr(device, broken, fail)

    with pytest.raises(KeyError, match="mine"):
        await wait_for_all(device)
