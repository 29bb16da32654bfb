"""A server and a client that are put to sleep, in processes of their own.

    python -m reliability._sleeper serve
    python -m reliability._sleeper wait TRANSPORT URL BACKEND JOB_SECONDS TIMEOUT

The server prints its address. The client submits a job, says so, waits, and prints what came of it.
Both set their time of day eight hours on at SIGUSR1 and eight hours back at SIGUSR2; the clock of
timeouts goes on as if nothing had happened, as it does on Linux over the sleep of a machine.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import Any, Final

from swqr_adapters.clock import SystemClock
from swqr_adapters.server import ServerSettings
from swqr_adapters.transports import ibm, strangeworks
from swqr_adapters.transports.memory import CloudSettings, open_cloud
from swqr_core import AsyncRuntime, JobSpec
from swqr_core.errors import SwqrError
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.ports.transport import RuntimeTransport

from ._time import ImpatientEngine
from ._victim import KEY, listen

__all__ = ["TRANSPORTS", "result_of"]

TRANSPORTS: Final = ("ibm", "ibm-plain", "strangeworks", "strangeworks-plain")
_NIGHT: Final = timedelta(hours=8)  # longer than any token lives
_IDLE: Final = 1.0  # seconds after which the server closes a connection that nobody uses
_SPEED: Final = 60.0  # a minute's deadline for an answer is a second


class LeapingClock(SystemClock):
    """The computer's clock, whose time of day is set by signals."""

    def __init__(self) -> None:
        self._set_by = timedelta()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._leap, _NIGHT)
        loop.add_signal_handler(signal.SIGUSR2, self._leap, -_NIGHT)

    def _leap(self, by: timedelta) -> None:
        self._set_by += by

    def now(self) -> datetime:
        """Return the time of day."""
        return super().now() + self._set_by


def result_of(params: bytes) -> dict[str, str]:
    """Return the result of a job with these parameters."""
    return {"of": hashlib.sha256(params).hexdigest()}


class Sleeper:
    """An executor whose jobs take as long as their parameters say."""

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Wait, and answer."""
        await asyncio.sleep(json.loads(request.params)["seconds"])
        return ExecutionOutcome(
            status=ExecutionStatus.COMPLETED,
            result=json.dumps(result_of(request.params)).encode(),
            quantum_seconds=1.0,
            logs="slept",
        )

    async def aclose(self) -> None:
        """Nothing is open."""


async def serve() -> None:
    """Serve until killed."""
    clock = LeapingClock()
    cloud = await open_cloud(CloudSettings(ideal=(4, 5)), executor=Sleeper(), clock=clock)
    print(await listen(cloud, ServerSettings(idle_timeout=_IDLE), clock=clock), flush=True)
    await asyncio.Event().wait()


async def _connected(name: str, url: str, clock: LeapingClock) -> RuntimeTransport:
    platform, _, plain = name.partition("-")
    how: dict[str, Any] = {
        "environment": {"THE_KEY": KEY},
        "clock": clock,
        "engine": ImpatientEngine(_SPEED, 10),
        "extended": not plain,
    }
    if platform == "ibm":
        told = {"url": f"{url}/api/v1", "token_env": "THE_KEY", "poll_longest": "1"}
        return await ibm.make_transport(ibm.IbmSettings.parse(told), **how)
    told = {"url": url, "api_key_env": "THE_KEY", "poll_longest": "1"}
    parsed = strangeworks.StrangeworksSettings.parse(told)
    return await strangeworks.make_transport(parsed, **how)


async def wait(name: str, url: str, backend: str, seconds: float, timeout: float) -> None:
    """Submit a job, wait for it, and print what came of it."""
    clock = LeapingClock()
    runtime = AsyncRuntime(await _connected(name, url, clock), clock=clock)
    params = json.dumps({"seconds": seconds, "of": os.getpid()}).encode()
    job = await runtime.submit(
        JobSpec(program_id=ProgramId("sampler"), backend=BackendName(backend)), params
    )
    print("waiting", flush=True)
    began = clock.monotonic()
    try:
        told: dict[str, Any] = {"state": (await job.wait(timeout=timeout)).state.value}
        told["result"] = json.loads(await job.result())
    except SwqrError as error:
        told = {"error": type(error).__name__}
    told |= {"expected": result_of(params), "took": clock.monotonic() - began}
    print(json.dumps(told), flush=True)
    await runtime.aclose()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        name, url, backend, seconds, timeout = sys.argv[2:]
        asyncio.run(wait(name, url, backend, float(seconds), float(timeout)))
