"""``swqr backends``, ``jobs``, ``sessions``, ``results``: what is on the platform."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from swqr_core import JobSpec, connect
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.session import SessionState
from swqr_core.runtime.blocking import Runtime

from .conftest import Shown, World

Swqr = Callable[..., Shown]


def test_backends_are_listed_by_the_length_of_their_queues(swqr: Swqr, world: World) -> None:
    shown = swqr("backends", "-p", world.url, "--json", "--min-qubits", "100", "--online")

    assert {one["num_qubits"] >= 100 for one in shown.json} == {True}
    assert shown.json[0].keys() >= {"name", "num_qubits", "status", "queue_length"}


def test_a_job_is_listed_with_its_state_and_its_usage(swqr: Swqr, world: World) -> None:
    shown = swqr("jobs", "-p", world.url)

    heads, line = shown.out.splitlines()[:2]
    assert heads.split() == [
        "JOB", "PROGRAM", "BACKEND", "STATE", "PLACE", "ELAPSED", "USAGE", "SESSION",
    ]  # fmt: skip
    assert line.split()[:4] == [world.job, "sampler", "ideal_3", "completed"]
    assert line.split()[-1] == world.session
    assert (shown.code, shown.err) == (0, "")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), True),
        (("--state", "completed", "--state", "failed"), True),
        (("--tag", "mine"), True),
        (("--backend", "ideal_3", "--program", "sampler", "--since", "1h"), True),
        (("--since", "2020-01-01"), True),
        (("--pending",), False),
        (("--state", "queued"), False),
        (("--tag", "yours"), False),
        (("--backend", "ibm_fez"), False),
        (("--since", "2999-01-01"), False),
        (("--session", "no-such"), False),
    ],
)
def test_jobs_are_chosen(swqr: Swqr, world: World, options: tuple[str, ...], found: bool) -> None:
    shown = swqr("jobs", "-p", world.url, "--json", *options)

    assert [job["id"] for job in shown.json] == [world.job] * found


def test_a_job_is_shown_whole(swqr: Swqr, world: World) -> None:
    shown = swqr("jobs", "show", world.job, "-p", world.url)
    document = swqr("jobs", "-p", world.url, "show", world.job, "--json").json

    assert {line.split()[0] for line in shown.out.splitlines() if line.strip()} >= {
        "job", "program", "backend", "session", "state", "accepted", "started", "ended", "usage",
    }  # fmt: skip
    assert (document["id"], document["spec"]["tags"]) == (world.job, ["mine"])
    assert document["created_at"].endswith("Z")


@pytest.mark.parametrize(
    "args",
    [
        ("jobs", "--watch", "--json"),
        ("jobs", "--journal", "--pending"),
        ("jobs", "--journal", "--watch"),
        ("sessions", "--watch", "--json"),
        ("sessions", "--orphans", "--open"),
        ("jobs", "--journal", "--limit", "5"),
        ("sessions", "--orphans", "--limit", "5"),
    ],
)
def test_options_that_do_not_go_together_are_refused(swqr: Swqr, args: tuple[str, ...]) -> None:
    shown = swqr(*args, "-p", "memory://")

    assert (shown.code, shown.out) == (2, "")
    assert "out" in shown.err.splitlines()[-1]


def test_a_watch_ends_when_everything_has(swqr: Swqr, world: World) -> None:
    jobs = swqr("jobs", "-p", world.url, "--watch", "--every", "0.05")
    sessions = swqr("sessions", "-p", world.url, "--watch", "--every", "0.05")

    assert world.job in jobs.out
    assert world.session in sessions.out
    assert jobs.out.endswith("\n")


def test_a_session_is_shown_with_its_life_and_its_jobs(swqr: Swqr, world: World) -> None:
    listed = swqr("sessions", "-p", world.url, "--mode", "dedicated", "--state", "closed")
    shown = swqr("sessions", "show", world.session, "-p", world.url)
    document = swqr("sessions", "show", world.session, "-p", world.url, "--json").json

    assert world.session in listed.out
    assert world.job in shown.out
    assert "closed" in shown.out
    assert [job["id"] for job in document["jobs"]] == [world.job]


def test_sessions_are_closed_and_cancelled_by_their_ids(swqr: Swqr, world: World) -> None:
    with connect(world.url) as runtime:
        first, second = (runtime.open_session("ideal_3") for _ in range(2))
        before = swqr("sessions", "-p", world.url, "--open", "--json").json
        drained = swqr("sessions", "close", first.id, "-p", world.url)
        cancelled = swqr("sessions", "cancel", second.id, "-p", world.url)
        after = swqr("sessions", "-p", world.url, "--open", "--json").json

    assert {one["id"] for one in before} == {first.id, second.id}
    assert (drained.out, cancelled.out) == (f"closed {first.id}\n", f"cancelled {second.id}\n")
    assert after == []


def test_what_cannot_be_closed_keeps_no_other_from_it(swqr: Swqr, world: World) -> None:
    with connect(world.url) as runtime:
        session = runtime.open_session("ideal_3")
        shown = swqr("sessions", "cancel", "no-such", session.id, "-p", world.url)
        state = runtime.session(session.id).state

    assert (shown.code, shown.out) == (4, f"cancelled {session.id}\n")
    assert "'no-such'" in shown.err
    assert state is SessionState.CLOSED


def test_neither_a_log_nor_an_error_steers_the_terminal(
    swqr: Swqr, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InvalidInputError("job", "\x1b[2Jgone")

    monkeypatch.setattr(Runtime, "logs", lambda *_: "\x1b[2Jgone\nline")
    monkeypatch.setattr(Runtime, "job", refuse)

    logs = swqr("jobs", "show", world.job, "--logs", "-p", world.url)
    failed = swqr("jobs", "show", world.job, "-p", world.url)

    assert logs.out == "\\x1b[2Jgone\nline\n"
    assert "\x1b" not in failed.err


def test_a_job_that_has_ended_cannot_be_cancelled(swqr: Swqr, world: World) -> None:
    shown = swqr("jobs", "cancel", world.job, "-p", world.url)

    assert shown.code == 7
    assert "already ended" in shown.err


def test_counts_are_bars(swqr: Swqr, world: World) -> None:
    shown = swqr("results", world.job, "-p", world.url)

    lines = shown.out.splitlines()
    assert lines[0] == "circuit 0, c"
    assert [line.split()[0] for line in lines[1:]] == ["BITS", "00", "11"]
    assert sum(int(line.split()[1]) for line in lines[2:]) == 100
    assert "█" in lines[2]


def test_a_result_is_saved_as_it_is(swqr: Swqr, world: World, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    saved = swqr("results", world.job, "-p", world.url, "-o", str(file))
    printed = swqr("results", world.job, "-p", world.url, "--json")

    assert saved.out == ""
    assert json.loads(file.read_bytes()) == printed.json
    assert file.read_text() == printed.out.rstrip("\n")


def test_expectation_values_come_with_their_errors(swqr: Swqr, world: World) -> None:
    circuit = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nx q[0];\n'
    params = {"pubs": [[circuit, "IIZ", None, 0.1]], "version": 2}
    with connect(world.url) as runtime:
        spec = JobSpec(program_id="estimator", backend="ideal_3")  # type: ignore[arg-type]
        job = runtime.submit(spec, json.dumps(params).encode())
        shown = swqr("results", job.id, "-p", world.url, "--timeout", "120")
        job.delete()

    heads, values = shown.out.splitlines()[1:3]
    assert heads.split() == ["VALUE", "STANDARD", "ERROR"]
    assert values.split()[0] == "-1.0000"


def test_a_sessions_life_is_saved_as_a_picture(swqr: Swqr, world: World, tmp_path: Path) -> None:
    file = tmp_path / "life.svg"

    shown = swqr("sessions", "show", world.session, "-p", world.url, "--timeline", str(file))

    assert (shown.code, shown.out) == (0, f"saved {file}\n")
    assert ET.fromstring(file.read_text("utf-8")).tag.endswith("svg")
    assert world.job in file.read_text("utf-8")


def test_a_picture_can_go_to_another_program(swqr: Swqr, world: World) -> None:
    shown = swqr("sessions", "show", world.session, "-p", world.url, "--timeline", "-")

    assert shown.out.startswith("<svg ")


def test_a_picture_that_cannot_be_saved_is_one_sentence(swqr: Swqr, world: World) -> None:
    shown = swqr("sessions", "show", world.session, "-p", world.url, "--timeline", "/no/such/x.svg")

    assert shown.code != 0
    assert "/no/such/x.svg" in shown.err
    assert "Traceback" not in shown.err
