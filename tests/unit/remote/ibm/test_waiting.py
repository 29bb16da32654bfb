"""Many waits share few requests, and outlive what goes wrong on the way."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve
from tests.unit.remote.conftest import EagerClock, until

from swqr_adapters.remote.polling import PollingPolicy
from swqr_adapters.transports.ibm import IbmTransport
from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    InvalidInputError,
    JobNotFoundError,
    ProtocolError,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import JobSpec

from .conftest import Ibm, refusal

Connect = Callable[..., Awaitable[IbmTransport]]


async def submit_many(transport: IbmTransport, spec: JobSpec, count: int) -> list[str]:
    jobs = [await transport.submit(spec, b"{}", key=f"k-{number}") for number in range(count)]
    return [job.id for job in jobs]


class TestSharing:
    async def test_a_thousand_waits_cost_a_few_lists_per_look(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ids = await submit_many(transport, spec, 1000)
        ibm.job_seconds = 60
        ibm.seen.clear()

        ended = await asyncio.gather(*(transport.wait_job(id, timeout=None) for id in ids))

        lists = ibm.count("GET", "/jobs")
        alone = len(ibm.seen) - lists - ibm.count("GET", "/metrics")
        assert {job.state for job in ended} == {JobState.COMPLETED}
        assert lists <= 5 * 19  # five pages; looks at 1, 2, ... 5 s, then each 20 % later
        assert alone <= 5

    async def test_waits_for_one_job_are_one(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        (job_id,) = await submit_many(transport, spec, 1)
        ibm.job_seconds = 1
        ibm.seen.clear()

        ended = await asyncio.gather(*(transport.wait_job(job_id, timeout=None) for _ in range(50)))

        assert {job.id for job in ended} == {job_id}
        assert len(ibm.seen) <= 4

    async def test_jobs_of_one_session_are_asked_for_as_such(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        for number in range(3):
            ibm.add_job(f"mine{number}", session_id="s-1")
            ibm.add_job(f"other{number}")
        waits = [
            asyncio.ensure_future(transport.wait_job(f"mine{number}", timeout=None))
            for number in range(3)
        ]
        ibm.job_seconds = 5
        await asyncio.gather(*waits)

        lists = [path for _, path, *_ in ibm.seen if path.startswith("/api/v1/jobs?")]

        assert lists
        assert all("session_id=s-1" in path for path in lists)

    async def test_looks_are_never_closer_than_the_floor(
        self, connect: Connect, ibm: Ibm, clock: EagerClock, spec: JobSpec
    ) -> None:
        transport = await connect(poll_floor="3")
        ids = await submit_many(transport, spec, 2)
        ibm.job_seconds = 30
        start = clock.monotonic()
        clock.slept.clear()

        await asyncio.gather(*(transport.wait_job(id, timeout=None) for id in ids))

        assert ibm.count("GET", "/jobs") <= (clock.monotonic() - start) / 3

    @pytest.mark.parametrize(
        ("quiet", "expected"), [(0, 1.0), (4, 1.0), (10, 2.0), (50, 10.0), (3600, 15.0)]
    )
    def test_what_was_quiet_for_long_is_looked_at_less_often(
        self, quiet: float, expected: float
    ) -> None:
        assert PollingPolicy().pause(quiet) == expected


class TestAccidents:
    async def test_a_wait_outlives_an_outage(
        self,
        transport: IbmTransport,
        ibm: Ibm,
        spec: JobSpec,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.WARNING, logger="swqr_adapters")
        ids = await submit_many(transport, spec, 2)
        waits = [asyncio.ensure_future(transport.wait_job(id, timeout=None)) for id in ids]
        ibm.unplug(transport)
        await until(lambda: bool(caplog.records))
        for id in ids:
            ibm.set_status(id, "Completed")
        ibm.replug(transport)

        ended = await asyncio.gather(*waits)

        assert [job.id for job in ended] == ids

    async def test_a_platform_that_asks_for_patience_gets_it(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec, clock: EagerClock
    ) -> None:
        ids = await submit_many(transport, spec, 2)
        ibm.job_seconds = 0
        ibm.fail("GET", "/jobs", refusal(429, 1202, "slow down", **{"Retry-After": "45"}))

        await asyncio.gather(*(transport.wait_job(id, timeout=None) for id in ids))

        assert 45 in clock.slept

    async def test_the_timeout_holds_during_an_outage(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        (job_id,) = await submit_many(transport, spec, 1)
        ibm.unplug(transport)

        with pytest.raises(WaitTimeoutError) as caught:
            await transport.wait_job(job_id, timeout=100)

        assert (caught.value.id, caught.value.timeout) == (job_id, 100)

    async def test_a_new_job_may_be_missing_from_answers_for_a_while(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("GET", "/jobs/job0", refusal(404, 3250, "job not found"), times=4)
        (job_id,) = await submit_many(transport, spec, 1)
        ibm.job_seconds = 0

        assert (await transport.wait_job(job_id, timeout=None)).state is JobState.COMPLETED

    async def test_a_job_that_is_deleted_meanwhile_is_not_found(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        for name in ("gone", "other"):
            ibm.add_job(name)
        waits = [
            asyncio.ensure_future(transport.wait_job(name, timeout=None))
            for name in ("gone", "other")
        ]
        await until(lambda: ibm.count("GET", "/jobs") >= 1)
        del ibm.jobs["gone"]
        ibm.job_seconds = 300

        gone, other = await asyncio.gather(*waits, return_exceptions=True)

        assert isinstance(gone, JobNotFoundError)
        assert not isinstance(other, BaseException)
        assert other.state is JobState.COMPLETED

    async def test_credentials_that_are_no_longer_good_end_every_wait(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ids = await submit_many(transport, spec, 3)
        ibm.fail("GET", "/jobs", refusal(403, 1200, "revoked"), times=100)

        ends = await asyncio.gather(
            *(transport.wait_job(id, timeout=None) for id in ids), return_exceptions=True
        )

        assert {type(end) for end in ends} == {AccessDeniedError}

    async def test_a_look_that_is_refused_for_what_it_is_ends_every_wait(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ids = await submit_many(transport, spec, 3)
        ibm.fail("GET", "/jobs", refusal(400, 1208, "no such parameter"), times=1_000)

        async with asyncio.timeout(30):
            ends = await asyncio.gather(
                *(transport.wait_job(id, timeout=None) for id in ids), return_exceptions=True
            )

        assert {type(end) for end in ends} == {InvalidInputError}

    async def test_a_job_that_cannot_be_read_harms_no_other(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ids = await submit_many(transport, spec, 3)
        ibm.jobs[ids[1]]["program"] = "no object"
        ibm.job_seconds = 0

        ends = await asyncio.gather(
            *(transport.wait_job(id, timeout=None) for id in ids), return_exceptions=True
        )

        assert isinstance(ends[1], ProtocolError)
        assert [getattr(end, "state", None) for end in ends] == ["completed", None, "completed"]

    async def test_closing_ends_a_wait_whose_request_is_under_way(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("slow")
        ibm.fail("GET", "/jobs/slow", "hang")
        waiting = asyncio.ensure_future(transport.wait_job("slow", timeout=None))
        await until(lambda: ibm.count("GET", "/jobs/slow") >= 1)

        await transport.aclose()

        with pytest.raises(ClosedError):
            await waiting


class TestBrokenLives:
    async def test_a_status_that_nobody_knows_is_waited_with_and_given_up_loudly(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        ibm.add_job("odd", "Levitating")
        start = clock.monotonic()

        with pytest.raises(ProtocolError, match="Levitating"):
            await transport.wait_job("odd", timeout=None)

        assert 600 <= clock.monotonic() - start <= 630

    async def test_a_status_that_nobody_knows_may_pass(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("odd", "Levitating")
        waiting = asyncio.ensure_future(transport.wait_job("odd", timeout=None))
        await until(lambda: ibm.count("GET", "/jobs/odd") >= 3)
        ibm.set_status("odd", "Completed")

        assert (await waiting).state is JobState.COMPLETED

    async def test_it_stands_beside_the_state(self, transport: IbmTransport, ibm: Ibm) -> None:
        ibm.add_job("odd", "Running")
        await transport.job("odd")
        ibm.set_status("odd", "Levitating")

        job = await transport.job("odd")

        assert (job.state, job.extra["status"]) == (JobState.RUNNING, "Levitating")

    @pytest.mark.parametrize(
        ("before", "after"),
        [("Completed", "Running"), ("Failed", "Completed"), ("Running", "Queued")],
    )
    async def test_a_job_that_goes_back_in_its_life_breaks_the_protocol(
        self, transport: IbmTransport, ibm: Ibm, before: str, after: str
    ) -> None:
        ibm.add_job("undead", before)
        await transport.job("undead")
        ibm.set_status("undead", after)

        with pytest.raises(ProtocolError) as caught:
            await transport.job("undead")

        assert before.upper() in caught.value.before
        assert after.upper() in caught.value.after

    async def test_a_closed_session_that_is_open_again_breaks_the_protocol(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_session("s-1", state="closed", accepting_jobs=False)
        await transport.session("s-1")
        ibm.add_session("s-1", state="open")

        with pytest.raises(ProtocolError) as caught:
            await transport.session("s-1")

        assert ("CLOSED" in caught.value.before, "OPEN" in caught.value.after) == (True, True)

    async def test_the_flag_of_a_closed_session_may_flip(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_session("s-1", state="closed", accepting_jobs=False)
        before = await transport.session("s-1")
        ibm.sessions["s-1"]["accepting_jobs"] = True

        after = await transport.session("s-1")

        assert after == evolve(before, accepting_jobs=True)

    async def test_an_answer_that_was_overtaken_breaks_nothing(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        job = ibm.add_job("quick", "Running")
        old = refusal(200, 0, "")
        old.text = json.dumps(job)
        ibm.fail("GET", "/jobs/quick", "hold")
        ibm.held_answer = old
        slow = asyncio.ensure_future(transport.job("quick"))
        await until(lambda: ibm.count("GET", "/jobs/quick") >= 1)
        ibm.set_status("quick", "Completed")
        await transport.job("quick")
        ibm.hold.set()

        assert (await slow).state is JobState.COMPLETED
