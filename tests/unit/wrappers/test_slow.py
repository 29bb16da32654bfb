"""A transport that takes its time."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from swqr_core.errors import JobNotFoundError
from swqr_core.wrappers import Call, SlowTransport

if TYPE_CHECKING:
    from tests.unit.wrappers.conftest import Platform


async def test_an_answer_comes_after_both_ways(platform: "Platform") -> None:
    slow = SlowTransport(platform.transport, platform.clock, there=2, back=3)
    asking = asyncio.ensure_future(slow.usage())
    await platform.clock.advance(4.5)
    before = asking.done()
    await platform.clock.advance(0.5)

    assert (before, asking.done()) == (False, True)


async def test_an_error_takes_the_way_back_too(platform: "Platform") -> None:
    slow = SlowTransport(platform.transport, platform.clock, back=3)
    asking = asyncio.ensure_future(slow.job("nope"))
    await platform.clock.advance(2)
    before = asking.done()
    await platform.clock.advance(1)

    assert not before
    with pytest.raises(JobNotFoundError):
        await asking


async def test_whoever_gives_up_does_not_wait_for_the_way_back(platform: "Platform") -> None:
    slow = SlowTransport(platform.transport, platform.clock, back=3)
    job = await platform.transport.submit(platform.job, b"{}", key="k")
    waiting = asyncio.ensure_future(slow.wait_job(job.id, timeout=None))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=1)

    assert waiting.cancelled()


async def test_each_call_may_have_its_own_delay(platform: "Platform") -> None:
    def seconds(call: Call) -> float:
        return 60 if call.method == "usage" else 0

    slow = SlowTransport(platform.transport, platform.clock, there=seconds)
    asking = asyncio.ensure_future(slow.usage())

    names = [backend.name for backend in await slow.backends()]

    assert names == ["ideal_5"]
    assert not asking.done()
    await platform.clock.advance(60)
    await asking


def test_a_wrapper_says_what_it_is_around() -> None:
    async def make() -> str:
        from swqr_core.clock import VirtualClock

        class Nothing:
            def __repr__(self) -> str:
                return "<Nothing>"

        return repr(SlowTransport(Nothing(), VirtualClock()))  # type: ignore[arg-type]

    assert asyncio.run(make()) == "<SlowTransport around <Nothing>>"
