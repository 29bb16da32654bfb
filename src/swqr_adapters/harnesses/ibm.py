"""IBM's interface on this machine: a server of ours with the in-memory cloud behind it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import AiohttpEngine, Request, RetryPolicy
from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.transports.ibm import IbmSettings, make_transport
from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Control, Seat
from swqr_core.testing.model import Rules
from swqr_core.wrappers import Call, FaultPlan

from .wire import Wire

__all__ = ["IbmHarness", "PlainIbmHarness", "call_of"]

_CRN: Final = "crn:v1:bluemix:public:quantum-computing:us-east:a/acct:{}::"
_AT_ONCE: Final = RetryPolicy(first_delay=0.0)

# Which call of the port a request is; all others are queries under their path.
_CALLS: Final = (
    ("POST", re.compile(r"/jobs"), "submit"),
    ("POST", re.compile(r"/sessions"), "open_session"),
    ("POST", re.compile(r"/jobs/[^/]+/cancel"), "cancel_job"),
    ("DELETE", re.compile(r"/jobs/[^/]+"), "delete_job"),
    ("PUT", re.compile(r"/jobs/[^/]+/tags"), "set_tags"),
    ("PATCH", re.compile(r"/sessions/[^/]+"), "drain_session"),
    ("DELETE", re.compile(r"/sessions/[^/]+/close"), "cancel_session"),
    ("GET", re.compile(r"/jobs/[^/]+"), "job"),
    ("GET", re.compile(r"/jobs/[^/]+/results"), "result"),
    ("GET", re.compile(r"/jobs"), "jobs"),
    ("GET", re.compile(r"/sessions/[^/]+"), "session"),
    ("GET", re.compile(r"/workloads"), "sessions"),
    ("GET", re.compile(r"/backends"), "backends"),
    ("GET", re.compile(r"/instances/usage"), "usage"),
)


def call_of(request: Request) -> Call:
    """Return which call of the port a request of IBM's interface is, with its key if it has one."""
    path = request.url.partition("?")[0].partition("/api/v1")[2]
    key = request.headers.get(IDEMPOTENCY_KEY)
    for method, pattern, name in _CALLS:
        if request.method == method and pattern.fullmatch(path):
            return Call(method=name, arguments={} if key is None else {"key": key})
    return Call(method=f"{request.method} {path or request.url}")


class IbmHarness(MemoryHarness):
    """The harness of the in-memory cloud, reached with the transport ``ibm`` over real sockets.

    Time limits, tokens and timeouts are on virtual time, which stands still while a request is on
    its way. Where nobody lets time pass, the pauses between two looks at a waiting job are real
    ones of a few milliseconds, and requests are repeated without a pause.

    Attributes:
        server: What clients talk to, from ``start`` on.
        extended: Whether the server is known as one of ours.
    """

    controls: ClassVar[frozenset[Control]] = frozenset(Control)
    seats: ClassVar[Mapping[Seat, Principal]] = {
        Seat.OWNER: Principal(user="ada", instance=InstanceId(_CRN.format("one"))),
        Seat.STRANGER: Principal(user="bob", instance=InstanceId(_CRN.format("two"))),
    }
    extended: ClassVar[bool] = True

    async def start(self) -> None:
        """Make the cloud, and a server before it."""
        await super().start()
        self._in_turn = asyncio.Lock() if self.time_passes else None
        self.server = self._serve(self.cloud.transport().capabilities, self._bind)
        await self.server.start()

    async def stop(self) -> None:
        """Stop the server and close the cloud."""
        await self.server.aclose()
        await super().stop()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        """Return a new client of the server."""
        return await self._client(self.server, seat, faults=self.faults, in_turn=self._in_turn)

    async def _bind(self, principal: Principal) -> RuntimeTransport:
        return self.overseen(self.cloud.transport(principal))

    def _serve(
        self,
        capabilities: Capabilities,
        bind: Callable[[Principal], Awaitable[RuntimeTransport]],
    ) -> Server:
        """Make a server whose keys open these transports."""
        keys = {
            f"key-of-{seat.value}": Account(
                user=principal.user,
                instances=(Instance(id=principal.instance, name=seat.value),),
            )
            for seat, principal in self.seats.items()
        }
        ring = KeyRing(bind, capabilities=capabilities, keys=keys)
        return Server(Service(ring, ServerSettings(), clock=self.clock), port=0)

    async def _client(
        self,
        server: Server,
        seat: Seat,
        *,
        clock: Clock | None = None,
        faults: FaultPlan | None = None,
        in_turn: asyncio.Lock | None = None,
    ) -> RuntimeTransport:
        """Return a new client of a server.

        Args:
            server: Which one.
            seat: For whom.
            clock: Its time, if it is not to use the cloud's clock itself.
            faults: What goes wrong on its wire.
            in_turn: See ``Wire``.
        """
        clock = clock or self.clock
        settings = {
            "instance": self.seats[seat].instance,
            "url": f"{server.url}/api/v1",
            "token_env": "KEY",
            **self._pace(),
        }
        return await make_transport(
            IbmSettings.parse(settings),
            environment={"KEY": f"key-of-{seat.value}"},
            clock=clock,
            pause_clock=None if self.time_passes else SystemClock(),
            engine=Wire(
                AiohttpEngine(name="ibm"), clock, name=call_of, faults=faults, in_turn=in_turn
            ),
            retry=None if self.time_passes else _AT_ONCE,
            extended=self.extended,
        )

    def _pace(self) -> dict[str, str]:
        """Return how often to look: where time passes by itself there is no hurry."""
        return {
            "poll_floor": "1" if self.time_passes else "0.005",
            "poll_longest": "60" if self.time_passes else "0.1",
            "settle": "30" if self.time_passes else "0",
        }


class PlainIbmHarness(IbmHarness):
    """The same, with the server taken for IBM's own: nothing beyond IBM's documents is told."""

    extended = False
    rules = Rules(untold=frozenset({"state", "steps"}))  # which active state is not in them
