"""An executor of threads, or of anything with the interface of ``concurrent.futures``.

For trusted use: a thread cannot be stopped, a crash takes the process with it, and programs see
whatever the process has. What it saves is the worker processes.
"""

import asyncio
import concurrent.futures
from collections.abc import Mapping
from functools import partial

from swqr_core.errors import ClosedError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest

from .cores import usable_cores
from .failures import ran_too_long
from .programs import PROGRAMS
from .runner import run_request

__all__ = ["ThreadExecutor"]


class ThreadExecutor:
    """Runs jobs in threads of this process (port: ``Executor``).

    A job that is cancelled, runs over its wall limit, or runs while this is closed, is no longer
    waited for at once; its thread goes on to its end, keeps its place until then, and its outcome
    is dropped. What a program prints goes to this process' standard output, not into its log.

    Args:
        max_workers: Threads; None for as many as this process has cores.
        executor: Where to run instead, for example a ``ProcessPoolExecutor``. It stays the
            caller's: closing this does not shut it down.
        wall_limit: Seconds of wall time for a job that sets no limit of its own; None for none.
            It begins when the job is handed over, and so counts its wait for a thread.
        programs: More programs, program id to ``"module:function"``.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        executor: concurrent.futures.Executor | None = None,
        wall_limit: float | None = 3600.0,
        programs: Mapping[str, str] | None = None,
    ) -> None:
        self._own = executor is None
        self._executor = executor or concurrent.futures.ThreadPoolExecutor(
            max_workers or usable_cores(), thread_name_prefix="swqr-execution"
        )
        self._wall_limit = wall_limit
        self._run = partial(run_request, programs={**PROGRAMS, **(programs or {})})
        self._waiting: set[asyncio.Future[ExecutionOutcome]] = set()
        self._closed = False

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Run one job to its end; see ``Executor.execute``.

        Raises:
            ClosedError: This was closed, before or meanwhile.
        """
        if self._closed:
            raise ClosedError("the thread executor")
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._executor, self._run, request)
        self._waiting.add(work)
        limit = self._wall_limit if request.wall_limit is None else request.wall_limit
        try:
            async with asyncio.timeout(limit):
                return await work
        except TimeoutError:
            return ran_too_long(limit or 0).outcome()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # it was ``aclose`` that cancelled
                raise ClosedError("the thread executor") from None
            raise
        finally:
            self._waiting.discard(work)

    async def aclose(self) -> None:
        """Give up all jobs and, if they are this object's, the threads. Closing twice is fine.

        Jobs that wait or run raise ``ClosedError``.
        """
        self._closed = True
        for work in list(self._waiting):
            work.cancel()
        if self._own:
            self._executor.shutdown(wait=False, cancel_futures=True)
