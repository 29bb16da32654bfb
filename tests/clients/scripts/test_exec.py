"""``swqr exec``: programs for other platforms, unedited, on any transport."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import swqr_adapters  # noqa: F401 - the commands below need it: these are no tests of the core

GUIDES = Path(__file__).parent / "guides"
CLOUD = "memory://?seed=1&noise=off&workers=1"
COMMAND = [sys.executable, "-m", "swqr_adapters.cli", "exec"]


def swqr_exec(
    *args: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=240,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0", "--transport", CLOUD],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("program", "prints"),
    [
        ("variational_loop", "steps 3"),
        ("strangeworks_program", "shots 100"),
        pytest.param("batch_of_sweeps", "jobs 2 points 10", marks=pytest.mark.slow),
        pytest.param("dynamic_circuit", "shots 400", marks=pytest.mark.slow),
        pytest.param("error_mitigation", "observables 3", marks=pytest.mark.slow),
        pytest.param("transpile_for_target", "shots 500", marks=pytest.mark.slow),
    ],
)
def test_a_program_of_a_guide_runs_as_it_is(program: str, prints: str) -> None:
    done = swqr_exec("--profile", CLOUD, GUIDES / f"{program}.py")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(prints)


@pytest.mark.slow
def test_a_job_is_retrieved_in_a_second_process(server: str, tmp_path: Path) -> None:
    first = swqr_exec("-p", server, GUIDES / "submit_and_leave.py", tmp_path / "id")
    second = swqr_exec("-p", server, GUIDES / "retrieve_later.py", tmp_path / "id")

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert second.stdout == "retrieved 50\n"


def test_the_profile_may_come_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "swqr.toml").write_text(
        "[profiles.default]\ntransport = 'memory'\nnoise = false\nworkers = 1\n"
    )
    done = swqr_exec(GUIDES / "strangeworks_program.py", cwd=tmp_path)

    assert done.returncode == 0, done.stderr


PLAYS_AGAIN = """
import sys
from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

backend = QiskitRuntimeService().backend("ideal_2")
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
job = SamplerV2(mode=backend).run([transpile(bell, backend, seed_transpiler=1)], shots=100)
print(sorted(job.result()[0].data.meas.get_counts().items()), sys.argv[1:])
"""


def test_what_was_recorded_runs_again_offline(tmp_path: Path) -> None:
    program, tape = tmp_path / "bell.py", tmp_path / "run.json"
    program.write_text(PLAYS_AGAIN)
    recorded = swqr_exec("-p", CLOUD, "--record", tape, program, "--record", "x")
    played = swqr_exec("--replay", tape, program, "--record", "x")

    assert recorded.returncode == played.returncode == 0, recorded.stderr + played.stderr
    assert recorded.stdout == played.stdout
    assert recorded.stdout.endswith("['--record', 'x']\n")


def test_two_transports_are_compared(tmp_path: Path) -> None:
    program = tmp_path / "bell.py"
    program.write_text(PLAYS_AGAIN)
    done = swqr_exec(
        "--compare", f"{CLOUD},memory://?seed=2&noise=off&workers=1", "--json", program
    )

    (found,) = json.loads(done.stdout)
    assert (found["what"], found["measure"]) == ("meas", "total variation")
    assert 0 <= found["distance"] < 0.3


def test_a_module_runs_with_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from qiskit_ibm_runtime import QiskitRuntimeService\n"
        "def test_it():\n"
        "    assert QiskitRuntimeService().backend('ideal_2').num_qubits == 2\n"
    )
    options = ("-p", "no:cacheprovider", "-q", "test_it.py")
    done = swqr_exec("-p", CLOUD, "-m", "pytest", *options, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


CHILD = """
from qiskit_ibm_runtime import QiskitRuntimeService
print(f"home {QiskitRuntimeService.__mro__[1].__module__}\\n", end="", flush=True)
"""
STARTS_OTHERS = """
import multiprocessing, runpy, subprocess, sys

def work(_):
    runpy.run_path("child.py")

if __name__ == "__main__":
    subprocess.run([sys.executable, "child.py"], check=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(work, [None])
"""


def test_python_processes_that_it_starts_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "program.py").write_text(STARTS_OTHERS)
    own = tmp_path / "own"
    own.mkdir()
    # Several processes start at once, so a line is one write.
    (own / "sitecustomize.py").write_text(
        "import os; os.write(1, b'mine %s\\n' % __name__.encode())"
    )
    done = swqr_exec("-p", CLOUD, "program.py", cwd=tmp_path, PYTHONPATH=str(own))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("home swqr_adapters.facade.service") == 2
    assert lines.count("mine sitecustomize") >= 3


def test_a_process_without_swqr_does_not_reach_the_real_service(tmp_path: Path) -> None:
    (tmp_path / "qiskit_ibm_runtime.py").write_text("print('real')")
    (tmp_path / "program.py").write_text(
        "import subprocess, sys\n"
        "child = 'import sys; sys.modules[\"swqr_adapters\"] = None; import qiskit_ibm_runtime'\n"
        "sys.exit(subprocess.run([sys.executable, '-c', child]).returncode)\n"
    )
    done = swqr_exec("-p", CLOUD, "program.py", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "has no swqr to keep qiskit_ibm_runtime from the real service" in done.stderr


def test_processes_record_beside_one_another(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "from swqr_core import connect\nconnect().close()\nimport os; print(os.getpid())\n"
    )
    (tmp_path / "program.py").write_text(
        "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'], check=True)\n"
        "import child\n"
    )
    done = swqr_exec("-p", CLOUD, "--record", "run.json", "program.py", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    pid = done.stdout.split()[0]
    assert {one.name for one in tmp_path.glob("*.json")} == {"run.json", f"run-{pid}.json"}


def test_an_error_of_the_program_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text("import sys\nif len(sys.argv) > 1:\n    sys.exit(7)\n1 / 0\n")
    raised = swqr_exec(program)
    ended = swqr_exec(program, "x")

    assert (raised.returncode, ended.returncode) == (1, 7)
    lines = raised.stderr.splitlines()
    assert lines[1].startswith(f'  File "{program}", line 4')
    assert lines[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "name a program"),
        (("no-such-file.py",), "there is no file"),
        (("-p", "nowhere", __file__), "no profile 'nowhere'"),
        (("-p", "x", "--compare", "a,b", __file__), "give one of"),
        (("--compare", "a", __file__), "two profiles"),
    ],
)
def test_a_wrong_call_is_told(args: tuple[str, ...], says: str) -> None:
    done = swqr_exec(*args)

    assert done.returncode in {2, 3}
    assert says in done.stderr
    assert "Traceback" not in done.stderr
