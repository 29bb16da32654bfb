"""How long the kit waits for what may never happen.

Where nothing else can happen any more, patience is lost at once: a test of a platform on virtual
time that waits for ever fails in milliseconds. That is known where all work is done on the kit's
own loop, by this: no socket or pipe is watched, nothing runs in a thread that is younger than this
module, and the next timer is that of the patience itself. Elsewhere patience takes real time.
"""

import asyncio
import selectors
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack
from weakref import WeakSet

__all__ = ["WaitedInVain", "new_runner", "patience"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_OWN_FILES: Final = 1
"""What a loop without work watches: its own end of the pipe that wakes it."""

_POOL: Final = "asyncio_"
"""How the names of the threads begin that wait for work of a loop; what they do is counted."""

_EARLIER = WeakSet(threading.enumerate())
"""Threads of whoever runs the tests; pytest-xdist has one, for example."""

_LIBRARY: Final = str(Path(asyncio.__file__).parent.parent)
"""Where the standard library is."""

_SAME: Final = 0.01
"""Seconds within which another timer would come too late."""


class WaitedInVain(AssertionError):  # noqa: N818 - what happened
    """Something did not happen.

    Attributes:
        seconds: How long it was waited for; None if nothing else could happen any more.
    """

    def __init__(self, what: str, seconds: float | None, where: str = "") -> None:
        self.seconds = seconds
        told = (
            f"waits for ever: {what}, and nothing can happen any more"
            if seconds is None
            else f"waited {seconds:g} s in vain: {what}"
        )
        super().__init__(told + where)


class _Selector(selectors.DefaultSelector):
    """Tells a loop's patience when there is nothing left to wait for."""

    patience: asyncio.Timeout | None = None
    in_threads = 0
    was_quiet = False

    def select(self, timeout: float | None = None) -> Any:
        if self.patience is not None and timeout != 0 and self._is_quiet(self.patience, timeout):
            self.was_quiet = True
            self.patience.reschedule(0)  # long ago, so it is over in the next round
            timeout = 0
        return super().select(timeout)

    def _is_quiet(self, patience: asyncio.Timeout, timeout: float | None) -> bool:
        until = patience.when()
        if until is None or self.in_threads or len(self.get_map()) > _OWN_FILES:
            return False
        next_timer = until if timeout is None else asyncio.get_running_loop().time() + timeout
        return next_timer > until - _SAME and not any(
            thread is not threading.current_thread() and not thread.name.startswith(_POOL)
            for thread in threading.enumerate()
            if thread not in _EARLIER
        )


class _Loop(asyncio.SelectorEventLoop):
    """A loop that knows whether anything can still happen on it."""

    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        future = super().run_in_executor(executor, func, *args)
        self.selector.in_threads += 1
        future.add_done_callback(self._count_down)
        return future

    def _count_down(self, _: object) -> None:
        self.selector.in_threads -= 1


def new_runner() -> asyncio.Runner:
    """Return a runner whose loop knows when nothing can happen any more, where loops are plain."""
    return asyncio.Runner(loop_factory=_new_loop)


def _new_loop() -> asyncio.AbstractEventLoop:
    usual = asyncio.new_event_loop()
    if type(usual) is not asyncio.SelectorEventLoop:
        return usual  # Windows has another one, and some people choose theirs
    usual.close()
    return _Loop()


@asynccontextmanager
async def patience(seconds: float, what: str) -> AsyncIterator[None]:
    """Turn a wait that takes for ever into a failure that says what did not happen.

    Args:
        seconds: The longest real time that it may take.
        what: What did not happen, as a sentence without its full stop.

    Raises:
        WaitedInVain: It took longer, or nothing else can happen any more.
    """
    loop = asyncio.get_running_loop()
    selector = loop.selector if isinstance(loop, _Loop) else _Selector()
    outer, selector.was_quiet = selector.patience, False
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            selector.patience = timeout
            yield
    except TimeoutError as error:
        if not timeout.expired():
            raise
        lost = None if selector.was_quiet else seconds
        raise WaitedInVain(what, lost, _where(error.__cause__)) from None
    finally:
        selector.patience = outer


def _where(cancelled: BaseException | None) -> str:
    """Return where a task that was cancelled has waited, as far as that is not asyncio's code."""
    frames = traceback.extract_tb(None if cancelled is None else cancelled.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((_LIBRARY, __file__))]
    return f"\n  in {own[-1].name}, {own[-1].filename}:{own[-1].lineno}" if own else ""
