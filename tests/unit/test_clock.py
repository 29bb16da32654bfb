"""The virtual clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from swqr_core import VirtualClock
from swqr_core.errors import InvalidInputError


async def test_time_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock()
    before = clock.now(), clock.monotonic()
    await asyncio.sleep(0)

    assert (clock.now(), clock.monotonic()) == before


async def test_advancing_moves_both_faces_of_the_clock() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    clock = VirtualClock(start)
    await clock.advance(8 * 3_600)

    assert clock.now() - start == timedelta(hours=8)
    assert clock.monotonic() == 8 * 3_600


async def test_sleepers_wake_in_the_order_of_their_deadlines_each_at_its_own_time() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
            group.create_task(sleeper(name, seconds))
        await clock.advance(60)

    assert woken == [("early", 10.0), ("middle", 20.0), ("late", 30.0)]


async def test_a_sleeper_that_sleeps_again_is_woken_again_on_the_way() -> None:
    clock = VirtualClock()
    ticks: list[float] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(ticker())
    await clock.advance(35)
    task.cancel()

    assert ticks == [10.0, 20.0, 30.0]


async def test_a_cancelled_sleeper_is_passed_over() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(20)

    assert task.cancelled()
    assert clock.monotonic() == 20


@pytest.mark.parametrize("seconds", [1e12, 1e300, pytest.param(10**400, id="10**400")])
async def test_time_does_not_go_beyond_the_calendar(seconds: float) -> None:
    clock = VirtualClock()
    before = clock.now()

    with pytest.raises(InvalidInputError, match="calendar"):
        await clock.advance(seconds)

    assert clock.now() == before


async def test_time_does_not_pass_while_somebody_holds_the_clock() -> None:
    clock = VirtualClock()
    with clock.hold():
        moving = asyncio.create_task(clock.advance(10))
        await asyncio.sleep(0)
        held_at = clock.monotonic()
    await moving

    assert (held_at, clock.monotonic()) == (0.0, 10.0)


async def test_time_waits_between_two_sleepers_for_who_was_woken_first() -> None:
    clock = VirtualClock()
    go_on = asyncio.Event()
    seen: list[float] = []

    async def worker() -> None:
        await clock.sleep(10)
        with clock.hold():
            await go_on.wait()
            seen.append(clock.monotonic())

    async def later() -> None:
        await clock.sleep(20)
        seen.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        group.create_task(worker())
        group.create_task(later())
        moving = group.create_task(clock.advance(30))
        for _ in range(200):
            await asyncio.sleep(0)
        assert not moving.done()
        go_on.set()

    assert seen == [10.0, 20.0]


async def test_time_does_not_go_back() -> None:
    with pytest.raises(InvalidInputError, match="go back"):
        await VirtualClock().advance(-1)


def test_a_clock_starts_in_utc() -> None:
    with pytest.raises(InvalidInputError, match="UTC"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001


async def test_whoever_moves_time_while_it_is_held_goes_on_when_it_is_let_go() -> None:
    clock = VirtualClock()
    with clock.hold():
        moving = [asyncio.create_task(clock.advance(10)) for _ in range(2)]
        for _ in range(3):
            await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(*moving)
