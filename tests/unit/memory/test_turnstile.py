"""The turnstile in front of submissions."""

import asyncio

from swqr_adapters.transports.memory.turnstile import Turnstile


async def test_a_crowd_passes_in_order_a_few_in_each_round() -> None:
    turnstile, rounds, passed = Turnstile(10), [0], list[tuple[int, int]]()

    async def one(number: int) -> None:
        await turnstile.enter()
        passed.append((rounds[0], number))

    async def count() -> None:
        while True:
            rounds[0] += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await asyncio.gather(*(one(number) for number in range(35)))
    counter.cancel()

    assert [number for _, number in passed] == list(range(35))
    assert max(sum(1 for r, _ in passed if r == this) for this, _ in passed) == 10


async def test_who_gives_up_does_not_hold_up_the_others() -> None:
    turnstile = Turnstile(1)
    tasks = [asyncio.create_task(turnstile.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait(tasks)

    assert [task.cancelled() for task in tasks] == [False, True, False]
