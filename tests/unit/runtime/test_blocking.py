"""The blocking runtime: threads, loops, forks and the end of the process."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from swqr_core import AsyncRuntime, Capabilities, Job, Principal, Runtime, Session
from swqr_core.errors import ClosedError, ConfigurationError, ProtocolError, StateConflictError
from swqr_core.model.query import Page

from .test_asynchronous import job, session


class Counting:
    """A transport that knows its loop and whether it is closed."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.loop = asyncio.get_running_loop()
        self.closed = self.asked = 0
        self.capabilities = Capabilities(transport="counting")
        self.principal = Principal()

    async def backends(self) -> tuple[object, ...]:
        assert asyncio.get_running_loop() is self.loop
        return ()

    async def job(self, id: str) -> Job:
        assert asyncio.get_running_loop() is self.loop
        self.asked += 1
        return job(id)

    async def session(self, _: str) -> Session:
        assert asyncio.get_running_loop() is self.loop
        self.asked += 1
        return session()

    async def aclose(self) -> None:
        self.closed += 1


class Failing(Counting):
    left = 1

    def __init__(self) -> None:
        if type(self).left:
            type(self).left -= 1
            raise ConfigurationError("here", "not yet")
        super().__init__()


class Stuck(Counting):
    async def aclose(self) -> None:
        raise OSError("cannot close")


def make_with(kind: type[Counting], into: list[Any]) -> Any:
    async def make() -> Any:
        into.append(kind())
        return into[-1]

    return make


@pytest.fixture
def transports() -> list[Counting]:
    return []


@pytest.fixture
def others() -> set[threading.Thread]:
    """The threads that other tests have left running."""
    return set(threading.enumerate())


@pytest.fixture
def runtime(transports: list[Counting]) -> Iterator[Runtime]:
    with Runtime(make_with(Counting, transports)) as runtime:
        yield runtime


def test_nothing_starts_before_the_first_call(
    others: set[threading.Thread], runtime: Runtime, transports: list[Any]
) -> None:
    assert transports == []
    assert set(threading.enumerate()) == others


def test_the_same_page_again_that_promises_more_is_told(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "jobs", lambda _: Page(items=(job("j"),), total=2**60))

    with pytest.raises(ProtocolError, match="the same page again"):
        list(runtime.iter_jobs())


def test_many_threads_share_one_transport_on_one_loop(
    runtime: Runtime, transports: list[Counting]
) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: runtime.backends(), range(200)))

    assert answers == [()] * 200
    assert len(transports) == 1


async def test_it_works_inside_a_running_event_loop(runtime: Runtime) -> None:
    assert runtime.backends() == ()


def test_its_own_loop_is_refused_instead_of_blocked_for_ever(runtime: Runtime) -> None:
    async def inside(_: AsyncRuntime) -> object:
        return runtime.backends()

    with pytest.raises(StateConflictError, match="own event loop"):
        runtime.run(inside)


def test_closing_closes_the_transport_once_and_stops_the_thread(
    others: set[threading.Thread], runtime: Runtime, transports: list[Counting]
) -> None:
    runtime.backends()
    runtime.close()
    runtime.close()

    assert transports[0].closed == 1
    assert set(threading.enumerate()) <= others


def test_a_closed_runtime_says_so(runtime: Runtime) -> None:
    runtime.close()

    with pytest.raises(ClosedError):
        runtime.backends()


def test_a_transport_that_could_not_be_made_is_tried_again(transports: list[Counting]) -> None:
    with Runtime(make_with(Failing, transports)) as runtime:
        with pytest.raises(ConfigurationError):
            runtime.backends()

        assert runtime.backends() == ()


def test_closing_waits_for_a_call_that_has_begun(runtime: Runtime) -> None:
    loop_thread = runtime._thread  # noqa: SLF001 - the race is in there
    closing = threading.Thread(target=runtime.close)

    async def answer() -> str:
        return "answered"

    def begin() -> Coroutine[Any, Any, str]:
        closing.start()
        closing.join(0.05)  # it cannot end before the loop has the work
        return answer()

    assert loop_thread.call(begin) == "answered"
    closing.join()


def test_its_own_loop_cannot_close_it_and_others_still_can(
    others: set[threading.Thread], runtime: Runtime, transports: list[Counting]
) -> None:
    async def inside(_: AsyncRuntime) -> None:
        runtime.close()

    with pytest.raises(StateConflictError, match="own event loop"):
        runtime.run(inside)
    runtime.close()

    assert transports[0].closed == 1
    assert set(threading.enumerate()) <= others


def test_a_transport_that_fails_to_close_leaves_no_thread(
    others: set[threading.Thread], transports: list[Counting]
) -> None:
    runtime = Runtime(make_with(Stuck, transports))
    runtime.backends()

    with pytest.raises(OSError, match="cannot close"):
        runtime.close()

    assert set(threading.enumerate()) <= others


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_makes_a_transport_of_its_own(
    runtime: Runtime, transports: list[Counting]
) -> None:
    runtime.backends()
    child = os.fork()
    if child == 0:
        try:
            runtime.backends()
            os._exit(len(transports))
        finally:
            os._exit(99)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert runtime.backends() == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_handles_of_the_parent_use_the_transport_of_the_child_after_a_fork(
    runtime: Runtime, transports: list[Counting]
) -> None:
    its_job, its_session = runtime.attach_job("j-1"), runtime.attach_session("s-1")
    child = os.fork()
    if child == 0:
        try:
            its_job.refresh()
            its_session.refresh()
            os._exit(transports[1].asked)
        finally:
            os._exit(99)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_child_does_not_touch_the_connections_of_its_parent(end: str) -> None:
    program = f"""
import asyncio, gc, os, socket, sys, threading
from swqr_core import Capabilities, Runtime

listener = socket.create_server(("127.0.0.1", 0))

def echo():
    connection, _ = listener.accept()
    while data := connection.recv(9):
        connection.sendall(data)

threading.Thread(target=echo, daemon=True).start()

class Transport:
    capabilities = Capabilities(transport="t")
    def __init__(self, reader, writer): self.reader, self.writer = reader, writer
    def __del__(self): self.writer.close()  # as HTTP clients do
    async def backends(self):
        self.writer.write(b"x")
        return await asyncio.wait_for(self.reader.readexactly(1), 10)
    async def aclose(self): self.writer.close()

async def make(): return Transport(*await asyncio.open_connection(*listener.getsockname()))

runtime = Runtime(make)
runtime.backends()
if (child := os.fork()) == 0:
    gc.collect()
    {end}
os.waitpid(child, 0)
print(runtime.backends())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout == "b'x'\n", done.stderr


def test_a_transport_for_which_nobody_waited_in_the_end_is_closed(
    transports: list[Counting],
) -> None:
    made = threading.Event()

    async def make() -> Any:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await asyncio.sleep(0.2)  # by then the caller has given up
        transports.append(Counting())
        made.set()
        return transports[-1]

    runtime = Runtime(make)
    with pytest.raises(KeyboardInterrupt):
        runtime.backends()
    assert made.wait(10)
    runtime.close()

    assert [transport.closed for transport in transports] == [1]


def test_a_call_that_is_under_way_when_it_is_closed_says_so(runtime: Runtime) -> None:
    begun = threading.Event()

    async def wait(_: AsyncRuntime) -> None:
        begun.set()
        await asyncio.sleep(60)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(runtime.run, wait)
        begun.wait(10)
        runtime.close()

        with pytest.raises(ClosedError):
            waiting.result(10)


def test_at_the_end_of_the_process_what_is_open_is_closed() -> None:
    program = """
import asyncio
from swqr_core import Capabilities, Runtime

class Transport:
    capabilities = Capabilities(transport="t")
    async def backends(self): return await asyncio.to_thread(tuple)
    async def aclose(self): print("closed")

async def make(): return Transport()

Runtime(make).backends()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_every_use_case_has_a_blocking_twin_with_the_same_parameters() -> None:
    import inspect

    ours = {"run", "connect", "close"}
    not_here = {"aclose"}
    for name, method in inspect.getmembers(AsyncRuntime, inspect.isfunction):
        if name.startswith("_") or name in ours | not_here:
            continue
        twin = inspect.signature(getattr(Runtime, name))
        assert list(twin.parameters) == list(inspect.signature(method).parameters), name
