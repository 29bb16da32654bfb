"""What is on its way is bounded, and those who wait are served in their order."""

import asyncio

import pytest

from swqr_adapters.server.budget import Budget
from swqr_adapters.server.problems import HttpProblem


async def hold(budget: Budget, size: int, seen: list[int], release: asyncio.Event) -> None:
    async with budget.hold(size, timeout=60):
        seen.append(size)
        await release.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_wants_more_than_is_left_waits_for_its_turn() -> None:
    budget, seen = Budget(10), list[int]()
    events = {size: asyncio.Event() for size in (8, 6, 1)}
    tasks = [asyncio.ensure_future(hold(budget, size, seen, events[size])) for size in (8, 6, 1)]
    await settle()
    before = list(seen)
    events[8].set()
    await settle()

    assert before == [8]  # the small one does not overtake
    assert seen == [8, 6, 1]
    for event in events.values():
        event.set()
    await asyncio.gather(*tasks)
    assert budget.used == 0


async def test_more_than_all_counts_as_all() -> None:
    budget = Budget(10)

    async with budget.hold(1000, timeout=60):
        assert budget.used == 10

    assert budget.used == 0


async def test_who_gives_up_takes_nothing_and_blocks_nobody() -> None:
    budget, seen = Budget(10), list[int]()
    events = {size: asyncio.Event() for size in (8, 6, 1)}
    tasks = [asyncio.ensure_future(hold(budget, size, seen, events[size])) for size in (8, 6, 1)]
    await settle()
    tasks[1].cancel()
    await settle()

    assert seen == [8, 1]
    for event in events.values():
        event.set()
    await asyncio.gather(*tasks, return_exceptions=True)  # to the end of all, the cancelled one too
    assert budget.used == 0


async def test_a_wait_has_an_end() -> None:
    budget = Budget(10)

    async with budget.hold(10, timeout=60):
        with pytest.raises(HttpProblem) as caught:
            async with budget.hold(1, timeout=0.001):
                raise AssertionError

    assert caught.value.status == 503
    assert budget.used == 0
