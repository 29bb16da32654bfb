"""One thread that reads, beside the one that writes."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from swqr_core.errors import ClosedError, UnreachableError

__all__ = ["Reader", "unreadable"]

T = TypeVar("T")


class Reader:
    """Reads what is committed, one job at a time, without holding the event loop up.

    Args:
        connect: Opens the database; called in the thread.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="swqr store reader")
        self._closed = False

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what a job returns.

        Raises:
            ClosedError: The store was closed.
            UnreachableError: The database cannot be read.
        """
        if self._closed:
            raise ClosedError("the store")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)
        except sqlite3.Error as error:
            raise unreadable(error) from error

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._connect()
        return work(self._connection)

    async def aclose(self) -> None:
        """Finish what is under way and close the database. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def unreadable(error: Exception) -> UnreachableError:
    """Return what a caller is told when the disk gave nothing."""
    return UnreachableError("memory", f"the store cannot be read ({error}): try again later")
