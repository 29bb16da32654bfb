"""Over REST, with our server and the in-memory cloud behind it, every promise is kept too."""

from pathlib import Path

import pytest

from swqr_adapters.clock import SystemClock
from swqr_adapters.fleet import Fleet
from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.storage import MemoryEventLog, SpillingBlobStore
from swqr_adapters.transports.ibm import IbmSettings, make_transport
from swqr_adapters.transports.memory import MemoryCloud
from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core.clock import VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace, Plan
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Seat, SequentialIds, StubExecutor, TransportContract

USERS = {Seat.OWNER: "ada", Seat.STRANGER: "bob"}


def crn(seat: Seat) -> InstanceId:
    return InstanceId(f"crn:v1:bluemix:public:quantum-computing:us-east:a/acct:{seat.value}::")


class LoopbackHarness(MemoryHarness):
    """The harness of the in-memory cloud, reached through a server on this machine.

    Time limits, tokens and timeouts are on virtual time. The pauses between two looks at a
    waiting job are real ones: nobody lets time pass while the kit waits.
    """

    extended = True

    def __init__(self, no_snapshots: Path) -> None:
        super().__init__()
        self._no_snapshots = no_snapshots

    async def start(self) -> None:
        self.clock = VirtualClock()
        self.executor = StubExecutor(manual=True)
        instances = {seat: Instance(id=crn(seat), name=seat.value) for seat in Seat}
        self.cloud = MemoryCloud(
            clock=self.clock,
            ids=SequentialIds(),
            executor=self.executor,
            runner=self.executor,
            blobs=SpillingBlobStore(),
            log=MemoryEventLog(),
            fleet=Fleet(folder=self._no_snapshots, ideal_sizes=(5, 7)),
            settings=EngineSettings(
                pace=Pace.REAL, default_plan=Plan(pending_jobs=self.pending_limit)
            ),
            instances=tuple(instances.values()),
        )

        async def bind(principal: Principal) -> RuntimeTransport:
            return self.cloud.transport(principal)

        keys = {
            f"key-of-{seat.value}": Account(user=USERS[seat], instances=(instances[seat],))
            for seat in Seat
        }
        ring = KeyRing(
            bind,
            capabilities=self.cloud.transport().capabilities,
            keys=keys,
            close=self.cloud.aclose,
        )
        service = Service(ring, ServerSettings(), clock=self.clock)
        self.server = Server(service, port=0)
        await self.server.start()

    async def stop(self) -> None:
        await self.server.aclose()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        settings = IbmSettings.parse(
            {
                "instance": crn(seat),
                "url": f"{self.server.url}/api/v1",
                "token_env": "KEY",
                "poll_floor": "0.005",
                "poll_longest": "0.1",
            }
        )
        return await make_transport(
            settings,
            environment={"KEY": f"key-of-{seat.value}"},
            clock=self.clock,
            pause_clock=SystemClock(),
            extended=self.extended,
        )


class TestIbm(TransportContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> LoopbackHarness:
        return LoopbackHarness(tmp_path)


class PlainHarness(LoopbackHarness):
    """The same, with the server taken for IBM's own: nothing beyond IBM's documents is told."""

    extended = False


class TestPlainIbm(TransportContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> PlainHarness:
        return PlainHarness(tmp_path)
