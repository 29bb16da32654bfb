"""How long the kit waits: not at all where nothing can happen any more."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from swqr_core.testing.patience import WaitedInVain, new_runner, patience

pytestmark = pytest.mark.usefixtures("threads_of_its_own")

Wait = Callable[[], Awaitable[object]]


def lose(wait: Wait, *, seconds: float) -> WaitedInVain:
    """Return how patience is lost with something."""

    async def go() -> None:
        async with patience(seconds, "it did not happen"):
            await wait()

    with new_runner() as runner, pytest.raises(WaitedInVain) as caught:
        runner.run(go())
    return caught.value


async def never() -> None:
    await asyncio.get_running_loop().create_future()


def test_what_nobody_can_end_is_not_waited_for() -> None:
    lost = lose(never, seconds=3600)

    assert lost.seconds is None
    assert str(lost).splitlines() == [
        "waits for ever: it did not happen, and nothing can happen any more",
        f"  in never, {__file__}:{never.__code__.co_firstlineno + 1}",
    ]


async def watch_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        await asyncio.get_running_loop().sock_recv(ours, 1)


async def watch_a_thread() -> None:
    end = threading.Event()
    threading.Thread(target=end.wait).start()
    try:
        await never()
    finally:
        end.set()


@pytest.mark.parametrize("wait", [watch_a_socket, watch_a_thread])
def test_what_may_come_from_elsewhere_is_waited_for(wait: Wait) -> None:
    lost = lose(wait, seconds=0.05)

    assert lost.seconds == 0.05
    assert str(lost).startswith("waited 0.05 s in vain: it did not happen\n")


async def work_in_a_thread() -> str:
    await asyncio.to_thread(threading.Event().wait, 0.05)
    return "done"


async def pause() -> str:
    return await asyncio.sleep(0.05, "done")


async def be_called() -> str:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, future.set_result, "done")
    return await future


@pytest.mark.parametrize("work", [work_in_a_thread, pause, be_called])
def test_whoever_needs_a_moment_gets_it(work: Callable[[], Awaitable[str]]) -> None:
    async def go() -> str:
        async with patience(30, "it did not happen"):
            return await work()

    with new_runner() as runner:
        assert runner.run(go()) == "done"


def test_a_timer_that_comes_after_the_end_of_patience_is_not_waited_for() -> None:
    assert lose(lambda: asyncio.sleep(7200), seconds=3600).seconds is None


def test_a_timeout_inside_is_its_own() -> None:
    async def go() -> None:
        async with patience(30, "it did not happen"), asyncio.timeout(0.01):
            await never()

    with new_runner() as runner, pytest.raises(TimeoutError):
        runner.run(go())


def test_a_loop_that_somebody_chose_is_taken_as_it_is() -> None:
    async def go() -> None:
        async with patience(0.05, "it did not happen"):
            await never()

    with pytest.raises(WaitedInVain, match=r"^waited 0\.05 s in vain"):
        asyncio.run(go())
