"""What the sandbox asks of the machine, and what it does where the machine offers less."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.execution.frames import Frame, FrameError
from swqr_adapters.execution.sandbox import (
    Isolation,
    SandboxLimits,
    SandboxRunner,
    Trust,
    probe_isolation,
)
from swqr_adapters.execution.sandbox.isolation import bubblewrap
from swqr_adapters.execution.sandbox.messages import read_said
from swqr_adapters.execution.sandbox.schemas import is_simple, problem_of
from swqr_adapters.execution.sandbox.surroundings import _outermost
from swqr_core import ProgramSpec
from swqr_core.errors import AccessDeniedError
from swqr_core.ports.executor import (
    ExecutionOutcome,
    ExecutionRequest,
    ExecutionStatus,
    ProgramSource,
)
from swqr_core.testing import StubExecutor

NOTHING = Isolation(namespaces=False, system_calls=False, limits=True)
DRAFT_3 = "http://json-schema.org/draft-03/schema#"
DEVICE = {"name": "ideal_5", "num_qubits": 5}


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(autouse=True)
async def closing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Close every runner that a test has made."""
    made: list[SandboxRunner] = []
    begin = SandboxRunner.__init__

    def remember(runner: SandboxRunner, **options: Any) -> None:
        begin(runner, **options)
        made.append(runner)

    monkeypatch.setattr(SandboxRunner, "__init__", remember)
    yield
    for runner in made:
        await runner.aclose()


def source(body: str) -> ProgramSource:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = f"def main(backend, user_messenger, **kwargs):\n{lines}"
    return ProgramSource(text=text.encode(), spec=ProgramSpec(name="one"))


def request(**changes: Any) -> ExecutionRequest:
    given = {"job_id": "j", "program_id": "one", "params": b"{}", "device": DEVICE, **changes}
    return ExecutionRequest(**given)


async def run(runner: SandboxRunner, body: str, **changes: Any) -> Any:
    executor = changes.pop("executor", None) or StubExecutor()
    publish = changes.pop("publish", lambda _: None)
    return await runner.run(source(body), request(**changes), executor=executor, publish=publish)


async def test_a_machine_that_isolates_too_little_runs_nothing_unless_told_to() -> None:
    runner = SandboxRunner(offered=NOTHING)

    with pytest.raises(AccessDeniedError, match=r"bubblewrap.*libseccomp.*programs=limits"):
        await runner.check()
    outcome = await run(runner, "return 1")

    assert outcome.status is ExecutionStatus.FAILED
    assert "isolates them too little" in (outcome.reason or "")
    await SandboxRunner(offered=NOTHING, trust=Trust.LIMITS).check()


async def test_limits_alone_still_hold_a_program_and_leave_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SWQR_TEST_SECRET", "a-secret-of-the-server")
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)

    body = "import os\nopen('file', 'w').close()\nreturn [dict(os.environ), len(bytearray(2**40))]"
    outcome = await run(runner, body)
    await runner.aclose()

    assert outcome.reason == "The program ran out of memory."
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a list


@linux
async def test_what_a_program_has_started_ends_with_it() -> None:
    body = """
import os, time
child = os.fork()
if child == 0:
    time.sleep(600)
user_messenger.publish(child)
time.sleep(600)
"""
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    told: asyncio.Queue[bytes] = asyncio.Queue()
    running = asyncio.ensure_future(run(runner, body, publish=told.put_nowait, wall_limit=600.0))
    child = int(await told.get())

    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    for _ in range(500):
        if not is_alive(child):
            break
        await asyncio.sleep(0.01)
    assert not is_alive(child)


PID = "import os\nleft = os.listdir('.')\nopen('mine', 'w').close()\nreturn [os.getpid(), left]"


def waiting() -> set[int]:
    """Return the process ids of the sandboxes of this process."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"swqr_adapters.execution.sandbox.child" in words and b"%d" % os.getpid() in words:
                found.add(int(entry.name))
    return found


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it has not happened within ten seconds")


@linux
async def test_a_sandbox_that_waits_serves_the_next_program_and_no_other() -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    slow = {"properties": {"s": {"pattern": "^(a+)+$"}}}
    assert await runner.problem(slow, b'{"s": "a"}') is None
    assert waiting() == set()  # none before a program has run

    served = []
    for _ in range(3):
        before = waiting()
        pid, left = json.loads((await run(runner, PID)).result)
        assert left == []  # a folder of its own
        served.append(pid in before)
        assert not is_alive(pid)
        assert len(waiting()) == 1
    await runner.aclose()

    assert served == [False, True, True]
    assert waiting() == set()


@linux
async def test_a_sandbox_that_died_while_it_waited_is_passed_over() -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    await run(runner, "return 1")
    (pid,) = waiting()
    os.kill(pid, signal.SIGKILL)

    assert (await run(runner, "return 2")).result == b"2"


@linux
@pytest.mark.parametrize("limits", [SandboxLimits(spares=0), SandboxLimits(spare_seconds=0.1)])
async def test_none_waits_for_longer_than_it_shall(limits: SandboxLimits) -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS, limits=limits)
    await run(runner, "return 1")

    await until(lambda: waiting() == set())


@linux
async def test_one_that_waited_is_killed_with_the_job_that_it_serves() -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    await run(runner, "return 1")
    told: asyncio.Queue[bytes] = asyncio.Queue()
    body = "import os\nuser_messenger.publish(os.getpid())\nwhile True:\n    pass"
    running = asyncio.ensure_future(run(runner, body, publish=told.put_nowait, wall_limit=600.0))
    pid = int(await told.get())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert not is_alive(pid)


KILLED = """
import asyncio, os, signal
from swqr_adapters.execution.sandbox import SandboxLimits
from swqr_adapters.execution.sandbox.spares import Spares

async def main():
    spares = Spares(SandboxLimits())
    spares.fill_up(namespaces=NAMESPACES)
    print(spares.take().process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@linux
@pytest.mark.parametrize("namespaces", [False, probe_isolation().namespaces])
async def test_one_that_waits_dies_with_a_server_that_is_killed(namespaces: bool) -> None:
    program = KILLED.replace("NAMESPACES", str(namespaces))
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, check=False
    )

    await until(lambda: not is_alive(int(done.stdout)))


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{process}")  # noqa: PTH110 - two words


async def test_device_time_over_the_limit_stops_the_program() -> None:
    executor = StubExecutor()
    executor.end("j", executor_outcome(seconds=31.0))
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    body = "backend._run('sampler', b'{}')\nimport time\ntime.sleep(600)"

    outcome = await run(runner, body, executor=executor, wall_limit=30.0)

    assert (outcome.status, outcome.quantum_seconds) == (ExecutionStatus.TIMED_OUT, 31.0)


def executor_outcome(seconds: float) -> Any:
    return ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"{}", quantum_seconds=seconds)


class Overtaking:
    """Gives back the parameters, the later ones first."""

    def __init__(self) -> None:
        self.last = asyncio.Event()

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        if json.loads(request.params) == 3:
            self.last.set()
        await self.last.wait()
        for _ in range(4 - json.loads(request.params)):
            await asyncio.sleep(0)
        return ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=request.params)

    async def aclose(self) -> None:
        """Release nothing."""


async def test_runs_from_several_threads_each_get_their_own_result() -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    told: list[bytes] = []
    body = """
from concurrent.futures import ThreadPoolExecutor
def one(number):
    user_messenger.publish("x" * 100_000)
    return int(backend._run("sampler", str(number).encode()))
with ThreadPoolExecutor(4) as pool:
    return list(pool.map(one, range(4)))
"""
    outcome = await run(runner, body, executor=Overtaking(), publish=told.append)

    assert json.loads(outcome.result) == [0, 1, 2, 3]
    assert len(told) == 4


async def test_an_answer_that_is_not_read_is_not_kept_without_end() -> None:
    limits = SandboxLimits(result_bytes=2**20)
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS, limits=limits)
    executor = Large()
    body = """
import os
from swqr_adapters.execution.frames import frame_head
pipe = backend._run.__self__
for number in range(1000):
    pipe.say(b"{}", say="run", number=number, program="sampler")
import time
time.sleep(600)
"""
    outcome = await run(runner, body, executor=executor, wall_limit=60.0)

    assert "circuit runs at once" in (outcome.reason or "")
    assert len(executor.ran) < 50


async def test_a_program_gets_no_more_time_by_beginning_again() -> None:
    runner = SandboxRunner(offered=NOTHING, trust=Trust.LIMITS)
    body = "import time\nbackend._run.__self__.say(say='ready')\ntime.sleep(600)"

    outcome = await run(runner, body, wall_limit=60.0)

    assert "it says again that it begins" in (outcome.reason or "")


@pytest.mark.parametrize(
    "header",
    [
        {"say": ["run"]},
        {"say": "run", "number": 1, "program": ["sampler"]},
        {"say": "run", "number": "1", "program": "sampler"},
        {"say": "failed", "code": 5203, "reason": {"deep": []}},
        {"say": "failed", "code": 5203, "reason": "mine", "solution": 1},
        {"say": "failed", "code": "5203", "reason": "mine"},
    ],
)
def test_what_no_program_says_breaks_the_protocol(header: dict[str, object]) -> None:
    with pytest.raises(FrameError):
        read_said(Frame(header))


class Large(StubExecutor):
    """Answers with a lot."""

    async def execute(self, request: ExecutionRequest) -> Any:
        self.ran.append(request)
        return ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=bytes(2**20))


@pytest.mark.parametrize(
    ("schema", "document", "problem"),
    [
        ({"required": ["n"]}, b"{}", "$: 'n' is a required property"),
        ({"properties": {"a": {"items": {"type": "string"}}}}, b'{"a": ["x", 1]}', "$.a[1]: 1 is"),
        ({"type": "integer"}, b"1.5", "$: 1.5 is not of type 'integer'"),
        ({"minimum": 3}, b"2", "$: 2 is less than the minimum of 3"),
        ({"type": "nothing"}, None, "$.type: 'nothing' is not valid"),
        ({"$ref": "https://example.com/schema"}, b"1", "$: the schema refers to something"),
        ({"$ref": "#"}, b"1", "$: the schema refers to itself without end"),
        ({}, b"{", "$: is no JSON"),
        ({"$schema": ["no draft"]}, b"{}", "$: the schema cannot be used"),
        ({"$schema": DRAFT_3, "type": [{"minimum": 3}]}, b"2", "$: the schema cannot be used"),
        ({"type": "object"}, b'{"any": "thing"}', None),
    ],
)
def test_a_mismatch_is_told_with_its_place(
    schema: dict[str, Any], document: bytes | None, problem: str | None
) -> None:
    found = problem_of(schema, document)

    assert found is None if problem is None else (found or "").startswith(problem)


@pytest.mark.parametrize(
    ("schema", "simple"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}, True),
        ({"properties": {"s": {"pattern": "^(a+)+$"}}}, False),
        ({"items": {"$ref": "#"}}, False),
        ({"anyOf": [{}]}, False),
        ({"description": "x" * 20_000}, False),
        ({"uniqueItems": True}, False),
        ({"items": [{"pattern": "^(a+)+$"}]}, False),  # as drafts before 2020-12 have it
        ({"type": ["string", {"pattern": "^(a+)+$"}]}, False),  # draft 3
        ({"properties": [{"pattern": "^(a+)+$"}]}, False),
        ({"additionalProperties": False, "type": ["object", "null"]}, True),
    ],
)
def test_only_schemas_that_take_a_moment_are_looked_at_in_place(
    schema: dict[str, Any], simple: bool
) -> None:
    assert is_simple(schema, b"{}") is simple


def test_a_long_schema_of_many_items_is_looked_at_apart() -> None:
    once = {"required": [f"n{number}" for number in range(1000)]}
    many = b"[%s{}]" % (b"{}," * 1000)

    assert is_simple(once, many)
    assert is_simple({"items": once}, b"[{}]")
    assert not is_simple({"items": once}, many)
    assert not is_simple({"properties": {"a": {"additionalProperties": once}}}, many)


async def test_where_nothing_isolates_schemas_that_may_take_for_ever_are_refused() -> None:
    runner = SandboxRunner(offered=NOTHING)

    problem = await runner.problem({"pattern": "^(a+)+$"}, b'"a"')

    assert "only checked in a sandbox" in (problem or "")


def test_folders_that_a_program_sees_are_bound_once_and_under_both_names(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "inside").mkdir(parents=True)
    link.symlink_to(real)

    bound = _outermost([str(link), str(real / "inside"), "/usr/lib/python3"])

    assert bound == [str(link), str(real)]


@pytest.mark.skipif(not probe_isolation().namespaces, reason="needs bubblewrap")
def test_passwords_of_package_indexes_are_not_seen(tmp_path: Path) -> None:
    for name in ("pip.conf", "pyvenv.cfg"):
        (tmp_path / name).write_text(f"in {name}\n")
    command = bubblewrap(SandboxLimits(), [str(tmp_path)]) or []

    done = subprocess.run(
        [*command, "/bin/sh", "-c", f"cat {tmp_path}/*"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "in pyvenv.cfg\n"


async def test_another_system_than_linux_runs_programs_only_for_people_whom_one_trusts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = Isolation(namespaces=True, system_calls=True, limits=True)
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(AccessDeniedError, match="programs=limits"):
        await SandboxRunner(offered=everything, trust=Trust.ISOLATED).check()
    await SandboxRunner(offered=everything, trust=Trust.LIMITS).check()
