"""The executor of threads keeps the port's promises, as far as threads can."""

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from swqr_adapters.execution.threads import ThreadExecutor
from swqr_core.errors import ClosedError
from swqr_core.ports.executor import ExecutionRequest, ExecutionStatus

Request = Callable[..., ExecutionRequest]


@pytest.fixture
async def executor(programs: dict[str, str]) -> AsyncIterator[ThreadExecutor]:
    threads = ThreadExecutor(2, programs=programs)
    yield threads
    await threads.aclose()


async def test_bytes_go_in_and_bytes_come_out(
    executor: ThreadExecutor, request_for: Request
) -> None:
    outcome = await executor.execute(request_for("echo", b"[1]"))

    assert (outcome.status, outcome.result) == (ExecutionStatus.COMPLETED, b"[1]")


async def test_a_failing_program_is_an_outcome(
    executor: ThreadExecutor, request_for: Request
) -> None:
    outcome = await executor.execute(request_for("refuse"))

    assert (outcome.status, outcome.reason_code) == (ExecutionStatus.FAILED, 1517)


async def test_jobs_run_side_by_side(
    executor: ThreadExecutor, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    meetings = [make_meeting(), make_meeting()]
    jobs = [
        asyncio.ensure_future(executor.execute(request_for("meet", m.params))) for m in meetings
    ]
    for m in meetings:
        await m.begun()
    for m in meetings:
        await m.release()

    assert [(await job).status for job in jobs] == [ExecutionStatus.COMPLETED] * 2


async def test_cancelling_returns_at_once_and_harms_no_other(
    executor: ThreadExecutor, request_for: Request, meeting: Any
) -> None:
    job = asyncio.ensure_future(executor.execute(request_for("meet", meeting.params)))
    await meeting.begun()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert (await executor.execute(request_for("echo", b"1"))).result == b"1"
    await meeting.release()


async def test_a_job_over_its_wall_limit_is_no_longer_waited_for(
    executor: ThreadExecutor, request_for: Request, meeting: Any
) -> None:
    request = request_for("meet", meeting.params, wall_limit=0.05)
    job = asyncio.ensure_future(executor.execute(request))
    await meeting.begun()
    outcome = await job
    await meeting.release()

    assert (outcome.status, outcome.reason_code) == (ExecutionStatus.TIMED_OUT, 1305)


async def test_closing_ends_all_waits_and_closing_twice_is_fine(
    executor: ThreadExecutor, request_for: Request, meeting: Any
) -> None:
    job = asyncio.ensure_future(executor.execute(request_for("meet", meeting.params)))
    await meeting.begun()
    await executor.aclose()
    await executor.aclose()
    await meeting.release()

    with pytest.raises(ClosedError):
        await job
    with pytest.raises(ClosedError):
        await executor.execute(request_for("echo"))


async def test_any_standard_executor_will_do_and_stays_its_owners(
    programs: dict[str, str], request_for: Request
) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as foreign:
        threads = ThreadExecutor(executor=foreign, programs=programs)
        outcome = await threads.execute(request_for("echo", b"1"))
        await threads.aclose()

        assert outcome.result == b"1"
        assert foreign.submit(int, "2").result() == 2
