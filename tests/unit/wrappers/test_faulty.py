"""What a caller meets on a bad network, and what is true on the other side of it."""

import asyncio
import random  # noqa: TID251 - seeded, and passed in
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from swqr_core.errors import (
    InvalidInputError,
    JobNotFoundError,
    OutcomeUnknownError,
    UnreachableError,
)
from swqr_core.model.query import JobQuery
from swqr_core.wrappers import (
    Call,
    Fault,
    FaultyTransport,
    Loss,
    RandomFaults,
    ScriptedFaults,
)

if TYPE_CHECKING:
    from tests.unit.wrappers.conftest import Platform


@pytest.fixture
def faults() -> ScriptedFaults:
    return ScriptedFaults()


@pytest.fixture
def faulty(platform: "Platform", faults: ScriptedFaults) -> FaultyTransport:
    return FaultyTransport(platform.transport, faults, platform.clock)


async def count(platform: "Platform") -> int:
    return (await platform.transport.jobs(JobQuery(limit=1))).total


@pytest.mark.parametrize(
    ("loss", "error", "happened"),
    [
        (Loss.CONNECTION, UnreachableError, 0),
        (Loss.REQUEST, OutcomeUnknownError, 0),
        (Loss.ANSWER, OutcomeUnknownError, 1),
    ],
)
async def test_a_submission_is_lost_on_its_way(
    platform: "Platform", loss: Loss, error: type[Exception], happened: int
) -> None:
    faults = ScriptedFaults()
    faulty = FaultyTransport(platform.transport, faults, platform.clock)
    faults.lose("submit", loss)

    with pytest.raises(error):
        await faulty.submit(platform.job, b"{}", key="k")

    assert await count(platform) == happened


async def test_what_was_lost_says_under_which_key_to_look(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.lose("submit")

    with pytest.raises(OutcomeUnknownError) as caught:
        await faulty.submit(platform.job, b"{}", key="k")

    assert (caught.value.transport, caught.value.action, caught.value.key) == (
        "memory",
        "submit",
        "k",
    )


async def test_a_repetition_after_a_lost_answer_finds_the_job(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.lose("submit")
    with pytest.raises(OutcomeUnknownError):
        await faulty.submit(platform.job, b"{}", key="k")

    job = await faulty.submit(platform.job, b"{}", key="k")

    assert job.id == "job-1"
    assert await count(platform) == 1


async def test_a_request_can_arrive_after_its_caller_gave_up(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    platform.executor.finish("job-1")
    faults.add("submit", Fault(loss=Loss.PATIENCE, there=30))
    with pytest.raises(OutcomeUnknownError):
        await faulty.submit(platform.job, b"{}", key="k")
    before = await count(platform)
    await platform.clock.advance(30)

    assert (before, await count(platform)) == (0, 1)


async def test_requests_overtake_one_another(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.add("submit", Fault(there=5))
    faults.add("submit", Fault(there=1))
    first = asyncio.ensure_future(faulty.submit(platform.job, b"1", key="1"))
    second = asyncio.ensure_future(faulty.submit(platform.job, b"2", key="2"))
    for job_id in ("job-1", "job-2"):
        platform.executor.finish(job_id)
    await platform.clock.advance(5)

    assert ((await second).id, (await first).id) == ("job-1", "job-2")


async def test_a_request_that_arrives_twice_makes_one_job(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    platform.executor.finish("job-1")
    faults.add("submit", Fault(again=10))
    await faulty.submit(platform.job, b"{}", key="k")
    await platform.clock.advance(10)

    assert await count(platform) == 1


async def test_a_query_without_an_answer_can_simply_be_asked_again(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    job = await faulty.submit(platform.job, b"{}", key="k")
    faults.lose("job")

    with pytest.raises(UnreachableError):
        await faulty.job(job.id)

    assert (await faulty.job(job.id)).id == job.id


async def test_a_lost_private_result_may_be_gone(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    job = await faulty.submit(evolve(platform.job, private=True), b"{}", key="k")
    platform.executor.finish(job.id, result=b"[1]")
    await faulty.wait_job(job.id, timeout=None)
    faults.lose("result")

    with pytest.raises(OutcomeUnknownError):
        await faulty.result(job.id)

    assert await faulty.result(job.id) is None


async def test_an_error_is_an_answer_that_can_be_lost_too(
    faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.lose("cancel_job")

    with pytest.raises(OutcomeUnknownError) as caught:
        await faulty.cancel_job("no-such-job")

    assert caught.value.key == "no-such-job"
    with pytest.raises(JobNotFoundError):
        await faulty.cancel_job("no-such-job")


async def test_closing_drops_what_is_under_way(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.add("submit", Fault(loss=Loss.PATIENCE, there=30))
    with pytest.raises(OutcomeUnknownError):
        await faulty.submit(platform.job, b"{}", key="k")

    await faulty.aclose()
    await platform.clock.advance(30)

    assert platform.executor.ran == []


def test_a_told_fault_happens_once_and_to_its_method_alone(faults: ScriptedFaults) -> None:
    faults.lose("submit")

    met = [faults.fault(Call(method=method)) for method in ("job", "submit", "submit")]

    assert met == [None, Fault(loss=Loss.ANSWER), None]
    assert faults.left == 0


@pytest.mark.parametrize("name", ["loss", "copies"])
def test_a_probability_that_is_none_is_refused(name: str) -> None:
    chances: dict[str, Any] = {name: 5}

    with pytest.raises(InvalidInputError, match=f"{name}: must be a number from 0 to 1, not 5"):
        RandomFaults(chance=random.Random(0), **chances)


def test_the_same_seed_gives_the_same_faults() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        plan = RandomFaults(
            chance=random.Random(seed), loss=0.3, delay=2.0, copies=0.2, spared={"usage"}
        )
        return [plan.fault(Call(method=method)) for method in ["submit", "usage", "job"] * 50]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert set(drawn(7)[1::3]) == {None}
    assert {fault.loss for fault in drawn(7) if fault} == {None, *Loss}


async def test_whatever_is_asked_next_can_be_lost_until_nothing_goes_wrong_any_more(
    platform: "Platform", faulty: FaultyTransport, faults: ScriptedFaults
) -> None:
    faults.lose("*", Loss.CONNECTION, times=10)
    for ask in (faulty.backends, faulty.instances):
        with pytest.raises(UnreachableError):
            await ask()

    faults.clear()

    assert faults.left == 0
    assert await faulty.backends()
