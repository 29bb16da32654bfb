"""What a person sees while a job is waited for; where nobody looks, nothing is written."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol, TextIO, TypeVar

from swqr_core.errors import SwqrError
from swqr_core.model.job import Job
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.runtime.blocking import Runtime

__all__ = ["Display", "describe", "somebody_looks", "wait_job"]

T = TypeVar("T")

VARIABLE: Final = "SWQR_PROGRESS"
_TICK: Final = 1.0  # seconds; a wait that is shorter shows nothing
_LOOKS: Final = (1, 2, 4, 8, 15)  # ticks between two looks at the job, the last for ever
_MINUTE: Final = 60


class Display(Protocol):
    """A line that is written again and again."""

    def update(self, line: str) -> None:
        """Show *line* instead of the one before."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


def somebody_looks(
    output: TextIO | None = None, errors: TextIO | None = None, *, notebook: bool | None = None
) -> bool:
    """Return whether a person looks: in a notebook, or where nothing is piped.

    ``SWQR_PROGRESS=off`` says that nobody does.

    Args:
        output: Standard output, unless given.
        errors: Standard error, unless given.
        notebook: Whether this is one; found out if None.
    """
    if os.environ.get(VARIABLE, "").lower() in {"off", "0", "false", "no"}:
        return False
    if _in_notebook() if notebook is None else notebook:
        return True
    streams = (output or sys.stdout, errors or sys.stderr)
    return os.environ.get("TERM") != "dumb" and all(_is_terminal(one) for one in streams)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def wait_job(
    runtime: Runtime,
    job_id: str,
    *,
    timeout: float | None = None,
    display: Callable[[], Display] | None = None,
) -> Job:
    """Wait until a job has ended, as ``Runtime.wait_job`` does, and show how it is doing.

    Args:
        runtime: The runtime that has it.
        job_id: The job.
        timeout: Seconds to wait, or None for ever.
        display: Makes what shows it, when there is something to show; None to look whether a
            person is there.
    """
    if display is None:
        if not somebody_looks():
            return runtime.wait_job(job_id, timeout=timeout)
        display = _rich_line
    made = display
    return runtime.run(lambda r: _wait(r, job_id, timeout, made))


async def _wait(
    runtime: AsyncRuntime, job_id: str, timeout: float | None, display: Callable[[], Display]
) -> Job:
    waiting = asyncio.ensure_future(runtime.wait_job(job_id, timeout=timeout))
    shown, job, ticks, next_look, looks = None, None, 0, 1, 0
    try:
        while True:
            await _unless_over(waiting, runtime.clock.sleep(_TICK))
            if waiting.done():
                return waiting.result()
            ticks += 1
            if ticks >= next_look:
                next_look = ticks + _LOOKS[min(looks, len(_LOOKS) - 1)]
                looks += 1
                with suppress(SwqrError):  # the wait itself knows what to make of it
                    job = await _unless_over(waiting, runtime.job(job_id)) or job
            if job is not None and not waiting.done():
                shown = shown or display()
                shown.update(describe(job, runtime.clock.now()))
    finally:
        waiting.cancel()
        if shown is not None:
            shown.close()


async def _unless_over(waiting: "asyncio.Task[Job]", work: Coroutine[Any, Any, T]) -> T | None:
    """Return what *work* returns; None if the wait is over before."""
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()


def describe(job: Job, now: datetime) -> str:
    """Return how a job is doing, as one line."""
    elapsed = max(0, int((now - (job.running_at or job.created_at)).total_seconds()))
    minutes, seconds = divmod(elapsed, _MINUTE)
    parts = [f"job {job.id}: {job.state.value} {minutes}:{seconds:02}"]
    if job.queue_position is not None and job.running_at is None:
        parts.append(f"place {job.queue_position} in the queue")
    if job.usage.quantum_seconds:
        parts.append(f"{job.usage.quantum_seconds:.6g} s used")
    line = ", ".join(parts)
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


class _RichLine:
    """The line, written by rich to a terminal's standard error or below a notebook's cell."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live: Any = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._live.start()

    def update(self, line: str) -> None:
        from rich.text import Text

        self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)

    def close(self) -> None:
        self._live.stop()


class _Nothing:
    def update(self, line: str) -> None:
        pass

    def close(self) -> None:
        pass


def _rich_line() -> Display:
    try:
        return _RichLine()
    except ImportError:  # it is no part of every installation
        return _Nothing()
