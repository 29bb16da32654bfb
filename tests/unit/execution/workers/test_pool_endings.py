"""Killing, dying, cancelling, limits: one job at a time, and nobody else's."""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.execution.frames import frame_head
from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.execution.supervisor import WorkerSettings
from swqr_core.errors import ClosedError, ConfigurationError
from swqr_core.ports.executor import ExecutionRequest, ExecutionStatus

MakePool = Callable[..., WorkerPool]
Request = Callable[..., ExecutionRequest]
HasDied = Callable[[int], bool]


async def test_a_worker_killed_among_four_jobs_fails_its_own_job_alone(
    make_pool: MakePool, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    pool = make_pool(workers=4)
    meetings = [make_meeting() for _ in range(4)]
    jobs = [asyncio.ensure_future(pool.execute(request_for("meet", m.params))) for m in meetings]
    pids = [await m.begun() for m in meetings]
    os.kill(pids[1], signal.SIGKILL)
    killed = await jobs[1]
    for m in (meetings[0], *meetings[2:]):
        await m.release()

    assert killed.status is ExecutionStatus.FAILED
    assert "killed by signal 9 (SIGKILL)" in str(killed.reason)
    assert killed.reason_code == 5203
    assert "memory" in str(killed.reason_solution)
    others = [await jobs[0], await jobs[2], await jobs[3]]
    assert [int(outcome.result) for outcome in others] == [pids[0], *pids[2:]]


async def test_a_dead_worker_is_noticed_where_the_system_has_no_process_descriptors(
    make_pool: MakePool, request_for: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    pool = make_pool(workers=1)
    outcome = await pool.execute(request_for("leave", b"3"))
    await pool.execute(request_for("echo"))
    await pool.aclose()

    assert outcome.reason == "The worker that ran the job ended with exit code 3."


ENDLESS = {"status": "completed", "quantum_seconds": 10**400, "metrics": {}}


@pytest.mark.parametrize(
    "params", [b"junk" * 10, b"\0\0\0\2" + bytes(8) + b"{}", frame_head(ENDLESS)]
)
async def test_a_program_that_meddles_with_the_pipes_fails_itself(
    make_pool: MakePool, request_for: Request, params: bytes
) -> None:
    pool = make_pool(workers=1)
    outcome = await pool.execute(request_for("meddle", params))

    assert outcome.status is ExecutionStatus.FAILED
    assert "cannot be used" in str(outcome.reason)
    assert (await pool.execute(request_for("echo", b"1"))).result == b"1"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGTERM"])
async def test_a_crash_names_its_signal(
    make_pool: MakePool, request_for: Request, name: str
) -> None:
    outcome = await make_pool().execute(request_for("kill_itself", name.encode()))

    assert f"({name})" in str(outcome.reason)


@pytest.mark.parametrize("code", [0, 3])
async def test_a_worker_that_leaves_fails_its_job_and_its_last_words_are_kept(
    make_pool: MakePool, request_for: Request, code: int
) -> None:
    outcome = await make_pool().execute(request_for("leave", b"%d" % code))

    assert outcome.reason == f"The worker that ran the job ended with exit code {code}."
    assert outcome.logs == "last words\n"


async def test_after_a_death_the_next_job_runs(make_pool: MakePool, request_for: Request) -> None:
    pool = make_pool(workers=1, spare=False)
    await pool.execute(request_for("leave", b"1"))

    assert (await pool.execute(request_for("echo", b"1"))).result == b"1"


async def test_a_job_is_never_run_again_by_itself(
    make_pool: MakePool, request_for: Request, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    pool = make_pool(workers=1)
    job = asyncio.ensure_future(
        pool.execute(request_for("hang", b'{"started": "%s"}' % os.fsencode(fifo)))
    )
    os.kill(int(await asyncio.to_thread(fifo.read_text)), signal.SIGKILL)

    assert (await job).status is ExecutionStatus.FAILED
    assert (await pool.execute(request_for("echo", b"free"))).result == b"free"


async def test_cancelling_kills_the_worker_with_all_that_it_started(
    make_pool: MakePool, request_for: Request, meeting: Any, has_died: HasDied
) -> None:
    pool = make_pool(workers=1)
    job = asyncio.ensure_future(pool.execute(request_for("hang_with_child", meeting.params)))
    grandchild = await meeting.begun()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert await asyncio.to_thread(has_died, grandchild)


async def test_a_spare_that_started_meanwhile_takes_the_place_of_a_killed_worker(
    make_pool: MakePool,
    request_for: Request,
    meeting: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("swqr_adapters.execution.pool._SPARE_AFTER", 0.0)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    pool = make_pool(WorkerSettings(python=str(python), warm=()), workers=1)
    job = asyncio.ensure_future(pool.execute(request_for("hang", meeting.params)))
    await meeting.begun()
    while not pool.idle:  # noqa: ASYNC110  # the pool tells nobody
        await asyncio.sleep(0)
    python.write_text("#!/bin/sh\nexit 1\n")  # from here on no worker starts
    job.cancel()

    assert (await pool.execute(request_for("echo", b"1"))).result == b"1"


async def test_cancelling_one_job_harms_no_other(
    make_pool: MakePool, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    pool = make_pool(workers=2)
    doomed, other = make_meeting(), make_meeting()
    job = asyncio.ensure_future(pool.execute(request_for("hang", doomed.params)))
    neighbour = asyncio.ensure_future(pool.execute(request_for("meet", other.params)))
    queued = asyncio.ensure_future(pool.execute(request_for("echo", b"queued")))
    await doomed.begun()
    pid = await other.begun()
    job.cancel()

    assert (await queued).result == b"queued"  # the place of the cancelled job was free for it
    await other.release()
    assert int((await neighbour).result) == pid


async def test_a_job_cancelled_in_the_queue_never_runs(
    make_pool: MakePool, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    pool = make_pool(workers=1)
    first, second = make_meeting(), make_meeting()
    running = asyncio.ensure_future(pool.execute(request_for("meet", first.params)))
    await first.begun()
    waiting = asyncio.ensure_future(pool.execute(request_for("hang", second.params)))
    await asyncio.sleep(0)
    waiting.cancel()
    await first.release()
    await running

    assert (await pool.execute(request_for("echo", b"free"))).result == b"free"
    assert waiting.cancelled()


async def test_a_job_over_its_wall_limit_is_stopped_and_keeps_its_log(
    make_pool: MakePool, request_for: Request, meeting: Any, has_died: HasDied
) -> None:
    pool = make_pool(workers=1)
    await pool.start()
    request = request_for("hang", meeting.params, wall_limit=1.0)
    job = asyncio.ensure_future(pool.execute(request))
    pid = await meeting.begun()
    outcome = await job

    assert outcome.status is ExecutionStatus.TIMED_OUT
    assert outcome.reason == "Ran too long: stopped after its limit of 1 s of wall time."
    assert outcome.reason_code == 1305
    assert outcome.logs == "hanging\n"
    assert await asyncio.to_thread(has_died, pid)


async def test_the_pools_wall_limit_holds_for_jobs_without_one(
    make_pool: MakePool, request_for: Request, meeting: Any
) -> None:
    pool = make_pool(wall_limit=0.05)
    outcome = await pool.execute(request_for("hang", meeting.params))

    assert outcome.status is ExecutionStatus.TIMED_OUT


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
async def test_a_job_over_the_memory_limit_fails_and_the_next_one_runs(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(workers=1, memory_limit=200 * 2**20)
    greedy = await pool.execute(request_for("eat_memory", b"%d" % 2**30))
    modest = await pool.execute(request_for("eat_memory", b"%d" % 2**20))

    assert greedy.reason == "The job ran out of memory."
    assert modest.result == b"%d" % 2**20


async def test_a_result_over_the_limit_fails_its_job(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(WorkerSettings(warm=(), result_limit=1000))
    outcome = await pool.execute(request_for("echo", b"x" * 1001))

    assert outcome.status is ExecutionStatus.FAILED
    assert "over the limit" in str(outcome.reason)
    assert (await pool.execute(request_for("echo", b"x" * 1000))).result == b"x" * 1000


# --- starting ------------------------------------------------------------------------------------


async def test_an_interpreter_that_is_not_there_fails_the_job_with_its_name(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(WorkerSettings(python="/no/such/python"))
    outcome = await pool.execute(request_for("echo"))

    assert outcome.status is ExecutionStatus.FAILED
    assert "/no/such/python" in str(outcome.reason)


async def test_a_worker_that_cannot_start_fails_all_waiting_jobs_with_its_last_line(
    make_pool: MakePool, request_for: Request, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho starting\necho ImportError: broken >&2\nexit 7\n")
    python.chmod(0o755)
    pool = make_pool(WorkerSettings(python=str(python)))
    outcomes = await asyncio.gather(*(pool.execute(request_for("echo")) for _ in range(5)))

    assert {outcome.reason for outcome in outcomes} == {
        "No worker could be started: it ended with exit code 7: ImportError: broken"
    }
    assert outcomes[0].result == b"starting\nImportError: broken\n"


async def test_a_worker_that_is_never_ready_is_given_up(
    make_pool: MakePool, request_for: Request, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 3600\n")
    python.chmod(0o755)
    pool = make_pool(WorkerSettings(python=str(python), start_limit=0.2))
    outcome = await pool.execute(request_for("echo"))

    assert outcome.reason == "No worker could be started: it was not ready after 0.2 s"


async def test_an_interpreter_that_is_mended_is_used_again(
    make_pool: MakePool, request_for: Request, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    python.chmod(0o755)
    pool = make_pool(WorkerSettings(python=str(python), warm=()))
    failed = await pool.execute(request_for("echo", b"1"))
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    mended = await pool.execute(request_for("echo", b"2"))

    assert (failed.status, mended.result) == (ExecutionStatus.FAILED, b"2")


async def test_starting_ahead_tells_what_is_broken(make_pool: MakePool) -> None:
    pool = make_pool(WorkerSettings(python="/no/such/python"))
    with pytest.raises(ConfigurationError, match="/no/such/python"):
        await pool.start()


async def test_a_missing_module_to_warm_up_with_stops_no_worker(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool(WorkerSettings(warm=("no_such_module_to_warm",)))

    assert (await pool.execute(request_for("echo", b"1"))).result == b"1"


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# --- closing -------------------------------------------------------------------------------------


async def test_closing_ends_running_and_waiting_jobs_and_all_processes(
    make_pool: MakePool, request_for: Request, make_meeting: Callable[[], Any]
) -> None:
    descriptors = open_descriptors()
    pool = make_pool(workers=2)
    meetings = [make_meeting(), make_meeting()]
    jobs = [asyncio.ensure_future(pool.execute(request_for("hang", m.params))) for m in meetings]
    pids = [await m.begun() for m in meetings]
    jobs.append(asyncio.ensure_future(pool.execute(request_for("echo"))))
    await asyncio.sleep(0)
    await pool.aclose()
    ends = await asyncio.gather(*jobs, return_exceptions=True)

    assert [type(end) for end in ends] == [ClosedError] * 3
    for pid in pids:  # reaped: not even a zombie is left
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert open_descriptors() == descriptors


async def test_closing_twice_is_fine_and_a_closed_pool_takes_no_job(
    make_pool: MakePool, request_for: Request
) -> None:
    pool = make_pool()
    await pool.execute(request_for("echo"))
    await asyncio.gather(pool.aclose(), pool.aclose())
    await pool.aclose()

    with pytest.raises(ClosedError):
        await pool.execute(request_for("echo"))


async def test_closing_while_a_worker_starts_ends_it(make_pool: MakePool) -> None:
    pool = make_pool()
    start = asyncio.ensure_future(pool.start())
    await asyncio.sleep(0)
    await pool.aclose()

    with pytest.raises(ClosedError):
        await start


def test_a_pool_whose_loop_is_over_can_still_be_closed(
    programs: dict[str, str], request_for: Request
) -> None:
    pool = WorkerPool(workers=1, programs=programs, settings=WorkerSettings(warm=()))
    outcome = asyncio.run(pool.execute(request_for("echo", b"1")))
    asyncio.run(pool.aclose())

    assert outcome.result == b"1"


# The collector takes the process's own object first, or not.
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_pool_that_is_dropped_warns_and_leaves_no_process(
    programs: dict[str, str], request_for: Request
) -> None:
    pool = WorkerPool(workers=1, programs=programs, settings=WorkerSettings(warm=()))
    pid = json.loads(asyncio.run(pool.execute(request_for("tell"))).result)["pid"]
    with pytest.warns(ResourceWarning, match="unclosed <WorkerPool"):  # noqa: PT031  # one act
        del pool
        gc.collect()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_pool_is_used_on_one_loop(programs: dict[str, str], request_for: Request) -> None:
    pool = WorkerPool(workers=1, programs=programs, settings=WorkerSettings(warm=()))
    asyncio.run(pool.execute(request_for("echo")))
    with pytest.raises(RuntimeError, match="one event loop"):
        asyncio.run(pool.execute(request_for("echo")))
    asyncio.run(pool.aclose())
