"""Pools of real worker processes, with small programs that need no Qiskit."""

import asyncio
import ctypes
import json
import os
import select
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.execution.supervisor import WorkerSettings
from swqr_core.ports.executor import ExecutionRequest

PROGRAM_FOLDER = Path(__file__).parent / "programs"
PROGRAM_NAMES = (
    "answer_nonsense",
    "chatter",
    "crash",
    "eat_memory",
    "echo",
    "hang",
    "hang_c",
    "hang_with_child",
    "kill_itself",
    "leave",
    "meddle",
    "meet",
    "refuse",
    "reject",
    "talk",
    "tell",
    "where",
)

Request = Callable[..., ExecutionRequest]
MakePool = Callable[..., WorkerPool]


@pytest.fixture(autouse=True)
def leave_nothing_in_the_c_librarys_buffers() -> Iterator[None]:
    """What a test program says through C in this process would show after the last test."""
    yield
    ctypes.CDLL(None).fflush(None)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The test programs, by the names of their functions."""
    monkeypatch.syspath_prepend(PROGRAM_FOLDER)
    known = {name: f"worker_test_programs:{name}" for name in PROGRAM_NAMES}
    return known | {
        "broken": "worker_test_no_such_module:run",
        "nameless": "worker_test_programs:no_such_function",
    }


@pytest.fixture
def request_for() -> Request:
    """Make a request for a program."""

    def make(program_id: str, params: bytes = b"{}", **more: object) -> ExecutionRequest:
        return ExecutionRequest(job_id="job-1", program_id=program_id, params=params, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def make_pool(programs: dict[str, str]) -> AsyncIterator[MakePool]:
    """Make pools that are closed when the test ends; they import nothing ahead."""
    made: list[WorkerPool] = []

    def make(settings: WorkerSettings | None = None, **options: object) -> WorkerPool:
        options.setdefault("workers", 2)
        options.setdefault("programs", programs)
        pool = WorkerPool(settings=settings or WorkerSettings(warm=()), **options)  # type: ignore[arg-type]
        made.append(pool)
        return pool

    yield make
    for pool in made:
        await pool.aclose()


@frozen
class Meeting:
    """Two fifos: a program says by one that it runs, and by the other is told to go on."""

    started: Path
    gate: Path

    @property
    def params(self) -> bytes:
        """The parameters that tell the program."""
        return json.dumps({"started": str(self.started), "gate": str(self.gate)}).encode()

    async def begun(self) -> int:
        """Wait until it runs; return the process id that it says."""
        return int(await asyncio.to_thread(self.started.read_text))

    async def release(self) -> None:
        """Let it go on."""
        await asyncio.to_thread(self.gate.write_bytes, b"")


@pytest.fixture
def make_meeting(tmp_path: Path) -> Callable[[], Meeting]:
    """Make meetings."""
    count = 0

    def make() -> Meeting:
        nonlocal count
        count += 1
        meeting = Meeting(tmp_path / f"started-{count}", tmp_path / f"gate-{count}")
        os.mkfifo(meeting.started)
        os.mkfifo(meeting.gate)
        return meeting

    return make


@pytest.fixture
def meeting(make_meeting: Callable[[], Meeting]) -> Meeting:
    """One meeting."""
    return make_meeting()


@pytest.fixture
def has_died() -> Callable[[int], bool]:
    """Tell whether a process has ended, waiting for it for half a minute at most."""

    def wait(pid: int) -> bool:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([descriptor], [], [], 30.0)[0])
        finally:
            os.close(descriptor)

    return wait
