"""What runs in a server's process: ``python -m benchmarks._served bare|stub ...``."""

import asyncio
import json
import signal
import sys

from aiohttp import web

from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.transports.memory.settings import CloudSettings, make_cloud
from swqr_core.model.principal import Principal
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.ports.transport import RuntimeTransport

KEY = "benchmarks"
BACKLOG = 1024
# As long as the status of an ended job.
DOCUMENT = {
    "id": "d4k1c0b8q1ls73f2m9tg",
    "backend": "ibm_brisbane",
    "state": {"status": "Completed"},
    "status": "Completed",
    "created": "2026-11-21T03:00:00.000000Z",
    "program": {"id": "sampler"},
    "cost": 10_000,
    "tags": [],
    "private": False,
    "usage": {"seconds": 0.0},
}


async def until_stopped() -> None:
    """Wait for SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


async def bare() -> None:
    """Answer every request with one document."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(DOCUMENT)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await until_stopped()
    await runner.cleanup()


class Instant:
    """An executor that runs nothing, and keeps nothing of what it was asked."""

    def __init__(self, result: bytes) -> None:
        self._outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=result)

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:  # noqa: ARG002 - the port
        """Say that it is done."""
        return self._outcome

    async def aclose(self) -> None:
        """Nothing is open."""


async def stub(job_seconds: float, result: bytes) -> None:
    """Serve a cloud that runs nothing."""
    settings = CloudSettings.parse({"noise": "off", "job_seconds": str(job_seconds)})
    cloud = make_cloud(settings, executor=Instant(result))

    async def bind(principal: Principal) -> RuntimeTransport:
        return cloud.transport(principal)

    ring = KeyRing(
        bind,
        capabilities=cloud.transport().capabilities,
        keys={KEY: Account(instances=cloud.instances)},
        close=cloud.aclose,
    )
    server = Server(Service(ring, ServerSettings()), port=0)
    url = await server.start()
    print(json.dumps({"url": url, "crn": cloud.instances[0].id, "token": KEY}), flush=True)
    await until_stopped()
    await server.aclose()


def main(kind: str, *rest: str) -> None:
    """Serve."""
    if kind == "bare":
        asyncio.run(bare())
    else:
        job_seconds, result = rest
        asyncio.run(stub(float(job_seconds), result.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
