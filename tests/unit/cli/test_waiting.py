"""Waiting while the server is killed and started again."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swqr_core import AsyncRuntime, JobSpec, JobState
from swqr_core.errors import UnreachableError, WaitTimeoutError
from swqr_core.model.ids import BackendName, ProgramId

from .conftest import BELL

SLOW = "memory://?execution=threads&ideal=3&pace=real&job_seconds=3"
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_3"))
PARAMS = json.dumps({"pubs": [[BELL, None, 20]], "version": 2}).encode()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, store: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--transport", SLOW, "--store", str(store)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


async def test_a_wait_outlives_a_server_that_is_killed_and_started_again(
    port: int, tmp_path: Path
) -> None:
    with serving(port, tmp_path / "store") as server:
        runtime = await AsyncRuntime.connect(f"http://127.0.0.1:{port}")
        job = await runtime.submit(SPEC, PARAMS)
        waiting = asyncio.create_task(job.wait(timeout=120))
        while (await job.refresh()).state is not JobState.RUNNING:
            pass
        server.send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.wait, 60)
    # Tokens of the first server mean nothing to the second one.
    with serving(port, tmp_path / "store"):
        ended = await waiting
        result = json.loads(await job.result(timeout=60))
        await runtime.aclose()

    assert ended.state is JobState.COMPLETED
    assert len(result["results"][0]["data"]["c"]["samples"]) == 20


async def test_a_wait_on_a_server_that_is_gone_ends_in_time_and_a_cancelled_one_at_once(
    port: int, tmp_path: Path
) -> None:
    with serving(port, tmp_path / "store"):
        runtime = await AsyncRuntime.connect(f"http://127.0.0.1:{port}")
        job = await runtime.submit(SPEC, PARAMS)
    loop = asyncio.get_running_loop()
    before = loop.time()
    with pytest.raises((UnreachableError, WaitTimeoutError)):
        await job.wait(timeout=1.5)
    took = loop.time() - before
    forever = asyncio.create_task(job.wait())
    await asyncio.sleep(0)
    before = loop.time()
    forever.cancel()
    with pytest.raises(asyncio.CancelledError):
        await forever
    cancelled = loop.time() - before
    await runtime.aclose()

    assert took < 10
    assert cancelled < 1
