"""The process of one uploaded program: ``python -m swqr_adapters.execution.sandbox.child``.

It imports what programs need, ahead of time if it is told to, shuts itself in, and only then takes
what it was sent as a program.
Nothing that happens after that is trusted by anybody outside.
"""

import contextlib
import ctypes
import itertools
import json
import logging
import os
import resource
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from swqr_adapters.execution.frames import CHUNK, Frame, frame_head, read_frame
from swqr_adapters.execution.logs import level_number

from .messages import Hello
from .seccomp import load_filter

__all__ = ["main"]

_PR_SET_PDEATHSIG: Final = 1
_FAILED: Final = 5203
_INVALID: Final = 1002
_FILE: Final = "<program>"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one program, or check one document.

    Args:
        arguments: The descriptor to read from, the one to write to, the supervisor's process id,
            the folder to work in, and ``ahead`` to be ready for a program before one is there; by
            default the command line's.
    """
    requests, answers, _, folder, when = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chdir(folder)
    if when == "ahead":
        _import_all()
    stream = open(int(requests), "rb", buffering=CHUNK)  # noqa: PTH123, SIM115 - for life
    pipe = Pipe(stream, int(answers))
    first, second = read_frame(stream), read_frame(stream)
    if first is None or second is None:
        return
    hello = Hello.read(first)
    if hello.schema is not None:
        _check(pipe, hello, second.body)
    else:
        _run(pipe, hello, first.body, second.body)


class Pipe:
    """The way to the supervisor. A program may use it from several threads.

    Args:
        stream: Where answers come from.
        descriptor: Where to write.
    """

    def __init__(self, stream: BinaryIO, descriptor: int) -> None:
        self._stream, self._descriptor = stream, descriptor
        self._numbers = itertools.count(1)
        self._answers: dict[object, Frame] = {}
        self._writing, self._reading = threading.Lock(), threading.Lock()

    def say(self, body: bytes = b"", **header: object) -> None:
        """Send a frame."""
        left = memoryview(frame_head(header, len(body)) + body)
        with self._writing:
            while left:
                left = left[os.write(self._descriptor, left) :]

    def run(self, program_id: str, params: bytes) -> bytes:
        """Have circuits run, and return the text of their result.

        Raises:
            RuntimeError: The run failed; the error says why.
        """
        number = next(self._numbers)
        self.say(params, say="run", number=number, program=program_id)
        frame = self._answer(number)
        if not frame.header.get("ok"):
            code, reason = frame.header.get("code"), frame.header.get("reason")
            raise RuntimeError(f"{program_id} failed (code {code}): {reason}")
        return frame.body

    def _answer(self, number: int) -> Frame:
        """Return the answer to a run; whoever reads takes in the others' for them."""
        while True:
            with self._reading:
                if number in self._answers:
                    return self._answers.pop(number)
                frame = read_frame(self._stream)
                if frame is None:
                    raise SystemExit(0)
                self._answers[frame.header.get("number")] = frame


def _shut_in(hello: Hello) -> None:
    """Give up what no program needs."""
    taken = resource.getrusage(resource.RUSAGE_SELF)
    cpu = hello.cpu_seconds + int(taken.ru_utime + taken.ru_stime)
    for name, limit in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_CPU", cpu),
        ("RLIMIT_FSIZE", hello.file_bytes),
        ("RLIMIT_NOFILE", hello.open_files),
        ("RLIMIT_AS", _address_space() + hello.memory_bytes),
    ):
        number = getattr(resource, name, None)
        if number is not None:
            with contextlib.suppress(OSError, ValueError):  # a lower one holds already
                resource.setrlimit(number, (limit, limit))
    with contextlib.suppress(OSError):  # in a file system of its own it was said before
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too long a file is an error, not the end
    if hello.filter:
        load_filter(bytes.fromhex(hello.filter))


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").partition(" ")[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _check(pipe: Pipe, hello: Hello, document: bytes) -> None:
    from .schemas import problem_of

    problem_of({"type": "object"}, b"{}")  # so that everything is imported
    _shut_in(hello)
    pipe.say(say="ready")
    problem = problem_of(hello.schema or {}, document if hello.document else None)
    pipe.say((problem or "").encode("utf-8", "replace"), say="result")


def _import_all() -> None:
    from swqr_adapters.codec import encode

    from . import program  # noqa: F401

    encode(None)


def _run(pipe: Pipe, hello: Hello, source: bytes, params: bytes) -> None:
    _import_all()
    logging.basicConfig(level=level_number(hello.log_level), format="%(levelname)s %(message)s")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    from swqr_adapters.codec import decode, encode

    from .program import Messenger, ProgramBackend

    backend = ProgramBackend(hello.device or {}, pipe.run)
    messenger = Messenger(lambda text: pipe.say(text, say="publish"), hello.interim)
    _shut_in(hello)
    pipe.say(say="ready")
    try:
        inputs = decode(params)
        if not isinstance(inputs, dict):
            _fail(pipe, f"The parameters are a {type(inputs).__name__}, no object.", _INVALID)
            return
        value = _entry(source)(backend, messenger, **inputs)
    except SystemExit as error:
        _fail(pipe, f"The program ended itself with exit code {error.code!r}.")
        return
    except MemoryError as error:
        _fail(pipe, "The program ran out of memory.", error=error)
        return
    except BaseException as error:  # noqa: BLE001 - whatever it is, its owner is told
        _fail(pipe, f"The program raised {type(error).__name__}: {_said(error)}", error=error)
        return
    try:
        text = encode(value)
    except Exception as error:  # noqa: BLE001 - likewise
        _fail(
            pipe,
            f"The program returned a {type(value).__name__} that cannot be encoded: {_said(error)}",
            error=error,
        )
        return
    pipe.say(text, say="result")


def _entry(source: bytes) -> Callable[..., Any]:
    """Execute the source as a module, and return its function ``main``."""
    module = types.ModuleType("program")
    module.__file__ = _FILE
    sys.modules["program"] = module
    exec(compile(source, _FILE, "exec"), module.__dict__)  # noqa: S102 - this is what it is for
    entry = module.__dict__.get("main")
    if not callable(entry):
        raise TypeError("it has no function main(backend, user_messenger, **kwargs)")
    return entry  # type: ignore[no-any-return]


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # noqa: BLE001 - a program's class, and any error of it
        return f"(its message failed with {type(broken).__name__})"


def _fail(
    pipe: Pipe, reason: str, code: int = _FAILED, *, error: BaseException | None = None
) -> None:
    text = ""
    if error is not None:
        with contextlib.suppress(BaseException):
            trace = error.__traceback__
            inner = trace.tb_next if trace is not None else None
            text = "".join(traceback.format_exception(type(error), error, inner))
    solution = "Read the traceback in the job's result, and its logs." if text else None
    pipe.say(
        text.encode("utf-8", "replace")[-262_144:],
        say="failed",
        reason=json.loads(json.dumps(reason[:2000])),
        code=code,
        solution=solution,
    )


if __name__ == "__main__":
    main()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(0)
