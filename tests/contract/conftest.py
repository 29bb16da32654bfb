"""The in-memory cloud as the contract's platform."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from swqr_adapters.fleet import Fleet
from swqr_adapters.storage import MemoryEventLog, SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core.clock import VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace, Plan
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Control, Harness, Seat, SequentialIds, StubExecutor

PENDING_LIMIT = 120
SEATS = {
    Seat.OWNER: Principal(user="ada", instance=InstanceId("crn:one")),
    Seat.STRANGER: Principal(user="bob", instance=InstanceId("crn:two")),
}


class MemoryHarness(Harness):
    """A cloud of two ideal devices on virtual time, with an executor that does as it is told.

    Jobs keep their device for their quantum seconds, so the end of a job that was decided lies in
    the future if it needs the device until then.
    """

    controls: ClassVar[frozenset[Control]] = frozenset(Control)
    other_backend = "ideal_7"
    pending_limit = PENDING_LIMIT
    idle_open_seconds = 1_800

    def __init__(self, no_snapshots: Path) -> None:
        super().__init__()
        self._no_snapshots = no_snapshots

    async def start(self) -> None:
        self.clock = VirtualClock()
        self.executor = StubExecutor(manual=True)
        self.cloud = MemoryCloud(
            clock=self.clock,
            ids=SequentialIds(),
            executor=self.executor,
            runner=self.executor,
            blobs=SpillingBlobStore(),
            log=MemoryEventLog(),
            fleet=Fleet(folder=self._no_snapshots, ideal_sizes=(5, 7)),
            settings=EngineSettings(pace=Pace.REAL, default_plan=Plan(pending_jobs=PENDING_LIMIT)),
            instances=tuple(Instance(id=seat.instance) for seat in SEATS.values()),
        )

    async def stop(self) -> None:
        await self.cloud.aclose()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return self.cloud.transport(SEATS[seat])

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def started(self, job_id: str) -> None:
        await self.executor.started(job_id)

    async def finish(self, job_id: str, **outcome: Any) -> None:
        self.executor.finish(job_id, **outcome)

    async def publish(self, job_id: str, result: bytes) -> None:
        self.executor.publish(job_id, result)

    async def fail(
        self, job_id: str, *, reason: str, reason_code: int, traceback: bytes = b""
    ) -> None:
        self.executor.fail(job_id, reason=reason, reason_code=reason_code, result=traceback)

    async def set_backend_online(self, name: str, *, online: bool) -> None:
        status = BackendStatus.ONLINE if online else BackendStatus.OFFLINE
        await self.cloud.set_backend_status(name, status)


@pytest.fixture
def memory_harness(tmp_path: Path) -> Harness:
    return MemoryHarness(tmp_path)
