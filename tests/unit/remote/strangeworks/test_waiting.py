"""Thousands wait with few requests, and nobody waits for what will not come."""

import asyncio
import json

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.errors import ClosedError, JobNotFoundError, ProtocolError, WaitTimeoutError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job, JobSpec

from .conftest import Platform, age, graphql_refusal


async def submitted(
    transport: StrangeworksTransport, spec: JobSpec, many: int, clock: EagerClock
) -> list[Job]:
    return [await transport.submit(spec, b"{}", key=f"k-{number}") for number in range(many)]


def finish_later(platform: Platform, clock: EagerClock, seconds: float, status: str) -> None:
    """Let all jobs end once so much time has passed."""
    end = clock.monotonic() + seconds
    listed = platform._list  # noqa: SLF001 - what it answers

    def settled(given: dict[str, object]) -> object:
        if clock.monotonic() >= end:
            for job_id, job in platform.jobs.items():
                if job["status"] == "QUEUED":
                    platform.finish(job_id, status)
        return listed(given)

    platform._list = settled  # type: ignore[method-assign] # noqa: SLF001


async def test_five_hundred_waits_cost_a_few_list_requests_per_interval(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    for number in range(500):
        platform.add_job(f"j-{number}")
        clock.skip(0.01)
    known = await asyncio.gather(*(transport.job(f"j-{number}") for number in range(500)))
    before = len(platform.seen)

    async def wait(job: Job) -> Job:
        return await transport._poller.wait(job, told=True, timeout=None)  # noqa: SLF001

    finish_later(platform, clock, 60.0, "COMPLETED")
    ends = await asyncio.gather(*map(wait, known))

    looks = len(platform.seen) - before
    assert {job.state for job in ends} == {JobState.COMPLETED}
    # Ten pages show all of them, and within a minute a job is looked at some twenty times.
    assert looks <= 10 * 23
    assert platform.count("GET", "/input_data.json") == 500  # of before


async def test_a_job_deep_down_in_the_list_is_asked_for_alone(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 2, clock)
    for number in range(500):
        platform.add_job(f"later-{number}")
    for job in jobs:
        age(platform, job.id, 3600)
    before = len(platform.seen)
    finish_later(platform, clock, 5.0, "COMPLETED")

    ends = await asyncio.gather(*(transport.wait_job(job.id, timeout=None) for job in jobs))

    asked = [json.loads(body)["variables"] for *_, body in platform.seen[before:]]
    assert {job.state for job in ends} == {JobState.COMPLETED}
    assert all("after" not in variables for variables in asked)
    assert sum("job_slug" in variables for variables in asked) >= 2


async def test_a_list_in_the_other_order_is_read_to_its_end(
    platform: Platform, transport: StrangeworksTransport, clock: EagerClock
) -> None:
    platform.newest_first = False
    for number in range(120):
        platform.add_job(f"j-{number}")
        clock.skip(1)
    finish_later(platform, clock, 5.0, "COMPLETED")

    ends = await asyncio.gather(
        *(transport.wait_job(f"j-{number}", timeout=None) for number in range(120))
    )

    assert {job.state for job in ends} == {JobState.COMPLETED}


async def test_a_failed_job_is_told_with_its_reason(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 3, clock)
    platform.write(jobs[0].id, "error.json", b'{"error": {"message": "Too long.", "code": 1305}}')
    finish_later(platform, clock, 5.0, "FAILED")

    ends = await asyncio.gather(*(transport.wait_job(job.id, timeout=None) for job in jobs))

    assert [(job.state, job.reason) for job in ends] == [
        (JobState.TIMED_OUT, "Too long."),
        (JobState.FAILED, None),
        (JobState.FAILED, None),
    ]


async def test_waiting_outlives_an_outage(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 2, clock)
    finish_later(platform, clock, 1.0, "COMPLETED")
    platform.fail("POST", "/sdk", web.Response(status=503), times=12)
    platform.fail("POST", "/sdk", graphql_refusal("a shard is down"), times=2)
    platform.valid.clear()  # and the token expires meanwhile

    ends = await asyncio.gather(*(transport.wait_job(job.id, timeout=None) for job in jobs))

    assert {job.state for job in ends} == {JobState.COMPLETED}


async def test_lists_that_are_broken_for_good_end_the_wait(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 2, clock)
    platform.fail("POST", "/sdk", web.Response(text="<html>"), times=1000)

    ends = await asyncio.gather(
        *(transport.wait_job(job.id, timeout=None) for job in jobs), return_exceptions=True
    )

    assert [type(end) for end in ends] == [ProtocolError, ProtocolError]


async def test_a_wait_does_not_follow_empty_pages_that_say_there_is_more(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 20, clock)
    for number in range(1000):  # each with a cursor of its own
        info = {"endCursor": f"c{number}", "hasNextPage": True}
        empty = {"workspace": {"jobs": {"pageInfo": info, "edges": []}}}
        platform.fail("POST", "/sdk", web.json_response({"data": empty}))

    ends = await asyncio.gather(
        *(transport.wait_job(job.id, timeout=None) for job in jobs), return_exceptions=True
    )

    assert {type(end) for end in ends} == {ProtocolError}
    assert "is empty and says that there is more" in str(ends[0])


async def test_one_broken_job_leaves_the_others_alone(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 3, clock)
    platform.jobs[jobs[1].id]["tags"] = "none"
    finish_later(platform, clock, 5.0, "COMPLETED")

    ends = await asyncio.gather(
        *(transport.wait_job(job.id, timeout=None) for job in jobs), return_exceptions=True
    )

    assert [type(end) for end in ends] == [Job, ProtocolError, Job]


async def test_a_job_that_is_gone_is_not_waited_for(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 3, clock)
    waits = [asyncio.ensure_future(transport.wait_job(job.id, timeout=None)) for job in jobs]
    await asyncio.sleep(0)
    del platform.jobs[jobs[0].id]
    finish_later(platform, clock, 50.0, "COMPLETED")

    ends = await asyncio.gather(*waits, return_exceptions=True)

    assert [type(end) for end in ends] == [JobNotFoundError, Job, Job]


async def test_a_status_that_nobody_knows_is_waited_with_for_a_while(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    jobs = await submitted(transport, spec, 2, clock)
    for job in jobs:
        platform.jobs[job.id]["status"] = "PONDERING"
    began = clock.monotonic()

    ends = await asyncio.gather(
        *(transport.wait_job(job.id, timeout=None) for job in jobs), return_exceptions=True
    )

    assert all("unknown status 'PONDERING'" in str(end) for end in ends)
    assert clock.monotonic() - began >= 600


async def test_a_wait_ends_with_its_timeout(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, b"{}", key="k")

    with pytest.raises(WaitTimeoutError):
        await transport.wait_job(job.id, timeout=0)


async def test_closing_ends_every_wait(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, b"{}", key="k")
    platform.fail("POST", "/sdk", "hang", times=100)
    waiting = asyncio.ensure_future(transport.wait_job(job.id, timeout=None))
    await asyncio.sleep(0.01)

    await transport.aclose()

    with pytest.raises(ClosedError):
        await waiting
