"""After a crash: every job is found with its result, and every session that was left open."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from swqr_adapters.storage.journal import _line
from swqr_core import connect

from .conftest import BELL, Shown, World

Swqr = Callable[..., Shown]
PARAMS = json.dumps({"pubs": [[BELL, None, 20]], "version": 2})
HEAD = f"""
import os, signal, sys
from swqr_core import JobSpec, connect

PARAMS = {PARAMS!r}.encode()
SPEC = JobSpec(program_id="sampler", backend="ideal_3")
runtime = connect(sys.argv[1])

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""
CRASHES = (
    HEAD
    + """
session = runtime.open_session("ideal_3")
job = session.submit("sampler", PARAMS)
print(session.id, job.id, flush=True)
die()
"""
)
CRASHES_UNANSWERED = (
    HEAD
    + """
transport = runtime.transport
submit = transport.submit

async def submit_and_die(*args, **kwargs):
    job = await submit(*args, **kwargs)
    print(job.id, flush=True)
    die()

transport.submit = submit_and_die
runtime.submit(SPEC, PARAMS)
"""
)
ENDS = (
    HEAD
    + """
session = runtime.open_session("ideal_3")
print(session.id, runtime.submit(SPEC, PARAMS).id)
"""
)
ENDS_OFFICIALLY = """
import sys
from swqr_adapters.facade import QiskitRuntimeService, Session

service = QiskitRuntimeService(transport=sys.argv[1])
print(Session(backend=service.backend("ideal_3")).session_id)
"""
ENDS_ASYNC = """
import asyncio, sys
from swqr_core import AsyncRuntime

async def main():
    async with await AsyncRuntime.connect(sys.argv[1]) as runtime:
        session = await runtime.open_session("ideal_3")
        print(session.id)

asyncio.run(main())
"""
LETS_GO = (
    HEAD
    + """
session = runtime.open_session("ideal_3")
session.detach()
print(session.id)
"""
)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWQR_JOURNAL", str(tmp_path / "journal"))
    return tmp_path / "journal"


def client(program: str, world: World) -> list[str]:
    """Run a client in a process of its own, and return the ids that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, world.url],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
        timeout=120,
    )
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_a_job_of_a_program_that_crashed_is_found_with_its_result(
    journal: Path, world: World, swqr: Swqr
) -> None:
    session, job = client(CRASHES, world)
    with connect(world.url) as runtime:
        found = runtime.recover()
        (again,) = found.jobs
        result = json.loads(again.result(timeout=120))
    listed = swqr("jobs", "--journal", "--json").json

    assert [one.id for one in found.jobs] == [job]
    assert len(result["results"][0]["data"]["c"]["samples"]) == 20
    assert [one["id"] for one in listed] == [job]
    swqr("sessions", "cancel", session, "-p", world.url)


def test_a_listing_of_another_platform_says_that_there_is_more(
    journal: Path, world: World, swqr: Swqr
) -> None:
    session, _ = client(CRASHES, world)
    here, elsewhere = swqr("jobs", "-p", world.url), swqr("jobs", "-p", "memory://")
    swqr("sessions", "cancel", session, "-p", world.url)

    assert "swqr jobs --journal" not in here.err
    assert "1 job of earlier programs" in elsewhere.err


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("{}", id="ours"),
        pytest.param("ibm://?url={}&token_env=MY_KEY", id="ibm"),
        pytest.param("strangeworks://?url={}&api_key_env=MY_KEY", id="strangeworks"),
    ],
)
def test_one_whose_answer_the_crash_swallowed_is_found_by_its_key(
    journal: Path, world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("MY_KEY", "any-key")
    there = evolve(world, url=way.format(world.url))
    (job,) = client(CRASHES_UNANSWERED, there)
    with connect(there.url) as runtime:
        found = runtime.recover()

    assert ([one.id for one in found.jobs], found.unknown) == ([job], ())


def test_a_session_that_a_crash_left_open_is_found_and_closed(
    journal: Path, world: World, swqr: Swqr
) -> None:
    session, _ = client(CRASHES, world)
    before = swqr("sessions", "--orphans", "--json").json
    closed = swqr("sessions", "close", session, "-p", world.url)
    swqr("sessions", "cancel", session, "-p", world.url)
    after = swqr("sessions", "--orphans", "--json").json

    assert [one["id"] for one in before] == [session]
    assert closed.code == 0
    assert after == []


def test_what_two_addresses_of_one_server_lead_to_is_listed_once(
    journal: Path, world: World, swqr: Swqr
) -> None:
    there = evolve(world, url=world.url.replace("127.0.0.1", "localhost"))
    (one, first), (other, second) = client(CRASHES, world), client(CRASHES, there)
    jobs = swqr("jobs", "--journal", "--json").json
    sessions = swqr("sessions", "--orphans", "--json").json
    swqr("sessions", "cancel", one, "-p", world.url)
    swqr("sessions", "cancel", other, "-p", world.url)

    assert [job["id"] for job in jobs] == [first, second]
    assert [session["id"] for session in sessions] == [one, other]


@pytest.mark.parametrize("program", [ENDS, ENDS_OFFICIALLY, ENDS_ASYNC])
def test_a_program_that_ends_leaves_no_session_open(
    journal: Path, world: World, swqr: Swqr, program: str
) -> None:
    session = client(program, world)[0]

    assert not swqr("sessions", "show", session, "-p", world.url, "--json").json["accepting_jobs"]
    assert swqr("sessions", "--orphans", "--json").json == []


def test_a_session_that_it_let_go_stays_and_is_no_orphan(
    journal: Path, world: World, swqr: Swqr
) -> None:
    (session,) = client(LETS_GO, world)
    shown = swqr("sessions", "show", session, "-p", world.url, "--json").json

    assert shown["accepting_jobs"]
    assert swqr("sessions", "--orphans", "--json").json == []
    swqr("sessions", "cancel", session, "-p", world.url)


def test_the_journal_holds_neither_parameters_nor_keys(
    journal: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "canary-1234")
    with connect(f"{world.url}?token_env=MY_KEY") as runtime:
        session = runtime.open_session("ideal_3")
        session.submit("sampler", PARAMS.encode()).wait(timeout=120)
        session.cancel()
    (file,) = journal.iterdir()

    text = file.read_text()
    assert "canary" not in text
    assert "OPENQASM" not in text
    assert "token_env=MY_KEY" in text


def test_a_transport_that_is_gone_is_told_and_the_others_are_looked_at(
    journal: Path, world: World, swqr: Swqr
) -> None:
    _, job = client(CRASHES, world)
    session = swqr("sessions", "--orphans", "--json").json[0]["id"]
    (file,) = journal.iterdir()
    moved = file.read_bytes().splitlines(keepends=True)
    head = json.loads(moved[0].partition(b" ")[2]) | {"choice": "http://127.0.0.1:1"}
    (journal / "0.jsonl").write_bytes(b"".join([_line(head), *moved[1:]]))
    shown = swqr("jobs", "--journal", "--json")

    assert [one["id"] for one in shown.json] == [job]
    assert "http://127.0.0.1:1" in shown.err
    swqr("sessions", "cancel", session, "-p", world.url)
