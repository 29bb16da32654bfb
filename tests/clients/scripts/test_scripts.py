"""Whole programs on the in-memory cloud, each in a fresh process."""

import os
import subprocess
import sys
from pathlib import Path

import swqr_adapters  # noqa: F401 - the programs below need it: these are no tests of the core

# No `if __name__ == "__main__"` guard anywhere: a program is imported by nobody but its user.
BELL = """
import json
from swqr_core import JobSpec, connect

print("begin")
BELL = '''
OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
h $0;
cx $0, $1;
c[0] = measure $0;
c[1] = measure $1;
'''
PARAMS = json.dumps({"pubs": [[BELL, None, 20]]}).encode()
"""

ONE_JOB = (
    BELL
    + """
with connect("memory://?seed=7&workers=1") as runtime:
    job = runtime.submit(JobSpec(program_id="sampler", backend="ideal_2"), PARAMS)
    print(json.loads(job.result(timeout=100))["results"][0]["data"]["c"]["num_bits"])
"""
)

FOUR_JOBS = (
    BELL
    + """
ENDLESS = '''
OPENQASM 3.0;
include "stdgates.inc";
bit[1] c;
c[0] = measure $0;
while (c[0] == false) { c[0] = measure $0; }
'''

with connect("memory://?seed=7&workers=4") as runtime:
    submit = lambda backend, circuit: runtime.submit(
        JobSpec(program_id="sampler", backend=backend),
        json.dumps({"pubs": [[circuit, None, 20]]}).encode(),
    )
    good = [submit(f"ideal_{n}", BELL) for n in (2, 3, 4)]
    for job in good:
        job.result(timeout=100)
    # Now that workers are warm: one job that would run for ever among four, cancelled.
    bad = submit("ideal_5", ENDLESS)
    good = [submit(f"ideal_{n}", BELL) for n in (2, 3, 4)]
    while bad.refresh().state.value == "queued":
        pass
    bad.cancel()
    print(bad.wait(timeout=100).state.value, [job.wait(timeout=100).state.value for job in good])
"""
)


def run(arguments: list[str], program: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**os.environ, "PYTHONWARNINGS": "error::ResourceWarning"},
    )


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ONE_JOB, encoding="utf-8")
    done = run([str(script)])

    assert (done.stdout, done.stderr, done.returncode) == ("begin\n2\n", "", 0)


def test_code_from_standard_input_runs() -> None:
    done = run(["-"], ONE_JOB)

    assert (done.stdout, done.stderr, done.returncode) == ("begin\n2\n", "", 0)


def test_a_program_that_forgets_to_close_ends_without_a_word() -> None:
    forgetful = ONE_JOB.replace("with connect(", "runtime = connect(").replace(") as runtime:", ")")
    forgetful = forgetful.replace("\n    job", "\njob").replace("\n    print", "\nprint")
    done = run(["-"], forgetful)

    assert (done.stdout, done.stderr, done.returncode) == ("begin\n2\n", "", 0)


def test_a_program_that_raises_ends_at_once_with_its_own_error() -> None:
    done = run(["-"], ONE_JOB + "\nconnect('memory://?seed=7').jobs()\nraise KeyError('mine')\n")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "KeyError: 'mine'"


def test_one_endless_job_among_four_is_cancelled_and_harms_no_other() -> None:
    done = run(["-"], FOUR_JOBS)

    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "cancelled ['completed', 'completed', 'completed']"
