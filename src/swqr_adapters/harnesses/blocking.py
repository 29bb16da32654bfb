"""The blocking ``Runtime`` as a platform's transport: threads instead of tasks."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from math import isclose
from typing import Any, Final, TypeVar

from swqr_core.clock import VirtualClock
from swqr_core.errors import ClosedError
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.runtime.blocking import BlockingJob, BlockingSession, Runtime
from swqr_core.runtime.policies import RetryPolicy
from swqr_core.testing.harness import Seat
from swqr_core.wrappers.delegation import Call, EveryCall

from .ibm import IbmHarness

__all__ = ["RuntimeHarness"]

T = TypeVar("T")

_THREADS: Final = 200
"""More than the kit ever lets wait at once."""

_ROUNDS: Final = 5
"""How often the loop goes round until a task that was just made has called."""

_SAME: Final = 1e-6
"""Seconds by which a timeout may differ after it was reckoned with."""


class RuntimeHarness(IbmHarness):
    """A server on this machine, and for each transport a ``Runtime`` that is called from threads.

    Each runtime has its own loop in its own thread, so all that it shares with the platform is a
    socket and the time. Closing a transport closes no session, but closing a runtime drains those
    that it opened. So its connections go first, as if its process had been killed: the platform
    hears nothing more, and the sessions stay as they are.
    """

    simulated = False

    async def start(self) -> None:
        """Make the cloud, the server, and threads to call from."""
        await super().start()
        self._time = _TimeElsewhere(self.clock)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="swqr caller")

    async def stop(self) -> None:
        """Stop the server and the threads."""
        await super().stop()
        self._threads.shutdown()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        """Return a new runtime, in the shape of a transport."""
        faults = self.faults

        async def make() -> RuntimeTransport:
            return await self._client(self.server, seat, clock=self._time, faults=faults)

        runtime = Runtime(make, clock=self._time, retry=RetryPolicy(first_delay=0.0))
        return await _OverRuntime.start(runtime, self._threads, self._time)

    async def advance(self, seconds: float) -> None:
        """Let virtual time pass, once everybody who waits does so."""
        await self._time.everybody_waits()
        await super().advance(seconds)


class _TimeElsewhere:
    """The ``Clock`` port on a virtual clock of another loop."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._home = asyncio.get_running_loop()
        self._coming: dict[object, float] = {}
        self._settled = asyncio.Event()
        self._settled.set()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        there = asyncio.run_coroutine_threadsafe(self._sleep(seconds), self._home)
        await asyncio.wrap_future(there)

    async def _sleep(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        await asyncio.sleep(0)
        for who, expected in self._coming.items():
            if isclose(seconds, expected, abs_tol=_SAME):  # not a pause of the poller's
                self.arrived(who)
                break
        await sleeping

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()  # only the clock's own loop may hold it

    # --- who is about to wait, on the clock's own loop -----------------------------------------

    def coming(self, seconds: float) -> object:
        """Say that somebody will sleep for that long, who has not got there yet."""
        who = object()
        self._coming[who] = seconds
        self._settled.clear()
        return who

    def arrived(self, who: object) -> None:
        """Say that somebody sleeps, or will not after all."""
        self._coming.pop(who, None)
        if not self._coming:
            self._settled.set()

    async def everybody_waits(self) -> None:
        """Return once all who were about to sleep do so, those who have just begun among them."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        await self._settled.wait()


class _OverRuntime(EveryCall):
    """The port over a ``Runtime``: every call goes to a thread."""

    def __init__(
        self,
        runtime: Runtime,
        threads: ThreadPoolExecutor,
        time: _TimeElsewhere,
        capabilities: Capabilities,
        principal: Principal,
    ) -> None:
        self._runtime, self._threads, self._time = runtime, threads, time
        self.capabilities, self.principal = capabilities, principal

    @classmethod
    async def start(
        cls, runtime: Runtime, threads: ThreadPoolExecutor, time: _TimeElsewhere
    ) -> "_OverRuntime":
        loop = asyncio.get_running_loop()
        try:
            able = await loop.run_in_executor(threads, lambda: runtime.capabilities)
        except BaseException:
            await loop.run_in_executor(threads, runtime.close)
            raise
        return cls(runtime, threads, time, able, runtime.principal)

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002
        method = getattr(self._runtime, call.method)
        timeout: Any = call.arguments["timeout"] if call.method == "wait_job" else None
        who = self._time.coming(timeout) if timeout else None
        done = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: method(**call.arguments)
        )
        if who is not None:
            done.add_done_callback(lambda _: self._time.arrived(who))
        answer: Any = await done
        is_handle = isinstance(answer, BlockingJob | BlockingSession)
        result: T = answer.snapshot if is_handle else answer
        return result

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._crash)

    def _crash(self) -> None:
        with suppress(ClosedError):  # closing twice is fine
            self._runtime.run(lambda runtime: runtime.transport.aclose())
        self._runtime.close()  # its goodbye to the sessions does not get through
