"""Programs for the tests of workers; every one is quick unless it says otherwise."""

# ruff: noqa: T201  # printing is what is tested

import contextlib
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.result import ProgramResult
from swqr_core.errors import InvalidInputError
from swqr_core.ports.executor import ExecutionRequest


def echo(request: ExecutionRequest) -> ProgramResult:
    """Return the parameters."""
    return ProgramResult(result=request.params, quantum_seconds=0.5, metrics={"num_circuits": 1})


def tell(request: ExecutionRequest) -> ProgramResult:
    """Return everything that a program is told, and where it runs."""
    facts = {
        "pid": os.getpid(),
        "job_id": request.job_id,
        "program_id": request.program_id,
        "device": dict(request.device),
        "seed": request.seed,
        "log_level": request.log_level,
        "main": sys.modules["__main__"].__spec__.name,  # type: ignore[union-attr]
        "stdin": sys.stdin.read(),
        "env": dict(os.environ),
        "hash": hash("a"),
    }
    return ProgramResult(result=json.dumps(facts).encode(), quantum_seconds=0)


def talk(request: ExecutionRequest) -> ProgramResult:
    """Say something in every way there is."""
    print("printed")
    sys.stderr.write("to standard error\n")
    os.write(1, b"by descriptor\n")
    ctypes.CDLL(None).puts(b"by the C library")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
    logging.getLogger("a.library").info("informed")
    logging.getLogger("a.library").debug("debugged")
    warnings.warn("warned", UserWarning, stacklevel=1)
    return ProgramResult(result=b"{}", quantum_seconds=0, logs=["line of the program"])


def chatter(request: ExecutionRequest) -> ProgramResult:
    """Print as many bytes as the parameters say."""
    print("first line")
    for _ in range(int(request.params) // 64):
        print("x" * 63)
    print("last line")
    return ProgramResult(result=b"{}", quantum_seconds=0)


def refuse(request: ExecutionRequest) -> NoReturn:
    """Fail with a known code."""
    raise ProgramError("pub 0 is \x1b[31mnot ISA", 1517, "Transpile it.")


def reject(request: ExecutionRequest) -> NoReturn:
    """Find the input invalid."""
    raise InvalidInputError("pubs[0].circuit", "no circuit")


def crash(request: ExecutionRequest) -> NoReturn:
    """Fail with an error that nobody planned."""
    logging.getLogger("a.library").warning("soon")
    raise LookupError("no \x1b]0;title\x07 here")


def leave(request: ExecutionRequest) -> NoReturn:
    """End the process."""
    os.write(2, b"last words\n")
    os._exit(int(request.params))


def answer_nonsense(request: ExecutionRequest) -> object:
    """Return what is no result."""
    return {"result": 1}


def meddle(request: ExecutionRequest) -> ProgramResult:
    """Write rubbish to every descriptor that is open."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, request.params)
    return echo(request)


def eat_memory(request: ExecutionRequest) -> ProgramResult:
    """Take as many bytes as the parameters say."""
    return ProgramResult(result=b"%d" % len(bytearray(int(request.params))), quantum_seconds=0)


def hang(request: ExecutionRequest) -> NoReturn:
    """Say by a file that it runs, and never end. The file then holds the process id."""
    print("hanging", flush=True)
    announce(request)
    while True:
        time.sleep(3600)  # noqa: TID251  # it is there to be killed


def hang_with_child(request: ExecutionRequest) -> NoReturn:
    """As ``hang``, with a child whose process id is what the file holds."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    announce(request, child.pid)
    threading.Event().wait()
    raise AssertionError


def meet(request: ExecutionRequest) -> ProgramResult:
    """Say that it runs, and end when the other file is there: its pipe gives end of file."""
    announce(request)
    where: dict[str, Any] = json.loads(request.params)
    with Path(where["gate"]).open("rb") as gate:  # opens when the test opens the other end
        gate.read()
    return ProgramResult(result=b"%d" % os.getpid(), quantum_seconds=0)


def announce(request: ExecutionRequest, pid: int | None = None) -> None:
    """Write the process id to the fifo that the parameters name."""
    where: dict[str, Any] = json.loads(request.params)
    Path(where["started"]).write_text(f"{pid or os.getpid()}\n", encoding="ascii")


def kill_itself(request: ExecutionRequest) -> NoReturn:
    """Die by the signal that the parameters name."""
    os.kill(os.getpid(), signal.Signals[request.params.decode()])
    raise AssertionError


def where(request: ExecutionRequest) -> ProgramResult:
    """Tell where swqr was found."""
    import swqr_adapters

    return ProgramResult(result=str(swqr_adapters.__file__).encode(), quantum_seconds=0)


def hang_c(request: ExecutionRequest) -> NoReturn:
    """As ``hang``, in C code that never lets another thread of Python run."""
    announce(request)
    ctypes.PyDLL(None).sleep(3600)
    raise AssertionError
