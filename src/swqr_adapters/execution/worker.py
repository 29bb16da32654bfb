"""The child process that runs jobs: ``python -m swqr_adapters.execution.worker``.

It speaks frames over two pipes of its own. Standard output and error lead to the job's log and
standard input is empty, so that a library which prints cannot harm the protocol. It never imports
the caller's ``__main__``. It ends when its parent does, whatever it is doing; Ctrl-C in the
parent's terminal is the parent's business.
"""

import contextlib
import ctypes
import gc
import io
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final

from .failures import failure_of
from .frames import CHUNK, frame_head, read_frame
from .logs import StreamLog
from .messages import READY, Setup, answer_head, read_request
from .runner import Run, run_job

try:
    import resource
except ImportError:  # pragma: no cover  # POSIX only
    resource = None  # type: ignore[assignment]

__all__ = ["main"]

_PR_SET_PDEATHSIG: Final = 1
_STDERR: Final = 2
# How often the parent is looked for where nothing else tells of its end; milliseconds.
_LOOK_EVERY: Final = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run jobs until the parent closes the pipe.

    Args:
        arguments: The descriptor to read requests from, the one to write answers to, and the
            parent's process id; by default the command line's.
    """
    requests, answers, parent = map(int, sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for descriptor in (requests, answers):
        os.set_inheritable(descriptor, False)  # noqa: FBT003  # positional only
    _end_with_parent(requests, parent)
    _limit("RLIMIT_CORE", 0)  # a crash writes no memory of jobs to disk
    with contextlib.suppress(OSError):  # if memory runs out, better a worker than the caller
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    stream = open(requests, "rb", buffering=CHUNK)  # noqa: PTH123, SIM115  # a descriptor, for life
    first = read_frame(stream)
    if first is None:
        return 0
    setup = Setup.read(first)
    log = StreamLog(_STDERR)
    _warm_up(setup)
    if setup.memory_limit is not None:
        _limit("RLIMIT_AS", _address_space() + setup.memory_limit)
    _write(answers, frame_head(READY))
    _serve(stream, answers, setup, log)
    return 0


def _serve(stream: BinaryIO, answers: int, setup: Setup, log: StreamLog) -> None:
    flush = _flusher()
    while (frame := read_frame(stream)) is not None:
        request = read_request(frame)
        del frame
        log.set_job_level(request.log_level)
        run = run_job(request, programs=setup.programs, log=log)
        del request
        try:
            head = answer_head(run)
        except (TypeError, ValueError) as error:
            failure = failure_of(error)
            run = Run(failure.outcome())
            head = answer_head(run)
        flush()
        _write(answers, head, run.outcome.result)
        del run, head


def _end_with_parent(requests: int, parent: int) -> None:
    """Make sure that this process ends when the parent does, also in the middle of a job.

    Linux kills it. Elsewhere, and if the kernel's tie was to a thread of an earlier parent, a
    thread waits for the pipe to hang up, and looks for the parent now and then: a fork of the
    parent may hold the pipe open.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    seen = os.getppid()
    if seen not in {parent, 0}:  # 0: the parent is outside of this process id namespace
        _vanish()

    def watch() -> None:
        poll = select.poll()
        poll.register(requests, 0)  # nothing but its hanging up
        while not poll.poll(_LOOK_EVERY) and os.getppid() == seen:
            pass
        _vanish()

    threading.Thread(target=watch, name="swqr-parent", daemon=True).start()


def _vanish() -> None:
    """End this process, and what its programs have started, at once."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _warm_up(setup: Setup) -> None:
    known = set(sys.path)
    sys.path.extend(entry for entry in setup.path if entry not in known)
    # Nothing that an import makes is garbage: looking for some costs a tenth of the time.
    gc.disable()
    for name in setup.warm:
        try:
            import_module(name)
        except Exception:  # a job that needs it will say so, in its own log
            logging.getLogger(__name__).debug("cannot import %s", name, exc_info=True)
    gc.freeze()
    gc.enable()


def _limit(name: str, value: int) -> None:
    number = getattr(resource, name, None)
    if number is None:
        return
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):  # not to be had on this system
        resource.setrlimit(number, (value, value))


def _address_space() -> int:
    """Return the bytes of address space in use; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").partition(" ")[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _flusher() -> Callable[[], None]:
    """Return a function that sends out what was printed, C libraries included.

    What stayed in a buffer would show up in the log of another job.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    c_flush: Callable[[None], object] = ctypes.CDLL(None).fflush

    def flush() -> None:
        with contextlib.suppress(OSError, ValueError):  # a program may have closed it
            sys.stdout.flush()
        c_flush(None)

    return flush


def _write(descriptor: int, *parts: bytes) -> None:
    """Write all *parts* without joining them."""
    views = [memoryview(part) for part in parts if part]
    while views:
        written = os.writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]


if __name__ == "__main__":
    # Without the interpreter's own tidying up, which takes long after large imports.
    os._exit(main())
