"""The Strangeworks platform on this machine: a server of ours before the in-memory cloud."""

import asyncio
from typing import Final

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import AiohttpEngine, Request, RetryPolicy
from swqr_adapters.server import Server
from swqr_adapters.transports.strangeworks import StrangeworksSettings, make_transport
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Seat
from swqr_core.testing.model import Rules
from swqr_core.wrappers import Call, FaultPlan

from .ibm import IbmHarness, PlainIbmHarness
from .wire import Wire

__all__ = ["PlainStrangeworksHarness", "StrangeworksHarness", "call_of"]

_AT_ONCE: Final = RetryPolicy(first_delay=0.0)

# Which call of the port an operation is; all else is a query.
_CALLS: Final = {
    "create_runtime_job": "submit",
    "create_session": "open_session",
    "runtime_cancel": "cancel_job",
    "close_session": "drain_session",
    "session_details": "session",
}


def call_of(request: Request) -> Call:
    """Return which call of the port a request is, with its key if it has one."""
    operation = request.url.rpartition("/")[2]
    key = request.headers.get(IDEMPOTENCY_KEY)
    name = _CALLS.get(operation) if "/resource/" in request.url else None
    return Call(method=name or operation, arguments={} if key is None else {"key": key})


class StrangeworksHarness(IbmHarness):
    """The harness of the in-memory cloud, reached with the transport ``strangeworks``."""

    async def _client(
        self,
        server: Server,
        seat: Seat,
        *,
        clock: Clock | None = None,
        faults: FaultPlan | None = None,
        in_turn: asyncio.Lock | None = None,
    ) -> RuntimeTransport:
        clock = clock or self.clock
        settings = {
            "product": "ibm-qiskit-runtime",
            "url": server.url,
            "api_key_env": "KEY",
            **self._pace(),
        }
        return await make_transport(
            StrangeworksSettings.parse(settings),
            environment={"KEY": f"key-of-{seat.value}"},
            clock=clock,
            pause_clock=None if self.time_passes else SystemClock(),
            engine=Wire(
                AiohttpEngine(name="strangeworks"),
                clock,
                name=call_of,
                faults=faults,
                in_turn=in_turn,
            ),
            retry=None if self.time_passes else _AT_ONCE,
            extended=self.extended,
        )


class PlainStrangeworksHarness(StrangeworksHarness):
    """The same, with the server taken for the platform itself: it is told nothing more."""

    extended = False
    rules = Rules(untold=PlainIbmHarness.rules.untold | {"time_limit"})
