"""Uploaded programs that mean harm: each is contained, told with its reason, and the next runs.

All of them run on one backend of one cloud, one after the other: every test but the first is also
the proof that the one before it did no harm. Where the machine does not offer everything, the tests
of what it offers are left.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.execution.sandbox import probe_isolation
from swqr_core import JobSpec, JobState, ProgramSpec, Runtime, connect
from swqr_core.errors import InvalidInputError
from swqr_core.model.ids import BackendName

OFFERED = probe_isolation()
needs_namespaces = pytest.mark.skipif(not OFFERED.namespaces, reason="needs bubblewrap")
NAMESPACES = {
    "fills the disk", "kills its supervisor", "reads its supervisor's memory",
    "reads the system's users", "writes beside its folder",
}  # fmt: skip
# Each takes a process with Qiskit in it; variants of what others show run with the slow tests.
VARIANTS = {
    "asks for a run of nothing", "connects", "ends its process", "fills memory",
    "kills its supervisor", "locks what others read", "nests deeply", "opens files without end",
    "publishes one that is too long", "raises what cannot be told", "returns too much",
    "runs nonsense", "starts a program", "starts threads without end", "writes beside its folder",
    "writes one long file",
}  # fmt: skip
SYSTEM_CALLS = {
    "connects",
    "forks",
    "kills its supervisor",
    "locks what others read",
    "opens a socket",
    "starts a program",
}

MAIN = "def main(backend, user_messenger, **kwargs):\n"


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    os.environ["SWQR_TEST_SECRET"] = "a-secret-of-the-server"
    try:
        trust = "limits" if OFFERED.lacking else "isolated"
        with connect(f"memory://?seed=7&workers=1&programs={trust}") as made:
            yield made
    finally:
        del os.environ["SWQR_TEST_SECRET"]


def submit(
    runtime: Runtime, body: str, *, params: bytes = b"{}", source: str | None = None, **spec: Any
) -> Any:
    """Run a program whose function has this body."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    text = source if source is not None else MAIN + lines
    program = runtime.add_program(ProgramSpec(**{"name": "hostile", **spec}), text.encode())
    return runtime.submit(JobSpec(program_id=program.id, backend=BackendName("ideal_5")), params)


FAILS = {
    "forks": ("import os\nos.fork()", "raised PermissionError"),
    "starts a program": ("import subprocess\nsubprocess.run(['/bin/true'])", "PermissionError"),
    "starts threads without end": (
        (
            "import threading\n"
            "stop = threading.Event()\n"
            "while True:\n"
            "    threading.Thread(target=stop.wait, daemon=True).start()"
        ),
        "raised RuntimeError|out of memory",
    ),
    "wants all memory at once": ("return len(bytearray(2**40))", "ran out of memory"),
    "fills memory": ("kept = []\nwhile True:\n    kept.append(bytearray(2**24))", "out of memory"),
    "fills the disk": (
        (
            "number = 0\n"
            "while True:\n"
            "    number += 1\n"
            "    with open(f'file-{number}', 'wb') as file:\n"
            "        file.write(bytes(2**22))"
        ),
        r"raised OSError: \[Errno 28\]",
    ),
    "writes one long file": (
        "with open('file', 'wb') as file:\n    while True:\n        file.write(bytes(2**22))",
        r"raised OSError: \[Errno (27|28)\]",
    ),
    "writes beside its folder": (
        "open('/tmp/x', 'w')",
        r"raised (OSError|FileNotFoundError): \[Errno (30|2)\]",
    ),
    "opens a socket": ("import socket\nsocket.socket()", "raised PermissionError"),
    "connects": (
        "import socket\nsocket.create_connection(('127.0.0.1', 22))",
        "raised PermissionError",
    ),
    "opens files without end": (
        "kept = []\nwhile True:\n    kept.append(open('/dev/null'))",
        r"raised OSError: \[Errno 24\]",
    ),
    "locks what others read": (
        "import fcntl\nfcntl.flock(open('/usr/bin/env', 'rb'), fcntl.LOCK_EX)",
        "raised PermissionError",
    ),
    "reads the system's users": ("open('/etc/passwd')", "raised FileNotFoundError"),
    "reads its supervisor's memory": (
        "import os\nreturn open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
        "raised (PermissionError|FileNotFoundError|OSError)",
    ),
    "kills its supervisor": ("import os\nos.kill(os.getppid(), 9)", "raised PermissionError"),
    "prints a gigabyte": (
        "line = 'x' * 2**20\nfor _ in range(1024):\n    print(line)",
        "printed more than 16777216 bytes",
    ),
    "publishes a million messages": (
        "for number in range(10**6):\n    user_messenger.publish(number)",
        "published more than 10000 interim results",
    ),
    "publishes one that is too long": (
        "user_messenger.publish('x' * 2**21)",
        "an interim result of more than 1048576 bytes",
    ),
    "raises": ("raise ValueError('mine')", "raised ValueError: mine"),
    "raises what cannot be told": (
        "class Odd(Exception):\n    def __str__(self): return 1 / 0\nraise Odd",
        "raised Odd: .its message failed",
    ),
    "calls exit": ("import sys\nsys.exit(3)", "ended itself with exit code 3"),
    "ends its process": ("import os\nos._exit(3)", "ended by itself with exit code 3"),
    "crashes": ("import ctypes\nctypes.string_at(0)", r"killed by signal 11 \(SIGSEGV\)"),
    "returns what cannot be encoded": ("return object()", "returned a object that cannot be"),
    "returns too much": ("return 'x' * 2**27", "cannot be used: a frame of"),
    "speaks out of turn": (
        (
            "import os\n"
            "for number in range(3, 1024):\n"  # wherever its pipes are
            "    try:\n"
            "        os.write(number, b'nonsense' * 9)\n"
            "    except OSError:\n"
            "        pass\n"
            "import time\n"
            "time.sleep(60)"
        ),
        "cannot be used",
    ),
    "asks for a run of nothing": (
        "backend._run('../secret', b'{}')",
        "it asks for a run of nothing that can be run",
    ),
    "runs nonsense": ("backend._run('sampler', b'{}')", "raised RuntimeError: sampler failed"),
    "nests deeply": ("x = []\nfor _ in range(10**5):\n    x = [x]\nreturn x", "cannot be encoded"),
}


@pytest.mark.parametrize(
    "what",
    [pytest.param(what, marks=[pytest.mark.slow] * (what in VARIANTS)) for what in FAILS],
)
def test_a_program_that_is_contained(runtime: Runtime, what: str) -> None:
    if what in NAMESPACES and not OFFERED.namespaces:
        pytest.skip("needs bubblewrap")
    if what in SYSTEM_CALLS and not OFFERED.system_calls:
        pytest.skip("needs libseccomp")
    body, reason = FAILS[what]
    job = submit(runtime, body, cost=60)

    ended = job.wait(timeout=120)

    assert ended.state is JobState.FAILED
    assert ended.reason is not None
    assert re.search(reason, ended.reason), ended.reason


def test_a_program_that_raises_leaves_its_traceback(runtime: Runtime) -> None:
    job = submit(runtime, "print('said')\nraise ValueError('mine')")
    job.wait()

    text = (runtime.result(job.id) or b"").decode()

    assert 'File "<program>", line 3, in main' in text
    assert text.endswith("ValueError: mine\n")
    assert job.logs() == "said\n"


def test_a_program_that_loops_for_ever_is_stopped_at_its_cost(runtime: Runtime) -> None:
    ended = submit(runtime, "while True:\n    pass", cost=1).wait(timeout=60)

    assert ended.state is JobState.TIMED_OUT
    assert ended.reason == "Ran too long: stopped after its limit of 1 s of wall time."


@needs_namespaces
def test_a_program_sees_no_variable_and_no_file_of_the_server(
    runtime: Runtime, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-the-server")
    body = f"""
import os
found = []
for folder, _, files in os.walk('/'):
    if folder.startswith(('/proc', '/usr', '/dev')):
        continue
    found += [os.path.join(folder, file) for file in files if 'secret' in file]
visible = os.path.exists({str(secret)!r})
first = open('/proc/1/environ').read()
return {{"env": dict(os.environ), "first": first, "where": "PWD=" in first,
        "found": found, "visible": visible,
        "interfaces": os.listdir('/sys/class/net') if os.path.exists('/sys') else [],
        "processes": sum(name.isdigit() for name in os.listdir('/proc'))}}
"""
    job = submit(runtime, body)

    seen = job.result(timeout=120).decode()

    assert "a-secret-of-the-server" not in seen
    assert '"visible":false' in seen
    assert '"where":false' in seen
    assert '"interfaces":[]' in seen
    assert re.search(r'"processes":[123]\b', seen)


@needs_namespaces
def test_a_program_changes_neither_the_kernel_nor_the_process_around_it(runtime: Runtime) -> None:
    body = """
import os
refused = []
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches', '/proc/1/mem',
             '/proc/1/oom_score_adj', '/proc/self/mem'):
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        refused.append((path, error.errno))
return {'refused': len(refused), 'score': int(open('/proc/self/oom_score_adj').read())}
"""
    job = submit(runtime, body)

    assert json.loads(job.result(timeout=60)) == {"refused": 5, "score": 1000}


@pytest.mark.skipif(not OFFERED.system_calls, reason="needs libseccomp")
def test_a_program_does_not_change_who_may_use_a_device(runtime: Runtime) -> None:
    body = "import os\nos.chmod('/dev/null', os.stat('/dev/null').st_mode & 0o777)"
    ended = submit(runtime, body).wait(timeout=60)

    assert "raised PermissionError" in (ended.reason or "")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def main(:\n", "raised SyntaxError"),
        ("x = 1\n", r"it has no function main\(backend, user_messenger"),
        ("def main(backend):\n    pass\n", "raised TypeError"),
        ("raise SystemExit\n", "ended itself"),
    ],
)
def test_a_source_that_is_no_program(runtime: Runtime, source: str, reason: str) -> None:
    ended = submit(runtime, "", source=source).wait(timeout=60)

    assert ended.state is JobState.FAILED
    assert re.search(reason, ended.reason or "")


def test_a_result_that_does_not_fit_names_the_place(runtime: Runtime) -> None:
    schema = {"type": "object", "properties": {"n": {"items": {"type": "integer"}}}}
    ended = submit(runtime, "return {'n': [1, 'two']}", return_values=schema).wait(timeout=60)

    assert ended.state is JobState.FAILED
    assert (ended.reason or "").startswith("The result does not fit the program's return_values:")
    assert (ended.reason or "").endswith("$.n[1]: 'two' is not of type 'integer'")


def test_an_interim_result_that_does_not_fit_names_the_place(runtime: Runtime) -> None:
    schema = {"type": "object", "required": ["n"]}
    job = submit(runtime, "user_messenger.publish({'m': 1})", interim_results=schema)

    assert "$: 'n' is a required property" in (job.wait(timeout=60).reason or "")


def test_a_schema_that_takes_for_ever_is_given_up(runtime: Runtime) -> None:
    slow = {"properties": {"s": {"pattern": "^(a+)+$"}}}

    with pytest.raises(InvalidInputError, match="could not be checked: Ran too long"):
        submit(runtime, "return 1", params=b'{"s": "%s!"}' % (b"a" * 64), parameters=slow)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_program_that_is_cancelled_is_killed() -> None:
    trust = "limits" if OFFERED.lacking else "isolated"
    others = set(sandboxes())  # one of the other tests' cloud may wait for its next program
    with connect(f"memory://?workers=1&programs={trust}&program_spares=0") as alone:
        job = submit(alone, "user_messenger.publish('here')\nwhile True:\n    pass")
        next(job.stream())
        assert set(sandboxes()) - others

        job.cancel()

        wait_until(lambda: not set(sandboxes()) - others)
        assert job.refresh().state is JobState.CANCELLED


def sandboxes() -> list[str]:
    """Return the process ids of the sandboxes of this process."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"swqr_adapters.execution.sandbox.child" in words and str(os.getpid()).encode() in words:
            found.append(entry.name)
    return found


def wait_until(true: Any) -> None:
    """Wait for something that happens in another process."""
    waiting = threading.Event()
    for _ in range(500):
        if true():
            return
        waiting.wait(0.02)
    raise AssertionError("it has not happened within ten seconds")


def test_the_next_program_runs(runtime: Runtime) -> None:
    body = """
from qiskit import QuantumCircuit
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
circuit.measure_all()
user_messenger.publish("here")
return backend.run(circuit, shots=100).result().get_counts()
"""
    job = submit(runtime, body.replace("circuit.h(0)", "circuit.sx(0)"))

    assert set(json.loads(job.result(timeout=60))) <= {"00", "01", "10", "11"}
    assert job.interim_results() == (b'"here"',)
    assert job.wait().usage.quantum_seconds > 0
