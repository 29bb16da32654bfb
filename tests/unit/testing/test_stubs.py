"""The kit's executor and ids."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from swqr_core.errors import ClosedError, JobEndedError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.testing import SequentialIds, StubExecutor


def request(job_id: str) -> ExecutionRequest:
    return ExecutionRequest(job_id=job_id, program_id="sampler", params=b"{}")


async def test_a_stub_completes_jobs_at_once_with_an_empty_result() -> None:
    outcome = await StubExecutor().execute(request("a"))

    assert outcome == ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"{}")


async def test_a_stub_ends_jobs_with_the_outcome_that_it_was_given() -> None:
    canned = ExecutionOutcome(
        status=ExecutionStatus.COMPLETED, result=b"[1]", quantum_seconds=2.5, logs="hello"
    )

    assert await StubExecutor(canned).execute(request("a")) == canned


async def test_a_stub_remembers_what_ran_in_order() -> None:
    stub = StubExecutor()
    await stub.execute(request("b"))

    await stub.execute(request("a"))

    assert stub.ran == [request("b"), request("a")]


async def test_a_manual_stub_runs_a_job_until_it_is_told_to_finish() -> None:
    stub = StubExecutor(manual=True)
    execution = asyncio.ensure_future(stub.execute(request("a")))

    seen = await stub.started("a"), stub.running

    stub.finish("a", result=b"7", quantum_seconds=3.0, logs="l", metrics={"num_qubits": 2})

    assert seen == (request("a"), ("a",))

    assert await execution == ExecutionOutcome(
        status=ExecutionStatus.COMPLETED,
        result=b"7",
        quantum_seconds=3.0,
        logs="l",
        metrics={"num_qubits": 2},
    )
    assert stub.running == ()


async def test_a_manual_stub_fails_a_job_as_it_is_told() -> None:
    stub = StubExecutor(manual=True)
    execution = asyncio.ensure_future(stub.execute(request("a")))
    await stub.started("a")

    stub.fail("a", reason="no", reason_code=1517, result=b"Traceback")

    assert await execution == ExecutionOutcome(
        status=ExecutionStatus.FAILED, reason="no", reason_code=1517, result=b"Traceback"
    )


@pytest.mark.parametrize("manual", [True, False])
async def test_an_ending_can_be_told_before_the_job_starts(manual: bool) -> None:
    stub = StubExecutor(manual=manual)
    stub.finish("a", result=b"early")

    outcome = await stub.execute(request("a"))

    assert outcome.result == b"early"


async def test_one_job_s_end_leaves_the_others_running() -> None:
    stub = StubExecutor(manual=True)
    executions = [asyncio.ensure_future(stub.execute(request(name))) for name in "abc"]
    await stub.started("c")

    stub.finish("b")
    await executions[1]

    assert stub.running == ("a", "c")
    await stub.aclose()
    await asyncio.gather(*executions, return_exceptions=True)


@pytest.mark.parametrize("manual", [True, False])
async def test_an_execution_that_has_ended_cannot_end_again(manual: bool) -> None:
    stub = StubExecutor(manual=manual)
    stub.finish("a")
    await stub.execute(request("a"))

    with pytest.raises(JobEndedError):
        stub.fail("a")


async def test_an_execution_that_is_ending_cannot_end_otherwise() -> None:
    stub = StubExecutor(manual=True)
    execution = asyncio.ensure_future(stub.execute(request("a")))
    await stub.started("a")
    stub.finish("a")

    with pytest.raises(JobEndedError):
        stub.fail("a")
    assert (await execution).status is ExecutionStatus.COMPLETED


async def test_a_cancelled_execution_is_observed() -> None:
    stub = StubExecutor(manual=True)
    execution = asyncio.ensure_future(stub.execute(request("a")))
    await stub.started("a")

    execution.cancel()
    await asyncio.gather(execution, return_exceptions=True)

    assert (stub.cancelled, stub.running) == (["a"], ())


async def test_a_closed_stub_runs_nothing_and_ends_what_ran() -> None:
    stub = StubExecutor(manual=True)
    execution = asyncio.ensure_future(stub.execute(request("a")))
    await stub.started("a")

    await stub.aclose()
    await stub.aclose()

    with pytest.raises(ClosedError):
        await execution
    with pytest.raises(ClosedError):
        await stub.execute(request("b"))
    assert stub.cancelled == []


def test_ids_are_counted_each_kind_for_itself() -> None:
    ids = SequentialIds("x-")

    made = [ids.job_id(), ids.session_id(), ids.job_id(), ids.key()]

    assert made == ["x-job-1", "x-session-1", "x-job-2", "x-key-1"]


def test_ids_do_not_repeat_between_threads() -> None:
    ids = SequentialIds()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids.job_id(), range(1000)))

    assert len(set(made)) == 1000
