"""A server that is there to be killed: the in-memory cloud with a store, and jobs that only wait.

    python -m reliability._victim STORE

It prints its address when it is ready.
"""

import asyncio
import hashlib
import json
import sys
from typing import Final

from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.transports.memory import CloudSettings, MemoryCloud, open_cloud
from swqr_core.model.principal import Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["BACKENDS", "KEY", "answer_to", "listen"]

KEY: Final = "the-key"
BACKENDS: Final = tuple(f"ideal_{size}" for size in range(1, 7))
_LONGEST: Final = 0.03  # seconds that a job takes
_RECORDS: Final = 40  # after which the log is compacted, so that many are killed in that
_LARGE: Final = 100_000  # bytes of a result that is too large for the database


def answer_to(params: bytes) -> bytes:
    """Return the result of a job with these parameters; that of one in twenty is large."""
    digest = hashlib.sha256(params).hexdigest()
    padding = "x" * (_LARGE if digest[0] == "0" else 0)
    return json.dumps({"of": digest, "padding": padding}).encode()


class Waiter:
    """An executor whose jobs take up to 30 ms, which depends on their parameters."""

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        """Wait, and answer."""
        share = hashlib.sha256(request.params).digest()[1] / 255
        await asyncio.sleep(_LONGEST * share)
        return ExecutionOutcome(
            status=ExecutionStatus.COMPLETED,
            result=answer_to(request.params),
            quantum_seconds=share,
            logs="waited",
        )

    async def aclose(self) -> None:
        """Nothing is open."""


async def listen(
    cloud: MemoryCloud, settings: ServerSettings, *, clock: Clock | None = None
) -> str:
    """Serve a cloud to whoever has the key, and return the address."""

    async def bind(principal: Principal) -> RuntimeTransport:
        return cloud.transport(principal)

    ring = KeyRing(
        bind,
        capabilities=cloud.transport().capabilities,
        keys={KEY: Account(user="ada", instances=cloud.instances)},
        close=cloud.aclose,
    )
    service = Service(ring, settings, clock=clock)
    return await Server(service, host="127.0.0.1", port=0).start()


async def main(store: str) -> None:
    """Serve until killed."""
    cloud = await open_cloud(
        CloudSettings(store=store, ideal=(5,), interactive_ttl=1, seed=7),
        executor=Waiter(),
        compact_every=_RECORDS,
    )
    print(await listen(cloud, ServerSettings()), cloud.instances[0].id, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
