"""What a running program says, collected for its job's log.

``ThreadLog`` collects the ``logging`` records of one thread and leaves the process alone, for
trusted use. ``StreamLog`` owns its process, a worker: it sets the level, shows warnings, and writes
every line at once to the stream that the pool reads, so that a job which is killed keeps its log.
"""

import logging
import os
import threading
import warnings
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from .text import BoundedLog

__all__ = ["LOG_LIMIT", "JobLog", "StreamLog", "ThreadLog", "level_number"]

#: Bytes of log kept for one job.
LOG_LIMIT: Final = 2**20

_FORMAT: Final = "%(levelname)s %(name)s: %(message)s"
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
# As Python's own default filters: not the business of somebody who runs a job.
_DEVELOPERS: Final = (
    DeprecationWarning,
    PendingDeprecationWarning,
    ImportWarning,
    ResourceWarning,
)


def level_number(name: str) -> int:
    """Return the ``logging`` level that *name* means; an unknown one means warning."""
    return _LEVELS.get(name.lower(), logging.WARNING)


class JobLog(Protocol):
    """The log of the job that runs between enter and exit."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def line(self, text: str) -> None:
        """Add a line."""
        ...

    def take(self) -> str:
        """Return what was collected here, and begin anew."""
        ...


class ThreadLog(logging.Handler):
    """Collects the records of the thread that enters it.

    A record that its logger's own level drops does not arrive: levels belong to the process.

    Args:
        level: The job's log level, as ``ExecutionRequest.log_level``.
        limit: Bytes kept.
    """

    def __init__(self, level: str, limit: int = LOG_LIMIT) -> None:
        super().__init__(level_number(level))
        self.setFormatter(logging.Formatter(_FORMAT))
        self._log = BoundedLog(limit)
        self._thread = 0

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record* if it is this thread's."""
        if record.thread == self._thread:
            self.line(self.format(record))

    def line(self, text: str) -> None:
        """Add a line."""
        self._log.add(text.encode("utf-8", "backslashreplace") + b"\n")

    def take(self) -> str:
        """Return what was collected, and begin anew."""
        return self._log.take()


class StreamLog(logging.Handler):
    """Writes the records of this process to a descriptor. One for a process; entered per job.

    Args:
        descriptor: Where lines go. It stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self._descriptor = descriptor
        self._caught: warnings.catch_warnings[None] | None = None
        logging.getLogger().addHandler(self)
        warnings.showwarning = _log_warning

    def set_job_level(self, level: str) -> None:
        """Let records pass from *level* up, whichever logger they come from."""
        root, number = logging.getLogger(), level_number(level)
        if root.level != number:  # setting it clears the caches of every logger there is
            root.setLevel(number)

    def __enter__(self) -> Self:
        # A new filter makes every module forget which warnings it has shown: each job hears its
        # own ones once, and not only the first job of the worker.
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("default")
        for category in _DEVELOPERS:
            warnings.simplefilter("ignore", category)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._caught is not None:
            self._caught.__exit__(kind, error, trace)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*."""
        self.line(self.format(record))

    def line(self, text: str) -> None:
        """Write a line."""
        data = text.encode("utf-8", "backslashreplace") + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]

    def take(self) -> str:
        """Return nothing: the lines are where the descriptor leads."""
        return ""


def _log_warning(  # noqa: PLR0917  # the signature of ``warnings.showwarning``
    message: Warning | str,
    category: type[Warning],
    filename: str,  # noqa: ARG001  # where it was is a matter of this machine's folders
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    logging.getLogger("py.warnings").warning("%s: %s", category.__name__, message)
