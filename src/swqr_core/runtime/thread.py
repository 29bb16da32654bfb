"""One daemon thread with one event loop, for blocking callers."""

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from swqr_core.errors import ClosedError, StateConflictError

__all__ = ["LoopThread"]

T = TypeVar("T")

_living: "set[LoopThread]" = set()

# A fork's copies of what its parent uses: whoever tidied them up would touch what they share.
_of_parents: list[object] = []


class LoopThread:
    """An event loop in a daemon thread of its own.

    The thread starts with the first call. After a fork the child starts with a new one; what the
    parent's loop held is not touched there. At the interpreter's exit every loop is closed.

    Args:
        name: What it is for; shown as the thread's name and in errors.
        on_close: Awaited on the loop before it stops.
        on_fork: Called in a forked child, to forget what belonged to the parent's loop; what it
            returns is kept there, untouched, until the child ends.
    """

    def __init__(
        self,
        name: str,
        *,
        on_close: Callable[[], Awaitable[None]],
        on_fork: Callable[[], object],
    ) -> None:
        self._name = name
        self._on_close = on_close
        self._on_fork = on_fork
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        _living.add(self)

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop and return what it returns. Safe from any thread.

        An exception in the waiting thread, such as Ctrl-C, cancels the coroutine.

        Raises:
            ClosedError: It was closed, before or meanwhile.
            StateConflictError: Called from the loop's own thread, where waiting would be for
                ever.
        """
        with self._lock:  # whoever closes it meanwhile waits until the loop knows of the work
            loop = self._start()
            if threading.current_thread() is self._thread:
                raise StateConflictError(
                    f"{self._name} was called from its own event loop, which it would block for "
                    "ever: use the asynchronous methods there"
                )
            future = asyncio.run_coroutine_threadsafe(work(), loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            if self._closed:  # what was still under way then was cancelled
                raise ClosedError(self._name) from None
            raise
        except BaseException:
            future.cancel()
            raise

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._closed

    def close(self) -> None:
        """Run *on_close*, stop the loop and join the thread. Closing twice is fine.

        Raises:
            StateConflictError: Called from the loop's own thread.
            and what *on_close* raises, once all is stopped.
        """
        with self._lock:
            if self._closed:
                return
            if threading.current_thread() is self._thread:
                raise StateConflictError(f"{self._name} cannot be closed from its own event loop")
            self._closed = True
            _living.discard(self)
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(_shut(self._on_close), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _start(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise ClosedError(self._name)
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name=self._name, daemon=True
            )
            self._thread.start()
        return self._loop

    def _forget(self) -> None:
        """In a forked child: the parent's thread is not here, so start over."""
        self._lock = threading.Lock()
        _of_parents.append((self._loop, self._thread, self._on_fork()))
        self._loop = self._thread = None


async def _shut(on_close: Callable[[], Awaitable[None]]) -> None:
    try:
        await on_close()
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()
        with suppress(RuntimeError):  # at the interpreter's end 3.12 starts no thread to join
            await asyncio.get_running_loop().shutdown_default_executor()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _close_all() -> None:
    with ExitStack() as all_of_them:  # one that fails does not keep the others open
        for thread in list(_living):
            all_of_them.callback(thread.close)


def _forget_all() -> None:
    for thread in list(_living):
        thread._forget()  # noqa: SLF001 - this module's own


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
