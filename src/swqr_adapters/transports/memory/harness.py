"""The in-memory cloud as a platform for the conformance kit.

Only the kit and tests import this module; see ``swqr_core.testing``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import evolve

from swqr_adapters.fleet import Fleet
from swqr_adapters.storage import MemoryEventLog, SpillingBlobStore
from swqr_core.clock import VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace, Plan
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.executors import StubExecutor
from swqr_core.testing.harness import Control, Harness, Seat
from swqr_core.testing.ids import SequentialIds

from .cloud import MemoryCloud

__all__ = ["MemoryHarness"]

_NO_SNAPSHOTS: Final = Path(__file__).parent / "no-snapshots"


class MemoryHarness(Harness):
    """A cloud of two ideal devices on virtual time, with an executor that does as it is told.

    Jobs keep their device for their quantum seconds, so the end of a job that was decided lies in
    the future if it needs the device until then.

    Args:
        settings: What the cloud is like; jobs keep their devices, whatever its pace.

    Attributes:
        seats: Whom transports are made for.
        clock: The cloud's time.
        executor: What ends its jobs, from ``start`` on.
        cloud: The cloud, from ``start`` on.
    """

    controls: ClassVar[frozenset[Control]] = frozenset(Control) - {Control.CONNECTION}
    seats: ClassVar[Mapping[Seat, Principal]] = {
        Seat.OWNER: Principal(user="ada", instance=InstanceId("crn:one")),
        Seat.STRANGER: Principal(user="bob", instance=InstanceId("crn:two")),
    }
    other_backend = "ideal_7"
    pending_limit: int | None = 120
    idle_open_seconds: int | None = 1_800
    clock: VirtualClock

    def __init__(self, settings: EngineSettings | None = None) -> None:
        super().__init__()
        chosen = settings or EngineSettings(default_plan=Plan(pending_jobs=120))
        self.pending_limit = chosen.default_plan.pending_jobs
        self.idle_open_seconds = chosen.idle_open_seconds
        self._settings = evolve(chosen, pace=Pace.REAL)
        self.clock = VirtualClock()

    async def start(self) -> None:
        """Make the cloud."""
        self.executor = StubExecutor(manual=True)
        self.cloud = MemoryCloud(
            clock=self.clock,
            ids=SequentialIds(),
            executor=self.executor,
            runner=self.executor,
            blobs=SpillingBlobStore(),
            log=MemoryEventLog(),
            fleet=Fleet(folder=_NO_SNAPSHOTS, ideal_sizes=(5, 7)),
            settings=self._settings,
            instances=tuple(
                Instance(id=principal.instance, name=seat.value)
                for seat, principal in self.seats.items()
            ),
        )

    async def stop(self) -> None:
        """Close the cloud."""
        await self.cloud.aclose()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        """Return a new view of the cloud."""
        return self.cloud.transport(self.seats[seat])

    async def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self.clock.advance(seconds)

    async def started(self, job_id: str) -> None:
        """Return once the executor has the job."""
        await self.executor.started(job_id)

    async def finish(self, job_id: str, **outcome: Any) -> None:
        """Let the executor complete the job."""
        self.executor.finish(job_id, **outcome)

    async def publish(self, job_id: str, result: bytes) -> None:
        """Let the program of the job publish something."""
        self.executor.publish(job_id, result)

    async def fail(
        self, job_id: str, *, reason: str, reason_code: int, traceback: bytes = b""
    ) -> None:
        """Let the executor fail the job."""
        self.executor.fail(job_id, reason=reason, reason_code=reason_code, result=traceback)

    async def set_backend_online(self, name: str, *, online: bool) -> None:
        """Take a device out of service, or bring it back."""
        status = BackendStatus.ONLINE if online else BackendStatus.OFFLINE
        await self.cloud.set_backend_status(name, status)
