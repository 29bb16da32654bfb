"""A job run in this process ends with an outcome, whatever its program does."""

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from swqr_adapters.execution.runner import run_request
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus

Run = Callable[..., ExecutionOutcome]


@pytest.fixture
def run(programs: dict[str, str], request_for: Callable[..., ExecutionRequest]) -> Run:
    def call(program_id: str, params: bytes = b"{}", **more: object) -> ExecutionOutcome:
        return run_request(request_for(program_id, params, **more), programs=programs)

    return call


def test_a_program_gets_the_bytes_and_its_answer_is_the_outcome(run: Run) -> None:
    assert run("echo", b"[1]") == ExecutionOutcome(
        status=ExecutionStatus.COMPLETED,
        result=b"[1]",
        quantum_seconds=0.5,
        metrics={"num_circuits": 1},
    )


def test_a_refusal_gives_its_reason_code_and_solution(run: Run) -> None:
    assert run("refuse") == ExecutionOutcome(
        status=ExecutionStatus.FAILED,
        reason="pub 0 is \\x1b[31mnot ISA",
        reason_code=1517,
        reason_solution="Transpile it.",
        logs="ERROR swqr: pub 0 is \\x1b[31mnot ISA (code 1517)\n",
    )


def test_invalid_input_fails_validation_and_names_its_place(run: Run) -> None:
    outcome = run("reject")

    assert (outcome.reason_code, outcome.reason) == (
        1002,
        "The input is invalid: pubs[0].circuit: no circuit",
    )


def test_an_unplanned_error_is_internal_and_its_traceback_is_the_result(run: Run) -> None:
    outcome = run("crash")

    assert outcome.reason_code == 9999
    assert outcome.reason == "Internal error: LookupError: no \\x1b]0;title\\x07 here"
    text = outcome.result.decode()
    assert text.startswith("Traceback (most recent call last):")
    assert "in crash" in text
    assert "run_job" not in text
    assert "\x1b" not in text


def test_an_unknown_program_is_invalid_input_and_the_known_ones_are_named(run: Run) -> None:
    outcome = run("no-such")

    assert outcome.reason_code == 1002
    assert "'no-such'" in str(outcome.reason)
    assert "echo" in str(outcome.reason_solution)


def test_a_program_whose_module_is_missing_says_which(run: Run) -> None:
    outcome = run("broken")

    assert "worker_test_no_such_module" in str(outcome.reason)
    assert outcome.status is ExecutionStatus.FAILED


@pytest.mark.parametrize("program_id", ["nameless", "answer_nonsense"])
def test_a_program_that_is_none_fails_its_job(run: Run, program_id: str) -> None:
    outcome = run(program_id)

    assert (outcome.status, outcome.reason_code) == (ExecutionStatus.FAILED, 9999)


def test_running_out_of_memory_fails_the_job(run: Run) -> None:
    outcome = run("eat_memory", b"%d" % 2**62)

    assert outcome.reason == "The job ran out of memory."


def test_the_log_has_the_records_of_the_job_from_its_level_up(run: Run) -> None:
    logging.getLogger("a.library").setLevel(logging.DEBUG)
    try:
        with pytest.warns(UserWarning, match="warned"):
            outcome = run("talk", log_level="info")
    finally:
        logging.getLogger("a.library").setLevel(logging.NOTSET)

    assert outcome.logs == "INFO a.library: informed\nline of the program\n"


def test_the_log_of_a_failed_job_is_kept_and_says_why_it_failed(run: Run) -> None:
    outcome = run("crash")

    first, second, *trace = outcome.logs.splitlines()
    assert first == "WARNING a.library: soon"
    assert second == f"ERROR swqr: {outcome.reason} (code {outcome.reason_code})"
    assert trace == (outcome.result or b"").decode().splitlines()


def test_records_of_other_threads_are_not_in_the_log(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_test_programs: Any = importlib.import_module("worker_test_programs")
    echo = worker_test_programs.echo

    def elsewhere(request: ExecutionRequest) -> object:
        other = threading.Thread(target=logging.getLogger("other").warning, args=("not mine",))
        other.start()
        other.join()
        return echo(request)

    monkeypatch.setattr(worker_test_programs, "echo", elsewhere)

    assert run("echo").logs == ""
