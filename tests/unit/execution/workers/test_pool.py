"""What a job sees of a pool of workers."""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.execution.supervisor import WorkerSettings
from swqr_core.errors import ConfigurationError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus

MakePool = Callable[..., WorkerPool]
Request = Callable[..., ExecutionRequest]


async def test_bytes_go_in_and_bytes_come_out(make_pool: MakePool, request_for: Request) -> None:
    params = b'{"\xff not even": text}'

    assert await make_pool().execute(request_for("echo", params)) == ExecutionOutcome(
        status=ExecutionStatus.COMPLETED,
        result=params,
        quantum_seconds=0.5,
        metrics={"num_circuits": 1},
    )


async def test_an_empty_payload_is_a_payload(make_pool: MakePool, request_for: Request) -> None:
    outcome = await make_pool().execute(request_for("echo", b""))

    assert outcome.result == b""


async def test_fifty_megabytes_pass_both_ways_while_the_loop_goes_on(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool()
    await pool.start()
    params = os.urandom(10**6) * 50
    job = asyncio.ensure_future(pool.execute(request_for("echo", params)))
    turns = 0
    while not job.done():
        turns += 1
        await asyncio.sleep(0)

    assert (await job).result == params
    assert turns > 2 * len(params) // 2**18  # it had a turn between any two chunks


async def test_a_program_is_told_everything_and_nothing_of_the_caller(
    make_pool: MakePool, request_for: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    device = {"name": "fake", "num_qubits": 5, "snapshot": None}
    request = request_for("tell", device=device, seed=2**63 - 1, log_level="debug")
    outcome = await make_pool(workers=1, threads_per_worker=3).execute(request)
    facts = json.loads(outcome.result)

    assert facts["pid"] != os.getpid()
    assert (facts["job_id"], facts["program_id"]) == ("job-1", "tell")
    assert (facts["device"], facts["seed"]) == (device, 2**63 - 1)
    assert facts["log_level"] == "debug"
    assert facts["main"] == "swqr_adapters.execution.worker"
    assert facts["stdin"] == ""
    assert "QISKIT_IBM_TOKEN" not in facts["env"]
    assert facts["env"]["OMP_NUM_THREADS"] == "3"


async def test_what_a_program_says_is_its_jobs_log_and_harms_nothing(
    make_pool: MakePool, request_for: Request
) -> None:
    outcome = await make_pool().execute(request_for("talk", log_level="info"))

    assert outcome.status is ExecutionStatus.COMPLETED
    assert outcome.logs.splitlines() == [
        "printed",
        "to standard error",
        "by descriptor",
        "by a child",
        "INFO a.library: informed",
        "WARNING py.warnings: UserWarning: warned",
        "line of the program",
        "by the C library",  # which keeps its lines until the end
    ]


async def test_each_job_hears_its_own_warnings_and_no_others_words(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(workers=1)
    first = await pool.execute(request_for("talk"))
    second = await pool.execute(request_for("talk"))
    third = await pool.execute(request_for("echo"))

    assert first.logs == second.logs
    assert third.logs == ""


async def test_a_log_without_end_is_cut_in_its_middle(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(WorkerSettings(warm=(), log_limit=1000))
    outcome = await pool.execute(request_for("chatter", b"20000000"))

    assert outcome.logs.startswith("first line\n")
    assert outcome.logs.endswith("last line\n")
    assert "bytes left out" in outcome.logs
    assert len(outcome.logs) < 1100


async def test_jobs_run_side_by_side_one_in_each_worker(
    make_pool: MakePool, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    pool = make_pool(workers=3)
    meetings = [make_meeting() for _ in range(3)]
    jobs = [asyncio.ensure_future(pool.execute(request_for("meet", m.params))) for m in meetings]
    pids = {await m.begun() for m in meetings}  # all three run at once
    for m in meetings:
        await m.release()

    assert {int((await job).result) for job in jobs} == pids
    assert len(pids) == 3


async def test_jobs_are_taken_in_their_order(make_pool: MakePool, request_for: Request) -> None:
    pool = make_pool(workers=1)
    ended: list[int] = []

    async def job(number: int) -> None:
        await pool.execute(request_for("echo"))
        ended.append(number)

    await asyncio.gather(*map(job, range(50)))

    assert ended == list(range(50))


async def test_a_thousand_jobs_at_once_all_end(make_pool: MakePool, request_for: Request) -> None:
    pool = make_pool()
    jobs = [pool.execute(request_for("echo", b"%d" % number)) for number in range(1000)]

    assert [int(outcome.result) for outcome in await asyncio.gather(*jobs)] == list(range(1000))


async def test_workers_started_ahead_wait_for_jobs(make_pool: MakePool) -> None:
    pool = make_pool(workers=2)
    await pool.start(5)

    assert pool.idle == 2


async def test_a_worker_serves_many_jobs(make_pool: MakePool, request_for: Request) -> None:
    pool = make_pool(workers=2)
    pids = {json.loads((await pool.execute(request_for("tell"))).result)["pid"] for _ in range(5)}

    assert len(pids) == 1


async def test_the_order_of_sets_is_the_same_in_every_worker(
    make_pool: MakePool, request_for: Request
) -> None:
    hashes = {
        json.loads((await make_pool().execute(request_for("tell"))).result)["hash"]
        for _ in range(2)
    }

    assert len(hashes) == 1


@pytest.mark.parametrize("program_id", ["refuse", "reject", "crash", "answer_nonsense", "broken"])
async def test_a_job_fails_in_a_worker_as_it_does_here(
    make_pool: MakePool, request_for: Request, programs: dict[str, str], program_id: str
) -> None:
    from swqr_adapters.execution.runner import run_request

    here = run_request(request_for(program_id), programs=programs)
    there = await make_pool().execute(request_for(program_id))

    assert (there.status, there.reason, there.reason_code, there.reason_solution) == (
        here.status,
        here.reason,
        here.reason_code,
        here.reason_solution,
    )
    assert there.logs == here.logs


async def test_a_failed_job_leaves_its_worker_to_the_next(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(workers=1)
    await pool.execute(request_for("crash"))

    assert (await pool.execute(request_for("echo", b"1"))).result == b"1"


@pytest.mark.parametrize(
    "options",
    [{"workers": 0}, {"threads_per_worker": 0}, {"memory_limit": -1}, {"wall_limit": float("nan")}],
)
def test_a_setting_without_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        WorkerPool(**options)  # type: ignore[arg-type]


def test_a_pool_that_is_only_made_starts_nothing() -> None:
    pool = WorkerPool(workers=2)

    assert repr(pool) == "<WorkerPool of 2, 0 busy, 0 queued>"


async def test_a_device_that_is_no_json_is_the_callers_error(
    make_pool: MakePool, request_for: Request
) -> None:
    with pytest.raises(TypeError, match="no plain JSON value"):
        await make_pool().execute(request_for("echo", device={"target": object()}))
