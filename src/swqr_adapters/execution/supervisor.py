"""One worker process, watched from an event loop: its pipes, its output, its end."""

import asyncio
import contextlib
import os
import signal
import site
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

import swqr_adapters
import swqr_core

from .frames import CHUNK, MAX_HEADER, Frame, FrameError, FrameReader
from .logs import LOG_LIMIT
from .text import BoundedLog

__all__ = ["DEFAULT_WARM", "WorkerProcess", "WorkerSettings"]

_PROGRAMS: Final = "swqr_adapters.execution.programs"

#: What a worker imports before its first job: what nearly every job needs.
DEFAULT_WARM: Final = (f"{_PROGRAMS}.sampler", f"{_PROGRAMS}.estimator", "qiskit_aer")

# A worker runs what strangers send, so it sees of the environment what an interpreter and its
# libraries need, and no tokens.
_PASSED: Final = frozenset(
    {
        "CONDA_PREFIX",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LOGNAME",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHOME",
        "PYTHONNOUSERSITE",
        "PYTHONPYCACHEPREFIX",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
_PASSED_PREFIXES: Final = ("COVERAGE_", "CUDA_", "HIP_", "LC_", "NVIDIA_", "ROCR_")
_THREADS: Final = (
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "QISKIT_NUM_PROCS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@frozen(kw_only=True)
class WorkerSettings:
    """How worker processes are made.

    Attributes:
        python: The interpreter; None for the running one.
        env: Variables set besides the few that pass from the caller's environment.
        warm: Modules that a worker imports before its first job.
        start_limit: Seconds until a new worker must be ready.
        result_limit: Bytes of the longest result taken from a worker.
        log_limit: Bytes of log kept for one job: its beginning and its end.
        header_limit: Bytes of the longest header taken from a worker.
        output_limit: Bytes that a worker may print in all before it is killed; None for any.
        linger: Seconds for which it may live on after it has closed its pipe: what is around it
            may need them to tell how it ended.
    """

    python: str | None = None
    env: Mapping[str, str] = field(factory=dict, repr=False)
    warm: Sequence[str] = DEFAULT_WARM
    start_limit: float = 120.0
    result_limit: int = 256 * 2**20
    log_limit: int = LOG_LIMIT
    header_limit: int = MAX_HEADER
    output_limit: int | None = None
    linger: float = 0.0

    def command(self, *arguments: int) -> list[str]:
        """Return the command line of a worker.

        ``-P`` keeps the working directory off its path: a ``random.py`` lying there is nobody's
        library.
        """
        python = self.python or sys.executable
        if not python:
            raise OSError("this program does not know its Python interpreter (sys.executable)")
        user_site = ["-s"] if sys.flags.no_user_site else []
        module = ["-m", "swqr_adapters.execution.worker"]
        return [python, "-P", *user_site, *module, *map(str, arguments)]

    def environment(self, threads: int) -> dict[str, str]:
        """Return the environment of a worker that computes with *threads* threads."""
        env = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED or name.startswith(_PASSED_PREFIXES)
        }
        env |= dict.fromkeys(_THREADS, str(threads))
        env |= {
            "PYTHONHASHSEED": "0",  # the order of a set is the same in every worker
            "PYTHONUTF8": "1",
            "QISKIT_PARALLEL": "FALSE",  # the pool is what runs in parallel
            "QISKIT_SETTINGS": os.devnull,  # nobody's own file decides what a job gives
        }
        roots = self.roots()
        if roots:
            env["PYTHONPATH"] = os.pathsep.join(roots)
        return env | dict(self.env)

    def roots(self) -> list[str]:
        """Return where the interpreter finds swqr, if not in the places of installed packages.

        That may be a checkout, a folder that the caller put on its path, or a zip file.
        """
        installed: set[str] = set()
        if self.python is None:
            with contextlib.suppress(AttributeError):  # some embedders' site lacks them
                installed = {*site.getsitepackages(), site.getusersitepackages()}
        files = (package.__file__ for package in (swqr_core, swqr_adapters))
        roots = dict.fromkeys(str(Path(file).parents[1]) for file in files if file)
        return [root for root in roots if root not in installed]


class WorkerProcess:
    """A running worker. Made and used on one event loop.

    Making one starts it, which holds up the loop for about a millisecond. It owns a process group
    and three pipes until ``on_end``. The callbacks come on the loop.

    Args:
        settings: How to make it.
        hello: The frame that it is told first; empty to tell it something later.
        threads: With how many threads it computes.
        loop: The running loop.
        on_frame: Called with each frame: the first says that the worker is ready, each other one
            answers a request.
        on_garble: Called if what it sends is no frame, or too much, with what is wrong; it is
            being killed.
        on_end: Called with its return code, as ``subprocess`` gives it, when it is dead and
            everything is released.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        hello: bytes,
        *,
        threads: int,
        loop: asyncio.AbstractEventLoop,
        on_frame: "Callable[[WorkerProcess, Frame], None]",
        on_garble: "Callable[[WorkerProcess, str], None]",
        on_end: "Callable[[WorkerProcess, int], None]",
    ) -> None:
        self._loop = loop
        self._on_frame, self._on_garble, self._on_end = on_frame, on_garble, on_end
        self._reader = FrameReader(settings.result_limit, settings.header_limit)
        self._output = BoundedLog(settings.log_limit)
        self._may_print = settings.output_limit
        self._linger = settings.linger
        self._outgoing: deque[memoryview] = deque()
        self._owner = os.getpid()
        self._dead = False
        self._ended = False
        self._pidfd: int | None = None
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            requests, self._requests = _pipe(theirs, ours)
            self._answers, answers = _pipe(ours, theirs)
            self._printed, printed = _pipe(ours, theirs)
            for descriptor in (self._requests, self._answers, self._printed):
                os.set_blocking(descriptor, False)
            self._process = subprocess.Popen(
                settings.command(requests, answers, self._owner),
                env=settings.environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=(requests, answers),
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
            self._descriptors = ours.pop_all()
        loop.add_reader(self._answers, self._read_answers)
        loop.add_reader(self._printed, self._read_output)
        self._watch_end()
        if hello:
            self.send(hello, b"")

    def __repr__(self) -> str:
        return f"<WorkerProcess {self.pid}>"

    @property
    def pid(self) -> int:
        """The process id, which is its process group's too."""
        return self._process.pid

    def hear(
        self,
        on_frame: "Callable[[WorkerProcess, Frame], None]",
        on_garble: "Callable[[WorkerProcess, str], None]",
        on_end: "Callable[[WorkerProcess, int], None]",
    ) -> None:
        """Let others hear of it from now on; it must not have ended."""
        self._on_frame, self._on_garble, self._on_end = on_frame, on_garble, on_end

    @property
    def unsent(self) -> int:
        """How many bytes wait to be taken by the worker."""
        return sum(map(len, self._outgoing))

    def send(self, head: bytes, body: bytes) -> bool:
        """Send a frame, without waiting.

        Returns:
            False if the worker had already gone, so that it has not seen any of this.
        """
        if self._dead:
            return False
        self._outgoing.extend(memoryview(part) for part in (head, body) if part)
        try:
            written = os.writev(self._requests, self._outgoing)
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            self._outgoing.clear()
            return False
        self._sent(written)
        if self._outgoing:
            self._loop.add_writer(self._requests, self._write_more)
        return True

    def take_output(self) -> str:
        """Return what was printed and logged since the last time, as printable text."""
        self._read_output()
        return self._output.take()

    def kill(self) -> None:
        """Kill the process and all that it has started. ``on_end`` follows."""
        if self._ended or os.getpid() != self._owner:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """Kill it, wait for that and release everything now: the loop no longer runs."""
        if self._ended:
            return
        self.kill()
        self._process.wait()
        self._release()

    def _sent(self, written: int) -> None:
        while written:
            part = self._outgoing.popleft()
            if written < len(part):
                self._outgoing.appendleft(part[written:])
            written -= min(written, len(part))

    def _write_more(self) -> None:
        try:
            self._sent(os.write(self._requests, self._outgoing[0][:CHUNK]))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # it is dying: its end will be noticed
            self._outgoing.clear()
        if not self._outgoing:
            self._loop.remove_writer(self._requests)

    def _read_answers(self) -> None:
        try:
            data = os.read(self._answers, CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self._loop.remove_reader(self._answers)
            # It may have closed the pipe and live on.
            if self._linger:
                self._loop.call_later(self._linger, self.kill)
            else:
                self.kill()
            return
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            self._loop.remove_reader(self._answers)
            self.kill()
            self._on_garble(self, str(error))
            return
        for frame in frames:
            self._on_frame(self, frame)

    def _read_output(self) -> None:
        """Take what is there, for a program that prints must not wait for us."""
        if self._ended:
            return
        # A bound, for a program may print faster than we read.
        for _ in range(4):
            try:
                data = os.read(self._printed, CHUNK)
            except (BlockingIOError, InterruptedError):
                return
            if not data:
                self._loop.remove_reader(self._printed)
                return
            self._output.add(data)
            if self._may_print is not None:
                self._may_print -= len(data)
                if self._may_print < 0:
                    self._loop.remove_reader(self._printed)
                    self._may_print = None
                    self.kill()
                    self._on_garble(self, "it printed more than it may")
                    return

    def _watch_end(self) -> None:
        """Have ``_died`` called when the process is dead, whoever still holds its pipes."""
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or an old one
            threading.Thread(target=self._wait, name=f"swqr-worker-{self.pid}", daemon=True).start()
        else:
            self._descriptors.callback(os.close, self._pidfd)
            self._loop.add_reader(self._pidfd, self._died)

    def _wait(self) -> None:
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:  # pragma: no cover  # macOS before 3.13
            self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: ``abandon`` is what is left
            self._loop.call_soon_threadsafe(self._died)

    def _died(self) -> None:
        if self._ended:
            return
        self._dead = True
        self._read_answers()  # it may have answered, and then died
        self._read_output()
        self.kill()  # what it has started; its id is still taken, as it was not reaped
        returncode = self._process.wait()
        self._release()
        self._on_end(self, returncode)

    def _release(self) -> None:
        self._ended = True
        if not self._loop.is_closed():
            for descriptor in (self._answers, self._printed, self._pidfd):
                if descriptor is not None:
                    self._loop.remove_reader(descriptor)
            self._loop.remove_writer(self._requests)
        self._outgoing.clear()
        self._descriptors.close()


def _pipe(read_end: contextlib.ExitStack, write_end: contextlib.ExitStack) -> tuple[int, int]:
    """Return a pipe, each end to be closed by its stack."""
    reader, writer = os.pipe()
    read_end.callback(os.close, reader)
    write_end.callback(os.close, writer)
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # more than this user may have: the usual size will do
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, CHUNK)
    return reader, writer
