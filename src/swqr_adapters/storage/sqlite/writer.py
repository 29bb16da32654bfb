"""One thread that writes, and commits what came meanwhile all at once."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from attrs import define

from swqr_core.errors import ClosedError, UnreachableError

__all__ = ["Writer", "unwritable"]

T = TypeVar("T")

_MOST: Final = 1_000
"""Jobs in one commit: what a caller may have to wait for beyond its own."""


@define(eq=False)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]
    chained: bool
    result: Any = None
    error: Exception | None = None


class Writer:
    """Carries out jobs in their order, each batch of them in one transaction.

    While the disk is busy with one commit, jobs gather for the next; so many callers at once pay
    for few commits. A batch that fails has changed nothing, and all its jobs fail. Jobs that are
    *chained* build on each other: after one has failed, all fail until ``mend``.

    Made and used on one event loop, which never waits for the disk.

    Args:
        connect: Opens the database; called in the thread.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._broken: Exception | None = None
        self._closed = False
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self.commits = 0
        threading.Thread(target=self._run, name="swqr store", daemon=True).start()

    async def do(self, work: Callable[[sqlite3.Connection], T], *, chained: bool = False) -> T:
        """Carry out a job, and return what it returns once that is on the disk.

        Cancelling this does not cancel the job.

        Raises:
            ClosedError: The store was closed.
            UnreachableError: The disk took nothing; nothing has changed.
        """
        if self._closed:
            raise ClosedError("the store")
        job = _Job(work, self._loop.create_future(), chained)
        self._queue.put(job)
        done: T = await job.done
        return done

    def refuse_chained(self, error: Exception) -> None:
        """Let all chained jobs that were not begun fail until ``mend``."""
        self._broken = error

    async def mend(self, check: Callable[[sqlite3.Connection], None]) -> None:
        """Take chained jobs again, if the disk takes what *check* writes.

        To be called once all chained jobs that were on their way have failed.

        Raises:
            ClosedError: The store was closed.
            UnreachableError: It does not.
        """
        await self.do(check)
        self._broken = None

    async def aclose(self) -> None:
        """Carry out what is left, and close the database. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.shield(self._stopped)

    # --- in the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        going = True
        while going:
            batch = []
            job = self._queue.get()
            while job is not None:
                batch.append(job)
                if len(batch) == _MOST:
                    break
                try:
                    job = self._queue.get_nowait()
                except Empty:
                    break
            going = job is not None
            if batch:
                connection = self._carry_out(connection, batch)
        if connection is not None:
            connection.close()
        self._tell(self._stopped.set_result, None)

    def _carry_out(
        self, connection: sqlite3.Connection | None, batch: list[_Job]
    ) -> sqlite3.Connection | None:
        broken = self._broken
        good = batch if broken is None else [job for job in batch if not job.chained]
        try:
            connection = connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            for job in good:
                job.result = job.work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            for job in good:
                job.error = error
            if any(job.chained for job in good):
                self._broken = error
            _let_go(connection)
            connection = None
        for job in batch if broken is not None else ():
            if job.chained:
                job.error = broken
        self.commits += 1
        self._tell(_settle, batch)
        return connection

    def _tell(self, tell: Callable[[Any], object], what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(tell, what)


def _let_go(connection: sqlite3.Connection | None) -> None:
    """Close a connection whose transaction has failed; the next batch begins with a new one."""
    if connection is not None:
        with suppress(sqlite3.Error):
            connection.close()  # what is not committed is rolled back


def _settle(batch: list[_Job]) -> None:
    for job in batch:
        if job.done.done():
            continue
        if job.error is None:
            job.done.set_result(job.result)
        else:
            job.done.set_exception(unwritable(job.error))


def unwritable(error: Exception) -> Exception:
    """Return what a caller is told when the disk took nothing."""
    if not isinstance(error, sqlite3.Error | OSError):
        return error
    return UnreachableError(
        "memory",
        f"the store cannot be written ({error}): nothing was done; free room on its disk, "
        "then try again",
    )
